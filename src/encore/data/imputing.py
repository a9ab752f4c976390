"""Missing acoustics: the artist's mean stands in, else that of the genres, else that of all.

An artist's tracks sound alike and those of a genre somewhat, so their means guess better than that
of the whole catalogue does. What was guessed, and from how near, is told beside.

Legend: T tracks, A acoustic columns, K kinds (artists or genres).
"""

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.data.kinds import by_kind, of_kinds

Floats = npt.NDArray[np.float64]

#: Where a value is from, by its place: known, or the mean of the artist, the genres, all tracks.
KNOWN, BY_ARTIST, BY_GENRE, BY_ALL = range(4)


def impute(
    known_TA: Floats, artists_TK: sp.csr_array, genres_TK: sp.csr_array
) -> tuple[Floats, npt.NDArray[np.int8]]:
    """Return the values with no gap in them, and where each is from.

    A gap is NaN. Each column is filled by itself: of a track that lacks its tempo alone, the tempo
    is a mean and all else its own. A genre's mean is weighted as its tracks are tagged with it, and
    a track of several genres takes their mean, weighted likewise. A column without any value
    becomes 0.
    """
    filled_TA, level_TA = known_TA.copy(), np.full(known_TA.shape, KNOWN, np.int8)
    there = ~np.isnan(known_TA)
    count_A = np.maximum(there.sum(0), 1)
    overall_A = np.where(there, known_TA, 0).sum(0) / count_A
    guesses = (
        (BY_ARTIST, of_kinds(by_kind(known_TA, artists_TK), artists_TK)),
        (BY_GENRE, of_kinds(by_kind(known_TA, genres_TK), genres_TK)),
        (BY_ALL, np.broadcast_to(overall_A, known_TA.shape)),
    )
    for level, guess_TA in guesses:
        fills = np.isnan(filled_TA) & ~np.isnan(guess_TA)
        filled_TA[fills], level_TA[fills] = guess_TA[fills], level
    return filled_TA, level_TA
