"""Settling: settings that are left to the data, decided by what serves validation rows better."""

import scipy.sparse as sp

from encore.config import TrainConfig
from encore.models.channels import ItemKnn
from encore.models.inputs import Inputs
from encore.models.quality import ndcg
from encore.models.ranking import TieOrder, listeners_of


def settle(config: TrainConfig, inputs: Inputs, held_UT: sp.csr_array) -> TrainConfig:
    """Return `config` with `play_weights` decided, where it is `auto`.

    Whether play counts tell more than that a track was played differs between data sets by a fifth
    of item-kNN's NDCG, either way (docs/log.md), and what serves item-kNN serves EASE: so the
    quickest channel decides for all. `held_UT` are rows that `inputs` do not have.
    """
    if config.play_weights != "auto":
        return config
    ties = TieOrder.of(listeners_of(inputs.plays_UT))

    def quality(weights: str) -> float:
        channel = ItemKnn(config.neighbours, weights).fit(inputs)
        values = ndcg(lambda a: channel.score(channel.fold_in(a)), inputs, held_UT, ties)
        return float(values.mean())

    return config.replaced(play_weights=max(("played", "log1p"), key=quality))
