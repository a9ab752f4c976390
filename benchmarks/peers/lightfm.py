"""LightFM with WARP loss: factors of listeners, tracks and what the tracks are.

Kula, "Metadata Embeddings for User and Item Cold-start Recommendations", CBRecSys 2015 (arXiv
1507.08439); the loss of Weston, Bengio and Usunier, "WSABIE", IJCAI 2011. The code is the package
lightfm-next, the fork of lightfm that builds on today's Python; both are imported as `lightfm`.

Legend: U listeners and T tracks with the unknown, F features of tracks, K tracks that have any, D
factors, B listeners at once.
"""

from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import scipy.sparse as sp
from lightfm import LightFM

from encore.models.inputs import Audience, Inputs
from encore.models.ranking import Floats, listeners_of, played


class Folded(NamedTuple):
    """Listeners' factors (B, D) and biases (B,); zeros of those whom the model does not know."""

    vectors_BD: Floats
    bias_B: Floats


class LightFm:
    """A track is the sum of its features' vectors: its own, and those of its content.

        score = q_u . p_i + b_u + b_i,   p_i = own_i + content_weight x sum_c x_ic v_c, so b_i

    A track without a training row has no vector of its own, which would be untrained noise: it is
    its content alone. One without content either scores as the listener's lowest.

    LightFM has no fold-in: an unseen listener can only be had by training again. Here they are
    answered with the biases of the tracks alone, much like popularity. A known listener is scored
    by their trained factors, whatever history they bring.

    One thread: the same seed gives the same scores. (Several update shared vectors without locks.)
    """

    name: ClassVar[str] = "lightfm"
    space: ClassVar[dict[str, list[Any]]] = {
        "factors": [32, 64, 128],
        "learning_rate": [0.005, 0.01, 0.02, 0.05],
        "epochs": [20, 50, 100],
        "regularization": [0.0, 1e-6, 1e-5],
        "content_weight": [0.3, 1.0, 3.0],
    }

    def __init__(
        self,
        factors: int = 64,
        learning_rate: float = 0.02,
        epochs: int = 50,
        regularization: float = 0.0,
        content_weight: float = 1.0,
        max_sampled: int = 50,
        seed: int = 0,
    ) -> None:
        self.epochs, self.content_weight = epochs, content_weight
        self._of_model = {
            "no_components": factors,
            "learning_rate": learning_rate,
            "item_alpha": regularization,
            "user_alpha": regularization,
            "max_sampled": max_sampled,
            "random_state": seed,
        }

    def fit(self, inputs: Inputs) -> Self:
        """Train on the pairs that were played, and on what the tracks are."""
        played_UT = played(inputs.plays_UT)
        features_TF = self._features(inputs, played_UT)
        self._described_K = np.flatnonzero(np.diff(features_TF.indptr))
        features_KF = _narrow(features_TF[self._described_K])
        model = LightFM(loss="warp", **self._of_model)
        model.fit(
            _narrow(played_UT[:, self._described_K]),
            item_features=features_KF,
            epochs=self.epochs,
            num_threads=1,
        )
        self._bias_K, self._tracks_KD = model.get_item_representations(features_KF)
        self._bias_U, self._listeners_UD = model.get_user_representations()
        unknown = np.diff(played_UT.indptr) == 0
        self._bias_U[unknown], self._listeners_UD[unknown] = 0, 0
        self._tracks = played_UT.shape[1]
        return self

    def _features(self, inputs: Inputs, played_UT: sp.csr_array) -> sp.csr_array:
        heard_T = (listeners_of(played_UT) > 0).astype(np.float32)
        own_TT = sp.diags_array(heard_T, format="csr")
        own_TT.eliminate_zeros()
        content_TC = inputs.content_TC * self.content_weight
        return sp.csr_array(sp.hstack([own_TT, content_TC], format="csr"), dtype=np.float32)

    def fold_in(self, audience: Audience) -> Folded:
        """Return what was trained of the known listeners."""
        return Folded(self._listeners_UD[audience.user_B], self._bias_U[audience.user_B])

    def score(self, folded: Folded) -> Floats:
        """Return scores (B, T)."""
        scores_BK = folded.vectors_BD @ self._tracks_KD.T + self._bias_K + folded.bias_B[:, None]
        scores_BT = np.repeat(scores_BK.min(1, keepdims=True), self._tracks, axis=1)
        scores_BT[:, self._described_K] = scores_BK
        return scores_BT.astype(np.float32)


def _narrow(matrix: sp.csr_array) -> sp.csr_matrix:
    """Return the matrix with indices of 32 bits: LightFM reads no others."""
    indices, indptr = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    return sp.csr_matrix((matrix.data, indices, indptr), shape=matrix.shape)
