"""What an oracle, a constant and a model of shuffled pairs must score, on every board."""

from collections.abc import Iterable

import numpy as np
import polars as pl
import pytest

from encore import Dataset, Recommender, TrainConfig, evaluate, train
from encore.data import world
from encore.data.cold import cold_listeners, cold_tracks, ladder
from encore.data.split import Split, split
from encore.evaluation import boards, questions
from encore.evaluation.boards import Question, ranking_board
from encore.evaluation.names import ENCORE, MEANS
from encore.evaluation.questions import Known
from encore.models.inputs import Audience
from encore.models.network_rank import NETWORK
from encore.models.ranking import Floats, TieOrder, listeners_of

RUNGS = (0, 1, 10)
BOARDS = ("discovery", "familiar", "cold_track", "cold_track_full", "cold_listener_0")
BOARDS += ("cold_listener_1", "cold_listener_10")

every_board = pytest.mark.parametrize("board", BOARDS)


@pytest.fixture(scope="module")
def sides() -> dict[str, Split]:
    """The splits that the boards need, of one world, by the beginning of the board's name."""
    data = world.make(listeners=120, tracks=150, plays_per_listener=30, seed=3).data
    return {
        "discovery": split(data, seed=0),
        "familiar": split(data, by="time"),
        "cold_track": cold_tracks(data, seed=1),
        "cold_listener": cold_listeners(data, share=0.2, least_rows=12),
    }


def split_of(board: str, sides: dict[str, Split]) -> Split:
    return next(found for name, found in sides.items() if board.startswith(name))


def asked(board: str, known: Known, test: Dataset) -> Question:
    if board == "discovery":
        return questions.discovery(known, test)
    if board == "familiar":
        return questions.familiar(known, test)
    if board.startswith("cold_track"):
        return questions.cold_tracks(known, test)[board == "cold_track_full"]
    return questions.cold_listener(known, ladder(test, RUNGS), int(board.rpartition("_")[2]))


def scored(question: Question, known: Known, scores_BT: Floats) -> dict[str, np.ndarray]:
    """The values of these scores, which the board takes block by block."""
    given = iter(range(len(question.audience)))

    def score(audience: Audience) -> Iterable[tuple[str, Floats]]:
        rows = [next(given) for _ in range(len(audience))]
        return [("told", scores_BT[rows].copy())]

    ties = TieOrder.of(listeners_of(known.inputs.plays_UT))
    return boards.accuracy(boards.rank(question, score, ties)["told"], question)


@every_board
def test_an_oracle_scores_1(board: str, sides: dict[str, Split]) -> None:
    side = split_of(board, sides)
    known = Known.from_training(side.train)
    question = asked(board, known, side.test)
    found = scored(question, known, question.held_BT.toarray())
    assert question.board == board
    for metric in ("ndcg@10", "recall@10", "mrr@10", "hit_rate@10", "ndcg@20", "recall@20"):
        assert (found[metric] == 1).all(), metric
    few = question.relevant_B <= 10
    assert few.any()
    assert (found["map@10"][few] == 1).all()


@every_board
def test_a_constant_scores_what_is_most_played(board: str, sides: dict[str, Split]) -> None:
    side = split_of(board, sides)
    known = Known.from_training(side.train)
    question = asked(board, known, side.test)
    constant = np.full(question.held_BT.shape, 3.0, np.float32)
    popular = constant * listeners_of(known.inputs.plays_UT)
    told, expected = (scored(question, known, scores) for scores in (constant, popular))
    for metric, values in expected.items():
        assert np.array_equal(told[metric], values), metric
    assert told["ndcg@10"].mean() < 0.5


@pytest.fixture(scope="module")
def fooled(sides: dict[str, Split], small_config: TrainConfig) -> dict[str, Recommender]:
    """Models of training sides whose pairs and counts were dealt out anew, tags and friends too."""
    return {name: train(shuffled(side.train), small_config) for name, side in sides.items()}


def shuffled(data: Dataset) -> Dataset:
    rng = np.random.default_rng(0)

    def dealt(column: str) -> pl.Series:
        return pl.Series(column, rng.permutation(data.plays[column].to_numpy()))

    plays = data.plays.with_columns(dealt("track_id"), dealt("plays"))
    return data.with_tables(
        plays=plays.unique(["user_id", "track_id"], maintain_order=True),
        events=data.events.clear(),
        tags=data.tags.clear(),
        friends=data.friends.clear(),
        tracks=data.tracks.with_columns(
            data.tracks["genres"].sample(fraction=1, shuffle=True, seed=0),
            pl.lit(None, pl.String).alias("artist_id"),
            pl.lit(None, pl.String).alias("artist"),
        ),
    )


@every_board
def test_a_model_of_shuffled_pairs_serves_no_better_than_one_order_for_all(
    board: str, sides: dict[str, Split], fooled: dict[str, Recommender]
) -> None:
    model = next(found for name, found in fooled.items() if board.startswith(name))
    known = Known.to(model)
    question = asked(board, known, split_of(board, sides).test)
    found = ranking_board(model, question).scores
    # The best that can be done without knowing listeners: by how many of them it is right for.
    right_T = np.asarray(question.held_BT.sum(axis=0), np.float32)
    order_BT = np.tile(right_T, (len(question.audience), 1))
    ceiling = scored(question, known, order_BT)["ndcg@10"].mean()
    for name in ("item-knn", "user-knn", "als", "ease", "hybrid", NETWORK, ENCORE):
        assert found[name]["ndcg@10"].mean < ceiling, name


def test_on_plays_a_model_of_shuffled_counts_is_no_better_than_the_mean(
    sides: dict[str, Split], fooled: dict[str, Recommender]
) -> None:
    found = evaluate(fooled["discovery"], sides["discovery"].test).boards["plays"].scores
    for name in (ENCORE, MEANS, "listener-mean"):
        assert found[name]["r2"].mean < 0.05, name
    assert found["mean"]["r2"].mean == pytest.approx(0, abs=0.02)
