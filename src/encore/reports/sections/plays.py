"""Sections of predicted plays: where they err, which way, and what is cold."""

from collections.abc import Mapping, Sequence
from typing import Any

from encore.reports import plots
from encore.reports.naming import SHIPPED, label, number, percent
from encore.reports.parts import Drawn, Part, Row, Section, Table, count_cell, figure_cell
from encore.reports.tables import MARKED, board_rows, metrics_of
from encore.wording import counted

HOW_PREDICTIONS = (
    "On the diagonal a prediction is exact; errors should centre on zero, follow the Q-Q line and "
    "show no slope in the residuals. Colours are logarithmic, so that a few pairs look like many."
)
HOW_BIAS = (
    "Right of the line is predicted too high, left of it too low. Some pull to the middle, rare "
    "plays too high and many too low, is what any cautious prediction shows: groups by true plays "
    "are chosen by the answer itself."
)
HOW_CALIBRATION = (
    "Left, the mean of true plays where so many are predicted, a tenth of the pairs each: on the "
    "line, predictions mean what they say. Right, the share of true plays within the intervals, by "
    "the share that they promise. Both are means over all listeners: a single one may be off."
)
HOW_ERRORS = (
    "Left, the error; right, whether plays are predicted too high (right of the line) or too low. "
    "Where plays vary more, errors are larger whatever the model: compare it with the means beside "
    "it."
)
HOW_COLD = (
    "The gap between cold and warm is the price of knowing little. Cold rows may be of another "
    "kind too, with plays that vary more or less: compare models within a group."
)


def predictions_section(
    predictions: Mapping[str, Any] | None, analysis: Mapping[str, Any]
) -> Section | None:
    """Return where predicted plays err, which way, and what they promise; None without any.

    `predictions` as of `plot_prediction_analysis`; "errors" and "calibration" of the analysis.
    """
    drawn: list[Part] = []
    if predictions:
        figure = plots.plot_prediction_analysis(predictions)
        alt = "Predicted by true plays, distribution of errors, Q-Q plot, residuals"
        drawn.append(Drawn("predictions", figure, alt, HOW_PREDICTIONS))
    calibration = analysis.get("calibration") or {}
    if calibration.get("bins"):
        figure = plots.plot_calibration(calibration)
        alt = "True by predicted plays, and what share of true plays the intervals hold"
        numbers = [_calibration(calibration["bins"]), _levels(calibration["levels"])]
        drawn.append(Drawn("calibration", figure, alt, HOW_CALIBRATION, numbers))
    errors = analysis.get("errors") or []
    by_plays = [grouping for grouping in errors if grouping["grouping"] == "plays"]
    others = [grouping for grouping in errors if grouping["grouping"] != "plays"]
    for name, shown, how in (("bias", by_plays, HOW_BIAS), ("errors", others, HOW_ERRORS)):
        if shown:
            alt = "RMSE and bias of predicted plays by " + ", ".join(one["what"] for one in shown)
            drawn.append(Drawn(name, plots.plot_errors(shown), alt, how, [_errors(name, shown)]))
    blocks = [drawn[i : i + 2] for i in range(0, len(drawn), 2)]
    return Section("Predicted plays", blocks) if blocks else None


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


def _calibration(bins: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        Row(number(one["predicted"]), [count_cell(one["rows"]), figure_cell(one["true"])])
        for one in bins
    ]
    return Table("calibration", "predicted", ["pairs", "true"], rows, "log1p plays, by tenth")


def _levels(levels: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        Row(percent(one["level"], 0), [figure_cell(one["held"]), figure_cell(one["width"])])
        for one in levels
    ]
    return Table("intervals", "interval", ["holds", "mean width"], rows, "Intervals of log1p plays")


def _errors(name: str, groupings: Sequence[Mapping[str, Any]]) -> Table:
    first = groupings[0]["groups"][0]["models"]
    rows: list[Row] = []
    for grouping in groupings:
        for i, group in enumerate(grouping["groups"]):
            cells = [figure_cell(group["models"][m][e]) for e in ("rmse", "bias") for m in first]
            over = "" if i else f"by {grouping['what']}"
            rows.append(Row(group["label"], [count_cell(group["rows"]), *cells], over=over))
    columns = ["pairs", *(f"{e}, {m}" for e in ("RMSE", "bias") for m in first)]
    note = "On log1p plays; bias is the mean of predicted minus true; small, the 95 % interval."
    return Table(name, "", columns, rows, note=note)
