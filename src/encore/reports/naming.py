"""How metrics and models are named, ordered and printed for people."""

import math
from collections.abc import Mapping
from typing import TypeGuard

from encore.evaluation.names import ENCORE

Value = Mapping[str, float]  # mean and, where an interval is known, low and high
Board = Mapping[str, Mapping[str, Value]]  # model -> metric -> value

SHIPPED = ENCORE

LABELS = {
    "ndcg": "NDCG",
    "recall": "Recall",
    "precision": "Precision",
    "map": "MAP",
    "mrr": "MRR",
    "hit_rate": "Hit rate",
    "gini": "Gini",
    "novelty": "Novelty",
    "popularity_lift": "Popularity lift",
    "diversity": "Diversity",
    "artist_concentration": "Artist concentration",
    "coverage": "Coverage",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "seed_ndcg": "NDCG of plays",
    "skill": "Skill",
    "interval_coverage": "Within 90 % interval",
    "interval_width": "Width of it",
}
UNITS = {"novelty": "bits"}
SCALES = {"raw": "raw plays", "scaled": "0 to 1"}
RUNG = "cold_listener_"  # boards of single rungs are told together, as the ladder
HEADLINE = ("ndcg@10", "rmse")  # the metric that a board is judged by: the first that it has


def label(metric: str) -> str:
    """Return a metric's name for people.

    >>> label("ndcg@10"), label("rmse_raw"), label("seed_ndcg"), label("novelty@20")
    ('NDCG@10', 'RMSE, raw plays', 'NDCG of plays', 'Novelty@20, bits')
    """
    name, at, k = metric.partition("@")
    stem, _, scale = name.rpartition("_")
    if scale in SCALES:
        return f"{LABELS.get(stem, stem)}{at}{k}, {SCALES[scale]}"
    unit = f", {UNITS[name]}" if name in UNITS else ""
    return f"{LABELS.get(name, name)}{at}{k}{unit}"


def lower_is_better(metric: str) -> bool:
    """Say whether less of a metric is better: of errors it is.

    >>> lower_is_better("mae_raw"), lower_is_better("ndcg@10")
    (True, False)
    """
    return metric.startswith(("rmse", "mae", "interval_width"))


def number(value: float | None) -> str:
    """Return a number with as many digits as it deserves; a dash where there is none.

    >>> number(0.23149), number(12.345), number(17632.4), number(None)
    ('0.231', '12.3', '17,632', '—')
    """
    if value is None or not math.isfinite(value):
        return "—"
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.3f}"


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share in percent; what is not all or nothing never looks like it.

    >>> percent(0.4877), percent(0.00001), percent(0.99999), percent(1.0), percent(None)
    ('48.8 %', '< 0.1 %', '> 99.9 %', '100 %', '—')
    """
    if share is None:
        return "—"
    least = 10**-digits
    if share in (0, 1):
        return f"{100 * share:.0f} %"
    if 100 * share < least:
        return f"< {least:.{digits}f} %"
    if 100 * share > 100 - least:
        return f"> {100 - least:.{digits}f} %"
    return f"{100 * share:.{digits}f} %"


def finite(value: Value | None) -> TypeGuard[Value]:
    """Say whether a value is there and a number."""
    mean = (value or {}).get("mean")
    return mean is not None and math.isfinite(mean)


def best(board: Board, metric: str) -> str | None:
    """Return the model that leads `board` by `metric`; None where no model has it.

    >>> best({"a": {"rmse": {"mean": 2.0}}, "b": {"rmse": {"mean": 1.0}}}, "rmse")
    'b'
    """
    sign = -1 if lower_is_better(metric) else 1
    scored = {
        model: sign * value["mean"]
        for model, metrics in board.items()
        if finite(value := metrics.get(metric))
    }
    return max(scored, key=lambda model: scored[model], default=None)
