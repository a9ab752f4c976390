"""Boards against an oracle, a scorer that knows nothing, naive loops and scikit-learn."""

import math
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from encore import Dataset, InputError, Recommender, TrainConfig, evaluate, metrics, schema
from encore.data import world
from encore.data.cold import cold_listeners, cold_tracks, ladder
from encore.data.dataset import complete
from encore.data.split import split as split_data
from encore.evaluation import boards, questions
from encore.evaluation.boards import (
    CHANCE,
    ENCORE,
    ENCORE_LIST,
    NETWORK_PLAYS,
    Board,
    averaged,
    ranking_board,
)
from encore.evaluation.questions import Known
from encore.models.ensemble import Choice, Scorers
from encore.models.inputs import Audience
from encore.models.network_rank import NETWORK
from encore.models.ranking import Floats
from encore.pipeline import train

ORACLE, CONSTANT = "oracle", "constant"
DEFAULT, PERSONAL = TrainConfig().channels, "personal-popularity"


def discovered(model: Recommender, held: Dataset) -> Board:
    return ranking_board(model, questions.discovery(Known.to(model), held))


@pytest.fixture(scope="module")
def discovery(model: Recommender, sides: tuple[Dataset, Dataset]) -> Board:
    return discovered(model, sides[1])


@dataclass
class Told(Scorers):
    """Scorers of which some say what they are told, for each listener and track."""

    answers: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return [*self.answers, NETWORK]

    def score(self, name: str, audience: Audience) -> Floats:
        if name in self.answers:
            return self.answers[name][audience.user_B]
        return super().score(name, audience)


def telling(model: Recommender, held: Dataset) -> Recommender:
    """The model with an oracle, whose list ships, and a scorer that knows nothing."""
    scorers, shape = model.bundle.scorers, model.bundle.history_UT.shape
    played = held.plays.filter(pl.col("plays") > 0)
    oracle, constant = np.zeros(shape, np.float32), np.full(shape, 3.0, np.float32)
    user = scorers.features.listeners.encode(played["user_id"])
    oracle[user, scorers.features.tracks.encode(played["track_id"])] = 1
    told = Told(
        **{f.name: getattr(scorers, f.name) for f in fields(scorers) if f.init},
        answers={ORACLE: oracle, CONSTANT: constant},
    )
    return Recommender(replace(model.bundle, scorers=told, choice=Choice({ORACLE: 1.0}, {})))


# Discovery


def naive_discovery(
    model: Recommender, held: Dataset, scores_UT: npt.NDArray[np.float32], k: int
) -> tuple[dict[str, float], dict[str, float], set[int]]:
    """NDCG@k and Recall@k of each listener, and the distinct tracks listed, by plain loops."""
    features, history = model.bundle.features, model.bundle.history_UT
    rows = np.bincount(history.indices, minlength=history.shape[1])
    played = held.plays.filter(pl.col("plays") > 0)
    ndcg, recall, listed = {}, {}, set()
    for user_id in played["user_id"].unique():
        user = features.listeners.index(user_id)
        heard = set(history[[user]].indices.tolist())
        right = played.filter(pl.col("user_id") == user_id)["track_id"].to_list()
        right_indices = [features.tracks.index(track_id) for track_id in right]
        open_ = [t for t in range(1, history.shape[1]) if t not in heard]
        top = sorted(open_, key=lambda t: (-scores_UT[user, t], -rows[t], t))[:k]
        hits = [t in right_indices for t in top]
        gained = sum(hit / math.log2(slot + 2) for slot, hit in enumerate(hits))
        ideal = sum(1 / math.log2(slot + 2) for slot in range(min(k, len(right))))
        ndcg[user_id], recall[user_id] = gained / ideal, sum(hits) / min(k, len(right))
        listed |= set(top)
    return ndcg, recall, listed


def test_an_oracle_scores_1_for_everybody(
    model: Recommender, sides: tuple[Dataset, Dataset]
) -> None:
    board = discovered(telling(model, sides[1]), sides[1])
    for name in (ORACLE, ENCORE):
        for metric in ("ndcg@10", "recall@10", "mrr@10", "hit_rate@10", "ndcg@20", "recall@20"):
            assert (board.values[name][metric] == 1).all()
            assert board.scores[name][metric].mean == board.scores[name][metric].low == 1


def test_a_scorer_that_knows_nothing_lists_the_most_popular(
    model: Recommender, sides: tuple[Dataset, Dataset]
) -> None:
    board = discovered(telling(model, sides[1]), sides[1])
    nothing = np.zeros(model.bundle.history_UT.shape, np.float32)
    ndcg, recall, _ = naive_discovery(model, sides[1], nothing, 10)
    expected = [ndcg[user] for user in board.listeners]
    assert board.values[CONSTANT]["ndcg@10"] == pytest.approx(expected)
    assert board.values[CONSTANT]["recall@10"] == pytest.approx(
        [recall[user] for user in board.listeners]
    )
    assert 0 < board.scores[CONSTANT]["ndcg@10"].mean < 0.5


