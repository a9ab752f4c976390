"""EASE with content: a linear map from a history to all tracks, fitted in closed form.

Minimises  |X - X B|^2 + content^2 |C' - C' B|^2 + sum_i d_i |B_i|^2   with  diag(B) = 0

where X = 1 where played, and each kind of content (a genre, a tag, an artist: a column of C) stands
as one more listener who plays its tracks:

    P = (X' X + content^2 C C' + diag(d))^-1,    B_ij = -P_ij / P_jj   (i != j)
    score(u, t) = sum over t' in history(u) of  w(u, t') B_t't / n_t^discount

(Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, equations 4 and 8; rows of
side information as in Jeunen, Van Balen & Goethals, "Closed-Form Models for Collaborative Filtering
with Side-Information", RecSys 2020.) n_t are the track's listeners, d_t = l2 + l2_popular
sqrt(n_t): weights of the much played shrink more, as in Steck, "Autoencoders that don't overfit
towards the Identity", NeurIPS 2020, where d grows with n. w is the strength of `play_weights`.

Where X and C have fewer rows than there are tracks, the smaller matrix is inverted: with
Y = rows diag(d)^-1/2

    (Y' Y + I)^-1  =  I - Y' K Y,    K = (Y Y' + I)^-1

by the Woodbury identity: the same B, at the cost of the rows' number cubed. Of each column the
largest weights are kept.
"""

from collections.abc import Iterable, Iterator
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from encore.config import TrainConfig
from encore.models.channels.contract import Arrays, Channel
from encore.models.entries import entries
from encore.models.inputs import Audience, Inputs
from encore.models.ranking import Floats, Integers, played
from encore.models.rows import Row, Sparse
from encore.models.weighing import Weighing

MAX_EXACT = 20_000  # tracks that B is solved for, the most played ones: 20,000^2 floats are 1.6 GB
COLUMNS_AT_ONCE = 1024


class Ease(Channel):
    """Closed-form weights between tracks; of more than `MAX_EXACT`, between the most played."""

    name: ClassVar[str] = "ease"

    def __init__(
        self,
        l2: float = 20.0,
        l2_popular: float = 20.0,
        content: float = 1.0,
        discount: float = 0.15,
        kept: int = 500,
        weights: str = "played",
    ) -> None:
        self._l2, self._l2_popular, self._content = l2, l2_popular, content
        self._discount, self._kept, self._weigh = discount, kept, Weighing(weights)
        self._weights_TT = sp.csr_array((0, 0), dtype=np.float32)

    @classmethod
    def of(cls, config: TrainConfig) -> Self:
        """Return the channel with its settings."""
        return cls(
            config.ease_l2,
            config.ease_l2_popular,
            config.ease_content,
            config.ease_discount,
            config.ease_kept,
            config.play_weights,
        )

    def fit(self, inputs: Inputs) -> Self:
        """Solve for the weights of the tracks that somebody played.

        What a listener's plays weigh matters in `fold_in` only: the fit is of who played what.
        """
        self._weigh = self._weigh.fit(inputs.plays_UT)
        whole_UT = played(inputs.plays_UT)
        listeners_T = np.bincount(whole_UT.indices, minlength=whole_UT.shape[1])
        order = np.argsort(-listeners_T, kind="stable")[:MAX_EXACT]
        columns = np.sort(order[listeners_T[order] > 0])
        content_CM = inputs.content_TC[columns].T * np.float32(self._content)
        rows = sp.csr_array(sp.vstack([whole_UT[:, columns], content_CM]))
        rows.eliminate_zeros()
        rows = rows[np.diff(rows.indptr) > 0]  # who plays none of them has no say
        root_M = np.sqrt(listeners_T[columns])
        penalty_M = (self._l2 + self._l2_popular * root_M).astype(np.float32)
        solve = _by_rows if rows.shape[0] < rows.shape[1] else _by_tracks
        blocks = solve(sp.csc_array(rows, dtype=np.float32), penalty_M)
        weights_TT = self._largest(blocks, columns, whole_UT.shape[1])
        factor_T = np.maximum(listeners_T, 1).astype(np.float32) ** -self._discount
        weights_TT.data *= factor_T[weights_TT.indices]
        self._weights_TT = weights_TT
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
        """Return the weights w of the histories."""
        return self._weigh(audience.history_BT)

    def score(self, folded: sp.csr_array) -> Floats:
        """Return (B, T); 0 for a track without weights."""
        scores: Floats = (folded @ self._weights_TT).toarray()
        return scores

    def row(self, folded: sp.csr_array) -> Row:
        """Return the scores of one listener, few of which are not 0."""
        return Sparse.of(folded, self._weights_TT)

    def attribute(self, history_1T: sp.csr_array, tracks_N: Integers) -> Floats:
        """Return what each track of the history adds; they sum to the score."""
        weights_HN = entries(self._weights_TT, history_1T.indices, tracks_N)
        parts_NH: Floats = weights_HN.T * self._weigh.each(history_1T)
        return parts_NH

    def arrays(self) -> Arrays:
        """Return the weights between tracks in their compressed rows, and what a play weighs."""
        matrix = self._weights_TT
        rows = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
        return {**rows, **self._weigh.arrays()}

    @classmethod
    def from_arrays(cls, arrays: Arrays, inputs: Inputs) -> Self:  # noqa: ARG003
        """Return the channel with these weights."""
        channel = cls()
        channel._weigh = Weighing.from_arrays(arrays)
        tracks = len(arrays["indptr"]) - 1
        channel._weights_TT = sp.csr_array(
            (arrays["data"], arrays["indices"], arrays["indptr"]), shape=(tracks, tracks)
        )
        return channel


