"""Yambda: listens, likes and dislikes of Yandex Music's listeners, in Parquet files.

One folder of `flat` (50m, say): listens with the share of the track that was played, and likes,
dislikes and what was taken back of either, each in a file of its own whose name alone says which;
or `multi_event`, all in one. Times are seconds since an unnamed day, in steps of five.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath

import polars as pl

from encore.data import values
from encore.data.ledger import Ledger
from encore.data.readers.containers import Container
from encore.data.readers.contract import Options, Reader, Told
from encore.data.readers.gather import Opened
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
    opened = {name: members.opened(container, name, ledger) for name in names}
    of_artists = members.having(container, set(_ARTISTS.values()))
    artists = [members.opened(container, name, ledger) for name in of_artists]
    members.passed_over(container, [*names, *of_artists], ledger)
    ledger.notes.append(
        f"listened_at: the set's times are relative; they are counted from {EPOCH:%Y-%m-%d} UTC, "
        "so only what lies between two of them means anything"
    )
    for name, source in opened.items():
        _check_name(container, name, source)
    return Told(_parts(container, opened, artists, ledger))


READER = Reader(
    "yambda", "Yambda: a folder of flat/ (listens, likes, …, or multi_event)", recognises, read
)


def _parts(
    container: Container,
    opened: Mapping[str, Opened],
    artists: Sequence[Opened],
    ledger: Ledger,
) -> Iterator[tuple[str, pl.DataFrame]]:
    judged: list[pl.DataFrame] = []
    tracks: list[pl.DataFrame] = []
    for name, source in opened.items():
        for part in members.parts_of(source, _COLUMNS, "events", ledger):
            if isinstance(part.schema["track_id"], pl.List):
                raise InputError(
                    f"{container.place(name)}: the sequential form, a row a listener; "
                    "give that of flat/"
                )
            rows = _with_event(part, _event_of(name, source), ledger)
            listens = rows.filter(pl.col("event") == _LISTEN)
            judged.append(rows.filter(pl.col("event") != _LISTEN))
            if listens.height:
                yield "events", _listens(listens)
                tracks = [_first(pl.concat([*tracks, _tracks(listens)]))]
    for table in tracks:
        told = [members.rows_of(source, _ARTISTS, "tracks", ledger) for source in artists]
        yield "tracks", _with_artists(table, pl.concat(told)) if told else table
    said = pl.concat(judged, how="diagonal")
    if said.height:
        yield "feedback", _feedback(said, ledger)


def _event_of(name: str, source: Opened) -> str:
    """Return what all rows of a member are; nothing where a column says it."""
    if "event_type" in source.columns:
        return ""
    is_listens = set(source.columns) >= _LISTENED
    return _LISTEN if is_listens else PurePosixPath(name).stem.removesuffix("s")


def _check_name(container: Container, name: str, source: Opened) -> None:
    event = _event_of(name, source)
    if event and event not in _EVENTS:
        raise InputError(
            f"{container.place(name)}: likes, dislikes, unlikes or undislikes? Only the name tells "
            "them apart; give the file its publisher's name"
        )


def _with_event(rows: pl.DataFrame, event: str, ledger: Ledger) -> pl.DataFrame:
    """Return rows with what each is, and its time as a time."""
    if not event:
        rows = rows.with_columns(pl.col("event").str.strip_suffix("s"))
        unknown = rows.filter(~pl.col("event").is_in(_EVENTS).fill_null(False))
        ledger.table("events").read += unknown.height
        values.drop(unknown, "unknown_event", "event", "events", ledger)
        rows = rows.filter(pl.col("event").is_in(_EVENTS))
    else:
        rows = rows.with_columns(event=pl.lit(event))
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
    return _first(told.filter(~values.blank("track_id")))


def _first(tracks: pl.DataFrame) -> pl.DataFrame:
    return tracks.unique("track_id", keep="first", maintain_order=True)


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
    ledger.table("feedback").read += gone.height
    values.drop(gone, "taken_back", "event", "feedback", ledger)
    return stands.filter("stands").select("user_id", "track_id", "kind", "at", FILE, LINE)


def _with_artists(tracks: pl.DataFrame, artists: pl.DataFrame) -> pl.DataFrame:
    """Return `tracks` with the first artist of each."""
    first = _first(artists.select(*_ARTISTS))
    return tracks.join(first, on="track_id", how="left", maintain_order="left")
