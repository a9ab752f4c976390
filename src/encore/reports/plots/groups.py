"""Who and what is served: the ranking by groups of listeners, and by tiers of tracks."""

from collections.abc import Mapping
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from encore.reports.naming import finite, label, percent
from encore.reports.plots.marks import (
    SHARES,
    ends,
    key,
    lines_by_group,
    plain,
    rows_down,
    wrapped,
)
from encore.reports.style import ACCENT, INK, MUTED, PAPER, SMALL, STEPS, dress, figure_of, text

READABLE = 0.07  # the least share whose bar has room for its number


def plot_listener_groups(grouping: Mapping[str, Any]) -> Figure:
    """Return what the list is worth to each group of listeners, beside baselines.

    `grouping` is one of an analysis' "listeners": {"grouping", "what", "metric", "baseline",
    "groups": [{"label", "listeners", "models": {model: value}, "ratio": value}]}. Below stands the
    ratio to the best baseline, paired listener by listener.
    """
    groups = grouping["groups"]
    labels = [f"{group['label']}\n{group['listeners']:,}" for group in groups]
    paired = any(finite(group.get("ratio")) for group in groups)
    figure = figure_of(5.4 if paired else 3.6)
    panels = figure.subplots(
        1 + paired, 1, squeeze=False, height_ratios=(2, 1)[: 1 + paired], sharex=True
    )[:, 0]
    models = dict.fromkeys(model for group in groups for model in group["models"])
    rows = {model: [group["models"].get(model) for group in groups] for model in models}
    dress(panels[0], f"{label(grouping['metric'])} by {grouping['grouping']}")
    lines_by_group(panels[0], labels, rows)
    if paired:
        baseline = grouping["baseline"]
        dress(panels[1], f"encore / {plain(baseline)}, listener by listener")
        panels[1].axhline(1, color=INK, linewidth=0.8)
        for i, group in enumerate(groups):
            if finite(at := group.get("ratio")):
                panels[1].plot([i, i], ends(at), color=ACCENT, linewidth=1.6)
                panels[1].plot(i, at["mean"], "o", color=ACCENT, markersize=6)
        panels[1].set_xticks(range(len(labels)), wrapped(labels), fontsize=SMALL)
    across = fill(f"{plain(grouping['what'], 120)}; below, listeners", 56)
    panels[-1].set_xlabel(across, fontsize=SMALL, color=MUTED)
    return figure


def plot_tiers(tiers: Mapping[str, Any]) -> Figure:
    """Return how plays, right answers and lists are spread over tiers, and what is found of each.

    `tiers` is an analysis' "tiers": {"metric", "what", "groups": [{"label", "played", "held_out",
    "listed": {model: share}, "found": {model: value}}]}, the most popular tier first.
    """
    groups = tiers["groups"]
    models = dict.fromkeys(model for group in groups for model in group["listed"])
    bars = {
        "played in training": [group["played"] for group in groups],
        "held out": [group["held_out"] for group in groups],
    }
    bars |= {model: [group["listed"].get(model) for group in groups] for model in models}
    figure = figure_of(3.9 + 0.3 * len(bars))
    top, bottom = figure.subplots(2, 1, height_ratios=(0.3 * len(bars), 2.4))
    dress(top, "who gets the slots")
    _composition(top, bars, [group["label"].partition(":")[0] for group in groups])
    rising = groups[::-1]  # the head right, where models differ most and have their names
    found = dict.fromkeys(model for group in groups for model in group["found"])
    rows = {model: [group["found"].get(model) for group in rising] for model in found}
    dress(bottom, f"{label(tiers['metric'])} by tier", plain(tiers["what"], 60))
    lines_by_group(bottom, [group["label"].replace(": ", "\n") for group in rising], rows)
    return figure


def _composition(axes: Axes, bars: Mapping[str, list[float | None]], tiers: list[str]) -> None:
    """Draw a bar for each row, divided by tier; dark is the first tier."""
    last = max(len(tiers) - 1, 1)
    shades = [round(4 * (1 - i / last)) for i in range(len(tiers))]
    for y, shares in enumerate(bars.values()):
        start = 0.0
        for share, shade in zip(shares, shades, strict=True):
            axes.barh(y, share or 0.0, left=start, color=STEPS[shade], height=0.78)
            if (share or 0.0) >= READABLE:
                middle, colour = start + (share or 0.0) / 2, PAPER if shade > 2 else INK
                axes.text(middle, y, percent(share, 0), ha="center", **text(colour))
            start += share or 0.0
    rows_down(axes, list(bars))
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(SHARES)
    key(axes, [("■", STEPS[shade], name) for shade, name in zip(shades, tiers, strict=True)])
