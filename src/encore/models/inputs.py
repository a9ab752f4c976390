"""What channels learn from, and who asks them: the records that cross into `models.channels`.

Legend: U listeners + 1, T tracks + 1 (row and column 0 are the unknown), C kinds of content, B
listeners who ask together.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from encore.data.dataset import Dataset
from encore.data.features import Features
from encore.data.vocabulary import UNKNOWN, Indices, Vocabulary
from encore.models.ranking import Floats, history_matrix, row_of, with_data

SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True)
class Inputs:
    """All that a channel may learn from; of training rows only.

    - `plays_UT`: plays of each pair; a pair that was only skipped is an explicit zero.
    - `content_TC`: what each track is, as rows of unit length; an empty row where nothing is known.
    - `friends_UU`: 1 where the row's listener names the column's as a friend.
    - `age_days`: days from each pair's last play to the last play of all, in the order of
      `plays_UT.data`; None where a played row has no time.
    - `first_age_days`: the same from each pair's first play; never less.
    - `tags_T`: the weight of all genres and tags of a track; None where none are known.
    """

    plays_UT: sp.csr_array
    content_TC: sp.csr_array
    friends_UU: sp.csr_array
    age_days: Floats | None = None
    first_age_days: Floats | None = None
    tags_T: Floats | None = None

    @classmethod
    def of(cls, plays_UT: sp.csr_array) -> "Inputs":
        """Return inputs that are plays and nothing else."""
        users, tracks = plays_UT.shape
        return cls(plays_UT, _nothing(tracks, 1), _nothing(users, users))

    @classmethod
    def of_dataset(cls, data: Dataset, features: Features) -> "Inputs":
        """Return the inputs that the training side `data` gives."""
        user = features.listeners.encode(data.plays["user_id"])
        track = features.tracks.encode(data.plays["track_id"])
        shape = (features.listeners.rows, features.tracks.rows)
        plays = data.plays["plays"].to_numpy()
        order = np.lexsort((track, user))
        return cls(
            history_matrix(user, track, plays, shape),
            content_matrix(features),
            friends_matrix(data.friends, features.listeners),
            _ages(data.plays, "last_played", order),
            _ages(data.plays, "first_played", order),
            features.genre_weight_TG.sum(1),
        )


@dataclass(frozen=True)
class Audience:
    """Listeners who ask: their histories, who of the known ones they are, and their friends.

    `user_B` is 0 for a listener who has no training row. `as_trained`: all are known, and ask with
    their training rows and nothing else.
    """

    history_BT: sp.csr_array
    user_B: Indices
    friends_BU: sp.csr_array
    as_trained: bool = False

    @classmethod
    def of(cls, history_BT: sp.csr_array) -> "Audience":
        """Return new listeners without friends."""
        users = history_BT.shape[0]
        return cls(history_BT, np.zeros(users, np.int32), _nothing(users, 1))

    @classmethod
    def known(cls, inputs: Inputs, user_B: Indices) -> "Audience":
        """Return known listeners with all their training rows."""
        friends_BU = inputs.friends_UU[user_B]
        return cls(inputs.plays_UT[user_B], user_B, friends_BU, as_trained=True)

    def __len__(self) -> int:
        return len(self.user_B)

    def at(self, rows: slice | npt.NDArray[np.integer]) -> "Audience":
        """Return some of the listeners."""
        histories_BT, friends_BU = self.history_BT[rows], self.friends_BU[rows]
        return Audience(histories_BT, self.user_B[rows], friends_BU, self.as_trained)


def friends_matrix(friends: pl.DataFrame, listeners: Vocabulary) -> sp.csr_array:
    """Return (U, U): 1 where the row's listener names the column's; unknown ids are left out."""
    user = listeners.encode(friends["user_id"])
    friend = listeners.encode(friends["friend_id"])
    there = (user != UNKNOWN) & (friend != UNKNOWN)
    ones = np.ones(int(there.sum()), np.float32)
    shape = (listeners.rows, listeners.rows)
    matrix = sp.csr_array((ones, (user[there], friend[there])), shape=shape)
    matrix.data[:] = 1  # a pair told twice is one friendship
    return matrix


def content_matrix(features: Features) -> sp.csr_array:
    """Return (T, C): genres by the square root of their weight, and the artist; rows of length 1.

    Where a track has both, genres and artist count the same. The square root was the best of five
    scalings on validation rows, with and without weights for rarity (docs/log.md). Acoustics are
    not in it: cosines of standardised columns say little beside it.
    """
    genres_TG = features.genres_TG
    tracks, padding = len(genres_TG), features.padding
    track, slot = np.nonzero(features.genre_weight_TG > 0)
    weight = np.sqrt(features.genre_weight_TG[track, slot])
    genres = sp.csr_array((weight, (track, genres_TG[track, slot])), shape=(tracks, padding))
    named = np.flatnonzero(features.artist_T != UNKNOWN)
    artists = sp.csr_array(
        (np.ones(len(named)), (named, features.artist_T[named])),
        shape=(tracks, features.artists.rows),
    )
    return unit_rows(sp.csr_array(sp.hstack([unit_rows(genres), artists])))


def unit_rows(matrix: sp.csr_array) -> sp.csr_array:
    """Return the rows scaled to length 1, as float32; an empty row stays empty."""
    row_N = row_of(matrix)
    length_N = np.sqrt(np.bincount(row_N, matrix.data.astype(np.float64) ** 2))[row_N]
    scaled = matrix.data / np.where(length_N > 0, length_N, 1)
    return with_data(matrix, scaled.astype(np.float32))


def _ages(plays: pl.DataFrame, moment: str, order: npt.NDArray[np.integer]) -> Floats | None:
    """Return days from `moment` to the last play; 0 for pairs only skipped, which need no time."""
    missing = pl.col("last_played").is_null() | pl.col(moment).is_null()
    if plays.is_empty() or plays.filter(missing, pl.col("plays") > 0).height:
        return None
    days = (pl.col("last_played").max() - pl.col(moment)).dt.total_seconds() / SECONDS_PER_DAY
    known = pl.when(pl.col("plays") > 0).then(days).otherwise(0.0)
    ages: Floats = plays.select(known).to_series().to_numpy().astype(np.float32)[order]
    return ages


def _nothing(rows: int, columns: int) -> sp.csr_array:
    return sp.csr_array((rows, columns), dtype=np.float32)
