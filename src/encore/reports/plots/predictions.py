"""Predicted beside true plays: where predictions err, and which way."""

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from encore.errors import InputError
from encore.metrics.arrays import Floats
from encore.reports.style import (
    ACCENT,
    DENSITY,
    INK,
    SECOND,
    SMALL,
    beside,
    dress,
    figure_of,
)


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
    count_plays(density.xaxis, high)
    count_plays(density.yaxis, high)

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
    count_plays(residuals.xaxis, reach)
    return figure


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


def count_plays(axis: Axis, high: float) -> None:
    """Label an axis of log1p(plays) in plays."""
    plays = [0, *(10**power for power in range(9))]
    if np.expm1(high) < 20:
        plays = [0, 1, 2, 5, 10]
    plays = [count for count in plays if np.log1p(count) <= high]
    if len(plays) > 6:
        plays = plays[::2]
    axis.set_major_locator(FixedLocator([float(np.log1p(count)) for count in plays]))
    axis.set_ticklabels([f"{count}" if count < 1000 else f"{count / 1e3:,.0f}k" for count in plays])
