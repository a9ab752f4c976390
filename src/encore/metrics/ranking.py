"""How well a ranked list finds the held-out tracks: one value per listener.

U listeners, K slots. `hits_UK` says whether the slot's track is held out for that listener;
`relevant_U` counts that listener's held-out tracks, *all* of them: also those that no training row
has, and that nobody could have ranked.

For every function here: the range is [0, 1]; an empty slot, and a slot beyond the list where k is
larger than it, is a miss; a listener without held-out tracks has no value (NaN), so means are
`np.nanmean`. Raises `UsageError` where k is below 1, `InputError` where hits and counts contradict
each other.
"""

import numpy as np

from encore.errors import UsageError
from encore.metrics.arrays import AnyInts, Bools, Floats, Ints, checked_hits, over


def ndcg_at_k(hits_UK: Bools, relevant_U: AnyInts, k: int) -> Floats:
    """Return the normalised discounted cumulative gain, with binary gain.

        DCG = sum over slots i = 1..k of hit_i / log2(1 + i)
        NDCG = DCG / (DCG of min(k, relevant) hits in the first slots)

    Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 20(4), 2002;
    the discount of every slot by log2(1 + i) as in Burges et al., "Learning to rank using gradient
    descent", ICML 2005. 1 exactly where the first min(k, relevant) slots all are hits.

    >>> hits = np.array([[True, False, True], [False, False, False]])
    >>> ndcg_at_k(hits, np.array([2, 5]), 3).round(4).tolist()
    [0.9197, 0.0]
    """
    relevant_U, cut_UK = _cut(hits_UK, relevant_U, k)
    discount_K = 1 / np.log2(np.arange(2, k + 2))
    gained_U = np.zeros(len(cut_UK))
    # Slot by slot adds in the order of the cumulated ideal: a perfect list is 1.0 to the last bit.
    for slot in range(cut_UK.shape[1]):
        gained_U += cut_UK[:, slot] * discount_K[slot]
    ideal = np.concatenate([[0.0], np.cumsum(discount_K)])
    return over(gained_U, ideal[np.minimum(relevant_U, k)])


def recall_at_k(hits_UK: Bools, relevant_U: AnyInts, k: int) -> Floats:
    """Return the share of what k slots could find that they found: hits / min(k, relevant).

    The bound by k lets a full list of hits score 1, as in Liang et al., "Variational autoencoders
    for collaborative filtering", WWW 2018. Textbooks (and ranx) divide by relevant alone.

    >>> recall_at_k(np.array([[True, False, True]]), np.array([7]), 2).tolist()
    [0.5]
    """
    relevant_U, cut_UK = _cut(hits_UK, relevant_U, k)
    return over(_count(cut_UK), np.minimum(relevant_U, k))


def precision_at_k(hits_UK: Bools, relevant_U: AnyInts, k: int) -> Floats:
    """Return hits / k.

    Manning, Raghavan and Schütze, "Introduction to Information Retrieval", 2008, section 8.4. The
    divisor is k also for a shorter list, and the best reachable value is min(k, relevant) / k.

    >>> precision_at_k(np.array([[True, False, True]]), np.array([2]), 3).round(4).tolist()
    [0.6667]
    """
    relevant_U, cut_UK = _cut(hits_UK, relevant_U, k)
    return _defined(_count(cut_UK) / k, relevant_U)


def average_precision_at_k(hits_UK: Bools, relevant_U: AnyInts, k: int) -> Floats:
    """Return the average precision; its mean over listeners is MAP.

        AP = (sum over slots i = 1..k of hit_i x hits in 1..i / i) / relevant

    Manning, Raghavan and Schütze, 2008, section 8.4: a held-out track outside of the list adds 0.
    The best reachable value is therefore min(k, relevant) / relevant. trec_eval and ranx divide the
    same way; others divide by min(k, relevant).

    >>> average_precision_at_k(np.array([[True, False, True]]), np.array([2]), 3).round(4).tolist()
    [0.8333]
    """
    relevant_U, cut_UK = _cut(hits_UK, relevant_U, k)
    found_U, total_U = np.zeros(len(cut_UK)), np.zeros(len(cut_UK))
    for slot in range(cut_UK.shape[1]):
        found_U += cut_UK[:, slot]
        total_U += cut_UK[:, slot] * found_U / (slot + 1)
    return over(total_U, relevant_U)


def reciprocal_rank_at_k(hits_UK: Bools, relevant_U: AnyInts, k: int) -> Floats:
    """Return 1 / (slot of the first hit), 0 where the first k slots have none; its mean is MRR.

    Voorhees, "The TREC-8 question answering track report", TREC 1999.

    >>> reciprocal_rank_at_k(np.array([[False, True, True]]), np.array([2]), 3).tolist()
    [0.5]
    """
    relevant_U, cut_UK = _cut(hits_UK, relevant_U, k)
    value_U = np.zeros(len(cut_UK))
    # From the last slot to the first: what stands at the end is the first hit.
    for slot in reversed(range(cut_UK.shape[1])):
        value_U[cut_UK[:, slot]] = 1 / (slot + 1)
    return _defined(value_U, relevant_U)


def hit_rate_at_k(hits_UK: Bools, relevant_U: AnyInts, k: int) -> Floats:
    """Return 1 where the first k slots hold a hit, else 0; the mean is the hit rate.

    >>> hit_rate_at_k(np.array([[False, True], [False, False]]), np.array([1, 1]), 2).tolist()
    [1.0, 0.0]
    """
    relevant_U, cut_UK = _cut(hits_UK, relevant_U, k)
    return _defined(np.asarray(cut_UK.any(axis=1), np.float64), relevant_U)


def _cut(hits_UK: Bools, relevant_U: AnyInts, k: int) -> tuple[Ints, Bools]:
    if k < 1:
        raise UsageError(f"k = {k}: expected a cut of at least 1")
    return checked_hits(hits_UK, relevant_U), hits_UK[:, :k]


def _count(cut_UK: Bools) -> Ints:
    return np.asarray(np.count_nonzero(cut_UK, axis=1), np.int64)


def _defined(values_U: Floats, relevant_U: Ints) -> Floats:
    return np.where(relevant_U > 0, values_U, np.nan)
