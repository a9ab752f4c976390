"""Significance against scipy, against naive loops, and on answers that are known exactly."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from encore import InputError
from encore.evaluation import significance
from encore.evaluation.significance import Contrast, Values
from encore.metrics import Interval, ratio_interval

PROBABILITIES = st.lists(st.floats(0, 1), max_size=12)


def values(**by_id: float) -> Values:
    return Values(np.array(list(by_id), "U"), np.array(list(by_id.values()), np.float64))


def crowd(values_U) -> Values:
    return Values(
        np.array([f"u{u:04d}" for u in range(len(values_U))]), np.asarray(values_U, float)
    )


def question(one, other, metric="ndcg@10", board="discovery") -> Contrast:
    return Contrast(board, metric, "one", "other", {0: (crowd(one), crowd(other))})


@pytest.fixture
def listeners():
    """Four hundred listeners; the first side is better by a tenth of what there is, with noise."""
    rng = np.random.default_rng(5)
    other_U = rng.beta(1, 3, 400) * (rng.random(400) > 0.3)
    return np.clip(other_U * 1.1 + (other_U > 0) * rng.normal(0, 0.02, 400), 0, 1), other_U


# Averages and pairs


def test_a_listener_is_averaged_over_the_seeds_that_have_them():
    found = significance.over_seeds(
        [values(b=0.2, a=math.nan), values(a=0.6, b=0.4), values(c=1.0, a=0.8)]
    )
    assert found.listeners.tolist() == ["a", "b", "c"]
    assert found.values_U == pytest.approx([0.7, 0.3, 1.0])


def test_of_no_seeds_or_no_values_nothing_is_left():
    assert len(significance.over_seeds([]).listeners) == 0
    assert len(significance.over_seeds([values(a=math.nan)]).listeners) == 0


@given(st.lists(st.dictionaries(st.sampled_from("abcde"), st.floats(0, 1)), max_size=4))
def test_averages_equal_a_naive_loop(seeds):
    found = significance.over_seeds(values(**seed) for seed in seeds)
    for listener, value in zip(found.listeners, found.values_U, strict=True):
        assert value == pytest.approx(np.mean([s[listener] for s in seeds if listener in s]))
    assert set(found.listeners) == {listener for seed in seeds for listener in seed}


def test_pairs_are_formed_by_user_id_whatever_the_order():
    found = significance.paired(values(c=0.3, a=0.1, b=0.2), values(a=1.0, d=4.0, c=3.0))
    assert found.listeners.tolist() == ["a", "c"]
    assert (found.one_U.tolist(), found.other_U.tolist()) == ([0.1, 0.3], [1.0, 3.0])
    assert found.left_out == 2


def test_a_listener_without_a_value_on_one_side_is_left_out():
    found = significance.paired(values(a=0.1, b=0.2), values(a=math.nan, b=0.4))
    assert (found.listeners.tolist(), found.left_out) == (["b"], 1)


def test_a_seed_that_only_one_side_has_of_a_listener_does_not_tilt_the_mean():
    seeds = [
        (values(a=0.1, b=0.5), values(a=0.1, b=0.5)),
        (values(a=0.9, b=0.7), values(a=math.nan, b=0.7)),
    ]
    found = significance.paired_over_seeds(seeds)
    assert found.one_U == pytest.approx([0.1, 0.6])
    assert found.other_U == pytest.approx([0.1, 0.6])
    assert found.left_out == 0


@pytest.mark.parametrize(
    ("listeners", "numbers", "told"),
    [
        (np.array([1, 2]), np.array([0.1, 0.2]), "user ids as text"),
        (np.array(["a", "a"]), np.array([0.1, 0.2]), "'a' comes twice"),
        (np.array(["a", "b"]), np.array([0.1]), "expected one number"),
        (np.array(["a", "b"]), np.array([1, 2]), "expected one number"),
        (np.array(["a", "b"]), np.array([0.1, np.inf]), "infinite"),
    ],
)
def test_values_that_do_not_belong_together_are_refused(listeners, numbers, told):
    with pytest.raises(InputError, match=told):
        Values(listeners, numbers)


# Wilcoxon


def test_p_is_scipys(listeners):
    one_U, other_U = listeners
    p, lean = significance.signed_rank(one_U, other_U)
    assert (one_U == other_U).sum() > 50
    assert p == pytest.approx(wilcoxon(one_U, other_U, zero_method="pratt").pvalue)
    assert 0 < lean < 1


@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_p_is_the_share_of_sign_patterns_as_one_sided(size):
    difference_U = np.random.default_rng(size).normal(0.5, 1, size)
    ranks = np.argsort(np.argsort(np.abs(difference_U))) + 1
    sums = [np.dot(signs, ranks) for signs in product([-1, 1], repeat=size)]
    seen = abs(np.dot(np.sign(difference_U), ranks))
    p, lean = significance.signed_rank(difference_U, np.zeros(size))
    assert p == pytest.approx(np.mean(np.abs(sums) >= seen))
    assert lean == pytest.approx(np.dot(np.sign(difference_U), ranks) / ranks.sum())


def test_zeros_are_ranked_before_they_leave():
    """A loss by a hair beside many zeros weighs nearly what the wins do: p is larger (Pratt)."""
    one_U = np.concatenate([np.zeros(60), np.full(9, 0.5), [0.0, 0.0]])
    other_U = np.concatenate([np.zeros(60), np.zeros(9), [0.001, 0.001]])
    p, _ = significance.signed_rank(one_U, other_U)
    assert p > wilcoxon(one_U, other_U, zero_method="wilcox").pvalue


def test_no_difference_is_p_1_without_a_warning():
    assert significance.signed_rank(np.zeros(40), np.zeros(40)) == (1.0, 0.0)
    same_U = np.linspace(0, 1, 40)
    assert significance.signed_rank(same_U, same_U.copy()) == (1.0, 0.0)


def test_what_differs_by_rounding_only_is_no_difference():
    assert 0.1 + 0.2 != 0.3
    assert significance.signed_rank(np.array([0.1 + 0.2, 0.5]), np.array([0.3, 0.5])) == (1.0, 0.0)


def test_swapping_sides_keeps_p_and_turns_the_lean(listeners):
    one_U, other_U = listeners
    p, lean = significance.signed_rank(one_U, other_U)
    assert significance.signed_rank(other_U, one_U) == pytest.approx((p, -lean))


def test_ranks_of_nobody_and_of_no_pairs():
    assert all(map(math.isnan, significance.signed_rank(np.empty(0), np.empty(0))))
    with pytest.raises(InputError, match="same listeners"):
        significance.signed_rank(np.zeros(2), np.zeros(3))
    with pytest.raises(InputError, match="without a value"):
        significance.signed_rank(np.array([np.nan]), np.zeros(1))


# Holm


def naive_holm(p_values):
    """Reject from the smallest while it passes; p' is the smallest alpha that rejects."""

    def rejected(alpha):
        found = set()
        order = sorted(range(len(p_values)), key=lambda k: p_values[k])
        for step, k in enumerate(order):
            if p_values[k] * (len(p_values) - step) > alpha:
                break
            found.add(k)
        return found

    alphas = sorted({1.0, *(p * n for p in p_values for n in range(1, len(p_values) + 1))})
    return [
        min((a for a in alphas if a <= 1 and k in rejected(a)), default=1.0)
        for k in range(len(p_values))
    ]


