"""Settling: settings that are left to the data, decided by what serves validation rows better."""

import numpy as np
import scipy.sparse as sp

from encore.config import TrainConfig
from encore.metrics import ndcg_at_k
from encore.models.channels import ItemKnn
from encore.models.inputs import Audience, Inputs
from encore.models.ranking import TieOrder, are_held, listeners_of, mask_heard, top_k

CUT = 10  # NDCG@10 decides, as it does in the choice of the list
LISTENERS_AT_ONCE = 256
SCORES = 40_000_000  # listeners x tracks that settling reads at most


def settle(config: TrainConfig, inputs: Inputs, held_UT: sp.csr_array) -> TrainConfig:
    """Return `config` with `play_weights` decided, where it is `auto`.

    Whether play counts tell more than that a track was played differs between data sets by a fifth
    of item-kNN's NDCG, either way (docs/log.md), and what serves item-kNN serves EASE: so the
    quickest channel decides for all. `held_UT` are rows that `inputs` do not have.
    """
    if config.play_weights != "auto":
        return config
    tried = {
        weights: _quality(ItemKnn(config.neighbours, weights).fit(inputs), inputs, held_UT)
        for weights in ("played", "log1p")
    }
    return config.replaced(play_weights=max(tried, key=lambda weights: tried[weights]))


def _quality(channel: ItemKnn, inputs: Inputs, held_UT: sp.csr_array) -> float:
    """Return the mean NDCG@10 of the listeners with held rows, the first of them where many."""
    ties = TieOrder.of(listeners_of(inputs.plays_UT))
    listeners = np.flatnonzero(np.diff(held_UT.indptr))[: max(1, SCORES // held_UT.shape[1])]
    values = []
    for block in np.array_split(listeners, -(-len(listeners) // LISTENERS_AT_ONCE)):
        audience = Audience.known(inputs, block.astype(np.int32))
        scores_BT = channel.score(channel.fold_in(audience))
        mask_heard(scores_BT, audience.history_BT)
        hits_BK = are_held(top_k(scores_BT, CUT, ties), held_UT[block])
        values.append(ndcg_at_k(hits_BK, np.diff(held_UT[block].indptr), CUT))
    return float(np.nanmean(np.concatenate(values)))
