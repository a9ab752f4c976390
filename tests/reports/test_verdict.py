"""The sentences follow the numbers, also where the numbers are against us."""

from typing import Any

import pytest

from encore.reports.naming import best
from encore.reports.verdict import compare, new_listeners, span, standing, verdict, what_ships


def row(metric: str, mean: float, half: float | None = 0.01) -> dict[str, Any]:
    interval = {} if half is None else {"low": mean - half, "high": mean + half}
    return {metric: {"mean": mean, **interval}}


def ratio(mean: float, half: float) -> dict[str, float]:
    return {"mean": mean, "low": mean - half, "high": mean + half}


BOARD = {"encore": row("ndcg@10", 0.265), "als": row("ndcg@10", 0.25), "ease": row("ndcg@10", 0.23)}
ERRORS = {"encore": row("rmse", 0.76), "mean": row("rmse", 1.5), "listener-mean": row("rmse", 0.8)}


@pytest.mark.parametrize(
    ("paired", "said"),
    [
        (ratio(1.06, 0.01), "beats als, the best baseline, by 6.0 % (5.0 to 7.0): "),
        (ratio(0.94, 0.01), "is worse than als, the best baseline, by 6.0 % (5.0 to 7.0): "),
        (ratio(1.01, 0.02), "cannot be told apart from als, the best baseline (+1.0 %, -1.0 to +"),
    ],
)
def test_a_board_is_judged_by_its_paired_ratio(paired: dict[str, float], said: str) -> None:
    found = compare(BOARD, "ndcg@10", {"als": paired, "ease": ratio(3, 0.1)})
    assert found is not None
    assert found.startswith(said)
    assert found.endswith(": NDCG@10 0.265 against 0.250")


@pytest.mark.parametrize(
    ("paired", "said"),
    [
        (ratio(0.95, 0.01), "errs less than listener-mean, the best baseline, by 5.0 %"),
        (ratio(1.05, 0.01), "is worse than listener-mean, the best baseline, by 5.0 %"),
        (ratio(1.0, 0.01), "cannot be told apart from listener-mean"),
    ],
)
def test_of_errors_less_is_better(paired: dict[str, float], said: str) -> None:
    found = compare(ERRORS, "rmse", {"listener-mean": paired})
    assert found is not None
    assert found.startswith(said)


def test_the_best_baseline_is_found_anew() -> None:
    board = {**BOARD, "ease": row("ndcg@10", 0.26)}
    assert "ease, the best baseline" in str(compare(board, "ndcg@10", {"ease": ratio(1.02, 0.01)}))


def test_without_a_paired_ratio_the_intervals_speak() -> None:
    apart = {"encore": row("ndcg@10", 0.231), "als": row("ndcg@10", 0.2)}
    assert str(compare(apart, "ndcg@10")).endswith("the intervals do not overlap")
    assert str(compare(apart, "ndcg@10")).startswith("beats als")
    overlapping = {"encore": row("ndcg@10", 0.205), "als": row("ndcg@10", 0.2)}
    assert str(compare(overlapping, "ndcg@10")).startswith("cannot be told apart")
    worse = {"encore": row("ndcg@10", 0.15), "als": row("ndcg@10", 0.2)}
    assert str(compare(worse, "ndcg@10")).startswith("is worse than als")
    unknown = {"encore": row("ndcg@10", 0.3, None), "als": row("ndcg@10", 0.2, None)}
    assert str(compare(unknown, "ndcg@10")).endswith("no interval is known")


def test_our_own_rows_and_chance_are_not_baselines() -> None:
    board = {
        **{name: row("ndcg@10", 0.4) for name in ("network-rank", "encore-list", "chance")},
        "encore": row("ndcg@10", 0.3),
        "als": row("ndcg@10", 0.2),
    }
    assert str(compare(board, "ndcg@10")).startswith("beats als")


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
    assert "NDCG@10 0.300 against 0.000" in str(compare(board, "ndcg@10"))


def test_equal_is_equal() -> None:
    board = {"encore": row("ndcg@10", 0.3), "als": row("ndcg@10", 0.3)}
    assert str(compare(board, "ndcg@10")).startswith("equals als, the best baseline")


