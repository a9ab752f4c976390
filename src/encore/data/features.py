"""What the network is told about listeners and music, as dense arrays.

`Features.fit` reads a training Dataset and learns vocabularies and scaling from it alone; held-out
rows never reach it. Row 0 of every array belongs to the unknown.

Shapes: U listeners + 1, T tracks + 1, G genres kept per track, F numeric features, B binary ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from encore.data.dataset import Dataset
from encore.data.identity import one_artist, tokenise_genre
from encore.data.vocabulary import UNKNOWN, Indices, Vocabulary
from encore.schema import ACOUSTIC

Floats = npt.NDArray[np.float32]

GENRES_PER_TRACK = 50  # of a track's genres and tags, the heaviest are kept
MAIN_GENRES = 10  # of those, what a track is said to be
GENRE_MIN_TRACKS = 5  # a genre or tag on fewer tracks says little and costs a vector
MAX_GENRES = 1000
HOURS_PER_DAY = 24

TRACK_NUMERIC = (
    *ACOUSTIC,
    "acoustics_missing",
    "log_listeners",
    "age_days",
    "hour_sin",
    "hour_cos",
)
LISTENER_NUMERIC = ("spread", "log_tracks", "tenure_days", "recency_days", "hour_sin", "hour_cos")
BINARY = ("explicit", "explicit_known", "mode", "mode_known")


@dataclass(frozen=True)
class StandardScaler:
    """Column-wise (x - mean) / scale, fitted on the values that are there.

    A missing value (NaN) becomes 0, the mean. A constant column becomes 0. Same numbers as
    scikit-learn's class of this name, which ignores NaN in fitting too.

    >>> x = np.array([[1.0, 5.0], [3.0, np.nan]], np.float32)
    >>> StandardScaler.fit(x).transform(x).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """

    mean: Floats
    scale: Floats

    @classmethod
    def fit(cls, values: npt.NDArray[np.floating]) -> "StandardScaler":
        """Learn mean and standard deviation of each column; NaN are passed over."""
        there = ~np.isnan(values)
        n = np.maximum(there.sum(0), 1)
        filled = np.where(there, values, 0).astype(np.float64)
        mean = filled.sum(0) / n
        deviation = np.sqrt((np.where(there, filled - mean, 0) ** 2).sum(0) / n)
        scale = np.where(deviation > 1e-9 * (1 + np.abs(mean)), deviation, 1)
        return cls(mean.astype(np.float32), scale.astype(np.float32))

    def transform(self, values: npt.NDArray[np.floating]) -> Floats:
        """Return the scaled values as float32, NaN as 0."""
        scaled: Floats = ((values - self.mean) / self.scale).astype(np.float32)
        return np.nan_to_num(scaled, nan=0.0)


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
    def fit(cls, train: Dataset) -> "Features":
        """Learn vocabularies and scaling from `train`."""
        listeners = Vocabulary(train.listeners["user_id"])
        tracks = Vocabulary(train.tracks["track_id"])
        user = listeners.encode(train.plays["user_id"])
        track = tracks.encode(train.plays["track_id"])
        artists, artist_T = _artists(train.tracks)
        genres, genres_TG, genre_weight_TG = _genres(train, tracks)
        numeric_TF = _track_numeric(train, tracks, track)
        numeric_UF = _listener_numeric(train, listeners, user)
        return cls(
            listeners=listeners,
            tracks=tracks,
            artists=artists,
            genres=genres,
            heard_U=np.bincount(user, minlength=listeners.rows) > 0,
            heard_T=np.bincount(track, minlength=tracks.rows) > 0,
            artist_T=artist_T,
            genres_TG=genres_TG,
            genre_weight_TG=genre_weight_TG,
            numeric_TF=_with_unknown(StandardScaler.fit(numeric_TF).transform(numeric_TF)),
            binary_TB=_with_unknown(_track_binary(train.tracks)),
            numeric_UF=_with_unknown(StandardScaler.fit(numeric_UF).transform(numeric_UF)),
        )


def _with_unknown(table: Floats) -> Floats:
    return np.vstack([np.zeros((1, table.shape[1]), np.float32), table])


def _artists(tracks: pl.DataFrame) -> tuple[Vocabulary, Indices]:
    """Return the artists and each track's artist: by its id, else by its normalised name."""
    key = tracks.select(one_artist()).to_series()
    vocabulary = Vocabulary(key.drop_nulls().unique(maintain_order=True))
    return vocabulary, np.concatenate([[UNKNOWN], vocabulary.encode(key)]).astype(np.int32)


