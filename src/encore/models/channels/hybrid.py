"""Hybrid autoencoder: a history as the mean of its tracks' vectors, tracks by id and by content.

    v_t  = unit(id_t + sum_c x_tc w_c)     x: the content of the track, its row of unit length
    h_u  = unit(sum over the history of w(u, t') v_t'),   w = log1p(plays)
    score(u, t) = < h_u, v_t >

Trained to give the listener's tracks a high share of  softmax_t(scale x score(u, t))  over all
tracks with a listener, from a history of which a random part is hidden: the multinomial likelihood
of Liang et al., "Variational Autoencoders for Collaborative Filtering", WWW 2018 (section 2.2),
with encoder and decoder tied to one vector a track and no hidden layer. The ids of a random part of
the tracks are hidden at each step (as in Volkovs, Yu & Poutanen, "DropoutNet", NeurIPS 2017), so
that content alone learns to place a track: one that nobody has played scores from it.

Legend: B listeners of a batch, T tracks with the unknown, M tracks that are trained, C kinds of
content, D dimensions.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.nn import functional

from encore.config import TrainConfig
from encore.data.strength import log1p
from encore.models.channels.contract import Arrays, Channel
from encore.models.inputs import Audience, Inputs
from encore.models.ranking import Floats, Integers, strengths
from encore.models.rows import Vectors

SCALE = 9.0  # of cosines in the softmax: 6 and 20 were worse on validation rows (docs/log.md)
HIDDEN_SHARE = 0.6  # of a history, in training
HIDDEN_IDS = 0.2  # of all tracks, at each step
BATCH_SIZE = 256  # listeners of a step
MAX_STEPS = 300  # listeners beyond BATCH_SIZE x MAX_STEPS are not needed to place the tracks
MAX_TRACKS = 50_000  # with an id of their own, the most played ones: a step costs B x M x D
ID_SPREAD = 0.1  # of the ids' first vectors; content begins at 1, so that it leads


class Hybrid(Channel):
    """Tied autoencoder over track vectors of id and content."""

    name: ClassVar[str] = "hybrid"

    def __init__(
        self, dimension: int = 256, epochs: int = 5, learning_rate: float = 2e-3, seed: int = 0
    ) -> None:
        self._dimension, self._epochs = dimension, epochs
        self._learning_rate, self._seed = learning_rate, seed
        self._vectors_TD = self._content_CD = np.zeros((0, 0), np.float32)

    @classmethod
    def of(cls, config: TrainConfig) -> Self:
        """Return the channel with its settings."""
        return cls(
            config.hybrid_dimension, config.hybrid_epochs, config.hybrid_learning_rate, config.seed
        )

    def fit(self, inputs: Inputs) -> Self:
        """Learn the tracks' vectors; those beyond `MAX_TRACKS` have content and no id."""
        whole_UT = strengths(inputs.plays_UT)
        listeners_T = np.bincount(whole_UT.indices, minlength=whole_UT.shape[1])
        order = np.argsort(-listeners_T, kind="stable")[:MAX_TRACKS]
        columns_M = np.sort(order[listeners_T[order] > 0])
        weights_UM = sp.csr_array(whole_UT[:, columns_M])
        content = _SparseMatrix(inputs.content_TC[columns_M])
        generator, rng = (
            torch.Generator().manual_seed(self._seed),
            np.random.default_rng(self._seed),
        )
        spread, kinds = self._dimension**-0.5, inputs.content_TC.shape[1]
        ids_MD = torch.randn(len(columns_M), self._dimension, generator=generator)
        ids_MD = (ids_MD * (spread * ID_SPREAD)).requires_grad_()
        content_CD = torch.randn(kinds, self._dimension, generator=generator)
        content_CD = (content_CD * spread).requires_grad_()
        optimizer = torch.optim.Adam([ids_MD, content_CD], lr=self._learning_rate)
        for rows in self._batches(np.flatnonzero(np.diff(weights_UM.indptr)), rng):
            shown_M1 = torch.rand(len(columns_M), 1, generator=generator) >= HIDDEN_IDS
            vectors_MD = functional.normalize(ids_MD * shown_M1 + content.times(content_CD))
            optimizer.zero_grad()
            _loss(weights_UM[rows], vectors_MD, rng).backward()
            optimizer.step()
        self._content_CD = content_CD.detach().numpy()
        vectors_TD = inputs.content_TC @ self._content_CD
        vectors_TD[columns_M] += ids_MD.detach().numpy()
        self._vectors_TD = _unit(vectors_TD)
        self.__dict__.pop("vectors", None)
        return self

    def _batches(
        self, listeners: npt.NDArray[np.integer], rng: np.random.Generator
    ) -> Iterator[npt.NDArray[np.integer]]:
        """Yield the listeners of each step."""
        steps = [
            np.sort(part)
            for _ in range(self._epochs)
            for part in np.split(
                rng.permutation(listeners), range(BATCH_SIZE, len(listeners), BATCH_SIZE)
            )
        ]
        yield from steps[:MAX_STEPS]

    def fold_in(self, audience: Audience) -> Floats:
        """Return the histories' vectors h (B, D) of unit length; zeros where a history is empty."""
        sum_BD = strengths(audience.history_BT) @ self._vectors_TD
        length_B1 = np.linalg.norm(sum_BD, axis=1, keepdims=True)
        folded: Floats = (sum_BD / np.where(length_B1 > 0, length_B1, 1)).astype(np.float32)
        return folded

    def score(self, folded: Floats) -> Floats:
        """Return the cosines (B, T); 0 for a track of which nothing is known."""
        scores: Floats = folded @ self._vectors_TD.T
        return scores

    @cached_property
    def vectors(self) -> Vectors:
        """The tracks' vectors."""
        return Vectors(self._vectors_TD)

    def attribute(self, history_1T: sp.csr_array, tracks_N: Integers) -> Floats:
        """Return each history track's part of the cosine; they sum to the score."""
        own_HD = self._vectors_TD[history_1T.indices] * log1p(history_1T.data)[:, None]
        length = float(np.linalg.norm(own_HD.sum(0))) or 1.0
        parts_NH: Floats = self._vectors_TD[tracks_N] @ own_HD.T / np.float32(length)
        return parts_NH

    def placed(self, content_NC: sp.csr_array) -> Floats:
        """Return the vectors (N, D) of tracks of which nothing is known but their content."""
        return _unit(content_NC @ self._content_CD)

    def arrays(self) -> Arrays:
        """Return the tracks' vectors, and those of content, by which further tracks are placed."""
        return {"vectors": self._vectors_TD, "content": self._content_CD}

    @classmethod
    def from_arrays(cls, arrays: Arrays, inputs: Inputs) -> Self:  # noqa: ARG003
        """Return the channel with these vectors."""
        channel = cls()
        channel._vectors_TD = arrays["vectors"].astype(np.float32)
        if "content" in arrays:  # older bundles lack it
            channel._content_CD = arrays["content"].astype(np.float32)
        return channel


