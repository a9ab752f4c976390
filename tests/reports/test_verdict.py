"""The sentences follow the numbers, also where the numbers are against us."""

from typing import Any

import pytest

from encore.reports.naming import best
from encore.reports.verdict import compare, verdict


def row(metric: str, mean: float, half: float | None = 0.01) -> dict[str, Any]:
    interval = {} if half is None else {"low": mean - half, "high": mean + half}
    return {metric: {"mean": mean, **interval}}


def test_a_clear_lead_is_stated_with_its_ratio() -> None:
    board = {
        "encore": row("ndcg@10", 0.231),
        "item-knn": row("ndcg@10", 0.2),
        "als": row("ndcg@10", 0.1),
    }
    said = compare(board, "ndcg@10")
    assert said == (
        "NDCG@10 0.231, 1.16 times the best baseline (item-knn, 0.200); "
        "the intervals do not overlap"
    )


def test_a_lead_within_the_intervals_is_no_lead() -> None:
    board = {"encore": row("ndcg@10", 0.205), "item-knn": row("ndcg@10", 0.2)}
    assert "not distinguishable" in compare(board, "ndcg@10")
    assert "worse" not in compare(board, "ndcg@10")


def test_worse_than_a_baseline_is_said() -> None:
    board = {"encore": row("ndcg@10", 0.15), "item-knn": row("ndcg@10", 0.2)}
    assert "worse: 0.75 times the best baseline (item-knn, 0.200)" in compare(board, "ndcg@10")


def test_of_errors_less_is_better() -> None:
    better = {
        "encore": row("rmse", 0.8),
        "mean": row("rmse", 1.5),
        "listener-mean": row("rmse", 0.9),
    }
    assert "worse" not in compare(better, "rmse")
    assert "less is better), 0.89 times the best baseline (listener-mean" in compare(better, "rmse")
    worse = {"encore": row("rmse", 1.0), "listener-mean": row("rmse", 0.9)}
    assert "worse: 1.11 times" in compare(worse, "rmse")


def test_without_intervals_it_says_so() -> None:
    board = {"encore": row("ndcg@10", 0.3, None), "als": row("ndcg@10", 0.2, None)}
    assert compare(board, "ndcg@10").endswith("no intervals are known")


def test_our_own_rows_are_not_baselines() -> None:
    board = {
        "encore": row("ndcg@10", 0.3),
        "network-rank": row("ndcg@10", 0.4),
        "als": row("ndcg@10", 0.2),
    }
    assert "(als," in compare(board, "ndcg@10")


@pytest.mark.parametrize(
    "board",
    [
        {},
        {"encore": row("ndcg@10", 0.3)},
        {"als": row("ndcg@10", 0.3)},
        {"encore": row("ndcg@10", float("nan")), "als": row("ndcg@10", 0.3)},
        {"encore": {"ndcg@10": {}}, "als": row("ndcg@10", 0.3)},
    ],
)
def test_nothing_is_said_where_nothing_can_be_compared(board: dict[str, Any]) -> None:
    assert compare(board, "ndcg@10") is None
    assert verdict({"boards": {"discovery": board}}) == []


def test_a_baseline_of_zero_needs_no_ratio() -> None:
    board = {"encore": row("ndcg@10", 0.3), "als": row("ndcg@10", 0.0)}
    assert "against the best baseline (als, 0.000)" in compare(board, "ndcg@10")


def test_equal_is_equal() -> None:
    board = {"encore": row("ndcg@10", 0.3, None), "als": row("ndcg@10", 0.3, None)}
    assert "equal to the best baseline" in compare(board, "ndcg@10")


def test_the_verdict_speaks_of_each_board_and_of_the_choice(results: dict[str, Any]) -> None:
    discovery, plays, chosen = verdict(results)
    assert discovery.startswith("On discovery the shipped list scores NDCG@10 0.231, 1.13 times")
    assert plays.startswith("On plays the prediction has RMSE 0.853")
    assert chosen == (
        "The list that ships is blend: validation NDCG@10 .235 against .208 (item-knn)."
    )
    results["boards"]["discovery"]["als"]["ndcg@10"] = {"mean": 0.3, "low": 0.29, "high": 0.31}
    assert "worse: 0.77 times the best baseline (als, 0.300)" in verdict(results)[0]


def test_best_knows_the_direction_and_skips_the_missing() -> None:
    board = {"a": row("mae", 2.0), "b": row("mae", 1.0), "c": {"mae": {}}, "d": {}}
    assert best(board, "mae") == "b"
    assert best(board, "r2") is None


@pytest.mark.parametrize(
    ("metric", "low", "high", "said"),
    [
        ("ndcg@10", 1.01, 1.09, "so it is better"),
        ("ndcg@10", 0.91, 0.99, "so it is worse"),
        ("ndcg@10", 0.99, 1.04, "not distinguishable"),
        ("rmse", 0.98, 0.995, "so it is better"),
        ("rmse", 1.01, 1.02, "so it is worse"),
    ],
)
def test_a_paired_ratio_decides_where_it_is_known(metric, low, high, said) -> None:
    board = {"encore": row(metric, 0.2), "als": row(metric, 0.2)}
    ratios = {"als": {"mean": (low + high) / 2, "low": low, "high": high}}
    results = {"boards": {"any": board}, "ratios": {"any": ratios}}
    assert said in verdict(results)[0]
