import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore.errors import InputError, UsageError
from encore.recommend.diversity import (
    calculate_diversity_penalty,
    enhance_diversity,
    intra_list_similarity,
)

seeds = st.integers(0, 2**32 - 1)
weights = st.floats(0, 5)


def drawn(seed: int, items: int = 12, rows: int = 20) -> tuple[dict[str, npt.NDArray], npt.NDArray]:
    rng = np.random.default_rng(seed)
    listed = rng.choice(rows, items, replace=False)
    # Not symmetric: a similarity is that of the row's item to the column's.
    return {"items": listed, "scores": rng.normal(size=items)}, rng.uniform(-1, 1, (rows, rows))


@given(seeds)
def test_penalty_is_the_mean_similarity_to_the_items_before(seed: int) -> None:
    recommendations, similar = drawn(seed)
    items = recommendations["items"].tolist()
    expected = [
        sum(similar[item, before] for before in items[:slot]) / max(slot, 1)
        for slot, item in enumerate(items)
    ]
    assert calculate_diversity_penalty(items, similar) == pytest.approx(expected)


@given(seeds, weights)
def test_final_scores_are_scores_less_the_penalty_in_the_new_order(
    seed: int, lambda_div: float
) -> None:
    recommendations, similar = drawn(seed)
    found = enhance_diversity(recommendations, similar, lambda_div)
    score = dict(zip(recommendations["items"], recommendations["scores"], strict=True))
    assert sorted(found["items"]) == sorted(score)
    penalty = calculate_diversity_penalty(found["items"], similar)
    expected = np.array([score[item] for item in found["items"]]) - lambda_div * penalty
    assert found["scores"] == pytest.approx(expected)


@given(seeds, weights)
def test_each_slot_takes_the_highest_final_score_left(seed: int, lambda_div: float) -> None:
    recommendations, similar = drawn(seed)
    found = enhance_diversity(recommendations, similar, lambda_div)
    score = dict(zip(recommendations["items"], recommendations["scores"], strict=True))
    order = found["items"].tolist()
    for slot, final in enumerate(found["scores"]):
        for other in order[slot:]:
            penalty = np.mean([similar[other, before] for before in order[:slot]]) if slot else 0
            assert score[other] - lambda_div * penalty <= final + 1e-9


def test_no_weight_sorts_by_score_and_equal_scores_keep_their_order() -> None:
    recommendations = {"items": [3, 1, 2, 0], "scores": [0.5, 0.9, 0.5, 0.9]}
    found = enhance_diversity(recommendations, np.ones((4, 4)), lambda_div=0)
    assert found["items"].tolist() == [1, 0, 3, 2]


def test_the_default_weight_is_one_half() -> None:
    found = enhance_diversity({"items": [0, 1], "scores": [1.0, 0.9]}, np.ones((2, 2)))
    assert found["scores"].tolist() == pytest.approx([1.0, 0.4])


def test_an_empty_list_stays_empty() -> None:
    found = enhance_diversity({"items": [], "scores": []}, np.eye(3))
    assert found["items"].tolist() == found["scores"].tolist() == []
    assert calculate_diversity_penalty([], np.eye(3)).tolist() == []


@pytest.mark.parametrize(
    ("recommendations", "similar", "told"),
    [
        ({"items": [0]}, np.eye(2), "no scores"),
        ({"items": [0, 1], "scores": [1.0]}, np.eye(2), "2 items"),
        ({"items": [0, 2], "scores": [1.0, 2.0]}, np.eye(2), "item 2: .* rows 0 to 1"),
        ({"items": [-1], "scores": [1.0]}, np.eye(2), "item -1"),
        ({"items": [0.5], "scores": [1.0]}, np.eye(2), "float64"),
        ({"items": [0], "scores": [1.0]}, np.ones((2, 3)), "a square"),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(
    recommendations: dict[str, list[float]], similar: npt.NDArray, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        enhance_diversity(recommendations, similar)


@pytest.mark.parametrize("lambda_div", [-0.1, float("nan")])
def test_a_negative_weight_is_wrong_usage(lambda_div: float) -> None:
    with pytest.raises(UsageError, match=r"lambda_div = .*: expected 0 or more"):
        enhance_diversity({"items": [0], "scores": [1.0]}, np.eye(1), lambda_div)


@given(seeds)
def test_intra_list_similarity_is_the_mean_over_pairs(seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(6, 4))
    pairs = [vectors[i] @ vectors[j] for i in range(6) for j in range(i)]
    assert intra_list_similarity(vectors) == pytest.approx(np.mean(pairs))
    assert intra_list_similarity(vectors[:1]) == 0
