"""What a report is made of: sections of tables, figures and lists, each with its JSON twin.

A section knows what it says; how it looks is the template's. Therefore the page, the files of a run
and the model card tell the same from the same records.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from matplotlib.figure import Figure

from encore.evaluation.setups import leaves
from encore.reports.naming import Value, finite, number, percent
from encore.reports.page import address, embedded, whole, written


@dataclass(frozen=True)
class Cell:
    """A value as JSON has it, and as people read it; `best` where none of its group is better."""

    value: Any
    text: str
    small: str = ""
    best: bool = False


@dataclass(frozen=True)
class Row:
    """A row of a table; `ours` marks what ships, `over` begins a group of rows."""

    name: str
    cells: Sequence[Cell]
    ours: bool = False
    over: str = ""


@dataclass(frozen=True)
class Table:
    """Named rows under named columns; `corner` names what the rows are.

    The page shows the first `shown` rows, where that is given; the JSON twin has all. What is
    `folded` is there for who asks.
    """

    kind: ClassVar = "table"
    name: str
    corner: str
    columns: Sequence[str]
    rows: Sequence[Row]
    title: str = ""
    note: str = ""
    shown: int | None = None
    folded: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return {"columns", "rows"}, the rows' names in the first column."""
        grouped = any(row.over for row in self.rows)
        over, rows = "", []
        for row in self.rows:
            over = row.over or over
            rows.append([*([over] if grouped else []), row.name, *(c.value for c in row.cells)])
        head = [*(["group"] if grouped else []), self.corner, *self.columns]
        return {"columns": head, "rows": rows}

    @property
    def address(self) -> str:
        """The address of the table's JSON twin, embedded."""
        return address("application/json", json.dumps(self.to_json(), ensure_ascii=False))


@dataclass(frozen=True)
class Drawn:
    """A figure, what it shows for those who cannot see it, how to read it, and its numbers."""

    kind: ClassVar = "drawn"
    name: str
    figure: Figure
    alt: str
    how: str
    numbers: Sequence[Table] = ()

    @cached_property
    def text(self) -> str:
        """The picture as an SVG file has it, in light colours."""
        return written(self.figure)

    @property
    def address(self) -> str:
        """The address of the picture, embedded."""
        return embedded(self.text)


@dataclass(frozen=True)
class Slot:
    """A place of a list; `found` where it was a right answer."""

    rank: int
    title: str
    beside: str = ""
    lines: Sequence[str] = ()
    found: bool = False


@dataclass(frozen=True)
class Listing:
    """A list of tracks, as a listener would see it."""

    kind: ClassVar = "listing"
    title: str
    slots: Sequence[Slot]
    note: str = ""


Part = Table | Drawn | Listing


@dataclass(frozen=True)
class Section:
    """A heading, sentences under it, and blocks: parts that stand side by side."""

    title: str
    blocks: Sequence[Sequence[Part]]
    sentences: Sequence[str] = ()
    parts: tuple[Part, ...] = field(init=False)

    def __post_init__(self) -> None:
        """List the parts of all blocks, the numbers of a figure after it."""
        parts: list[Part] = []
        for part in (part for block in self.blocks for part in block):
            parts += [part, *(part.numbers if isinstance(part, Drawn) else [])]
        object.__setattr__(self, "parts", tuple(parts))

    @property
    def anchor(self) -> str:
        """The section's name in an address."""
        return re.sub("[^a-z0-9]+", "-", self.title.lower()).strip("-")


def figure_cell(value: Value | None, best: bool = False) -> Cell:
    """Return a mean with its interval as a cell.

    >>> figure_cell({"mean": 0.2, "low": 0.1, "high": 0.3}).small
    '0.100 to 0.300'
    """
    value = value or {}
    low, high = value.get("low"), value.get("high")
    known = finite(value) and low is not None and high is not None
    small = f"{number(low)} to {number(high)}" if known else ""
    return Cell(dict(value) or None, number(value.get("mean")), small, best)


def count_cell(value: float | None) -> Cell:
    """Return a count as a cell."""
    return Cell(value, whole(value))


def number_cell(value: float | None) -> Cell:
    """Return a number as a cell."""
    return Cell(value, number(value))


def share_cell(value: float | None) -> Cell:
    """Return a share as a cell, in percent."""
    return Cell(value, percent(value).replace(" ", "\u00a0"))


def flat(value: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the leaves of nested mappings as dotted names and text.

    >>> flat({"als": {"factors": 64}, "hidden": [256, 128]})
    [('als.factors', '64'), ('hidden', '256, 128')]
    """
    return [
        (name, ", ".join(map(str, leaf)) if isinstance(leaf, list) else str(leaf))
        for name, leaf in leaves(value).items()
    ]
