"""The bootstrap: covers what it claims, pairs what belongs together, repeats under its seed."""

import json
import math
import tracemalloc

import numpy as np
import pytest

from encore.errors import InputError, UsageError
from encore.metrics import (
    Interval,
    mae,
    mean_interval,
    play_sums,
    pooled_interval,
    pooled_mae,
    pooled_r2,
    pooled_rmse,
    pooled_skill,
    r2,
    ratio_interval,
    rmse,
    skill,
)
from encore.metrics.intervals import Statistic


def test_intervals_cover_a_known_mean_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(4)
    trials, covered = 400, 0
    for trial in range(trials):
        interval = mean_interval(rng.normal(3.0, 1.0, 60), seed=trial, draws=200, level=0.9)
        covered += interval.low <= 3.0 <= interval.high
    # Percentile intervals of 60 values are a little narrow; three standard errors are 0.045.
    assert 0.84 < covered / trials < 0.95


def test_the_width_is_that_of_the_normal_approximation() -> None:
    values = np.random.default_rng(5).random(2000)
    interval = mean_interval(values, draws=2000)
    assert interval.mean == pytest.approx(values.mean())
    want = 2 * 1.96 * values.std() / math.sqrt(2000)
    assert interval.high - interval.low == pytest.approx(want, rel=0.1)


def test_it_equals_drawing_listeners_by_index_all_at_once() -> None:
    values = np.random.default_rng(6).random(40)
    index = np.random.default_rng(7).integers(0, 40, (300, 40))
    low, high = np.quantile(values[index].mean(axis=1), [0.05, 0.95])
    got = mean_interval(values, seed=7, draws=300, level=0.9)
    assert got == pytest.approx(Interval(values.mean(), low, high), abs=1e-12)


def test_the_seed_decides() -> None:
    values = np.random.default_rng(8).random(50)
    assert mean_interval(values, seed=1) == mean_interval(values, seed=1)
    assert mean_interval(values, seed=1) != mean_interval(values, seed=2)


def test_nan_listeners_do_not_count() -> None:
    values = np.array([0.1, np.nan, 0.4, 0.9, np.nan])
    assert mean_interval(values) == mean_interval(values[~np.isnan(values)])


def test_pairing_cancels_what_makes_a_listener_easy_for_all() -> None:
    rng = np.random.default_rng(9)
    ease = rng.exponential(1.0, 300)
    ours, theirs = 1.1 * ease, ease
    paired = ratio_interval(ours, theirs)
    assert paired == pytest.approx(Interval(1.1, 1.1, 1.1))
    unpaired = ratio_interval(rng.permutation(ours), theirs)
    assert unpaired.low < 1 < unpaired.high


def test_the_ratio_is_of_means_over_listeners_that_both_have() -> None:
    ours, theirs = np.array([1.0, 3.0, 9.0, np.nan]), np.array([1.0, 1.0, np.nan, 5.0])
    assert ratio_interval(ours, theirs).mean == 2.0


def test_a_ratio_to_nothing_is_no_ratio() -> None:
    assert all(math.isnan(end) for end in ratio_interval(np.ones(5), np.zeros(5)))
    rare = np.array([1.0, 0.0, 0.0, 0.0])
    interval = ratio_interval(np.ones(4), rare)
    assert interval.mean == 4.0
    assert math.isfinite(interval.high)


def test_fewer_than_two_listeners_have_no_interval() -> None:
    assert all(math.isnan(end) for end in mean_interval(np.array([])))
    assert all(math.isnan(end) for end in mean_interval(np.array([np.nan])))
    one = mean_interval(np.array([0.5, np.nan]))
    assert one.mean == 0.5
    assert math.isnan(one.low)
    assert math.isnan(one.high)


def test_json_has_no_nan() -> None:
    one = mean_interval(np.array([0.5]))
    assert json.loads(json.dumps(one.to_json(), allow_nan=False)) == {
        "mean": 0.5,
        "low": None,
        "high": None,
    }


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(10)
    user = rng.integers(1, 30, 400)
    ease = rng.normal(0, 1, 30)
    targets = rng.exponential(2, 400)
    return user, targets + ease[user] + rng.normal(0, 0.3, 400), targets, np.full(400, 2.0)


