"""Ordered lists against a naive reference; ties, masks and empty slots above all."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from encore.models.ranking import (
    EMPTY,
    SAMPLED,
    TieOrder,
    are_held,
    best_open,
    history_matrix,
    mask_heard,
    played,
    standardised,
    strengths,
    top_k,
)

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 12)


def naive_top_k(scores: np.ndarray, k: int, listeners_T: np.ndarray) -> list[list[int]]:
    lists = []
    for row in scores:
        there = [column for column in range(len(row)) if row[column] > -np.inf]
        there.sort(key=lambda t: (-row[t], -listeners_T[t], t))
        lists.append((there + [EMPTY] * k)[:k])
    return lists


@given(seeds, sizes, sizes, st.integers(0, 15), st.integers(1, 5))
def test_top_k_is_the_sorted_list_with_ties_and_masks(
    seed: int, rows: int, columns: int, k: int, levels: int
) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, levels, (rows, columns)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.3] = -np.inf
    listeners_T = rng.integers(0, 4, columns)
    found = top_k(scores, k, TieOrder.of(listeners_T))
    assert found.tolist() == naive_top_k(scores, k, listeners_T)
    assert found.shape == (rows, k)


@pytest.mark.parametrize("best", ["anywhere", "first", "sampled", "between", "equal", "few"])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.03])
def test_the_best_of_the_open_are_found_wherever_they_stand(best: str, share: float) -> None:
    tracks, rng = 8_000, np.random.default_rng(0)
    scores_T = np.round(rng.normal(size=tracks), 1).astype(np.float32)
    if best == "first":
        scores_T = np.sort(scores_T)[::-1].copy()
    elif best in ("sampled", "between"):
        scores_T[np.arange(tracks) % SAMPLED == int(best == "between")] += 9
    elif best == "equal":
        scores_T[:] = 1
    elif best == "few":
        scores_T[rng.random(tracks) < 0.99] = -np.inf
    ties = TieOrder.of(rng.integers(0, 9, tracks))
    open_T = rng.random(tracks) < share
    masked_1T = np.where(open_T, scores_T, np.float32(-np.inf))[None]
    for k in (0, 1, 20, 300, 9_000):
        expected = top_k(masked_1T, k, ties)[0]
        found = best_open(scores_T, open_T, k, ties)
        assert found.tolist() == expected[expected != EMPTY].tolist()


@given(seeds)
def test_top_k_of_different_scores_needs_no_tie_order(seed: int) -> None:
    scores = np.random.default_rng(seed).permutation(50)[None].astype(np.float32)
    found = top_k(scores, 10, TieOrder.of(np.zeros(50, int)))
    assert scores[0, found[0]].tolist() == list(range(49, 39, -1))


def test_equal_scores_go_by_popularity_then_by_place() -> None:
    ties = TieOrder.of(np.array([0, 2, 7, 2]))
    assert top_k(np.zeros((1, 4), np.float32), 4, ties).tolist() == [[2, 1, 3, 0]]
    assert top_k(np.zeros((1, 4), np.float32), 2, ties).tolist() == [[2, 1]]


def test_slots_without_a_track_are_empty() -> None:
    scores = np.array([[-np.inf, 1.0, -np.inf], [-np.inf] * 3], np.float32)
    found = top_k(scores, 5, TieOrder.of(np.zeros(3, int)))
    assert found.tolist() == [[1, EMPTY, EMPTY, EMPTY, EMPTY], [EMPTY] * 5]


def test_nobody_gets_no_lists_and_no_slots_hold_nothing() -> None:
    ties = TieOrder.of(np.zeros(3, int))
    assert top_k(np.zeros((0, 3), np.float32), 2, ties).shape == (0, 2)
    assert top_k(np.zeros((2, 3), np.float32), 0, ties).shape == (2, 0)


@given(seeds, sizes)
def test_a_tie_order_and_its_inverse_agree(seed: int, columns: int) -> None:
    listeners_T = np.random.default_rng(seed).integers(0, 3, columns)
    ties = TieOrder.of(listeners_T)
    assert ties.column_of_place[ties.place_of_column].tolist() == list(range(columns))
    assert (np.diff(listeners_T[ties.column_of_place]) <= 0).all()


def test_heard_tracks_and_the_unknown_are_masked_and_skipped_ones_are_heard() -> None:
    history = history_matrix(
        np.array([0, 0, 2]), np.array([3, 1, 2]), np.array([4.0, 0.0, 1.0]), (3, 4)
    )
    scores = np.ones((3, 4), np.float32)
    mask_heard(scores, history)
    assert np.isneginf(scores).tolist() == [
        [True, True, False, True],
        [True, False, False, False],
        [True, False, True, False],
    ]


def test_a_history_keeps_skipped_pairs_and_sorts_its_columns() -> None:
    history = history_matrix(
        np.array([1, 1, 0]), np.array([3, 1, 2]), np.array([4.0, 0.0, 1.0]), (2, 4)
    )
    assert history.indptr.tolist() == [0, 1, 3]
    assert history.indices.tolist() == [2, 1, 3]
    assert history.data.tolist() == [1.0, 0.0, 4.0]
    assert history.dtype == np.float32


def test_played_and_strengths_drop_skipped_pairs_and_leave_the_history_alone() -> None:
    history = history_matrix(np.zeros(2, int), np.array([1, 2]), np.array([0.0, 3.0]), (1, 4))
    assert played(history).toarray().tolist() == [[0, 0, 1, 0]]
    assert strengths(history).toarray() == pytest.approx(np.log1p([[0, 0, 3, 0]]))
    assert played(history).nnz == strengths(history).nnz == 1
    assert history.data.tolist() == [0.0, 3.0]


@given(seeds, sizes, st.integers(2, 12), st.floats(0.1, 1e3), st.floats(-1e3, 1e3))
def test_standardised_rows_have_mean_0_and_deviation_1_whatever_their_scale(
    seed: int, rows: int, columns: int, scale: float, shift: float
) -> None:
    raw = np.random.default_rng(seed).permuted(np.tile(np.arange(columns + 1.0), (rows, 1)), axis=1)
    found = standardised((raw * scale + shift).astype(np.float32))
    assert found[:, 1:].mean(1) == pytest.approx(np.zeros(rows), abs=1e-4)
    assert found[:, 1:].std(1) == pytest.approx(np.ones(rows), rel=1e-4)
    assert found == pytest.approx(standardised(raw.astype(np.float32)), abs=0.05)


def test_standardising_passes_over_the_unknown_and_makes_equal_scores_zeros() -> None:
    found = standardised(np.array([[1e6, 1.0, 3.0], [5.0, 2.0, 2.0]], np.float32))
    assert found[0, 1:].tolist() == [-1, 1]
    assert found[1].tolist() == [0, 0, 0]


@given(seeds, sizes, st.integers(1, 10), st.integers(0, 8))
def test_are_held_is_membership(seed: int, rows: int, columns: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    held = rng.random((rows, columns)) < 0.4
    top = rng.integers(EMPTY, columns, (rows, k))
    expected = [[t != EMPTY and bool(held[row, t]) for t in top[row]] for row in range(rows)]
    assert are_held(top, sp.csr_array(held.astype(np.float32))).tolist() == expected


def test_an_empty_slot_is_no_hit_though_the_row_before_holds_the_last_track() -> None:
    held = sp.csr_array(np.array([[0, 0, 1.0], [0, 1.0, 0]]))
    assert are_held(np.array([[EMPTY], [EMPTY]]), held).tolist() == [[False], [False]]
