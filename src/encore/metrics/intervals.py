"""How far a figure may be off because other listeners could have been asked: the bootstrap.

The listeners are drawn again, with replacement, as many as there are; the figure is computed anew;
the interval is the range of the middle `level` of such draws (percentile interval: Efron and
Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13). What varies is the choice of
listeners, not the training: several seeds answer that.

U listeners, S sums, R draws (resamples). Every figure here is a function of sums over listeners,
so a draw is one vector of counts times the matrix of sums. Counts are made one draw at a time:
memory is that of the input, whatever the number of draws.

The same seed, on the same number of listeners, draws the same listeners. Intervals are NaN below
two listeners: one says nothing about how others differ. `UsageError` where draws or level make no
sense.
"""

import math
from collections.abc import Callable, Hashable, Mapping
from typing import NamedTuple, TypeVar

import numpy as np

from encore.errors import InputError, UsageError
from encore.metrics.arrays import AnyInts, Floats, checked_rows, over
from encore.metrics.plays import Values, paired

Statistic = Callable[[Floats], Floats]
Key = TypeVar("Key", bound=Hashable)

# Columns of `play_sums`.
ROWS, ABSOLUTE, SQUARED, TARGET, TARGET_SQUARED, BASELINE_SQUARED = range(6)

# Equal targets have a spread of 0, of which the sums leave a rest of this relative size at most.
ROUNDING = 1e-12


class Interval(NamedTuple):
    """A figure and the range that the choice of listeners leaves it.

    >>> Interval(0.25, 0.2, float("nan")).to_json()
    {'mean': 0.25, 'low': 0.2, 'high': None}
    """

    mean: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | None]:
        """Return mean, low and high; null where there is none, as JSON has no NaN."""
        return {
            name: value if math.isfinite(value) else None for name, value in self._asdict().items()
        }


def mean_interval(
    values_U: Floats, seed: int = 0, draws: int = 1000, level: float = 0.95
) -> Interval:
    """Return the mean over listeners with its bootstrap interval. NaN listeners do not count.

    >>> mean_interval(np.array([0.0, 1.0, np.nan, 1.0, 0.0]))
    Interval(mean=0.5, low=0.0, high=1.0)
    """
    values_U = _vector(values_U, "values")
    values_U = values_U[~np.isnan(values_U)]
    sums_US = np.column_stack([values_U, np.ones_like(values_U)])
    return _interval(sums_US, _ratio, seed, draws, level)


def ratio_interval(
    ours_U: Floats, theirs_U: Floats, seed: int = 0, draws: int = 1000, level: float = 0.95
) -> Interval:
    """Return mean(ours) / mean(theirs) with its paired bootstrap interval.

    Both sides of a draw are the same listeners, so that what makes a listener easy or hard for all
    cancels. A listener counts where both have a value. `mean` is the ratio of the means, not the
    mean of ratios; NaN where theirs is 0. Draws in which theirs is 0 are left out of the range.

    >>> ratio_interval(np.array([0.2, 0.4, 0.6]), np.array([0.1, 0.2, 0.3])).mean
    2.0
    """
    ours_U, theirs_U = _vector(ours_U, "ours"), _vector(theirs_U, "theirs")
    if ours_U.shape != theirs_U.shape:
        raise InputError(
            f"{len(ours_U):,} listeners of ours, {len(theirs_U):,} of theirs; "
            "expected the same listeners in the same order"
        )
    pairs_US = np.column_stack([ours_U, theirs_U])
    return _interval(pairs_US[~np.isnan(pairs_US).any(axis=1)], _ratio, seed, draws, level)


def pooled_interval(
    sums_US: Floats, statistic: Statistic, seed: int = 0, draws: int = 1000, level: float = 0.95
) -> Interval:
    """Return a figure of pooled rows with its interval, listeners being drawn with all their rows.

    `sums_US` holds what each listener adds (see `play_sums`); `statistic` turns rows of summed sums
    into figures, R x S to R. Rows of one listener resemble each other: drawing rows instead of
    listeners would make the range too narrow. A listener who adds nothing (all sums 0) does not
    count.

    >>> sums = play_sums(np.array([0, 0, 1]), [1.0, 2.0, 3.0], [1.0, 4.0, 3.0], listeners=2)
    >>> pooled_interval(sums, pooled_mae).mean.__round__(4)
    0.6667
    """
    return pooled_intervals(sums_US, {"": statistic}, seed, draws, level)[""]


def pooled_intervals(
    sums_US: Floats,
    statistics: Mapping[Key, Statistic],
    seed: int = 0,
    draws: int = 1000,
    level: float = 0.95,
) -> dict[Key, Interval]:
    """Return several figures of pooled rows, as `pooled_interval` does, from the same draws.

    Many figures of one audience cost little more than one. A figure that a draw cannot have (none
    of its listeners was drawn) has its range from the others.

    >>> sums = np.array([[1.0, 2.0], [3.0, 2.0]])
    >>> found = pooled_intervals(sums, {"first": lambda s: s[:, 0], "ratio": lambda s: s[:, 0] / 4})
    >>> found["first"].mean, found["ratio"].mean
    (4.0, 1.0)
    """
    sums_US = _sums(sums_US)
    sums_US = sums_US[(sums_US != 0).any(axis=1)]
    return _intervals(sums_US, statistics, seed, draws, level)


