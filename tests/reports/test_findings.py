"""Each sentence turns with its numbers: whoever flips them sees another sentence."""

from typing import Any

import pytest

from encore.reports import findings as told
from encore.reports.findings import findings


def value(mean: float, half: float = 0.02) -> dict[str, float]:
    return {"mean": mean, "low": mean - half, "high": mean + half}


def analysed(**parts: Any) -> dict[str, Any]:
    return {"analysis": parts}


def test_nothing_is_said_of_nothing() -> None:
    assert findings({}) == []
    assert findings(analysed(listeners=[], served={}, channels=[], tiers={}, errors=[])) == []


def groups(*ratios: float) -> dict[str, Any]:
    named = [{"label": f"{i}0 rows", "ratio": value(r)} for i, r in enumerate(ratios, start=1)]
    one = {"grouping": "activity", "baseline": "ease", "groups": named}
    return analysed(listeners=[one])


@pytest.mark.parametrize(
    ("ratios", "said"),
    [
        ((1.1, 1.2), "Listeners by activity, better than ease in every group."),
        ((1.0, 1.2), "Listeners by activity, no better than ease for 10 rows."),
        ((1.0, 1.01), "Listeners by activity, no better than ease in every group."),
        ((0.9, 0.8), "Listeners by activity, worse than ease in every group."),
        ((1.2, 0.9), "Listeners by activity, worse than ease for 20 rows."),
        (
            (0.9, 1.0, 1.01),
            "Listeners by activity, worse than ease for 10 rows; "
            "by activity, no better than ease for 20 rows and 30 rows.",
        ),
    ],
)
def test_groups_that_are_not_served_better_are_named(ratios, said) -> None:
    assert findings(groups(*ratios)) == [said]


def test_who_finds_nothing_is_counted() -> None:
    served = {"cut": 10, "listeners": 1883, "none_found": {"encore": 0.21, "als": 0.25}}
    assert findings(analysed(served=served)) == [
        "21.0 % of 1,883 listeners find none of their own among the first 10 (als 25.0 %)."
    ]


@pytest.mark.parametrize(
    ("listed", "said"),
    [(0.9, "lean to the popular"), (0.6, "lean away from"), (0.81, "as popular as listening")],
)
def test_a_lean_to_the_popular_is_said(listed: float, said: str) -> None:
    deciles = {"played": [0.02] * 9 + [0.8], "models": {"encore": [0.01] * 9 + [listed]}}
    (sentence,) = findings(analysed(exposure={"deciles": deciles}))
    assert said in sentence
    assert f"has {listed * 100:.1f} % of the slots and 80.0 %" in sentence


def test_coverage_stands_beside_that_of_the_baselines() -> None:
    models = {"encore": [0.1, 0.194], "als": [0.05, 0.09]}
    (sentence,) = findings(analysed(coverage={"catalogue": 100, "k": [1, 20], "models": models}))
    assert sentence == "19.4 % of the catalogue stands in somebody's list of 20 (als 9.0 %)."


@pytest.mark.parametrize(
    ("ours", "said"),
    [(0.30, "more than als"), (0.10, "less than als"), (0.21, "about as much as als")],
)
def test_the_tail_is_told_beside_the_best_baseline(ours: float, said: str) -> None:
    found = {"encore": value(ours), "als": value(0.2), "ease": value(0.1)}
    (sentence,) = findings(analysed(tiers={"groups": [{"label": "tail", "found": found}]}))
    assert said in sentence


@pytest.mark.parametrize(
    ("few", "many", "said"),
    [
        (0.7, -0.5, "Plays are predicted 2.0 times too high where they are 1 to 3, predicted 1."),
        (-0.7, 0.5, "Plays are predicted 2.0 times too low where they are 1 to 3, predicted 1."),
        (0.01, 0.01, "Plays are predicted without bias where they are 1 to 3, predicted without"),
    ],
)
def test_the_bias_of_few_and_of_many_plays_is_told(few: float, many: float, said: str) -> None:
    ends = [("1 to 3", few), ("4 to 9", 0.0), ("100 to 900", many)]
    errors = [
        {
            "grouping": "plays",
            "groups": [{"label": n, "models": {"encore": {"bias": value(b)}}} for n, b in ends],
        }
    ]
    (sentence,) = findings(analysed(errors=errors))
    assert sentence.startswith(said)
    assert "where they are 100 to 900." in sentence