def test_every_model_scores_what_a_naive_loop_finds(
    model: Recommender, sides: tuple[Dataset, Dataset], discovery: Board
) -> None:
    scorers, history = model.bundle.scorers, model.bundle.history_UT
    everyone = np.arange(history.shape[0], dtype=np.int32)
    asking = Audience.known(scorers.inputs, everyone)
    scores = {name: scorers.score(name, asking) for name in scorers.names}
    scores[NETWORK_PLAYS] = scorers.plays(everyone)
    scores[ENCORE] = np.sum([*scorers.parts(model.bundle.choice.both, asking).values()], axis=0)
    every = {*scores, CHANCE, ENCORE_LIST}
    assert set(discovery.scores) == set(discovery.values) == every
    for name, scores_UT in scores.items():
        for k in (10, 20):
            ndcg, recall, listed = naive_discovery(model, sides[1], scores_UT, k)
            assert sorted(ndcg) == discovery.listeners.tolist()
            for metric, expected in ((f"ndcg@{k}", ndcg), (f"recall@{k}", recall)):
                values = [expected[user] for user in discovery.listeners]
                assert discovery.values[name][metric] == pytest.approx(values), (name, metric)
                interval = discovery.scores[name][metric]
                assert interval.mean == pytest.approx(np.mean(values))
                assert interval.low < interval.mean < interval.high
        covered = discovery.scores[name].get("coverage@20")
        assert covered is not None
        assert covered.mean == pytest.approx(len(listed) / (history.shape[1] - 1))


def test_the_default_list_is_a_row_of_its_own(
    model: Recommender, sides: tuple[Dataset, Dataset], discovery: Board
) -> None:
    held = dict(
        sides[1].plays.filter(pl.col("plays") > 0).group_by("user_id").agg("track_id").iter_rows()
    )
    for place, user_id in enumerate(discovery.listeners):
        slots = model.recommend(str(user_id), 20).slots
        gains = [1 / np.log2(s.rank + 1) for s in slots[:10] if s.track_id in held[user_id]]
        ideal = sum(1 / np.log2(np.arange(2, 2 + min(10, len(held[user_id])))))
        told = discovery.values[ENCORE_LIST]["ndcg@10"][place]
        assert told == pytest.approx(sum(gains) / ideal)
    diversity = [discovery.scores[name]["diversity@20"].mean for name in (ENCORE, ENCORE_LIST)]
    assert diversity[0] < diversity[1]


def test_tracks_that_the_model_never_saw_stay_in_the_denominator(
    model: Recommender, sides: tuple[Dataset, Dataset]
) -> None:
    held = sides[1]
    user_id = held.plays.filter(pl.col("plays") > 0)["user_id"][0]
    rows = pl.DataFrame({"user_id": user_id, "track_id": ["new", "newer", "newest"], "plays": 2.0})
    new = held.with_tables(
        **complete(
            {
                "plays": pl.concat([held.plays, schema.conform(rows, "plays")]),
                "tracks": held.tracks,
                "listeners": held.listeners,
            }
        )
    )
    board = discovered(telling(model, held), new)
    place = board.listeners.tolist().index(user_id)
    others = np.delete(board.values[ORACLE]["recall@20"], place)
    found = held.plays.filter((pl.col("user_id") == user_id) & (pl.col("plays") > 0)).height
    assert board.values[ORACLE]["recall@20"][place] == pytest.approx(found / (found + 3))
    assert (others == 1).all()


def test_a_pair_that_was_only_skipped_is_no_right_answer(
    model: Recommender, sides: tuple[Dataset, Dataset]
) -> None:
    held = sides[1]
    user_id = held.plays["user_id"][0]
    silent = pl.when(pl.col("user_id") == user_id).then(0).otherwise("plays").cast(pl.Float32)
    without = held.with_tables(plays=held.plays.with_columns(silent.alias("plays")))
    board = discovered(telling(model, held), without)
    assert user_id not in board.listeners


