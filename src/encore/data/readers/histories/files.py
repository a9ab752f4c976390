"""A reader out of two functions: which files are of a format, and the listens of one of them."""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from encore.data import detect
from encore.data.ledger import Ledger
from encore.data.readers.containers import Container
from encore.data.readers.contract import Options, Reader, Told
from encore.data.readers.encoding import as_utf8
from encore.data.readers.gather import count_malformed
from encore.data.readers.histories.listens import told
from encore.data.readers.text import Text
from encore.errors import InputError

_LINES_LOOKED_AT = 20  # of a file without a header


@dataclass(frozen=True)
class Head:
    """The beginning of a file: what a format is recognised by."""

    name: str
    content: bytes

    @cached_property
    def text(self) -> str:
        """The beginning as text, whatever bytes it has."""
        if self.content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            even = self.content[: len(self.content) // 2 * 2]
            return even.decode("utf-16", "ignore")
        return self.content.removeprefix(codecs.BOM_UTF8).decode("utf-8", "ignore")

    @cached_property
    def lines(self) -> list[str]:
        """The first lines that are neither blank nor comments."""
        cut = self.text.splitlines()[: 4 * _LINES_LOOKED_AT]
        said = [line for line in cut if line.strip() and not line.startswith("#")]
        return said[:_LINES_LOOKED_AT]

    def header(self, delimiter: str = ",") -> list[str]:
        """Return the columns that the first line names, in lower case."""
        first = self.lines[0] if self.lines else ""
        return [name.strip().strip('"').lower() for name in first.split(delimiter)]


@dataclass(frozen=True)
class File:
    """A member of a container, to be read by a format's own file."""

    container: Container
    name: str

    @property
    def place(self) -> str:
        """What a message calls it."""
        return self.container.place(self.name)

    def content(self, ledger: Ledger) -> bytes:
        """Return it as UTF-8; another encoding is noted."""
        return as_utf8(self.name, self.container.read(self.name), ledger)

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield its lines, numbered from 1."""
        return enumerate(self.container.lines(self.name), start=1)


def history(
    name: str,
    title: str,
    is_ours: Callable[[Head], bool],
    listens: Callable[[File, Ledger, Options], pl.DataFrame],
) -> Reader:
    """Return the reader of a format whose files each hold listens, in any number and company."""

    def ours(container: Container) -> Iterator[str]:
        return (
            member for member in container.names() if is_ours(Head(member, container.head(member)))
        )

    def recognises(container: Container) -> bool:
        return next(ours(container), None) is not None

    def read(container: Container, ledger: Ledger, options: Options) -> Told:
        members = list(ours(container))
        if not members:
            raise InputError(f"{container.path}: no file here is of the format {name} ({title})")
        frames = []
        for member in members:
            container.record(member, ledger)
            frames.append(listens(File(container, member), ledger, options))
        if not container.is_single:
            ledger.notes.append(f"{container.path.name}: {name}: {detect.listed(members)}")
        return told(frames, ledger, options, container.path.name)

    return Reader(name, title, recognises, read)


def table_of(
    file: File,
    ledger: Ledger,
    columns: list[str],
    *,
    header_lines: int,
    delimiter: str = ",",
) -> Text:
    """Return a delimited file whose columns are known; `header_lines` of it are no rows."""
    lines = file.content(ledger).split(b"\n", header_lines)
    rows = lines[header_lines:]
    return Text(file.name, rows, delimiter, columns, header_lines, quoted=True, unwrap=False)


def rows_of(text: Text, named: dict[str, str], ledger: Ledger) -> pl.DataFrame:
    """Return rows under encore's names (ours -> the file's); what the file lacks is left out."""
    columns = [name.lower() for name in text.columns]
    picked = {ours: columns.index(theirs) for ours, theirs in named.items() if theirs in columns}
    rows, malformed = text.rows(picked)
    count_malformed(malformed, text.name, "events", ledger)
    return rows
