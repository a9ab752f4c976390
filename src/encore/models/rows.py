"""One listener's scores by one scorer, in the form that is cheapest to ask.

A list needs few of a catalogue's scores: the best of them, those of its candidates, and their mean
and deviation over the catalogue, by which scorers are brought to one scale. Whoever is an inner
product, or 0 for most tracks, can tell these without scoring every track.

Legend: T tracks with the unknown in column 0, K candidates, D dimensions.
"""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.data.vocabulary import UNKNOWN
from encore.models.index import Index, Open
from encore.models.ranking import Floats, Integers, TieOrder, best_open

Doubles = npt.NDArray[np.float64]

LEAST_DEVIATION = 1e-12  # below, scores are equal but for rounding
VECTORS_AT_ONCE = 65_536
FEW = 1 / 20  # of all tracks: up to as many are scored rather than sought in an index


class Row(ABC):
    """Scores of one listener over the catalogue.

    Mean and deviation are those of the first `standing` tracks, by default of all; it is set before
    they are asked for.
    """

    standing: int | None = None

    @property
    def indexed(self) -> bool:
        """Whether the best are asked of an index, and so not every score is known."""
        return False

    @property
    @abstractmethod
    def mean(self) -> float:
        """The mean over the standing tracks but the unknown."""

    @property
    @abstractmethod
    def deviation(self) -> float:
        """The standard deviation over the standing tracks but the unknown; 0 if they are equal."""

    @property
    @abstractmethod
    def whole_T(self) -> Floats:
        """All scores, not to be written to."""

    def at(self, track_K: Integers) -> Floats:
        """Return the scores of some tracks (K,)."""
        return self.whole_T[track_K]

    def best(self, there: Open, k: int, ties: TieOrder) -> Integers:
        """Return the best `k` open tracks, best first, in the order of `top_k`; or all, if fewer.

        Where there is an index they are about the best.
        """
        if there.count > FEW * len(there.mask_T):
            return self._best(there, k, ties)
        track_N = np.flatnonzero(there.mask_T)
        return _highest(track_N, self.at(track_N), k, ties)

    def _best(self, there: Open, k: int, ties: TieOrder) -> Integers:
        """Return the best `k` of many open tracks."""
        return best_open(self.whole_T, there.mask_T, k, ties)

    def standardised(self, track_K: Integers) -> npt.NDArray[np.float64]:
        """Return the scores of some tracks less their mean over all, over their deviation."""
        if not self.deviation:
            return np.zeros(len(track_K))
        return (self.at(track_K).astype(np.float64) - self.mean) / self.deviation


class Whole(Row):
    """Scores that are known of every track."""

    def __init__(self, scores_T: Floats, standing: int | None = None) -> None:
        self._scores_T, self.standing = scores_T, standing

    @property
    def whole_T(self) -> Floats:
        """All scores."""
        return self._scores_T

    @cached_property
    def mean(self) -> float:
        """The mean over all tracks but the unknown."""
        return float(self._scores_T[1 : self.standing].mean(dtype=np.float64))

    @cached_property
    def deviation(self) -> float:
        """The standard deviation over all tracks but the unknown; 0 where they are equal."""
        apart_T = self._scores_T[1 : self.standing] - np.float64(self.mean)
        return _root(float(apart_T @ apart_T) / len(apart_T))


class Same(Whole):
    """Scores that are the same for every listener: their order is found once."""

    def __init__(self, scores_T: Floats) -> None:
        super().__init__(scores_T)
        self._order: Integers | None = None

    def _best(self, there: Open, k: int, ties: TieOrder) -> Integers:
        if self._order is None:
            self._order = np.lexsort((ties.place_of_column, -self._scores_T))
        return _first(self._order, there, k)


