"""EASE: a linear map from a history to all tracks, fitted in closed form.

Minimises  |X - X B|^2 + l2 |B|^2  with  diag(B) = 0,  X = 1 where played:

    P = (X' X + l2 I)^-1,    B_ij = -P_ij / P_jj   (i != j)

(Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, equations 4 and 8.) Where
there are fewer listeners than tracks the smaller matrix is inverted:

    X' X + l2 I  inverted  =  (I - X' K X) / l2,    K = (X X' + l2 I)^-1

by the Woodbury identity, so that B_ij = (X' K X)_ij / (1 - (X' K X)_jj): the same B, at the cost of
the listeners' number cubed. Of each column the largest weights are kept.
"""

from collections.abc import Iterable, Iterator
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from encore.config import TrainConfig
from encore.models.channels.contract import Arrays, Need
from encore.models.inputs import Audience, Inputs
from encore.models.ranking import Floats, played

MAX_EXACT = 20_000  # tracks that B is solved for, the most played ones: 20,000^2 floats are 1.6 GB
COLUMNS_AT_ONCE = 1024


class Ease:
    """Closed-form weights between tracks; of more than `MAX_EXACT`, between the most played."""

    name: ClassVar[str] = "ease"
    needs: ClassVar[Need] = "plays"
    asks_others: ClassVar[bool] = False

    def __init__(self, l2: float = 100.0, kept: int = 500) -> None:
        self._l2, self._kept = l2, kept
        self._weights_TT = sp.csr_array((0, 0), dtype=np.float32)

    @classmethod
    def of(cls, config: TrainConfig) -> Self:
        """Return the channel with its settings."""
        return cls(config.ease_l2, config.ease_kept)

    def fit(self, inputs: Inputs) -> Self:
        """Solve for the weights of the tracks that somebody played."""
        whole_UT = played(inputs.plays_UT)
        listeners_T = np.bincount(whole_UT.indices, minlength=whole_UT.shape[1])
        order = np.argsort(-listeners_T, kind="stable")[:MAX_EXACT]
        columns = np.sort(order[listeners_T[order] > 0])
        X_UM = sp.csc_array(whole_UT[:, columns])
        X_UM = X_UM[np.unique(X_UM.indices)]  # listeners of none of them have no say
        solve = _by_listeners if X_UM.shape[0] < X_UM.shape[1] else _by_tracks
        self._weights_TT = self._largest(solve(X_UM, self._l2), columns, whole_UT.shape[1])
        return self

    def _largest(
        self, blocks: Iterable[Floats], columns: npt.NDArray[np.integer], tracks: int
    ) -> sp.csr_array:
        """Return the largest weights of each column, as a matrix over the whole catalogue."""
        rows, values = [], []
        kept = min(self._kept, len(columns))
        for block_Mb in blocks:
            place_kb = np.argpartition(np.abs(block_Mb), len(columns) - kept, axis=0)[-kept:]
            rows.append(columns[place_kb.T].ravel())
            values.append(np.take_along_axis(block_Mb, place_kb, 0).T.ravel())
        weights = sp.csr_array(
            (np.concatenate(values), (np.concatenate(rows), np.repeat(columns, kept))),
            shape=(tracks, tracks),
        )
        weights.eliminate_zeros()
        weights.sort_indices()
        return weights

    def fold_in(self, audience: Audience) -> sp.csr_array:
        """Return which tracks each history holds, 0/1."""
        return played(audience.history_BT)

    def score(self, folded: sp.csr_array) -> Floats:
        """Return (B, T); 0 for a track without weights."""
        scores: Floats = (folded @ self._weights_TT).toarray()
        return scores

    def attribute(self, history_1T: sp.csr_array, track: int) -> dict[int, float]:
        """Return the weight of each track of the history; they sum to the score."""
        own = played(history_1T).indices
        parts = self._weights_TT[own][:, [track]].toarray().ravel()
        return {int(t): float(part) for t, part in zip(own, parts, strict=True) if part}

    def arrays(self) -> Arrays:
        """Return the weights in their compressed rows."""
        matrix = self._weights_TT
        return {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}

    @classmethod
    def from_arrays(cls, arrays: Arrays, inputs: Inputs) -> Self:  # noqa: ARG003
        """Return the channel with these weights."""
        channel = cls()
        tracks = len(arrays["indptr"]) - 1
        channel._weights_TT = sp.csr_array(
            (arrays["data"], arrays["indices"], arrays["indptr"]), shape=(tracks, tracks)
        )
        return channel


def _by_listeners(X_UM: sp.csc_array, l2: float) -> Iterator[Floats]:
    """Yield blocks of columns of B (M, b), from the inverse of the listeners' matrix."""
    K_UU = _inverse(X_UM @ X_UM.T, l2)
    X_MU = sp.csr_array(X_UM.T)
    for start in range(0, X_MU.shape[0], COLUMNS_AT_ONCE):
        part_bU = X_MU[start : start + COLUMNS_AT_ONCE] @ K_UU
        block_Mb = X_MU @ np.ascontiguousarray(part_bU.T)
        own = np.arange(block_Mb.shape[1])
        block_Mb /= 1 - block_Mb[start + own, own]
        block_Mb[start + own, own] = 0
        yield block_Mb


def _by_tracks(X_UM: sp.csc_array, l2: float) -> Iterator[Floats]:
    """Yield blocks of columns of B (M, b), from the inverse of the tracks' matrix."""
    P_MM = _inverse(X_UM.T @ X_UM, l2)
    for start in range(0, len(P_MM), COLUMNS_AT_ONCE):
        block_Mb = P_MM[:, start : start + COLUMNS_AT_ONCE].copy()
        own = np.arange(block_Mb.shape[1])
        block_Mb /= -block_Mb[start + own, own]
        block_Mb[start + own, own] = 0
        yield block_Mb


def _inverse(gram: sp.sparray, l2: float) -> Floats:
    """Return (gram + l2 I)^-1. Torch's LAPACK uses all cores, also where numpy's uses one."""
    dense = torch.from_numpy(gram.toarray())
    dense.diagonal().add_(l2)
    inverse: Floats = torch.cholesky_inverse(torch.linalg.cholesky(dense)).numpy()
    return inverse
