"""Marks that several figures share: means with intervals, lines by group, names, keys."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea, VPacker
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter

from encore.metrics.arrays import Floats
from encore.reports.naming import SHIPPED, Value, finite
from encore.reports.style import ACCENT, BODY, FAINT, INK, MUTED, PAPER, SMALL, text

NAME_AT_MOST = 22  # characters
LINE = 66  # characters that a key's line has room for
SHARES = FuncFormatter(lambda share, _: f"{100 * share:.3g} %")
HALO = [withStroke(linewidth=2.6, foreground=PAPER)]  # so that a name is read on what it covers


def dot(
    axes: Axes, at: Value | None, y: float, colour: str, size: float, marker: str = "o"
) -> float | None:
    """Draw a mean and its interval; return where the mark ends, None where there is no mean."""
    if not finite(at):
        return None
    low, high = ends(at)
    axes.plot([low, high], [y, y], color=colour, linewidth=1.6)
    axes.plot(at["mean"], y, marker, color=colour, markersize=size)
    return high


def ends(at: Value) -> tuple[float, float]:
    """Return where an interval begins and ends: at the mean, where it is not known."""
    low, high = (at["mean"] if end is None else end for end in (at.get("low"), at.get("high")))
    return low, high


def hue(model: str) -> str:
    """Return a model's colour: what ships is vermilion."""
    return ACCENT if model == SHIPPED else MUTED


def shipped_last(models: Iterable[str]) -> list[str]:
    """Return models in the order in which to draw them: what ships on top of all others."""
    return sorted(models, key=lambda model: model == SHIPPED)


def lines_by_group(
    axes: Axes, labels: Sequence[str], rows: Mapping[str, Sequence[Value | None]]
) -> None:
    """Draw a line for each model over ordered groups, each mean with its interval, and name it."""
    spots = {}
    for place, model in enumerate(shipped_last(rows)):
        ours = model == SHIPPED
        x = np.arange(len(labels)) + (place - (len(rows) - 1) / 2) * 0.05
        y = means(rows[model])
        axes.plot(x, y, color=hue(model), linewidth=2.0 if ours else 0.7, zorder=2 + ours)
        axes.plot(x, y, "o", color=hue(model), markersize=6 if ours else 3.6, zorder=3 + ours)
        for spot, at in zip(x, rows[model], strict=True):
            if finite(at):
                axes.plot([spot, spot], ends(at), color=hue(model), linewidth=1.6 if ours else 0.8)
        if known := [float(value) for value in y if np.isfinite(value)]:
            spots[model] = (float(x[-1]), known[-1])
    axes.set_xticks(range(len(labels)), wrapped(labels), fontsize=SMALL)
    axes.set_xlim(-0.35, len(labels) - 0.65)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    name_ends(axes, spots)


def means(row: Sequence[Value | None]) -> Floats:
    """Return the means of a row, NaN where there is none."""
    return np.array([at["mean"] if finite(at) else np.nan for at in row], np.float64)


def name_ends(axes: Axes, spots: Mapping[str, tuple[float, float]], gap: float = 0.085) -> None:
    """Name lines right of the axes, each beside its end or led to it; no name lies on another.

    `spots` holds, by name, where a line ends. Limits must be set before. `gap` is the least
    distance of two names as a share of the axes' height.
    """
    to_axes = axes.transScale + axes.transLimits
    at = {name: to_axes.transform(spot) for name, spot in spots.items()}
    names = sorted(at, key=lambda name: float(at[name][1]))
    wanted = [max(float(at[name][1]), i * gap) for i, name in enumerate(names)]
    for name, y in zip(names, apart(wanted, gap), strict=True):
        end = float(at[name][1])
        axes.plot(
            [float(at[name][0]) + 0.015, 1.0, 1.02],
            [end, end, y],
            color=hue(name),
            linewidth=0.5,
            transform=axes.transAxes,
            clip_on=False,
            zorder=1,
        )
        axes.text(1.03, y, plain(name), transform=axes.transAxes, **text(hue(name)))


def apart(wanted: Sequence[float], gap: float) -> list[float]:
    """Return places at least `gap` apart that are as near as can be to `wanted`, which ascend.

    >>> [round(place, 6) for place in apart([0.0, 0.0, 1.0], 0.2)]
    [-0.1, 0.1, 1.0]
    """
    blocks: list[tuple[float, int]] = []  # mean of a block of neighbours that touch, and its size
    for i, place in enumerate(wanted):
        mean, size = place - i * gap, 1
        while blocks and blocks[-1][0] > mean:
            before, count = blocks.pop()
            mean, size = (before * count + mean * size) / (count + size), count + size
        blocks.append((mean, size))
    placed = [mean for mean, size in blocks for _ in range(size)]
    return [place + i * gap for i, place in enumerate(placed)]


