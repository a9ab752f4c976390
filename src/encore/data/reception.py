"""How the music of an artist, or of a genre, is received: by how many, and how often played.

::

    listeners   ln(1 + listeners with a play of any of its tracks)
    plays       mean of ln(1 + n) over its pairs, shrunk to that of all rows as by SHRINK_ROWS

Of training rows alone. A track has the values of its artist and the mean of those of its main
genres, weighted as it is tagged: what is to be expected of one that nobody has played yet.

Legend: N training rows, U listeners + 1, T tracks + 1, K kinds (artists or genres).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.data.kinds import of_kinds
from encore.data.strength import log1p
from encore.data.vocabulary import Indices

Floats = npt.NDArray[np.float64]

SHRINK_ROWS = 5.0  # the mean of an artist with a row or two is little more than these rows

OF_TRACK = (
    "artist_log_listeners",
    "artist_log_plays",
    "genre_log_listeners",
    "genre_log_plays",
)


class Reception(NamedTuple):
    """Listeners and plays, in this order, of each artist and of each genre; NaN without a row."""

    artists_K2: Floats
    genres_K2: Floats

    @classmethod
    def of(
        cls,
        rows: tuple[Indices, Indices, npt.NDArray[np.float32]],
        users: int,
        artists_TK: sp.csr_array,
        genres_TK: sp.csr_array,
    ) -> "Reception":
        """Return what training rows (user, track, plays) say, a row for each pair."""
        return cls(_received(rows, users, artists_TK), _received(rows, users, genres_TK))

    def of_tracks(self, artists_TK: sp.csr_array, genres_TK: sp.csr_array) -> dict[str, Floats]:
        """Return the columns `OF_TRACK` (T,); NaN where no kind of the track has a training row."""
        received = of_kinds(self.artists_K2, artists_TK), of_kinds(self.genres_K2, genres_TK)
        return dict(zip(OF_TRACK, np.concatenate(received, 1).T, strict=True))


def _received(
    rows: tuple[Indices, Indices, npt.NDArray[np.float32]], users: int, kinds_TK: sp.csr_array
) -> Floats:
    """Return (K, 2): listeners and plays of each kind, NaN where it has no row."""
    user_N, track_N, plays_N = rows
    tracks = kinds_TK.shape[0]
    strength_N = log1p(plays_N.astype(np.float64))
    rows_K = kinds_TK.T @ np.bincount(track_N, minlength=tracks)
    sums_K = kinds_TK.T @ np.bincount(track_N, strength_N, minlength=tracks)
    overall = strength_N.mean() if len(strength_N) else 0.0
    there = plays_N > 0
    pairs = np.ones(int(there.sum()), np.float32), (user_N[there], track_N[there])
    played_UT = sp.csr_array(pairs, shape=(users, tracks))
    of_kind_TK = (kinds_TK > 0).astype(np.float32)
    listeners_K = np.bincount((played_UT @ of_kind_TK).indices, minlength=kinds_TK.shape[1])
    mean_K = (sums_K + SHRINK_ROWS * overall) / (rows_K + SHRINK_ROWS)
    received_K2 = np.column_stack([np.log1p(listeners_K), mean_K])
    received_K2[rows_K == 0] = np.nan
    return received_K2
