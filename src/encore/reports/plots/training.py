"""How a training went: losses, what validation said, learning rate, speed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from encore.errors import InputError
from encore.metrics.arrays import Floats
from encore.models.epochs import REFIT
from encore.reports.style import ACCENT, INK, MUTED, PAPER, SECOND, SMALL, dress, figure_of, text

SPANS = 8.0  # times its least value that a learning rate must reach for a logarithmic axis
FEW = 4  # points below which each is marked

History = Sequence[Mapping[str, Any]]


def plot_training(history: History) -> Figure:
    """Return losses, validation metrics, learning rate and throughput by epoch.

    A row of `history` may hold epoch, phase, train_loss, train_plays_loss, train_rank_loss,
    val_loss, val_rmse, val_r2, val_ndcg, learning_rate, samples_per_second and best (true on an
    epoch that was better than all before); panels of which no row has a value are left out. The
    epochs of the fit on all rows (phase "refit") have the same numbers as those that they repeat,
    and are drawn dashed over these.

    Raises `InputError` where `history` is empty.
    """
    if not history:
        raise InputError("history: no epochs, expected one row or more")
    again = [row for row in history if row.get("phase") == REFIT]
    tried = [row for row in history if row.get("phase") != REFIT]
    losses = {
        "val_loss": ("validation", ACCENT, 1.8),
        "train_loss": ("training", INK, 1.8),
        "train_plays_loss": ("plays part", MUTED, 1.0),
        "train_rank_loss": ("rank part", MUTED, 1.0),
    }
    rows = [
        [losses],
        [
            {"val_ndcg": ("val. NDCG@10", SECOND, 1.6)},
            {"val_rmse": ("val. RMSE", SECOND, 1.6)},
            {"val_r2": ("val. R²", SECOND, 1.6)},
        ],
        [
            {"learning_rate": ("learning rate", INK, 1.4)},
            {"samples_per_second": ("samples a second", INK, 1.4)},
        ],
    ]
    present = [
        [panel for panel in row if any(_series(history, key)[0].size for key in panel)]
        for row in rows
    ]
    present = [row for row in present if row] or [[losses]]
    best = [row.get("epoch", i + 1) for i, row in enumerate(tried) if row.get("best")]
    figure = figure_of(1.2 + 1.5 * len(present))
    parts = figure.subfigures(len(present), 1, squeeze=False)[:, 0]
    for part, row in zip(parts, present, strict=True):
        part.set_facecolor(PAPER)
        for axes, panel in zip(part.subplots(1, len(row), squeeze=False)[0], row, strict=True):
            dress(axes, "loss" if panel is losses else next(iter(panel.values()))[0])
            _draw_curves(axes, tried, again, panel, name_them=panel is losses)
            for epoch in best[-1:]:
                axes.axvline(epoch, color=ACCENT, linewidth=0.8, linestyle=(0, (3, 3)), zorder=0)
                if row is present[0]:
                    axes.set_title(
                        f"best: epoch {epoch}", loc="right", fontsize=SMALL, color=ACCENT
                    )
    for axes in parts[-1].axes:
        axes.set_xlabel("epoch", fontsize=SMALL, color=MUTED)
    return figure


def _series(history: History, key: str) -> tuple[Floats, Floats]:
    """Return the epochs that have a finite value of `key`, and the values."""
    points = [
        (float(row.get("epoch", i + 1)), float(row[key]))
        for i, row in enumerate(history)
        if row.get(key) is not None and np.isfinite(row[key])
    ]
    found = np.array(points, dtype=np.float64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _draw_curves(
    axes: Axes,
    tried: History,
    again: History,
    panel: Mapping[str, tuple[str, str, float]],
    *,
    name_them: bool,
) -> None:
    curves = [(tried, key, *look, "-") for key, look in panel.items()]
    shared = [key for key in ("train_loss", "samples_per_second") if key in panel]
    curves += [(again, key, "on all rows", SECOND, 1.4, "--") for key in shared]
    ends = []
    for history, key, name, colour, width, line in curves:
        epochs, values = _series(history, key)
        if not values.size:
            continue
        marker = "o" if values.size < FEW else None
        axes.plot(epochs, values, line, color=colour, linewidth=width, marker=marker, markersize=4)
        ends.append((float(values[-1]), name, colour))
    _scale(axes, [*tried, *again], panel)
    if name_them:
        low, high = axes.get_ylim()
        floor = -1.0
        for value, name, colour in sorted(ends):
            # labels that would lie on each other move up
            floor = max((value - low) / (high - low), floor + 0.13)
            axes.text(1.02, floor, name, transform=axes.transAxes, **text(colour))


def _scale(axes: Axes, history: History, panel: Mapping[str, Any]) -> None:
    """Let the axes begin and end where the reader looks: whole epochs, rates at 0."""
    epochs = np.concatenate([_series(history, key)[0] for key in panel])
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    if epochs.size and epochs.min() == epochs.max():
        axes.set_xlim(epochs[0] - 1, epochs[0] + 1)
    axes.yaxis.set_major_formatter(FuncFormatter(_tick))
    if len(panel) > 1 or not panel.keys() & {"learning_rate", "samples_per_second"}:
        return
    values = _series(history, next(iter(panel)))[1]
    axes.set_ylim(0, 1.15 * values.max() or 1.0)
    if "learning_rate" in panel and 0 < SPANS * values.min() <= values.max():
        axes.set_ylim(auto=True)
        axes.set_yscale("log")
        axes.autoscale_view()
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=6))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(_tick))


def _tick(value: float, _position: int) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