def _genres(train: Dataset, tracks: Vocabulary) -> tuple[Vocabulary, Indices, Floats]:
    """Return the genre vocabulary and each track's heaviest genres and tags with their weights.

    Tags enter summed over listeners, so no single assignment can be told from the sum.
    """
    own = train.tracks.select("track_id", pl.col("genres").alias("tag"), weight=pl.lit(1.0))
    own = own.explode("tag", empty_as_null=True)
    given = train.tags.select("track_id", "tag", pl.col("weight").cast(pl.Float64))
    spelled = (
        pl.concat([own, given])
        .drop_nulls()
        .with_columns(tokenise_genre(pl.col("tag")).alias("token"))
        .filter(pl.col("weight") > 0)
    )
    # Spellings of one genre are one; the most used of them names it.
    names = (
        spelled.group_by("token", "tag", maintain_order=True)
        .agg(pl.col("weight").sum())
        .sort("weight", descending=True, maintain_order=True)
        .unique("token", keep="first", maintain_order=True)
    )
    weights = (
        spelled.select("track_id", "token", "weight")
        .join(names.select("token", "tag"), on="token", maintain_order="left")
        .group_by("track_id", "tag", maintain_order=True)
        .agg(pl.col("weight").sum())
    )
    common = (
        weights.group_by("tag", maintain_order=True)
        .len()
        .filter(pl.col("len") >= GENRE_MIN_TRACKS)
        .sort("len", descending=True, maintain_order=True)
        .head(MAX_GENRES)
    )
    vocabulary = Vocabulary(common["tag"])
    kept = (
        weights.join(common.select("tag"), on="tag", how="semi", maintain_order="left")
        .sort("weight", descending=True, maintain_order=True)
        .with_columns(pl.int_range(pl.len()).over("track_id").alias("slot"))
        .filter(pl.col("slot") < GENRES_PER_TRACK)
    )
    genres_TG = np.full((tracks.rows, GENRES_PER_TRACK), vocabulary.rows, np.int32)
    genres_TG[:, 0] = UNKNOWN
    weight_TG = np.zeros(genres_TG.shape, np.float32)
    place = tracks.encode(kept["track_id"]), kept["slot"].to_numpy()
    genres_TG[place] = vocabulary.encode(kept["tag"])
    weight_TG[place] = kept["weight"].to_numpy()
    width = max(1, int((genres_TG != vocabulary.rows).any(0).sum()))
    return (
        vocabulary,
        np.ascontiguousarray(genres_TG[:, :width]),
        np.ascontiguousarray(weight_TG[:, :width]),
    )


def _track_numeric(train: Dataset, tracks: Vocabulary, track: Indices) -> Floats:
    acoustic = train.tracks.select(ACOUSTIC).cast(pl.Float32).to_numpy()
    missing = np.isnan(acoustic).any(1)
    played = track[train.plays["plays"].to_numpy() > 0]
    log_listeners = np.log1p(np.bincount(played, minlength=tracks.rows)[1:])
    age = _days_before_end(
        train, "track_id", train.tracks["track_id"], pl.col("first_played").min()
    )
    hour = _hours(train, "track_id", train.tracks["track_id"])
    return np.column_stack([acoustic, missing, log_listeners, age, hour]).astype(np.float32)


def _listener_numeric(train: Dataset, listeners: Vocabulary, user: Indices) -> Floats:
    y = np.log1p(train.plays["plays"].to_numpy().astype(np.float64))
    n = np.maximum(np.bincount(user, minlength=listeners.rows), 1)
    mean = np.bincount(user, y, minlength=listeners.rows) / n
    spread = np.sqrt(np.bincount(user, (y - mean[user]) ** 2, minlength=listeners.rows) / n)
    spread[n < 2] = np.nan
    ids = train.listeners["user_id"]
    tenure = _days_before_end(train, "user_id", ids, pl.col("first_played").min())
    recency = _days_before_end(train, "user_id", ids, pl.col("last_played").max())
    hour = _hours(train, "user_id", ids)
    columns = [spread[1:], np.log1p(n[1:]), tenure, recency, hour]
    return np.column_stack(columns).astype(np.float32)


def _track_binary(tracks: pl.DataFrame) -> Floats:
    columns: list[pl.Expr] = []
    for name in ("explicit", "mode"):
        columns.append(pl.col(name).cast(pl.Float32).fill_null(0.5))
        columns.append(pl.col(name).is_not_null().cast(pl.Float32).alias(f"{name}_known"))
    return tracks.select(columns).to_numpy().astype(np.float32)


def _days_before_end(train: Dataset, key: str, ids: pl.Series, moment: pl.Expr) -> Floats:
    """Return log1p of the days from each id's `moment` to the last play of all; NaN if unknown."""
    end = train.plays["last_played"].max()
    days = (pl.lit(end, train.plays.schema["last_played"]) - moment).dt.total_seconds() / 86_400
    found = train.plays.group_by(key).agg(days.log1p().alias("days"))
    return _aligned(found, key, ids, ["days"])


def _hours(train: Dataset, key: str, ids: pl.Series) -> Floats:
    """Return the mean direction of listening hours on the 24-hour circle, as (sin, cos).

    Its length is 1 where all listens fall in one hour and near 0 where they spread over the day.
    """
    at = pl.col("listened_at")
    angle = (at.dt.hour() + at.dt.minute() / 60) * (2 * np.pi / HOURS_PER_DAY)
    found = train.events.group_by(key).agg(
        angle.sin().mean().alias("sin"), angle.cos().mean().alias("cos")
    )
    return _aligned(found, key, ids, ["sin", "cos"])


def _aligned(found: pl.DataFrame, key: str, ids: pl.Series, columns: Sequence[str]) -> Floats:
    wanted = ids.alias(key).to_frame()
    joined = wanted.join(found, on=key, how="left", maintain_order="left")
    return joined.select(columns).cast(pl.Float32).to_numpy().astype(np.float32)
