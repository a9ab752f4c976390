"""Plays of a pair: means of listener and track, and Gaussian processes on what these leave.

On y = log1p(plays), in units of the listener's own spread s_u:

    y_ut = m_u + s_u (x_t w + b_t + f_u(t) + h_t(u) + noise)

    m_u      shrunk mean of the listener, mu + b_u (`encore.models.means`)
    s_u^2    (sum_t (y_ut - m_u)^2 + SPREAD_ROWS s^2) / (n_u + SPREAD_ROWS),  s^2 that of all rows
    x_t w    ridge on what the track is: genres, tags, artist, numeric columns
    b_t      shrunk mean of the track's residuals
    f_u      of a listener over tracks:  GP(0, LEVEL + CONTENT <c_t, c_t'> + learned <v_t, v_t'>^2)
    h_t      of a track over listeners:  GP(0, ALIKE <v_u, v_u'>^4)

with c_t the unit rows of content, v_t the hybrid channel's unit vectors, v_u the unit mean of those
that a listener has heard. Each listener's and each track's process is a small system of its own,

    f(t) = k(t, heard) (K + NOISE I)^-1 residual

(Rasmussen & Williams, "Gaussian Processes for Machine Learning", 2006, equation 2.25), and the four
parts are fitted in turn, each to what the others leave: backfitting (Buja, Hastie & Tibshirani,
"Linear Smoothers and Additive Models", Annals of Statistics 17(2), 1989). A history brought along
is one more such system: nothing is trained again.

Legend: N training rows in the order of `plays_UT.data`, M pairs asked for, K tracks or listeners of
one process; U, T, D as ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.data.vocabulary import Indices
from encore.models.channels import Channel, Hybrid
from encore.models.conformal import Errors
from encore.models.inputs import Inputs
from encore.models.means import ShrunkMeans
from encore.models.processes import MAX_ROWS, Processes, Ridge, groups_of, thinned
from encore.models.ranking import row_of, strengths

Floats = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float32]
Integers = npt.NDArray[np.integer]

# Amplitudes are variances in units of s_u^2; validation rows of HetRec chose them (docs/log.md).
LEVEL = 2.0  # of a constant of the listener: the mean of few rows is uncertain
CONTENT = 0.1
LEARNED = (0.15, 0.3, 0.6, 1.2)  # of which each data set's own validation rows choose
ALIKE = 0.2
NOISE = 0.6
RIDGE = 20.0  # in rows, as are the next two
TRACK_ROWS = 20.0
SPREAD_ROWS = 5.0
SWEEPS = 4  # of backfitting; eight would add .0006 to R2


_SETTINGS = ("shrink", "learned", "spread")
OF_LISTENERS = ("spread_U", "own_N", "others_N")


class Prediction(NamedTuple):
    """Predictions of M pairs: log1p(plays) = mean + spread x z."""

    mean_M: Floats
    spread_M: Floats
    z_M: Floats

    @property
    def log_plays_M(self) -> Floats:
        """The predicted log1p(plays), 0 or more."""
        return self.at(self.z_M)

    def at(self, z_M: Floats) -> Floats:
        """Return log1p(plays), 0 or more, of other values in the listener's units."""
        log_plays: Floats = np.maximum(self.mean_M + self.spread_M * z_M, 0.0)
        return log_plays


