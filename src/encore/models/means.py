"""Listener and track means, shrunk: the baseline of play counts, and the network's starting point.

On y = log1p(plays):  y_ut ~ mu + b_u + b_t  with

    b_u = sum_t (y_ut - mu)       / (n_u + shrink)
    b_t = sum_u (y_ut - mu - b_u) / (n_t + shrink)

as in Koren, "Factor in the Neighbors", TKDD 4(1), 2010, section 2.1 (there with the two in the
other order). An unknown listener or track has b = 0.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from encore.data.vocabulary import Indices

Floats = npt.NDArray[np.float64]

LISTENER_SHRINKS = (0.5, 2.0, 5.0)  # in rows: a listener with as many is pulled half way to mu
TRACK_SHRINKS = (2.0, 5.0, 10.0, 20.0)


@dataclass(frozen=True)
class ShrunkMeans:
    """The overall mean mu, the deviations b_U of listeners and b_T of tracks (row 0: unknown)."""

    mean: float
    b_U: Floats
    b_T: Floats

    @classmethod
    def fit(
        cls,
        user: Indices,
        track: Indices,
        target: Floats,
        rows: tuple[int, int],
        shrink: tuple[float, float],
    ) -> "ShrunkMeans":
        """Fit on rows (user, track, target); `rows` = (U, T) with the unknown, so `shrink`."""
        mean = float(target.mean()) if target.size else 0.0
        b_U = _shrunk(user, target - mean, rows[0], shrink[0])
        b_T = _shrunk(track, target - mean - b_U[user], rows[1], shrink[1])
        return cls(mean, b_U, b_T)

    def predict(self, user: Indices, track: Indices) -> Floats:
        """Return the predicted log1p(plays) of each (user, track) pair."""
        predicted: Floats = self.mean + self.b_U[user] + self.b_T[track]
        return predicted


def _shrunk(index: Indices, deviation: Floats, rows: int, shrink: float) -> Floats:
    count = np.bincount(index, minlength=rows)
    b: Floats = np.bincount(index, deviation, minlength=rows) / np.maximum(count + shrink, 1e-12)
    b[0] = 0
    return b


def choose_shrink(
    train: tuple[Indices, Indices, Floats],
    validation: tuple[Indices, Indices, Floats],
    rows: tuple[int, int],
) -> tuple[float, float]:
    """Return the (listener, track) shrink of a small grid that serves `validation` best."""

    def mse(shrink: tuple[float, float]) -> float:
        predicted = ShrunkMeans.fit(*train, rows, shrink).predict(*validation[:2])
        return float(np.mean((predicted - validation[2]) ** 2)) if predicted.size else 0.0

    return min(itertools.product(LISTENER_SHRINKS, TRACK_SHRINKS), key=mse)


def cross_fit(
    user: Indices,
    track: Indices,
    target: Floats,
    rows: tuple[int, int],
    shrink: tuple[float, float],
    seed: int,
    folds: int = 10,
) -> tuple[Floats, Floats]:
    """Return (b_u, b_t) for each row, from means fitted without that row's fold.

    What learns a correction of the means must see them as they will be on unheard pairs; means
    fitted on the very row they predict look better than they are. An absent listener or track
    counts as one whose deviation is 0.
    """
    fold = np.random.default_rng(seed).integers(folds, size=len(target))
    b_user, b_track = np.zeros(len(target)), np.zeros(len(target))
    for k in range(folds):
        held, used = fold == k, fold != k
        means = ShrunkMeans.fit(user[used], track[used], target[used], rows, shrink)
        b_user[held], b_track[held] = means.b_U[user[held]], means.b_T[track[held]]
    return b_user, b_track
