"""Who is asking: a known listener, a history brought along, somebody's friend, or nobody yet.

Known and new listeners go the same way from here on: as a row of plays over the catalogue.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp

from encore.data.clean import MAX_PLAYS
from encore.data.dataset import Dataset
from encore.data.vocabulary import UNKNOWN
from encore.errors import InputError
from encore.models.bundle import Bundle
from encore.models.ranking import history_matrix

KNOWN = "known listener"
FOLDED_IN = "history folded in"
FRIENDS = "new listener: what their friends play"
POPULAR = "new listener: what most play"

History = Mapping[str, float] | pl.DataFrame | Dataset


@dataclass(frozen=True)
class Listener:
    """A listener as the scorers see one: an index (0 = new), a history (1, T), what they rest on.

    `heard_1T` is what is masked: the listener's own history, also where the scores rest on that of
    friends. `unmatched` names the tracks of a history brought along that the catalogue lacks.
    """

    user: int
    history_1T: sp.csr_array
    heard_1T: sp.csr_array
    answer: str
    unmatched: tuple[str, ...] = ()


def listener_of(bundle: Bundle, user_id: str | None, history: History | None) -> Listener:
    """Return the listener for an id, a history brought along, both or neither.

    A history brought along is taken instead of the stored one. It is a mapping of track_id to
    plays, a frame with track_id (and plays), or a Dataset of one listener.

    Raises `InputError` where the history is of another form.
    """
    if history is not None:
        return _folded_in(bundle, history)
    nothing = _row(bundle, np.zeros(0, np.int64), np.zeros(0))
    user = bundle.features.listeners.index(user_id) if user_id is not None else UNKNOWN
    own = bundle.history_UT[[user]] if user else nothing
    if own.nnz:
        return Listener(user, own, own, KNOWN)
    friends = _friends_history(bundle, user_id)
    if friends is not None:
        return Listener(UNKNOWN, friends, nothing, FRIENDS)
    return Listener(UNKNOWN, nothing, nothing, POPULAR)


def _folded_in(bundle: Bundle, history: History) -> Listener:
    plays = _plays_of(history)
    track = bundle.features.tracks.encode(plays["track_id"])
    unmatched = tuple(plays.filter(pl.Series(track == UNKNOWN))["track_id"])
    row = _row(bundle, track[track > 0], plays["plays"].to_numpy()[track > 0])
    return Listener(UNKNOWN, row, row, FOLDED_IN if row.nnz else POPULAR, unmatched)


def _plays_of(history: History) -> pl.DataFrame:
    """Return (track_id, plays) with a row for each track."""
    if isinstance(history, Dataset):
        listeners = history.plays["user_id"].n_unique()
        if listeners > 1:
            raise InputError(f"history of {listeners} listeners: expected one; filter its plays")
        frame = history.plays
    elif isinstance(history, pl.DataFrame):
        frame = history
    elif isinstance(history, Mapping):
        frame = pl.DataFrame({"track_id": [*history], "plays": [*history.values()]}, strict=False)
    else:
        raise InputError(
            f"history of type {type(history).__name__}: expected a mapping of track_id to plays, "
            "a Polars frame with track_id and plays, or a Dataset of one listener"
        )
    if "track_id" not in frame.columns:
        raise InputError(f"history with columns {frame.columns}: expected track_id and plays")
    if "plays" not in frame.columns:
        frame = frame.with_columns(plays=pl.lit(1.0))
    plays = frame["plays"].cast(pl.Float64, strict=False)
    if not (plays.is_between(0, MAX_PLAYS) & plays.is_finite()).fill_null(False).all():
        raise InputError(f"history: plays must be numbers from 0 to {MAX_PLAYS:,.0f}")
    ids = frame["track_id"].cast(pl.String)
    if ids.null_count():
        raise InputError("history: track_id must not be missing")
    summed = pl.DataFrame({"track_id": ids, "plays": plays}).group_by(
        "track_id", maintain_order=True
    )
    return summed.agg(pl.col("plays").sum())


def _friends_history(bundle: Bundle, user_id: str | None) -> sp.csr_array | None:
    """Return the friends' mean history, or None where there is none."""
    if user_id is None:
        return None
    ids = bundle.friends.filter(pl.col("user_id") == user_id)["friend_id"]
    friends = bundle.features.listeners.encode(ids)
    history = bundle.history_UT[friends[friends > 0]]
    if not history.nnz:
        return None
    return sp.csr_array(
        sp.csr_array(history.sum(axis=0)[None, :]) / history.shape[0], dtype=np.float32
    )


def _row(bundle: Bundle, track: np.ndarray, plays: np.ndarray) -> sp.csr_array:
    shape = (1, bundle.features.tracks.rows)
    return history_matrix(np.zeros(len(track), np.int64), track, plays, shape)
