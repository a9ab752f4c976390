"""One listener's scores by one scorer, in the form that is cheapest to ask.

A list needs few of a catalogue's scores: the best of them, those of its candidates, and their mean
and deviation over the catalogue, by which scorers are brought to one scale. Whoever is an inner
product, or 0 for most tracks, can tell these without scoring every track.

Legend: T tracks with the unknown in column 0, K candidates, D dimensions.
"""

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.data.vocabulary import UNKNOWN
from encore.models.index import Index, Open
from encore.models.ranking import Floats, Integers, TieOrder, best_open, deviations

LEAST_DEVIATION = 1e-12  # below, scores are equal but for rounding
VECTORS_AT_ONCE = 65_536


class Row(ABC):
    """Scores of one listener over the catalogue."""

    @property
    def indexed(self) -> bool:
        """Whether the best are asked of an index, and so not every score is known."""
        return False

    @property
    @abstractmethod
    def mean(self) -> float:
        """The mean over all tracks but the unknown."""

    @property
    @abstractmethod
    def deviation(self) -> float:
        """The standard deviation over all tracks but the unknown; 0 where they are equal."""

    @property
    @abstractmethod
    def whole_T(self) -> Floats:
        """All scores, not to be written to."""

    def at(self, track_K: Integers) -> Floats:
        """Return the scores of some tracks (K,)."""
        return self.whole_T[track_K]

    def best(self, there: Open, k: int, ties: TieOrder) -> Integers:
        """Return the best `k` open tracks, in the order of `top_k`; fewer where there are fewer."""
        return best_open(self.whole_T, there.mask_T, k, ties)

    def standardised(self, track_K: Integers) -> npt.NDArray[np.float64]:
        """Return the scores of some tracks less their mean over all, over their deviation."""
        if not self.deviation:
            return np.zeros(len(track_K))
        return (self.at(track_K).astype(np.float64) - self.mean) / self.deviation


class Whole(Row):
    """Scores that are known of every track."""

    def __init__(self, scores_T: Floats) -> None:
        self._scores_T = scores_T

    @property
    def whole_T(self) -> Floats:
        """All scores."""
        return self._scores_T

    @cached_property
    def mean(self) -> float:
        """The mean over all tracks but the unknown."""
        return float(self._scores_T[1:].mean(dtype=np.float64))

    @cached_property
    def deviation(self) -> float:
        """The standard deviation over all tracks but the unknown; 0 where they are equal."""
        return float(deviations(self._scores_T[None])[0])


class Same(Whole):
    """Scores that are the same for every listener: their order is found once."""

    def __init__(self, scores_T: Floats) -> None:
        super().__init__(scores_T)
        self._order: Integers | None = None

    def best(self, there: Open, k: int, ties: TieOrder) -> Integers:
        """Return the best `k` open tracks, in the order of `top_k`."""
        if self._order is None:
            self._order = np.lexsort((ties.place_of_column, -self._scores_T))
        return _first(self._order, there, k)


class Sparse(Row):
    """Scores that are 0 but for some tracks (N of them)."""

    def __init__(self, row_1T: sp.csr_array) -> None:
        self._track_N, self._value_N = row_1T.indices, row_1T.data.astype(np.float32)
        self._tracks = row_1T.shape[1]

    @cached_property
    def mean(self) -> float:
        """The mean over all tracks but the unknown."""
        return float(self._known_N.sum()) / (self._tracks - 1)

    @cached_property
    def deviation(self) -> float:
        """The standard deviation over all tracks but the unknown; 0 where they are equal."""
        return _root(float(self._known_N @ self._known_N) / (self._tracks - 1) - self.mean**2)

    @cached_property
    def _known_N(self) -> npt.NDArray[np.float64]:
        return self._value_N[self._track_N != UNKNOWN].astype(np.float64)

    @cached_property
    def whole_T(self) -> Floats:
        """All scores."""
        scores_T = np.zeros(self._tracks, np.float32)
        scores_T[self._track_N] = self._value_N
        return scores_T

    def best(self, there: Open, k: int, ties: TieOrder) -> Integers:
        """Return the best `k` open tracks, in the order of `top_k`.

        Of the tracks with 0 only the first in the order of ties can be among them.
        """
        open_N = there.mask_T[self._track_N]
        track_N, value_N = self._track_N[open_N].astype(np.int64), self._value_N[open_N]
        above_N = value_N > 0
        if (above := np.count_nonzero(above_N)) < k:
            track_N = np.union1d(track_N, _first(ties.column_of_place, there, k + len(track_N)))
            value_N = self.whole_T[track_N]
        elif above > 4 * k:
            least = np.partition(value_N, len(value_N) - k)[len(value_N) - k]
            track_N, value_N = track_N[value_N >= least], value_N[value_N >= least]
        return track_N[np.lexsort((ties.place_of_column[track_N], -value_N))[:k]]


class Vectors:
    """Vectors of all tracks, a score being the inner product of a listener's with a track's.

    Where an `index` is set, the best are asked of it; else of all.
    """

    def __init__(self, vectors_TD: Floats) -> None:
        self.vectors_TD = vectors_TD
        self.index: Index | None = None

    @cached_property
    def mean_D(self) -> npt.NDArray[np.float64]:
        """The mean vector."""
        mean_D: npt.NDArray[np.float64] = self.vectors_TD[1:].mean(0, dtype=np.float64)
        return mean_D

    @cached_property
    def covariance_DD(self) -> npt.NDArray[np.float64]:
        """The covariance of the vectors' parts."""
        tracks, width = self.vectors_TD.shape
        sum_DD = np.zeros((width, width))
        for start in range(1, tracks, VECTORS_AT_ONCE):
            apart_ND = self.vectors_TD[start : start + VECTORS_AT_ONCE] - self.mean_D
            sum_DD += apart_ND.T @ apart_ND
        return sum_DD / max(tracks - 1, 1)

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
        return float(self._query_D @ self._table.mean_D)

    @cached_property
    def deviation(self) -> float:
        """The standard deviation over all tracks but the unknown, by the vectors' covariance."""
        query_D = self._query_D.astype(np.float64)
        return _root(float(query_D @ self._table.covariance_DD @ query_D))

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

    def best(self, there: Open, k: int, ties: TieOrder) -> Integers:
        """Return the best `k` open tracks; about the best, where there is an index."""
        if self._table.index is None:
            return super().best(there, k, ties)
        return self._table.index.best(self._query_D, there, k)


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
