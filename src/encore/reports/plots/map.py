"""A map of what is played: near one another is what the same listeners play."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath

from encore.metrics.arrays import Floats
from encore.reports.plots.marks import HALO, key, plain
from encore.reports.style import INK, KINDS, MUTED, PAPER, SECOND, SMALL, WIDTH, dress, figure_of

NAMED = 20  # at most
TRIED = 60  # of the best known, until so many have a place
MARGIN = 0.03  # of the figure's width
KEY_HEIGHT = 0.75  # inches, above the map
POINTS = 72  # an inch
LARGEST, SMALLEST, SIZES = 17.0, 2.2, 12  # diameters in points, and how many there are

Box = tuple[float, float, float, float]  # left, bottom, right, top, in points


def plot_map(found: Mapping[str, Any]) -> Figure:
    """Return artists (or tracks) as points, the best known named, in the colours of genres.

    `found` is an analysis' "map": {"what", "artists": [{"name", "x", "y", "genre", "listeners"}],
    "genres": [name]}; what is of none of these genres is grey.
    """
    side = WIDTH * (1 - 2 * MARGIN)
    height = side + WIDTH * MARGIN + KEY_HEIGHT
    figure = figure_of(height)
    figure.set_layout_engine("none")  # the map is a square, whatever its key takes
    axes = figure.add_axes((MARGIN, WIDTH * MARGIN / height, 1 - 2 * MARGIN, side / height))
    dress(axes, f"{found['what']}s that the same listeners play")
    axes.set_axis_off()
    artists = sorted(found["artists"], key=lambda one: -one["listeners"])
    colours = dict(zip(found["genres"], KINDS, strict=False))
    spots = _spread(artists) * side * POINTS
    sizes = _diameters(artists)
    rest = MUTED if colours else SECOND  # where no genre is known, nothing stands back
    for genre in (None, *colours):  # others below
        these = [i for i, one in enumerate(artists) if _shown(one["genre"], colours) == genre]
        # Dots of one size are one shape in the file, which else would be ten times as large.
        for size in np.unique(sizes[these])[::-1]:
            dots = [i for i in these if sizes[i] == size]
            axes.plot(
                spots[dots, 0],
                spots[dots, 1],
                "o",
                color=colours[genre] if genre else rest,
                markersize=float(size),
                markeredgecolor=PAPER,
                markeredgewidth=0.4,
                alpha=0.85 if genre else 0.35 if colours else 0.6,
            )
    _name_them(axes, artists, spots, sizes, side * POINTS)
    axes.set_xlim(0, side * POINTS)
    axes.set_ylim(0, side * POINTS)
    entries = [("●", colour, genre) for genre, colour in colours.items()]
    if colours and any(one["genre"] not in colours for one in artists):
        entries.append(("●", MUTED, "other"))
    if entries:
        key(axes, entries)
    return figure


def _shown(genre: str | None, colours: Mapping[str, str]) -> str | None:
    """Return a genre that has a colour; else None."""
    return genre if genre in colours else None


def _spread(artists: Sequence[Mapping[str, Any]]) -> Floats:
    """Return places between 0 and 1, both axes on one scale, far outliers at the edge."""
    at = np.array([(one["x"], one["y"]) for one in artists], np.float64).reshape(-1, 2)
    if not len(at):
        return at
    low, high = np.quantile(at, [0.005, 0.995], axis=0)
    span = float((high - low).max()) or 1.0
    spread: Floats = np.clip(0.5 + 0.92 * (at - (low + high) / 2) / span, 0.015, 0.985)
    return spread


def _diameters(artists: Sequence[Mapping[str, Any]]) -> Floats:
    """Return diameters whose areas are as the listeners, to the next of `SIZES`."""
    counts = np.array([one["listeners"] for one in artists], np.float64)
    exact = LARGEST * np.sqrt(counts / max(counts.max(initial=0.0), 1.0))
    steps = np.geomspace(SMALLEST, LARGEST, SIZES)
    away = np.log(np.maximum(exact, SMALLEST))[:, None] - np.log(steps)
    sizes: Floats = steps[np.abs(away).argmin(axis=1)]
    return sizes


def _name_them(
    axes: Axes, artists: Sequence[Mapping[str, Any]], spots: Floats, sizes: Floats, side: float
) -> None:
    """Name the best known, each where its name lies on no other name and no better known point."""
    taken: list[Box] = []
    discs = [
        (x - size / 2, y - size / 2, x + size / 2, y + size / 2)
        for (x, y), size in zip(spots[:NAMED], sizes[:NAMED], strict=False)
    ]
    for i, one in enumerate(artists[:TRIED]):
        name = plain(one["name"])
        wide = float(TextPath((0, 0), name, size=SMALL).get_extents().width) + 2
        x, y = (float(value) for value in spots[i])
        away = float(sizes[i]) / 2 + 1.5
        places = (
            (x + away, y - SMALL / 2),
            (x - away - wide, y - SMALL / 2),
            (x - wide / 2, y + away),
            (x - wide / 2, y - away - SMALL),
        )
        others = [*taken, *discs[:i]]
        for left, bottom in places:
            box = (left, bottom - 1, left + wide, bottom + SMALL + 1)
            inside = left >= 0 and bottom >= 0 and box[2] <= side and box[3] <= side
            if inside and not any(_meet(box, other) for other in others):
                taken.append(box)
                axes.text(
                    left,
                    bottom + SMALL / 2,
                    name,
                    color=INK,
                    fontsize=SMALL,
                    va="center",
                    path_effects=HALO,
                    zorder=9,
                )
                break
        if len(taken) == NAMED:
            return


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
