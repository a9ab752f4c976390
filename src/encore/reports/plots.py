"""The figures: training, predictions, bias, boards and cold start.

Pure functions from numbers to a matplotlib `Figure`. None touches pyplot or any other global state,
so that a server's threads may draw at the same time.
"""

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from encore.errors import InputError
from encore.reports.style import (
    ACCENT,
    FAINT,
    INK,
    MUTED,
    PAPER,
    SECOND,
    SMALL,
    beside,
    dress,
    figure_of,
    text,
)
from encore.reports.verdict import Board, Value, finite, label, lower_is_better
from encore.wording import counted

Floats = npt.NDArray[np.float64]

DENSITY = LinearSegmentedColormap.from_list("density", ["#dfe6ea", "#7fa3bd", SECOND, "#10283d"])

NORMAL_95 = 1.96  # half-width of a 95 % interval in standard errors


def plot_training(history: Sequence[Mapping[str, Any]]) -> Figure:
    """Return losses, validation metrics, learning rate and throughput by epoch.

    A row of `history` may hold epoch, train_loss, train_plays_loss, train_rank_loss, val_loss,
    val_rmse, val_r2, val_ndcg, learning_rate, samples_per_second and best (true on the epoch whose
    weights were restored); panels of which no row has a value are left out.

    Raises `InputError` where `history` is empty.
    """
    if not history:
        raise InputError("history: no epochs, expected one row or more")
    losses = {
        "val_loss": ("validation", ACCENT, 1.8),
        "train_loss": ("training", INK, 1.8),
        "train_plays_loss": ("plays part", MUTED, 1.0),
        "train_rank_loss": ("rank part", MUTED, 1.0),
    }
    rows = [
        [losses],
        [
            {"val_rmse": ("val. RMSE", SECOND, 1.6)},
            {"val_r2": ("val. R²", SECOND, 1.6)},
            {"val_ndcg": ("val. NDCG", SECOND, 1.6)},
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
    best = [row.get("epoch", i + 1) for i, row in enumerate(history) if row.get("best")]
    figure = figure_of(1.2 + 1.5 * len(present))
    parts = figure.subfigures(len(present), 1, squeeze=False)[:, 0]
    for part, row in zip(parts, present, strict=True):
        part.set_facecolor(PAPER)
        for axes, panel in zip(part.subplots(1, len(row), squeeze=False)[0], row, strict=True):
            title = "loss" if panel is losses else next(iter(panel.values()))[0]
            dress(axes, title)
            _draw_curves(axes, history, panel, name_them=panel is losses)
            for epoch in best[-1:]:
                axes.axvline(epoch, color=ACCENT, linewidth=0.8, linestyle=(0, (3, 3)), zorder=0)
                if row is present[0]:
                    axes.set_title(
                        f"restored: epoch {epoch}", loc="right", fontsize=SMALL, color=ACCENT
                    )
    for axes in parts[-1].axes:
        axes.set_xlabel("epoch", fontsize=SMALL, color=MUTED)
    return figure


def plot_prediction_analysis(metrics: Mapping[str, Any]) -> Figure:
    """Return the 2 x 2 of predictions: density, error distribution, Q-Q and residuals.

    `metrics` holds arrays "predictions" and "targets" of log1p(plays), one value for each held-out
    pair. Raises `InputError` where they are empty, unequal in length or not finite.
    """
    predictions, targets = _pair(metrics["predictions"], metrics["targets"])
    errors = predictions - targets
    figure = figure_of(5.8)
    (density, histogram), (quantiles, residuals) = figure.subplots(2, 2)

    dress(density, "predicted by true plays", "true plays", "predicted plays")
    low, high = min(0.0, predictions.min()), max(predictions.max(), targets.max(), 1.0) * 1.02
    _hexagons(density, targets, predictions, (low, high, low, high))
    density.plot([low, high], [low, high], color=ACCENT, linewidth=1.0)
    density.annotate("exact", (high, high), (-16, -1), **beside(ACCENT, "right", "top"))
    _count_plays(density.xaxis, high)
    _count_plays(density.yaxis, high)

    dress(histogram, "errors", "predicted minus true, log1p")
    span = float(np.quantile(np.abs(errors), 0.995)) or 1.0
    histogram.hist(errors, bins=41, range=(-span, span), color=SECOND, alpha=0.75)
    histogram.axvline(0, color=INK, linewidth=0.8)
    histogram.axvline(errors.mean(), color=ACCENT, linewidth=1.4)
    histogram.set_yticks([])
    histogram.set_title(f"mean {errors.mean():+.3f}", loc="right", fontsize=SMALL, color=ACCENT)

    dress(quantiles, "Q-Q of errors", "normal quantile", "error, standard deviations")
    shares = (np.arange(min(len(errors), 200)) + 0.5) / min(len(errors), 200)
    normal = np.array([NormalDist().inv_cdf(share) for share in shares])
    standard = (np.quantile(errors, shares) - errors.mean()) / (errors.std() or 1.0)
    edge = float(np.abs(normal).max()) or 1.0
    quantiles.plot([-edge, edge], [-edge, edge], color=ACCENT, linewidth=1.0)
    quantiles.plot(normal, standard, "o", color=SECOND, markersize=2.4, markeredgewidth=0)

    dress(residuals, "residuals", "predicted plays", "true minus predicted, log1p")
    reach = max(predictions.max(), low + 1.0)
    _hexagons(residuals, predictions, -errors, (low, reach, -span * 1.4, span * 1.4))
    residuals.axhline(0, color=INK, linewidth=0.8)
    groups = np.array_split(np.argsort(predictions), min(12, len(errors)))
    middle = [float(np.median(predictions[group])) for group in groups]
    residuals.plot(middle, [float(np.mean(-errors[group])) for group in groups], color=ACCENT)
    residuals.set_title("mean", loc="right", fontsize=SMALL, color=ACCENT)
    _count_plays(residuals.xaxis, reach)
    return figure


def plot_bias_by_range(predictions: npt.ArrayLike, targets: npt.ArrayLike) -> Figure:
    """Return the mean error, with its 95 % interval, by range of true plays.

    Both arrays hold log1p(plays). The ranges are quantiles of the raw plays, so that each holds
    about as many pairs. Raises `InputError` as `plot_prediction_analysis` does.
    """
    predicted, true = _pair(predictions, targets)
    plays = np.expm1(true).round()
    edges = np.unique(np.quantile(plays, np.linspace(0, 1, 9)[1:], method="higher"))
    place = np.searchsorted(edges, plays)
    bins = range(len(edges))
    figure = figure_of(1.2 + 0.34 * len(edges))
    axes = figure.subplots()
    dress(axes, "mean error by true plays", "predicted minus true, log1p plays")
    axes.axvline(0, color=INK, linewidth=0.8)
    names = []
    for i in bins:
        errors, inside = (predicted - true)[place == i], plays[place == i]
        half = NORMAL_95 * errors.std() / np.sqrt(len(errors))
        axes.plot([errors.mean() - half, errors.mean() + half], [i, i], color=ACCENT, linewidth=1.6)
        axes.plot(errors.mean(), i, "o", color=ACCENT, markersize=6)
        first, last = f"{inside.min():,.0f}", f"{inside.max():,.0f}"
        names.append(first if first == last else f"{first} to {last}")
        axes.text(1.02, i, f"{len(errors):,}", transform=axes.get_yaxis_transform(), **text(MUTED))
    axes.set_title("pairs", loc="right", fontsize=SMALL, color=MUTED, x=1.09)
    axes.set_yticks(list(bins), names, fontsize=SMALL)
    axes.set_ylim(-0.6, len(edges) - 0.4)
    return figure


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
            _dot(axes, board[model].get(metric), i, ACCENT if ours else MUTED, 7 if ours else 5.5)
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

    `rungs` holds a board for each number of rows. The interval is drawn for `highlight` alone; all
    others are named at the end of their line.
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
    for model in models:
        ours = model == highlight
        colour = ACCENT if ours else MUTED
        row = [rungs[k].get(model, {}).get(metric) or {} for k in steps]
        y = np.array([value.get("mean", np.nan) for value in row], np.float64)
        axes.plot(x, y, color=colour, linewidth=2.2 if ours else 1.0, zorder=3 if ours else 2)
        if ours:
            low, high = (
                np.array([value.get(end) or np.nan for value in row], np.float64)
                for end in ("low", "high")
            )
            axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
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
            edge = _dot(axes, at, y, colours[model], 6, markers[model])
            if edge is not None:
                axes.annotate(model, (edge, y), (6, 0), **beside(colours[model], "left", "center"))
    names = [f"{group['group']}\n{counted(group['rows'], 'row')}" for group in groups]
    axes.set_yticks(range(len(groups)), names, fontsize=SMALL)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    left, right = axes.get_xlim()
    axes.set_xlim(left, right + 0.4 * (right - left))  # room for the names
    return figure


def _series(history: Sequence[Mapping[str, Any]], key: str) -> tuple[Floats, Floats]:
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
    history: Sequence[Mapping[str, Any]],
    panel: Mapping[str, tuple[str, str, float]],
    *,
    name_them: bool,
) -> None:
    ends = []
    for key, (name, colour, width) in panel.items():
        epochs, values = _series(history, key)
        if not values.size:
            continue
        marker = "o" if values.size < 3 else None
        axes.plot(epochs, values, color=colour, linewidth=width, marker=marker, markersize=4)
        if key == "samples_per_second":
            axes.set_ylim(0, 1.15 * values.max())
        ends.append((float(values[-1]), name, colour))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(_tick))
    if name_them:
        low, high = axes.get_ylim()
        floor = -1.0
        for value, name, colour in sorted(ends):
            # labels that would lie on each other move up
            floor = max((value - low) / (high - low), floor + 0.13)
            axes.text(1.02, floor, name, transform=axes.transAxes, **text(colour))


