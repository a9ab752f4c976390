"""What the network is told of listeners and music, as dense arrays.

`Features.fit` reads a training Dataset and learns vocabularies and scaling from it alone; held-out
rows never reach it. Row 0 of every array belongs to the unknown.

Shapes: U listeners + 1, T tracks + 1, G genres kept per track, F numeric features, B binary ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from encore.data import reception, temporal
from encore.data.dataset import Dataset
from encore.data.imputing import BY_ALL, BY_ARTIST, BY_GENRE, Means, impute
from encore.data.kinds import MAIN_GENRES, artists_of, genres_of, one_kind
from encore.data.scaling import StandardScaler
from encore.data.strength import log1p
from encore.data.vocabulary import Indices, Vocabulary
from encore.schema import ACOUSTIC

Floats = npt.NDArray[np.float32]
Columns = dict[str, npt.NDArray[np.float64]]

MILLISECONDS = 1000  # of a second

#: The share of a track's acoustics that are a mean, by whose mean it is.
IMPUTED = {
    "acoustics_by_artist": BY_ARTIST,
    "acoustics_by_genre": BY_GENRE,
    "acoustics_by_all": BY_ALL,
}
TRACK_NUMERIC = (
    *ACOUSTIC,
    *IMPUTED,
    "log_duration",
    "year",
    "log_listeners",
    *reception.OF_TRACK,
    *temporal.OF_TRACK,
)
LISTENER_NUMERIC = ("spread", "log_tracks", *temporal.OF_LISTENER)
BINARY = (
    "explicit",
    "explicit_known",
    "mode",
    "mode_known",
    "duration_known",
    "year_known",
)


@dataclass(frozen=True)
class Norms:
    """What training tracks say of any track, a further one too: see `described`.

    `acoustics` are means that fill gaps, `reception` is how each artist and genre was received,
    `scaler` that of `Features.numeric_TF`.
    """

    acoustics: Means
    reception: reception.Reception
    scaler: StandardScaler

    def described(
        self, tracks: pl.DataFrame, artists_TK: sp.csr_array, genres_TK: sp.csr_array
    ) -> Floats:
        """Return `numeric_TF` of tracks that nobody has played, after a row for the unknown."""
        rows = tracks.height + 1
        columns = (
            _music(tracks, self.acoustics, artists_TK, genres_TK)
            | {"log_listeners": np.zeros(rows)}
            | self.reception.of_tracks(artists_TK, genres_TK)
            | _silent(temporal.OF_TRACK, rows)
        )
        return _with_unknown(self.scaler.transform(_table(columns, TRACK_NUMERIC)), 0)


@dataclass(frozen=True)
class Features:
    """Vocabularies and feature arrays of one training Dataset.

    - `listeners`, `tracks`, `artists`, `genres`: vocabularies. `tracks` is the whole catalogue.
    - `heard_U`, `heard_T`: whether a training row names the listener, the track. An id that none
      names has no trained vector: the network reads the unknown's in its place.
    - `artist_T`: the track's artist. `genres_TG`: its genres, the heaviest first, padded with
      `padding`; `genre_weight_TG`: how often each was given, 0 at the padding.
    - `numeric_TF`, `binary_TB`, `numeric_UF`: columns as in TRACK_NUMERIC, BINARY,
      LISTENER_NUMERIC, the numeric ones standardised.
    - `norms`: what further tracks are described by; None where an older bundle lacks it.
    """

    listeners: Vocabulary
    tracks: Vocabulary
    artists: Vocabulary
    genres: Vocabulary
    heard_U: npt.NDArray[np.bool_]
    heard_T: npt.NDArray[np.bool_]
    artist_T: Indices
    genres_TG: Indices
    genre_weight_TG: Floats
    numeric_TF: Floats
    binary_TB: Floats
    numeric_UF: Floats
    norms: Norms | None = None

    @property
    def padding(self) -> int:
        """The genre index that stands for "none here"; averages pass over it."""
        return self.genres.rows

    @property
    def main_genres_TG(self) -> Indices:
        """The heaviest genres of each track, for all who need but a few."""
        return np.ascontiguousarray(self.genres_TG[:, :MAIN_GENRES])

    @classmethod
    def fit(cls, train: Dataset, *, times: bool = True) -> "Features":
        """Learn vocabularies and scaling from `train`.

        Without `times`, columns from times are 0 throughout, as where the data has none.
        """
        listeners = Vocabulary(train.listeners["user_id"])
        tracks = Vocabulary(train.tracks["track_id"])
        user = listeners.encode(train.plays["user_id"])
        track = tracks.encode(train.plays["track_id"])
        artists, artist_T = artists_of(train.tracks)
        genres = genres_of(train, tracks)
        plays = train.plays["plays"].to_numpy()
        artists_TK, genres_TK = one_kind(artist_T, artists.rows), genres.shares_TK()
        acoustics = Means.of(_acoustics(train.tracks), artists_TK, genres_TK)
        received = reception.Reception.of(
            (user, track, plays), listeners.rows, artists_TK, genres_TK
        )
        of_track = (
            _music(train.tracks, acoustics, artists_TK, genres_TK)
            | {"log_listeners": np.log1p(np.bincount(track[plays > 0], minlength=tracks.rows))}
            | received.of_tracks(artists_TK, genres_TK)
            | (
                temporal.of_tracks(train, tracks)
                if times
                else _silent(temporal.OF_TRACK, tracks.rows)
            )
        )
        of_listener = _pairs(user, plays, listeners.rows) | (
            temporal.of_listeners(train, listeners)
            if times
            else _silent(temporal.OF_LISTENER, listeners.rows)
        )
        numeric_TF = _table(of_track, TRACK_NUMERIC)
        numeric_UF = _table(of_listener, LISTENER_NUMERIC)
        norms = Norms(acoustics, received, StandardScaler.fit(numeric_TF))
        return cls(
            listeners=listeners,
            tracks=tracks,
            artists=artists,
            genres=genres.vocabulary,
            heard_U=np.bincount(user, minlength=listeners.rows) > 0,
            heard_T=np.bincount(track, minlength=tracks.rows) > 0,
            artist_T=artist_T,
            genres_TG=genres.genres_TG,
            genre_weight_TG=genres.weight_TG,
            numeric_TF=_with_unknown(norms.scaler.transform(numeric_TF), 0),
            binary_TB=binary(train.tracks),
            numeric_UF=_with_unknown(StandardScaler.fit(numeric_UF).transform(numeric_UF), 0),
            norms=norms,
        )


def _acoustics(tracks: pl.DataFrame) -> npt.NDArray[np.float64]:
    known = tracks.select(ACOUSTIC).cast(pl.Float64).to_numpy()
    return _with_unknown(known, np.nan)


def _music(
    tracks: pl.DataFrame, means: Means, artists_TK: sp.csr_array, genres_TK: sp.csr_array
) -> Columns:
    """Return what is known of the recordings, the gaps in their acoustics filled."""
    filled_TA, level_TA = impute(_acoustics(tracks), means, artists_TK, genres_TK)
    seconds = pl.col("duration_ms") / MILLISECONDS
    others = tracks.select(
        pl.when(seconds > 0).then(seconds.log()).alias("log_duration"),
        pl.col("year").cast(pl.Float64),
    )
    other_TA = _with_unknown(others.to_numpy(), np.nan)
    guessed = {name: (level_TA == level).mean(1) for name, level in IMPUTED.items()}
    return (
        dict(zip(ACOUSTIC, filled_TA.T, strict=True))
        | dict(zip(others.columns, other_TA.T, strict=True))
        | guessed
    )


def _pairs(user: Indices, plays: Floats, rows: int) -> Columns:
    """Return how many pairs each listener has, and how far their ln(1 + n) lie apart."""
    y = log1p(plays.astype(np.float64))
    count = np.bincount(user, minlength=rows)
    n = np.maximum(count, 1)
    mean = np.bincount(user, y, minlength=rows) / n
    spread = np.sqrt(np.bincount(user, (y - mean[user]) ** 2, minlength=rows) / n)
    return {"spread": np.where(n < 2, np.nan, spread), "log_tracks": np.log1p(n)}


def binary(tracks: pl.DataFrame) -> Floats:
    """Return flags, 1/2 where one is not known, and whether things are known."""

    def flag(name: str) -> pl.Expr:
        return pl.col(name).cast(pl.Float32).fill_null(0.5)

    def known(name: str) -> pl.Expr:
        return pl.col(name).is_not_null().cast(pl.Float32)

    columns = {
        "explicit": flag("explicit"),
        "explicit_known": known("explicit"),
        "mode": flag("mode"),
        "mode_known": known("mode"),
        "duration_known": known("duration_ms"),
        "year_known": known("year"),
    }
    chosen = [columns[name].alias(name) for name in BINARY]
    return _with_unknown(tracks.select(chosen).to_numpy(), 0)


def _silent(names: Sequence[str], rows: int) -> Columns:
    return dict.fromkeys(names, np.full(rows, np.nan))


def _table(columns: Columns, names: Sequence[str]) -> Floats:
    """Return the named columns side by side, without the unknown's row."""
    return np.column_stack([columns[name] for name in names])[1:].astype(np.float32)


def _with_unknown(table: npt.NDArray[Any], value: float) -> npt.NDArray[Any]:
    return np.vstack([np.full((1, table.shape[1]), value, table.dtype), table])
