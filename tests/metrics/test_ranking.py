"""Lists of which the right figure is known, and laws that hold for every list."""

import math
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from encore.errors import InputError, UsageError
from encore.metrics import (
    average_precision_at_k,
    hit_rate_at_k,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
    reciprocal_rank_at_k,
)
from encore.metrics.arrays import Bools, Floats, Ints

Metric = Callable[[Bools, Ints, int], Floats]
METRICS: dict[str, Metric] = {
    "ndcg": ndcg_at_k,
    "recall": recall_at_k,
    "precision": precision_at_k,
    "ap": average_precision_at_k,
    "rr": reciprocal_rank_at_k,
    "hit": hit_rate_at_k,
}

every_metric = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)


@st.composite
def boards(draw: st.DrawFn) -> tuple[Bools, Ints, int]:
    listeners, slots = draw(st.integers(1, 4)), draw(st.integers(1, 8))
    flat = draw(st.lists(st.booleans(), min_size=listeners * slots, max_size=listeners * slots))
    hits = np.array(flat).reshape(listeners, slots)
    unfound = draw(st.lists(st.integers(0, 5), min_size=listeners, max_size=listeners))
    return hits, hits.sum(axis=1) + np.array(unfound), draw(st.integers(1, 10))


def naive(hits: list[bool], relevant: int, k: int) -> dict[str, float]:
    """The definitions, one listener and one slot at a time."""
    hits = (hits + [False] * k)[:k]
    if relevant == 0:
        return dict.fromkeys(METRICS, math.nan)
    places = [i for i, hit in enumerate(hits, start=1) if hit]
    ideal = sum(1 / math.log2(1 + i) for i in range(1, min(k, relevant) + 1))
    return {
        "ndcg": sum(1 / math.log2(1 + i) for i in places) / ideal,
        "recall": len(places) / min(k, relevant),
        "precision": len(places) / k,
        "ap": sum(n / i for n, i in enumerate(places, start=1)) / relevant,
        "rr": 1 / places[0] if places else 0.0,
        "hit": float(bool(places)),
    }


@given(boards())
def test_all_equal_their_definition(board: tuple[Bools, Ints, int]) -> None:
    hits, relevant, k = board
    want = [naive(hits[u].tolist(), int(relevant[u]), k) for u in range(len(hits))]
    for name, metric in METRICS.items():
        np.testing.assert_allclose(metric(hits, relevant, k), [w[name] for w in want], atol=1e-12)


@given(boards())
def test_values_stay_between_0_and_1(board: tuple[Bools, Ints, int]) -> None:
    hits, relevant, k = board
    for metric in METRICS.values():
        values = metric(hits, relevant, k)
        assert (np.isnan(values) == (relevant == 0)).all()
        assert ((values >= 0) & (values <= 1))[relevant > 0].all()


@given(boards(), st.integers(0, 7))
def test_one_more_hit_never_costs(board: tuple[Bools, Ints, int], slot: int) -> None:
    hits, relevant, k = board
    slot %= hits.shape[1]
    better = hits.copy()
    better[:, slot] = True
    held_out = np.maximum(relevant, better.sum(axis=1))
    for metric in METRICS.values():
        before, after = metric(hits, held_out, k), metric(better, held_out, k)
        assert (after >= before).all()


@given(boards(), st.integers(0, 6))
def test_a_hit_one_slot_up_never_costs(board: tuple[Bools, Ints, int], slot: int) -> None:
    hits, relevant, k = board
    slot = min(slot, hits.shape[1] - 2)
    if slot < 0:
        return
    better = hits.copy()
    pair = better[:, slot : slot + 2]
    pair[:] = np.sort(pair, axis=1)[:, ::-1]
    for metric in METRICS.values():
        before, after = metric(hits, relevant, k), metric(better, relevant, k)
        assert (after >= before - 1e-12)[relevant > 0].all()


