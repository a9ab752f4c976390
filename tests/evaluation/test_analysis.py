"""What the report tells beyond boards: answers that were planted, and sums that must come out."""

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from encore import Dataset, Recommender, evaluate, metrics
from encore.data.vocabulary import UNKNOWN
from encore.evaluation.analysis import analyse
from encore.evaluation.artist_map import artist_map, places
from encore.evaluation.boards import Board
from encore.evaluation.exposure import concentration, coverage, slots_by_track, steps_to
from encore.evaluation.groups import by_artist, by_size
from encore.evaluation.names import ENCORE, MEANS
from encore.evaluation.plays import LEVELS, PlaysPredictions
from encore.evaluation.prediction_errors import calibration, errors
from encore.evaluation.served import baselines, profile_popularity
from encore.evaluation.tiers import tier_of
from encore.models.ranking import are_held, top_k
from encore.pipeline import Evaluation


@pytest.fixture(scope="module")
def found(model: Recommender, sides: tuple[Dataset, Dataset]) -> Evaluation:
    return evaluate(model, sides[1])


@pytest.fixture(scope="module")
def told(found: Evaluation) -> dict[str, Any]:
    return found.analysis


def test_it_is_plain_json_and_the_same_each_time(found: Evaluation, told: dict[str, Any]) -> None:
    again = analyse(found.model, found.boards["discovery"], found.question, found.predictions)
    assert json.loads(json.dumps(told, allow_nan=False)) == told == again


# groups


def test_groups_hold_each_value_once_and_equals_stay_together() -> None:
    values = np.array([1, 1, 1, 1, 2, 3, 4, 5, 6, np.nan])
    groups = by_size(values, 3)
    assert np.sum([group.within_N for group in groups], axis=0).tolist() == [1] * 9 + [0]
    assert [group.label for group in groups] == ["1", "2 to 4", "5 to 6"]
    assert groups[0].within_N.tolist() == [True] * 4 + [False] * 6


def test_those_before_a_value_that_most_have_are_a_group() -> None:
    most = np.array([*range(1, 11), *[40] * 190])
    assert [group.label for group in by_size(most)] == ["1 to 10", "40"]
    assert [group.label for group in by_size(np.array([1, *[40] * 190]))] == ["1 to 40"]
    assert len(by_size(np.arange(1000))) == 5
    assert {int(group.within_N.sum()) for group in by_size(np.arange(1000))} == {200}


@pytest.mark.parametrize(
    ("values", "labels"), [([], []), ([np.nan], []), ([7.0, 7.0], ["7"]), ([0.5], ["0.5"])]
)
def test_groups_of_little(values: list[float], labels: list[str]) -> None:
    assert [group.label for group in by_size(np.array(values))] == labels


def test_tracks_without_an_artist_stand_for_themselves() -> None:
    group_T = by_artist(np.array([UNKNOWN, 3, 3, UNKNOWN, 1]))
    assert group_T[1] == group_T[2]
    assert len(set(group_T.tolist())) == 4


# listeners


def test_groups_of_listeners_cover_all_who_were_asked(
    found: Evaluation, told: dict[str, Any]
) -> None:
    board = found.boards["discovery"]
    assert [one["grouping"] for one in told["listeners"]] == ["activity", "mainstreamness"]
    for grouping in told["listeners"]:
        groups = grouping["groups"]
        counts = np.array([group["listeners"] for group in groups])
        assert counts.sum() == len(board.listeners)
        means = np.array([group["models"][ENCORE]["mean"] for group in groups])
        whole = board.scores[ENCORE]["ndcg@10"].mean
        assert (counts * means).sum() / counts.sum() == pytest.approx(whole)
        for group in groups:
            ours, theirs = (
                group["models"][name]["mean"] for name in (ENCORE, grouping["baseline"])
            )
            assert group["ratio"]["mean"] == pytest.approx(ours / theirs)


def test_mainstreamness_is_the_mean_popularity_of_what_one_plays() -> None:
    history = sp.csr_array(np.array([[0, 2.0, 0, 1.0], [0, 0, 5.0, 0], [0, 0, 0, 0]]))
    found = profile_popularity(history, np.array([0, 10, 20, 40]))
    assert found[:2].tolist() == [25, 20]
    assert np.isnan(found[2])


