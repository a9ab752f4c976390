"""RecBole's atomic files: `.inter`, `.item` and `.user`, each column's type behind its name.

A column is called `user_id:token`, a file by what its columns identify: both a user and an item,
an item, or a user. Lists (token_seq) are parted by spaces; within a genre `_` stands for one.
"""

from dataclasses import replace

import polars as pl

from encore.data.clean import ACOUSTIC_COLUMNS
from encore.data.dataset import ItemKind
from encore.data.ledger import Ledger
from encore.data.readers.containers import Container
from encore.data.readers.contract import Options, Reader, Told
from encore.data.readers.gather import Opened
from encore.data.readers.research import members
from encore.data.readers.text import Text

_TYPES = {"token", "token_seq", "float", "float_seq"}

#: What converted sets call the ids of items, tracks before artists.
_TRACKS = ("item_id", "track_id", "song_id", "music_id", "tracks_id")
_ARTISTS = ("artist_id", "artists_id")

#: encore's name of a column -> what converted sets call it, the most telling first.
_LISTENING = {
    "user_id": ("user_id",),
    "track_id": (*_TRACKS, *_ARTISTS),
    "plays": ("plays", "play_count", "playcount", "count", "weight", "rating"),
    "skips": ("skips",),
    "first_played": ("first_played",),
    "listened_at": ("timestamp",),
    "ms_played": ("ms_played",),
    "skipped": ("skipped",),
}
_OF_ITEMS = {
    "track_id": _LISTENING["track_id"],
    "title": ("title", "name", "track_name", "song_name"),
    "artist": ("artist", "artist_name"),
    "genres": ("genres", "genre", "class"),
    **{
        name: (name,)
        for name in ("artist_id", "album", "recording_mbid", "spotify_id", "year", "explicit")
    },
    **{name: (name,) for name in ACOUSTIC_COLUMNS},
}
_OF_USERS: dict[str, tuple[str, ...]] = {"user_id": ("user_id",)}

#: What a file's columns identify -> encore's names of the columns that are read of it.
_FILES: dict[str, dict[str, tuple[str, ...]]] = {
    "inter": _LISTENING,
    "item": _OF_ITEMS,
    "user": _OF_USERS,
}


def recognises(container: Container) -> bool:
    """Say whether a member has typed columns of interactions or items."""
    return not {"inter", "item"}.isdisjoint(_members(container).values())


def read(container: Container, ledger: Ledger, _: Options) -> Told:
    """Read plays or listens, items and users.

    Interactions with a count are plays; those with a time alone are listens. A rating is taken for
    plays, with a note, where nothing else counts. Items called artist_id are artists.

    Raises `InputError` where several sets lie together.
    """
    found = _members(container)
    members.check_one_folder(container, list(found))
    opened: list[tuple[str, Opened, dict[str, str]]] = []
    item_kind: ItemKind = "track"
    for name, kind in found.items():
        source = _tabbed(members.opened(container, name, ledger))
        wanted = _wanted(source.columns, _FILES[kind])
        if wanted.get("track_id", "").partition(":")[0] in _ARTISTS:
            item_kind = "artist"
            wanted.pop("artist_id", None)
        if wanted.get("plays", "").startswith("rating:"):
            ledger.notes.append(f"{name}: the rating was taken for plays")
        table = {"inter": _listening(wanted), "item": "tracks", "user": "listeners"}[kind]
        opened.append((table, source, wanted))
    members.passed_over(container, list(found), ledger)
    return Told(
        (
            (table, _parted(rows, wanted))
            for table, source, wanted in opened
            for rows in members.parts_of(source, wanted, table, ledger)
        ),
        item_kind=item_kind,
    )


READER = Reader(
    "recbole",
    "RecBole's atomic files: .inter, .item and .user, or a folder of them",
    recognises,
    read,
)


def _parted(rows: pl.DataFrame, wanted: dict[str, str]) -> pl.DataFrame:
    """Return rows with their genres, where they are a list of words, as one."""
    if not wanted.get("genres", "").endswith(":token_seq"):
        return rows
    words = pl.col("genres").str.split(" ")
    return rows.with_columns(words.list.eval(pl.element().str.replace_all("_", " ")))


def _tabbed(source: Opened) -> Opened:
    """Return a file of one column as what it is: a comma in a cell parts nothing."""
    if isinstance(source, Text) and len(source.columns) == 1:
        return replace(source, delimiter="\t", quoted=False, unwrap=True)
    return source


def _members(container: Container) -> dict[str, str]:
    """Return the members whose columns are typed, each with what its columns identify."""
    found = {}
    for name in container.names():
        columns = members.columns(container, name)
        if columns and all(column.rpartition(":")[2] in _TYPES for column in columns):
            names = _wanted(columns, _LISTENING)
            kind = {(True, True): "inter", (False, True): "item", (True, False): "user"}.get(
                ("user_id" in names, "track_id" in names)
            )
            if kind:
                found[name] = kind
    return found


def _wanted(columns: list[str], known: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Return encore's name of each known column -> the column as it is, type and all."""
    typed = {column.rpartition(":")[0]: column for column in columns}
    return {
        ours: typed[next(name for name in names if name in typed)]
        for ours, names in known.items()
        if not typed.keys().isdisjoint(names)
    }


def _listening(wanted: dict[str, str]) -> str:
    return "events" if "listened_at" in wanted and "plays" not in wanted else "plays"