def name_curves(
    axes: Axes, curves: Mapping[str, tuple[Floats, Floats]], colour: Callable[[str], str]
) -> None:
    """Name each curve on itself, where it is farthest from all others; no name lies on another.

    Limits must be set before; the last curve is placed first.
    """
    to_axes = axes.transScale + axes.transLimits
    lines = {
        name: _dense(np.array(to_axes.transform(np.column_stack(curve))))
        for name, curve in curves.items()
    }
    taken: list[tuple[Floats, Floats]] = []
    for name in reversed(list(lines)):
        half = np.array([0.009 * len(name) + 0.01, 0.035])  # of a name, as a share of the axes
        line = lines[name]
        inside = ((line > half) & (line < 1 - half)).all(axis=1)
        places = line[inside] if inside.any() else line
        room = np.full(len(places), np.inf)
        for other in lines:
            if other != name:
                away = np.abs(places[:, None] - lines[other][None]) / half
                room = np.minimum(room, away.max(axis=2).min(axis=1))
        for spot, size in taken:
            meets = (np.abs(places - spot) < half + size).all(axis=1)
            room = np.where(meets, -1.0, room)
        spot = places[int(np.argmax(room))]
        taken.append((spot, half))
        axes.text(
            float(spot[0]),
            float(spot[1]),
            plain(name),
            transform=axes.transAxes,
            ha="center",
            path_effects=HALO,
            zorder=6,
            **text(colour(name)),
        )


def _dense(line: Floats, points: int = 300) -> Floats:
    """Return a line with points enough that a name can stand anywhere on it."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.linspace(0, along[-1], points)
    return np.column_stack([np.interp(at, along, line[:, i]) for i in range(2)])


def key(axes: Axes, entries: Sequence[tuple[str, str, str]]) -> None:
    """Put a key above the axes, under their title; an entry is a mark, its colour and its name."""
    rows: list[list[Artist]] = [[]]
    used = 0
    for mark, colour, name in entries:
        if rows[-1] and used + len(name) + 4 > LINE:
            rows.append([])
            used = 0
        used += len(name) + 4
        said = TextArea(plain(name), textprops={"color": MUTED, "fontsize": SMALL})
        drawn = TextArea(mark, textprops={"color": colour, "fontsize": SMALL})
        rows[-1].append(HPacker(children=[drawn, said], pad=0, sep=3))
    packed: list[Artist] = [HPacker(children=row, pad=0, sep=9) for row in rows]
    box = AnchoredOffsetbox(
        "lower left",
        child=VPacker(children=packed, pad=0, sep=3),
        frameon=False,
        borderpad=0.15,
        pad=0,
        bbox_to_anchor=(0, 1),
        bbox_transform=axes.transAxes,
    )
    axes.add_artist(box)
    dressed: dict[str, Any] = {"fontsize": BODY, "color": INK, "fontweight": "bold"}
    axes.set_title(axes.get_title(loc="left"), loc="left", pad=6 + 14 * len(rows), **dressed)


def guide(axes: Axes, count: int) -> None:
    """Draw a faint line behind each of `count` rows."""
    for i in range(count):
        axes.axhline(i, color=FAINT, linewidth=0.6, zorder=0)


def rows_down(axes: Axes, names: Sequence[str], ours: str = SHIPPED) -> None:
    """Name rows from the top downwards; what ships is vermilion."""
    axes.set_yticks(range(len(names)), [plain(name) for name in names], fontsize=SMALL)
    axes.set_ylim(len(names) - 0.5, -0.5)
    for tick, name in zip(axes.get_yticklabels(), names, strict=True):
        if name == ours:
            tick.set_color(ACCENT)


def wrapped(labels: Sequence[str]) -> list[str]:
    """Return labels of an axis across, broken so that they stand beside one another."""
    width = max(6, 52 // max(len(labels), 1))
    return [
        "\n".join(fill(part, width) for part in plain(one, 4 * width).split("\n")) for one in labels
    ]


def plain(name: str, at_most: int = NAME_AT_MOST) -> str:
    r"""Return a name as a figure can show it: not too long, no formula, no missing glyph.

    >>> plain("Ke$ha"), plain("x" * 40)
    ('Ke\\$ha', 'xxxxxxxxxxxxxxxxxxxxx…')
    """
    known = "".join(char if char == "\n" or _has(char) else "□" for char in name)
    short = known if len(known) <= at_most else f"{known[: at_most - 1].rstrip()}…"
    return short.replace("$", r"\$")


@cache
def _has(char: str) -> bool:
    """Say whether the font of the figures can write a character."""
    return bool(get_font(findfont(FontProperties())).get_char_index(ord(char)))
