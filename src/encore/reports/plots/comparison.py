"""Comparisons: ratios around 1 with their intervals, and what each listener gains or loses."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from encore.evaluation.gains import Gains
from encore.evaluation.significance import BETTER, WORSE, Comparison, less_is_better
from encore.reports.naming import number, percent
from encore.reports.style import ACCENT, FAINT, INK, MUTED, SECOND, SMALL, dress, figure_of, text

#: How a verdict looks: its colour and its mark, which points where it is.
LOOKS = {BETTER: (SECOND, ">"), WORSE: (ACCENT, "<")}
PLAIN = (MUTED, "o")
NAME, TITLE = 22, 14  # characters that there is room for beside a row, above a panel
POINTS = 120  # that a curve is drawn from
SHOWN = 0.99  # share of listeners whose changes are within a panel's height

# What an axis of ratios may name, the finest first: the first that names few enough is taken.
_RATIOS = (
    *([step * i for i in range(1, round(3 / step))] for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)),
    [2.0**i for i in range(-6, 7)],
    [4.0**i for i in range(-6, 7)],
    [10.0**i for i in range(-9, 10)],
)
TICKS = 6  # that there is room for


def plot_ratios(panels: Mapping[str, Sequence[tuple[str, Comparison]]]) -> Figure:
    """Return ratios of means with their intervals, a panel each title, a row each named comparison.

    The ratio of an error is turned over, so that right of 1 is better on every panel; the axis is
    logarithmic: half as good is as far from 1 as twice as good. A ratio of 0 or to 0 has no place
    on it and is told in words alone. Rows come as they are given, the first on top.
    """
    heights = [0.75 + 0.27 * len(rows) for rows in panels.values()]
    figure = figure_of(0.3 + sum(heights))
    grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (title, rows) in zip(grid, panels.items(), strict=True):
        dress(axes, title)
        spans = [_turned(found) for _, found in rows]
        low, high = _reach(spans)
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        ticks = _ticks(low, high)
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticklabels([f"{tick:.4g}" for tick in ticks])
        axes.axvline(1, color=INK, linewidth=0.8)
        for i, ((_, found), span) in enumerate(zip(rows, spans, strict=True)):
            colour, mark = LOOKS.get(found.verdict, PLAIN)
            axes.axhline(i, color=FAINT, linewidth=0.6, zorder=0)
            _span(axes, span, i, colour, mark)
            words = f"{number(found.ratio.mean)} {found.verdict}"
            axes.text(1.02, i, words, transform=axes.get_yaxis_transform(), **text(colour))
        _name_rows(axes, [name for name, _ in rows])
    grid[0].set_title("better →", loc="right", fontsize=SMALL, color=MUTED)
    return figure


def plot_gains(panels: Mapping[tuple[str, str], Gains]) -> Figure:
    """Return the changes of all listeners from the greatest gain to the greatest loss.

    A panel each (what, against whom).

    A panel's height holds the changes of 99 % of its listeners; what is beyond is cut off.
    """
    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    figure = figure_of(0.2 + 2.0 * lines)
    grid = figure.subplots(lines, columns, squeeze=False)
    for axes, ((what, against), found) in zip(grid.flat, panels.items(), strict=False):
        dress(axes, f"{what}\nagainst {short(against, TITLE)}")
        axes.title.set_parse_math(False)
        _curve(axes, found)
    for axes in grid[-1]:
        axes.set_xlabel("share of listeners, %", fontsize=SMALL, color=MUTED)
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_axis_off()
    return figure


def short(name: str, most: int = NAME) -> str:
    """Return a name that a figure has room and letters for: its end, where it is long.

    >>> short("runs/of/a/long/evening/als"), short("als 東京")
    ('…of/a/long/evening/als', 'als ??')
    """
    # The figures' typeface has Latin, Greek and Cyrillic letters, few beyond them.
    plain = "".join(c if c.isprintable() and ord(c) < 0x0530 else "?" for c in name)
    return plain if len(plain) <= most else f"…{plain[1 - most :]}"


def _turned(found: Comparison) -> tuple[float, float, float]:
    """Return low, mean and high of the ratio such that more is better; NaN where there is none."""
    span = found.ratio.low, found.ratio.mean, found.ratio.high
    if not less_is_better(found.metric):
        return span
    low, mean, high = (1 / value if value else math.inf for value in reversed(span))
    return low, mean, high


def _reach(spans: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """Return the ends of an axis that holds 1 and all that has a place, with room beside them."""
    ends = [end for span in spans for end in span if math.isfinite(end) and end > 0]
    low, high = min([1.0, *ends]), max([1.0, *ends])
    room = max(high / low, 1.02) ** 0.06
    return low / room, high * room


def _ticks(low: float, high: float) -> list[float]:
    """Return the ratios that an axis names."""
    within = [[tick for tick in some if low <= tick <= high] for some in _RATIOS if some[-1] > high]
    return next((ticks for ticks in within if len(ticks) <= TICKS), [1.0])


def _span(axes: Axes, span: tuple[float, float, float], y: float, colour: str, mark: str) -> None:
    low, mean, high = span
    if not math.isfinite(mean) or mean <= 0:
        return
    ends = np.clip([low, high], *axes.get_xlim())
    if not math.isnan(low):
        axes.plot(ends, [y, y], color=colour, linewidth=1.6)
    filled = colour if mark != PLAIN[1] else axes.get_facecolor()
    axes.plot(mean, y, mark, color=colour, markersize=6.5, markerfacecolor=filled)


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [short(name) for name in names], fontsize=SMALL)
    axes.set_ylim(len(names) - 0.5, -0.5)
    for tick in axes.get_yticklabels():
        tick.set(color=INK, parse_math=False)


def _curve(axes: Axes, found: Gains) -> None:
    change_U = found.change_U[::-1]
    listeners = len(change_U)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xlim(0, 100)
    if not listeners:
        return
    # Each listener is a step of equal width; many are told by some of them.
    at = np.unique(np.linspace(0, listeners - 1, min(POINTS, listeners)).round().astype(np.int64))
    x = np.append(100 * at / listeners, 100.0)
    y = np.append(change_U[at], change_U[-1])
    for side, colour in ((np.maximum(y, 0), SECOND), (np.minimum(y, 0), ACCENT)):
        axes.fill_between(x, side, step="post", color=colour, alpha=0.75, linewidth=0)
    reach = float(np.quantile(np.abs(change_U), SHOWN)) or float(np.abs(change_U).max()) or 1.0
    axes.set_ylim(-1.1 * reach, 1.1 * reach)
    for words, count, colour, (across, up), (x_at, y_at) in (
        ("gain", found.gain, SECOND, ("right", "top"), (0.99, 0.98)),
        ("lose", found.lose, ACCENT, ("left", "bottom"), (0.01, 0.02)),
    ):
        told = f"{percent(count / listeners)} {words}"
        looks = text(colour) | {"ha": across, "va": up, "transform": axes.transAxes}
        axes.text(x_at, y_at, told, **looks)
