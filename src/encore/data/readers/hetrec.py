"""HetRec 2011 Last.fm 2K: plays, friends and tags of 1,892 listeners, by artist.

The publisher's zip, or a folder of its members. They are tab-separated without quoting; tags are in
latin-1. An item is an artist: `artist_id` stays null, lest the same thing be learnt twice.
"""

from pathlib import Path

import polars as pl

from encore.data import detect
from encore.data.ledger import Ledger
from encore.data.readers.containers import Container
from encore.data.readers.contract import Options, Reader, Told
from encore.data.readers.gather import count_malformed
from encore.data.readers.text import open_text
from encore.errors import InputError
from encore.wording import counted

_TAGS = "tags.dat"
_ASSIGNMENTS = "user_taggedartists-timestamps.dat"

#: Member -> table, and encore's name of each column -> the publisher's.
_MEMBERS: dict[str, tuple[str, dict[str, str]]] = {
    "artists.dat": ("tracks", {"track_id": "id", "title": "name"}),
    "user_artists.dat": (
        "plays",
        {"user_id": "userID", "track_id": "artistID", "plays": "weight"},
    ),
    "user_friends.dat": ("friends", {"user_id": "userID", "friend_id": "friendID"}),
    _ASSIGNMENTS: (
        "tags",
        {"user_id": "userID", "track_id": "artistID", "tag": "tagID", "tagged_at": "timestamp"},
    ),
    _TAGS: ("tags", {"tag_id": "tagID", "tag": "tagValue"}),
}


def recognises(container: Container) -> bool:
    """Say whether the members that HetRec cannot do without are there, in one folder."""
    return detect.hetrec_root(container.names()) is not None


def read(container: Container, ledger: Ledger, _: Options) -> Told:
    """Read the zip or the folder: plays, friends and tags of artists.

    Assignments of tags to artists that artists.dat does not list are dropped as unknown_track.
    Friends and tags may be absent.

    Raises `InputError` where a member is missing, damaged or not as published.
    """
    rows = {
        member: _rows(container.path, member, content, ledger)
        for member, content in _contents(container, ledger).items()
    }
    names = rows.pop(_TAGS, None)
    if _ASSIGNMENTS in rows and names is not None:
        assigned = rows[_ASSIGNMENTS].rename({"tag": "tag_id"})
        spelled = names.unique("tag_id", keep="first").select("tag_id", "tag")
        rows[_ASSIGNMENTS] = assigned.join(spelled, on="tag_id", how="left", maintain_order="left")
    return Told(
        [(_MEMBERS[member][0], frame) for member, frame in rows.items()],
        item_kind="artist",
        known_tracks=rows["artists.dat"]["track_id"],
    )


READER = Reader(
    "hetrec",
    "HetRec 2011 Last.fm 2K: the publisher's zip, or a folder of its .dat files",
    recognises,
    read,
)


def _contents(container: Container, ledger: Ledger) -> dict[str, bytes]:
    """Return the members that are there, and record what was read."""
    held = set(container.names())
    root = detect.hetrec_root(held)
    if root is None:
        raise InputError(
            f"{container.path}: no HetRec; expected {detect.listed(detect.HETREC_NEEDS)}"
        )
    contents = {}
    for member in _MEMBERS:
        name = str(root / member)
        if name in held:
            container.record(name, ledger)
            contents[member] = container.read(name)
    return contents


def _rows(path: Path, member: str, content: bytes, ledger: Ledger) -> pl.DataFrame:
    table, columns = _MEMBERS[member]
    encoding = "latin-1" if member == _TAGS else None
    text = open_text(member, [content], ledger, encoding=encoding, unwrap=False)
    lacking = [name for name in columns.values() if name not in text.columns]
    if lacking:
        raise InputError(
            f"{path}: {member} lacks {detect.listed(lacking)}; "
            f"its columns are {detect.listed(text.columns)}; expected the publisher's own file"
        )
    rows, malformed = text.rows({ours: text.columns.index(name) for ours, name in columns.items()})
    if member != _TAGS:
        count_malformed(malformed, member, table, ledger)
    elif malformed.lines:
        ledger.notes.append(
            f"{member}: {counted(len(malformed.lines), 'malformed line')} passed over"
        )
    return rows
