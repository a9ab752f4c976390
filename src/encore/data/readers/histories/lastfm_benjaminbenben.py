"""Last.fm, as benjaminbenben.com's "Last.fm to CSV" exports it: artist, album, track, time.

There is mostly no header; some copies have one, and drop the comma in the time. Times are whole
minutes in words (`06 Sep 2026, 14:23`). The track that plays while one exports has none.
"""

import csv
import re

import polars as pl

from encore.data.ledger import Ledger
from encore.data.readers.contract import Options
from encore.data.readers.histories.files import File, Head, history, rows_of, table_of

_COLUMNS = ["artist", "album", "title", "listened_at"]
_HEADERS = (["artist", "album", "title", "date"], ["artist", "album", "track", "date"])
_TIME = re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4},? \d{1,2}:\d{2}")


def is_ours(head: Head) -> bool:
    """Say whether the first lines are such rows, whose times are in words."""
    if head.header() in _HEADERS:
        return True
    try:
        # The last line may be cut, and a cell may hold a line break.
        rows = list(csv.reader(head.lines))
    except csv.Error:
        return False
    timed = [row for row in rows if len(row) == len(_COLUMNS) and _TIME.fullmatch(row[-1].strip())]
    return bool(timed) and len(timed) >= len(rows) - 2


def listens(file: File, ledger: Ledger, _: Options) -> pl.DataFrame:
    """Return the listens of a file, their times without a zone."""
    first = Head(file.name, file.container.head(file.name))
    has_header = first.header() in _HEADERS
    text = table_of(file, ledger, _COLUMNS, header_lines=1 if has_header else 0)
    rows = rows_of(text, {name: name for name in _COLUMNS}, ledger)
    told = pl.col("listened_at").str.strip_chars().str.replace(",", "", literal=True)
    moment = told.str.to_datetime("%d %b %Y %H:%M", strict=False)
    return rows.with_columns(
        pl.coalesce(moment.dt.strftime("%Y-%m-%dT%H:%M"), "listened_at").alias("listened_at")
    )


READER = history("lastfm-benjaminbenben", "Last.fm, CSV of benjaminbenben.com", is_ours, listens)