def test_baselines_are_ordered_and_ours_is_none_of_them(found: Evaluation) -> None:
    board = found.boards["discovery"]
    names = baselines(board, "ndcg@10")
    means = [board.scores[name]["ndcg@10"].mean for name in names]
    assert means == sorted(means, reverse=True)
    assert "als" in names
    assert not {ENCORE, "encore-list", "network-rank", "network-plays", "hybrid", "chance"} & {
        *names
    }


def test_the_worst_served_are_those_without_a_hit_and_with_most_to_find(
    found: Evaluation, told: dict[str, Any]
) -> None:
    board, question = found.boards["discovery"], found.question
    value_B = board.values[ENCORE]["ndcg@10"]
    worst = told["served"]["worst"]
    ids = board.listeners.tolist()
    assert [value_B[ids.index(one["user_id"])] for one in worst] == sorted(value_B)[:3]
    first = ids.index(worst[0]["user_id"])
    assert worst[0]["held_out"] == question.relevant_B[value_B == value_B.min()].max()
    assert worst[0]["training_rows"] == question.audience.history_BT[[first]].nnz
    hit = board.values[ENCORE]["hit_rate@10"]
    assert told["served"]["none_found"][ENCORE] == pytest.approx((hit == 0).mean())


def test_places_of_what_they_played_are_places_of_the_ranking(
    found: Evaluation, told: dict[str, Any]
) -> None:
    board = found.boards["discovery"]
    for one in told["served"]["worst"]:
        row = board.listeners.tolist().index(one["user_id"])
        listed = board.lists[ENCORE][row]
        tracks = found.model.bundle.features.tracks
        for track in one["played"]:
            index = tracks.index(track["track_id"])
            if track["place"] <= len(listed):
                assert listed[track["place"] - 1] == index
            else:
                assert index not in listed


# exposure


def test_shares_are_counted_from_the_lists(found: Evaluation, told: dict[str, Any]) -> None:
    lists, exposure = found.boards["discovery"].lists[ENCORE], told["exposure"]
    tracks = found.model.bundle.features.tracks
    for one in exposure["most_listed"]:
        index = tracks.index(one["track_id"])
        assert one["listed"] == pytest.approx((lists == index).any(axis=1).mean())
    order = [one["listed"] for one in exposure["most_listed"]]
    assert order == sorted(order, reverse=True)
    assert sum(exposure["deciles"]["models"][ENCORE]) == pytest.approx(1)
    assert exposure["concentration"]["played"][-1] == pytest.approx(1)
    assert sum(genre["listed"] for genre in exposure["genres"]) <= 1 + 1e-9


def test_concentration_and_steps() -> None:
    assert concentration(np.array([9.0, 0, 0, 0]), [1, 3]) != concentration(
        np.array([0, 1.0, 0, 0]), [1, 3]
    )
    assert concentration(np.array([0, 1.0, 2.0, 1.0]), [1, 2, 3]) == [0.5, 0.75, 1.0]
    assert steps_to(1) == [1]
    assert steps_to(10) == [1, 2, 5, 10]


def test_empty_slots_count_for_no_track() -> None:
    assert slots_by_track(np.array([[2, -1], [2, 0]]), 4).tolist() == [0, 0, 2, 0]


def test_coverage_grows_with_the_length_of_lists() -> None:
    lists = {"a": np.array([[1, 2, 3, 4, 5], [1, 1, 1, 1, 6]])}
    assert coverage(lists, 10)["k"] == [1, 2, 5]
    assert coverage(lists, 10)["models"]["a"] == [0.1, 0.2, 0.6]


