"""What is recommended of a catalogue: how few take how much, how popular, of which genres."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from encore.reports.naming import SHIPPED
from encore.reports.plots.marks import (
    SHARES,
    guide,
    hue,
    key,
    name_curves,
    name_ends,
    rows_down,
    shipped_last,
)
from encore.reports.style import ACCENT, INK, MUTED, SMALL, dress, figure_of

PLAYED = "training plays"
CURVES = 5  # of models; more would lie on one another


def plot_concentration(exposure: Mapping[str, Any]) -> Figure:
    """Return the share of all slots, and of training plays, that the first n tracks take.

    Reads `exposure["concentration"]`: {"tracks": [n], "played": [share], "models": {model:
    [share]}}; each curve has its own order, its most listed track first.
    """
    found = exposure["concentration"]
    tracks = np.array(found["tracks"], np.float64)
    models = shipped_last(list(found["models"])[:CURVES])
    shares = {PLAYED: found["played"]} | {model: found["models"][model] for model in models}
    curves = {name: (tracks, np.array(row, np.float64)) for name, row in shares.items()}
    figure = figure_of(3.8)
    axes = figure.subplots()
    dress(axes, "how few take how much", "the first n of the catalogue", "share of all")
    for name, (x, y) in curves.items():
        width = 2.2 if name in (PLAYED, SHIPPED) else 1.0
        marker = "o" if len(x) < 2 else None
        axes.plot(x, y, color=_hue(name), linewidth=width, marker=marker)
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:,.0f}"))
    axes.yaxis.set_major_formatter(SHARES)
    axes.set_xlim(tracks[0] * 0.95, max(tracks[-1], tracks[0] * 10) * 1.05)
    axes.set_ylim(0, 1.03)
    name_curves(axes, curves, _hue)
    return figure


def plot_deciles(exposure: Mapping[str, Any]) -> Figure:
    """Return by how much lists give more or less to each tenth of the catalogue than plays do.

    Reads `exposure["deciles"]`: {"played": [10 shares], "models": {model: [10 shares]}}, the least
    popular tenth first.
    """
    found = exposure["deciles"]
    played = 100 * np.array(found["played"], np.float64)
    tenths = np.arange(1, len(played) + 1)
    figure = figure_of(3.6)
    axes = figure.subplots()
    dress(axes, "listed more, or less, than played", "tenth of the catalogue", "percent of all")
    axes.axhline(0, color=INK, linewidth=0.8)
    spots = {}
    for model in shipped_last(found["models"]):
        ours = model == SHIPPED
        more = 100 * np.array(found["models"][model], np.float64) - played
        if ours:
            axes.bar(tenths, more, width=0.6, color=ACCENT, alpha=0.22, linewidth=0)
        axes.plot(tenths, more, color=hue(model), linewidth=2.0 if ours else 1.0)
        axes.plot(tenths, more, "o", color=hue(model), markersize=5 if ours else 2.6)
        spots[model] = (float(tenths[-1]), float(more[-1]))
    ends = {1: "1\nleast\nplayed", len(played): f"{len(played)}\nmost\nplayed"}
    axes.set_xticks(tenths, [ends.get(int(n), f"{n}") for n in tenths], fontsize=SMALL)
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda points, _: f"{points:+.3g}" if points else "0")
    )
    axes.set_xlim(0.4, len(played) + 0.6)
    name_ends(axes, spots)
    return figure


def plot_genres(exposure: Mapping[str, Any]) -> Figure:
    """Return the share that each genre has of plays and of the slots of what ships.

    Reads `exposure["genres"]`: [{"genre", "listed": share, "played": share}].
    """
    genres = exposure["genres"]
    figure = figure_of(1.2 + 0.27 * len(genres))
    axes = figure.subplots()
    dress(axes, "genres, listed and played", "share of slots, of training plays")
    guide(axes, len(genres))
    for i, one in enumerate(genres):
        axes.plot([one["played"], one["listed"]], [i, i], color=MUTED, linewidth=2.0)
        axes.plot(one["played"], i, "o", color=INK, markersize=6)
        axes.plot(one["listed"], i, "o", color=ACCENT, markersize=6)
    rows_down(axes, [one["genre"] for one in genres], ours="")
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(SHARES)
    key(axes, [("●", INK, "played in training"), ("●", ACCENT, "listed by encore")])
    return figure


def plot_coverage(coverage: Mapping[str, Any]) -> Figure:
    """Return how much of the catalogue stands in some list, by the length of lists.

    `coverage` is an analysis' "coverage": {"catalogue", "k": [length], "models": {model: [share]}}.
    """
    lengths = coverage["k"]
    x = np.arange(len(lengths))
    figure = figure_of(3.6)
    axes = figure.subplots()
    dress(axes, f"in some list, of {coverage['catalogue']:,}", "length of lists")
    spots = {}
    for model in shipped_last(coverage["models"]):
        ours, y = model == SHIPPED, np.array(coverage["models"][model], np.float64)
        axes.plot(x, y, color=hue(model), linewidth=2.2 if ours else 1.0)
        axes.plot(x, y, "o", color=hue(model), markersize=5.5 if ours else 3.0)
        spots[model] = (float(x[-1]), float(y[-1]))
    axes.set_xticks(x, [f"{k}" for k in lengths], fontsize=SMALL)
    axes.yaxis.set_major_formatter(SHARES)
    axes.set_xlim(-0.2, max(len(lengths) - 0.9, 0.2))
    axes.set_ylim(bottom=0)
    name_ends(axes, spots)
    return figure


def _hue(name: str) -> str:
    return INK if name == PLAYED else hue(name)
