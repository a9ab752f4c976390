"""What the numbers say, in plain sentences; and how metrics are named, ordered and printed.

A sentence is computed, never written by hand: where the shipped list is worse than a baseline, it
says so.
"""

import math
from collections.abc import Mapping
from typing import Any, TypeGuard

Value = Mapping[str, float]  # mean and, where an interval is known, low and high
Board = Mapping[str, Mapping[str, Value]]  # model -> metric -> value

SHIPPED = "encore"
#: Models of our own that are rows of a board; none of them is a baseline.
OWN = (SHIPPED, "network", "blend", "hybrid")

LABELS = {
    "ndcg": "NDCG",
    "recall": "Recall",
    "precision": "Precision",
    "map": "MAP",
    "mrr": "MRR",
    "hit_rate": "Hit rate",
    "gini": "Gini",
    "novelty": "Novelty, bits",
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
SCALES = {"raw": "raw plays", "scaled": "0 to 1"}
RUNG = "cold_listener_"  # boards of single rungs are told together, as the ladder
HEADLINE = ("ndcg@10", "rmse")  # the metric that a board is judged by: the first that it has


def label(metric: str) -> str:
    """Return a metric's name for people.

    >>> label("ndcg@10"), label("rmse_raw"), label("seed_ndcg")
    ('NDCG@10', 'RMSE, raw plays', 'NDCG of plays')
    """
    name, at, k = metric.partition("@")
    stem, _, scale = name.rpartition("_")
    if scale in SCALES:
        return f"{LABELS.get(stem, stem)}{at}{k}, {SCALES[scale]}"
    return f"{LABELS.get(name, name)}{at}{k}"


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


def compare(board: Board, metric: str, ratios: Mapping[str, Value] | None = None) -> str | None:
    """Return how the shipped list stands against the best baseline; None where either is missing.

    `ratios` holds, by baseline, the ratio of ours to theirs with its paired interval; it tells more
    than two intervals side by side, as it compares listener by listener.

    >>> compare({"encore": {"ndcg@10": {"mean": 0.3, "low": 0.28, "high": 0.32}},
    ...          "als": {"ndcg@10": {"mean": 0.2, "low": 0.18, "high": 0.22}}}, "ndcg@10")
    'NDCG@10 0.300, 1.50 times the best baseline (als, 0.200); the intervals do not overlap'
    """
    baselines = {model: metrics for model, metrics in board.items() if not model.startswith(OWN)}
    rival = best(baselines, metric)
    ours = board.get(SHIPPED, {}).get(metric)
    if rival is None or not finite(ours):
        return None
    theirs = board[rival][metric]
    less = " (less is better)" if lower_is_better(metric) else ""
    score = f"{label(metric)} {number(ours['mean'])}{less}"
    named = f"the best baseline ({rival}, {number(theirs['mean'])})"
    ratio = f"{ours['mean'] / theirs['mean']:.2f} times" if theirs["mean"] > 0 else "against"
    if finite(paired := (ratios or {}).get(rival)):
        return f"{score}, {_paired(paired, named, lower_is_better(metric))}"
    apart = _apart(ours, theirs)
    if apart is False:
        return (
            f"{score}, {ratio} {named}; the intervals overlap, so it is not distinguishable from it"
        )
    worse = (ours["mean"] > theirs["mean"]) == lower_is_better(metric)
    if ours["mean"] == theirs["mean"]:
        return f"{score}, equal to {named}"
    reserve = "the intervals do not overlap" if apart else "no intervals are known"
    return f"{score}, {'which is worse: ' if worse else ''}{ratio} {named}; {reserve}"


def verdict(results: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each board of `results`, and one on which list ships."""
    sentences = []
    for name, board in results.get("boards", {}).items():
        if name.startswith(RUNG):
            continue
        metric = next(
            (m for m in HEADLINE if any(finite(row.get(m)) for row in board.values())), ""
        )
        if found := compare(board, metric, results.get("ratios", {}).get(name)):
            who = "the prediction has" if lower_is_better(metric) else "the shipped list scores"
            sentences.append(f"On {name.replace('_', ' ')} {who} {found}.")
    chosen = results.get("chosen", {})
    if chosen.get("list"):
        why = f": {chosen['why']}" if chosen.get("why") else ""
        sentences.append(f"The list that ships is {chosen['list']}{why}".rstrip(".") + ".")
    return sentences


def _paired(ratio: Value, named: str, less_is_better: bool) -> str:
    """Return what a paired ratio and its interval say."""
    times = f"{ratio['mean']:.3f} times {named}"
    low, high = ratio.get("low"), ratio.get("high")
    if low is None or high is None:
        return times
    between = f"listener by listener, {low:.3f} to {high:.3f} times"
    if low <= 1 <= high:
        return f"{times}; {between}, so it is not distinguishable from it"
    better = (low > 1) != less_is_better
    return f"{times}; {between}, so it is {'better' if better else 'worse'}"


def _apart(one: Value, other: Value) -> bool | None:
    """Say whether two intervals lie apart; None where either is unknown."""
    ends = [value.get(end) for value in (one, other) for end in ("low", "high")]
    if any(end is None or not math.isfinite(end) for end in ends):
        return None
    return one["low"] > other["high"] or one["high"] < other["low"]
