"""What the readers told of all inputs, cleaned together into one Dataset."""

from collections.abc import Iterable
from datetime import datetime

import polars as pl

from encore.data import joining, values
from encore.data.assembly import Assembly
from encore.data.dataset import Dataset, ItemKind
from encore.data.ledger import Counts, Ledger
from encore.data.readers.contract import Options, Told
from encore.data.readers.gather import Opened, acoustic_rows

#: The key that tables of acoustics have where items are artists.
_ARTISTS_KEY = {"track_id": "artistID"}


def dataset_of(
    told: Iterable[Told],
    ledger: Ledger,
    options: Options,
    heard: Opened | None = None,
    latest: datetime | None = None,
) -> Dataset:
    """Clean the rows of all that was told, a table's in turn, into a Dataset.

    All are of one kind of item. `heard` is a table of acoustic features by track_id (by artistID
    where items are artists), under the names of `options.columns`. A catalogue fills what the heard
    tracks lack, unless it is the listeners' own: then its tracks are the Dataset's.
    """
    assembly = Assembly(ledger, latest=latest, zone=options.tz or values.UTC_ZONE)
    known: list[pl.Series] = []
    kinds: set[ItemKind] = set()
    for one in told:
        kinds.add(one.item_kind)
        for table, rows in one.parts:
            assembly.take(table, rows)
        if one.known_tracks is not None:
            known.append(one.known_tracks)
    item_kind = kinds.pop()
    features = None
    if heard is not None:
        by_artist = item_kind == "artist" and "track_id" not in heard.columns
        key = _ARTISTS_KEY if by_artist else {}
        features = acoustic_rows(heard, {**key, **options.columns})
    catalogue = assembly.rows(joining.CATALOGUE)
    if catalogue is not None and joining.is_own(assembly.heard(), catalogue):
        assembly.take("tracks", catalogue)
        _adopt(ledger, listened=not joining.LISTENED.isdisjoint(assembly.seen))
        catalogue = None
    return assembly.dataset(
        item_kind=item_kind,
        acoustics=features,
        catalogue=catalogue,
        known_tracks=pl.concat(known) if known else None,
        rule=options.rule,
    )


def _adopt(ledger: Ledger, *, listened: bool) -> None:
    """Count what was dropped of a catalogue among the tracks, and say where nobody listened."""
    malformed = ledger.tables.pop(joining.CATALOGUE, Counts())
    counts = ledger.table("tracks")
    counts.read += malformed.read
    for reason, rows in malformed.dropped.items():
        counts.drop(reason, rows, malformed.examples[reason])
    if not listened:
        ledger.notes.append(
            "no listening was given, only tracks: nothing can be learnt of them alone; "
            "give a history too"
        )
