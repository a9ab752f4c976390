"""The ranker: boosted trees that put the candidates of the blend in a better order.

::

    channels ─ candidates: what any puts high ─ trees ─ order ─ the blend's scores, dealt anew

A blend weighs channels alike for everybody. Trees see, for each candidate, every channel's
standardised score and rank, the track's popularity, how long the history is, how far it is from the
mainstream, and how many friends there are: so friends may count for who has played little, and the
popular for who plays it. They are LightGBM's (Ke et al., NeurIPS 2017) under the listwise loss
XE-NDCG (Bruch, "An Alternative Cross Entropy Loss for Learning-to-Rank", WWW 2021).

Only the order is the trees': the best of the candidates gets the highest of the candidates' blended
scores, and so on. Scores therefore keep their scale, and tracks that are no candidates their place.
Tracks that no training row names are no candidates: the blend has weights of their own for them.

Legend: B listeners, T tracks with the unknown in column 0, K candidates, F features, N pairs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import lightgbm
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from encore.data.vocabulary import UNKNOWN
from encore.errors import IntegrityError
from encore.models.channels import Popularity
from encore.models.inputs import Audience
from encore.models.ranking import (
    EMPTY,
    Floats,
    Integers,
    TieOrder,
    are_held,
    mask_heard,
    standardised,
    top_k,
    union,
)

CANDIDATES = 60  # best of each channel
DEPTH = 300  # ranks beyond are alike
ROUNDS = 250
TREES = {
    "objective": "rank_xendcg",
    "num_leaves": 15,
    "learning_rate": 0.03,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


@dataclass(frozen=True)
class Candidates:
    """The tracks that a ranker orders for each listener, with what it knows of each."""

    column_BK: Integers  # UNKNOWN where a listener has fewer
    features_BKF: Floats

    @property
    def open_BK(self) -> npt.NDArray[np.bool_]:
        """Whether there is a candidate in the place."""
        return np.asarray(self.column_BK != UNKNOWN)

    @classmethod
    def of(
        cls,
        raw: Mapping[str, Floats],
        audience: Audience,
        heard_T: npt.NDArray[np.bool_],
        ties: TieOrder,
    ) -> "Candidates":
        """Return the candidates by the channels' raw scores (B, T), popularity among them."""
        best, ranks, scaled = [], [], []
        for scores_BT in raw.values():
            open_BT = scores_BT.copy()
            mask_heard(open_BT, audience.history_BT)
            open_BT[:, ~heard_T] = -np.inf
            top_BK = top_k(open_BT, DEPTH, ties)
            rank_BT = np.full(open_BT.shape, DEPTH, np.int16)
            row, slot = np.nonzero(top_BK != EMPTY)
            rank_BT[row, top_BK[row, slot]] = slot
            best.append(top_BK[:, :CANDIDATES])
            ranks.append(rank_BT)
            scaled.append(standardised(scores_BT))
        column_BK = union(best)
        popular_T = np.log1p(raw[Popularity.name][0])
        history = audience.history_BT
        length_B = np.diff(history.indptr)
        mainstream_B = _sums(history, popular_T) / np.maximum(length_B, 1)
        popular_BK = popular_T[column_BK]
        of_listener = (
            mainstream_B,
            np.log1p(length_B),
            np.log1p(np.diff(audience.friends_BU.indptr)),
        )
        columns = [
            *(np.take_along_axis(scores_BT, column_BK, 1) for scores_BT in scaled),
            *(np.take_along_axis(rank_BT, column_BK, 1) for rank_BT in ranks),
            popular_BK,
            popular_BK - mainstream_B[:, None],
            *(np.broadcast_to(value_B[:, None], column_BK.shape) for value_B in of_listener),
        ]
        return cls(column_BK, np.stack(columns, -1).astype(np.float32))


@dataclass(frozen=True)
class Sample:
    """Candidates with the answer, of listeners whose held-out tracks the channels have not seen."""

    features_NF: Floats
    held_N: npt.NDArray[np.bool_]
    candidates_B: Integers  # how many of the rows are each listener's

    @classmethod
    def of(
        cls,
        candidates: Candidates,
        held_BT: sp.csr_array,
        listed_B: npt.NDArray[np.bool_] | None = None,
    ) -> "Sample":
        """Return the candidates of those (listed) who have a held-out track among them."""
        open_BK = candidates.open_BK
        held_BK = are_held(candidates.column_BK, held_BT) & open_BK
        kept_B = np.asarray(held_BK.any(1))
        if listed_B is not None:
            kept_B &= listed_B
        open_BK = open_BK & kept_B[:, None]
        count_B = open_BK.sum(1)
        return cls(candidates.features_BKF[open_BK], held_BK[open_BK], count_B[count_B > 0])


@dataclass(frozen=True)
class Ranker:
    """Trees over the scores of `channels`, in this order. `model` is LightGBM's own text."""

    channels: tuple[str, ...]
    model: str

    @classmethod
    def fit(cls, channels: Sequence[str], samples: Sequence[Sample], seed: int) -> "Ranker":
        """Learn the order from samples."""
        data = lightgbm.Dataset(
            np.concatenate([sample.features_NF for sample in samples]),
            np.concatenate([sample.held_N for sample in samples]).astype(np.int8),
            group=np.concatenate([sample.candidates_B for sample in samples]),
        )
        settings = {**TREES, "seed": seed, "num_threads": torch.get_num_threads()}
        booster = lightgbm.train(settings, data, ROUNDS)
        return cls(tuple(channels), booster.model_to_string())

    def __post_init__(self) -> None:
        try:
            booster = lightgbm.Booster(model_str=self.model)
        except lightgbm.basic.LightGBMError as error:
            raise IntegrityError(f"ranker: {error}") from error
        object.__setattr__(self, "_booster", booster)

    def scores(self, candidates: Candidates) -> Floats:
        """Return the trees' scores (B, K); -inf where there is no candidate."""
        scores_BK = np.full(candidates.column_BK.shape, -np.inf, np.float32)
        open_BK = candidates.open_BK
        if open_BK.any():
            booster: lightgbm.Booster = self.__dict__["_booster"]
            threads = torch.get_num_threads()
            scores_BK[open_BK] = booster.predict(
                candidates.features_BKF[open_BK], num_threads=threads
            )
        return scores_BK

    def correction(self, blend_BT: Floats, candidates: Candidates, ties: TieOrder) -> Floats:
        """Return what the order changes in the blend's scores (B, T): 0 beside the candidates."""
        scores_BK = self.scores(candidates)
        corrected_BT = np.zeros_like(blend_BT)
        for row, column_K in enumerate(candidates.column_BK):
            there = np.flatnonzero(column_K)
            column_K = column_K[there]
            ranked = np.lexsort((ties.place_of_column[column_K], -scores_BK[row, there]))
            dealt = -np.sort(-blend_BT[row, column_K])
            corrected_BT[row, column_K[ranked]] = dealt - blend_BT[row, column_K[ranked]]
        return corrected_BT


def _sums(history_BT: sp.csr_array, value_T: Floats) -> Floats:
    """Return the sum of the values of each history's tracks (B,)."""
    ones = np.ones(len(history_BT.data), np.float32)
    there = sp.csr_array((ones, history_BT.indices, history_BT.indptr), shape=history_BT.shape)
    sums: Floats = there @ value_T
    return sums
