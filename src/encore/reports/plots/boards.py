"""Boards: models beside one another, each mean with its interval."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from encore.reports.naming import Board, Value, finite, label, lower_is_better
from encore.reports.plots.marks import dot
from encore.reports.style import ACCENT, FAINT, INK, MUTED, SMALL, beside, dress, figure_of, text
from encore.wording import counted


def plot_metric_comparison(board: Board, metrics: Sequence[str], highlight: str) -> Figure:
    """Return a dot with its interval for each model and metric, best by the first metric on top.

    `board` is {model: {metric: {"mean", "low", "high"}}}; where a metric is missing, so is its dot.
    """
    models = sorted(board, key=lambda model: _rank(board[model], metrics[0]))
    columns = min(2, len(metrics))
    lines = -(-len(metrics) // columns)
    figure = figure_of(lines * (0.9 + 0.27 * len(models)))
    grid = figure.subplots(lines, columns, squeeze=False, sharey=True)
    for axes, metric in zip(grid.flat, metrics, strict=False):
        dress(axes, label(metric))
        for i, model in enumerate(models):
            ours = model == highlight
            axes.axhline(i, color=FAINT, linewidth=0.6, zorder=0)
            dot(axes, board[model].get(metric), i, ACCENT if ours else MUTED, 7 if ours else 5.5)
        if lower_is_better(metric):
            axes.set_title("← better", loc="right", fontsize=SMALL, color=MUTED)
    for axes in grid[:, 0]:
        axes.set_yticks(range(len(models)), models, fontsize=SMALL)
        axes.set_ylim(len(models) - 0.5, -0.5)
        for tick, model in zip(axes.get_yticklabels(), models, strict=True):
            tick.set_color(ACCENT if model == highlight else INK)
    for axes in list(grid.flat)[len(metrics) :]:
        axes.set_axis_off()
    return figure


def plot_ladder(rungs: Mapping[int, Board], metric: str, highlight: str) -> Figure:
    """Return `metric` of each model by the rows that are revealed of a new listener.

    `rungs` holds a board for each number of rows. Intervals are a band for `highlight` and thin
    uprights for all others; each line is named at its end.
    """
    steps = sorted(rungs)
    models = [model for model in rungs[steps[-1]] if finite(rungs[steps[-1]][model].get(metric))]
    models.sort(key=lambda model: rungs[steps[-1]][model][metric]["mean"])
    figure = figure_of(4.6)
    axes = figure.subplots()
    dress(axes, f"{label(metric)} of new listeners", "rows revealed")
    x = np.arange(len(steps))
    free = -np.inf
    height = max(rungs[k][model][metric]["mean"] for k in steps for model in models)
    for place, model in enumerate(models):
        ours = model == highlight
        colour = ACCENT if ours else MUTED
        row = [rungs[k].get(model, {}).get(metric) or {} for k in steps]
        y = np.array([value.get("mean", np.nan) for value in row], np.float64)
        axes.plot(x, y, color=colour, linewidth=2.2 if ours else 1.0, zorder=3 if ours else 2)
        low, high = (
            np.array([value.get(end, np.nan) for value in row], np.float64)
            for end in ("low", "high")
        )
        if ours:
            axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
        else:
            beside_x = x + 0.02 * (place - len(models) / 2)  # so that they can be told apart
            axes.vlines(beside_x, low, high, colors=colour, linewidth=0.8, alpha=0.6)
        free = max(float(y[-1]), free + 0.055 * height)  # names must not lie on one another
        axes.annotate(
            model, (x[-1], y[-1]), (x[-1] + 0.15, free), textcoords="data", **text(colour)
        )
    axes.set_xticks(x, [str(k) for k in steps], fontsize=SMALL)
    axes.set_xlim(-0.1, len(steps) + 0.7)
    axes.set_ylim(bottom=0)
    return figure


def plot_cold_start(
    groups: Sequence[Mapping[str, Any]], metric: str = "rmse", highlight: str = "encore"
) -> Figure:
    """Return `metric` of each model for cold and warm listeners and tracks.

    A group is {"group": name, "rows": n, "metrics": {model: {metric: {"mean", "low", "high"}}}}.
    """
    models = list(dict.fromkeys(model for group in groups for model in group["metrics"]))
    models.sort(key=lambda model: model != highlight)
    colours = dict.fromkeys(models, MUTED) | {highlight: ACCENT}
    markers = dict(zip(models, "oDs^vP*Xdph" * (1 + len(models) // 11), strict=False))
    figure = figure_of(1.1 + (0.16 * len(models) + 0.4) * len(groups))
    axes = figure.subplots()
    dress(axes, f"{label(metric)} of cold and warm", "← better" if lower_is_better(metric) else "")
    for i, group in enumerate(groups):
        if i:
            axes.axhline(i - 0.5, color=FAINT, linewidth=0.8)
        for j, model in enumerate(models):
            y = i + (j - (len(models) - 1) / 2) * 0.8 / max(len(models), 3)
            at = group["metrics"].get(model, {}).get(metric)
            edge = dot(axes, at, y, colours[model], 6, markers[model])
            if edge is not None:
                axes.annotate(model, (edge, y), (6, 0), **beside(colours[model], "left", "center"))
    names = [f"{group['group']}\n{counted(group['rows'], 'row')}" for group in groups]
    axes.set_yticks(range(len(groups)), names, fontsize=SMALL)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    left, right = axes.get_xlim()
    axes.set_xlim(left, right + 0.4 * (right - left))  # room for the names
    return figure


def _rank(metrics: Mapping[str, Value], metric: str) -> float:
    at = metrics.get(metric)
    if not finite(at):
        return np.inf
    return at["mean"] if lower_is_better(metric) else -at["mean"]