def test_tiers_part_listening_in_thirds_and_find_what_recall_finds(
    found: Evaluation, told: dict[str, Any]
) -> None:
    groups = told["tiers"]["groups"]
    assert [group["label"] for group in groups][:3] == ["head", "middle", "tail"]
    for share in ("played", "held_out"):
        assert sum(group[share] for group in groups) == pytest.approx(1)
    assert sum(group["listed"][ENCORE] for group in groups) == pytest.approx(1)
    assert sum(group["tracks"] for group in groups) == len(found.model.bundle.features.tracks)
    assert groups[0]["tracks"] < groups[2]["tracks"]
    tier_T, _ = tier_of(found.model.bundle)
    board, question = found.boards["discovery"], found.question
    shares = []
    for b, listed in enumerate(board.lists[ENCORE]):
        right = question.held_BT[[b]].indices
        right = right[tier_T[right] == 0]
        if right.size:
            shares.append(np.isin(listed, right).sum() / min(right.size, 20))
    assert groups[0]["found"][ENCORE]["mean"] == pytest.approx(np.mean(shares))


# plays


def planted(size: int = 4000) -> PlaysPredictions:
    """Predictions that are too high by .5 for odd tracks and exact for even ones."""
    rng = np.random.default_rng(0)
    user_N = rng.integers(1, 40, size).astype(np.int32)
    track_N = rng.integers(1, 20, size).astype(np.int32)
    target_N = np.log1p(rng.integers(1, 30, size).astype(np.float64))
    predicted_N = target_N + np.where(track_N % 2 == 1, 0.5, 0.0)
    bounds = {level: (target_N - 1, target_N + np.where(user_N > 20, 1, -0.5)) for level in LEVELS}
    return PlaysPredictions(
        user_N, track_N, target_N, {ENCORE: predicted_N, MEANS: target_N - 1}, bounds
    )


def test_errors_by_group_are_those_that_were_planted(model: Recommender) -> None:
    found = planted()
    features = model.bundle.features
    listeners_T = np.arange(features.tracks.rows)  # popularity is the track's index
    year_T = np.where(np.arange(features.tracks.rows) % 2 == 1, 1999.0, np.nan)
    told = errors(found, features, year_T, np.arange(100), listeners_T)
    by = {one["grouping"]: one["groups"] for one in told}
    decade = by["year"][0]["models"]
    assert [group["label"] for group in by["year"]] == ["1990s"]
    assert decade[ENCORE]["bias"]["mean"] == pytest.approx(0.5)
    assert decade[ENCORE]["rmse"]["mean"] == pytest.approx(0.5)
    assert decade[MEANS]["bias"]["mean"] == pytest.approx(-1)
    for name in ("plays", "activity", "popularity"):
        groups = by[name]
        assert sum(group["rows"] for group in groups) == len(found.target_N)
        for group in groups:
            rmse, bias = (group["models"][ENCORE][metric] for metric in ("rmse", "bias"))
            # Errors are 0 or .5: squared they have half the mean.
            assert rmse["mean"] ** 2 == pytest.approx(0.5 * bias["mean"])
            assert rmse["low"] <= rmse["mean"] <= rmse["high"]


def test_calibration_holds_predicted_beside_true_and_the_share_within() -> None:
    found = planted()
    told = calibration(found)
    predicted = found.predicted[ENCORE]
    assert sum(one["rows"] for one in told["bins"]) == len(predicted)
    weighed = sum(one["rows"] * one["true"]["mean"] for one in told["bins"]) / len(predicted)
    assert weighed == pytest.approx(found.target_N.mean())
    assert [one["predicted"] for one in told["bins"]] == sorted(
        one["predicted"] for one in told["bins"]
    )
    for one in told["levels"]:
        assert one["held"]["mean"] == pytest.approx((found.user_N > 20).mean())
        assert one["width"]["mean"] == pytest.approx(np.where(found.user_N > 20, 2, 0.5).mean())


# parts of the list


def test_what_a_channel_adds_is_its_list_without_it(
    found: Evaluation, told: dict[str, Any]
) -> None:
    model, question = found.model, found.question
    gains = {one["channel"]: one for one in told["channels"]}
    first = told["channels"][0]["channel"]
    assert {*model.bundle.choice.both.used} | {"ranker"} >= gains.keys() >= {first}
    parts = model.bundle.scorers.parts(model.bundle.choice.both, question.audience, ranked=False)
    scores = np.sum([part for name, part in parts.items() if name != first], axis=0)
    question.close(scores, question.audience.history_BT)
    listed = top_k(scores, 10, model.bundle.scorers.ties)
    hits = are_held(listed, question.held_BT)
    without = np.nanmean(metrics.ndcg_at_k(hits, question.relevant_B, 10))
    assert gains[first]["without"]["mean"] == pytest.approx(without, abs=1e-6)
    kept = [one["ratio"]["mean"] for one in told["channels"]]
    assert kept == sorted(kept)