def _unit(vectors_TD: Floats) -> Floats:
    unit: Floats = functional.normalize(torch.from_numpy(vectors_TD)).numpy()
    return unit


def _loss(batch_BM: sp.csr_array, vectors_MD: Tensor, rng: np.random.Generator) -> Tensor:
    """Return the mean cross entropy of the listeners' whole histories, from a part of each."""
    shown = batch_BM.copy()
    shown.data[rng.random(len(shown.data)) < HIDDEN_SHARE] = 0
    shown.eliminate_zeros()
    folded_BD = functional.normalize(_SparseMatrix(shown).times(vectors_MD))
    scores_BM = SCALE * folded_BD @ vectors_MD.T
    count_B = np.diff(batch_BM.indptr)
    row_N = torch.from_numpy(np.repeat(np.arange(len(count_B)), count_B))
    column_N = torch.from_numpy(batch_BM.indices.astype(np.int64))
    share_N = torch.from_numpy(np.repeat(1 / count_B, count_B).astype(np.float32))
    whole_B = torch.logsumexp(scores_BM, 1)
    return (share_N * (whole_B[row_N] - scores_BM[row_N, column_N])).sum() / len(count_B)


class _SparseMatrix:
    """A constant sparse matrix for products with dense ones; its transpose serves the gradient."""

    def __init__(self, matrix: sp.csr_array) -> None:
        self.forward, self.backward = matrix, sp.csr_array(matrix.T)

    def times(self, dense: Tensor) -> Tensor:
        """Return the product."""
        product: Tensor = _Product.apply(dense, self)  # type: ignore[no-untyped-call]
        return product


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, dense: Tensor, matrix: _SparseMatrix) -> Tensor:
        ctx.matrix = matrix
        return torch.from_numpy(matrix.forward @ dense.detach().numpy())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return torch.from_numpy(ctx.matrix.backward @ gradient.numpy()), None
