"""Missing acoustics: the artist's mean stands in, else that of the genres, else that of all.

An artist's tracks sound alike and those of a genre somewhat, so their means guess better than that
of the whole catalogue does. What was guessed, and from how near, is told beside.

Legend: T tracks, A acoustic columns, K kinds (artists or genres).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.data.kinds import by_kind, of_kinds

Floats = npt.NDArray[np.float64]

#: Where a value is from, by its place: known, or the mean of the artist, the genres, all tracks.
KNOWN, BY_ARTIST, BY_GENRE, BY_ALL = range(4)


class Means(NamedTuple):
    """The means of each column by artist and by genre (K, A), and of all tracks (A,).

    NaN where no track of a kind has a value; of all, 0.
    """

    artists_KA: Floats
    genres_KA: Floats
    overall_A: Floats

    @classmethod
    def of(cls, known_TA: Floats, artists_TK: sp.csr_array, genres_TK: sp.csr_array) -> "Means":
        """Return the means of the values that are there; NaN is a gap."""
        there = ~np.isnan(known_TA)
        overall_A = np.where(there, known_TA, 0).sum(0) / np.maximum(there.sum(0), 1)
        return cls(by_kind(known_TA, artists_TK), by_kind(known_TA, genres_TK), overall_A)


def impute(
    known_TA: Floats, means: Means, artists_TK: sp.csr_array, genres_TK: sp.csr_array
) -> tuple[Floats, npt.NDArray[np.int8]]:
    """Return the values with no gap in them, and where each is from.

    A gap is NaN. Each column is filled by itself: of a track that lacks its tempo alone, the tempo
    is a mean and all else its own. A genre's mean is weighted as its tracks are tagged with it, and
    a track of several genres takes their mean, weighted likewise. A column without any value
    becomes 0.
    """
    filled_TA, level_TA = known_TA.copy(), np.full(known_TA.shape, KNOWN, np.int8)
    guesses = (
        (BY_ARTIST, of_kinds(means.artists_KA, artists_TK)),
        (BY_GENRE, of_kinds(means.genres_KA, genres_TK)),
        (BY_ALL, np.broadcast_to(means.overall_A, known_TA.shape)),
    )
    for level, guess_TA in guesses:
        fills = np.isnan(filled_TA) & ~np.isnan(guess_TA)
        filled_TA[fills], level_TA[fills] = guess_TA[fills], level
    return filled_TA, level_TA
