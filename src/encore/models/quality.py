"""What a way of scoring is worth on held-out rows, listener by listener: training chooses by it."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.metrics import ndcg_at_k
from encore.models.inputs import Audience, Inputs
from encore.models.ranking import Floats, Integers, TieOrder, are_held, mask_heard, top_k

CUT = 10  # NDCG@10 decides
LISTENERS_AT_ONCE = 256
MOST_SCORES = 40_000_000  # listeners x tracks that are read at most


def ndcg(
    score: Callable[[Audience], Floats], inputs: Inputs, held_UT: sp.csr_array, ties: TieOrder
) -> npt.NDArray[np.float64]:
    """Return the NDCG@10 of each known listener with held rows, what they have heard masked.

    Where they are many in a large catalogue, a sample speaks for all.
    """
    values = []
    for block in blocks(np.flatnonzero(np.diff(held_UT.indptr)), held_UT.shape[1]):
        audience = Audience.known(inputs, block.astype(np.int32))
        scores_BT = score(audience).copy()
        mask_heard(scores_BT, audience.history_BT)
        hits_BK = are_held(top_k(scores_BT, CUT, ties), held_UT[block])
        values.append(ndcg_at_k(hits_BK, np.diff(held_UT[block].indptr), CUT))
    return np.concatenate(values)


def blocks(listeners: Integers, tracks: int, seed: int = 0) -> list[Integers]:
    """Return the listeners some at a time; of a large catalogue a seeded sample of them."""
    most = max(1, MOST_SCORES // tracks)
    if len(listeners) > most:
        listeners = np.sort(np.random.default_rng(seed).choice(listeners, most, replace=False))
    return np.array_split(listeners, -(-len(listeners) // LISTENERS_AT_ONCE))
