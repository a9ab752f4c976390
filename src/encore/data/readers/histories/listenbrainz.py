"""ListenBrainz' export: a zip with listens by month, feedback, and whose they are.

Only `listens/` are listens: pins and feedback are JSON lines too. A listen's identity is what
ListenBrainz mapped it to, else what the player submitted. Feedback names a recording by its MBID or
by ListenBrainz' own id, which the listens tell.
"""

import json
from collections.abc import Iterator

import polars as pl

from encore.data.ledger import Ledger
from encore.data.readers.containers import Container
from encore.data.readers.contract import Options, Reader, Told
from encore.data.readers.histories import json_text
from encore.data.readers.histories.files import File, Head
from encore.data.readers.histories.listens import Rows, identified, milliseconds, said, told
from encore.data.values import FILE, LINE
from encore.errors import InputError

_FOLDER = "listens"
_FEEDBACK = "feedback.jsonl"
_USER = "user.json"
_KINDS = {"1": "like", "-1": "dislike"}
_MSID = "recording_msid"


def recognises(container: Container) -> bool:
    """Say whether a member holds listens as ListenBrainz writes them."""
    return next(_listening(container), None) is not None


def read(container: Container, ledger: Ledger, options: Options) -> Told:
    """Read listens and feedback.

    Raises `InputError` where there are no listens.
    """
    members = list(_listening(container))
    if not members:
        raise InputError(f"{container.path}: no listens of ListenBrainz; expected its export zip")
    user = _user(container)
    frames = []
    for member in members:
        container.record(member, ledger)
        rows = _listens(File(container, member), ledger)
        frames.append(rows.with_columns(pl.lit(user, pl.String).alias("user_id")))
    listened = told(frames, ledger, options, container.path.name)
    tables = dict(listened.parts)
    feedback = [name for name in container.names() if name.rpartition("/")[2] == _FEEDBACK]
    for member in feedback[:1]:
        container.record(member, ledger)
        names = _named(pl.concat(frames, how="diagonal"))
        rows = _feedback(File(container, member), ledger, names)
        whose = pl.lit(tables["events"]["user_id"][0] if tables["events"].height else user)
        tables["feedback"] = rows.with_columns(whose.alias("user_id"))
    return Told(tables.items())


READER = Reader("listenbrainz", "ListenBrainz, export zip (or its listens)", recognises, read)


def _listening(container: Container) -> Iterator[str]:
    for name in container.names():
        if container.is_single or _FOLDER in name.split("/")[:-1]:
            item = json_text.first_line(Head(name, container.head(name)))
            if {"listened_at", "track_metadata"} <= item.keys():
                yield name


def _listens(file: File, ledger: Ledger) -> pl.DataFrame:
    rows = Rows(file.name)
    for number, item in json_text.lines(file, ledger):
        heard = json_text.nested(item, "track_metadata")
        more = json_text.nested(heard, "additional_info")
        mapped = json_text.nested(heard, "mbid_mapping")
        length = said(more.get("duration_ms")) or milliseconds(more.get("duration"))
        rows.add(
            number,
            listened_at=said(item.get("listened_at")),
            title=said(heard.get("track_name")),
            artist=said(heard.get("artist_name")),
            album=said(heard.get("release_name")),
            duration_ms=length,
            recording_mbid=said(mapped.get("recording_mbid")) or said(more.get("recording_mbid")),
            spotify_id=said(more.get("spotify_id")),
            recording_msid=said(heard.get(_MSID)) or said(more.get(_MSID)),
        )
    return rows.frame()


def _named(rows: pl.DataFrame) -> dict[str, str]:
    """Return ListenBrainz' own id of each recording that was listened to -> its track_id."""
    if _MSID not in rows.columns:
        return {}
    known = identified(rows, Ledger()).select(_MSID, "track_id").drop_nulls()
    return dict(known.unique(_MSID, keep="first").iter_rows())


def _feedback(file: File, ledger: Ledger, names: dict[str, str]) -> pl.DataFrame:
    rows = Rows(file.name)
    for number, item in json_text.lines(file, ledger, "feedback"):
        score = said(item.get("score"))
        mbid = said(item.get("recording_mbid"))
        known = names.get(said(item.get(_MSID)) or "")
        rows.add(
            number,
            track_id=known or (mbid.strip().lower() if mbid else None),
            kind=_KINDS.get(score or "", score),
            at=said(item.get("created")),
        )
    frame = rows.frame()
    lacking = [name for name in ("track_id", "kind", "at") if name not in frame.columns]
    empty = [pl.lit(None, pl.String).alias(name) for name in lacking]
    return frame.with_columns(empty).select("track_id", "kind", "at", FILE, LINE)


def _user(container: Container) -> str | None:
    for name in container.names():
        if name.rpartition("/")[2] == _USER:
            try:
                item = json.loads(container.read(name))
            except (ValueError, RecursionError):
                return None
            return (
                said(item.get("user_name") or item.get("username"))
                if isinstance(item, dict)
                else None
            )
    return None