def _tick(value: float, _position: int) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _pair(predictions: npt.ArrayLike, targets: npt.ArrayLike) -> tuple[Floats, Floats]:
    one, other = (np.asarray(values, dtype=np.float64).ravel() for values in (predictions, targets))
    if not one.size or one.shape != other.shape or not np.isfinite([one, other]).all():
        raise InputError(
            f"predictions ({one.size}) and targets ({other.size}): "
            "expected two finite arrays of one length, not empty"
        )
    return one, other


def _hexagons(axes: Axes, x: Floats, y: Floats, extent: tuple[float, float, float, float]) -> None:
    inside = (x >= extent[0]) & (x <= extent[1]) & (y >= extent[2]) & (y <= extent[3])
    axes.hexbin(
        x[inside],
        y[inside],
        gridsize=34,
        extent=extent,
        bins="log",
        mincnt=1,
        cmap=DENSITY,
        linewidths=0.1,
    )
    axes.set_xlim(extent[:2])
    axes.set_ylim(extent[2:])


def _count_plays(axis: Axis, high: float) -> None:
    """Label an axis of log1p(plays) in plays."""
    plays = [0, *(10**power for power in range(9))]
    if np.expm1(high) < 20:
        plays = [0, 1, 2, 5, 10]
    plays = [count for count in plays if np.log1p(count) <= high]
    if len(plays) > 6:
        plays = plays[::2]
    axis.set_major_locator(FixedLocator([float(np.log1p(count)) for count in plays]))
    axis.set_ticklabels([f"{count}" if count < 1000 else f"{count / 1e3:,.0f}k" for count in plays])


def _rank(metrics: Mapping[str, Value], metric: str) -> float:
    at = metrics.get(metric)
    if not finite(at):
        return np.inf
    return at["mean"] if lower_is_better(metric) else -at["mean"]


def _dot(
    axes: Axes, at: Value | None, y: float, colour: str, size: float, marker: str = "o"
) -> float | None:
    """Draw a mean and its interval; return where the mark ends, None where there is no mean."""
    if not finite(at):
        return None
    mean = at["mean"]
    low, high = (mean if end is None else end for end in (at.get("low"), at.get("high")))
    axes.plot([low, high], [y, y], color=colour, linewidth=1.6)
    axes.plot(mean, y, marker, color=colour, markersize=size)
    return high
