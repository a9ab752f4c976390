"""The report of a run: one HTML page that needs nothing beside itself.

`results.json` in, `report.html` out. The page is made from `report.html.j2` with every text
escaped; figures are embedded, so that it can be sent by mail and opened years later.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from encore import folder
from encore.errors import InputError
from encore.reports import plots
from encore.reports.naming import RUNG, SHIPPED, Board, best, finite, label
from encore.reports.page import fill, png, svg
from encore.reports.tables import flat, metrics_of, table
from encore.reports.verdict import verdict
from encore.wording import counted

#: Metrics worth a figure; a board shows the ones that it has.
# Of a ranking board, in its table; results.json has all.
SHOWN = ("ndcg@10", "recall@10", "mrr@10", "coverage@20", "novelty@20")
LADDER_METRIC = "ndcg@10"
DRAWN = ("ndcg@10", "coverage@20", "rmse", "r2")

HOW_TO_READ = {
    "board": "Dots are means over listeners, lines their intervals; what ships is vermilion.",
    "ladder": (
        "Listeners whom the model never saw, with a few of their tracks revealed; the same tracks "
        "are to be found at each step. At 0, only friends can tell. The band is the interval."
    ),
    "predictions": (
        "On the diagonal a prediction is exact; errors should centre on zero, follow the Q-Q line "
        "and show no slope in the residuals."
    ),
    "bias": (
        "Right of the line is predicted too high, left of it too low. Some pull to the middle, "
        "rare plays too high and many too low, is what any cautious prediction shows."
    ),
    "cold": "The gap between cold and warm is the price of knowing little.",
    "training": (
        "The dashed line is the epoch whose weights were kept; a validation loss that rises after "
        "it is what early stopping is for."
    ),
}


def write_report(run: Path) -> Path:
    """Write `run`/report.html from what `run` holds and return its path.

    Reads results.json and, where they are, history.jsonl and predictions.npz (arrays "predictions"
    and "targets" of log1p plays). A part that is missing has no section.

    Raises `InputError` where results.json is missing or a file cannot be read.
    """
    results = _read_json(run / "results.json")
    history = _read_history(run / "history.jsonl")
    predictions = _read_predictions(run / "predictions.npz")
    page = run / "report.html"
    with folder.replacing(page) as temporary:
        temporary.write_text(render(results, history, predictions), encoding="utf-8")
    return page


def render(
    results: Mapping[str, Any],
    history: list[dict[str, Any]] | None = None,
    predictions: Mapping[str, Any] | None = None,
) -> str:
    """Return the page as text. `predictions` holds the arrays "predictions" and "targets"."""
    return fill(
        "report.html.j2",
        title=results.get("title", "A run of encore"),
        kind=results.get("item_kind", "track"),
        verdict=verdict(results),
        boards=[
            _board_view(name, board)
            for name, board in results.get("boards", {}).items()
            if not name.startswith(RUNG)
        ],
        ladder=_ladder_view(results.get("boards", {})),
        predictions=predictions
        and [
            png(plots.plot_prediction_analysis(predictions)),
            svg(plots.plot_bias_by_range(predictions["predictions"], predictions["targets"])),
        ],
        cold=_cold_view(results.get("cold_start", [])),
        example=results.get("example"),
        training=history and svg(plots.plot_training(history)),
        data=results.get("data", {}),
        facts={
            name: list(flat(results.get(key, {})))
            for name, key in (
                ("Split", "split"),
                ("Configuration", "config"),
                ("Chosen on validation", "chosen"),
                ("Seconds", "seconds"),
                ("Machine", "machine"),
                ("Versions", "versions"),
            )
            if results.get(key)
        },
        how=HOW_TO_READ,
    )


def _board_view(name: str, board: Board) -> dict[str, Any]:
    shown = [metric for metric in SHOWN if best(board, metric)]
    if shown:
        board = _best_first(board, shown[0])
    view = table(board, shown) | {"title": name.replace("_", " ").capitalize(), "figure": None}
    drawn = [metric for metric in DRAWN if best(board, metric)]
    if drawn:
        view["figure"] = svg(plots.plot_metric_comparison(board, drawn, SHIPPED))
    return view


def _best_first(board: Board, metric: str) -> Board:
    def worth(model: str) -> float:
        value = board[model].get(metric)
        return value["mean"] if finite(value) else -math.inf

    return {model: board[model] for model in sorted(board, key=worth, reverse=True)}


def _ladder_view(boards: Mapping[str, Board]) -> dict[str, Any] | None:
    """Return all rungs of the cold listeners' ladder as one board: a column a rung."""
    rungs = {
        int(name.removeprefix(RUNG)): board
        for name, board in boards.items()
        if name.startswith(RUNG)
    }
    if not rungs:
        return None
    models = dict.fromkeys(model for board in rungs.values() for model in board)
    climbed = {
        model: {
            counted(k, "row"): rungs[k].get(model, {}).get(LADDER_METRIC) or {}
            for k in sorted(rungs)
        }
        for model in models
    }
    figure = plots.plot_ladder(rungs, LADDER_METRIC, SHIPPED)
    return table(_best_first(climbed, counted(max(rungs), "row"))) | {
        "metric": label(LADDER_METRIC),
        "figure": svg(figure),
    }


def _cold_view(groups: list[dict[str, Any]]) -> dict[str, Any] | None:
    metrics = list(dict.fromkeys(m for group in groups for m in metrics_of(group["metrics"])))
    if not metrics:
        return None
    return {
        "figure": svg(plots.plot_cold_start(groups, metrics[0], SHIPPED)),
        "metrics": [label(metric) for metric in metrics],
        "groups": [
            {"name": group["group"], "held_out": group["rows"]} | table(group["metrics"], metrics)
            for group in groups
        ],
    }


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; `encore evaluate` writes it") from error
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: {type(found).__name__}, expected an object")
    return found


def _read_history(path: Path) -> list[dict[str, Any]]:
    rows = []
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for i, line in enumerate(lines, start=1):
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise InputError(f"{path}:{i}: not JSON: {error}") from error
    return rows


def _read_predictions(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in ("predictions", "targets")}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: expected arrays 'predictions' and 'targets' without pickle: {error}"
        ) from error
