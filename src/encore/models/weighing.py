"""What a pair counts in a channel: the strengths of `encore.data.strength` on sparse histories.

Legend: B listeners scored together, U of training, T tracks with the unknown in column 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.data.strength import STRENGTHS, Corpus
from encore.models.ranking import Floats, row_of, with_data

_NOTHING = Corpus(0, np.zeros(0, np.int64), 1.0)
_OF_ROWS = ("played", "log1p")  # need to know nothing but the row


@dataclass(frozen=True)
class Weighing:
    """A strength by its name and, where it needs that, what the training rows say of tracks.

    `auto`, where nothing has decided, counts 1 for what was played.
    """

    name: str = "auto"
    corpus: Corpus = _NOTHING

    def fit(self, plays_UT: sp.csr_array) -> "Weighing":
        """Return the weighing that knows these training rows."""
        if self._strength in _OF_ROWS:
            return self
        rows = row_of(plays_UT), plays_UT.indices, plays_UT.data
        return Weighing(self.name, Corpus.of(*rows, plays_UT.shape[1]))

    def __call__(self, history_BT: sp.csr_array) -> sp.csr_array:
        """Return the strength of each pair; pairs that were only skipped are gone."""
        return with_data(history_BT, self.each(history_BT))

    def each(self, history_BT: sp.csr_array) -> Floats:
        """Return the strength of each stored pair, in their order; 0 where it was only skipped."""
        rows = row_of(history_BT), history_BT.indices, history_BT.data
        strength: Floats = STRENGTHS[self._strength](*rows, self.corpus).astype(np.float32)
        return strength

    @property
    def _strength(self) -> str:
        return "played" if self.name == "auto" else self.name

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return name and corpus as plain arrays; sums over listeners, of none alone."""
        named = {"weights": np.array(self.name)}
        if self._strength in _OF_ROWS:
            return named
        listeners, mean_plays = np.array(self.corpus.listeners), np.array(self.corpus.mean_plays)
        return named | {
            "listeners": listeners,
            "listeners_T": self.corpus.listeners_T,
            "mean_plays": mean_plays,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> "Weighing":
        """Return the weighing of these arrays, others among them passed over."""
        name = str(arrays["weights"])
        if "listeners_T" not in arrays:
            return cls(name)
        mean_plays = float(arrays["mean_plays"])
        return cls(name, Corpus(int(arrays["listeners"]), arrays["listeners_T"], mean_plays))
