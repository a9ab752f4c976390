"""User-kNN: what listeners with a like history play.

    score(u, t) = sum over the K listeners v nearest to u of  sim(u, v) [v played t]
    sim(u, v)   = cosine of the two listeners' rows of w,   w the strength of `play_weights`

(Herlocker, Konstan, Borchers & Riedl, "An Algorithmic Framework for Performing Collaborative
Filtering", SIGIR 1999, here for implicit feedback, sums in place of means.) A known listener is
nearest to themselves: that adds to their own tracks only.
"""

from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp

from encore.config import TrainConfig
from encore.models.channels.contract import Arrays, Channel
from encore.models.entries import entries
from encore.models.inputs import Audience, Inputs, unit_rows
from encore.models.ranking import Floats, Integers, played
from encore.models.rows import Row, Sparse
from encore.models.weighing import Weighing


class UserKnn(Channel):
    """Cosine user-kNN with `neighbours` listeners asked for each."""

    name: ClassVar[str] = "user-knn"
    asks_others: ClassVar[bool] = True

    def __init__(self, neighbours: int = 100, weights: str = "played") -> None:
        self._neighbours, self._weigh = neighbours, Weighing(weights)
        self._unit_UT = self._unit_TU = self._played_UT = sp.csr_array((0, 0), dtype=np.float32)

    @classmethod
    def of(cls, config: TrainConfig) -> Self:
        """Return the channel with its settings."""
        return cls(config.user_neighbours, config.play_weights)

    def fit(self, inputs: Inputs) -> Self:
        """Bring each listener's row to unit length."""
        self._weigh = self._weigh.fit(inputs.plays_UT)
        self._unit_UT = unit_rows(self._weigh(inputs.plays_UT))
        self._unit_TU = sp.csr_array(self._unit_UT.T)
        self._played_UT = played(inputs.plays_UT)
        return self

    def fold_in(self, audience: Audience) -> sp.csr_array:
        """Return the similarities (B, U) of the nearest listeners, 0 for all others."""
        return self._nearest(unit_rows(self._weigh(audience.history_BT)))

    def score(self, folded: sp.csr_array) -> Floats:
        """Return (B, T); 0 for a track that no near listener plays."""
        scores: Floats = (folded @ self._played_UT).toarray().astype(np.float32)
        return scores

    def row(self, folded: sp.csr_array) -> Row:
        """Return the scores of one listener, few of which are not 0."""
        return Sparse.of(folded, self._played_UT)

    def attribute(self, history_1T: sp.csr_array, tracks_N: Integers) -> Floats:
        """Return each history track's part in the similarities that made the score; they sum to it.

        sim(u, v) is itself a sum over the tracks that both play.
        """
        nearest_V = self.fold_in(Audience.of(history_1T)).indices
        votes_VN = entries(self._played_UT, nearest_V, tracks_N)
        shared_VH = entries(self._unit_UT, nearest_V, history_1T.indices)
        own_H = self._weigh.each(history_1T)
        parts_NH: Floats = votes_VN.T @ shared_VH * (own_H / (np.linalg.norm(own_H) or 1))
        return parts_NH

    def _nearest(self, unit_BT: sp.csr_array) -> sp.csr_array:
        similarity = sp.csr_array(unit_BT @ self._unit_TU)
        similarity.sort_indices()
        for row in np.flatnonzero(np.diff(similarity.indptr) > self._neighbours):
            values = similarity.data[similarity.indptr[row] : similarity.indptr[row + 1]]
            least = np.partition(values, len(values) - self._neighbours)[-self._neighbours]
            # Among equals the listener who comes first in the vocabulary is kept.
            equal = np.flatnonzero(values == least)
            kept = self._neighbours - np.count_nonzero(values > least)
            values[values < least] = 0
            values[equal[kept:]] = 0
        similarity.eliminate_zeros()
        return similarity

    def arrays(self) -> Arrays:
        """Return the settings; the listeners' rows are the bundle's to keep."""
        return {"neighbours": np.array(self._neighbours), "weights": np.array(self._weigh.name)}

    @classmethod
    def from_arrays(cls, arrays: Arrays, inputs: Inputs) -> Self:
        """Return the channel over the listeners that the inputs hold."""
        return cls(int(arrays["neighbours"]), str(arrays["weights"])).fit(inputs)