@dataclass(frozen=True)
class Material:
    """What plays are predicted from: training rows, and what is known of the tracks.

    `vectors_TD` are of unit length; zeros where nothing is known of a track.
    """

    inputs: Inputs
    numeric_TF: Vectors
    vectors_TD: Vectors

    @classmethod
    def of(cls, inputs: Inputs, numeric_TF: Vectors, channels: Mapping[str, Channel]) -> "Material":
        """Return the material; without the hybrid channel no track has a vector."""
        hybrid = channels.get(Hybrid.name)
        if hybrid is None:
            return cls(inputs, numeric_TF, np.zeros((len(numeric_TF), 1), np.float32))
        return cls(inputs, numeric_TF, hybrid.arrays()["vectors"].astype(np.float32))

    @cached_property
    def user_N(self) -> Integers:
        """The listener of each training row; `inputs.plays_UT.indices` are its track."""
        return row_of(self.inputs.plays_UT)

    @cached_property
    def vectors_UD(self) -> Vectors:
        """The vectors of the listeners."""
        return self.fold_in(self.inputs.plays_UT)

    def fold_in(self, history_BT: sp.csr_array) -> Vectors:
        """Return the unit vectors (B, D) of histories; zeros where one is empty."""
        sum_BD = strengths(history_BT) @ self.vectors_TD
        length_B1 = np.linalg.norm(sum_BD, axis=1, keepdims=True)
        vectors: Vectors = (sum_BD / np.where(length_B1 > 0, length_B1, 1)).astype(np.float32)
        return vectors

    def between_tracks(self, one_K: Integers, other_M: Integers, learned: float) -> Floats:
        """Return the covariance (K, M) of a listener's process at tracks."""
        content_TC = self.inputs.content_TC
        content_KM = (content_TC[one_K] @ content_TC[other_M].T).toarray()
        cosine_KM = self.vectors_TD[one_K] @ self.vectors_TD[other_M].T
        covariance: Floats = LEVEL + CONTENT * content_KM + learned * cosine_KM**2
        return covariance


def between_listeners(one_KD: Vectors, other_MD: Vectors) -> Floats:
    """Return the covariance (K, M) of a track's process at listeners' vectors."""
    covariance: Floats = (ALIKE * (one_KD @ other_MD.T) ** 4).astype(np.float64)
    return covariance


