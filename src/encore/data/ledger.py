"""The ledger of an import: every row read is kept, or dropped for a named reason.

Readers and cleaning write into it; `encore import` prints it; the manifest of the Dataset folder
keeps it. For each table read = kept + dropped, always.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from encore.data.rejects import Rejects

EXAMPLES_KEPT = 3  # places (file:line) remembered for each reason

#: Tables whose rows count as "plays or listens": the headline figures sum over these.
LISTENING = ("plays", "events")


@dataclass
class Counts:
    """Rows of one table: how many were read, kept, and dropped by reason, with example places."""

    read: int = 0
    kept: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def drop(self, reason: str, rows: int, places: Iterable[str] = ()) -> None:
        """Count `rows` as dropped for `reason`; `places` are examples, as `plays.csv:17: -3`."""
        if rows:
            self.dropped[reason] = self.dropped.get(reason, 0) + rows
            kept = self.examples.setdefault(reason, [])
            kept.extend(list(places)[: EXAMPLES_KEPT - len(kept)])


@dataclass
class Source:
    """A file that was read: its name (no folder), size and digest."""

    name: str
    bytes: int
    sha256: str


@dataclass
class Ledger:
    """What an import read, kept and dropped, table by table; from which files; with which notes.

    `rejects`, where there are any to be kept, take the dropped rows themselves.
    """

    tables: dict[str, Counts] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rejects: Rejects | None = field(default=None, repr=False, compare=False)
    _tallies: dict[str, tuple[int, str, str]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def table(self, name: str) -> Counts:
        """Return the counts of a table, begun at zero on first use."""
        return self.tables.setdefault(name, Counts())

    def note(self, text: str) -> None:
        """Add a note, once however often it is said."""
        if text not in self.notes:
            self.notes.append(text)

    def tally(self, form: str, rows: int, first: str = "") -> None:
        """Note `form`, in which {rows} and {first} stand; where it was noted, rows are added up.

        >>> ledger = Ledger()
        >>> ledger.tally("{rows:,} strange values (first: {first})", 2, "a.csv:7")
        >>> ledger.tally("{rows:,} strange values (first: {first})", 3, "a.csv:9")
        >>> ledger.notes
        ['5 strange values (first: a.csv:7)']
        """
        so_far, first, text = self._tallies.get(form, (0, first, ""))
        new = form.format(rows=so_far + rows, first=first)
        self._tallies[form] = so_far + rows, first, new
        if text in self.notes:
            self.notes[self.notes.index(text)] = new
        else:
            self.notes.append(new)

    @property
    def read(self) -> int:
        """Rows of plays or listens read."""
        return sum(self.table(name).read for name in LISTENING if name in self.tables)

    @property
    def kept(self) -> int:
        """Rows of plays or listens kept."""
        return sum(self.table(name).kept for name in LISTENING if name in self.tables)

    @property
    def dropped(self) -> dict[str, int]:
        """Rows of plays or listens dropped, by reason, most frequent first."""
        total: dict[str, int] = {}
        for name in LISTENING:
            for reason, rows in self.tables.get(name, Counts()).dropped.items():
                total[reason] = total.get(reason, 0) + rows
        return dict(sorted(total.items(), key=lambda item: -item[1]))

    def to_json(self) -> dict[str, Any]:
        """Return the ledger as plain JSON values."""
        return {
            "tables": {name: vars(counts) for name, counts in self.tables.items()},
            "sources": [vars(source) for source in self.sources],
            "notes": self.notes,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Ledger":
        """Return the ledger that `to_json` wrote."""
        return cls(
            tables={name: Counts(**counts) for name, counts in value["tables"].items()},
            sources=[Source(**source) for source in value["sources"]],
            notes=list(value["notes"]),
        )
