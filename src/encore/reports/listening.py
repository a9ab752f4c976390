"""The figures of a dataset: how counts are spread, and when it was listened to."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from encore.errors import InputError
from encore.reports.style import ACCENT, INK, MUTED, SECOND, SMALL, dress, figure_of, text

LABELS_AT_MOST = 6  # under an axis of bins or dates
WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


def plot_spreads(spreads: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Return bars over doubling bins for each spread, the bin of its median marked.

    `spreads` maps a panel's title to what `encore.data.spread.spread` gives; one without values is
    left out. Raises `InputError` where none has any.
    """
    shown = {title: found for title, found in spreads.items() if found["n"]}
    if not shown:
        raise InputError("spreads: none has a value, expected one or more")
    figure = figure_of(0.3 + 1.75 * len(shown))
    panels = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for axes, (title, found) in zip(panels, shown.items(), strict=True):
        bins = found["bins"]
        dress(axes, title)
        median = int(np.log2(max(found["median"], 1)))
        colours = [ACCENT if i == median else SECOND for i in range(len(bins))]
        axes.bar(range(len(bins)), [one["n"] for one in bins], width=0.86, color=colours)
        axes.set_title(f"median {found['median']:,.4g}", loc="right", fontsize=SMALL, color=ACCENT)
        _some(axes, [_bin(one) for one in bins])
        axes.yaxis.set_major_formatter(FuncFormatter(_short))
    return figure


def plot_activity(found: Mapping[str, Any]) -> Figure:
    """Return rows and listeners by day or month, and the profiles of weekdays and hours.

    `found` is what `encore.data.activity.activity` gives.
    """
    counts = found["counts"]
    figure = figure_of(5.6)
    parts = figure.subplot_mosaic(
        [["rows", "rows"], ["listeners", "listeners"], ["hours", "weekdays"]],
        width_ratios=(5, 4),
    )
    for name in ("rows", "listeners"):
        axes = parts[name]
        dress(axes, f"{found['of'] if name == 'rows' else name} by {found['by']}")
        y = [one[name] for one in counts]
        x = np.arange(len(y))
        axes.fill_between(x, y, color=SECOND, alpha=0.18, linewidth=0)
        marker = "o" if len(y) < 3 else None
        axes.plot(x, y, color=SECOND, linewidth=1.6, marker=marker, markersize=4)
        axes.set_ylim(bottom=0)
        _some(axes, [one["at"] for one in counts])
        axes.yaxis.set_major_formatter(FuncFormatter(_short))
    _profile(parts["weekdays"], "by weekday", found["weekdays"], WEEKDAYS)
    if found["hours"] is None:
        parts["hours"].set_axis_off()
        parts["hours"].text(0, 0.5, "hours are unknown: the times are dates", **text(MUTED))
    else:
        _profile(parts["hours"], "by hour, UTC", found["hours"], [str(hour) for hour in range(24)])
    return figure


def _profile(axes: Axes, title: str, counts: Sequence[int], names: Sequence[str]) -> None:
    dress(axes, title)
    most = max(counts)
    colours = [ACCENT if count == most else INK for count in counts]
    axes.bar(range(len(counts)), counts, width=0.8, color=colours)
    if len(names) <= len(WEEKDAYS):
        axes.set_xticks(range(len(names)), names, fontsize=SMALL)
    else:
        _some(axes, names)
    axes.yaxis.set_major_formatter(FuncFormatter(_short))


def _some(axes: Axes, names: Sequence[str]) -> None:
    """Name the places of an axis, only every so many where there are many."""
    step = -(-len(names) // LABELS_AT_MOST)
    places = range(0, len(names), step)
    axes.set_xticks(places, [names[i] for i in places], fontsize=SMALL)
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))


def _bin(one: Mapping[str, int]) -> str:
    low, high = (_short(one[end], 0) for end in ("from", "to"))
    if one["from"] == one["to"]:
        return low
    return f"{low} to {high}" if one["to"] < 100 else f"{low} +"


def _short(value: float, _position: int) -> str:
    """Return a count in few letters: 1200 as 1.2k."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.0f}"
