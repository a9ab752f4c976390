"""CSV, TSV and Parquet files, or folders of them, with columns under any names."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from encore.data import clean, detect
from encore.data.dataset import Dataset
from encore.data.ledger import Ledger
from encore.data.readers import sources
from encore.data.readers.gather import Opened, Typed, acoustic_rows, check_mapping, gather
from encore.data.readers.text import open_text
from encore.errors import InputError


def read(
    paths: Sequence[Path],
    mapping: Mapping[str, str],
    acoustics: Path | None = None,
    latest: datetime | None = None,
) -> Dataset:
    """Read files of rows into a Dataset; which table each holds is told by its columns.

    `mapping` is encore's name of a column -> the name it has in the files. A file in a folder
    whose columns are no table's is passed over and noted; one that is named itself is an error.

    Raises `InputError` naming the file, what was found, what is needed and the remedy.
    """
    ledger = Ledger()
    opened: list[Opened] = []
    for path in paths:
        for file in detect.tables_in(path) if path.is_dir() else [path]:
            source = open_table(file, ledger)
            if path.is_dir() and not _is_table(source, mapping, ledger):
                continue
            opened.append(source)
            sources.record(file, ledger)
    if not opened:
        notes = "; ".join(ledger.notes)
        raise InputError(f"{', '.join(map(str, paths))}: no file here is a table ({notes})")
    return to_dataset([(source, None) for source in opened], mapping, ledger, acoustics, latest)


def to_dataset(
    opened: Sequence[tuple[Opened, str | None]],
    mapping: Mapping[str, str],
    ledger: Ledger,
    acoustics: Path | None,
    latest: datetime | None,
) -> Dataset:
    """Clean what was opened, each with the name of its table or None, into a Dataset."""
    heard = open_table(acoustics, ledger) if acoustics else None
    told = [source for source, _ in opened]
    check_mapping(mapping, [*told, heard] if heard else told)
    rows = gather(opened, mapping, ledger)
    if acoustics:
        sources.record(acoustics, ledger)
    features = acoustic_rows(heard, mapping) if heard else None
    return clean.assemble(rows, ledger, acoustics=features, latest=latest)


def open_table(path: Path, ledger: Ledger) -> Opened:
    """Open a CSV, TSV or Parquet file (told by its content), the former perhaps gzipped."""
    if detect.kind(path) != "tables" or path.is_dir():
        raise InputError(f"{path}: expected a CSV, TSV or Parquet file")
    with path.open("rb") as file:
        is_parquet = file.read(len(detect.PARQUET_MAGIC)) == detect.PARQUET_MAGIC
    if not is_parquet:
        return open_text(path.name, sources.read_bytes(path), ledger)
    columns = _parquet(path, None).columns
    if not _parquet(path, columns[:1]).height:
        raise InputError(f"{path}: no rows; expected rows below the columns")
    return Typed(path.name, columns, lambda names: _parquet(path, names), first_row=1)


def _parquet(path: Path, columns: list[str] | None) -> pl.DataFrame:
    """Read some columns of a Parquet file; with None, all columns and no rows."""
    try:
        return pl.read_parquet(
            path, columns=columns, n_rows=0 if columns is None else None, glob=False
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path}: not a whole Parquet file ({reason}); write it again") from error


def _is_table(source: Opened, mapping: Mapping[str, str], ledger: Ledger) -> bool:
    try:
        detect.table(detect.renamed(source.columns, mapping, source.name), source.name)
    except InputError:
        found = detect.listed(source.columns)
        ledger.notes.append(f"{source.name}: passed over, its columns {found} are no table's")
        return False
    return True