@given(PROBABILITIES)
def test_holm_equals_the_naive_procedure(p_values):
    assert significance.holm(np.array(p_values)).tolist() == naive_holm(p_values)


@given(PROBABILITIES)
def test_holm_is_between_no_correction_and_bonferroni(p_values):
    p_K = np.array(p_values)
    found_K = significance.holm(p_K)
    assert (found_K >= p_K).all()
    assert (found_K <= np.minimum(1, p_K * len(p_K))).all()


def test_holm_leaves_out_what_was_no_test():
    found = significance.holm(np.array([math.nan, 0.02, 0.03]))
    assert math.isnan(found[0])
    assert found[1:].tolist() == [0.04, 0.04]
    assert significance.holm(np.empty(0)).tolist() == []
    with pytest.raises(InputError, match="expected 0 to 1"):
        significance.holm(np.array([1.5]))


# Comparisons


def test_a_comparison_holds_what_each_part_says(listeners):
    one_U, other_U = listeners
    (found,) = significance.compare([question(one_U, other_U)])
    assert (found.board, found.metric, found.one, found.other) == (
        "discovery",
        "ndcg@10",
        "one",
        "other",
    )
    assert (found.seeds, found.listeners, found.left_out) == ((0,), 400, 0)
    assert (found.mean_one, found.mean_other) == pytest.approx((one_U.mean(), other_U.mean()))
    assert found.ratio == ratio_interval(one_U, other_U)
    assert found.ratio.mean == pytest.approx(one_U.mean() / other_U.mean())
    assert found.p == found.p_holm == significance.signed_rank(one_U, other_U)[0]
    assert found.verdict == "better"


