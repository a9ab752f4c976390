"""Boards: every model on the same held-out rows, one value per listener, with intervals.

- Discovery: rank the whole catalogue for each listener, heard tracks masked; held-out tracks are
  the right answers, also those that no training row has.
- Plays: predict log1p(plays) of each held-out pair.

Legend: B listeners, K slots.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from encore import metrics
from encore.data.dataset import Dataset
from encore.data.vocabulary import Indices
from encore.errors import InputError
from encore.metrics import Interval
from encore.models.means import ShrunkMeans
from encore.models.ranking import Integers, are_held, history_matrix, mask_heard, top_k
from encore.models.training import encode
from encore.recommend.recommender import Recommender

ENCORE = "encore"  # the shipped list, and the shipped prediction of plays
NETWORK_PLAYS = "network-plays"  # the plays head used as a ranker
MEANS = "listener+track-mean"

CUTS = (10, 20)
LISTENERS_AT_ONCE = 128
PLAYS_RANKER_SCORES = 2_000_000  # pairs that the plays head ranks: the MLP is slow on a catalogue

Scores = dict[str, dict[str, Interval]]  # model -> metric -> interval
PerListener = dict[str, dict[str, npt.NDArray[np.float64]]]


@dataclass(frozen=True)
class Board:
    """One table: intervals by model and metric, and the per-listener values they come from.

    `listeners` are the vocabulary indices in the order of the values. A model that was asked for a
    part of the listeners only has NaN for the others.
    """

    name: str
    scores: Scores
    values: PerListener
    listeners: Indices


def discovery(model: Recommender, test: Dataset, seed: int = 0) -> Board:
    """Rank the catalogue with the shipped list, each scorer alone, and the plays head.

    Raises `InputError` where no listener has a held-out row.
    """
    scorers, history_UT = model.bundle.scorers, model.bundle.history_UT
    played = test.plays.filter(pl.col("plays") > 0)
    user = scorers.features.listeners.encode(played["user_id"])
    track = scorers.features.tracks.encode(played["track_id"])
    held_UT = history_matrix(user, track, np.ones(len(user)), history_UT.shape)
    listeners = np.unique(user[user > 0]).astype(np.int32)
    if not len(listeners):
        raise InputError("discovery: no listener of the test side is known to the model")
    relevant_U = np.bincount(user, minlength=history_UT.shape[0])[listeners]

    def alone(name: str) -> Callable[[Indices], npt.NDArray[np.float32]]:
        return lambda users: scorers.score(name, users, history_UT[users])

    def lists(score: Callable[[Indices], npt.NDArray[np.float32]], users: Indices) -> Integers:
        blocks = []
        for block in np.array_split(users, -(-len(users) // LISTENERS_AT_ONCE)):
            scores_BT = score(block)
            mask_heard(scores_BT, history_UT[block])
            blocks.append(top_k(scores_BT, max(CUTS), scorers.ties))
        return np.concatenate(blocks)

    asked = _sample(listeners, PLAYS_RANKER_SCORES // history_UT.shape[1], seed)
    lists_of = {name: lists(alone(name), listeners) for name in scorers.names}
    lists_of[NETWORK_PLAYS] = lists(scorers.plays, asked)
    lists_of[ENCORE] = np.concatenate(
        [
            model.top(block, max(CUTS))
            for block in np.array_split(listeners, -(-len(listeners) // LISTENERS_AT_ONCE))
        ]
    )
    values, scores = {}, {}
    for name, top_BK in lists_of.items():
        place = np.searchsorted(listeners, asked if name == NETWORK_PLAYS else listeners)
        found = _ranking_values(top_BK, held_UT[listeners[place]], relevant_U[place])
        values[name] = {key: _spread(value, place, len(listeners)) for key, value in found.items()}
        scores[name] = {key: metrics.mean_interval(value, seed) for key, value in found.items()}
        if name != NETWORK_PLAYS:  # a part of the listeners cannot cover as much as all of them
            covered = metrics.coverage(top_BK, history_UT.shape[1] - 1)
            scores[name][f"coverage@{max(CUTS)}"] = Interval(covered, np.nan, np.nan)
    return Board("discovery", scores, values, listeners)


def ratios(board: Board, seed: int = 0) -> dict[str, Interval]:
    """Return the shipped model's ratio to each other model, paired by listener.

    Of NDCG@10 on the discovery board (above 1: better), of RMSE on the plays board (below 1:
    better).
    """
    metric = "ndcg@10" if board.name == "discovery" else "squared_error"
    ours = board.values[ENCORE][metric]
    found = {}
    for name, values in board.values.items():
        if name != ENCORE:
            ratio = metrics.ratio_interval(ours, values[metric], seed)
            # Both sides have the same rows, so the ratio of RMSE is the root of that of sums.
            root = metric == "squared_error"
            found[name] = Interval(*(value**0.5 for value in ratio)) if root else ratio
    return found


def _ranking_values(
    top_BK: Integers, held_BT: sp.csr_array, relevant_B: npt.NDArray[np.integer]
) -> dict[str, npt.NDArray[np.float64]]:
    hits_BK = are_held(top_BK, held_BT)
    found = {}
    for k in CUTS:
        found[f"ndcg@{k}"] = metrics.ndcg_at_k(hits_BK, relevant_B, k)
        found[f"recall@{k}"] = metrics.recall_at_k(hits_BK, relevant_B, k)
    return found


def _sample(listeners: Indices, size: int, seed: int) -> Indices:
    if len(listeners) <= max(size, 1):
        return listeners
    drawn = np.random.default_rng(seed).choice(listeners, max(size, 1), replace=False)
    return np.sort(drawn)


def _spread(
    values: npt.NDArray[np.float64], place: npt.NDArray[np.integer], size: int
) -> npt.NDArray[np.float64]:
    wide = np.full(size, np.nan)
    wide[place] = values
    return wide


@dataclass(frozen=True)
class PlaysPredictions:
    """Held-out pairs with their log1p(plays) and what each model predicts of them."""

    user_N: Indices
    track_N: Indices
    target_N: npt.NDArray[np.float64]
    predicted: dict[str, npt.NDArray[np.float64]]


def predict_plays(model: Recommender, test: Dataset) -> PlaysPredictions:
    """Predict each held-out pair by the overall mean, the listener's, both, and the network."""
    features, means = model.bundle.features, model.bundle.means
    user, track, target = encode(test, features)
    history = model.bundle.history_UT.tocoo()
    trained = np.log1p(history.data.astype(np.float64))
    listener_only = ShrunkMeans.fit(history.row, history.col, trained, history.shape, (0.5, np.inf))
    return PlaysPredictions(
        user,
        track,
        target,
        {
            "mean": np.full(len(target), means.mean),
            "listener-mean": listener_only.predict(user, track),
            MEANS: means.predict(user, track),
            ENCORE: model.bundle.scorers.predict(user, track).astype(np.float64),
        },
    )


def plays(model: Recommender, found: PlaysPredictions, seed: int = 0) -> Board:
    """Score predictions on log1p(plays), on raw plays, and scaled to 0..1 as the seed does.

    The scale is the range of the training rows. `skill` is 1 - MSE / MSE of listener + track mean.
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
    return Board("plays", scores, values, listeners.astype(np.int32))
