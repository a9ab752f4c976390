"""The tables of a Dataset folder: one home for each column's name, dtype and unit.

Every table that crosses a boundary in encore has exactly these columns in this order. `conform`
brings a frame into that shape; what it cannot convert, the cleaning stage has already counted.
"""

from typing import Any

import polars as pl

from encore.errors import InputError

SCHEMA_VERSION = 1

UTC_MICROSECONDS = pl.Datetime("us", "UTC")


def _schema(columns: dict[str, Any]) -> pl.Schema:
    return pl.Schema(columns)


#: The nine acoustic features of the seed. All lie in 0..1, but loudness (dB) and tempo (BPM).
ACOUSTIC = (
    "danceability",
    "energy",
    "loudness",
    "speechiness",
    "acousticness",
    "instrumentalness",
    "liveness",
    "valence",
    "tempo",
)

PLAYS = _schema(
    {
        "user_id": pl.String,
        "track_id": pl.String,
        "plays": pl.Float32,  # >= 0; 0 = only skipped
        "skips": pl.UInt32,
        "first_played": UTC_MICROSECONDS,
        "last_played": UTC_MICROSECONDS,
    }
)

EVENTS = _schema(
    {
        "user_id": pl.String,
        "track_id": pl.String,
        "listened_at": UTC_MICROSECONDS,
        "ms_played": pl.Int64,
        "skipped": pl.Boolean,
    }
)

TRACKS = _schema(
    {
        "track_id": pl.String,
        "title": pl.String,
        "artist_id": pl.String,
        "artist": pl.String,
        "album": pl.String,
        "year": pl.Int32,
        "duration_ms": pl.Int64,
        "genres": pl.List(pl.String),
        "explicit": pl.Boolean,  # null = unknown, never "clean"
        "mode": pl.Int8,  # 1 = major, 0 = minor
        "key": pl.Int8,  # 0 = C … 11 = B
        "time_signature": pl.Int8,
        **dict.fromkeys(ACOUSTIC, pl.Float32),
        "recording_mbid": pl.String,
        "spotify_id": pl.String,
    }
)

TAGS = _schema(
    {
        "track_id": pl.String,
        "tag": pl.String,
        "weight": pl.Float32,
        "user_id": pl.String,  # who assigned it, where known: a split removes what leaks
        "tagged_at": UTC_MICROSECONDS,
    }
)

FEEDBACK = _schema(
    {
        "user_id": pl.String,
        "track_id": pl.String,
        "kind": pl.String,  # like, dislike, ban
        "at": UTC_MICROSECONDS,
    }
)

LISTENERS = pl.Schema({"user_id": pl.String})

FRIENDS = pl.Schema({"user_id": pl.String, "friend_id": pl.String})  # directed rows

#: Table name -> schema, in the order in which a Dataset folder lists them.
TABLES: dict[str, pl.Schema] = {
    "plays": PLAYS,
    "events": EVENTS,
    "tracks": TRACKS,
    "tags": TAGS,
    "feedback": FEEDBACK,
    "listeners": LISTENERS,
    "friends": FRIENDS,
}


def empty(table: str) -> pl.DataFrame:
    """Return `table` with no rows.

    >>> empty("friends").columns
    ['user_id', 'friend_id']
    """
    return pl.DataFrame(schema=TABLES[table])


def conform(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """Return `frame` with the columns of `table`: missing ones null, others gone, dtypes cast.

    Raises `InputError` naming the column where a value does not fit its dtype.

    >>> conform(pl.DataFrame({"user_id": ["ann"], "track_id": ["t1"], "plays": [3]}), "plays").shape
    (1, 6)
    """
    columns = []
    for name, dtype in TABLES[table].items():
        column = pl.col(name) if name in frame.columns else pl.lit(None).alias(name)
        columns.append(column.cast(dtype))
    try:
        return frame.select(columns)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"table {table!r}: a column does not fit its dtype: {error}") from error
