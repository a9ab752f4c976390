"""What every channel promises; `tests/models/test_channels.py` holds each of them to it."""

from typing import ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Floats = npt.NDArray[np.float32]


class Channel(Protocol):
    """A scorer of tracks for a history, known listener or new one alike.

    Histories are sparse (listener, track) matrices of plays; column 0 is the unknown track.
    """

    name: ClassVar[str]

    def fit(self, plays_UT: sp.csr_array) -> Self:
        """Learn from training plays; return itself."""
        ...

    def fold_in(self, history_BT: sp.csr_array) -> sp.csr_array | Floats:
        """Return what the channel knows of these listeners: all that `score` needs."""
        ...

    def score(self, folded: sp.csr_array | Floats) -> Floats:
        """Return finite scores (B, T), higher is better, also for an empty history."""
        ...

    def attribute(self, history_1T: sp.csr_array, track: int) -> dict[int, float]:
        """Return how much each track of the history adds to the score of `track`.

        The values sum to the score where the channel is linear in the history, and the dict is
        empty where the score does not come from the history.
        """
        ...

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return all that was learned, as plain arrays for a bundle."""
        ...

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[np.generic]]) -> Self:
        """Return the channel that `arrays` describes."""
        ...
