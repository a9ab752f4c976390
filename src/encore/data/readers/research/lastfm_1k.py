"""Last.fm 1K: what 992 listeners played until 2009, a line a listen, by Òscar Celma.

Six fields without a header or quoting: user, time (ISO, UTC), the artist's MBID and name, the
track's. MBIDs are often empty, and some clocks ran years ahead. The file of profiles (age, country)
that comes along is nothing that encore learns from.
"""

import re
from collections.abc import Iterator

import polars as pl

from encore.data import values
from encore.data.assembly import TOLD_OF_TRACKS
from encore.data.identity import named_track
from encore.data.ledger import Ledger
from encore.data.readers.containers import Container
from encore.data.readers.contract import Options, Reader, Told
from encore.data.readers.research import members
from encore.data.values import FILE, LINE

_FIELDS = ("user_id", "listened_at", "artist_id", "artist", "recording_mbid", "title")

_OF_A_TRACK = ("track_id", "title", "artist_id", "artist", "recording_mbid")

_LINE = re.compile(
    rf"[^\t]+\t\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ\t{members.MBID_OR_NOTHING}\t[^\t]*"
    rf"\t{members.MBID_OR_NOTHING}\t[^\t]*"
)


def recognises(container: Container) -> bool:
    """Say whether a member has lines of the six fields."""
    return bool(_listens(container))


def read(container: Container, ledger: Ledger, _: Options) -> Told:
    """Read listens and the tracks they name; a track is its MBID, else its artist and title."""
    return Told(_parts(container, ledger))


READER = Reader(
    "lastfm-1k", "Last.fm 1K: listens of 992 listeners, tab-separated", recognises, read
)


def _parts(container: Container, ledger: Ledger) -> Iterator[tuple[str, pl.DataFrame]]:
    names = _listens(container)
    for part in members.parts_without_header(container, names, _FIELDS, "events", ledger):
        rows = part.with_columns(track_id=pl.coalesce("recording_mbid", named_track()))
        yield "events", rows.select("user_id", "track_id", "listened_at", FILE, LINE)
        told = rows.filter(~values.blank("track_id")).select(*_OF_A_TRACK, FILE, LINE)
        yield TOLD_OF_TRACKS, told.unique(_OF_A_TRACK, keep="first", maintain_order=True)


def _listens(container: Container) -> list[str]:
    return members.fitting(container, _LINE.fullmatch)
