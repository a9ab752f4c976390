"""Content: tracks whose genres and artist are like those of the listener's own.

    score(u, t) = < profile(u), c_t >,   profile(u) = sum over t' of w(u, t') c_t' / sum of w(u, t')

with c of unit length (see `encore.models.inputs.content_matrix`) and w = log1p(plays): the mean
cosine of a track with the listener's. The classic content-based filter (Lops, de Gemmis & Semeraro,
"Content-based Recommender Systems: State of the Art and Trends", Recommender Systems Handbook,
2011, section 3.3.1). It scores a track that nobody has played yet.
"""

from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp

from encore.data.strength import log1p
from encore.models.channels.contract import Arrays, Channel, Need
from encore.models.entries import columns_of, entries
from encore.models.inputs import Audience, Inputs
from encore.models.ranking import Floats, Integers, row_of, strengths, with_data
from encore.models.rows import Row, Whole


class Content(Channel):
    """Mean cosine with the listener's tracks by genres and artist."""

    name: ClassVar[str] = "content"
    needs: ClassVar[Need] = "content"

    def __init__(self) -> None:
        self._content_TC = sp.csr_array((0, 0), dtype=np.float32)

    def fit(self, inputs: Inputs) -> Self:
        """Learn nothing but what the tracks are."""
        self._content_TC = inputs.content_TC
        return self

    def fold_in(self, audience: Audience) -> sp.csr_array:
        """Return the listeners' profiles (B, C)."""
        return sp.csr_array(_shares(audience.history_BT) @ self._content_TC)

    def score(self, folded: sp.csr_array) -> Floats:
        """Return (B, T); 0 for a track of which nothing is known."""
        scores: Floats = (folded @ self._content_TC.T).toarray().astype(np.float32)
        return scores

    def row(self, folded: sp.csr_array) -> Row:
        """Return the scores of one listener."""
        return Whole(self._content_TC @ folded.toarray()[0])

    def attribute(self, history_1T: sp.csr_array, tracks_N: Integers) -> Floats:
        """Return each history track's cosine times its share of the history; they sum to it."""
        kinds_K = np.array([*{*columns_of(self._content_TC, tracks_N).tolist()}], np.int64)
        asked_NK = entries(self._content_TC, tracks_N, kinds_K)
        cosine_NH = asked_NK @ entries(self._content_TC, history_1T.indices, kinds_K).T
        weight_H = log1p(history_1T.data)
        parts_NH: Floats = cosine_NH * (weight_H / (weight_H.sum() or 1))
        return parts_NH

    def arrays(self) -> Arrays:
        """Return nothing: what tracks are is the bundle's to keep."""
        return {}

    @classmethod
    def from_arrays(cls, arrays: Arrays, inputs: Inputs) -> Self:  # noqa: ARG003
        """Return the channel over the tracks that the inputs hold."""
        return cls().fit(inputs)


def _shares(history_BT: sp.csr_array) -> sp.csr_array:
    weights = strengths(history_BT)
    row_N = row_of(weights)
    total_N = np.bincount(row_N, weights.data)[row_N]  # above 0: what was only skipped is gone
    return with_data(weights, (weights.data / total_N).astype(np.float32))