def test_the_other_way_round_is_worse_and_of_errors_less_is_better(listeners):
    one_U, other_U = listeners
    found = significance.compare(
        [
            question(other_U, one_U),
            question(one_U, other_U, "squared_error"),
            question(other_U, one_U, "squared_error"),
        ]
    )
    assert [each.verdict for each in found] == ["worse", "worse", "better"]
    assert found[0].ratio.mean < 1 < found[1].ratio.mean


def test_p_is_corrected_over_all_questions_of_a_call(listeners):
    one_U, other_U = listeners
    rng = np.random.default_rng(1)
    noise = [question(rng.random(30), rng.random(30)) for _ in range(3)]
    found = significance.compare([question(one_U, other_U), *noise])
    p_K = np.array([each.p for each in found])
    assert [each.p_holm for each in found] == significance.holm(p_K).tolist()
    assert found[0].p_holm == pytest.approx(found[0].p * 4)


def test_many_questions_make_one_small_p_unclear():
    one_U, other_U = np.arange(1, 7) / 10 + 0.1, np.arange(1, 7) / 10
    alone = significance.compare([question(one_U, other_U)])
    among = significance.compare([question(one_U, other_U)] * 2)
    assert (alone[0].p, alone[0].verdict) == (0.03125, "better")
    assert (among[0].p_holm, among[0].verdict) == (0.0625, "unclear")


def test_the_same_values_are_equal_and_mirrored_ones_are_not():
    same, zero, mirrored = significance.compare(
        [
            question([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]),
            question([0.0, 0.0], [0.0, 0.0]),
            question([0.1, 0.3], [0.3, 0.1]),
        ]
    )
    assert (same.verdict, same.p, same.ratio.mean) == ("equal", 1.0, 1.0)
    assert (zero.verdict, zero.p) == ("equal", 1.0)
    assert math.isnan(zero.ratio.mean)
    assert (mirrored.verdict, mirrored.ratio.mean) == ("unclear", 1.0)


def test_nobody_in_common_is_no_verdict_and_no_test():
    nobody = Contrast("discovery", "ndcg@10", "one", "other", {0: (values(a=1.0), values(b=1.0))})
    found, other = significance.compare([nobody, question([0.1, 0.2], [0.2, 0.4])])
    assert (found.verdict, found.listeners, found.left_out) == ("none", 0, 2)
    plain = found.to_json()
    assert plain["p"] is plain["p_holm"] is plain["mean_one"] is plain["ratio"]["mean"] is None
    assert other.p_holm == other.p


def test_one_listener_says_nothing():
    (found,) = significance.compare([question([0.9], [0.1])])
    assert (found.p, found.verdict) == (1.0, "unclear")


def test_better_than_nothing_has_no_ratio_but_a_verdict():
    (found,) = significance.compare([question(np.linspace(0.1, 0.9, 30), np.zeros(30))])
    assert math.isnan(found.ratio.mean)
    assert found.verdict == "better"


def test_a_few_extremes_against_most_listeners_stay_unclear():
    assert significance.verdict("ndcg@10", Interval(1.2, 1.1, 1.3), -0.4, 0.001) == "unclear"
    assert significance.verdict("ndcg@10", Interval(0.8, 0.7, 0.9), 0.4, 0.001) == "unclear"


def test_seeds_are_averaged_before_listeners_are_compared():
    one = {0: np.array([0.1, 0.5, 0.3]), 1: np.array([0.3, 0.7, np.nan])}
    sides = {seed: (crowd(one_U), crowd(one_U / 2)) for seed, one_U in one.items()}
    (found,) = significance.compare([Contrast("discovery", "ndcg@10", "a", "b", sides)])
    assert (found.seeds, found.listeners) == ((0, 1), 3)
    assert found.mean_one == pytest.approx((0.2 + 0.6 + 0.3) / 3)
    assert found.ratio.mean == pytest.approx(2)
