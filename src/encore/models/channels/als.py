"""Implicit ALS: factors of listeners and tracks, by the `implicit` library.

Minimises  sum over all (u, t) of  c_ut (p_ut - <x_u, y_t>)^2 + reg (|x|^2 + |y|^2)
with p = 1 and confidence c = alpha where played, p = 0 and c = 1 elsewhere (Hu, Koren & Volinsky,
"Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008). The defaults were found on
validation rows of two data sets (docs/log.md); they matter more here than anything else does
(Rendle et al., "Revisiting the Performance of iALS on Item Recommendation Benchmarks",
RecSys 2022).
"""

from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from scipy import linalg
from threadpoolctl import threadpool_limits

from encore.config import TrainConfig
from encore.models.channels.contract import Arrays, Channel
from encore.models.inputs import Audience, Inputs
from encore.models.ranking import Floats, Integers, played
from encore.models.rows import Vectors


class Als(Channel):
    """Weighted matrix factorisation for implicit feedback."""

    name: ClassVar[str] = "als"

    def __init__(
        self,
        factors: int = 256,
        regularization: float = 50.0,
        alpha: float = 10.0,
        iterations: int = 15,
        seed: int = 0,
    ) -> None:
        with _one_blas_thread():
            self._model = AlternatingLeastSquares(
                factors=factors,
                regularization=regularization,
                alpha=alpha,
                iterations=iterations,
                random_state=seed,
            )

    @classmethod
    def of(cls, config: TrainConfig) -> Self:
        """Return the channel with its settings."""
        return cls(
            config.als_factors, config.als_regularization, config.als_alpha, seed=config.seed
        )

    def fit(self, inputs: Inputs) -> Self:
        """Alternate between listeners' and tracks' least squares."""
        with _one_blas_thread():
            self._model.fit(sp.csr_matrix(played(inputs.plays_UT)), show_progress=False)
        for known in ("_gram_FF", "_inverse_FF", "vectors"):
            self.__dict__.pop(known, None)
        return self

    def fold_in(self, audience: Audience) -> Floats:
        """Return the listeners' factors (B, F): one least-squares step against the tracks'.

        For one listener the library takes longer to start than the step takes.
        """
        if len(audience) == 1:
            gram_FF, wanted_F = self._squares(played(audience.history_BT))
            solved: Floats = linalg.solve(gram_FF, wanted_F, assume_a="pos").astype(np.float32)
            return solved[None]
        with _one_blas_thread():
            weights = sp.csr_matrix(played(audience.history_BT))
            factors: Floats = self._model.recalculate_user(np.arange(weights.shape[0]), weights)
        return factors

    def score(self, folded: Floats) -> Floats:
        """Return the inner products (B, T)."""
        scores: Floats = np.asarray(folded @ self._model.item_factors.T, dtype=np.float32)
        return scores

    @cached_property
    def vectors(self) -> Vectors:
        """The tracks' vectors."""
        return Vectors(self._model.item_factors)

    def attribute(self, history_1T: sp.csr_array, tracks_N: Integers) -> Floats:
        """Return each history track's part of the scores (Hu, Koren & Volinsky, section 5).

        With G the gram matrix that all listeners share, and Y the h factors of what was played,

            parts  =  alpha Y (G + (alpha - 1) Y' Y)^-1 y_n
                   =  alpha (I + (alpha - 1) Y G^-1 Y')^-1 Y G^-1 y_n

        of which the one with the smaller matrix is solved.
        """
        heard, alpha = history_1T.data > 0, self._model.alpha
        own_hF = self._model.item_factors[history_1T.indices[heard]]
        asked_FN = self._model.item_factors[tracks_N].T
        if len(own_hF) < self._model.factors:
            half_hF = own_hF @ self._inverse_FF
            shared_hh = np.eye(len(own_hF)) + (alpha - 1) * (half_hF @ own_hF.T)
            solved_hN = np.linalg.solve(shared_hh, half_hF @ asked_FN)
        else:
            whole_FF, _ = self._squares(played(history_1T))
            solved_hN = own_hF @ np.linalg.solve(whole_FF, asked_FN)
        parts_NH: Floats = np.zeros((len(tracks_N), len(heard)), np.float32)
        parts_NH[:, heard] = alpha * solved_hN.T
        return parts_NH

    def _squares(
        self, played_1T: sp.csr_array
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return both sides of the least squares of one listener: (F, F) and (F,)."""
        own_HF = self._model.item_factors[played_1T.indices].astype(np.float64)
        gram_FF = self._gram_FF + (self._model.alpha - 1) * (own_HF.T @ own_HF)
        return gram_FF, self._model.alpha * own_HF.sum(0)

    @cached_property
    def _gram_FF(self) -> npt.NDArray[np.float64]:
        """Return the part of the least squares that every listener shares; read once fitted."""
        Y = self._model.item_factors.astype(np.float64)
        gram_FF: npt.NDArray[np.float64] = Y.T @ Y
        gram_FF += self._model.regularization * np.eye(Y.shape[1])
        return gram_FF

    @cached_property
    def _inverse_FF(self) -> Floats:
        inverse_FF: Floats = np.linalg.inv(self._gram_FF).astype(np.float32)
        return inverse_FF

    @property
    def factors_TF(self) -> Floats:
        """The tracks' factors."""
        factors: Floats = self._model.item_factors
        return factors

    def arrays(self) -> Arrays:
        """Return the tracks' factors and the two constants that folding in needs."""
        constants = np.array([self._model.regularization, self._model.alpha], np.float64)
        return {"factors": self._model.item_factors, "constants": constants}

    @classmethod
    def from_arrays(cls, arrays: Arrays, inputs: Inputs) -> Self:  # noqa: ARG003
        """Return the channel with these factors."""
        regularization, alpha = arrays["constants"].tolist()
        channel = cls(arrays["factors"].shape[1], regularization, alpha)
        channel._model.item_factors = arrays["factors"].astype(np.float32)
        return channel


def _one_blas_thread() -> threadpool_limits:
    """Implicit parallelises over rows itself; BLAS threads below it only get in the way."""
    return threadpool_limits(limits=1, user_api="blas")
