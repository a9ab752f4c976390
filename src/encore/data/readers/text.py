"""Delimited text, as it comes: any encoding, ragged lines, stray quotes, and never a traceback.

`Text` knows a file's header, and on demand gives its rows as text columns with their line numbers,
and the lines that are none, block by block. Polars parses what is well-formed; a block that is not
goes line by line.
"""

import csv
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from encore.data import detect
from encore.data.ledger import EXAMPLES_KEPT, Ledger
from encore.data.readers.encoding import (
    MAX_LINES_IN_A_ROW,
    UTF16_MARKS,
    lines_in,
    utf8_blocks,
    whole_cells,
)
from encore.data.readers.gather import Malformed, Part, whole
from encore.data.values import FILE, LINE
from encore.errors import InputError

_NUL = "\0"
_PIECE_BYTES = 1 << 19


@dataclass(frozen=True)
class Text:
    """A delimited text file: its header read, its rows not yet, to be read once.

    `blocks` are UTF-8, of whole lines, those below the header. `quoted` says whether a double quote
    opens a cell that may hold delimiters; else it is a character like others, but `unwrap` takes it
    off where it stands around a whole cell.
    """

    name: str
    blocks: Iterable[bytes]
    delimiter: str
    columns: list[str]
    header_lines: int
    quoted: bool
    unwrap: bool

    def parts(self, picked: Mapping[str, int]) -> Iterator[Part]:
        """Yield the picked columns (name -> position) of the rows of each block, FILE and LINE.

        Blank lines are no rows. Lines with too few or too many fields are yielded as malformed.
        """
        first = self.header_lines + 1
        for content in self._whole(self.blocks):
            block = _Block(self, content, first)
            parsed = _fast(block, picked)
            found = _in_pieces(block, picked) if parsed is None else [(parsed, Malformed())]
            for rows, malformed in found:
                named = pl.lit(self.name).alias(FILE)
                bare = [_unwrapped(name) for name in picked] if self.unwrap else []
                yield rows.with_columns(*bare, named), malformed
            first += lines_in(content)

    def _whole(self, blocks: Iterable[bytes]) -> Iterable[bytes]:
        return whole_cells(blocks) if self.quoted else blocks

    def rows(self, picked: Mapping[str, int]) -> Part:
        """Return all parts in one."""
        return whole(self.parts(picked), picked)


@dataclass(frozen=True)
class _Block:
    """Some lines of a file, the first of which has the number `first`."""

    text: Text
    content: bytes
    first: int


def open_text(
    name: str,
    pieces: Iterable[bytes],
    ledger: Ledger,
    *,
    encoding: str | None = None,
    unwrap: bool = True,
) -> Text:
    """Return a file's header and what comes below; without `encoding` UTF-8, else cp1252, noted.

    `pieces` cut the content anywhere. In tab-separated files quotes open nothing, since names
    contain them; without `unwrap` they stay even around a whole cell.
    Raises `InputError` where the file is empty, has no rows below its header, or is no text.
    """
    blocks = utf8_blocks(name, pieces, ledger, encoding)
    header, header_lines = "", 0
    rest = b""
    while not header and (content := rest or next(blocks, b"")):
        end = content.find(b"\n")
        end = len(content) if end < 0 else end
        header = content[:end].decode().strip("\r ")
        rest, header_lines = content[end + 1 :], header_lines + 1
    if not header:
        raise InputError(f"{name}: the file is empty; expected a line with the names of columns")
    if _NUL in header:
        raise InputError(f"{name}: is no text; expected CSV, TSV or Parquet")
    delimiter = detect.delimiter(header)
    quoted = delimiter != "\t"
    fields = _fields(header, delimiter, quoted)
    if fields is None:
        raise InputError(f"{name}:{header_lines}: a quote in the header is not closed; correct it")
    while not rest.strip() and (more := next(blocks, b"")):
        rest += more
    if not rest.strip():
        raise InputError(f"{name}: only a header, no rows; expected rows below it")
    columns = [field.strip().strip('"') for field in fields]
    below = itertools.chain([rest], blocks)
    return Text(name, below, delimiter, columns, header_lines, quoted, unwrap and not quoted)


