"""Who is asking: a known listener, a history brought along, somebody's friend, or nobody yet.

Known and new listeners go the same way from here on: as a row of plays over the catalogue.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import scipy.sparse as sp

from encore.data.clean import MAX_PLAYS
from encore.data.dataset import Dataset
from encore.data.vocabulary import UNKNOWN
from encore.errors import InputError
from encore.models.bundle import Bundle
from encore.models.inputs import Audience
from encore.models.ranking import history_matrix

KNOWN = "known listener"
FOLDED_IN = "history folded in"
FRIENDS = "new listener: what their friends play"
POPULAR = "new listener: what most play"

History = Mapping[str, float] | pl.DataFrame | Dataset


@dataclass(frozen=True)
class Listener:
    """A listener: an index (0 = new), a history (1, T), what the scores rest on, friends (1, U).

    `heard_1T` is what is masked: the listener's own history, also where the scores rest on that of
    friends. `unmatched` names the tracks of a history brought along that the catalogue lacks.
    """

    user: int
    history_1T: sp.csr_array
    heard_1T: sp.csr_array
    answer: str
    friends_1U: sp.csr_array
    unmatched: tuple[str, ...] = ()

    @property
    def asking(self) -> Audience:
        """The listener as one who asks, with nothing but what they have heard themselves."""
        return Audience(self.heard_1T, np.array([self.user], np.int32), self.friends_1U)


def listener_of(bundle: Bundle, user_id: str | None, history: History | None) -> Listener:
    """Return the listener for an id, a history brought along, both or neither.

    A history brought along is taken instead of the stored one. It is a mapping of track_id to
    plays, a frame with track_id (and plays), or a Dataset of one listener.

    Raises `InputError` where the history is of another form.
    """
    friends = _friends_row(bundle, user_id)
    if history is not None:
        own, unmatched = _brought_along(bundle, history)
        if own.nnz:
            return Listener(UNKNOWN, own, own, FOLDED_IN, friends, unmatched)
        return replace(without_history(bundle, friends), unmatched=unmatched)
    user = bundle.features.listeners.index(user_id) if user_id is not None else UNKNOWN
    own = bundle.history_UT[[user]]
    if user != UNKNOWN and own.nnz:
        return Listener(user, own, own, KNOWN, friends)
    return without_history(bundle, friends)


def without_history(bundle: Bundle, friends_1U: sp.csr_array) -> Listener:
    """Return a listener without any play: one who rests on friends' histories, or on nothing."""
    nothing = sp.csr_array((1, bundle.features.tracks.rows), dtype=np.float32)
    of_friends = friends_history(bundle, friends_1U)
    if not of_friends.nnz:
        return Listener(UNKNOWN, nothing, nothing, POPULAR, friends_1U)
    return Listener(UNKNOWN, of_friends, nothing, FRIENDS, friends_1U)


def friends_history(bundle: Bundle, friends_BU: sp.csr_array) -> sp.csr_array:
    """Return the mean of the histories (B, T) of each row's friends; empty where there are none."""
    count_B = np.maximum(np.diff(friends_BU.indptr), 1)
    sums_BT = friends_BU @ bundle.history_UT[: friends_BU.shape[1]]
    return sp.csr_array(sp.diags_array(1 / count_B) @ sums_BT, dtype=np.float32)


def _brought_along(bundle: Bundle, history: History) -> tuple[sp.csr_array, tuple[str, ...]]:
    """Return the history as a row (1, T), and the ids that the catalogue lacks."""
    plays = _plays_of(history)
    track = bundle.features.tracks.encode(plays["track_id"])
    known = track != UNKNOWN
    row = np.zeros(int(known.sum()), np.int64)
    shape = (1, bundle.features.tracks.rows)
    matrix = history_matrix(row, track[known], plays["plays"].to_numpy()[known], shape)
    return matrix, tuple(plays.filter(pl.Series(~known))["track_id"])


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


def _friends_row(bundle: Bundle, user_id: str | None) -> sp.csr_array:
    """Return the known listeners whom `user_id`, known or not, names as friends (1, U)."""
    named = pl.col("user_id") == pl.lit(user_id, pl.String)  # nobody where it is None
    ids = bundle.friends.filter(named)["friend_id"]
    listeners = bundle.features.listeners
    friend = np.unique(listeners.encode(ids))
    friend = friend[friend != UNKNOWN]
    values = (np.ones(len(friend), np.float32), (np.zeros(len(friend), np.int64), friend))
    return sp.csr_array(values, shape=(1, listeners.rows))