def test_pooled_figures_are_those_of_the_rows(rows: tuple[np.ndarray, ...]) -> None:
    user, predictions, targets, baseline = rows
    sums = play_sums(user, predictions, targets, 30, baseline)
    assert sums.shape == (30, 6)
    want = {
        pooled_rmse: rmse(predictions, targets),
        pooled_mae: mae(predictions, targets),
        pooled_r2: r2(predictions, targets),
        pooled_skill: skill(predictions, targets, baseline),
    }
    for statistic, value in want.items():
        interval = pooled_interval(sums, statistic)
        assert interval.mean == pytest.approx(value, abs=1e-9)
        assert interval.low < value < interval.high


@pytest.mark.parametrize("statistic", [pooled_rmse, pooled_mae, pooled_r2])
def test_a_pooled_draw_takes_listeners_with_all_their_rows(
    rows: tuple[np.ndarray, ...], statistic: Statistic
) -> None:
    user, predictions, targets, _ = rows
    function = {pooled_rmse: rmse, pooled_mae: mae, pooled_r2: r2}[statistic]
    present = np.unique(user)
    rng = np.random.default_rng(3)
    figures = []
    for _ in range(100):
        drawn = present[rng.integers(0, len(present), len(present))]
        picked = np.concatenate([np.flatnonzero(user == u) for u in drawn])
        figures.append(function(predictions[picked], targets[picked]))
    low, high = np.quantile(figures, [0.025, 0.975])
    got = pooled_interval(play_sums(user, predictions, targets, 30), statistic, seed=3, draws=100)
    assert (got.low, got.high) == pytest.approx((low, high), abs=1e-9)


def test_rows_of_one_listener_are_not_independent(rows: tuple[np.ndarray, ...]) -> None:
    user, predictions, targets, _ = rows
    by_listener = pooled_interval(play_sums(user, predictions, targets, 30), pooled_rmse)
    as_if_all_differed = pooled_interval(
        play_sums(np.arange(400), predictions, targets, 400), pooled_rmse
    )
    width = by_listener.high - by_listener.low
    assert width > 1.5 * (as_if_all_differed.high - as_if_all_differed.low)


def test_pooled_figures_without_rows_targets_or_baseline_are_nan() -> None:
    nothing = play_sums(np.zeros(0, int), [], [], 3)
    assert nothing.tolist() == [[0.0] * 6] * 3
    assert all(math.isnan(end) for end in pooled_interval(nothing, pooled_rmse))
    equal = play_sums(np.arange(3), [1.0, 2.0, 3.0], [0.1, 0.1, 0.1], 3)
    assert math.isnan(pooled_interval(equal, pooled_r2).mean)
    assert math.isnan(pooled_interval(equal, pooled_skill).mean)
    assert np.isnan(pooled_rmse(np.zeros((1, 6)))).all()


def test_r2_of_sums_keeps_its_digits_far_from_zero() -> None:
    y = 1e8 + np.arange(5.0)
    sums = play_sums(np.arange(5), y + np.eye(5)[4], y, 5)
    assert pooled_interval(sums, pooled_r2).mean == pytest.approx(0.9)


def test_memory_is_that_of_the_listeners_not_of_the_draws() -> None:
    values = np.random.default_rng(11).random(100_000)
    tracemalloc.start()
    mean_interval(values, draws=100)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6  # bytes; all draws at once would be 80 MB of indices


def test_calls_that_make_no_sense_are_refused() -> None:
    values = np.ones(3)
    for draws, level in ((0, 0.95), (10, 0.0), (10, 1.0), (10, math.nan)):
        with pytest.raises(UsageError, match="0 < level < 1"):
            mean_interval(values, draws=draws, level=level)
    with pytest.raises(InputError, match="same listeners in the same order"):
        ratio_interval(values, np.ones(4))
    with pytest.raises(InputError, match="finite value"):
        mean_interval(np.array([np.inf]))
    with pytest.raises(InputError, match="listeners x sums"):
        pooled_interval(values, pooled_rmse)
    with pytest.raises(InputError, match="user: from 0 to 5"):
        play_sums(np.array([0, 5]), [1.0, 2.0], [1.0, 2.0], 3)
