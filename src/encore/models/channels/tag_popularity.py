"""Tag popularity: how much a track has been tagged. It tells new tracks apart before any play does.

    score(t) = log(1 + sum of the weights of the track's genres and tags)

People tag what gets about: on HetRec this alone ranks artists that no training row has at four
times the NDCG of chance, and beside what they are it adds a twentieth (docs/log.md).
"""

from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp

from encore.config import TrainConfig
from encore.models.channels.contract import Arrays, Need
from encore.models.inputs import Audience, Inputs
from encore.models.ranking import Floats


class TagPopularity:
    """Scores a track by the weight of its tags; the same for everybody."""

    name: ClassVar[str] = "tag-popularity"
    needs: ClassVar[Need] = "content"
    asks_others: ClassVar[bool] = False

    def __init__(self) -> None:
        self._scores_T = np.zeros(0, np.float32)

    @classmethod
    def of(cls, config: TrainConfig) -> Self:  # noqa: ARG003
        """Return the channel; it has no settings."""
        return cls()

    def fit(self, inputs: Inputs) -> Self:
        """Read the weights."""
        tracks = inputs.plays_UT.shape[1]
        weight_T = np.zeros(tracks) if inputs.tags_T is None else inputs.tags_T
        self._scores_T = np.log1p(weight_T).astype(np.float32)
        return self

    def fold_in(self, audience: Audience) -> int:
        """Return how many they are: nothing else of them matters."""
        return len(audience)

    def score(self, folded: int) -> Floats:
        """Return the same row (T,) for each listener, as (B, T)."""
        return np.tile(self._scores_T, (folded, 1))

    def attribute(self, history_1T: sp.csr_array, track: int) -> dict[int, float]:  # noqa: ARG002
        """Return nothing: no track of the history has a part in it."""
        return {}

    def arrays(self) -> Arrays:
        """Return the scores."""
        return {"scores": self._scores_T}

    @classmethod
    def from_arrays(cls, arrays: Arrays, inputs: Inputs) -> Self:  # noqa: ARG003
        """Return the channel with these scores."""
        channel = cls()
        channel._scores_T = arrays["scores"].astype(np.float32)
        return channel
