"""Taste Profile 10k: 10,000 songs of the Taste Profile with titles, artists and acoustics.

A folder of CSV files that number listeners and songs: plays, songs, and acoustics of the song
itself or, where it has none, of its artist on average.
"""

import polars as pl

from encore.data import values
from encore.data.ledger import Ledger
from encore.data.readers.containers import Container
from encore.data.readers.contract import Options, Reader, Told
from encore.data.readers.research import members
from encore.schema import ACOUSTIC
from encore.wording import counted

_PLAYS = {"user_id": "user_index", "track_id": "song_index", "plays": "play_count"}
_SONGS = {
    "track_id": "song_index",
    "title": "title",
    "artist": "artist_name",
    "album": "release",
    "year": "year",
}
_ACOUSTICS = {"track_id": "song_index", **{name: name for name in ACOUSTIC}}

#: A column that only the acoustics of songs have, and one that only those of artists have.
_OF_SONGS, _OF_ARTISTS = "source_track", "artist_track_count"


def recognises(container: Container) -> bool:
    """Say whether there are plays and songs under the set's own columns."""
    return bool(_plays(container)) and bool(_songs(container))


def read(container: Container, ledger: Ledger, _: Options) -> Told:
    """Read plays and songs; the acoustics of songs come before those of artists."""
    plays, songs = _plays(container), _songs(container)
    members.check_one_folder(container, [*plays, *songs])
    told = members.rows_of(members.opened(container, plays[0], ledger), _PLAYS, "plays", ledger)
    tracks = members.rows_of(members.opened(container, songs[0], ledger), _SONGS, "tracks", ledger)
    acoustics = []
    for mark in (_OF_SONGS, _OF_ARTISTS):
        for name in members.having(container, {mark, *_ACOUSTICS.values()}):
            source = members.opened(container, name, ledger)
            heard = members.rows_of(source, _ACOUSTICS, "acoustics", ledger)
            ledger.notes.append(f"{name}: acoustics of {counted(heard.height, 'song')}")
            acoustics.append(heard.unique("track_id", keep="first"))
            songs.append(name)
    for heard in acoustics:
        tracks = _filled(tracks, heard)
    members.passed_over(container, [*plays, *songs], ledger)
    return Told([("plays", told), ("tracks", tracks)])


READER = Reader(
    "taste-profile-10k",
    "Taste Profile 10k: a folder of plays.csv, songs.csv and acoustics",
    recognises,
    read,
)


def _plays(container: Container) -> list[str]:
    return members.having(container, set(_PLAYS.values()))


def _songs(container: Container) -> list[str]:
    return members.having(container, set(_SONGS.values()))


def _filled(tracks: pl.DataFrame, heard: pl.DataFrame) -> pl.DataFrame:
    """Return `tracks` with each acoustic value, where still unknown, from `heard`."""
    joined = tracks.join(
        heard.select("track_id", *(pl.col(name).alias(f"{name} heard") for name in ACOUSTIC)),
        on="track_id",
        how="left",
        maintain_order="left",
    )
    filled = [
        pl.coalesce(
            *([values.stripped(name)] if name in tracks.columns else []), f"{name} heard"
        ).alias(name)
        for name in ACOUSTIC
    ]
    return joined.with_columns(filled).drop(f"{name} heard" for name in ACOUSTIC)
