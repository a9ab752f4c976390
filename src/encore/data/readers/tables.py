"""CSV, TSV and Parquet files, or folders of them, with columns under any names."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from encore.data import detect
from encore.data.ledger import Ledger
from encore.data.readers import containers
from encore.data.readers.containers import HEAD_BYTES, Container
from encore.data.readers.contract import Options, Reader, Told
from encore.data.readers.gather import Opened, Typed, gather
from encore.data.readers.text import open_text, whole_lines
from encore.errors import InputError

_ROWS_A_PART = 1 << 19  # of a Parquet file


def recognises(container: Container) -> bool:
    """Say whether a path may hold tables.

    Raises `InputError` saying what the path is where nothing in it is known: tables come last.
    """
    return detect.kind(container.path) == "tables"


def read(container: Container, ledger: Ledger, options: Options) -> Told:
    """Read files of rows; which table each holds is told by its columns.

    A file in a folder whose columns are no table's is passed over and noted; one that is given
    itself is an error.

    Raises `InputError` naming the file, what was found, what is needed and the remedy.
    """
    opened: list[Opened] = []
    for name in _names(container):
        source = open_table(container, name, ledger)
        if not container.is_single and not _is_table(source, options.columns, ledger):
            continue
        opened.append(source)
        container.record(name, ledger)
    if not opened:
        notes = "; ".join(ledger.notes)
        raise InputError(f"{container.path}: no file here is a table ({notes})")
    for source in opened:
        # Told before the first row is taken: a folder of tables is refused whole.
        detect.table(
            detect.renamed(source.columns, options.columns, source.name),
            source.name,
            source.columns,
        )
    return Told(gather([(source, None) for source in opened], options.columns, ledger))


READER = Reader(
    "tables",
    "CSV, TSV or Parquet files with named columns, or folders of them",
    recognises,
    read,
)


def columns_of(container: Container) -> list[tuple[str, list[str]]]:
    """Return the files that may hold tables, each with its columns, from their heads only."""
    silent = Ledger()
    found = []
    for name in _names(container):
        if _is_parquet(container, name):
            found.append((name, open_table(container, name, silent).columns))
        else:
            head = whole_lines(container.head(name), HEAD_BYTES)
            found.append((name, open_text(name, [head], silent).columns))
    return found


def has_column(container: Container, mapping: Mapping[str, str]) -> bool:
    """Say whether a file has a column that the caller named: then it is a table, whatever else."""
    try:
        known = columns_of(container) if mapping and container.archive is None else []
    except InputError:
        return False
    return any(not set(mapping.values()).isdisjoint(columns) for _, columns in known)


def open_table(container: Container, name: str, ledger: Ledger) -> Opened:
    """Open a CSV, TSV or Parquet file (told by its content), the former perhaps packed."""
    if not _is_parquet(container, name):
        return open_text(name, container.pieces(name), ledger)
    where = container.place(name)
    source = containers.seekable(container, name)
    columns = _parquet_columns(source, where)
    return Typed(name, columns, lambda names: _parquet_parts(source, where, names), first_row=1)


def opened_acoustics(path: Path, ledger: Ledger) -> Opened:
    """Open a file of acoustic features."""
    if path.is_dir() or detect.kind(path) != "tables":
        raise InputError(f"{path}: expected a CSV, TSV or Parquet file")
    with containers.opened(path) as container:
        return open_table(container, path.name, ledger)


def _names(container: Container) -> list[str]:
    if container.path.is_dir():
        return [file.name for file in detect.tables_in(container.path)]
    return container.names()


def _is_parquet(container: Container, name: str) -> bool:
    return container.head(name).startswith(detect.PARQUET_MAGIC)


def _parquet_columns(source: Path | io.BytesIO, where: str) -> list[str]:
    with _parquet_faults(where):
        columns = pl.read_parquet(source, n_rows=0, glob=False).columns
        if not pl.read_parquet(source, columns=columns[:1], n_rows=1, glob=False).height:
            raise InputError(f"{where}: no rows; expected rows below the columns")
    return columns


def _parquet_parts(
    source: Path | io.BytesIO, where: str, columns: list[str]
) -> Iterator[pl.DataFrame]:
    with _parquet_faults(where):
        scanned = pl.scan_parquet(source, glob=False).select(columns)
        yield from scanned.collect_batches(chunk_size=_ROWS_A_PART, engine="streaming")


@contextmanager
def _parquet_faults(where: str) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{where}: not a whole Parquet file ({reason}); write it again") from error


def _is_table(source: Opened, mapping: Mapping[str, str], ledger: Ledger) -> bool:
    try:
        detect.table(detect.renamed(source.columns, mapping, source.name), source.name)
    except InputError:
        found = detect.listed(source.columns)
        ledger.notes.append(f"{source.name}: passed over, its columns {found} are no table's")
        return False
    return True
