"""One entry for everything that encore reads: `read`."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from encore.data import detect, values
from encore.data.dataset import Dataset
from encore.data.ledger import Ledger
from encore.data.listen_rule import ListenRule
from encore.data.readers import containers, frames, hetrec, sources, tables
from encore.data.readers.containers import Container
from encore.data.readers.contract import Options, Reader, Told
from encore.data.readers.covering import LESS_EXACT, Coverage
from encore.data.readers.gather import Opened, check_mapping
from encore.data.readers.histories import HISTORIES
from encore.data.readers.research import RESEARCH
from encore.data.readers.united import dataset_of
from encore.data.rejects import written
from encore.errors import InputError, UsageError

#: Every format, in the order of trial. Tables come last: they say what a path is that none knows.
READERS: tuple[Reader, ...] = (hetrec.READER, *HISTORIES, *RESEARCH, tables.READER)

_DATASET = "dataset"
FORMATS = ("auto", *(reader.name for reader in READERS), _DATASET)


def read(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Mapping[str, Any] | Any,
    *,
    format: str = "auto",  # noqa: A002  # the name of the flag on the command line
    columns: Mapping[str, str] | None = None,
    acoustics: str | os.PathLike[str] | None = None,
    latest: datetime | None = None,
    user: str | None = None,
    tz: str | None = None,
    rule: ListenRule | None = None,
    rejects: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Read listening and music into a Dataset; its ledger says what was dropped and why.

    Args:
        paths: a path or a list of them, each a file, folder or zip of any format in `READERS`, all
            read into one Dataset; or one Dataset folder; or a polars or pandas frame; or a mapping
            of frames by the name of their table (plays, events, tracks, tags, feedback, listeners,
            friends).
        format: "auto" detects by content; the name of a reader insists on it.
        columns: encore's name of a column -> the name it has in the source, for tables.
        acoustics: a table with acoustic features by track_id (by artistID for HetRec).
        latest: a time from which on times are impossible; by default the end of today in UTC.
        user: whose history it is where a file does not say; by default "me".
        tz: the zone (IANA, as "Europe/Paris") of times that carry none; by default UTC.
        rule: what counts as a listen.
        rejects: a file (JSON lines) for the rows that are dropped, as they stood.

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
    features = None if acoustics is None else Path(acoustics)
    if latest is not None and latest.tzinfo is None:
        raise UsageError(f"latest {latest}: expected a time with a time zone")
    options = Options(user, _checked_zone(tz), dict(columns or {}), rule or ListenRule())
    with written(None if rejects is None else Path(rejects)) as kept:
        ledger = Ledger(rejects=kept)
        if frames.is_frame(paths):
            return frames.read({"": paths}, ledger, options, features, latest)
        if isinstance(paths, Mapping):
            return frames.read(paths, ledger, options, features, latest)
        given = [paths] if isinstance(paths, str | os.PathLike) else paths
        several = [Path(path) for path in given]
        if not several:
            raise UsageError("no path given; expected files or folders")
        for path in several:
            if path.is_dir() and detect.is_dataset(path):
                return _loaded(several, path, format, options, features)
        return _read(several, format, ledger, options, features, latest)


def _read(
    paths: Sequence[Path],
    format_: str,
    ledger: Ledger,
    options: Options,
    acoustics: Path | None,
    latest: datetime | None,
) -> Dataset:
    with ExitStack() as stack:
        opened = [stack.enter_context(containers.opened(path)) for path in paths]
        picked = [(one, reader) for one in opened for reader in _takers(one, format_, options)]
        heard = tables.opened_acoustics(acoustics, ledger) if acoustics else None
        _check_columns(options.columns, picked, heard)
        data = dataset_of(_told(picked, ledger, options), ledger, options, heard, latest)
    if acoustics:
        sources.record(acoustics, ledger)
    return data


def _told(
    picked: Sequence[tuple[Container, Reader]], ledger: Ledger, options: Options
) -> Iterator[Told]:
    coverage = Coverage(ledger, options.tz or values.UTC_ZONE)
    less_exact = {less: more for more, less in LESS_EXACT.items()}
    # The more exact first: what it tells is known when the others are read.
    for container, reader in sorted(picked, key=lambda one: one[1].name in less_exact):
        told = reader.read(container, ledger, options)
        if told.item_kind == "artist" and len(picked) > 1:
            raise InputError(
                f"{container.path}: {reader.name} is read alone, its items being artists; "
                "leave the other paths out"
            )
        if reader.name in LESS_EXACT:
            told = replace(told, parts=coverage.watched(reader.name, told.parts))
        elif reader.name in less_exact:
            told = replace(told, parts=coverage.less(less_exact[reader.name], told.parts))
        yield told


def _takers(container: Container, format_: str, options: Options) -> list[Reader]:
    """Return the readers of a path: several where a folder or zip holds several formats."""
    if format_ in ("auto", tables.READER.name) and tables.has_column(container, options.columns):
        return [tables.READER]
    *known, last = READERS
    if format_ not in ("auto", last.name):
        known.sort(key=lambda reader: reader.name != format_)
    for_it = [reader for reader in known if reader.recognises(container)]
    if format_ == "auto":
        return for_it or ([last] if last.recognises(container) else [])
    found = for_it or [reader for reader in (last,) if reader.recognises(container)]
    if found[0].name != format_:
        raise InputError(
            f"{container.path}: found {found[0].name}, expected {format_}; leave the format at auto"
        )
    return found[:1]


def _check_columns(
    mapping: Mapping[str, str],
    picked: Sequence[tuple[Container, Reader]],
    heard: Opened | None,
) -> None:
    if not mapping:
        return
    of_tables = [container for container, reader in picked if reader is tables.READER]
    if not of_tables and heard is None:
        raise UsageError(
            f"columns: those of {picked[0][1].name} are known; they rename columns of tables and "
            "of acoustics only"
        )
    named = [columns for container in of_tables for columns in tables.columns_of(container)]
    check_mapping(mapping, [*named, (heard.name, heard.columns)] if heard else named)


def _loaded(
    paths: Sequence[Path], path: Path, format_: str, options: Options, acoustics: Path | None
) -> Dataset:
    if format_ not in ("auto", _DATASET):
        raise InputError(f"{path}: found {_DATASET}, expected {format_}; leave the format at auto")
    if len(paths) > 1:
        raise InputError(f"{path}: {_DATASET} is read alone; leave the other paths out")
    if options.columns or acoustics:
        raise UsageError(f"{path}: an encore dataset takes neither columns nor acoustics")
    return Dataset.load(path)


def _checked_zone(tz: str | None) -> str | None:
    try:
        if tz is not None:
            pl.Series([datetime(2000, 1, 1)]).dt.replace_time_zone(tz)
    except pl.exceptions.PolarsError as error:
        raise UsageError(
            f"tz {tz!r}: no time zone; expected a name as 'Europe/Paris' or 'UTC'"
        ) from error
    return tz
