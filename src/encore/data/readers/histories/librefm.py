"""Libre.fm's CSV: comment lines, then a header with at least time, artist and track."""

import csv

import polars as pl

from encore.data.ledger import Ledger
from encore.data.readers.contract import Options
from encore.data.readers.histories.files import File, Head, history, rows_of, table_of
from encore.errors import InputError

_NEEDED = {"time", "artist", "track"}
_TABLES_OWN = {"user_id", "track_id"}  # by which a generic table names its rows
_NAMED = {
    "listened_at": "time",
    "artist": "artist",
    "title": "track",
    "album": "album",
    "recording_mbid": "mbid",
}


def is_ours(head: Head) -> bool:
    """Say whether the first line that is no comment names these columns, in any order."""
    names = set(head.header())
    return names >= _NEEDED and names.isdisjoint(_TABLES_OWN)


def listens(file: File, ledger: Ledger, _: Options) -> pl.DataFrame:
    """Return the listens of a file."""
    above = 0
    for number, line in file.lines():
        text = line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").strip()
        if text and not text.startswith("#"):
            columns = [name.strip() for name in next(csv.reader([text]))]
            return rows_of(table_of(file, ledger, columns, header_lines=number), _NAMED, ledger)
        above = number
    raise InputError(f"{file.place}: {above} comments and no header; expected time,artist,track")


READER = history("librefm", "Libre.fm, CSV", is_ours, listens)