class Sparse(Whole):
    """Scores that are 0 but for some tracks (N of them)."""

    @classmethod
    def of(cls, weights_1R: sp.csr_array, rows_RT: sp.csr_array) -> Self:
        """Return the sum of some sparse rows, each times its weight."""
        # As a product of the transpose with a vector it needs one pass, and no sparse result.
        return cls(rows_RT[weights_1R.indices].T @ weights_1R.data)

    @cached_property
    def _track_N(self) -> Integers:
        return np.flatnonzero(self._scores_T != 0)

    @cached_property
    def mean(self) -> float:
        """The mean over all tracks but the unknown."""
        return float(self._scores_T[self._standing_N].sum(dtype=np.float64)) / self._tracks

    @cached_property
    def deviation(self) -> float:
        """The standard deviation over all tracks but the unknown; 0 where they are equal."""
        known_N = self._scores_T[self._standing_N].astype(np.float64)
        return _root(float(known_N @ known_N) / self._tracks - self.mean**2)

    @property
    def _tracks(self) -> int:
        return (self.standing or len(self._scores_T)) - 1

    @cached_property
    def _standing_N(self) -> Integers:
        track_N: Integers = self._track_N[self._track_N != UNKNOWN]
        return track_N if self.standing is None else track_N[track_N < self.standing]

    def _best(self, there: Open, k: int, ties: TieOrder) -> Integers:
        """Of the tracks with 0 only the first in the order of ties can be among the best."""
        track_N = self._track_N[there.mask_T[self._track_N]]
        value_N = self._scores_T[track_N]
        if np.count_nonzero(value_N > 0) < k:
            track_N = np.union1d(track_N, _first(ties.column_of_place, there, k + len(track_N)))
            value_N = self._scores_T[track_N]
        return _highest(track_N, value_N, k, ties)


class Vectors:
    """Vectors of all tracks, a score being the inner product of a listener's with a track's.

    Where an `index` is set, the best are asked of it; else of all.
    """

    def __init__(self, vectors_TD: Floats) -> None:
        self.vectors_TD = vectors_TD
        self.index: Index | None = None
        self._moments: dict[int | None, tuple[Doubles, Doubles]] = {}

    @property
    def width(self) -> int:
        """The number of components, D."""
        return int(self.vectors_TD.shape[1])

    def moments(self, standing: int | None) -> tuple[Doubles, Doubles]:
        """Return the mean vector (D,) and the covariance (D, D) of the first `standing` tracks."""
        if standing not in self._moments:
            among_TD = self.vectors_TD[1:standing]
            mean_D: Doubles = among_TD.mean(0, dtype=np.float64)
            sum_DD = np.zeros((len(mean_D), len(mean_D)))
            for start in range(0, len(among_TD), VECTORS_AT_ONCE):
                apart_ND = among_TD[start : start + VECTORS_AT_ONCE] - mean_D
                sum_DD += apart_ND.T @ apart_ND
            self._moments[standing] = mean_D, sum_DD / max(len(among_TD), 1)
        return self._moments[standing]

    def row(self, query_D: Floats) -> "Inner":
        """Return the scores of the listener with that vector."""
        return Inner(query_D, self)


class Inner(Row):
    """Scores that are inner products of one vector with those of the tracks."""

    def __init__(self, query_D: Floats, table: Vectors) -> None:
        self._query_D, self._table = query_D, table

    @property
    def indexed(self) -> bool:
        """Whether there is an index."""
        return self._table.index is not None

    @cached_property
    def mean(self) -> float:
        """The mean over all tracks but the unknown: the product with the mean vector."""
        return float(self._query_D @ self._table.moments(self.standing)[0])

    @cached_property
    def deviation(self) -> float:
        """The standard deviation over all tracks but the unknown, by the vectors' covariance."""
        query_D = self._query_D.astype(np.float64)
        return _root(float(query_D @ self._table.moments(self.standing)[1] @ query_D))

    @cached_property
    def whole_T(self) -> Floats:
        """All scores."""
        scores_T: Floats = self._table.vectors_TD @ self._query_D
        return scores_T

    def at(self, track_K: Integers) -> Floats:
        """Return the scores of some tracks (K,)."""
        if self._table.index is None:
            return self.whole_T[track_K]
        scores_K: Floats = self._table.vectors_TD[track_K] @ self._query_D
        return scores_K

    def _best(self, there: Open, k: int, ties: TieOrder) -> Integers:
        if self._table.index is None:
            return super()._best(there, k, ties)
        return self._table.index.best(self._query_D, there, k)


def _highest(track_N: Integers, value_N: Floats, k: int, ties: TieOrder) -> Integers:
    """Return the `k` tracks of the highest values, best first."""
    if len(track_N) > 2 * k > 0:
        least = np.partition(value_N, len(value_N) - k)[len(value_N) - k]
        track_N, value_N = track_N[value_N >= least], value_N[value_N >= least]
    return track_N[np.lexsort((ties.place_of_column[track_N], -value_N))[:k]]


def _first(order_T: Integers, there: Open, k: int) -> Integers:
    """Return the first `k` open tracks in an order of all."""
    asked = k
    while True:
        found = order_T[:asked]
        found = found[there.mask_T[found]]
        if len(found) >= k or asked >= len(order_T):
            return found[:k]
        asked *= 4


def _root(variance: float) -> float:
    deviation = float(np.sqrt(max(variance, 0.0)))
    return deviation if deviation > LEAST_DEVIATION else 0.0