@given(boards(), st.randoms(use_true_random=False))
def test_the_order_of_listeners_changes_nothing(
    board: tuple[Bools, Ints, int], random: Random
) -> None:
    hits, relevant, k = board
    order = list(range(len(hits)))
    random.shuffle(order)
    for metric in METRICS.values():
        np.testing.assert_array_equal(
            metric(hits, relevant, k)[order], metric(hits[order], relevant[order], k)
        )


@given(boards())
def test_ndcg_is_1_exactly_where_the_top_is_all_hits(board: tuple[Bools, Ints, int]) -> None:
    hits, relevant, k = board
    values = ndcg_at_k(hits, relevant, k)
    for u in np.flatnonzero(relevant):
        top = min(k, relevant[u])
        assert (values[u] == 1.0) == (top <= hits.shape[1] and bool(hits[u, :top].all()))


def test_ndcg_agrees_with_scikit_learn_where_the_list_is_the_catalogue() -> None:
    rng = np.random.default_rng(1)
    hits = rng.random((50, 30)) < 0.2
    hits[:, 3] = True
    scores = np.tile(np.arange(30, 0, -1.0), (50, 1))
    for k in (1, 5, 10, 30):
        ours = ndcg_at_k(hits, hits.sum(axis=1), k)
        theirs = [ndcg_score(hits[u : u + 1], scores[u : u + 1], k=k) for u in range(50)]
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


@every_metric
def test_a_perfect_list_scores_1_and_a_list_of_misses_0(metric: Metric) -> None:
    everything, nothing = np.ones((1, 5), bool), np.zeros((1, 5), bool)
    assert metric(everything, np.array([5]), 5).tolist() == [1.0]
    assert metric(nothing, np.array([5]), 5).tolist() == [0.0]


@every_metric
def test_a_listener_without_held_out_tracks_has_no_value(metric: Metric) -> None:
    hits = np.array([[False, False], [True, False]])
    values = metric(hits, np.array([0, 1]), 2)
    assert np.isnan(values[0])
    assert np.isfinite(values[1])


@every_metric
def test_a_short_list_scores_as_if_padded_with_misses(metric: Metric) -> None:
    short = np.array([[True, False, True]])
    padded = np.array([[True, False, True, False, False]])
    relevant = np.array([4])
    assert metric(short, relevant, 5) == metric(padded, relevant, 5)


@every_metric
def test_no_listeners_and_no_slots(metric: Metric) -> None:
    assert metric(np.zeros((0, 5), bool), np.zeros(0, int), 5).shape == (0,)
    assert metric(np.zeros((2, 0), bool), np.array([0, 1]), 5).tolist() == [
        pytest.approx(math.nan, nan_ok=True),
        0.0,
    ]


def test_tracks_that_no_training_row_has_stay_in_the_denominator() -> None:
    hits = np.array([[True, False]])
    assert recall_at_k(hits, np.array([2]), 2).tolist() == [0.5]
    assert recall_at_k(hits, np.array([1]), 2).tolist() == [1.0]


@every_metric
@pytest.mark.parametrize("k", [0, -1])
def test_a_cut_below_1_is_refused(metric: Metric, k: int) -> None:
    with pytest.raises(UsageError, match=f"k = {k}"):
        metric(np.ones((1, 1), bool), np.array([1]), k)


@pytest.mark.parametrize(
    ("hits", "relevant", "message"),
    [
        (np.ones((1, 2), bool), [1], "listener 0 has 2 hits but 1 held-out"),
        (np.ones((1, 2), bool), [-1], "relevant: -1"),
        (np.ones((1, 2), bool), [1, 1], "one count for each of the 1 listeners"),
        (np.ones((1, 2), bool), [2.5], "whole numbers"),
        (np.ones((1, 2)), [2], "expected bool"),
        (np.ones(2, bool), [2], "listeners x slots"),
    ],
)
def test_hits_and_counts_that_contradict_each_other_are_refused(
    hits: Bools, relevant: list[int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        ndcg_at_k(hits, np.array(relevant), 2)
