"""Where predicted plays err, and whether predictions and their intervals mean what they say."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from encore.reports.naming import SHIPPED, finite
from encore.reports.plots.marks import SHARES, dot, ends, guide, hue, key, plain, rows_down
from encore.reports.plots.predictions import count_plays
from encore.reports.style import ACCENT, INK, MUTED, SMALL, dress, figure_of, text

MARKERS = "oDs^v"  # what ships, and what it stands beside


def plot_errors(groupings: Sequence[Mapping[str, Any]]) -> Figure:
    """Return RMSE and bias of each model by group, a pair of panels for each grouping.

    A grouping is one of an analysis' "errors": {"what", "groups": [{"label", "rows", "models":
    {model: {"rmse": value, "bias": value}}}]}, of log1p plays; bias is predicted minus true. All
    panels of a column have one scale.
    """
    sizes = [len(grouping["groups"]) for grouping in groupings]
    figure = figure_of(1.0 + 0.5 * len(sizes) + 0.29 * sum(sizes))
    grid = figure.subplots(
        len(sizes), 2, squeeze=False, sharex="col", height_ratios=[size + 0.4 for size in sizes]
    )
    named = dict.fromkeys(
        model for grouping in groupings for group in grouping["groups"] for model in group["models"]
    )
    models = sorted(named, key=lambda model: model != SHIPPED)
    for (left, right), grouping in zip(grid, groupings, strict=True):
        groups = grouping["groups"]
        dress(left, f"by {plain(grouping['what'], 40)}")
        dress(right, "")
        right.axvline(0, color=INK, linewidth=0.8)
        for axes, metric in ((left, "rmse"), (right, "bias")):
            guide(axes, len(groups))
            _by_group(axes, groups, models, metric)
        rows_down(left, [group["label"] for group in groups])
        right.set_yticks([])
        right.set_ylim(left.get_ylim())
        for i, group in enumerate(groups):
            across = right.get_yaxis_transform()
            right.text(1.03, i, f"{group['rows']:,}", transform=across, **text(MUTED))
    grid[0, 1].set_title("rows", loc="right", fontsize=SMALL, color=MUTED, x=1.16)
    grid[-1, 0].set_xlabel("RMSE, log1p plays", fontsize=SMALL, color=MUTED)
    grid[-1, 1].set_xlabel("predicted minus true", fontsize=SMALL, color=MUTED)
    for axes in grid.flat:
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.tick_params(labelbottom=axes in grid[-1])
    key(grid[0, 0], [(_marker(i), hue(model), model) for i, model in enumerate(models)])
    return figure


def plot_calibration(calibration: Mapping[str, Any]) -> Figure:
    """Return true by predicted plays, and how many true plays the intervals hold.

    `calibration` is an analysis' "calibration": {"bins": [{"predicted", "true": value}], "levels":
    [{"level", "held": value}]}; bins are of log1p plays. A panel without values is left out.
    """
    bins = [one for one in calibration.get("bins", []) if finite(one["true"])]
    levels = [one for one in calibration.get("levels", []) if finite(one["held"])]
    shown = [panel for panel, rows in ((_draw_bins, bins), (_draw_levels, levels)) if rows]
    figure = figure_of(3.2)
    panels = figure.subplots(1, max(len(shown), 1), squeeze=False)[0]
    for axes, panel in zip(panels, shown, strict=False):
        panel(axes, bins if panel is _draw_bins else levels)
    return figure


def _by_group(
    axes: Axes, groups: Sequence[Mapping[str, Any]], models: Sequence[str], metric: str
) -> None:
    for i, group in enumerate(groups):
        for j, model in enumerate(models):
            y = i + (j - (len(models) - 1) / 2) * 0.5 / max(len(models), 2)
            at = group["models"].get(model, {}).get(metric)
            size = 6.0 if model == SHIPPED else 4.4
            dot(axes, at, y, hue(model), size, MARKERS[j % len(MARKERS)])


def _draw_bins(axes: Axes, bins: Sequence[Mapping[str, Any]]) -> None:
    dress(axes, "plays, a tenth each", "mean predicted", "mean true")
    reach = [one["predicted"] for one in bins] + [end for one in bins for end in ends(one["true"])]
    low, high = min(0.0, *reach), 1.06 * max([*reach, 1.0])
    axes.plot([low, high], [low, high], color=INK, linewidth=0.8)
    for one in bins:
        axes.plot([one["predicted"]] * 2, ends(one["true"]), color=ACCENT, linewidth=1.6)
        axes.plot(one["predicted"], one["true"]["mean"], "o", color=ACCENT, markersize=5)
    for axis in (axes.xaxis, axes.yaxis):
        count_plays(axis, high)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)


def _draw_levels(axes: Axes, levels: Sequence[Mapping[str, Any]]) -> None:
    dress(axes, "intervals", "said to hold", "held")
    reach = [one["level"] for one in levels] + [end for one in levels for end in ends(one["held"])]
    low, high = max(min(reach) - 0.08, 0.0), min(max(reach) + 0.05, 1.0)
    axes.plot([low, high], [low, high], color=INK, linewidth=0.8)
    for one in levels:
        axes.plot([one["level"]] * 2, ends(one["held"]), color=ACCENT, linewidth=1.6)
        axes.plot(one["level"], one["held"]["mean"], "o", color=ACCENT, markersize=5)
    axes.set_xticks(_some(sorted({one["level"] for one in levels})))
    axes.xaxis.set_major_formatter(SHARES)
    axes.yaxis.set_major_formatter(SHARES)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)


def _some(levels: list[float]) -> list[float]:
    """Return levels whose names have room beside one another."""
    kept: list[float] = []
    for level in levels:
        if not kept or level - kept[-1] >= 0.1 * (np.ptp(levels) + 0.13) / 0.58:
            kept.append(level)
    return kept


def _marker(place: int) -> str:
    return "●◆■▲▼"[place % len(MARKERS)]