@dataclass(frozen=True)
class Residuals:
    """The fitted model; a listener or track of index 0 is unknown, and its parts are 0.

    `base_T` is x_t w + b_t, `known_C` is w. `own_N` and `others_N` are (K + NOISE I)^-1 residual of
    the listeners' and of the tracks' processes, 0 for rows that these do not read. `spread` is an
    unknown listener's. `shrink`, in rows, is that of the listeners' means.
    """

    material: Material
    means: ShrunkMeans
    shrink: float
    learned: float
    spread: float
    base_T: Floats
    spread_U: Floats
    own_N: Vectors
    others_N: Vectors
    errors: Errors = field(default_factory=Errors)
    known_C: Floats = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def fit(
        cls,
        material: Material,
        means: ShrunkMeans,
        shrink: float,
        learned: float = LEARNED[0],
        errors: Errors | None = None,
    ) -> "Residuals":
        """Fit on the rows of `material`, of which `means` are too, with the listeners' `shrink`."""
        plays_UT, user_N, vectors_UD = (
            material.inputs.plays_UT,
            material.user_N,
            material.vectors_UD,
        )
        track_N = plays_UT.indices
        users, tracks = plays_UT.shape
        away_N = _log_plays(plays_UT) - means.mean - means.b_U[user_N]
        spread = _spread(away_N, 1.0, 0.0)
        count_U = np.bincount(user_N, minlength=users)
        squares_U = _sums(user_N, away_N**2, users)
        spread_U = np.sqrt((squares_U + SPREAD_ROWS * spread**2) / (count_U + SPREAD_ROWS))
        z_N = away_N / spread_U[user_N]
        own = Processes(
            [rows for _, rows in groups_of(user_N)],
            lambda rows: material.between_tracks(track_N[rows], track_N[rows], learned),
            NOISE,
        )
        others = Processes(
            [rows for _, rows in groups_of(track_N)],
            lambda rows: between_listeners(vectors_UD[user_N[rows]], vectors_UD[user_N[rows]]),
            NOISE,
        )
        count_T = np.bincount(track_N, minlength=tracks)
        known = sp.csr_array(
            sp.hstack([material.inputs.content_TC, sp.csr_array(material.numeric_TF)]),
            dtype=np.float64,
        )
        ridge = Ridge(known, count_T, RIDGE)
        f_N, h_N, b_T = np.zeros_like(z_N), np.zeros_like(z_N), np.zeros(tracks)
        known_C = np.zeros(known.shape[1])
        for _ in range(SWEEPS):
            left_T = _sums(track_N, z_N - f_N - h_N, tracks)
            known_T, known_C = ridge.fit(left_T - count_T * b_T)
            b_T = (left_T - count_T * known_T) / (count_T + TRACK_ROWS)
            base_T = known_T + b_T
            f_N, own_N = own.fit(z_N - base_T[track_N] - h_N)
            h_N, others_N = others.fit(z_N - base_T[track_N] - f_N)
        return cls(
            material,
            means,
            shrink,
            learned,
            spread,
            base_T,
            spread_U,
            own_N.astype(np.float32),
            others_N.astype(np.float32),
            errors or Errors(),
            known_C,
        )

    @classmethod
    def choose(
        cls,
        material: Material,
        means: ShrunkMeans,
        shrink: float,
        held: tuple[Indices, Indices, Floats],
    ) -> "Residuals":
        """Return the model of a `learned` that predicts `held` best; its errors are learned there.

        `held` are (user, track, log1p(plays)) of rows that `material` does not have.
        """
        user_M, track_M, target_M = held

        def squared_error(model: Residuals) -> float:
            return float(np.sum((model.predict(user_M, track_M) - target_M) ** 2))

        tried = LEARNED if material.vectors_TD.any() else LEARNED[:1]
        best = min((cls.fit(material, means, shrink, a) for a in tried), key=squared_error)
        found = best.of_known(user_M, track_M)
        error_M = (target_M - found.mean_M) / found.spread_M - found.z_M
        return replace(best, errors=Errors.fit(found.z_M, error_M))

    def refit(self, material: Material, means: ShrunkMeans) -> "Residuals":
        """Return the model fitted on other rows; settings and what is known of errors stay."""
        return type(self).fit(material, means, self.shrink, self.learned, self.errors)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what was learned of all listeners together: nothing of any single one."""
        settings = {name: np.array(getattr(self, name)) for name in _SETTINGS}
        errors = {f"errors_{name}": np.array(value) for name, value in vars(self.errors).items()}
        return {"base_T": self.base_T, "known_C": self.known_C} | settings | errors

    def listener_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what was learned of each listener."""
        return {name: getattr(self, name) for name in OF_LISTENERS}

    @classmethod
    def from_arrays(
        cls,
        material: Material,
        means: ShrunkMeans,
        arrays: Mapping[str, npt.NDArray[Any]],
        of_listeners: Mapping[str, npt.NDArray[Any]],
    ) -> "Residuals":
        """Return the model of these arrays; with none of listeners, everybody is unknown."""
        shrink, learned, spread = (float(arrays[name]) for name in _SETTINGS)
        errors = Errors(
            float(arrays["errors_constant"]),
            float(arrays["errors_slope"]),
            int(arrays["errors_rows"]),
            arrays["errors_quantiles"],
        )
        nobody = {"spread_U": np.array([spread])} | dict.fromkeys(
            ("own_N", "others_N"), np.zeros(0, np.float32)
        )
        spread_U, own_N, others_N = ((of_listeners or nobody)[name] for name in OF_LISTENERS)
        return cls(
            material,
            means,
            shrink,
            learned,
            spread,
            arrays["base_T"],
            spread_U,
            own_N,
            others_N,
            errors,
            arrays.get("known_C", np.zeros(0)),  # older bundles lack it
        )

    def predict(self, user_M: Indices, track_M: Indices) -> Floats:
        """Return the predicted log1p(plays) of pairs."""
        return self.of_known(user_M, track_M).log_plays_M

    def of_known(self, user_M: Indices, track_M: Indices) -> Prediction:
        """Return predictions of pairs of listeners with training rows, or unknown, and tracks."""
        plays_UT = self.material.inputs.plays_UT
        z_M = self.base_T[track_M] + self._others(self.material.vectors_UD[user_M], track_M)
        for user, asked in groups_of(user_M):
            rows = slice(plays_UT.indptr[user], plays_UT.indptr[user + 1])
            heard, weights = plays_UT.indices[rows], self.own_N[rows]
            z_M[asked] += self._own(track_M[asked], heard, weights)
        return Prediction(self.means.mean + self.means.b_U[user_M], self.spread_U[user_M], z_M)

    def of_history(self, history_1T: sp.csr_array, track_M: Indices) -> Prediction:
        """Return predictions for one listener who brings a history along."""
        heard = history_1T.indices
        away = _log_plays(history_1T) - self.means.mean
        b = float(away.sum() / max(len(away) + self.shrink, 1e-12))
        spread = _spread(away - b, self.spread, SPREAD_ROWS)
        vector_1D = self.material.fold_in(history_1T)
        left = (away - b) / spread - self.base_T[heard]
        left -= self._others(np.repeat(vector_1D, len(heard), axis=0), heard)
        read = thinned(np.arange(len(heard)), MAX_ROWS[0])
        covariance = self.material.between_tracks(heard[read], heard[read], self.learned)
        weights = np.linalg.solve(covariance + NOISE * np.eye(len(read)), left[read])
        z_M = self.base_T[track_M] + self._own(track_M, heard[read], weights)
        z_M += self._others(np.repeat(vector_1D, len(track_M), axis=0), track_M)
        ones = np.ones(len(track_M))
        return Prediction((self.means.mean + b) * ones, spread * ones, z_M)

    def bounds(self, found: Prediction, level: float) -> tuple[Floats, Floats]:
        """Return the bounds of log1p(plays) between which `level` of the true values lie."""
        low_M, high_M = self.errors.bounds(found.z_M, level)
        return found.at(low_M), found.at(high_M)

    def _own(self, track_M: Integers, heard_K: Integers, weights_K: npt.NDArray[Any]) -> Floats:
        """Return f_u at tracks, from the weights of what the listener has heard."""
        if not len(heard_K):
            return np.zeros(len(track_M))
        f_M: Floats = self.material.between_tracks(track_M, heard_K, self.learned) @ weights_K
        return f_M

    def _others(self, vectors_MD: Vectors, track_M: Integers) -> Floats:
        """Return h_t at listeners with these vectors, side by side."""
        h_M = np.zeros(len(track_M))
        order_N, start_T = self._by_track
        for track, asked in groups_of(track_M):
            rows = order_N[start_T[track] : start_T[track + 1]]
            rows = rows[self.others_N[rows] != 0]
            there_KD = self.material.vectors_UD[self.material.user_N[rows]]
            h_M[asked] = between_listeners(vectors_MD[asked], there_KD) @ self.others_N[rows]
        return h_M

    @cached_property
    def _by_track(self) -> tuple[Integers, Integers]:
        """The training rows in the order of tracks, and where each track's begin."""
        track_N = self.material.inputs.plays_UT.indices
        count_T = np.bincount(track_N, minlength=len(self.base_T))
        return np.argsort(track_N, kind="stable"), np.concatenate([[0], np.cumsum(count_T)])


def _sums(index_N: Integers, values_N: Floats, rows: int) -> Floats:
    sums: Floats = np.bincount(index_N, values_N, minlength=rows).astype(np.float64)
    return sums


def _log_plays(matrix: sp.csr_array) -> Floats:
    log_plays: Floats = np.log1p(matrix.data.astype(np.float64))
    return log_plays


def _spread(away: Floats, otherwise: float, rows: float) -> float:
    """Return the root mean square, shrunk to `otherwise` as by so many rows; never 0."""
    total = len(away) + rows
    mean_square = (np.sum(away**2) + rows * otherwise**2) / total if total else otherwise**2
    return float(np.sqrt(mean_square)) or 1.0
