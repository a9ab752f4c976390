"""Maloja's JSON export: scrobbles with the time that was played, tracks with several artists."""

import polars as pl

from encore.data.ledger import Ledger
from encore.data.readers.contract import Options
from encore.data.readers.histories import json_text
from encore.data.readers.histories.files import File, Head, history
from encore.data.readers.histories.listens import Rows, milliseconds, said

_KEY = "scrobbles"


def is_ours(head: Head) -> bool:
    """Say whether the first scrobble has a time and a track with artists."""
    scrobble = json_text.first(head, _KEY)
    return "time" in scrobble and "artists" in json_text.nested(scrobble, "track")


def listens(file: File, ledger: Ledger, _: Options) -> pl.DataFrame:
    """Return the listens of a file; several artists of a track are named in a row."""
    rows = Rows(file.name)
    for line, item in json_text.objects(file, ledger, "Maloja's scrobbles", _KEY):
        track = json_text.nested(item, "track")
        artists = track.get("artists")
        names = [said(name) or "" for name in artists] if isinstance(artists, list) else []
        rows.add(
            line,
            title=said(track.get("title")),
            artist=", ".join(filter(None, names)) or None,
            album=said(json_text.nested(track, "album").get("albumtitle")),
            duration_ms=milliseconds(track.get("length")),
            ms_played=milliseconds(item.get("duration")),
            listened_at=said(item.get("time")),
        )
    return rows.frame()


READER = history("maloja", "Maloja, JSON", is_ours, listens)
