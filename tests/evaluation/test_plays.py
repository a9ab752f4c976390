"""The plays board against scikit-learn, and cold and warm beside it."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from encore import Dataset, Recommender, TrainConfig, evaluate, split, train
from encore.evaluation.cold_start import analyze_cold_start
from encore.evaluation.names import ENCORE, MEANS, NETWORK_PLAYS
from encore.evaluation.plays import LEVEL, PlaysPredictions, plays_board, predict_plays


@pytest.fixture(scope="module")
def predictions(model: Recommender, sides: tuple[Dataset, Dataset]) -> PlaysPredictions:
    return predict_plays(model, sides[1])


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
    board = plays_board(model, predictions)
    y = predictions.target_N
    trained = np.log1p(model.bundle.history_UT.data)
    span = float(trained.max() - trained.min())
    baseline = np.mean((predictions.predicted[MEANS] - y) ** 2)
    assert set(board.scores) == {"mean", "listener-mean", MEANS, NETWORK_PLAYS, ENCORE}
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
    figures = plays_board(model, told).scores["oracle"]
    for metric in ("r2", "r2_raw", "r2_scaled", "skill", "seed_ndcg"):
        assert figures[metric].mean == 1
    assert figures["rmse"].mean == figures["mae"].mean == 0


def test_values_add_up_to_the_pooled_figure(
    model: Recommender, predictions: PlaysPredictions
) -> None:
    board = plays_board(model, predictions)
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
            expected = {
                "rmse": root_mean_squared_error(y, p),
                "mae": mean_absolute_error(y, p),
                "r2": r2_score(y, p),
            }
            if name == ENCORE and predictions.bounds:
                low, high = (bound[rows] for bound in predictions.bounds[LEVEL])
                expected["interval_coverage"] = float(np.mean((low <= y) & (y <= high)))
                expected["interval_width"] = float(np.mean(high - low))
            assert figures == pytest.approx(expected)


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
