"""What a reader of a format is: its name, how it knows its own, and what it tells.

A reader turns the members of a `Container` into rows of text; `encore.data.assembly` does the rest
for all of them alike. Whoever adds a format writes a `Reader` and puts it into
`encore.data.readers.READERS`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

from encore.data.dataset import ItemKind
from encore.data.ledger import Ledger
from encore.data.listen_rule import ListenRule
from encore.data.readers.containers import Container

ME = "me"  # whose history it is, where neither the file nor the caller says


@dataclass(frozen=True)
class Options:
    """What the caller says about all inputs.

    `user` names the listener where a file does not. `tz` (IANA) is the zone of times that carry
    none. `columns` is encore's name of a column -> the source's, for generic tables.
    """

    user: str | None = None
    tz: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    rule: ListenRule = field(default_factory=ListenRule)


@dataclass(frozen=True)
class Told:
    """What a reader tells: rows, each part with its table's name in `encore.schema.TABLES`.

    The columns are text under encore's names (genres may be lists of text), with FILE and LINE; of
    a table the reader gives those columns that its format has. Parts are taken once, in turn, while
    the container is open: a large table comes in many. `events` are listens as the source has them:
    the rule of what counts is applied later. What listening tells of its tracks goes by the name
    TOLD_OF_TRACKS. Tags on tracks outside `known_tracks` are dropped.
    """

    parts: Iterable[tuple[str, pl.DataFrame]]
    item_kind: ItemKind = "track"
    known_tracks: pl.Series | None = None


@dataclass(frozen=True)
class Reader:
    """One format.

    `name` is the word of --format, `title` a line for help and documentation. `recognises` looks at
    the heads of members, never only at their names, and raises nothing but `InputError` for a
    damaged archive. `read` counts in the ledger what it drops itself (as read and as dropped), adds
    the files that it read to the sources, and raises `InputError` where nothing can be used.
    """

    name: str
    title: str
    recognises: Callable[[Container], bool]
    read: Callable[[Container, Ledger, Options], Told]
