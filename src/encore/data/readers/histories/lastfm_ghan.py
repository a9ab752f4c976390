"""Last.fm, as mainstream.ghan.nl exports it: CSV with names of columns and MBIDs.

`utc_time` is the same moment as `uts` in words, and left unread.
"""

import polars as pl

from encore.data.ledger import Ledger
from encore.data.readers.contract import Options
from encore.data.readers.histories.files import File, Head, history, rows_of
from encore.data.readers.text import open_text

_NAMED = {
    "listened_at": "uts",
    "artist": "artist",
    "album": "album",
    "title": "track",
    "recording_mbid": "track_mbid",
}


def is_ours(head: Head) -> bool:
    """Say whether the first line names its columns."""
    return {"uts", "artist", "track"} <= set(head.header())


def listens(file: File, ledger: Ledger, _: Options) -> pl.DataFrame:
    """Return the listens of a file."""
    return rows_of(open_text(file.name, file.container.pieces(file.name), ledger), _NAMED, ledger)


READER = history("lastfm-ghan", "Last.fm, CSV of mainstream.ghan.nl", is_ours, listens)
