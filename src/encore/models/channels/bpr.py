"""BPR: factors that put what a listener plays before what they do not.

Minimises  - sum over (u, played i, unplayed j) of  ln sigma(<x_u, y_i> - <x_u, y_j>)  with an L2
penalty, by stochastic gradients (Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit
Feedback", UAI 2009, section 4), in the `implicit` library, on one thread: several race, and no two
runs are alike.

BPR has no way from a history to a listener's factors, so one is learned beside it: ridge regression
of x_u on the mean factors of the history. Known listeners go that way too; on validation rows of
HetRec it ranks better than their own trained factors (docs/log.md).
"""

from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp
from implicit.cpu.bpr import BayesianPersonalizedRanking

from encore.config import TrainConfig
from encore.models.channels.contract import Arrays, Channel
from encore.models.inputs import Audience, Inputs
from encore.models.ranking import Floats, Integers, played
from encore.models.rows import Vectors

RIDGE = 1.0  # L2 penalty of the map from histories to factors


class Bpr(Channel):
    """Pairwise matrix factorisation with a learned fold-in."""

    name: ClassVar[str] = "bpr"

    def __init__(
        self,
        factors: int = 64,
        learning_rate: float = 0.02,
        regularization: float = 0.01,
        iterations: int = 200,
        seed: int = 0,
    ) -> None:
        self._model = BayesianPersonalizedRanking(
            factors=factors,
            learning_rate=learning_rate,
            regularization=regularization,
            iterations=iterations,
            num_threads=1,
            random_state=seed,
        )
        self._tracks_TF = self._folds_FF = np.zeros((0, 0), np.float32)

    @classmethod
    def of(cls, config: TrainConfig) -> Self:
        """Return the channel with its settings."""
        return cls(
            config.bpr_factors,
            config.bpr_learning_rate,
            config.bpr_regularization,
            config.bpr_iterations,
            config.seed,
        )

    def fit(self, inputs: Inputs) -> Self:
        """Learn factors, then the map from histories to listeners."""
        pairs = played(inputs.plays_UT)
        self._model.fit(sp.csr_matrix(pairs), show_progress=False)
        self._tracks_TF = self._model.item_factors.copy()
        self._tracks_TF[np.bincount(pairs.indices, minlength=pairs.shape[1]) == 0] = 0
        mean_UF = self._mean(pairs)
        gram = mean_UF.T @ mean_UF + RIDGE * np.eye(mean_UF.shape[1])
        folds = np.linalg.solve(gram, mean_UF.T @ self._model.user_factors.astype(np.float64))
        self._folds_FF = folds.astype(np.float32)
        self.__dict__.pop("vectors", None)
        return self

    def fold_in(self, audience: Audience) -> Floats:
        """Return the listeners' factors (B, F)."""
        factors: Floats = (self._mean(played(audience.history_BT)) @ self._folds_FF).astype("f4")
        return factors

    def score(self, folded: Floats) -> Floats:
        """Return the inner products (B, T); 0 for a track that nobody played."""
        scores: Floats = folded @ self._tracks_TF.T
        return scores

    @cached_property
    def vectors(self) -> Vectors:
        """The tracks' vectors."""
        return Vectors(self._tracks_TF)

    def attribute(self, history_1T: sp.csr_array, tracks_N: Integers) -> Floats:
        """Return each history track's part of the mean, mapped; they sum to the score."""
        heard_H = history_1T.data > 0
        mapped_NF = self._tracks_TF[tracks_N] @ self._folds_FF.T
        parts_NH: Floats = mapped_NF @ self._tracks_TF[history_1T.indices].T
        parts_NH *= (heard_H / max(heard_H.sum(), 1)).astype(np.float32)
        return parts_NH

    def _mean(self, pairs: sp.csr_array) -> np.ndarray:
        """Return the mean factors of each history (B, F) in float64; zeros where it is empty."""
        count_B = np.maximum(np.diff(pairs.indptr), 1)
        mean: np.ndarray = (pairs @ self._tracks_TF.astype(np.float64)) / count_B[:, None]
        return mean

    def arrays(self) -> Arrays:
        """Return the tracks' factors and the map."""
        return {"factors": self._tracks_TF, "folds": self._folds_FF}

    @classmethod
    def from_arrays(cls, arrays: Arrays, inputs: Inputs) -> Self:  # noqa: ARG003
        """Return the channel with these factors."""
        channel = cls(factors=arrays["factors"].shape[1])
        channel._tracks_TF = arrays["factors"].astype(np.float32)
        channel._folds_FF = arrays["folds"].astype(np.float32)
        return channel
