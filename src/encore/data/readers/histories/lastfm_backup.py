"""Last.fm, as lastfm-backup-cli writes it: `YYYY-MM-DD,HH:MM:SS,artist,title` in UTC, no header."""

import re

import polars as pl

from encore.data.ledger import Ledger
from encore.data.readers.contract import Options
from encore.data.readers.histories.files import File, Head, history, rows_of, table_of

_COLUMNS = ["day", "hour", "artist", "title"]
_ROW = re.compile(r'"?\d{4}-\d\d-\d\d"?,"?\d\d:\d\d:\d\d"?,')


def is_ours(head: Head) -> bool:
    """Say whether the first line begins with a day and a time of day."""
    return bool(head.lines) and _ROW.match(head.lines[0]) is not None


def listens(file: File, ledger: Ledger, _: Options) -> pl.DataFrame:
    """Return the listens of a file."""
    text = table_of(file, ledger, _COLUMNS, header_lines=0)
    rows = rows_of(text, {name: name for name in _COLUMNS}, ledger)
    day, hour = (pl.col(name).str.strip_chars() for name in ("day", "hour"))
    return rows.with_columns((day + "T" + hour + "Z").alias("listened_at"))


READER = history("lastfm-backup", "Last.fm, CSV of lastfm-backup-cli", is_ours, listens)
