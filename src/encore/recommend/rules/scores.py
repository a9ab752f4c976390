"""What is ranked: a listener's scores of the catalogue's tracks, asked for the best of some.

Shapes: T tracks of the catalogue (row 0: the unknown), K of them asked for.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from encore.data.vocabulary import UNKNOWN
from encore.errors import InputError
from encore.models.ranking import Integers, TieOrder, best_open
from encore.recommend.rules.catalogue import Mask


class Scores(Protocol):
    """One listener's scores. They need not stand anywhere as an array over the catalogue."""

    def there(self) -> Mask:
        """Return which tracks have a score (T,), as a fresh array; the unknown has none."""
        ...

    def best(self, open_T: Mask, k: int) -> tuple[Integers, npt.NDArray[np.floating]]:
        """Return the `k` best of the open tracks and their scores, best first; or all, if fewer.

        `open_T` are among those that are there. Equal scores stand in the order of `TieOrder`.
        Asked for more, it gives what it gave before and goes on from there.
        """
        ...


class ScoreArray:
    """Scores of all tracks (T,), higher is better, -inf for what is no candidate.

    They are not copied: they stay as they are while they are ranked. That of the unknown is not
    read. Raises `InputError` on scores that break this.
    """

    def __init__(self, scores_T: npt.ArrayLike, ties: TieOrder) -> None:
        given = np.asarray(scores_T)
        self._scores_T = np.asarray(given, np.result_type(given, np.float32))
        self._ties = ties
        if self._scores_T.shape != ties.place_of_column.shape:
            found, tracks = self._scores_T.shape, len(ties.place_of_column)
            raise InputError(f"scores of shape {found}: expected one a track, {tracks}")
        if not self._scores_T[UNKNOWN + 1 :].max(initial=-np.inf) < np.inf:
            raise InputError("scores: found NaN or infinity, expected finite numbers, or -inf")

    def there(self) -> Mask:
        """Return which tracks are candidates (T,)."""
        there_T: Mask = self._scores_T > -np.inf
        there_T[UNKNOWN] = False
        return there_T

    def best(self, open_T: Mask, k: int) -> tuple[Integers, npt.NDArray[np.floating]]:
        """Return the `k` best of the open tracks and their scores, best first."""
        tracks_K = best_open(self._scores_T, open_T, k, self._ties)
        return tracks_K, self._scores_T[tracks_K]
