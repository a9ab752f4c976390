"""The plays board: predict log1p(plays) of each held-out pair."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from encore import metrics
from encore.data.dataset import Dataset
from encore.data.vocabulary import Indices
from encore.evaluation.boards import Board, PerListener, Scores, user_ids
from encore.evaluation.names import ENCORE, MEANS, NETWORK_PLAYS
from encore.models.means import ShrunkMeans
from encore.models.training import encode
from encore.recommend.recommender import Recommender

LEVELS = (0.5, 0.8, 0.9, 0.95)  # of encore's intervals
LEVEL = 0.9  # of those whose coverage the board tells

Predicted = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PlaysPredictions:
    """Held-out pairs with their log1p(plays) and what each model predicts of them.

    `bounds` are those of encore's intervals, by level.
    """

    user_N: Indices
    track_N: Indices
    target_N: Predicted
    predicted: dict[str, Predicted]
    bounds: dict[float, tuple[Predicted, Predicted]] = field(default_factory=dict)


def predict_plays(model: Recommender, test: Dataset) -> PlaysPredictions:
    """Predict each held-out pair by the overall mean, the listener's, both, network, encore."""
    features, means = model.bundle.features, model.bundle.means
    user, track, target = encode(test, features)
    history = model.bundle.history_UT.tocoo()
    trained = np.log1p(history.data.astype(np.float64))
    listener_only = ShrunkMeans.fit(history.row, history.col, trained, history.shape, (0.5, np.inf))
    found = model.bundle.residuals.of_known(user, track)
    return PlaysPredictions(
        user,
        track,
        target,
        {
            "mean": np.full(len(target), means.mean),
            "listener-mean": listener_only.predict(user, track),
            MEANS: means.predict(user, track),
            NETWORK_PLAYS: model.bundle.scorers.predict(user, track).astype(np.float64),
            ENCORE: found.log_plays_M,
        },
        {level: model.bundle.residuals.bounds(found, level) for level in LEVELS},
    )


def plays_board(model: Recommender, found: PlaysPredictions, seed: int = 0) -> Board:
    """Score predictions on log1p(plays), on raw plays, and scaled to 0..1 as the seed does.

    The scale is the range of the training rows. `skill` is 1 - MSE / MSE of listener + track mean.
    encore's intervals have `interval_coverage`, the share of true values within, and their width.
    """
    listeners, user_N = np.unique(found.user_N, return_inverse=True)
    size = len(listeners)
    trained = np.log1p(model.bundle.history_UT.data.astype(np.float64))
    low, high = float(trained.min()), float(trained.max())
    baseline = found.predicted[MEANS]
    scores: Scores = {}
    values: PerListener = {}
    for name, predicted in found.predicted.items():
        raw, raw_target = np.expm1(predicted), np.expm1(found.target_N)
        views = [("", predicted, found.target_N), ("_raw", raw, raw_target)]
        if low < high:
            target, prediction = metrics.scaled(found.target_N, predicted, low, high)
            views.append(("_scaled", prediction, target))
        scores[name] = {}
        for suffix, prediction, target in views:
            sums_US = metrics.play_sums(user_N, prediction, target, size)
            for metric, statistic in (
                ("rmse", metrics.pooled_rmse),
                ("mae", metrics.pooled_mae),
                ("r2", metrics.pooled_r2),
            ):
                scores[name][metric + suffix] = metrics.pooled_interval(sums_US, statistic, seed)
        sums_US = metrics.play_sums(user_N, predicted, found.target_N, size, baseline)
        scores[name]["skill"] = metrics.pooled_interval(sums_US, metrics.pooled_skill, seed)
        seed_ndcg = metrics.seed_ndcg(user_N, predicted, found.target_N, size)
        scores[name]["seed_ndcg"] = metrics.mean_interval(seed_ndcg, seed)
        error_N = (predicted - found.target_N) ** 2
        error_U = np.bincount(user_N, error_N, minlength=size).astype(np.float64)
        values[name] = {"seed_ndcg": seed_ndcg, "squared_error": error_U}
    scores[ENCORE] |= interval_scores(found, np.ones_like(found.user_N, np.bool_), seed)
    ids = user_ids(model.bundle.features.listeners, listeners)
    return Board("plays", scores, values, ids)


def interval_scores(
    found: PlaysPredictions, rows: npt.NDArray[np.bool_], seed: int
) -> dict[str, metrics.Interval]:
    """Return coverage and width, on log1p(plays), of the intervals of some rows; {} without any."""
    if LEVEL not in found.bounds:
        return {}
    low_N, high_N = (bound[rows] for bound in found.bounds[LEVEL])
    target_N = found.target_N[rows]
    listeners, user_N = np.unique(found.user_N[rows], return_inverse=True)
    count_U = np.bincount(user_N, minlength=len(listeners))
    values = {
        "interval_coverage": (low_N <= target_N) & (target_N <= high_N),
        "interval_width": high_N - low_N,
    }
    return {
        name: metrics.pooled_interval(
            np.column_stack([np.bincount(user_N, value_N, len(listeners)), count_U]),
            lambda sums: sums[:, 0] / sums[:, 1],
            seed,
        )
        for name, value_N in values.items()
    }
