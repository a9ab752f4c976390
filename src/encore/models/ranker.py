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
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from encore.data.vocabulary import UNKNOWN
from encore.errors import IntegrityError
from encore.models.channels import Popularity
from encore.models.index import Open
from encore.models.inputs import Audience
from encore.models.ranking import Floats, Integers, TieOrder
from encore.models.rows import Row
from encore.models.trees import Trees

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
    """The tracks that a ranker orders for one listener, with what it knows of each.

    `best` are the tracks that each channel puts first, `DEPTH` of them.
    """

    column_K: Integers
    features_KF: Floats
    best: dict[str, Integers]

    @classmethod
    def of(
        cls,
        rows: Mapping[str, Row],
        asking: Audience,
        heard_T: npt.NDArray[np.bool_],
        ties: TieOrder,
    ) -> "Candidates":
        """Return the candidates of one listener by the channels' rows, popularity among them."""
        history, popularity = asking.history_BT, rows[Popularity.name]
        mask_T = heard_T.copy()
        mask_T[history.indices] = False
        mask_T[UNKNOWN] = False
        there, rank_T = Open(mask_T), np.empty(len(mask_T), np.int16)
        best = {name: row.best(there, DEPTH, ties) for name, row in rows.items()}
        column_K = np.unique(np.concatenate([track_K[:CANDIDATES] for track_K in best.values()]))
        ranks = []
        for track_K in best.values():
            rank_T[column_K] = DEPTH
            rank_T[track_K] = np.arange(len(track_K))
            ranks.append(rank_T[column_K])
        popular_K = np.log1p(popularity.at(column_K))
        length = len(history.indices)
        mainstream = float(np.log1p(popularity.at(history.indices)).sum()) / max(length, 1)
        of_listener = (mainstream, np.log1p(length), np.log1p(len(asking.friends_BU.indices)))
        columns = [
            *(row.standardised(column_K) for row in rows.values()),
            *ranks,
            popular_K,
            popular_K - mainstream,
            *(np.broadcast_to(value, len(column_K)) for value in of_listener),
        ]
        return cls(column_K, np.stack(columns, -1).astype(np.float32), best)


@dataclass(frozen=True)
class Sample:
    """Candidates with the answer, of listeners whose held-out tracks the channels have not seen."""

    features_NF: Floats
    held_N: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, candidates: Candidates, held: Integers) -> "Sample | None":
        """Return one listener's candidates, `held` the tracks held out; None where none is held."""
        held_K = np.isin(candidates.column_K, held)
        return cls(candidates.features_KF, held_K) if held_K.any() else None


@dataclass(frozen=True)
class Ranker:
    """Trees over the scores of `channels`, in this order. `model` is LightGBM's own text."""

    channels: tuple[str, ...]
    model: str

    @classmethod
    def fit(cls, channels: Sequence[str], samples: Sequence[Sample], seed: int) -> "Ranker":
        """Learn the order from samples, one a listener."""
        import lightgbm  # brings scikit-learn along, if it is there: a second that few need

        data = lightgbm.Dataset(
            np.concatenate([sample.features_NF for sample in samples]),
            np.concatenate([sample.held_N for sample in samples]).astype(np.int8),
            group=np.array([len(sample.held_N) for sample in samples]),
        )
        settings = {**TREES, "seed": seed, "num_threads": torch.get_num_threads()}
        booster = lightgbm.train(settings, data, ROUNDS)
        return cls(tuple(channels), booster.model_to_string())

    def __post_init__(self) -> None:
        self._trees  # noqa: B018 - trees that are none are refused at once

    @cached_property
    def _trees(self) -> Trees:
        import lightgbm

        try:
            return Trees(lightgbm.Booster(model_str=self.model).dump_model())
        except lightgbm.basic.LightGBMError as error:
            raise IntegrityError(f"ranker: {error}") from error

    def scores(self, candidates: Candidates) -> Floats:
        """Return the trees' scores (K,)."""
        return self._trees.scores(candidates.features_KF)

    def correction(self, blend_K: Floats, candidates: Candidates, ties: TieOrder) -> Floats:
        """Return what the order changes in the blend's scores of the candidates (K,)."""
        places = ties.place_of_column[candidates.column_K]
        dealt_K = np.empty_like(blend_K)
        dealt_K[np.lexsort((places, -self.scores(candidates)))] = -np.sort(-blend_K)
        corrected_K: Floats = dealt_K - blend_K
        return corrected_K
