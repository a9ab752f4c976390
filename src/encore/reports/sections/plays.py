"""Sections of predicted plays: where they err, which way, and what is cold."""

from collections.abc import Mapping, Sequence
from typing import Any

from encore.reports import plots
from encore.reports.naming import SHIPPED, label
from encore.reports.parts import Drawn, Row, Section, Table
from encore.reports.tables import MARKED, board_rows, metrics_of
from encore.wording import counted

HOW_PREDICTIONS = (
    "On the diagonal a prediction is exact; errors should centre on zero, follow the Q-Q line and "
    "show no slope in the residuals."
)
HOW_BIAS = (
    "Right of the line is predicted too high, left of it too low. Some pull to the middle, rare "
    "plays too high and many too low, is what any cautious prediction shows."
)
HOW_COLD = "The gap between cold and warm is the price of knowing little."


def predictions_section(predictions: Mapping[str, Any]) -> Section:
    """Return predicted beside true plays; `predictions` as of `plot_prediction_analysis`."""
    bias = plots.plot_bias_by_range(predictions["predictions"], predictions["targets"])
    return Section(
        "Predicted plays",
        [
            [
                Drawn(
                    "predictions",
                    plots.plot_prediction_analysis(predictions),
                    "Predicted by true plays, distribution of errors, Q-Q plot, residuals",
                    HOW_PREDICTIONS,
                ),
                Drawn("bias", bias, "Mean error by range of true plays", HOW_BIAS),
            ]
        ],
    )


def cold_section(groups: Sequence[Mapping[str, Any]]) -> Section | None:
    """Return the errors of cold and warm listeners and tracks; None where there are none."""
    metrics = list(dict.fromkeys(m for group in groups for m in metrics_of(group["metrics"])))
    if not metrics:
        return None
    rows: list[Row] = []
    for group in groups:
        over = f"{group['group']} · {counted(group['rows'], 'row')}"
        rows += board_rows(group["metrics"], metrics, over)
    columns = [label(metric) for metric in metrics]
    return Section(
        "Cold and warm",
        [
            [
                Table("cold_start", "model", columns, rows, note=MARKED.format("group")),
                Drawn(
                    "cold_start",
                    plots.plot_cold_start(groups, metrics[0], SHIPPED),
                    "Error of each model for cold and warm listeners and tracks",
                    HOW_COLD,
                ),
            ]
        ],
    )
