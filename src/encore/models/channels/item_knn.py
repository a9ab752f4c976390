"""Item-kNN: tracks near the listener's own, by who plays both.

    score(u, t) = sum over t' in history(u) of  w(u, t') sim(t', t)
    sim(t', t)  = cosine of the two tracks' columns of w,   w the strength of `play_weights`

with the K nearest tracks kept for each t' and none for itself (Deshpande & Karypis, "Item-Based
Top-N Recommendation Algorithms", TOIS 22(1), 2004). The similarities come from `implicit`.
"""

from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp
from implicit.nearest_neighbours import ItemItemRecommender

from encore.config import TrainConfig
from encore.models.channels.contract import Arrays, Channel
from encore.models.entries import entries
from encore.models.inputs import Audience, Inputs
from encore.models.ranking import Floats, Integers
from encore.models.rows import Row, Sparse
from encore.models.weighing import Weighing


class ItemKnn(Channel):
    """Cosine item-kNN with `neighbours` kept for each track."""

    name: ClassVar[str] = "item-knn"

    def __init__(self, neighbours: int = 200, weights: str = "played") -> None:
        self._neighbours, self._weigh = neighbours, Weighing(weights)
        self._similarity_TT = sp.csr_array((0, 0), dtype=np.float32)

    @classmethod
    def of(cls, config: TrainConfig) -> Self:
        """Return the channel with its settings."""
        return cls(config.neighbours, config.play_weights)

    def fit(self, inputs: Inputs) -> Self:
        """Find each track's nearest tracks."""
        self._weigh = self._weigh.fit(inputs.plays_UT)
        weights = self._weigh(inputs.plays_UT)
        norm_T = np.sqrt(weights.power(2).sum(axis=0, dtype=np.float64))
        # With unit columns the inner product is the cosine. implicit wants double and int32.
        unit = sp.csr_matrix(
            (
                weights.data / norm_T[weights.indices],
                weights.indices.astype(np.int32),
                weights.indptr.astype(np.int32),
            ),
            shape=weights.shape,
        )
        model = ItemItemRecommender(
            K=self._neighbours + 1
        )  # the nearest of all is the track itself
        model.fit(unit, show_progress=False)
        similarity = sp.csr_array(model.similarity).astype(np.float32)
        similarity.setdiag(0)
        similarity.eliminate_zeros()
        # Among tracks with the very same listeners a track may miss itself: then one is too many.
        for row in np.flatnonzero(np.diff(similarity.indptr) > self._neighbours):
            kept = slice(similarity.indptr[row], similarity.indptr[row + 1])
            values = similarity.data[kept]
            values[values.argmin()] = 0
        similarity.eliminate_zeros()
        similarity.sort_indices()
        self._similarity_TT = similarity
        return self

    def fold_in(self, audience: Audience) -> sp.csr_array:
        """Return the weights w of the histories."""
        return self._weigh(audience.history_BT)

    def score(self, folded: sp.csr_array) -> Floats:
        """Return (B, T); 0 for a track that is near none of the history's."""
        scores: Floats = (folded @ self._similarity_TT).toarray().astype(np.float32)
        return scores

    def row(self, folded: sp.csr_array) -> Row:
        """Return the scores of one listener, few of which are not 0."""
        return Sparse.of(folded, self._similarity_TT)

    def attribute(self, history_1T: sp.csr_array, tracks_N: Integers) -> Floats:
        """Return w x sim of each track of the history; they sum to the score."""
        similarity_HN = entries(self._similarity_TT, history_1T.indices, tracks_N)
        parts_NH: Floats = similarity_HN.T * self._weigh.each(history_1T)
        return parts_NH

    def arrays(self) -> Arrays:
        """Return the similarity matrix in its compressed rows."""
        matrix = self._similarity_TT
        return {
            "data": matrix.data,
            "indices": matrix.indices,
            "indptr": matrix.indptr,
            **self._weigh.arrays(),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, inputs: Inputs) -> Self:  # noqa: ARG003
        """Return the channel with these similarities."""
        channel = cls()
        channel._weigh = Weighing.from_arrays(arrays)
        tracks = len(arrays["indptr"]) - 1
        channel._similarity_TT = sp.csr_array(
            (arrays["data"], arrays["indices"], arrays["indptr"]), shape=(tracks, tracks)
        )
        return channel