def play_sums(
    user: AnyInts,
    predictions: Values,
    targets: Values,
    listeners: int,
    baseline: Values | None = None,
) -> Floats:
    """Return what each listener's rows add to RMSE, MAE, R2 and skill, U x 6.

    Columns: rows, sum |e|, sum e^2, sum (y - c), sum (y - c)^2, sum of the baseline's e^2 (0
    without one). c is the mean of all targets: R2 does not depend on it, but taken near the mean
    the sums do not cancel each other's digits.

    >>> play_sums(np.array([1, 1]), [1.0, 2.0], [1.0, 4.0], listeners=2)[1].tolist()
    [2.0, 2.0, 4.0, 0.0, 4.5, 0.0]
    """
    predictions_N, targets_N = paired(predictions, targets)
    user_N, _ = checked_rows(user, np.zeros(len(targets_N), np.int64), listeners, 1)
    centred_N = targets_N - targets_N.mean() if targets_N.size else targets_N
    error_N = predictions_N - targets_N
    columns = [np.ones_like(error_N), np.abs(error_N), error_N**2, centred_N, centred_N**2]
    if baseline is None:
        columns.append(np.zeros_like(error_N))
    else:
        columns.append((paired(baseline, targets_N)[0] - targets_N) ** 2)
    return np.column_stack([np.bincount(user_N, column, listeners) for column in columns])


def pooled_rmse(sums_RS: Floats) -> Floats:
    """Return the RMSE of each row of summed `play_sums`, NaN on no rows.

    >>> pooled_rmse(np.array([[2.0, 2.0, 8.0, 0.0, 1.0, 0.0]])).tolist()
    [2.0]
    """
    return np.sqrt(over(sums_RS[:, SQUARED], sums_RS[:, ROWS]))


def pooled_mae(sums_RS: Floats) -> Floats:
    """Return the MAE of each row of summed `play_sums`, NaN on no rows.

    >>> pooled_mae(np.array([[2.0, 1.0, 8.0, 0.0, 1.0, 0.0]])).tolist()
    [0.5]
    """
    return over(sums_RS[:, ABSOLUTE], sums_RS[:, ROWS])


def pooled_r2(sums_RS: Floats) -> Floats:
    """Return the R2 of each row of summed `play_sums`, NaN where its targets are all equal.

    >>> pooled_r2(np.array([[2.0, 1.0, 1.0, 0.0, 4.0, 0.0]])).tolist()
    [0.75]
    """
    spread = sums_RS[:, TARGET_SQUARED] - over(sums_RS[:, TARGET] ** 2, sums_RS[:, ROWS])
    spread[spread <= ROUNDING * sums_RS[:, TARGET_SQUARED]] = 0
    return 1 - over(sums_RS[:, SQUARED], spread)


def pooled_skill(sums_RS: Floats) -> Floats:
    """Return the skill of each row of summed `play_sums`, NaN where the baseline has no error.

    >>> pooled_skill(np.array([[2.0, 1.0, 1.0, 0.0, 4.0, 2.0]])).tolist()
    [0.5]
    """
    return 1 - over(sums_RS[:, SQUARED], sums_RS[:, BASELINE_SQUARED])


def _interval(
    sums_US: Floats, statistic: Statistic, seed: int, draws: int, level: float
) -> Interval:
    return _intervals(sums_US, {"": statistic}, seed, draws, level)[""]


def _intervals(
    sums_US: Floats, statistics: Mapping[Key, Statistic], seed: int, draws: int, level: float
) -> dict[Key, Interval]:
    if draws < 1 or not 0 < level < 1:
        raise UsageError(f"draws = {draws}, level = {level}: expected 1 or more, and 0 < level < 1")
    found: dict[Key, Interval] = {}
    sums_S = sums_US.sum(axis=0)[None]
    sums_RS = _resampled(sums_US, seed, draws) if len(sums_US) > 1 else None
    for name, statistic in statistics.items():
        mean = float(statistic(sums_S)[0]) if len(sums_US) else math.nan
        found[name] = Interval(mean, math.nan, math.nan)
        if sums_RS is None or math.isnan(mean):
            continue
        figures_R = statistic(sums_RS)
        figures_R = figures_R[~np.isnan(figures_R)]
        if figures_R.size:
            low, high = np.quantile(figures_R, [(1 - level) / 2, (1 + level) / 2])
            found[name] = Interval(mean, float(low), float(high))
    return found


def _sums(sums_US: Floats) -> Floats:
    sums_US = np.asarray(sums_US, np.float64)
    if sums_US.ndim != 2 or not np.isfinite(sums_US).all():
        raise InputError(f"sums of shape {sums_US.shape}; expected finite, listeners x sums")
    return sums_US


def _resampled(sums_US: Floats, seed: int, draws: int) -> Floats:
    """Return the sums of each of `draws` resamples of the listeners, R x S."""
    U = len(sums_US)
    rng = np.random.default_rng(seed)
    sums_RS = np.empty((draws, sums_US.shape[1]))
    for draw in range(draws):
        counts_U = np.bincount(rng.integers(0, U, U), minlength=U)
        sums_RS[draw] = counts_U.astype(np.float64) @ sums_US
    return sums_RS


def _ratio(sums_RS: Floats) -> Floats:
    return over(sums_RS[:, 0], sums_RS[:, 1])


def _vector(values_U: Floats, name: str) -> Floats:
    values_U = np.asarray(values_U, np.float64)
    if values_U.ndim != 1 or np.isinf(values_U).any():
        raise InputError(f"{name}: expected one finite value (or NaN) for each listener")
    return values_U