def test_more_weight_gives_more_variety(told: dict[str, Any]) -> None:
    points = told["frontier"]["points"]
    assert [point["weight"] for point in points] == sorted(point["weight"] for point in points)
    assert [point["ships"] for point in points].count(True) == 1
    diversity = [point["diversity"]["mean"] for point in points]
    assert diversity[-1] > diversity[0]


def test_the_map_has_every_played_artist(found: Evaluation, told: dict[str, Any]) -> None:
    artists = told["map"]["artists"]
    heard = found.model.bundle.features.artist_T[found.model.bundle.listeners_T > 0]
    assert len(artists) == len(set(heard.tolist()))
    assert np.isfinite([[one["x"], one["y"]] for one in artists]).all()
    counts = [one["listeners"] for one in artists]
    assert counts == sorted(counts, reverse=True)
    assert max(counts) <= found.model.bundle.features.heard_U.sum()
    assert {*told["map"]["genres"]} <= {one["genre"] for one in artists}


def test_what_is_alike_lies_together_on_the_map() -> None:
    rng = np.random.default_rng(0)
    side = np.repeat([0, 1], 40)
    vectors = np.eye(2)[side] @ rng.standard_normal((2, 8)) * 3 + rng.standard_normal((80, 8)) / 3
    at = places(vectors * rng.uniform(1, 100, (80, 1)))  # length says how much is played: no matter
    nearest = np.linalg.norm(at[:, None] - at[None], axis=2)
    np.fill_diagonal(nearest, np.inf)
    assert (side[nearest.argmin(axis=1)] == side).mean() > 0.95


def test_all_alike_have_places_too() -> None:
    assert np.isfinite(places(np.ones((5, 3)))).all()


def test_no_map_of_hardly_anybody(model: Recommender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("encore.evaluation.artist_map.FEWEST", 10_000)
    assert artist_map(model) == {}


def test_a_board_is_a_frame_too(found: Evaluation) -> None:
    board = found.boards["discovery"]
    frame = board.to_frame()
    assert frame.columns == ["model", "metric", "mean", "low", "high"]
    assert frame.height == sum(len(row) for row in board.scores.values())
    ours = frame.filter(pl.col("model") == ENCORE, pl.col("metric") == "ndcg@10").row(0)
    assert ours[2:] == board.scores[ENCORE]["ndcg@10"]
    assert frame["low"].null_count() > 0  # coverage has no interval


def test_slots_of_the_example_that_were_held_out_are_marked(
    found: Evaluation, sides: tuple[Dataset, Dataset]
) -> None:
    board, plays = found.boards["discovery"], sides[1].plays
    best = str(board.listeners[np.nanargmax(board.values["encore"]["hit_rate@10"])])
    told = found.results("", best)["example"]
    held = {*plays.filter(pl.col("user_id") == best)["track_id"]}
    assert [slot["held_out"] for slot in told["slots"]] == [
        slot["track_id"] in held for slot in told["slots"]
    ]


def test_the_evaluation_speaks(found: Evaluation) -> None:
    assert found.verdict()[0].startswith("Discovery: the list ")
    assert any("find none of their own" in sentence for sentence in found.findings())


def test_boards_keep_the_lists_that_all_were_asked_for(found: Evaluation) -> None:
    board: Board = found.boards["discovery"]
    assert ENCORE in board.lists
    assert "chance" not in board.lists
    hits = np.array(
        [
            np.isin(row, found.question.held_BT[[b]].indices)
            for b, row in enumerate(board.lists[ENCORE])
        ]
    )
    again = metrics.ndcg_at_k(hits, found.question.relevant_B, 10)
    assert again == pytest.approx(board.values[ENCORE]["ndcg@10"])
