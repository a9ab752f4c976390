"""Popularity: a track's number of listeners. The baseline that every other must beat."""

from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.models.channels.contract import Floats
from encore.models.ranking import listeners_of


class Popularity:
    """Scores a track by how many training listeners played it; the same for everybody."""

    name: ClassVar[str] = "popularity"

    def __init__(self) -> None:
        self._listeners_T: npt.NDArray[np.float32] = np.zeros(0, np.float32)

    def fit(self, plays_UT: sp.csr_array) -> Self:
        """Count each track's listeners."""
        self._listeners_T = listeners_of(plays_UT).astype(np.float32)
        return self

    def fold_in(self, history_BT: sp.csr_array) -> sp.csr_array:
        """Return the histories; only their number matters."""
        return history_BT

    def score(self, folded: sp.csr_array | Floats) -> Floats:
        """Return the same row (T,) for each listener, as (B, T)."""
        return np.tile(self._listeners_T, (folded.shape[0], 1))

    def attribute(self, history_1T: sp.csr_array, track: int) -> dict[int, float]:  # noqa: ARG002
        """Return nothing: no track of the history has a part in it."""
        return {}

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return the counts."""
        return {"listeners": self._listeners_T}

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[np.generic]]) -> Self:
        """Return the channel with these counts."""
        channel = cls()
        channel._listeners_T = arrays["listeners"].astype(np.float32)
        return channel