def test_where_the_catalogue_is_large_the_plays_head_ranks_for_a_seeded_sample(
    model: Recommender,
    sides: tuple[Dataset, Dataset],
    discovery: Board,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(boards, "PLAYS_RANKER_SCORES", 7 * model.bundle.history_UT.shape[1])
    sampled = discovered(model, sides[1])
    values = sampled.values[NETWORK_PLAYS]["ndcg@10"]
    asked = ~np.isnan(values)
    assert asked.sum() == 7
    assert "coverage@20" not in sampled.scores[NETWORK_PLAYS]  # a few cannot cover as much as all
    assert values[asked] == pytest.approx(discovery.values[NETWORK_PLAYS]["ndcg@10"][asked])
    assert sampled.scores[NETWORK_PLAYS]["ndcg@10"].mean == pytest.approx(values[asked].mean())
    assert not np.isnan(sampled.values[ENCORE]["ndcg@10"]).any()


def test_a_test_side_of_strangers_is_refused(
    model: Recommender, sides: tuple[Dataset, Dataset]
) -> None:
    strangers = pl.concat_str(pl.lit("other "), "user_id").alias("user_id")
    held = sides[1]
    other = held.with_tables(
        plays=held.plays.with_columns(strangers),
        listeners=held.listeners.with_columns(strangers),
        events=held.events.clear(),
        friends=held.friends.clear(),
    )
    with pytest.raises(InputError, match="no listener of the test side is known"):
        discovered(model, other)


def test_chance_is_what_the_list_scores_where_right_answers_are_drawn_blindly(
    model: Recommender, sides: tuple[Dataset, Dataset], discovery: Board
) -> None:
    question = questions.discovery(Known.to(model), sides[1])
    top_BK = model.top(question.audience.user_B, 20)
    draws = [boards.accuracy(top_BK, boards.redrawn(question, seed)) for seed in range(100)]
    got = np.mean([draw["precision@10"] for draw in draws])
    open_B = question.held_BT.shape[1] - 1 - np.diff(question.audience.history_BT.indptr)
    expected = np.mean(np.diff(question.held_BT.indptr) / open_B)
    assert got == pytest.approx(expected, rel=0.15)
    assert got < discovery.scores[ENCORE]["precision@10"].mean / 2
    assert discovery.values[CHANCE]["precision@10"] == pytest.approx(draws[0]["precision@10"])


def test_scores_in_blocks_are_the_scores_of_all_at_once(
    model: Recommender,
    sides: tuple[Dataset, Dataset],
    discovery: Board,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(boards, "SCORES_AT_ONCE", 7 * model.bundle.history_UT.shape[1])
    again = discovered(model, sides[1])
    for name, row in discovery.values.items():
        for metric, values in row.items():
            assert again.values[name][metric] == pytest.approx(values, nan_ok=True), (name, metric)


def test_a_board_is_saved_with_the_ids_of_its_listeners(discovery: Board, tmp_path: Path) -> None:
    discovery.save(tmp_path)
    with np.load(tmp_path / "discovery.npz", allow_pickle=False) as kept:
        assert kept["listeners"].tolist() == discovery.listeners.tolist()
        assert np.array_equal(kept["encore/ndcg@10"], discovery.values[ENCORE]["ndcg@10"])


def test_a_mean_over_boards_is_of_the_boards_that_know_the_listener() -> None:
    def board(ids: list[str], ndcg: list[float]) -> Board:
        values = {ENCORE: {"ndcg@10": np.array(ndcg)}}
        interval = metrics.mean_interval(values[ENCORE]["ndcg@10"])
        scores = {ENCORE: {"ndcg@10": interval, "coverage@20": metrics.Interval(ndcg[0], 0, 1)}}
        return Board("one", scores, values, np.array(ids))

    found = averaged("all", [board(["ann", "bob"], [0.2, 0.4]), board(["bob", "cid"], [0.6, 1.0])])
    assert found.listeners.tolist() == ["ann", "bob", "cid"]
    assert found.values[ENCORE]["ndcg@10"] == pytest.approx([0.2, 0.5, 1.0])
    assert found.scores[ENCORE]["ndcg@10"].mean == pytest.approx(1.7 / 3)
    assert found.scores[ENCORE]["coverage@20"].mean == pytest.approx(0.4)


# Listeners who return, tracks and listeners that are new


@pytest.fixture(scope="module")
def returning(small_config: TrainConfig) -> tuple[Recommender, Dataset]:
    data = world.make(listeners=100, tracks=400, plays_per_listener=40, seed=4).data
    sides = split_data(data, by="time")
    return train(sides.train, small_config.replaced(channels=(*DEFAULT, PERSONAL))), sides.test


def test_familiar_listening_asks_for_heard_tracks_too(
    returning: tuple[Recommender, Dataset],
) -> None:
    model, test = returning
    new, whole = (ask(Known.to(model), test) for ask in (questions.discovery, questions.familiar))
    assert new.mask
    assert not whole.mask
    played = test.plays.filter(pl.col("plays") > 0)
    assert whole.held_BT.nnz == played.height > new.held_BT.nnz > 0
    board = ranking_board(model, whole)
    assert board.scores[PERSONAL]["ndcg@10"].mean > board.scores["popularity"]["ndcg@10"].mean
    assert evaluate(model, test).boards.keys() == {"discovery", "familiar", "plays"}


def test_a_track_heard_in_training_is_no_discovery(returning: tuple[Recommender, Dataset]) -> None:
    model, test = returning
    question = questions.discovery(Known.to(model), test)
    assert question.held_BT.multiply(question.audience.history_BT).nnz == 0
    board = ranking_board(telling(model, test), question)
    assert (board.values[ORACLE]["recall@20"] == 1).all()


def test_cold_tracks_are_ranked_among_themselves_and_beside_in_the_whole(
    small_world: Dataset, small_config: TrainConfig
) -> None:
    sides = cold_tracks(small_world, seed=1)
    model = train(sides.train, small_config)
    among, full = questions.cold_tracks(Known.to(model), sides.test)
    cold = np.unique(sides.test.plays.filter(pl.col("plays") > 0)["track_id"])
    assert among.among_T is not None
    assert model.bundle.features.tracks.decode(np.flatnonzero(among.among_T)).sort().to_list() == (
        cold.tolist()
    )
    assert not model.bundle.features.heard_T[among.among_T].any()
    told = telling(model, sides.test)
    for question in (among, full):
        assert (ranking_board(told, question).values[ORACLE]["recall@20"] == 1).all()
    content = ranking_board(model, among).scores["content"]["ndcg@10"].mean
    assert content > 1.3 * ranking_board(told, among).scores[CONSTANT]["ndcg@10"].mean
    assert ranking_board(model, full).scores["content"]["ndcg@10"].mean < content


def test_new_listeners_are_asked_for_the_same_targets_at_each_rung(
    small_config: TrainConfig,
) -> None:
    data = world.make(listeners=80, tracks=150, plays_per_listener=30, seed=3).data
    sides = cold_listeners(data, share=0.2, least_rows=12)
    model = train(sides.train, small_config)
    rungs = ladder(sides.test, rungs=(0, 1, 10))
    asked = [questions.cold_listener(Known.to(model), rungs, k) for k in rungs.rungs]
    for question, k in zip(asked, rungs.rungs, strict=True):
        assert question.board == f"cold_listener_{k}"
        assert (np.diff(question.audience.history_BT.indptr) == k).all()
        assert (question.audience.user_B == 0).all()
        assert (question.held_BT != asked[0].held_BT).nnz == 0
        assert question.held_BT.multiply(question.audience.history_BT).nnz == 0
        assert question.relevant_B.tolist() == asked[0].relevant_B.tolist()
    assert asked[0].audience.friends_BU.nnz
    found = [ranking_board(model, question).scores[ENCORE]["ndcg@10"].mean for question in asked]
    assert found[2] > found[0]
    assert NETWORK_PLAYS not in ranking_board(model, asked[0]).scores


def test_a_model_of_shuffled_pairs_knows_no_more_than_what_is_popular(
    small_config: TrainConfig,
) -> None:
    data = world.make(listeners=150, tracks=120, plays_per_listener=25, seed=6).data
    sides = split_data(data, seed=0)
    plays = sides.train.plays
    mixed = pl.Series(np.random.default_rng(0).permutation(plays["track_id"].to_numpy()))
    shuffled = plays.with_columns(track_id=mixed).unique(["user_id", "track_id"])
    model = train(
        sides.train.with_tables(
            plays=shuffled, events=sides.train.events.clear(), tags=sides.train.tags.clear()
        ),
        small_config,
    )
    honest = discovered(train(sides.train, small_config), sides.test)
    fooled = discovered(model, sides.test)
    ceiling = honest.scores["popularity"]["ndcg@10"].high
    assert honest.scores[ENCORE]["ndcg@10"].mean > 1.5 * ceiling
    for name in ("item-knn", "user-knn", "als", "ease", NETWORK, ENCORE):
        assert fooled.scores[name]["ndcg@10"].mean < 1.1 * ceiling, name


def test_other_ids_for_the_same_rows_give_the_same_board(
    small_world: Dataset, small_config: TrainConfig
) -> None:
    def renamed(data: Dataset) -> Dataset:
        return data.with_tables(
            **{
                name: data.table(name).with_columns(
                    *(
                        pl.concat_str(pl.lit("other "), pl.col(key)).alias(key)
                        for key in ("user_id", "friend_id", "track_id")
                        if key in data.table(name).columns
                    )
                )
                for name in schema.TABLES
            }
        )

    found = []
    for data in (small_world, renamed(small_world)):
        sides = split_data(data, seed=5)
        found.append(discovered(train(sides.train, small_config), sides.test))
    assert [f"other {user}" for user in found[0].listeners] == found[1].listeners.tolist()
    for name, row in found[0].values.items():
        for metric, values in row.items():
            assert np.array_equal(values, found[1].values[name][metric], equal_nan=True), name
