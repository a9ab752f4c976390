"""Cold and warm: how well plays are predicted where training rows are few."""

from typing import Any

import numpy as np

from encore import metrics
from encore.evaluation.names import ENCORE, MEANS
from encore.evaluation.plays import PlaysPredictions, interval_scores

COLD_BELOW = 5  # training rows; the seed's line between cold and warm


def analyze_cold_start(
    found: PlaysPredictions,
    listener_rows_U: np.ndarray,
    track_rows_T: np.ndarray,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Return RMSE, MAE and R2 on log1p(plays) for cold and warm listeners and tracks.

    `listener_rows_U` and `track_rows_T` count training rows by vocabulary index. A group without
    held-out rows is left out. With encore's intervals, how many hold the true value.
    """
    listener_cold = listener_rows_U[found.user_N] < COLD_BELOW
    track_cold = track_rows_T[found.track_N] < COLD_BELOW
    groups = {
        "cold listeners": listener_cold,
        "warm listeners": ~listener_cold,
        "cold tracks": track_cold,
        "warm tracks": ~track_cold,
    }
    return [
        {"group": name, "rows": int(rows.sum()), "metrics": _scored(found, rows, seed)}
        for name, rows in groups.items()
        if rows.any()
    ]


def _scored(found: PlaysPredictions, rows: np.ndarray, seed: int) -> dict[str, Any]:
    listeners, user = np.unique(found.user_N[rows], return_inverse=True)
    scores: dict[str, Any] = {}
    for name in (ENCORE, MEANS):
        sums_US = metrics.play_sums(
            user, found.predicted[name][rows], found.target_N[rows], len(listeners)
        )
        scores[name] = {
            metric: metrics.pooled_interval(sums_US, statistic, seed).to_json()
            for metric, statistic in (
                ("rmse", metrics.pooled_rmse),
                ("mae", metrics.pooled_mae),
                ("r2", metrics.pooled_r2),
            )
        }
    for metric, value in interval_scores(found, rows, seed).items():
        scores[ENCORE][metric] = value.to_json()
    return scores