def whole_lines(head: bytes, full: int) -> bytes:
    """Return the head of a text file without the line that it cuts; `full` is a cut head's size."""
    if len(head) < full or b"\n" not in head:
        return head
    if head.startswith(UTF16_MARKS):
        head = head[: len(head) // 2 * 2].decode("utf-16", "ignore").encode()
    return head[: head.rfind(b"\n") + 1]


def _fast(block: _Block, picked: Mapping[str, int]) -> pl.DataFrame | None:
    """Parse with Polars; None where it refuses or where a line may lack fields."""
    text, content = block.text, block.content
    if _NUL.encode() in content:
        return None
    names = [str(position) for position in range(len(text.columns))]
    try:
        frame = pl.read_csv(
            content,
            has_header=False,
            schema=dict.fromkeys(names, pl.String),
            separator=text.delimiter,
            quote_char='"' if text.quoted else None,
        )
    except pl.exceptions.PolarsError:
        return None
    # Polars fills a short line up with nulls: its last field cannot be told from an empty one.
    if frame[names[-1]].null_count():
        return None
    line = pl.int_range(pl.len()) + block.first
    if text.quoted and b'"' in content:
        in_cells = pl.all().str.count_matches("\n", literal=True).fill_null(0)
        breaks = frame.select(pl.sum_horizontal(in_cells)).to_series()
        if frame.height and breaks.ge(MAX_LINES_IN_A_ROW).any():
            return None
        line = line + pl.lit(breaks.cum_sum().shift(1, fill_value=0))
    columns = [pl.col(str(position)).alias(name) for name, position in picked.items()]
    return frame.select(*columns, line.alias(LINE))


def _in_pieces(block: _Block, picked: Mapping[str, int]) -> Iterator[Part]:
    """Yield the rows of a block that Polars refuses: only near the bad lines goes it line by line.

    A hostile block of nothing but bad lines takes no more memory than a piece of it.
    """
    first = block.first
    for content in block.text._whole(_cut(block.content, _PIECE_BYTES)):
        piece = _Block(block.text, content, first)
        parsed = _fast(piece, picked)
        yield _line_by_line(piece, picked) if parsed is None else (parsed, Malformed())
        first += lines_in(content)


def _cut(content: bytes, size: int) -> Iterator[bytes]:
    """Yield the lines of a text in pieces of about `size` bytes."""
    start = 0
    while start < len(content):
        end = content.find(b"\n", start + size) + 1 or len(content)
        yield content[start:end]
        start = end


def _line_by_line(block: _Block, picked: Mapping[str, int]) -> Part:
    text, lines = block.text, block.content.decode().split("\n")
    cells: dict[str, list[str | None]] = {name: [] for name in picked}
    numbers: list[int] = []
    bad: list[tuple[int, str]] = []
    places: list[str] = []
    at = 0
    while at < len(lines):
        number, line = block.first + at, lines[at].removesuffix("\r")
        at += 1
        if not line.strip() and text.delimiter not in line:
            continue
        fields = _fields(line, text.delimiter, text.quoted)
        ahead = at
        while fields is None and ahead < min(len(lines), at + MAX_LINES_IN_A_ROW):
            line = "\n".join([line, lines[ahead]]).removesuffix("\r")
            ahead += 1
            fields = _fields(line, text.delimiter, text.quoted)
        if fields is None or len(fields) != len(text.columns) or _NUL in line:
            # Only the line itself is given up, so that one stray quote costs one row.
            bad.append((number, lines[at - 1].removesuffix("\r")))
            if len(places) < EXAMPLES_KEPT:
                found = "a quote not closed" if fields is None else f"{len(fields)} fields"
                places.append(f"{text.name}:{number}: {found}, expected {len(text.columns)} fields")
            continue
        at = max(at, ahead)
        numbers.append(number)
        for name, position in picked.items():
            cells[name].append(fields[position] or None)
    schema = {**dict.fromkeys(picked, pl.String), LINE: pl.Int64}
    rows = pl.DataFrame({**cells, LINE: numbers}, schema=schema)
    return rows, Malformed(tuple(bad), tuple(places))


def _fields(line: str, delimiter: str, quoted: bool) -> list[str] | None:
    """Split a line; None where a quote is not closed or goes on after it was."""
    if not quoted or '"' not in line:
        # As Polars reads it, a carriage return at a cell's end is none of its signs.
        return [cell.removesuffix("\r") for cell in line.split(delimiter)]
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error:
        return None


def _unwrapped(name: str) -> pl.Expr:
    """Take off quotes that wrap a whole cell, as writers of CSV put them into TSV too."""
    cell = pl.col(name)
    wrapped = cell.str.contains(r'^".*"$') & (cell.str.len_bytes() > 1)
    bare = cell.str.strip_prefix('"').str.strip_suffix('"').str.replace_all('""', '"', literal=True)
    return pl.when(wrapped).then(bare).otherwise(cell).alias(name)