def test_the_verdict_speaks_of_each_board_and_of_the_choice(results: dict[str, Any]) -> None:
    results["ratios"] = {"discovery": {"item-knn": ratio(1.127, 0.02)}}
    discovery, plays, chosen = verdict(results)
    assert discovery.startswith("Discovery: the list beats item-knn, the best baseline, by 12.7 %")
    assert plays.startswith("Plays: the prediction beats listener+track-mean")
    assert chosen == "What ships is the blend: NDCG@10 0.235 on validation rows."
    results["boards"]["discovery"]["als"]["ndcg@10"] = {"mean": 0.3, "low": 0.29, "high": 0.31}
    assert verdict(results)[0].startswith("Discovery: the list is worse than als")


def test_what_ships_is_told_by_its_weights_and_its_validation() -> None:
    chosen = {
        "list": "blend",
        "weights": {"als": 0.1, "hybrid": 0.6, "ease": 0.3, "content": 0.0},
        "validation": {"blend": 0.17, "hybrid": 0.15, "als": 0.16, "content": 0.3},
    }
    assert what_ships(chosen | {"validation": chosen["validation"] | {"content": 0.1}}) == (
        "What ships is the blend of hybrid (60 %), ease (30 %) and als (10 %): NDCG@10 0.170 on "
        "validation rows, where the best part alone, als, has 0.160."
    )
    assert "the best part alone, content, has 0.300" in str(what_ships(chosen))
    one = {"list": "ease", "weights": {"ease": 1.0, "als": 0.0}, "validation": {"ease": 0.2}}
    assert what_ships(one) == "What ships is ease: NDCG@10 0.200 on validation rows."
    one["validation"]["als"] = 0.1
    assert "the next best alone, als, has 0.100" in str(what_ships(one))
    assert what_ships({}) is None


def rungs(*ratios: tuple[int, dict[str, float]]) -> dict[str, Any]:
    return {
        "boards": {f"cold_listener_{k}": BOARD for k, _ in ratios},
        "ratios": {f"cold_listener_{k}": {"als": value} for k, value in ratios},
    }


def test_new_listeners_are_told_together() -> None:
    good, level, bad = ratio(1.2, 0.05), ratio(1.0, 0.05), ratio(0.8, 0.05)
    all_good = rungs((0, good), (1, good), (5, good))
    assert verdict(all_good) == [
        "New listeners: the list beats the best baseline at 0, 1 and 5 rows revealed."
    ]
    assert new_listeners(rungs((0, level), (1, bad), (5, good))) == (
        "New listeners: the list beats the best baseline at 5 rows revealed; "
        "not told apart from als at 0 rows; worse than als at 1 row."
    )
    assert new_listeners(rungs((0, level), (1, level), (5, bad))) == (
        "New listeners: at no step is the list better than the best baseline "
        "(not told apart from als at 0 and 1 rows; worse than als at 5 rows)."
    )
    assert new_listeners(rungs((0, level))) == (
        "New listeners: at no step is the list better than the best baseline "
        "(not told apart from als at 0 rows)."
    )
    assert new_listeners({}) is None


@pytest.mark.parametrize(
    ("value", "less", "said"),
    [
        (ratio(1.05, 0.04), False, "better"),
        (ratio(0.95, 0.04), False, "worse"),
        (ratio(1.05, 0.05), False, "unclear"),
        (ratio(0.99, 0.005), True, "better"),
        (ratio(1.01, 0.005), True, "worse"),
        ({"mean": 2.0}, False, "unclear"),
    ],
)
def test_only_an_interval_on_one_side_judges(value, less, said) -> None:
    assert standing(value, less) == said


def test_spans_are_told_from_small_to_large_where_they_have_no_sign() -> None:
    assert span(ratio(0.9, 0.05), unsigned=True) == "10.0 % (5.0 to 15.0)"
    assert span(ratio(0.9, 0.05)) == "-10.0 %, -15.0 to -5.0"
    assert span({"mean": 1.2}) == "+20.0 %"


def test_best_knows_the_direction_and_skips_the_missing() -> None:
    board = {"a": row("mae", 2.0), "b": row("mae", 1.0), "c": {"mae": {}}, "d": {}}
    assert best(board, "mae") == "b"
    assert best(board, "r2") is None
