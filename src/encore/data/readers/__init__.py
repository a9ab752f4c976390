"""One entry for everything that encore reads: `read`."""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from encore.data import detect
from encore.data.dataset import Dataset
from encore.data.readers import frames, hetrec, tables
from encore.errors import InputError, UsageError

FORMATS = ("auto", "hetrec", "tables")


def read(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Mapping[str, Any] | Any,
    *,
    format: str = "auto",  # noqa: A002  # the name of the flag on the command line
    columns: Mapping[str, str] | None = None,
    acoustics: str | os.PathLike[str] | None = None,
    latest: datetime | None = None,
) -> Dataset:
    """Read listening and music into a Dataset; its ledger says what was dropped and why.

    Args:
        paths: a path or a list of them: a HetRec zip or folder, CSV, TSV or Parquet files, folders
            of these, or one Dataset folder; or a polars or pandas frame; or a mapping of frames by
            the name of their table (plays, events, tracks, tags, feedback, listeners, friends).
        format: "auto" detects by content; "hetrec" and "tables" insist.
        columns: encore's name of a column -> the name it has in the source.
        acoustics: a table with acoustic features by track_id (by artistID for HetRec).
        latest: a time from which on times are impossible; by default the end of today in UTC.

    Raises:
        InputError: a source cannot be used; the message names it, what was found and the remedy.
        UsageError: a wrong format, column name or combination.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"who": ["ann", "ann", "bob"], "track_id": ["t1", "t1", "t2"],
    ...                      "plays": ["2", "3", "many"]})
    >>> data = read(rows, columns={"user_id": "who"})
    >>> data.plays.select("user_id", "track_id", "plays").rows()
    [('ann', 't1', 5.0)]
    >>> data.ledger.dropped, data.ledger.table("plays").examples
    ({'not_a_number': 1}, {'not_a_number': ['frame:2: many']})

    """
    if format not in FORMATS:
        raise UsageError(f"format {format!r}: expected one of {', '.join(FORMATS)}")
    mapping = dict(columns or {})
    features = None if acoustics is None else Path(acoustics)
    if latest is not None and latest.tzinfo is None:
        raise UsageError(f"latest {latest}: expected a time with a time zone")
    if frames.is_frame(paths):
        return frames.read({"": paths}, mapping, features, latest)
    if isinstance(paths, Mapping):
        return frames.read(paths, mapping, features, latest)
    several = [Path(paths)] if isinstance(paths, str | os.PathLike) else [Path(p) for p in paths]
    if not several:
        raise UsageError("no path given; expected files or folders")
    kinds = [detect.kind(path) for path in several]
    for path, kind in zip(several, kinds, strict=True):
        if format not in ("auto", kind):
            raise InputError(f"{path}: found {kind}, expected {format}; leave the format at auto")
        if kind != "tables" and len(several) > 1:
            raise InputError(f"{path}: {kind} is read alone; leave the other paths out")
    if kinds == ["dataset"]:
        if mapping or features:
            raise UsageError(f"{several[0]}: an encore dataset takes neither columns nor acoustics")
        return Dataset.load(several[0])
    if kinds == ["hetrec"]:
        if mapping and not features:
            raise UsageError("columns: HetRec's own are known; they rename those of acoustics only")
        return hetrec.read(several[0], mapping, features, latest)
    return tables.read(several, mapping, features, latest)
