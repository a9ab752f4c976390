"""The questions of the protocol: from a test side to who is asked what on which board.

- discovery: tracks of the whole catalogue that the listener has not heard.
- familiar: tracks of the whole catalogue, heard ones too; where times exist.
- cold_track: tracks that no training row has, ranked among themselves; cold_track_full: the same in
  the whole catalogue.
- cold_listener_K: listeners that no training row has, of whom K rows are revealed.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import scipy.sparse as sp

from encore.data.cold import Ladder
from encore.data.dataset import Dataset
from encore.data.features import Features
from encore.data.vocabulary import UNKNOWN, Indices
from encore.errors import InputError
from encore.evaluation.boards import Question, user_ids
from encore.models.inputs import Audience, Inputs, friends_matrix
from encore.models.ranking import history_matrix
from encore.recommend.recommender import Recommender

DISCOVERY = "discovery"
FAMILIAR = "familiar"
COLD_TRACK = "cold_track"
COLD_TRACK_FULL = "cold_track_full"
COLD_LISTENER = "cold_listener"


@dataclass(frozen=True)
class Known:
    """What a model knows of listeners and tracks: all that a question must be put in terms of."""

    features: Features
    inputs: Inputs
    friends: pl.DataFrame

    @classmethod
    def to(cls, model: Recommender) -> "Known":
        """Return what a trained model knows."""
        bundle = model.bundle
        return cls(bundle.features, bundle.scorers.inputs, bundle.friends)

    @classmethod
    def from_training(cls, train: Dataset) -> "Known":
        """Return what a model of this training side would know."""
        features = Features.fit(train)
        return cls(features, Inputs.of_dataset(train, features), train.friends)


def discovery(known: Known, test: Dataset) -> Question:
    """Ask each listener's held-out new tracks of the whole catalogue, heard ones masked.

    Raises `InputError` where no listener of the test side is known to the model.
    """
    user, track = _played(known, test.plays)
    heard, tracks = known.inputs.plays_UT.tocoo(), known.features.tracks.rows
    pairs = (
        user.astype(np.int64) * tracks + track,
        heard.row.astype(np.int64) * tracks + heard.col,
    )
    new = np.isin(*pairs, invert=True)
    return _of_known(DISCOVERY, known, user[new], track[new])


def familiar(known: Known, test: Dataset) -> Question:
    """Ask each listener's held-out tracks, heard before or not, of the whole catalogue.

    Raises `InputError` where no listener of the test side is known to the model.
    """
    return replace(_of_known(FAMILIAR, known, *_played(known, test.plays)), mask=False)


def cold_tracks(known: Known, test: Dataset) -> tuple[Question, Question]:
    """Ask the held-out tracks that no training row has: among themselves, and of all tracks."""
    user, track = _played(known, test.plays)
    full = _of_known(COLD_TRACK_FULL, known, user, track)
    among_T = np.zeros(known.features.tracks.rows, np.bool_)
    among_T[track] = True
    among_T[UNKNOWN] = False
    return replace(full, board=COLD_TRACK, among_T=among_T), full


def cold_listener(known: Known, ladder: Ladder, k: int) -> Question:
    """Ask the same targets of listeners that no training row has, with K of their rows revealed."""
    listeners, targets = known.features.listeners, ladder.targets
    ids = targets["user_id"].unique(maintain_order=True)
    place = pl.DataFrame({"user_id": ids}).with_row_index("row")

    def rows(frame: pl.DataFrame) -> np.ndarray:
        joined = frame.join(place, on="user_id", how="left", maintain_order="left")
        return joined["row"].to_numpy().astype(np.int64)

    shape = (len(ids), known.features.tracks.rows)
    shown = ladder.revealed(k)
    revealed = history_matrix(
        rows(shown),
        known.features.tracks.encode(shown["track_id"]),
        shown["plays"].to_numpy(),
        shape,
    )
    audience = Audience(
        revealed,
        np.zeros(len(ids), np.int32),
        friends_matrix(known.friends, listeners)[listeners.encode(ids)],
    )
    row, track = rows(targets), known.features.tracks.encode(targets["track_id"])
    return Question(
        f"{COLD_LISTENER}_{k}",
        audience,
        np.array(ids.to_list(), np.str_),
        _held(row, track, shape),
        np.bincount(row, minlength=len(ids)),
    )


def _played(known: Known, plays: pl.DataFrame) -> tuple[Indices, Indices]:
    """Return listener and track of the rows that were played, of listeners the model knows."""
    liked = plays.filter(pl.col("plays") > 0)
    user = known.features.listeners.encode(liked["user_id"])
    track = known.features.tracks.encode(liked["track_id"])
    return user[user != UNKNOWN], track[user != UNKNOWN]


def _of_known(board: str, known: Known, user: Indices, track: Indices) -> Question:
    listeners, row = np.unique(user, return_inverse=True)
    if not len(listeners):
        raise InputError(f"{board}: no listener of the test side is known to the model")
    listeners = listeners.astype(np.int32)
    return Question(
        board,
        Audience.known(known.inputs, listeners),
        user_ids(known.features.listeners, listeners),
        _held(row, track, (len(listeners), known.features.tracks.rows)),
        np.bincount(row, minlength=len(listeners)),
    )


def _held(row: np.ndarray, track: Indices, shape: tuple[int, int]) -> sp.csr_array:
    """Return the right answers that the model knows as a 0/1 matrix."""
    there = track != UNKNOWN
    return history_matrix(row[there], track[there], np.ones(int(there.sum())), shape)
