"""Last.fm, as lastfmstats.com exports it: CSV with semicolons, or JSON; times in milliseconds.

The CSV names its listener in the header, after `Date#`; the JSON under `username`.
"""

import polars as pl

from encore.data.ledger import Ledger
from encore.data.readers.contract import Options
from encore.data.readers.histories import json_text
from encore.data.readers.histories.files import File, Head, history, rows_of
from encore.data.readers.histories.listens import Rows, said
from encore.data.readers.text import open_text

_COLUMNS = ["artist", "album", "albumid", "track"]
_KEY = "scrobbles"


def is_ours(head: Head) -> bool:
    """Say whether the header, or the first scrobble of the JSON, is of this site."""
    if head.text.lstrip().startswith("{"):
        return {"track", "artist", "date"} <= json_text.first(head, _KEY).keys()
    *names, last = head.header(";")
    return names == _COLUMNS and last.partition("#")[0] == "date"


def listens(file: File, ledger: Ledger, _: Options) -> pl.DataFrame:
    """Return the listens of a file, with the listener that it names."""
    if Head(file.name, file.container.head(file.name)).text.lstrip().startswith("{"):
        return _of_json(file, ledger)
    text = open_text(file.name, file.container.pieces(file.name), ledger)
    last = text.columns[-1]
    named = {"artist": "artist", "album": "album", "title": "track", "listened_at": last.lower()}
    user = last.partition("#")[2].strip() or None
    return rows_of(text, named, ledger).with_columns(pl.lit(user, pl.String).alias("user_id"))


def _of_json(file: File, ledger: Ledger) -> pl.DataFrame:
    rows, facts = Rows(file.name), json_text.Object()
    expected = "lastfmstats.com's username and scrobbles"
    for line, item in json_text.objects(file, ledger, expected, _KEY, facts):
        rows.add(
            line,
            title=said(item.get("track")),
            artist=said(item.get("artist")),
            album=said(item.get("album")),
            listened_at=said(item.get("date")),
        )
    user = said(facts.get("username")) or None
    return rows.frame().with_columns(pl.lit(user, pl.String).alias("user_id"))


READER = history("lastfmstats", "Last.fm, CSV or JSON of lastfmstats.com", is_ours, listens)
