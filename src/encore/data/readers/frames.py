"""Polars and pandas frames, cleaned like files; pandas itself is never imported."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeGuard

import polars as pl

from encore import schema
from encore.data import detect
from encore.data.dataset import Dataset
from encore.data.ledger import Ledger
from encore.data.readers import sources
from encore.data.readers.contract import Options, Told
from encore.data.readers.gather import Opened, Typed, check_mapping, gather
from encore.data.readers.tables import opened_acoustics
from encore.data.readers.united import dataset_of
from encore.errors import InputError, UsageError

_ROWS_A_PART = 1 << 19


def is_frame(value: object) -> TypeGuard[Any]:
    """Say whether a value is a polars (eager or lazy) or pandas frame."""
    return isinstance(value, pl.LazyFrame) or (
        hasattr(value, "to_dict") and hasattr(value, "columns")
    )


def read(
    frames: Mapping[str, Any],
    ledger: Ledger,
    options: Options,
    acoustics: Path | None = None,
    latest: datetime | None = None,
) -> Dataset:
    """Read frames by the name of their table into a Dataset; "" detects a table by its columns.

    Places in the ledger count rows from 0, as frames do.

    Raises `UsageError` where a name is no table's, `InputError` where a frame lacks a column.
    """
    opened: list[tuple[Opened, str | None]] = []
    for table, value in frames.items():
        if table and table not in schema.TABLES:
            raise UsageError(
                f"frames: {table!r} is no table of encore; expected {detect.listed(schema.TABLES)}"
            )
        frame = _polars(value, table)
        opened.append((_typed(table or "frame", frame), table or None))
    heard = opened_acoustics(acoustics, ledger) if acoustics else None
    named = [source for source, _ in opened]
    check_mapping(
        options.columns,
        [(source.name, source.columns) for source in (*named, heard) if source is not None],
    )
    told = Told(gather(opened, options.columns, ledger))
    data = dataset_of([told], ledger, options, heard, latest)
    if acoustics:
        sources.record(acoustics, ledger)
    return data


def _typed(name: str, frame: pl.DataFrame) -> Typed:
    return Typed(
        name,
        frame.columns,
        lambda columns: frame.select(columns).iter_slices(_ROWS_A_PART),
        first_row=0,
    )


def _polars(value: Any, table: str) -> pl.DataFrame:
    if isinstance(value, pl.LazyFrame):
        value = value.collect()
    if isinstance(value, pl.DataFrame):
        return value
    if not is_frame(value):
        raise UsageError(
            f"frames: {table or 'the value'!r} is a {type(value).__name__}; "
            "expected a polars or pandas DataFrame"
        )
    try:
        return pl.from_pandas(value)
    except ImportError as error:
        raise InputError(
            "a pandas frame needs pyarrow (pip install pyarrow); or pass a polars frame"
        ) from error
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"frame {table!r}: cannot be read: {reason}") from error
