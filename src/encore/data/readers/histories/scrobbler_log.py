"""`.scrobbler.log` of Rockbox and other players: the Audioscrobbler file, version 1.

Tab-separated: artist, album, track, number, length in seconds, rating, time, MBID. Rating S is a
track that was skipped, L one that was listened to. Unless the head says `#TZ/UTC`, the time counts
seconds on the player's own clock, which knows no zone.
"""

from datetime import UTC, datetime

import polars as pl

from encore.data.ledger import Ledger
from encore.data.readers.contract import Options
from encore.data.readers.gather import MALFORMED
from encore.data.readers.histories.files import File, Head, history
from encore.data.readers.histories.listens import Rows, milliseconds, pass_over
from encore.wording import counted

_MAGIC = "#AUDIOSCROBBLER/1."
_ZONE = b"#TZ/"
_FIELDS = (7, 8)  # without and with an MBID
_SKIPPED = {"L": "false", "S": "true", "": None}


def is_ours(head: Head) -> bool:
    """Say whether the first line is the format's own."""
    return head.text.startswith(_MAGIC)


def listens(file: File, ledger: Ledger, _: Options) -> pl.DataFrame:
    """Return the listens of a file, those skipped among them."""
    rows = Rows(file.name)
    is_utc, strange = False, 0
    for number, line in file.lines():
        if line.startswith(_ZONE):
            is_utc = line.removeprefix(_ZONE).strip().upper() == b"UTC"
        if not line.strip() or line.removeprefix(b"\xef\xbb\xbf").startswith(b"#"):
            continue
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text, strange = line.decode("latin-1"), strange + 1
        fields = text.split("\t")
        if len(fields) not in _FIELDS or fields[5] not in _SKIPPED or "\0" in text:
            found = f"{len(fields)} fields" if len(fields) not in _FIELDS else "no rating L or S"
            pass_over(ledger, MALFORMED, file.name, number, text, found)
            continue
        artist, album, title, _number, length, rating, at, *mbid = fields
        rows.add(
            number,
            title=title,
            artist=artist,
            album=album,
            duration_ms=milliseconds(length),
            skipped=_SKIPPED[rating],
            listened_at=at if is_utc else _on_its_clock(at),
            recording_mbid=mbid[0] if mbid else None,
        )
    if strange:
        lines = counted(strange, "line is", "lines are")
        ledger.notes.append(f"{file.name}: {lines} not UTF-8; read as latin-1")
    return rows.frame()


def _on_its_clock(seconds: str) -> str:
    """Return seconds of a clock without a zone as the time that it showed."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return seconds


READER = history("scrobbler-log", ".scrobbler.log of Rockbox and other players", is_ours, listens)
