"""What the list is made of: its channels, and the dial between accuracy and diversity."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from encore.reports.naming import Value, finite, label
from encore.reports.plots.marks import HALO, dot, ends, guide, rows_down
from encore.reports.style import (
    ACCENT,
    INK,
    MUTED,
    SECOND,
    SMALL,
    beside,
    dress,
    figure_of,
)


def plot_channels(channels: Sequence[Mapping[str, Any]], metric: str = "ndcg@10") -> Figure:
    """Return what is lost without each channel, in percent, beside what it scores alone.

    A channel is one of an analysis' "channels": {"channel", "alone": value, "ratio": value}, where
    ratio is the metric without it over that with all. The most missed channel stands on top.
    """
    lost = {one["channel"]: _loss(one.get("ratio")) for one in channels}
    order = sorted(channels, key=lambda one: -(lost[one["channel"]] or {}).get("mean", -1e9))
    figure = figure_of(1.2 + 0.3 * len(order))
    left, right = figure.subplots(1, 2, sharey=True)
    dress(left, "lost without it", f"percent of {label(metric)}")
    dress(right, "alone", label(metric))
    left.axvline(0, color=INK, linewidth=0.8)
    for axes in (left, right):
        guide(axes, len(order))
    for i, one in enumerate(order):
        dot(left, lost[one["channel"]], i, ACCENT, 6)
        dot(right, one.get("alone"), i, SECOND, 6)
    rows_down(left, [one["channel"] for one in order], ours="")
    right.tick_params(left=False)
    right.set_xlim(left=0)
    return figure


def plot_frontier(frontier: Mapping[str, Any]) -> Figure:
    """Return accuracy against diversity as the weight of diversity grows.

    `frontier` is an analysis' "frontier": {"n", "points": [{"weight", "ndcg": value, "diversity":
    value, "ships"}]} in order of weight.
    """
    points = [one for one in frontier["points"] if finite(one["ndcg"]) and finite(one["diversity"])]
    figure = figure_of(3.8)
    axes = figure.subplots()
    up = label(f"ndcg@{frontier['n']}")
    dress(axes, "what diversity costs", "diversity of a list →", f"{up} →")
    x = [one["diversity"]["mean"] for one in points]
    y = [one["ndcg"]["mean"] for one in points]
    for one, across, above in zip(points, x, y, strict=True):
        light: dict[str, Any] = {"color": MUTED, "linewidth": 0.8, "alpha": 0.55, "zorder": 1}
        axes.plot(ends(one["diversity"]), [above, above], **light)
        axes.plot([across, across], ends(one["ndcg"]), **light)
    axes.plot(x, y, color=MUTED, linewidth=1.2)
    for one, across, above in zip(points, x, y, strict=True):
        ships = bool(one.get("ships"))
        colour, size = (ACCENT, 8) if ships else (MUTED, 5)
        axes.plot(across, above, "o", color=colour, markersize=size, zorder=4)
        name = f"{one['weight']:g}, ships" if ships else f"{one['weight']:g}"
        note = beside(colour, "left", "bottom") | {"path_effects": HALO, "zorder": 5}
        axes.annotate(name, (across, above), (5, 4), **note)
    axes.set_title("beside a point, its weight", loc="right", fontsize=SMALL, color=MUTED)
    axes.margins(0.1)
    return figure


def _loss(ratio: Value | None) -> dict[str, float] | None:
    """Return what is lost, in percent, of a ratio: its ends change places."""
    if not finite(ratio):
        return None
    low, high = ends(ratio)
    return {"mean": 100 * (1 - ratio["mean"]), "low": 100 * (1 - high), "high": 100 * (1 - low)}
