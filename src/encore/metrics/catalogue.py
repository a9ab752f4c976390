"""What lists are like beyond their hits: how much of the catalogue, how known, varied, surprising.

U listeners, K slots, T tracks with row 0 for the unknown (as in a `Vocabulary`), N rows of plays,
D dimensions. `tracks_UK` holds the index of each slot's track from 1, and 0 or less where a slot is
empty; to cut lists at k, hand in `tracks_UK[:, :k]`. A track is listed once in a list. `heard_T`
counts each track's training listeners. Rows of a history are (user, track), `user` being the row of
that listener in `tracks_UK`.

Empty slots take no part. A listener for whom there is nothing to measure (an empty list, no known
genre) has no value (NaN), so means are `np.nanmean`. Raises `InputError` on an index outside the
catalogue and on shapes that do not fit. None of these says whether a list is *good*: a random list
leads most of them. Read them beside the ranking metrics.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from encore.errors import InputError
from encore.metrics.arrays import (
    AnyFloats,
    AnyInts,
    Bools,
    Floats,
    Ints,
    checked_hits,
    checked_lists,
    checked_rows,
    over,
    whole,
)

# What one block of listeners may take, in numbers of 8 bytes: 32 MB.
BLOCK = 4_000_000


def coverage(tracks_UK: AnyInts, catalogue: int) -> float:
    """Return the share of the catalogue's tracks that stand in at least one list, in [0, 1].

    "Catalog coverage" of Ge, Delgado-Battenfeld and Jannach, "Beyond accuracy: evaluating
    recommender systems by coverage and serendipity", RecSys 2010. It grows with the number of
    listeners and slots: compare at equal numbers only. NaN on an empty catalogue.

    >>> coverage(np.array([[1, 2], [2, 0]]), catalogue=4)
    0.5
    """
    listed_T = _slots_by_track(tracks_UK, catalogue + 1)[1:]
    return float(np.count_nonzero(listed_T) / catalogue) if catalogue else float("nan")


def gini(tracks_UK: AnyInts, catalogue: int) -> float:
    """Return how unequally the slots fall on the catalogue's tracks, in [0, 1].

        G = 1 / (T - 1) x sum over tracks j = 1..T, least listed first, of (2j - T - 1) p_j

    p_j being the track's share of all slots: 0 where all are listed equally often, 1 where one
    takes all. Shani and Gunawardana, "Evaluating recommendation systems", Recommender Systems
    Handbook, 2011. NaN where all lists are empty, or the catalogue has fewer than two tracks.

    >>> gini(np.array([[1, 2], [1, 0]]), catalogue=3)
    0.6666666666666666
    """
    listed_T = np.sort(_slots_by_track(tracks_UK, catalogue + 1)[1:])
    if catalogue < 2 or not listed_T.any():
        return float("nan")
    weight_T = 2 * np.arange(1, catalogue + 1) - catalogue - 1
    # Whole numbers until the last step: a catalogue listed evenly scores 0 exactly.
    return float(weight_T @ listed_T / (listed_T.sum() * (catalogue - 1)))


def novelty(tracks_UK: AnyInts, heard_T: AnyInts, listeners: int) -> Floats:
    """Return the mean self-information of each list's tracks, in bits, in [0, log2(listeners)].

        novelty = mean over slots of -log2(heard / listeners)

    `listeners` is the number of training listeners. Zhou et al., "Solving the apparent
    diversity-accuracy dilemma of recommender systems", PNAS 107(10), 2010. A track that nobody has
    heard counts as heard by one: beyond that the measure would be infinite.

    >>> novelty(np.array([[1, 2], [2, 0]]), np.array([0, 4, 1]), listeners=4).tolist()
    [1.0, 2.0]
    """
    heard_T = _checked_heard(heard_T)
    if listeners < 1 or heard_T[1:].max(initial=0) > listeners:
        raise InputError(
            f"{listeners} training listeners, {heard_T[1:].max(initial=0)} of one track; expected "
            "at least one, and at least as many as any track has"
        )
    return _list_mean(tracks_UK, np.log2(listeners / np.maximum(heard_T, 1.0)))


def popularity_lift(tracks_UK: AnyInts, heard_T: AnyInts, user: AnyInts, track: AnyInts) -> Floats:
    """Return how much more popular a list is than its listener's history, in [-1, inf).

        lift = (mean heard of the list - mean heard of the history) / mean heard of the history

    0: as popular as what the listener plays anyway; 1: twice as popular. Popularity lift of
    Abdollahpouri et al., "The connection between popularity bias, calibration, and fairness in
    recommendation", RecSys 2020, there for groups of listeners, here for each. Rows (user, track)
    are the histories; rows of the unknown track take no part. NaN without a history, or where no
    training listener has any of it.

    >>> heard = np.array([0, 30, 10, 20])
    >>> popularity_lift(np.array([[1, 3]]), heard, np.array([0]), np.array([2])).tolist()
    [1.5]
    """
    heard_T = _checked_heard(heard_T)
    U = len(tracks_UK)
    user, track = checked_rows(user, track, U, len(heard_T))
    user, track = user[track > 0], track[track > 0]
    history_U = over(np.bincount(user, heard_T[track], U), np.bincount(user, minlength=U))
    listed_U = _list_mean(tracks_UK, heard_T.astype(np.float64))
    return over(listed_U - history_U, history_U)


class PopularityBias(NamedTuple):
    """For ten groups of tracks, the least heard first: share of slots, of listening, difference."""

    listed_10: Floats
    heard_10: Floats
    bias_10: Floats


def bias_by_popularity_decile(tracks_UK: AnyInts, heard_T: AnyInts) -> PopularityBias:
    """Return which popularity decile the slots go to, beside where listening goes.

    The catalogue's tracks, by training listeners, in ten groups of equally many tracks (as equal
    as the number allows; equals in vocabulary order, so a border can part them). For each group its
    share of all filled slots, its share of all training pairs, and their difference in [-1, 1]:
    above 0 in the last group, the lists exaggerate what is popular. The differences sum to 0. NaN
    where all lists are empty, or nothing was heard.

    >>> bias = bias_by_popularity_decile(np.array([[10, 9]]), np.arange(11))
    >>> bias.listed_10[-2:].tolist(), bias.heard_10[-2:].round(3).tolist()
    ([0.5, 0.5], [0.164, 0.182])
    """
    heard_T = _checked_heard(heard_T)
    listed_T = _slots_by_track(tracks_UK, len(heard_T))[1:]
    order = np.argsort(heard_T[1:], kind="stable")
    group_T = np.empty(len(order), np.int64)
    group_T[order] = np.arange(len(order)) * 10 // max(len(order), 1)

    def shares(count_T: Ints) -> Floats:
        return over(np.bincount(group_T, count_T, 10), np.array(count_T.sum(), np.float64))

    listed_10, heard_10 = shares(listed_T), shares(heard_T[1:])
    return PopularityBias(listed_10, heard_10, listed_10 - heard_10)


def intra_list_diversity(
    tracks_UK: AnyInts, vectors_TD: "AnyFloats | sparse.csr_array | sparse.csr_matrix"
) -> Floats:
    """Return how unlike each other a list's tracks are, in [0, 2] (in [0, 1] for vectors >= 0).

        diversity = mean over pairs of distinct slots of 1 - cos(v_i, v_j)

    Smyth and McClave, "Similarity vs. diversity", ICCBR 2001. The vectors say in what sense: of
    content, or a sparse track x listener matrix (CSR) for co-listening; they need not have unit
    length. A track whose vector is all 0 is not known in that sense and takes no part. NaN where
    fewer than two tracks remain. Costs K D a list, not K^2 D: the cosines of all pairs sum to
    (|sum of unit vectors|^2 - K) / 2.

    >>> vectors = np.array([[0, 0], [1, 0], [0, 1], [2, 0]], np.float32)
    >>> intra_list_diversity(np.array([[1, 2, 0], [1, 3, 0]]), vectors).tolist()
    [1.0, 0.0]
    """
    tracks_UK = checked_lists(tracks_UK, vectors_TD.shape[0])
    K, D = tracks_UK.shape[1], vectors_TD.shape[1]
    # A sum of sparse rows can fill up: two numbers (value and column) for each dimension.
    width = D * (2 if sparse.issparse(vectors_TD) else K)
    out_U = np.full(len(tracks_UK), np.nan)
    for block in _blocks(len(tracks_UK), width):
        out_U[block] = _diversity(tracks_UK[block], vectors_TD)
    return out_U


def serendipity(
    hits_UK: Bools, relevant_U: AnyInts, tracks_UK: AnyInts, expected_UE: AnyInts
) -> Floats:
    """Return the share of slots that are hits and not in the list one would expect, in [0, 1].

        serendipity = |{slots: hit, and not in expected}| / K

    After Ge, Delgado-Battenfeld and Jannach, RecSys 2010: useful, and not proposed by a primitive
    recommender. `expected_UE` is that recommender's list for each listener, such as the most
    popular unheard tracks. At most precision at K, and K counts empty slots too. A listener without
    held-out tracks has NaN.

    >>> hits, tracks = np.array([[True, True, False, False]]), np.array([[4, 5, 6, 7]])
    >>> serendipity(hits, np.array([2]), tracks, np.array([[5, 9]])).tolist()
    [0.25]
    """
    relevant_U = checked_hits(hits_UK, relevant_U)
    tracks_UK, expected_UE = whole(tracks_UK, "tracks"), whole(expected_UE, "expected")
    if tracks_UK.shape != hits_UK.shape or len(expected_UE) != len(hits_UK):
        raise InputError(
            f"hits {hits_UK.shape}, tracks {tracks_UK.shape}, expected {expected_UE.shape}; "
            "expected the same listeners, and a hit or miss for each slot"
        )
    U, K = hits_UK.shape
    rows = max(int(tracks_UK.max(initial=0)), int(expected_UE.max(initial=0))) + 1
    tracks_UK = checked_lists(tracks_UK, rows)
    # One number for each (listener, track), so that one search serves all lists.
    listener_U1 = np.arange(U)[:, None] * rows
    surprising_UK = ~np.isin(listener_U1 + tracks_UK, (listener_U1 + expected_UE)[expected_UE > 0])
    found_U = np.count_nonzero(hits_UK & surprising_UK, axis=1) / max(K, 1)
    return np.where(relevant_U > 0, found_U, np.nan)


def calibration(
    tracks_UK: AnyInts,
    genres_TG: AnyInts,
    genres: int,
    user: AnyInts,
    track: AnyInts,
    weight: Floats | None = None,
) -> Floats:
    """Return how far a list's genre shares are from its listener's history, in [0, 1]; 0 is best.

        JS(p, q) = H((p + q) / 2) - (H(p) + H(q)) / 2,  H the entropy in bits

    p: shares of genres in the history, a row counting `weight` (by default 1; plays, say), a
    track's genres sharing it equally; q: the same of the list. Calibration as Steck, "Calibrated
    recommendations", RecSys 2018, with the Jensen-Shannon divergence (Lin, "Divergence measures
    based on the Shannon entropy", IEEE Transactions on Information Theory 37(1), 1991) in place of
    Kullback-Leibler, which is infinite where a genre is missing. `genres_TG` lists each track's
    genres by index 1..genres; all other values are padding. Tracks without a known genre take no
    part; NaN where none is left on one of the two sides. Short lists cannot match fine shares: ten
    slots are never at 0 against fifty genres.

    >>> genres_TG = np.array([[0, 0], [1, 0], [2, 0], [1, 2]])
    >>> calibration(
    ...     np.array([[1, 2], [1, 0]]), genres_TG, 2, np.array([0, 1]), np.array([3, 2])
    ... ).tolist()
    [0.0, 1.0]
    """
    genres_TG = whole(genres_TG, "genres")
    tracks_UK = checked_lists(tracks_UK, len(genres_TG))
    U, K = tracks_UK.shape
    user, track = checked_rows(user, track, U, len(genres_TG))
    weight_N = np.ones(len(user)) if weight is None else np.asarray(weight, np.float64)
    if weight_N.shape != user.shape or (weight_N < 0).any() or not np.isfinite(weight_N).all():
        raise InputError("weight: expected one finite value of 0 or more for each row of history")
    order = np.argsort(user, kind="stable")
    user, track, weight_N = user[order], track[order], weight_N[order]
    out_U = np.full(U, np.nan)
    for block in _blocks(U, 4 * genres + 3 * genres_TG.shape[1] * K):
        rows = slice(*np.searchsorted(user, [block.start, block.stop]))
        n = len(tracks_UK[block])
        slots = tracks_UK[block].ravel()
        history_UG = _genre_shares(
            user[rows] - block.start, track[rows], weight_N[rows], genres_TG, (n, genres)
        )
        listed_UG = _genre_shares(
            np.repeat(np.arange(n), K), slots, np.ones(slots.size), genres_TG, (n, genres)
        )
        divergence_U = (
            _entropy((history_UG + listed_UG) / 2)
            - (_entropy(history_UG) + _entropy(listed_UG)) / 2
        )
        out_U[block] = np.clip(divergence_U, 0, 1)
    return out_U


def artist_concentration(tracks_UK: AnyInts, artist_T: AnyInts) -> Floats:
    """Return the Herfindahl index of each list's artists, in [1 / filled slots, 1].

        H = sum over artists of (artist's slots / filled slots)^2

    1: all by one artist; 1 / n: n different ones. Its inverse is the number of equally present
    artists. Hirschman, "The paternity of an index", American Economic Review 54(5), 1964. An
    unknown artist (`artist_T` of 0 or less) counts as one of its own in each slot.

    >>> artist_concentration(np.array([[1, 2, 3], [1, 3, 0]]), np.array([0, 7, 7, 0])).tolist()
    [0.5555555555555556, 0.5]
    """
    artist_T = whole(artist_T, "artist")
    tracks_UK = checked_lists(tracks_UK, len(artist_T))
    U, K = tracks_UK.shape
    own_UK = int(artist_T.max(initial=0)) + 1 + np.arange(K)
    artist_UK = np.where(artist_T[tracks_UK] > 0, artist_T[tracks_UK], own_UK)
    keys = np.arange(U)[:, None] * (own_UK[-1] + 1 if K else 1) + artist_UK
    filled_UK = tracks_UK > 0
    _, first, slots = np.unique(keys[filled_UK], return_index=True, return_counts=True)
    listener = np.nonzero(filled_UK)[0][first]
    squares_U = np.bincount(listener, slots.astype(np.float64) ** 2, U)
    return over(squares_U, np.count_nonzero(filled_UK, axis=1) ** 2)


def _slots_by_track(tracks_UK: AnyInts, rows: int) -> Ints:
    """Return how many slots each track has; row 0 counts the empty ones."""
    return np.bincount(checked_lists(tracks_UK, rows).ravel(), minlength=rows)


def _list_mean(tracks_UK: AnyInts, value_T: Floats) -> Floats:
    tracks_UK = checked_lists(tracks_UK, len(value_T))
    filled_UK = tracks_UK > 0
    sums_U = np.where(filled_UK, value_T[tracks_UK], 0.0).sum(axis=1)
    return over(sums_U, np.count_nonzero(filled_UK, axis=1))


def _checked_heard(heard_T: AnyInts) -> Ints:
    heard_T = whole(heard_T, "heard")
    if heard_T.ndim != 1 or (heard_T < 0).any():
        raise InputError("heard: expected the number of training listeners of each track")
    return heard_T


def _blocks(listeners: int, width: int) -> Iterator[slice]:
    """Yield slices of listeners such that `width` numbers for each stay within BLOCK."""
    step = max(1, BLOCK // max(width, 1))
    for start in range(0, listeners, step):
        yield slice(start, min(start + step, listeners))


def _diversity(tracks_UK: Ints, vectors_TD: Any) -> Floats:
    listed, slot = np.unique(tracks_UK, return_inverse=True)
    slot_UK = slot.reshape(tracks_UK.shape)
    vectors_LD = vectors_TD[listed]
    if sparse.issparse(vectors_LD):
        vectors_LD = sparse.csr_array(vectors_LD).astype(np.float64)
    else:
        vectors_LD = np.asarray(vectors_LD, np.float64)
    length_L = np.sqrt(_squares(vectors_LD))
    known_UK = (tracks_UK > 0) & (length_L > 0)[slot_UK]
    listener, _ = np.nonzero(known_UK)
    pick = slot_UK[known_UK]
    unit_UL = sparse.csr_array(
        (1 / length_L[pick], (listener, pick)), shape=(len(tracks_UK), len(listed))
    )
    n_U = np.count_nonzero(known_UK, axis=1)
    cosine_U = over(_squares(unit_UL @ vectors_LD) - n_U, n_U * (n_U - 1))
    return np.clip(1 - cosine_U, 0, 2)


def _squares(rows: Any) -> Floats:
    """Return the squared length of each row of a dense or sparse matrix."""
    if sparse.issparse(rows):
        return np.asarray(rows.multiply(rows).sum(axis=1), np.float64).ravel()
    return np.asarray(np.einsum("nd,nd->n", rows, rows), np.float64)


def _genre_shares(
    listener: Ints, track: Ints, weight: Floats, genres_TG: Ints, shape: tuple[int, int]
) -> Floats:
    """Return each listener's shares of genres 1..genres; a row of NaN where there are none."""
    U, genres = shape
    known = (genres_TG[track] >= 1) & (genres_TG[track] <= genres) & (track > 0)[:, None]
    share = over(weight, np.count_nonzero(known, axis=1))
    row, column = np.nonzero(known)
    cell = listener[row] * genres + genres_TG[track[row], column] - 1
    sums_UG = np.bincount(cell, share[row], U * genres).reshape(U, genres)
    return over(sums_UG, sums_UG.sum(axis=1, keepdims=True))


def _entropy(shares_UG: Floats) -> Floats:
    log_UG = np.log2(shares_UG, out=np.zeros_like(shares_UG), where=shares_UG != 0)
    return np.asarray(-(shares_UG * log_UG).sum(axis=1), np.float64)
