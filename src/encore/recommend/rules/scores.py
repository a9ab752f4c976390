"""What is ranked: a listener's scores of the catalogue's tracks, asked for the best of some.

Shapes: T tracks of the catalogue (row 0: the unknown), K of them asked for.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from encore.data.vocabulary import UNKNOWN
from encore.errors import InputError
from encore.models.ranking import Integers, TieOrder
from encore.recommend.rules.catalogue import Mask

SAMPLED = 16  # every 16th score says which is about the k-th best: of more than
MARGIN, LEAST = 1.5, 8  # times k, and so many of the sample, the k-th is among them but by bad luck


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
        self._place_T = ties.place_of_column
        if self._scores_T.shape != self._place_T.shape:
            found, tracks = self._scores_T.shape, len(self._place_T)
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
        tracks_K = self._at_least(open_T, k)
        scores_K = self._scores_T[tracks_K]
        order = np.lexsort((self._place_T[tracks_K], -scores_K))[:k]
        return tracks_K[order], scores_K[order]

    def _at_least(self, open_T: Mask, k: int) -> Integers:
        """Return the open tracks of the highest scores: all down to some score, `k` or more.

        A sample tells how low to go. A partition of all takes 2 ms of 100,000 where a filter has
        left half of them, and this a twentieth.
        """
        every = self._scores_T[::SAMPLED][open_T[::SAMPLED]]
        place = int(MARGIN * k / SAMPLED) + LEAST
        while place < len(every):
            least = np.partition(every, len(every) - 1 - place)[len(every) - 1 - place]
            tracks_K = np.flatnonzero(open_T & (self._scores_T >= least))
            if len(tracks_K) >= k:
                return tracks_K
            place *= 2
        return np.flatnonzero(open_T)
