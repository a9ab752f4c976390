"""What is ranked: a listener's scores of the catalogue's tracks, asked for the best of some.

Shapes: T tracks of the catalogue (row 0: the unknown), K of them asked for.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from encore.data.vocabulary import UNKNOWN
from encore.errors import InputError
from encore.models.ranking import EMPTY, Integers, TieOrder, top_k
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

    That of the unknown is not read. Raises `InputError` on scores that break this.
    """

    def __init__(self, scores_T: npt.ArrayLike, ties: TieOrder) -> None:
        given = np.asarray(scores_T)
        scores = np.array(given, np.result_type(given, np.float32))
        if scores.shape != (tracks := len(ties.place_of_column),):
            raise InputError(f"scores of shape {scores.shape}: expected one a track, {tracks}")
        scores[UNKNOWN] = -np.inf
        if np.isnan(scores).any() or np.isposinf(scores).any():
            raise InputError("scores: found NaN or infinity, expected finite numbers, or -inf")
        self._scores_T, self._ties = scores, ties

    def there(self) -> Mask:
        """Return which tracks are candidates (T,)."""
        return np.asarray(self._scores_T > -np.inf)

    def best(self, open_T: Mask, k: int) -> tuple[Integers, npt.NDArray[np.floating]]:
        """Return the `k` best of the open tracks and their scores, best first."""
        of_open = np.where(open_T, self._scores_T, -np.inf)
        tracks_K = top_k(of_open[None], k, self._ties)[0]
        tracks_K = tracks_K[tracks_K != EMPTY]
        return tracks_K, self._scores_T[tracks_K]