@pytest.mark.parametrize(
    ("held", "said"), [(0.9, "as they promise"), (0.8, "too narrow"), (0.97, "too wide")]
)
def test_intervals_are_held_to_their_level(held: float, said: str) -> None:
    levels = [{"level": 0.5, "held": value(0.1)}, {"level": 0.9, "held": value(held)}]
    (sentence,) = findings(analysed(calibration={"levels": levels}))
    assert (
        sentence
        == f"Of the 90 % intervals of plays {held * 100:.1f} % hold the true value: " + (f"{said}.")
    )


@pytest.mark.parametrize(
    ("listeners", "tracks", "said"),
    [
        (1.2, 0.4, "are 50 % larger for cold listeners and 50 % smaller for cold tracks than for "),
        (0.81, 1.2, "are 50 % larger for cold tracks than for warm ones; for cold listeners no d"),
        (0.81, 0.79, "for cold listeners and cold tracks cannot be told from those for warm ones."),
    ],
)
def test_the_price_of_knowing_little(listeners: float, tracks: float, said: str) -> None:
    results = {
        "cold_start": [
            {"group": f"{state} {who}", "metrics": {"encore": {"rmse": value(rmse)}}}
            for who, cold in (("listeners", listeners), ("tracks", tracks))
            for state, rmse in (("cold", cold), ("warm", 0.8))
        ]
    }
    (sentence,) = findings(results)
    assert sentence.startswith(f"Errors of plays {said}")


def test_what_is_missed_most_comes_first_and_what_adds_nothing_is_named() -> None:
    gains = [
        {"channel": "als", "ratio": value(0.9)},
        {"channel": "hybrid", "ratio": value(0.95)},
        {"channel": "ease", "ratio": value(1.0)},
        {"channel": "content", "ratio": value(0.99)},
    ]
    (sentence,) = findings(analysed(channels=gains))
    assert sentence == (
        "The list: without als it loses 10.0 % (8.0 to 12.0) of NDCG@10; "
        "ease and content add nothing here that can be told."
    )
    flipped = [{"channel": "als", "ratio": value(1.1)}, {"channel": "ease", "ratio": value(1.0)}]
    (sentence,) = findings(analysed(channels=flipped))
    assert sentence == (
        "The list: ease adds nothing here that can be told; without als it would do better here."
    )


@pytest.mark.parametrize(
    ("ratio", "diversity", "said"),
    [
        (0.95, 0.65, "30 % more varied than the plain ranking, for 5.0 % (3.0 to 7.0) less NDCG."),
        (0.50, 0.65, "30 % more varied than the plain ranking, for 50.0 % (48.0 to 52.0) less "),
        (0.99, 0.65, "30 % more varied than the plain ranking, at no cost in NDCG that can be "),
        (1.05, 0.40, "20 % less varied than the plain ranking, and has 5.0 % (3.0 to 7.0) more "),
    ],
)
def test_variety_has_its_price(ratio: float, diversity: float, said: str) -> None:
    points = [
        {"weight": 0, "ratio": value(1, 0), "diversity": value(0.5), "ships": False},
        {"weight": 3, "ratio": value(ratio), "diversity": value(diversity), "ships": True},
    ]
    (sentence,) = findings(analysed(frontier={"points": points}))
    assert sentence.startswith(f"The default list is {said}")


def test_a_training_that_was_cut_short_is_said() -> None:
    trained = {"epochs": 10, "best": 8, "most": 100}
    assert findings({"training": trained}) == [
        "Training was best at epoch 8; 10 epochs were tried."
    ]
    short = {"epochs": 10, "best": 10, "most": 10}
    assert "max_epochs" in findings({"training": short})[0]


def test_every_sentence_has_its_test() -> None:
    tests = {
        "groups_of_listeners": test_groups_that_are_not_served_better_are_named,
        "without_a_hit": test_who_finds_nothing_is_counted,
        "tail": test_the_tail_is_told_beside_the_best_baseline,
        "popularity": test_a_lean_to_the_popular_is_said,
        "catalogue": test_coverage_stands_beside_that_of_the_baselines,
        "variety": test_variety_has_its_price,
        "parts_of_the_list": test_what_is_missed_most_comes_first_and_what_adds_nothing_is_named,
        "bias": test_the_bias_of_few_and_of_many_plays_is_told,
        "intervals": test_intervals_are_held_to_their_level,
        "cold_and_warm": test_the_price_of_knowing_little,
        "training": test_a_training_that_was_cut_short_is_said,
    }
    assert [tell.__name__ for tell in told.FINDINGS] == [*tests]
