"""Where predicted plays err: by plays, listener, track, genre and year; how calibrated they are.

All on log1p(plays). Legend: N held-out pairs.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from encore import metrics
from encore.data.features import Features
from encore.data.vocabulary import UNKNOWN
from encore.evaluation.groups import Group, by_size
from encore.evaluation.names import ENCORE, MEANS
from encore.evaluation.plays import PlaysPredictions
from encore.metrics.arrays import Floats, over

RANGES = 8  # of true plays
TENTHS = 10
GENRES = 8  # the most frequent among the held-out pairs
FEWEST = 10  # pairs of a genre or a decade that is told of
DECADE = 10
COMPARED = (ENCORE, MEANS)

Numbers = npt.NDArray[np.number]


def errors(
    found: PlaysPredictions,
    features: Features,
    year_T: Floats,
    rows_U: Numbers,
    listeners_T: Numbers,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Return RMSE and bias (mean of predicted minus true) of what ships and of the means by group.

    `rows_U` and `listeners_T` count the training rows of a listener, the listeners of a track. The
    range of true plays is the bias that the seed asks for: on average no prediction is as extreme
    as what it predicts, so that few plays are overrated and many underrated.
    """
    plays_N = np.expm1(found.target_N).round()
    genre_N = features.genres_TG[found.track_N, 0]
    decade_N = year_T[found.track_N] // DECADE * DECADE
    groupings = {
        "plays": ("true plays", by_size(plays_N, RANGES)),
        "activity": ("training rows of the listener", by_size(rows_U[found.user_N])),
        "popularity": (
            "training listeners of the track",
            by_size(listeners_T[found.track_N].astype(np.float64)),
        ),
        "genre": ("genre that weighs most", _genres(genre_N, features)),
        "year": ("decade of release", _decades(decade_N)),
    }
    sums = _Sums(found)
    for name, (_, groups) in groupings.items():
        for i, group in enumerate(groups):
            for model in COMPARED:
                sums.add((name, i, model), group.within_N, found.predicted[model])
    figures = sums.figures({"rmse": _rmse, "bias": _mean}, seed)
    return [
        {
            "grouping": name,
            "what": what,
            "groups": [
                {
                    "label": group.label,
                    "rows": int(group.within_N.sum()),
                    "models": {model: figures[name, i, model] for model in COMPARED},
                }
                for i, group in enumerate(groups)
            ],
        }
        for name, (what, groups) in groupings.items()
        if groups
    ]


def calibration(found: PlaysPredictions, seed: int = 0) -> dict[str, Any]:
    """Return true by predicted plays in tenths, and what share each level's intervals hold."""
    predicted_N = found.predicted[ENCORE]
    tenths = by_size(predicted_N, TENTHS)
    sums = _Sums(found)
    for i, tenth in enumerate(tenths):
        # The error of predicting nothing is the negative of what is true.
        sums.add(("bin", i, ""), tenth.within_N, 2 * found.target_N)
    for level, (low_N, high_N) in found.bounds.items():
        held_N = (low_N <= found.target_N) & (found.target_N <= high_N)
        every_N = np.ones(len(held_N), np.bool_)
        sums.add(("held", level, ""), every_N, found.target_N + held_N)
        sums.add(("width", level, ""), every_N, found.target_N + high_N - low_N)
    figures = sums.figures({"mean": _mean}, seed)
    return {
        "bins": [
            {
                "rows": int(tenth.within_N.sum()),
                "predicted": float(predicted_N[tenth.within_N].mean()),
                "true": figures["bin", i, ""]["mean"],
            }
            for i, tenth in enumerate(tenths)
        ],
        "levels": [
            {
                "level": level,
                "held": figures["held", level, ""]["mean"],
                "width": figures["width", level, ""]["mean"],
            }
            for level in found.bounds
        ],
    }


class _Sums:
    """What each listener adds to the figures of many groups, so that one bootstrap serves all."""

    def __init__(self, found: PlaysPredictions) -> None:
        listeners, self._user_N = np.unique(found.user_N, return_inverse=True)
        self._size, self._target_N = len(listeners), found.target_N
        self._columns: list[Floats] = []
        self._keys: list[Any] = []

    def add(self, key: Any, within_N: npt.NDArray[np.bool_], predicted_N: Floats) -> None:
        """Add rows, error and squared error of the pairs within a group."""
        error_N = (predicted_N - self._target_N)[within_N]
        user_N = self._user_N[within_N]
        for value_N in (np.ones_like(error_N), error_N, error_N**2):
            self._columns.append(np.bincount(user_N, value_N, self._size).astype(np.float64))
        self._keys.append(key)

    def figures(
        self, statistics: Mapping[str, Callable[[Floats], Floats]], seed: int
    ) -> dict[Any, dict[str, Any]]:
        """Return each statistic of each key."""
        if not self._keys:
            return {}
        asked = {
            (key, name): _of_columns(3 * i, statistic)
            for i, key in enumerate(self._keys)
            for name, statistic in statistics.items()
        }
        found = metrics.pooled_intervals(np.column_stack(self._columns), asked, seed)
        figures: dict[Any, dict[str, Any]] = {key: {} for key in self._keys}
        for (key, name), interval in found.items():
            figures[key][name] = interval.to_json()
        return figures


def _of_columns(first: int, statistic: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    return lambda sums_RS: statistic(sums_RS[:, first : first + 3])


def _rmse(sums_R3: Floats) -> Floats:
    return np.sqrt(over(sums_R3[:, 2], sums_R3[:, 0]))


def _mean(sums_R3: Floats) -> Floats:
    return over(sums_R3[:, 1], sums_R3[:, 0])


def _genres(genre_N: Numbers, features: Features) -> list[Group]:
    known_N = (genre_N != UNKNOWN) & (genre_N != features.padding)
    index, pairs = np.unique(genre_N[known_N], return_counts=True)
    most = np.argsort(-pairs, kind="stable")[:GENRES]
    return [
        Group(features.genres.id(int(index[at])), genre_N == index[at])
        for at in most
        if pairs[at] >= FEWEST
    ]


def _decades(decade_N: Floats) -> list[Group]:
    known = np.unique(decade_N[~np.isnan(decade_N)])
    groups = [Group(f"{decade:.0f}s", decade_N == decade) for decade in known]
    return [group for group in groups if group.within_N.sum() >= FEWEST]
