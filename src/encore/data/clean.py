"""Rows of text -> tables that are checked and typed, every dropped row counted by reason.

In flow frames whose columns are text (see `encore.data.values`), with FILE and LINE for the places
in the ledger; out flow tables as `encore.schema` has them. Rows of listening come chunk by chunk,
other tables whole. For each table read = kept + dropped.
A row is dropped for what makes it meaningless (no id, plays that are no number); an optional value
that cannot be used becomes null and is noted. Ids are text and pass untouched.
"""

from collections.abc import Iterable
from datetime import datetime

import polars as pl

from encore import schema
from encore.data import values
from encore.data.identity import split_genres, tidy_genres
from encore.data.ledger import Ledger
from encore.data.values import COARSE, FILE, LINE
from encore.wording import counted

#: No one plays one track more often: 30 years of 30-second plays, day and night, are 3e7.
MAX_PLAYS = 1e9
MAX_DURATION_MS = 7 * 24 * 3600 * 1000  # a week: longer than the longest recorded piece on sale
FIRST_YEAR = 1000  # of a composition, the earliest that tags carry
DECIBELS = (-120.0, 20.0)  # digital silence to beyond clipping
BEATS_PER_MINUTE = (1.0, 1000.0)
FEEDBACK_KINDS = ("like", "dislike", "ban")

#: The columns that make rows a listen each, not a sum of plays.
OF_A_LISTEN = ("listened_at", "ms_played", "skipped")

_TRACK_TEXTS = ("title", "artist_id", "artist", "album", "recording_mbid", "spotify_id")

#: Numeric columns of tracks: bounds, and the values by which sources say "unknown".
_TRACK_NUMBERS: dict[str, tuple[tuple[float, float], tuple[float, ...]]] = {
    "duration_ms": ((1, MAX_DURATION_MS), (0,)),
    "mode": ((0, 1), (-1,)),
    "key": ((0, 11), (-1,)),
    "time_signature": ((1, 16), (0, -1)),
    **dict.fromkeys(schema.ACOUSTIC, ((0.0, 1.0), ())),
    "loudness": (DECIBELS, ()),
    "tempo": (BEATS_PER_MINUTE, (0,)),
}

#: What a file of acoustics may tell about a track.
ACOUSTIC_COLUMNS = tuple(_TRACK_NUMBERS)

#: A reason to drop, where it holds, and the column whose value the ledger shows.
Check = tuple[str, pl.Expr, str]


def plays(
    rows: pl.DataFrame, ledger: Ledger, latest: datetime, zone: str = values.UTC_ZONE
) -> pl.DataFrame:
    """Return the rows that tell how often a listener played a track; a pair may have several.

    Without a column of plays each row is one play.
    """
    if "plays" not in rows.columns:
        rows = rows.with_columns(plays=pl.lit("1"))
        ledger.note("plays: no column of plays, so each row counts as one play")
    if "last_played" not in rows.columns and "listened_at" in rows.columns:
        rows = rows.rename({"listened_at": "last_played"})
    rows = rows.with_columns(count=values.number("plays"))
    count = pl.col("count")
    rows = _sift(
        rows,
        "plays",
        ledger,
        [
            *_missing("user_id", "track_id", "plays"),
            ("not_a_number", count.is_null(), "plays"),
            ("nan_plays", count.is_nan(), "plays"),
            ("infinite_plays", count.is_infinite(), "plays"),
            ("negative_plays", count < 0, "plays"),
            ("absurd_plays", count > MAX_PLAYS, "plays"),
        ],
    )
    columns = [rows["user_id"], rows["track_id"], rows["count"].alias("plays")]
    if "skips" in rows.columns:
        skips = values.numbers_within(rows, "skips", (0, MAX_PLAYS), ledger)
        columns.append(skips.cast(pl.UInt32))
    columns += _times(rows, ("first_played", "last_played"), ledger, latest, zone)
    return schema.conform(pl.DataFrame(columns), "plays")


