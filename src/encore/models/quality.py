"""What a way of scoring is worth on held-out rows, listener by listener: training chooses by it."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.metrics import ndcg_at_k
from encore.models.inputs import Audience, Inputs
from encore.models.ranking import Floats, TieOrder, are_held, mask_heard, top_k

CUT = 10  # NDCG@10 decides
LISTENERS_AT_ONCE = 256
MOST_SCORES = 40_000_000  # listeners x tracks that are read at most


def ndcg(
    score: Callable[[Audience], Floats], inputs: Inputs, held_UT: sp.csr_array, ties: TieOrder
) -> npt.NDArray[np.float64]:
    """Return the NDCG@10 of each known listener with held rows, what they have heard masked.

    Where they are many in a large catalogue, the first of them speak for all.
    """
    listeners = np.flatnonzero(np.diff(held_UT.indptr))[: most_listeners(held_UT.shape[1])]
    values = []
    for block in np.array_split(listeners, -(-len(listeners) // LISTENERS_AT_ONCE)):
        audience = Audience.known(inputs, block.astype(np.int32))
        scores_BT = score(audience).copy()
        mask_heard(scores_BT, audience.history_BT)
        hits_BK = are_held(top_k(scores_BT, CUT, ties), held_UT[block])
        values.append(ndcg_at_k(hits_BK, np.diff(held_UT[block].indptr), CUT))
    return np.concatenate(values)


def most_listeners(tracks: int) -> int:
    """Return how many listeners are asked of a catalogue with so many tracks, at most."""
    return max(1, MOST_SCORES // tracks)
