"""Who is asking: a known listener, a history brought along, somebody's friend, or nobody yet.

Known and new listeners go the same way from here on: as a row of plays over the catalogue.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import scipy.sparse as sp

from encore.data.dataset import Dataset
from encore.data.vocabulary import UNKNOWN
from encore.models.bundle import Bundle
from encore.models.inputs import Audience
from encore.models.ranking import first_rows
from encore.recommend.brought import Brought, of_dataset, of_plays
from encore.recommend.seeds import Seeds, of_seeds

KNOWN = "known listener"
FOLDED_IN = "history folded in"
SEEDS = "from the seeds given"
FRIENDS = "new listener: what their friends play"
POPULAR = "new listener: what most play"

History = Mapping[str, float] | pl.DataFrame | Dataset | Seeds | Brought


@dataclass(frozen=True)
class Listener:
    """A listener: an index (0 = new), a history (1, T), what the scores rest on, friends (1, U).

    `heard_1T` is what is masked: what the listener heard themselves, also where the scores rest on
    the history of friends, or on tracks that stand for others. `brought`: what they brought along.
    """

    user: int
    history_1T: sp.csr_array
    heard_1T: sp.csr_array
    answer: str
    friends_1U: sp.csr_array
    brought: Brought | None = None

    @property
    def asking(self) -> Audience:
        """The listener as one who asks, with nothing but what they have played or brought."""
        own, user_1 = self.history_1T, np.array([self.user], np.int32)
        if self.answer == FRIENDS:
            own = self.heard_1T
        return Audience(own, user_1, self.friends_1U, as_trained=self.answer == KNOWN)

    def stands_for_others(self, track: int) -> bool:
        """Say whether a track was not heard itself, but stands for its artist's or a genre's."""
        brought = self.brought
        return brought is not None and track in brought.near and track not in brought.plays


def listener_of(bundle: Bundle, user_id: str | None, history: History | None) -> Listener:
    """Return the listener for an id, a history brought along, both or neither.

    A history brought along is taken instead of the stored one: see `brought_along`.

    Raises `InputError` where the history is of another form.
    """
    user = bundle.features.listeners.index(user_id) if user_id is not None else UNKNOWN
    friends = bundle.scorers.inputs.friends_UU[[user]]
    if user == UNKNOWN and user_id is not None:
        friends = _friends_row(bundle, user_id)
    if history is not None:
        brought, tracks = brought_along(bundle, history), bundle.features.tracks.rows
        own, heard = brought.history(tracks), brought.heard(tracks)
        if own.data.any():
            answer = SEEDS if brought.seeds else FOLDED_IN
            return Listener(UNKNOWN, own, heard, answer, friends, brought)
        return replace(without_history(bundle, friends), heard_1T=heard, brought=brought)
    own = bundle.history_UT[[user]]
    if user != UNKNOWN and own.nnz:
        return Listener(user, own, own, KNOWN, friends)
    return without_history(bundle, friends)


def brought_along(bundle: Bundle, history: History) -> Brought:
    """Return a history in the bundle's terms.

    It is a mapping of track_id to plays, a frame with track_id (and plays), a Dataset of one
    listener, which is matched by names too, or seeds.

    Raises `InputError` where it is of another form.
    """
    if isinstance(history, Brought):
        return history
    if isinstance(history, Dataset):
        return of_dataset(bundle, history)
    if isinstance(history, Seeds):
        return of_seeds(bundle, history)
    return of_plays(bundle, history)


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
    sums_BT = friends_BU @ first_rows(bundle.history_UT, friends_BU.shape[1])
    return sp.csr_array(sp.diags_array(1 / count_B) @ sums_BT, dtype=np.float32)


def _friends_row(bundle: Bundle, user_id: str | None) -> sp.csr_array:
    """Return the known listeners whom `user_id`, known or not, names as friends (1, U)."""
    named = pl.col("user_id") == pl.lit(user_id, pl.String)  # nobody where it is None
    ids = bundle.friends.filter(named)["friend_id"]
    listeners = bundle.features.listeners
    friend = np.unique(listeners.encode(ids))
    friend = friend[friend != UNKNOWN]
    values = (np.ones(len(friend), np.float32), (np.zeros(len(friend), np.int64), friend))
    return sp.csr_array(values, shape=(1, listeners.rows))