def _by_rows(rows_RM: sp.csc_array, penalty_M: Floats) -> Iterator[Floats]:
    """Yield blocks of columns of B (M, b), from the inverse of the rows' matrix."""
    root_M = np.sqrt(penalty_M)
    Y_RM = sp.csr_array(rows_RM @ sp.diags_array(1 / root_M))
    K_RR = _inverse(Y_RM @ Y_RM.T, np.ones(Y_RM.shape[0], np.float32))
    Y_MR = sp.csr_array(Y_RM.T)
    for start in range(0, Y_MR.shape[0], COLUMNS_AT_ONCE):
        part_bR = Y_MR[start : start + COLUMNS_AT_ONCE] @ K_RR
        block_Mb = Y_MR @ np.ascontiguousarray(part_bR.T)
        own = np.arange(block_Mb.shape[1])
        block_Mb *= root_M[start + own] / (1 - block_Mb[start + own, own])
        block_Mb /= root_M[:, None]
        block_Mb[start + own, own] = 0
        yield block_Mb


def _by_tracks(rows_RM: sp.csc_array, penalty_M: Floats) -> Iterator[Floats]:
    """Yield blocks of columns of B (M, b), from the inverse of the tracks' matrix."""
    P_MM = _inverse(rows_RM.T @ rows_RM, penalty_M)
    for start in range(0, len(P_MM), COLUMNS_AT_ONCE):
        block_Mb = P_MM[:, start : start + COLUMNS_AT_ONCE].copy()
        own = np.arange(block_Mb.shape[1])
        block_Mb /= -block_Mb[start + own, own]
        block_Mb[start + own, own] = 0
        yield block_Mb


def _inverse(gram: sp.sparray, added: Floats) -> Floats:
    """Return (gram + diag(added))^-1, by torch: its LAPACK uses all cores."""
    dense = torch.from_numpy(gram.toarray())
    dense.diagonal().add_(torch.from_numpy(added))
    inverse: Floats = torch.cholesky_inverse(torch.linalg.cholesky(dense)).numpy()
    return inverse
