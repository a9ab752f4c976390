"""Last.fm 360K: how often 359,347 listeners played their top artists, by Òscar Celma.

Four fields without a header or quoting: user (SHA-1), the artist's MBID (often empty) and name,
plays. An item is an artist. The file of profiles that comes along is passed over.
"""

import re
from collections.abc import Iterator

import polars as pl

from encore.data import values
from encore.data.assembly import TOLD_OF_TRACKS
from encore.data.identity import normalise_artist, of_each
from encore.data.ledger import Ledger
from encore.data.readers.containers import Container
from encore.data.readers.contract import Options, Reader, Told
from encore.data.readers.research import members
from encore.data.values import FILE, LINE

_FIELDS = ("user_id", "mbid", "title", "plays")

_LINE = re.compile(rf"[0-9a-f]{{40}}\t{members.MBID_OR_NOTHING}\t[^\t]*\t *\d+ *")


def recognises(container: Container) -> bool:
    """Say whether a member has lines of the four fields."""
    return bool(_plays(container))


def read(container: Container, ledger: Ledger, _: Options) -> Told:
    """Read plays and the artists they name; an artist is their MBID, else their name's key."""
    return Told(_parts(container, ledger), item_kind="artist")


READER = Reader(
    "lastfm-360k", "Last.fm 360K: plays by listener and artist, tab-separated", recognises, read
)


def _parts(container: Container, ledger: Ledger) -> Iterator[tuple[str, pl.DataFrame]]:
    names = _plays(container)
    for part in members.parts_without_header(container, names, _FIELDS, "plays", ledger):
        rows = part.with_columns(
            track_id=part["mbid"].fill_null(of_each(part["title"], normalise_artist))
        )
        yield "plays", rows.select("user_id", "track_id", "plays", FILE, LINE)
        told = rows.filter(~values.blank("track_id")).select("track_id", "title", FILE, LINE)
        yield (
            TOLD_OF_TRACKS,
            told.unique(["track_id", "title"], keep="first", maintain_order=True),
        )


def _plays(container: Container) -> list[str]:
    return members.fitting(container, _LINE.fullmatch)
