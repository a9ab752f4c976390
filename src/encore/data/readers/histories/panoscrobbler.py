"""PanoScrobbler's JSON lines: scrobbles with times and lengths in milliseconds.

The app writes into the same file what is loved and what no longer is; only the `event` tells.
"""

import json

import polars as pl

from encore.data.ledger import Ledger
from encore.data.readers.contract import Options
from encore.data.readers.histories import json_text
from encore.data.readers.histories.files import File, Head, history
from encore.data.readers.histories.listens import Rows, pass_over, said

_SCROBBLE = "scrobble"


def is_ours(head: Head) -> bool:
    """Say whether the first line is an object with a track and its time."""
    return {"timeMs", "track"} <= json_text.first_line(head).keys()


def listens(file: File, ledger: Ledger, _: Options) -> pl.DataFrame:
    """Return the listens of a file; where the artist is missing, the album's stands in."""
    rows = Rows(file.name)
    for number, item in json_text.lines(file, ledger):
        event = item.get("event", _SCROBBLE)
        if event != _SCROBBLE:
            pass_over(ledger, "not_a_listen", file.name, number, json.dumps(item), str(event))
            continue
        rows.add(
            number,
            title=said(item.get("track")),
            artist=said(item.get("artist")) or said(item.get("albumArtist")),
            album=said(item.get("album")),
            duration_ms=said(item.get("durationMs")),
            listened_at=said(item.get("timeMs")),
        )
    return rows.frame()


READER = history("panoscrobbler", "PanoScrobbler, JSON lines", is_ours, listens)
