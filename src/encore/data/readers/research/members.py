"""What the readers of published sets share: looking at members, and rows out of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

import polars as pl

from encore.data import detect, values
from encore.data.ledger import Ledger
from encore.data.readers import tables
from encore.data.readers.containers import HEAD_BYTES, Container
from encore.data.readers.encoding import utf8_blocks
from encore.data.readers.gather import Opened, count_malformed
from encore.data.readers.text import Text, open_text, whole_lines
from encore.errors import InputError

_LINES_LOOKED_AT = 50
_FITTING = 0.8  # share of the lines looked at that must fit a form without a header

#: How a UUID is written, as MusicBrainz' ids are; sets without a header leave unknown ones empty.
MBID_OR_NOTHING = r"(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?"


def columns(container: Container, name: str) -> list[str]:
    """Return the columns of a member, from its head; none where it is no table."""
    if name not in container.columns:
        container.columns[name] = _columns(container, name)
    return container.columns[name]


def having(container: Container, needed: set[str]) -> list[str]:
    """Return the names of the members whose columns include the needed ones."""
    return [name for name in container.names() if needed <= set(columns(container, name))]


def fitting(container: Container, fits: Callable[[str], object]) -> list[str]:
    """Return the names of the members, texts without a header, nearly all of whose lines fit."""
    return [name for name in container.names() if _fits(container, name, fits)]


def check_one_folder(container: Container, names: Sequence[str]) -> None:
    """Raise `InputError` where members lie in several folders: those hold editions of a set."""
    folders = sorted({PurePosixPath(name).parent for name in names})
    if len(folders) > 1:
        raise InputError(
            f"{container.path}: the same set in {len(folders)} folders "
            f"({detect.listed(map(str, folders))}); give one of them"
        )


def opened(container: Container, name: str, ledger: Ledger) -> Opened:
    """Open a member that has named columns, and add its file to the sources."""
    container.record(name, ledger)
    return tables.open_table(container, name, ledger)


def parts_without_header(
    container: Container, names: Sequence[str], fields: Sequence[str], table: str, ledger: Ledger
) -> Iterator[pl.DataFrame]:
    """Yield the rows of tab-separated members that name no columns, spaces around cells gone.

    Quotes are letters. What the members' lines have too few or too many fields for is counted under
    `table`; other members are noted as passed over.
    """
    passed_over(container, names, ledger)
    for name in names:
        container.record(name, ledger)
        blocks = utf8_blocks(name, container.pieces(name), ledger)
        text = Text(name, blocks, "\t", list(fields), header_lines=0, quoted=False, unwrap=False)
        for rows in parts_of(text, {field: field for field in fields}, table, ledger):
            yield rows.with_columns(values.stripped(field) for field in fields)


def parts_of(
    source: Opened, wanted: Mapping[str, str], table: str, ledger: Ledger
) -> Iterator[pl.DataFrame]:
    """Yield columns as text (encore's name -> the source's; those that it lacks are left out).

    Malformed lines are counted in the ledger under `table`.
    """
    picked = {
        ours: source.columns.index(theirs)
        for ours, theirs in wanted.items()
        if theirs in source.columns
    }
    for rows, malformed in source.parts(picked):
        count_malformed(malformed, source.name, table, ledger)
        yield rows


def rows_of(source: Opened, wanted: Mapping[str, str], table: str, ledger: Ledger) -> pl.DataFrame:
    """Return the rows of all parts in one."""
    return pl.concat(parts_of(source, wanted, table, ledger))


def passed_over(container: Container, read: Sequence[str], ledger: Ledger) -> None:
    """Note the members that no one has read."""
    rest = [name for name in container.names() if name not in read]
    if rest:
        ledger.notes.append(f"{container.path.name}: passed over {detect.listed(rest)}")


def _columns(container: Container, name: str) -> list[str]:
    silent = Ledger()
    try:
        head = container.head(name)
        if head.startswith(detect.PARQUET_MAGIC):
            return tables.open_table(container, name, silent).columns
        return open_text(name, [whole_lines(head, HEAD_BYTES)], silent).columns
    except InputError:
        return []


def _fits(container: Container, name: str, fits: Callable[[str], object]) -> bool:
    try:
        head = whole_lines(container.head(name), HEAD_BYTES).decode(errors="replace")
    except InputError:
        return False
    lines = [line.removesuffix("\r") for line in head.lstrip("\ufeff").split("\n")]
    lines = [line for line in lines if line.strip()][:_LINES_LOOKED_AT]
    return bool(lines) and sum(bool(fits(line)) for line in lines) >= _FITTING * len(lines)
