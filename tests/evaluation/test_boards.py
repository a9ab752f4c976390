"""Boards against an oracle, a scorer that knows nothing, naive loops and scikit-learn."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from encore import Dataset, InputError, Recommender, TrainConfig, evaluate, schema, split, train
from encore.data.dataset import complete
from encore.evaluation import boards
from encore.evaluation.boards import ENCORE, MEANS, NETWORK_PLAYS, Board, PlaysPredictions
from encore.evaluation.cold_start import analyze_cold_start
from encore.models.ensemble import NETWORK, Choice, Scorers

ORACLE, CONSTANT = "oracle", "constant"


@pytest.fixture(scope="module")
def sides(small_world: Dataset) -> tuple[Dataset, Dataset]:
    """Both sides of a split; a tenth of the held-out pairs was only skipped."""
    trained, held = split(small_world, seed=2)
    skipped = pl.int_range(pl.len()) % 10 == 0
    plays = pl.when(skipped).then(0).otherwise("plays").cast(pl.Float32).alias("plays")
    return trained, held.with_tables(plays=held.plays.with_columns(plays))


@pytest.fixture(scope="module")
def model(sides: tuple[Dataset, Dataset], small_config: TrainConfig) -> Recommender:
    return train(sides[0], small_config)


@pytest.fixture(scope="module")
def discovery(model: Recommender, sides: tuple[Dataset, Dataset]) -> Board:
    return boards.discovery(model, sides[1])


@pytest.fixture(scope="module")
def predictions(model: Recommender, sides: tuple[Dataset, Dataset]) -> PlaysPredictions:
    return boards.predict_plays(model, sides[1])


@dataclass
class Told(Scorers):
    """Scorers of which some say what they are told, for each listener and track."""

    answers: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return [*self.answers, NETWORK]

    def score(
        self, name: str, user_B: npt.NDArray[np.int32], history_BT: sp.csr_array
    ) -> npt.NDArray[np.float32]:
        if name in self.answers:
            return self.answers[name][user_B]
        return super().score(name, user_B, history_BT)


def telling(model: Recommender, held: Dataset) -> Recommender:
    """The model with an oracle, whose list ships, and a scorer that knows nothing."""
    scorers, shape = model.bundle.scorers, model.bundle.history_UT.shape
    played = held.plays.filter(pl.col("plays") > 0)
    oracle, constant = np.zeros(shape, np.float32), np.full(shape, 3.0, np.float32)
    user = scorers.features.listeners.encode(played["user_id"])
    oracle[user, scorers.features.tracks.encode(played["track_id"])] = 1
    told = Told(**vars(scorers), answers={ORACLE: oracle, CONSTANT: constant})
    return Recommender(replace(model.bundle, scorers=told, choice=Choice({ORACLE: 1.0}, {})))


# Discovery


def naive_discovery(
    model: Recommender, held: Dataset, scores_UT: npt.NDArray[np.float32], k: int
) -> tuple[dict[int, float], dict[int, float], set[int]]:
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
        ndcg[user], recall[user] = gained / ideal, sum(hits) / min(k, len(right))
        listed |= set(top)
    return ndcg, recall, listed


def test_an_oracle_scores_1_for_everybody(
    model: Recommender, sides: tuple[Dataset, Dataset]
) -> None:
    board = boards.discovery(telling(model, sides[1]), sides[1])
    for name in (ORACLE, ENCORE):
        for metric in ("ndcg@10", "recall@10", "ndcg@20", "recall@20"):
            assert (board.values[name][metric] == 1).all()
            assert board.scores[name][metric].mean == board.scores[name][metric].low == 1


def test_a_scorer_that_knows_nothing_lists_the_most_popular(
    model: Recommender, sides: tuple[Dataset, Dataset]
) -> None:
    board = boards.discovery(telling(model, sides[1]), sides[1])
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
    scores = {name: scorers.score(name, everyone, history) for name in scorers.names}
    scores[NETWORK_PLAYS] = scorers.plays(everyone)
    scores[ENCORE] = scorers.blend(model.bundle.choice.weights, everyone, history)
    assert set(discovery.scores) == set(discovery.values) == set(scores)
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
        if name != NETWORK_PLAYS:
            assert covered is not None
            assert covered.mean == pytest.approx(len(listed) / (history.shape[1] - 1))


def test_the_plays_head_counts_for_no_coverage(discovery: Board) -> None:
    assert "coverage@20" not in discovery.scores[NETWORK_PLAYS]


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
    board = boards.discovery(telling(model, held), new)
    place = board.listeners.tolist().index(model.bundle.features.listeners.index(user_id))
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
    board = boards.discovery(telling(model, held), without)
    assert model.bundle.features.listeners.index(user_id) not in board.listeners


def test_where_the_catalogue_is_large_the_plays_head_ranks_for_a_seeded_sample(
    model: Recommender,
    sides: tuple[Dataset, Dataset],
    discovery: Board,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(boards, "PLAYS_RANKER_SCORES", 7 * model.bundle.history_UT.shape[1])
    sampled = boards.discovery(model, sides[1])
    values = sampled.values[NETWORK_PLAYS]["ndcg@10"]
    asked = ~np.isnan(values)
    assert asked.sum() == 7
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
        boards.discovery(model, other)


# Plays


def test_predictions_stand_beside_their_rows(
    model: Recommender, sides: tuple[Dataset, Dataset], predictions: PlaysPredictions
) -> None:
    trained, held = sides
    assert predictions.target_N == pytest.approx(np.log1p(held.plays["plays"].to_numpy()))
    y = np.log1p(trained.plays["plays"].cast(pl.Float64).to_numpy())
    mean = trained.plays.with_columns(y=pl.Series(y)).group_by("user_id")
    deviation = {
        user_id: total / (rows + 0.5)
        for user_id, total, rows in mean.agg((pl.col("y") - y.mean()).sum(), pl.len()).iter_rows()
    }
    expected = [y.mean() + deviation.get(user_id, 0.0) for user_id in held.plays["user_id"]]
    assert predictions.predicted["listener-mean"] == pytest.approx(expected, abs=1e-6)
    assert predictions.predicted["mean"] == pytest.approx(np.full(len(expected), y.mean()))
    for row in range(0, held.plays.height, 7):
        user_id, track_id = held.plays.row(row)[:2]
        plays = np.expm1(predictions.predicted[ENCORE][row])
        assert model.predict(user_id, track_id) == pytest.approx(plays, abs=1e-4)


def test_the_plays_board_says_what_scikit_learn_says(
    model: Recommender, predictions: PlaysPredictions
) -> None:
    board = boards.plays(model, predictions)
    y = predictions.target_N
    trained = np.log1p(model.bundle.history_UT.data)
    span = float(trained.max() - trained.min())
    baseline = np.mean((predictions.predicted[MEANS] - y) ** 2)
    assert set(board.scores) == {"mean", "listener-mean", MEANS, ENCORE}
    for name, p in predictions.predicted.items():
        figures = {metric: value.mean for metric, value in board.scores[name].items()}
        for suffix, target, predicted in (("", y, p), ("_raw", np.expm1(y), np.expm1(p))):
            assert figures[f"r2{suffix}"] == pytest.approx(r2_score(target, predicted))
            assert figures[f"rmse{suffix}"] == pytest.approx(
                root_mean_squared_error(target, predicted)
            )
            assert figures[f"mae{suffix}"] == pytest.approx(mean_absolute_error(target, predicted))
        assert figures["rmse_scaled"] == pytest.approx(figures["rmse"] / span)
        assert figures["mae_scaled"] == pytest.approx(figures["mae"] / span)
        assert figures["r2_scaled"] == pytest.approx(figures["r2"])
        assert figures["skill"] == pytest.approx(1 - np.mean((p - y) ** 2) / baseline)
    assert board.scores[MEANS]["skill"].mean == 0


def test_a_perfect_prediction_scores_as_one(
    model: Recommender, predictions: PlaysPredictions
) -> None:
    perfect = predictions.target_N.copy()
    told = replace(predictions, predicted={**predictions.predicted, "oracle": perfect})
    figures = boards.plays(model, told).scores["oracle"]
    for metric in ("r2", "r2_raw", "r2_scaled", "skill", "seed_ndcg"):
        assert figures[metric].mean == 1
    assert figures["rmse"].mean == figures["mae"].mean == 0


def test_values_add_up_to_the_pooled_figure(
    model: Recommender, predictions: PlaysPredictions
) -> None:
    board = boards.plays(model, predictions)
    for name, p in predictions.predicted.items():
        squared = board.values[name]["squared_error"]
        assert len(squared) == len(board.listeners) == len(np.unique(predictions.user_N))
        assert squared.sum() == pytest.approx(((p - predictions.target_N) ** 2).sum())


def test_where_every_pair_has_one_play_the_model_is_evaluated_all_the_same(
    small_world: Dataset, small_config: TrainConfig
) -> None:
    once = pl.lit(1.0, pl.Float32).alias("plays")
    data = small_world.with_tables(plays=small_world.plays.with_columns(once))
    trained, held = split(data, seed=2)
    found = evaluate(train(trained, small_config.replaced(max_epochs=1)), held).to_json()["boards"]
    assert found["discovery"][ENCORE]["ndcg@10"]["mean"] > 0
    assert found["plays"][ENCORE]["rmse"]["mean"] == pytest.approx(0, abs=0.3)
    assert found["plays"][ENCORE]["r2"]["mean"] is None


# Cold and warm


def test_cold_and_warm_part_the_rows_at_five_and_score_each_part(
    model: Recommender, predictions: PlaysPredictions
) -> None:
    rng = np.random.default_rng(0)
    listeners, tracks = model.bundle.history_UT.shape
    rows_U, rows_T = rng.integers(3, 8, listeners), rng.integers(3, 8, tracks)
    found = {g["group"]: g for g in analyze_cold_start(predictions, rows_U, rows_T)}
    cold_listener = rows_U[predictions.user_N] < 5
    cold_track = rows_T[predictions.track_N] < 5
    parts = {
        "cold listeners": cold_listener,
        "warm listeners": ~cold_listener,
        "cold tracks": cold_track,
        "warm tracks": ~cold_track,
    }
    assert found.keys() == parts.keys()
    whole = len(predictions.target_N)
    for kind in ("listeners", "tracks"):
        assert found[f"cold {kind}"]["rows"] + found[f"warm {kind}"]["rows"] == whole
    for group, rows in parts.items():
        assert found[group]["rows"] == rows.sum() > 10
        for name in (ENCORE, MEANS):
            y, p = predictions.target_N[rows], predictions.predicted[name][rows]
            figures = {key: value["mean"] for key, value in found[group]["metrics"][name].items()}
            assert figures == pytest.approx(
                {
                    "rmse": root_mean_squared_error(y, p),
                    "mae": mean_absolute_error(y, p),
                    "r2": r2_score(y, p),
                }
            )


def test_a_group_without_rows_is_left_out(
    model: Recommender, predictions: PlaysPredictions
) -> None:
    listeners, tracks = model.bundle.history_UT.shape
    found = analyze_cold_start(predictions, np.full(listeners, 5), np.full(tracks, 4))
    assert [group["group"] for group in found] == ["warm listeners", "cold tracks"]


def test_an_evaluation_counts_training_rows_for_cold_and_warm(
    model: Recommender, sides: tuple[Dataset, Dataset]
) -> None:
    trained, held = sides
    found = {group["group"]: group["rows"] for group in evaluate(model, held).cold_start}
    for kind, key in (("listeners", "user_id"), ("tracks", "track_id")):
        counts = dict(trained.plays.group_by(key).len().iter_rows())
        cold = sum(counts.get(name, 0) < 5 for name in held.plays[key])
        assert found[f"cold {kind}"] == cold
        assert found[f"warm {kind}"] == held.plays.height - cold
