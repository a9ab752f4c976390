"""HetRec 2011 Last.fm 2K: plays, friends and tags of 1,892 listeners, by artist.

The publisher's zip, or a folder of its members. They are tab-separated without quoting; tags are in
latin-1. An item is an artist: `artist_id` stays null, lest the same thing be learnt twice.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import polars as pl

from encore.data import clean, detect
from encore.data.dataset import Dataset
from encore.data.ledger import Ledger
from encore.data.readers import sources
from encore.data.readers.gather import acoustic_rows, check_mapping
from encore.data.readers.tables import open_table
from encore.data.readers.text import open_text
from encore.errors import InputError

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

_ACOUSTICS_KEY = {"track_id": "artistID"}


def read(
    path: Path,
    mapping: Mapping[str, str],
    acoustics: Path | None = None,
    latest: datetime | None = None,
) -> Dataset:
    """Read the zip or the folder into a Dataset of artists.

    `acoustics` is a table with a column artistID or track_id (or as `mapping` says) and acoustic
    columns, which fill the artists' own. Assignments of tags to artists that artists.dat does not
    list are dropped as unknown_track. Friends and tags may be absent.

    Raises `InputError` where a member is missing, damaged or not as published.
    """
    ledger = Ledger()
    rows = {
        member: _rows(path, member, content, ledger)
        for member, content in _contents(path, ledger).items()
    }
    names = rows.pop(_TAGS, None)
    if _ASSIGNMENTS in rows and names is not None:
        assigned = rows[_ASSIGNMENTS].rename({"tag": "tag_id"})
        spelled = names.unique("tag_id", keep="first").select("tag_id", "tag")
        rows[_ASSIGNMENTS] = assigned.join(spelled, on="tag_id", how="left", maintain_order="left")
    features = None
    if acoustics:
        heard = open_table(acoustics, ledger)
        check_mapping(mapping, [heard])
        key = _ACOUSTICS_KEY if "track_id" not in heard.columns else {}
        features = acoustic_rows(heard, {**key, **mapping})
        sources.record(acoustics, ledger)
    return clean.assemble(
        {_MEMBERS[member][0]: frame for member, frame in rows.items()},
        ledger,
        item_kind="artist",
        acoustics=features,
        known_tracks=rows["artists.dat"]["track_id"],
        latest=latest,
    )


def _contents(path: Path, ledger: Ledger) -> dict[str, bytes]:
    """Return the members that are there, and record what was read."""
    if path.is_dir():
        files = [path / member for member in _MEMBERS if (path / member).is_file()]
        for file in files:
            sources.record(file, ledger)
        return {file.name: sources.read_bytes(file) for file in files}
    sources.record(path, ledger)
    root = detect.hetrec_root(sources.member_names(path))
    if root is None:
        raise InputError(f"{path}: no HetRec zip; expected {detect.listed(detect.HETREC_NEEDS)}")
    return sources.read_members(path, root, tuple(_MEMBERS))


def _rows(path: Path, member: str, content: bytes, ledger: Ledger) -> pl.DataFrame:
    table, columns = _MEMBERS[member]
    encoding = "latin-1" if member == _TAGS else None
    text = open_text(member, content, ledger, encoding=encoding, unwrap=False)
    lacking = [name for name in columns.values() if name not in text.columns]
    if lacking:
        raise InputError(
            f"{path}: {member} lacks {detect.listed(lacking)}; "
            f"its columns are {detect.listed(text.columns)}; expected the publisher's own file"
        )
    rows, malformed = text.rows({ours: text.columns.index(name) for ours, name in columns.items()})
    if member != _TAGS:
        ledger.table(table).read += malformed.count
        ledger.table(table).drop("malformed_line", malformed.count, malformed.places)
    elif malformed.count:
        ledger.notes.append(f"{member}: {malformed.count:,} malformed lines passed over")
    return rows
