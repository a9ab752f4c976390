"""Errors and the seed's NDCG, by hand, by law and against scikit-learn."""

import math
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, mean_squared_error, ndcg_score, r2_score

from encore.errors import InputError
from encore.metrics import (
    calculate_metrics,
    calculate_ndcg,
    mae,
    r2,
    rmse,
    scaled,
    seed_ndcg,
    skill,
)
from encore.metrics.plays import paired

ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(-3, 3), st.integers(0, 6)), min_size=1, max_size=30
)


def test_errors_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    y, p = rng.exponential(3, 500), rng.normal(2, 3, 500)
    assert rmse(p, y) == pytest.approx(math.sqrt(mean_squared_error(y, p)), abs=1e-9)
    assert mae(p, y) == pytest.approx(mean_absolute_error(y, p), abs=1e-9)
    assert r2(p, y) == pytest.approx(r2_score(y, p), abs=1e-9)


def test_r2_keeps_its_digits_far_from_zero() -> None:
    y = 1e8 + np.arange(5.0)
    assert r2(y + np.eye(5)[4], y) == pytest.approx(0.9)


def test_perfect_and_mean_predictions() -> None:
    y = np.array([1.0, 2.0, 6.0])
    assert (rmse(y, y), mae(y, y), r2(y, y)) == (0.0, 0.0, 1.0)
    assert r2(np.full(3, 3.0), y) == 0.0
    assert skill(y, y, np.zeros(3)) == 1.0
    assert skill(np.zeros(3), y, np.zeros(3)) == 0.0
    assert skill(np.full(3, -9.0), y, np.zeros(3)) < 0


def test_where_nothing_can_be_said_the_answer_is_nan() -> None:
    assert math.isnan(rmse([], []))
    assert math.isnan(mae([], []))
    assert math.isnan(r2([], []))
    assert math.isnan(r2([1.0, 2.0], [3.0, 3.0]))
    assert math.isnan(skill([1.0], [3.0], [3.0]))
    assert math.isnan(calculate_ndcg([], []))
    assert math.isnan(calculate_ndcg([1.0, 2.0], [0.0, 0.0]))


def test_scaling_uses_the_training_range_and_clips_nothing() -> None:
    y, p = scaled([2.0, 7.0], [1.0, 4.0], low=2.0, high=6.0)
    assert y.tolist() == [0.0, 1.25]
    assert p.tolist() == [-0.25, 0.5]
    with pytest.raises(InputError, match="range of the training targets"):
        scaled([1.0], [1.0], low=2.0, high=2.0)


@given(ROWS)
def test_seed_ndcg_agrees_with_scikit_learn_ties_included(
    rows: list[tuple[int, int, int]],
) -> None:
    user, predictions, targets = (np.array(column) for column in zip(*rows, strict=True))
    values = seed_ndcg(user, predictions, targets, listeners=5)
    assert values.shape == (5,)
    for u in range(5):
        y, p = targets[user == u][None], predictions[user == u][None]
        if not y.any():
            assert math.isnan(values[u])
        elif y.size == 1:
            # scikit-learn refuses a single document; a list of one can only be in order.
            assert values[u] == 1.0
        else:
            assert values[u] == pytest.approx(ndcg_score(y, p), abs=1e-9)


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(
    rows: list[tuple[int, int, int]], random: Random
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    one, other = (
        seed_ndcg(*(np.array(column) for column in zip(*order, strict=True)), listeners=4)
        for order in (rows, shuffled)
    )
    np.testing.assert_allclose(one, other, atol=1e-12)


@given(ROWS)
def test_seed_ndcg_ranks_each_listener_alone(rows: list[tuple[int, int, int]]) -> None:
    user, predictions, targets = (np.array(column) for column in zip(*rows, strict=True))
    values = seed_ndcg(user, predictions, targets)
    for u in np.unique(user):
        alone = calculate_ndcg(predictions[user == u], targets[user == u])
        assert values[u] == pytest.approx(alone, abs=1e-12, nan_ok=True)


def test_seed_ndcg_by_hand() -> None:
    got = calculate_ndcg([3.0, 2.0, 1.0], [0.0, 5.0, 1.0])
    assert got == pytest.approx((5 / math.log2(3) + 1 / 2) / (5 + 1 / math.log2(3)))
    assert calculate_ndcg([9.0, 1.0], [5.0, 1.0]) == 1.0


def test_a_constant_scores_as_a_random_order_not_as_the_order_of_the_file() -> None:
    best_first, best_last = [9.0, 0.0, 0.0], [0.0, 0.0, 9.0]
    expected = (1 + 1 / math.log2(3) + 1 / 2) / 3
    assert calculate_ndcg([1.0] * 3, best_first) == pytest.approx(expected)
    assert calculate_ndcg([1.0] * 3, best_last) == pytest.approx(expected)


def test_targets_below_zero_and_listeners_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match="not centred"):
        calculate_ndcg([1.0, 2.0], [-1.0, 1.0])
    with pytest.raises(InputError, match="expected 0 to 1"):
        seed_ndcg(np.array([0, 2]), [1.0, 2.0], [1.0, 1.0], listeners=2)
    with pytest.raises(InputError, match="as the targets"):
        seed_ndcg(np.array([0]), [1.0, 2.0], [1.0, 1.0])
    with pytest.raises(InputError, match="whole numbers"):
        seed_ndcg(np.array([0.0]), [1.0], [1.0])
    assert seed_ndcg(np.zeros(0, int), [], []).shape == (0,)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_tensors_that_carry_gradients_score_as_arrays(dtype: torch.dtype) -> None:
    predictions, targets = [1.0, 2.5, 0.5], [1.0, 4.0, 0.0]
    tensor = torch.tensor(predictions, dtype=dtype, requires_grad=True)
    got = calculate_metrics(tensor, torch.tensor(targets, dtype=dtype))
    assert got == calculate_metrics(np.array(predictions), np.array(targets))
    assert list(got) == ["rmse", "mae", "ndcg"]
    assert all(isinstance(value, float) for value in got.values())


def test_a_column_is_a_vector_and_is_not_broadcast() -> None:
    assert rmse(torch.tensor([[1.0], [2.0]]), torch.tensor([1.0, 2.0])) == 0.0
    assert [side.shape for side in paired([[1.0]], [2.0])] == [(1,), (1,)]


@pytest.mark.parametrize(
    ("predictions", "targets", "message"),
    [
        ([1.0], [1.0, 2.0], "1 predictions for 2 targets"),
        ([math.nan, 1.0], [1.0, 2.0], "predictions: 1 of 2 are NaN"),
        ([1.0, 1.0], [1.0, math.inf], "targets: 1 of 2 are NaN"),
        ([[1.0, 2.0]], [[1.0, 2.0]], r"shape \(1, 2\)"),
    ],
)
def test_sides_that_do_not_pair_are_refused(
    predictions: list[float], targets: list[float], message: str
) -> None:
    for function in (rmse, mae, r2, calculate_ndcg, calculate_metrics):
        with pytest.raises(InputError, match=message):
            function(predictions, targets)