def events(
    rows: pl.DataFrame, ledger: Ledger, latest: datetime, zone: str = values.UTC_ZONE
) -> pl.DataFrame:
    """Return the rows that are listens, in the order of reading, with their places.

    Of `OF_A_LISTEN` there are the columns that the source has. What takes more than one row, such
    as a listen that is written twice, is the business of `encore.data.listening`.
    """
    checks = _missing("user_id", "track_id")
    if "listened_at" in rows.columns:
        rows = rows.with_columns(values.times(rows, "listened_at", ledger, zone).alias("at"))
        at = pl.col("at")
        checks += [
            *_missing("listened_at", reason="missing_time"),
            ("bad_time", at.is_null(), "listened_at"),
            ("impossible_time", ~values.possible(at, latest), "listened_at"),
        ]
    rows = _sift(rows, "events", ledger, checks)
    columns = [rows[name] for name in ("user_id", "track_id", FILE, LINE, COARSE) if name in rows]
    if "at" in rows.columns:
        columns.append(rows["at"].alias("listened_at"))
    if "ms_played" in rows.columns:
        played = values.numbers_within(rows, "ms_played", (0, MAX_DURATION_MS), ledger)
        columns.append(played.round().cast(pl.Int64))
    if "skipped" in rows.columns:
        columns.append(values.flags(rows, "skipped", ledger))
    return pl.DataFrame(columns)


def tracks(
    rows: pl.DataFrame, ledger: Ledger, latest: datetime, table: str = "tracks"
) -> pl.DataFrame:
    """Return one row for each track; where rows share an id, what is known of them is united.

    A track without a title is titled by its id. Sources write year 0 and tempo 0 for unknown.
    """
    known = _sift(rows, table, ledger, _missing("track_id"))
    texts = [name for name in _TRACK_TEXTS if name in known.columns]
    columns = known.select("track_id", *map(values.stripped, texts)).get_columns()
    numbers = {**_TRACK_NUMBERS, "year": ((FIRST_YEAR, latest.year + 1), (0,))}
    for name, (bounds, unknown) in numbers.items():
        if name in known.columns:
            column = values.numbers_within(known, name, bounds, ledger, unknown)
            columns.append(column if name in schema.ACOUSTIC else column.round())
    if "explicit" in known.columns:
        columns.append(values.flags(known, "explicit", ledger))
    if "genres" in known.columns:
        listed = isinstance(known.schema["genres"], pl.List)
        genres = pl.col("genres")
        columns.append(
            known.select(tidy_genres(genres) if listed else split_genres(genres)).to_series()
        )
    once = united(schema.conform(pl.DataFrame(columns), "tracks"))
    if repeated := known.height - once.height:
        ledger.table(table).kept -= repeated
        again = known.filter(~pl.col("track_id").is_first_distinct())
        values.drop(again, "duplicate_track", "track_id", table, ledger)
        ledger.notes.append(
            f"{table}: {counted(repeated, 'row repeats', 'rows repeat')} a track_id; united: the "
            "first known value of each column, all genres"
        )
    return once.with_columns(pl.coalesce("title", "track_id").alias("title"))


def tags(
    rows: pl.DataFrame,
    ledger: Ledger,
    latest: datetime,
    known_tracks: pl.Series | None = None,
    zone: str = values.UTC_ZONE,
) -> pl.DataFrame:
    """Return one row for each assignment of a tag; without a column of weights each weighs 1."""
    if "weight" not in rows.columns:
        rows = rows.with_columns(weight=pl.lit("1"))
    if "user_id" not in rows.columns:
        rows = rows.with_columns(user_id=pl.lit(None, pl.String))
    rows = rows.with_columns(heavy=values.number("weight"))
    checks = _missing("track_id", "tag")
    if known_tracks is not None:
        checks.append(
            ("unknown_track", ~pl.col("track_id").is_in(known_tracks.implode()), "track_id")
        )
    usable = pl.col("heavy").is_between(0, MAX_PLAYS).fill_null(False)
    checks += [
        ("bad_weight", ~usable, "weight"),
        _duplicate("duplicate", "track_id", "tag", "user_id", shown="tag"),
    ]
    rows = _sift(rows, "tags", ledger, checks)
    columns = [
        rows["track_id"],
        rows["tag"].str.strip_chars(),
        rows["heavy"].alias("weight"),
        rows["user_id"],
        *_times(rows, ("tagged_at",), ledger, latest, zone),
    ]
    return schema.conform(pl.DataFrame(columns), "tags")


