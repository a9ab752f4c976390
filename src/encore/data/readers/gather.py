"""Opened files and frames -> the rows of each table, under encore's names.

Whatever has columns and gives rows as text can be gathered: `encore.data.readers.text.Text` for
delimited files, `Typed` for Parquet files and frames. Rows come in parts, so that no file need be
whole in memory.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from encore import schema
from encore.data import detect, values
from encore.data.assembly import TOLD_OF_TRACKS
from encore.data.clean import ACOUSTIC_COLUMNS, OF_A_LISTEN
from encore.data.ledger import LISTENING, Ledger
from encore.data.values import FILE, LINE
from encore.errors import InputError, UsageError

MALFORMED = "malformed_line"

#: Columns by which rows of listening show that they tell about the tracks too.
_TELL_OF_TRACKS = {"title", "artist"}


@dataclass(frozen=True)
class Malformed:
    """Lines with another number of fields than the header: (number, text), places of the first."""

    lines: tuple[tuple[int, str], ...] = ()
    places: tuple[str, ...] = ()


#: Rows as text, with FILE and LINE, and the lines beside them that are none.
Part = tuple[pl.DataFrame, Malformed]


class Opened(Protocol):
    """A file or frame whose columns are known and whose rows are not read yet."""

    @property
    def name(self) -> str:
        """What the ledger and messages call it."""

    @property
    def columns(self) -> list[str]:
        """The names its own columns have."""

    def parts(self, picked: Mapping[str, int]) -> Iterator[Part]:
        """Yield the picked columns (name -> position) of the rows in turn; once."""

    def rows(self, picked: Mapping[str, int]) -> Part:
        """Return the picked columns of all rows; in place of `parts`."""


@dataclass(frozen=True)
class Typed:
    """A frame, or a Parquet file read on demand; its rows are numbered from `first_row`.

    `select` yields the frame's columns of these names, in any number of parts.
    """

    name: str
    columns: list[str]
    select: Callable[[list[str]], Iterable[pl.DataFrame]]
    first_row: int

    def parts(self, picked: Mapping[str, int]) -> Iterator[Part]:
        """Yield the picked columns as text, with FILE and LINE."""
        theirs = list(dict.fromkeys(self.columns[position] for position in picked.values()))
        first = self.first_row
        for frame in self.select(theirs):
            ours = [frame[self.columns[at]].alias(name) for name, at in picked.items()]
            text = values.as_text(pl.DataFrame(ours), self.name)
            line = pl.int_range(pl.len()) + first
            yield text.with_columns(pl.lit(self.name).alias(FILE), line.alias(LINE)), Malformed()
            first += frame.height

    def rows(self, picked: Mapping[str, int]) -> Part:
        """Return all parts in one."""
        return whole(self.parts(picked), picked)


def whole(parts: Iterable[Part], picked: Iterable[str]) -> Part:
    """Return parts, which have the columns `picked`, as one."""
    empty = {**dict.fromkeys([*picked, FILE], pl.String), LINE: pl.Int64}
    frames, malformed = [], []
    for rows, bad in parts:
        frames.append(rows)
        malformed.append(bad)
    lines = tuple(line for one in malformed for line in one.lines)
    places = tuple(place for one in malformed for place in one.places)
    return pl.concat(frames) if frames else pl.DataFrame(schema=empty), Malformed(lines, places)


def count_malformed(malformed: Malformed, file: str, table: str, ledger: Ledger) -> None:
    """Count lines that are no rows as read and dropped, and keep them where rejects are kept."""
    if malformed.lines:
        counts = ledger.table(table)
        counts.read += len(malformed.lines)
        counts.drop(MALFORMED, len(malformed.lines), malformed.places)
        if ledger.rejects is not None:
            ledger.rejects.lines(table, MALFORMED, file, malformed.lines)


def check_names(mapping: Mapping[str, str]) -> None:
    """Raise `UsageError` where the left of a renaming is no column of encore."""
    for ours in mapping:
        if ours not in detect.COLUMNS:
            raise UsageError(
                f"columns: {ours!r} is no column of encore; expected one of "
                f"{', '.join(sorted(detect.COLUMNS))}"
            )


def check_mapping(mapping: Mapping[str, str], opened: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Check a renaming (encore's name -> the source's) against all tables: (name, its columns).

    Raises `UsageError` where the left is no column of encore, `InputError` where nothing has the
    right.
    """
    check_names(mapping)
    opened = list(opened)
    for ours, theirs in mapping.items():
        if not any(theirs in columns for _, columns in opened):
            found = "; ".join(f"{name} has {detect.listed(columns)}" for name, columns in opened)
            raise InputError(f"columns: no column {theirs!r} to use as {ours!r}: {found}")


def gather(
    opened: Iterable[tuple[Opened, str | None]], mapping: Mapping[str, str], ledger: Ledger
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the rows of each source in turn, a part at a time, with the name of their table.

    With each source comes the name of its table, or None to detect it by its columns. Rows of
    listening that also carry titles or artists tell of tracks too.
    """
    for source, given in opened:
        renamed = detect.renamed(source.columns, mapping, source.name)
        table = given or detect.table(renamed, source.name, source.columns)
        detect.check_needed(table, renamed, source.name, source.columns)
        useful = _useful(table)
        track_columns = [name for name in renamed if name in schema.TRACKS]
        tells = table in LISTENING and not _TELL_OF_TRACKS.isdisjoint(renamed)
        if tells:
            useful |= set(track_columns)
        picked = {name: position for name, position in renamed.items() if name in useful}
        _note_ignored(source, picked, ledger)
        for rows, malformed in source.parts(picked):
            count_malformed(malformed, source.name, table, ledger)
            yield table, rows
            if tells:
                told = rows.select(*track_columns, FILE, LINE).filter(~values.blank("track_id"))
                yield (
                    TOLD_OF_TRACKS,
                    told.unique(track_columns, keep="first", maintain_order=True),
                )


def acoustic_rows(source: Opened, mapping: Mapping[str, str]) -> pl.DataFrame:
    """Return track_id and the acoustic columns of a source.

    Raises `InputError` where it lacks the key or has no acoustic column.
    """
    renamed = detect.renamed(source.columns, mapping, source.name)
    picked = {name: at for name, at in renamed.items() if name in ("track_id", *ACOUSTIC_COLUMNS)}
    if "track_id" not in picked or len(picked) == 1:
        raise InputError(
            f"{source.name}: the columns are {detect.listed(source.columns)}; expected track_id "
            f"and acoustic columns ({', '.join(ACOUSTIC_COLUMNS)}); "
            "if the key has another name, say --columns track_id=THEIR_NAME"
        )
    rows, _ = source.rows(picked)
    return rows


def _useful(table: str) -> set[str]:
    extra = {"events": OF_A_LISTEN, "plays": ("listened_at",)}
    return set(schema.TABLES[table]) | set(extra.get(table, ()))


def _note_ignored(source: Opened, picked: Mapping[str, int], ledger: Ledger) -> None:
    used = set(picked.values())
    ignored = [name for at, name in enumerate(source.columns) if at not in used and name]
    if ignored:
        ledger.notes.append(f"{source.name}: columns not used: {detect.listed(ignored)}")
