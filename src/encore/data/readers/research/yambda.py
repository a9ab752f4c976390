"""Yambda: listens, likes and dislikes of Yandex Music's listeners, in Parquet files.

One folder of `flat` (50m, say): listens with the share of the track that was played, and likes,
dislikes and what was taken back of either, each in a file of its own whose name alone says which;
or `multi_event`, all in one. Times are seconds since an unnamed day, in steps of five.
"""

from datetime import UTC, datetime
from pathlib import PurePosixPath

import polars as pl

from encore.data import values
from encore.data.ledger import Ledger
from encore.data.readers.containers import Container
from encore.data.readers.contract import Options, Reader, Told
from encore.data.readers.gather import stacked
from encore.data.readers.research import members
from encore.data.values import FILE, LINE
from encore.errors import InputError

#: Where the set's clock is taken to begin: it says how far apart listens are, not when they were.
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)

_NEEDED = {"uid", "timestamp", "item_id", "is_organic"}
_LISTENED = {"played_ratio_pct", "track_length_seconds"}
_COLUMNS = {
    "user_id": "uid",
    "track_id": "item_id",
    "seconds": "timestamp",
    "percent": "played_ratio_pct",
    "length": "track_length_seconds",
    "event": "event_type",
}
_ARTISTS = {"track_id": "item_id", "artist_id": "artist_id"}

_LISTEN = "listen"
#: What an event says of a track: its kind of feedback, and whether it is given or taken back.
_SAYS = {
    "like": ("like", True),
    "unlike": ("like", False),
    "dislike": ("dislike", True),
    "undislike": ("dislike", False),
}
_EVENTS = (_LISTEN, *_SAYS)


def recognises(container: Container) -> bool:
    """Say whether a member has the columns of the set's events."""
    return bool(members.having(container, _NEEDED))


def read(container: Container, ledger: Ledger, _: Options) -> Told:
    """Read listens, and the likes and dislikes that were not taken back.

    Raises `InputError` where there are several sizes of the set, its sequential form, or files of
    feedback under other names than the publisher's.
    """
    found = members.having(container, _NEEDED)
    mixed = members.having(container, {*_NEEDED, "event_type"})
    # multi_event repeats what the files for each event hold.
    names = [name for name in found if name not in mixed] or mixed
    members.check_one_folder(container, names)
    rows = stacked([_events(container, name, ledger) for name in names])
    listens = rows.filter(pl.col("event") == _LISTEN)
    told: dict[str, pl.DataFrame] = {}
    if listens.height:
        told |= {"events": _listens(listens), "tracks": _tracks(listens)}
    if listens.height < rows.height:
        told["feedback"] = _feedback(rows.filter(pl.col("event") != _LISTEN), ledger)
    for name in members.having(container, set(_ARTISTS.values())):
        source = members.opened(container, name, ledger)
        names.append(name)
        if "tracks" in told:
            told["tracks"] = _with_artists(
                told["tracks"], members.rows_of(source, _ARTISTS, "tracks", ledger)
            )
    members.passed_over(container, names, ledger)
    ledger.notes.append(
        f"listened_at: the set's times are relative; they are counted from {EPOCH:%Y-%m-%d} UTC, "
        "so only what lies between two of them means anything"
    )
    return Told(told)


READER = Reader(
    "yambda", "Yambda: a folder of flat/ (listens, likes, …, or multi_event)", recognises, read
)


def _events(container: Container, name: str, ledger: Ledger) -> pl.DataFrame:
    """Return a member's rows with what each is, by its column or else by the member."""
    source = members.opened(container, name, ledger)
    is_listens = set(source.columns) >= _LISTENED and "event_type" not in source.columns
    stem = PurePosixPath(name).stem.removesuffix("s")
    if not is_listens and "event_type" not in source.columns and stem not in _SAYS:
        raise InputError(
            f"{container.place(name)}: likes, dislikes, unlikes or undislikes? Only the name tells "
            "them apart; give the file its publisher's name"
        )
    rows = members.rows_of(source, _COLUMNS, "events", ledger)
    if isinstance(rows.schema["track_id"], pl.List):
        raise InputError(
            f"{container.place(name)}: the sequential form, a row a listener; give that of flat/"
        )
    if "event" in rows.columns:
        rows = rows.with_columns(pl.col("event").str.strip_suffix("s"))
        unknown = rows.filter(~pl.col("event").is_in(_EVENTS).fill_null(False))
        counts = ledger.table("events")
        counts.read += unknown.height
        counts.drop("unknown_event", unknown.height, values.places(unknown, "event"))
        rows = rows.filter(pl.col("event").is_in(_EVENTS))
    else:
        rows = rows.with_columns(event=pl.lit(_LISTEN if is_listens else stem))
    lacking = [name for name in _COLUMNS if name not in rows.columns]
    rows = rows.with_columns(pl.lit(None, pl.String).alias(name) for name in lacking)
    epoch = int(EPOCH.timestamp())
    return rows.with_columns(at=(values.number("seconds") + epoch).cast(pl.String))


def _listens(rows: pl.DataFrame) -> pl.DataFrame:
    """Return listens; more than the whole track was played where a listener went back in it."""
    played = values.number("percent") / 100 * values.number("length") * 1000
    return rows.select(
        "user_id",
        "track_id",
        pl.col("at").alias("listened_at"),
        played.round().cast(pl.String).alias("ms_played"),
        FILE,
        LINE,
    )


def _tracks(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the tracks that were listened to, with their length."""
    length = (values.number("length") * 1000).cast(pl.String)
    told = rows.select("track_id", length.alias("duration_ms"), FILE, LINE)
    return told.filter(~values.blank("track_id")).unique(
        "track_id", keep="first", maintain_order=True
    )


def _feedback(rows: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """Return what still stands at the end: the last word of a listener on a track counts."""
    says = rows.with_columns(
        kind=pl.col("event").replace_strict({name: kind for name, (kind, _) in _SAYS.items()}),
        given=pl.col("event").replace_strict({name: given for name, (_, given) in _SAYS.items()}),
    )
    # Within one step of the clock, what was given was taken back, not the other way round.
    ordered = says.sort(values.number("at"), ~pl.col("given"), maintain_order=True)
    stands = ordered.with_columns(
        stands=pl.col("given").last().over("user_id", "track_id", "kind") & pl.col("given")
    )
    gone = stands.filter(~pl.col("stands"))
    counts = ledger.table("feedback")
    counts.read += gone.height
    counts.drop("taken_back", gone.height, values.places(gone, "event"))
    return stands.filter("stands").select("user_id", "track_id", "kind", "at", FILE, LINE)


def _with_artists(tracks: pl.DataFrame, artists: pl.DataFrame) -> pl.DataFrame:
    """Return `tracks` with the first artist of each."""
    first = artists.select(*_ARTISTS).unique("track_id", keep="first", maintain_order=True)
    return tracks.join(first, on="track_id", how="left", maintain_order="left")