def feedback(
    rows: pl.DataFrame, ledger: Ledger, latest: datetime, zone: str = values.UTC_ZONE
) -> pl.DataFrame:
    """Return likes, dislikes and bans, in the order of reading."""
    rows = rows.with_columns(pl.col("kind").str.strip_chars().str.to_lowercase())
    rows = _sift(
        rows,
        "feedback",
        ledger,
        [
            *_missing("user_id", "track_id"),
            ("unknown_kind", ~pl.col("kind").is_in(FEEDBACK_KINDS).fill_null(False), "kind"),
            _duplicate("duplicate", "user_id", "track_id", "kind", shown="track_id"),
        ],
    )
    columns = [
        rows["user_id"],
        rows["track_id"],
        rows["kind"],
        *_times(rows, ("at",), ledger, latest, zone),
    ]
    return schema.conform(pl.DataFrame(columns), "feedback")


def listeners(rows: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """Return each listener once."""
    checks = [*_missing("user_id"), _duplicate("duplicate", "user_id", shown="user_id")]
    return schema.conform(_sift(rows, "listeners", ledger, checks), "listeners")


def friends(rows: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """Return directed friendships: each once, none with oneself."""
    checks = [
        *_missing("user_id"),
        *_missing("friend_id", reason="missing_user"),
        ("self_friendship", pl.col("user_id") == pl.col("friend_id"), "user_id"),
        _duplicate("duplicate", "user_id", "friend_id", shown="friend_id"),
    ]
    return schema.conform(_sift(rows, "friends", ledger, checks), "friends")


def _sift(rows: pl.DataFrame, table: str, ledger: Ledger, checks: Iterable[Check]) -> pl.DataFrame:
    """Drop the rows where a check holds, the first that holds giving the reason; count all."""
    ledger.table(table).read += rows.height
    for reason, bad, shown in checks:
        mask = rows.select(bad.fill_null(False)).to_series()
        if mask.any():
            values.drop(rows.filter(mask), reason, shown, table, ledger)
            rows = rows.filter(~mask)
    ledger.table(table).kept += rows.height
    return rows


def _missing(*names: str, reason: str = "") -> list[Check]:
    return [
        (reason or f"missing_{name.removesuffix('_id')}", values.blank(name), name)
        for name in names
    ]


def _duplicate(reason: str, *key: str, shown: str) -> Check:
    return reason, ~pl.struct(key).is_first_distinct(), shown


def _times(
    rows: pl.DataFrame, names: Iterable[str], ledger: Ledger, latest: datetime, zone: str
) -> list[pl.Series]:
    present = [name for name in names if name in rows.columns]
    return [values.possible_times(rows, name, ledger, latest, zone) for name in present]


def united(table: pl.DataFrame) -> pl.DataFrame:
    """Return tracks with one row for each track_id: the first known values, the genres of all."""
    if not table["track_id"].is_duplicated().any():
        return table
    first_known = pl.exclude("genres").drop_nulls().first()
    genres = pl.col("genres").drop_nulls().explode().unique(maintain_order=True)
    rows = table.group_by("track_id", maintain_order=True).agg(first_known, genres)
    some = pl.when(pl.col("genres").list.len() > 0).then("genres").alias("genres")
    return rows.with_columns(some).select(table.columns)
