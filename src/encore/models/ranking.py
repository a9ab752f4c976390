"""From histories and scores to ordered lists, the same way everywhere.

Legend: B listeners scored together, T tracks with the unknown in column 0, k slots.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.data import strength
from encore.data.vocabulary import UNKNOWN

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

EMPTY = -1  # a slot with no track left to fill it

SAMPLED = 16  # every 16th score says about how high the k-th best is:
MARGIN, LEAST = 1.5, 8  # 1.5 times k / 16 of them and 8 more reach below it but by bad luck


def history_matrix(
    user: npt.NDArray[np.integer],
    track: npt.NDArray[np.integer],
    plays: npt.NDArray[np.floating],
    shape: tuple[int, int],
) -> sp.csr_array:
    """Return plays as a sparse (listener, track) matrix of float32 with sorted columns.

    Pairs that were only skipped (0 plays) stay as explicit zeros: they are heard all the same.
    """
    matrix = sp.csr_array((plays.astype(np.float32), (user, track)), shape=shape)
    matrix.sort_indices()
    return matrix


def played(history_BT: sp.csr_array) -> sp.csr_array:
    """Return 1 for each pair that was played; pairs that were only skipped are gone."""
    return with_data(history_BT, strength.played(history_BT.data))


def strengths(history_BT: sp.csr_array) -> sp.csr_array:
    """Return the interaction strength of each pair, log1p(plays); skipped pairs are gone."""
    return with_data(history_BT, strength.log1p(history_BT.data))


def listeners_of(history_UT: sp.csr_array) -> Integers:
    """Return how many listeners played each track (T,); those who only skipped it do not count."""
    return np.bincount(history_UT.indices[history_UT.data > 0], minlength=history_UT.shape[1])


def row_of(matrix: sp.csr_array) -> Integers:
    """Return the row of each stored value; `matrix.indices` are the columns."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def first_rows(matrix: sp.csr_array, count: int) -> sp.csr_array:
    """Return the first rows of a matrix; itself where these are all."""
    return matrix if count == matrix.shape[0] else matrix[:count]


def with_data(matrix: sp.csr_array, data: npt.NDArray[np.floating]) -> sp.csr_array:
    """Return the matrix with other values in its places; places of 0 are gone."""
    other = sp.csr_array((data, matrix.indices.copy(), matrix.indptr.copy()), shape=matrix.shape)
    other.eliminate_zeros()
    return other


@dataclass(frozen=True)
class TieOrder:
    """The order among equal scores: training popularity first, then vocabulary order."""

    column_of_place: Integers
    place_of_column: Integers

    @classmethod
    def of(cls, listeners_T: npt.NDArray[np.integer]) -> "TieOrder":
        """Return the order for tracks with that many training listeners."""
        column = np.argsort(-listeners_T.astype(np.int64), kind="stable")
        place = np.empty_like(column)
        place[column] = np.arange(len(column))
        return cls(column, place)


def mask_heard(scores_BT: Floats, history_BT: sp.csr_array) -> None:
    """Put -inf, in place, where the listener has heard the track, and in the unknown's column."""
    scores_BT[row_of(history_BT), history_BT.indices] = -np.inf
    scores_BT[:, UNKNOWN] = -np.inf


def top_k(scores_BT: Floats, k: int, ties: TieOrder) -> Integers:
    """Return the columns (B, k) of each row's highest scores, best first; else `EMPTY`.

    A score of -inf is never returned. Equal scores stand in the order of `ties`.
    """
    B, T = scores_BT.shape
    k_there = min(k, T)
    top_BK = np.full((B, k), EMPTY, np.int64)
    if not k_there or not B:
        return top_BK
    threshold_B = np.partition(scores_BT, T - k_there, axis=1)[:, T - k_there]
    for row, threshold in enumerate(threshold_B):
        scores = scores_BT[row]
        above = np.flatnonzero(scores > threshold)
        if threshold > -np.inf:
            equal = np.flatnonzero(scores == threshold)
            wanted = k_there - len(above)
            if len(equal) > wanted:
                places = ties.place_of_column[equal]
                equal = equal[np.argpartition(places, wanted - 1)[:wanted]]
            above = np.concatenate([above, equal])
        best = np.lexsort((ties.place_of_column[above], -scores[above]))
        top_BK[row, : len(above)] = above[best]
    return top_BK


def best_open(
    scores_T: npt.NDArray[np.floating], open_T: npt.NDArray[np.bool_], k: int, ties: TieOrder
) -> Integers:
    """Return the columns (k,) of the highest scores among the open, best first, as `top_k` does.

    There are fewer where fewer are open or have a score above -inf. A sample tells how low to go:
    a partition of all takes 2 ms of 100,000 where half of them are closed, and this a twentieth.
    """
    sample = scores_T[::SAMPLED][open_T[::SAMPLED]]
    place = int(MARGIN * k / SAMPLED) + LEAST
    found: Integers = np.zeros(0, np.int64)
    while place < len(sample) and len(found) < k:
        last = len(sample) - 1 - place
        found = np.flatnonzero(open_T & (scores_T >= np.partition(sample, last)[last]))
        place *= 2
    if len(found) < k:
        found = np.flatnonzero(open_T)
    scores = scores_T[found]
    best = np.lexsort((ties.place_of_column[found], -scores))[:k]
    return found[best][scores[best] > -np.inf]


def standardised(scores_BT: Floats, standing: int | None = None) -> Floats:
    """Return each row less its mean, over its deviation, the unknown's column left out of both.

    Puts the scores of different channels on one scale; a row of equal scores becomes zeros. Only
    the first `standing` columns, by default all, count in mean and deviation.
    """
    mean = scores_BT[:, 1:standing].mean(1, keepdims=True, dtype=np.float64)
    deviation = deviations(scores_BT, standing)[:, None]
    safe = np.where(deviation > 0, deviation, 1.0)
    scaled: Floats = ((scores_BT - mean) / safe * (deviation > 0)).astype(np.float32)
    return scaled


def deviations(scores_BT: Floats, standing: int | None = None) -> npt.NDArray[np.float64]:
    """Return the standard deviation of each row (B,), the unknown's column left out.

    It is 0 where the scores are equal but for rounding. `standing` as in `standardised`.
    """
    deviation_B: npt.NDArray[np.float64] = scores_BT[:, 1:standing].std(1, dtype=np.float64)
    return np.where(deviation_B > 1e-12, deviation_B, 0.0)


def are_held(top_BK: Integers, held_BT: sp.csr_array) -> npt.NDArray[np.bool_]:
    """Return (B, K): whether the track in each slot is among the listener's held-out ones."""
    width = held_BT.shape[1]
    keys = np.sort(row_of(held_BT) * width + held_BT.indices)
    wanted = np.arange(len(top_BK))[:, None] * width + top_BK
    if not len(keys):
        return np.zeros(top_BK.shape, np.bool_)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found: npt.NDArray[np.bool_] = (keys[place] == wanted) & (top_BK >= 0)
    return found


def union(lists: list[Integers]) -> Integers:
    """Return the distinct columns of each row of all lists (B, K), then the unknown."""
    columns_BK = np.sort(np.concatenate(lists, 1), 1)
    columns_BK[columns_BK == EMPTY] = UNKNOWN
    columns_BK[:, 1:][columns_BK[:, 1:] == columns_BK[:, :-1]] = UNKNOWN
    return columns_BK
