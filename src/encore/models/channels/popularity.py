"""Popularity: a track's number of listeners. The baseline that every other must beat.

    score(t) = sum over listeners u of t of  0.5 ^ (days since u last played t / half-life)

Where the rows have no times, or no half-life is set, each listener counts 1.
"""

from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.config import TrainConfig
from encore.data.strength import halved, log1p, played
from encore.models.channels.contract import Arrays, Channel
from encore.models.inputs import Audience, Inputs
from encore.models.ranking import Floats, Integers


class Popularity(Channel):
    """Scores a track by how many training listeners played it, lately; the same for everybody."""

    name: ClassVar[str] = "popularity"
    same_for_all: ClassVar[bool] = True

    def __init__(self, half_life_days: float | None = None) -> None:
        self._half_life_days = half_life_days
        self._listeners_T: npt.NDArray[np.float32] = np.zeros(0, np.float32)

    @classmethod
    def of(cls, config: TrainConfig) -> Self:
        """Return the channel with its settings."""
        return cls(config.popularity_half_life_days)

    def fit(self, inputs: Inputs) -> Self:
        """Count each track's listeners, those of long ago for less."""
        plays = inputs.plays_UT
        weight = played(plays.data).astype(np.float64)
        if self._half_life_days is not None and inputs.age_days is not None:
            weight *= halved(inputs.age_days, self._half_life_days)
        counted = np.bincount(plays.indices, weight, minlength=plays.shape[1])
        self._listeners_T = counted.astype(np.float32)
        return self

    def fold_in(self, audience: Audience) -> int:
        """Return how many they are: nothing else of them matters."""
        return len(audience)

    def score(self, folded: int) -> Floats:
        """Return the same row (T,) for each listener, as (B, T)."""
        return np.tile(self._listeners_T, (folded, 1))

    def arrays(self) -> Arrays:
        """Return the counts."""
        return {"listeners": self._listeners_T}

    @classmethod
    def from_arrays(cls, arrays: Arrays, inputs: Inputs) -> Self:  # noqa: ARG003
        """Return the channel with these counts."""
        channel = cls()
        channel._listeners_T = arrays["listeners"].astype(np.float32)
        return channel


class PersonalPopularity(Channel):
    """Scores a track by the listener's own plays, log1p: the baseline of familiar listening.

    Repeats make up most of listening, and own counts beat far larger models at them (Tran et al.,
    "Transformers Meet ACT-R: Repeat-Aware and Sequential Listening Session Recommendation",
    RecSys 2024).
    """

    name: ClassVar[str] = "personal-popularity"

    def fit(self, inputs: Inputs) -> Self:  # noqa: ARG002
        """Learn nothing: the answer lies in the history of who asks."""
        return self

    def score(self, folded: sp.csr_array) -> Floats:
        """Return log1p(plays) (B, T); 0 for what the listener has not played."""
        scores: Floats = folded.log1p().toarray().astype(np.float32)
        return scores

    def attribute(self, history_1T: sp.csr_array, tracks_N: Integers) -> Floats:
        """Return all for the track itself, where the listener has played it."""
        own_NH = tracks_N[:, None] == history_1T.indices
        parts_NH: Floats = (own_NH * log1p(history_1T.data)).astype(np.float32)
        return parts_NH
