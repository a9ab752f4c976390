"""Spotify's account data: `StreamingHistory…json`, the last year, without ids or albums.

`endTime` is when a stream ended, in UTC and whole minutes; it began `msPlayed` before. Two equal
rows may be two streams, so none is taken for a duplicate.
"""

import json

import polars as pl

from encore.data.ledger import Ledger
from encore.data.readers.contract import Options
from encore.data.readers.histories import json_text
from encore.data.readers.histories.files import File, Head, history
from encore.data.readers.histories.listens import Rows, pass_over, said, started
from encore.data.values import COARSE

_NO_MUSIC = {
    "episodeName": "podcast",
    "podcastName": "podcast",
    "audiobookName": "audiobook",
    "chapterName": "audiobook",
}


def is_ours(head: Head) -> bool:
    """Say whether the first object is a stream of these files."""
    return {"endTime", "msPlayed"} <= json_text.first(head).keys()


def listens(file: File, ledger: Ledger, _: Options) -> pl.DataFrame:
    """Return the streams of music of a file; podcasts and audiobooks are dropped."""
    rows = Rows(file.name)
    for line, item in json_text.objects(file, ledger, "Spotify's list of streams"):
        other = next((reason for key, reason in _NO_MUSIC.items() if item.get(key)), None)
        if other and not item.get("trackName"):
            pass_over(ledger, other, file.name, line, json.dumps(item))
            continue
        rows.add(
            line,
            title=said(item.get("trackName")),
            artist=said(item.get("artistName")),
            ms_played=said(item.get("msPlayed")),
            listened_at=said(item.get("endTime")),
        )
    frame = rows.frame()
    if frame.is_empty():
        return frame
    return started(frame).with_columns(pl.lit(True).alias(COARSE))


READER = history("spotify", "Spotify, account data (StreamingHistory…json)", is_ours, listens)
