"""Delimited text, as it comes: any encoding, ragged lines, stray quotes, and never a traceback.

`Text` knows a file's header, and on demand gives its rows as text columns with their line numbers,
and the lines that are none. Polars parses what is well-formed; what is not goes line by line.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from encore.data import detect
from encore.data.ledger import EXAMPLES_KEPT, Ledger
from encore.data.readers.gather import Malformed
from encore.data.values import FILE, LINE
from encore.errors import InputError

_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_NUL = "\0"

#: A quoted cell may hold line breaks, but this many mean a stray quote that would eat the file.
MAX_LINES_IN_A_ROW = 50


@dataclass(frozen=True)
class Text:
    """A delimited text file in memory: UTF-8, its header read, its rows not yet.

    `quoted` says whether a double quote opens a cell that may hold delimiters; else it is a
    character like others, but `unwrap` takes it off where it stands around a whole cell.
    """

    name: str
    content: bytes
    delimiter: str
    columns: list[str]
    header_lines: int
    quoted: bool
    unwrap: bool

    def rows(self, picked: Mapping[str, int]) -> tuple[pl.DataFrame, Malformed]:
        """Return the picked columns (name -> position) of every row, with FILE and LINE.

        Blank lines are no rows. Lines with too few or too many fields are returned as malformed.
        """
        parsed, malformed = _fast(self, picked), Malformed()
        if parsed is None:
            parsed, malformed = _line_by_line(self, picked)
        if self.unwrap:
            parsed = parsed.with_columns(_unwrapped(name) for name in picked)
        return parsed.with_columns(pl.lit(self.name).alias(FILE)), malformed


def open_text(
    name: str,
    content: bytes,
    ledger: Ledger,
    *,
    encoding: str | None = None,
    unwrap: bool = True,
) -> Text:
    """Return a file's header and content; without `encoding` UTF-8, else cp1252, which is noted.

    In tab-separated files quotes open nothing, since names contain them; without `unwrap` they
    stay even around a whole cell.
    Raises `InputError` where the file is empty, has no rows below its header, or is no text.
    """
    content = as_utf8(name, content, ledger, encoding)
    header, header_lines = "", 0
    start = 0
    while not header and start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        header = content[start:end].decode().strip("\r ")
        start, header_lines = end + 1, header_lines + 1
    if not header:
        raise InputError(f"{name}: the file is empty; expected a line with the names of columns")
    if _NUL in header:
        raise InputError(f"{name}: is no text; expected CSV, TSV or Parquet")
    delimiter = detect.delimiter(header)
    quoted = delimiter != "\t"
    fields = _fields(header, delimiter, quoted)
    if fields is None:
        raise InputError(f"{name}:{header_lines}: a quote in the header is not closed; correct it")
    if not content[start:].strip():
        raise InputError(f"{name}: only a header, no rows; expected rows below it")
    columns = [field.strip().strip('"') for field in fields]
    return Text(name, content, delimiter, columns, header_lines, quoted, unwrap and not quoted)


def whole_lines(head: bytes, full: int) -> bytes:
    """Return the head of a text file without the line that it cuts; `full` is a cut head's size."""
    if len(head) < full or b"\n" not in head:
        return head
    if head.startswith(_UTF16_MARKS):
        head = head[: len(head) // 2 * 2].decode("utf-16", "ignore").encode()
    return head[: head.rfind(b"\n") + 1]


def _fast(text: Text, picked: Mapping[str, int]) -> pl.DataFrame | None:
    """Parse with Polars; None where it refuses or where a line may lack fields."""
    if _NUL.encode() in text.content:
        return None
    names = [str(position) for position in range(len(text.columns))]
    try:
        frame = pl.read_csv(
            text.content,
            has_header=False,
            skip_lines=text.header_lines,
            schema=dict.fromkeys(names, pl.String),
            separator=text.delimiter,
            quote_char='"' if text.quoted else None,
        )
    except pl.exceptions.PolarsError:
        return None
    # Polars fills a short line up with nulls: its last field cannot be told from an empty one.
    if frame[names[-1]].null_count():
        return None
    line = pl.int_range(pl.len()) + text.header_lines + 1
    if text.quoted and b'"' in text.content:
        in_cells = pl.all().str.count_matches("\n", literal=True).fill_null(0)
        breaks = frame.select(pl.sum_horizontal(in_cells)).to_series()
        if frame.height and breaks.ge(MAX_LINES_IN_A_ROW).any():
            return None
        line = line + pl.lit(breaks.cum_sum().shift(1, fill_value=0))
    columns = [pl.col(str(position)).alias(name) for name, position in picked.items()]
    return frame.select(*columns, line.alias(LINE))


def _line_by_line(text: Text, picked: Mapping[str, int]) -> tuple[pl.DataFrame, Malformed]:
    lines = text.content.decode().split("\n")
    cells: dict[str, list[str | None]] = {name: [] for name in picked}
    numbers: list[int] = []
    bad = 0
    places: list[str] = []
    at = text.header_lines
    while at < len(lines):
        number, line = at + 1, lines[at].removesuffix("\r")
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
            bad += 1
            if len(places) < EXAMPLES_KEPT:
                found = "a quote not closed" if fields is None else f"{len(fields)} fields"
                places.append(f"{text.name}:{number}: {found}, expected {len(text.columns)} fields")
            continue
        at = max(at, ahead)
        numbers.append(number)
        for name, position in picked.items():
            cells[name].append(fields[position] or None)
    schema = {**dict.fromkeys(picked, pl.String), LINE: pl.Int64}
    return pl.DataFrame({**cells, LINE: numbers}, schema=schema), Malformed(bad, tuple(places))


def _fields(line: str, delimiter: str, quoted: bool) -> list[str] | None:
    """Split a line; None where a quote is not closed or goes on after it was."""
    if not quoted or '"' not in line:
        return line.split(delimiter)
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


def as_utf8(name: str, content: bytes, ledger: Ledger, encoding: str | None = None) -> bytes:
    """Return text as UTF-8 without a mark; what is neither it nor UTF-16 is noted as cp1252."""
    if encoding:
        return content.decode(encoding).encode()
    try:
        if content.startswith(_UTF16_MARKS):
            content = content.decode("utf-16").encode()
        else:
            content.decode()
    except UnicodeDecodeError as error:
        return _legacy(name, content, error.start, ledger)
    content = content.removeprefix(_UTF8_MARK)
    # Lines of the old Macintosh end in a lone carriage return.
    return content if b"\n" in content else content.replace(b"\r", b"\n")


def _legacy(name: str, content: bytes, position: int, ledger: Ledger) -> bytes:
    try:
        encoding = "cp1252"
        text = content.decode(encoding)
    except UnicodeDecodeError:
        encoding = "latin-1"
        text = content.decode(encoding)
    line = content.count(b"\n", 0, position) + 1
    ledger.notes.append(f"{name}:{line}: not UTF-8; the file was read as {encoding}")
    return text.encode()
