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
from encore.data.imputing import BY_ALL, BY_ARTIST, BY_GENRE, impute
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
class Features:
    """Vocabularies and feature arrays of one training Dataset.

    - `listeners`, `tracks`, `artists`, `genres`: vocabularies. `tracks` is the whole catalogue.
    - `heard_U`, `heard_T`: whether a training row names the listener, the track. An id that none
      names has no trained vector: the network reads the unknown's in its place.
    - `artist_T`: the track's artist. `genres_TG`: its genres, the heaviest first, padded with
      `padding`; `genre_weight_TG`: how often each was given, 0 at the padding.
    - `numeric_TF`, `binary_TB`, `numeric_UF`: columns as in TRACK_NUMERIC, BINARY,
      LISTENER_NUMERIC, the numeric ones standardised.
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
        rows = user, track, plays
        of_track = (
            _music(train.tracks, artists_TK, genres_TK)
            | {"log_listeners": np.log1p(np.bincount(track[plays > 0], minlength=tracks.rows))}
            | reception.of_tracks(rows, listeners.rows, artists_TK, genres_TK)
            | (temporal.of_tracks(train, tracks) if times else _silent(temporal.OF_TRACK, tracks))
        )
        of_listener = _pairs(user, plays, listeners.rows) | (
            temporal.of_listeners(train, listeners)
            if times
            else _silent(temporal.OF_LISTENER, listeners)
        )
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
            numeric_TF=_scaled(of_track, TRACK_NUMERIC),
            binary_TB=_binary(train.tracks),
            numeric_UF=_scaled(of_listener, LISTENER_NUMERIC),
        )


def _music(tracks: pl.DataFrame, artists_TK: sp.csr_array, genres_TK: sp.csr_array) -> Columns:
    """Return what is known of the recordings, the gaps in their acoustics filled."""
    seconds = pl.col("duration_ms") / MILLISECONDS
    known = tracks.select(
        *ACOUSTIC,
        pl.when(seconds > 0).then(seconds.log()).alias("log_duration"),
        "year",
    )
    known_TA = _with_unknown(known.cast(pl.Float64).to_numpy(), np.nan)
    acoustics = slice(len(ACOUSTIC))
    known_TA[:, acoustics], level_TA = impute(known_TA[:, acoustics], artists_TK, genres_TK)
    guessed = {name: (level_TA == level).mean(1) for name, level in IMPUTED.items()}
    return dict(zip(known.columns, known_TA.T, strict=True)) | guessed


def _pairs(user: Indices, plays: Floats, rows: int) -> Columns:
    """Return how many pairs each listener has, and how far their ln(1 + n) lie apart."""
    y = log1p(plays.astype(np.float64))
    count = np.bincount(user, minlength=rows)
    n = np.maximum(count, 1)
    mean = np.bincount(user, y, minlength=rows) / n
    spread = np.sqrt(np.bincount(user, (y - mean[user]) ** 2, minlength=rows) / n)
    return {"spread": np.where(n < 2, np.nan, spread), "log_tracks": np.log1p(n)}


def _binary(tracks: pl.DataFrame) -> Floats:
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


def _silent(names: Sequence[str], vocabulary: Vocabulary) -> Columns:
    return dict.fromkeys(names, np.full(vocabulary.rows, np.nan))


def _scaled(columns: Columns, names: Sequence[str]) -> Floats:
    """Return the named columns side by side, each standardised; the unknown's row is 0."""
    table = np.column_stack([columns[name] for name in names])[1:].astype(np.float32)
    return _with_unknown(StandardScaler.fit(table).transform(table), 0)


def _with_unknown(table: npt.NDArray[Any], value: float) -> npt.NDArray[Any]:
    return np.vstack([np.full((1, table.shape[1]), value, table.dtype), table])
