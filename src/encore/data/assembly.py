"""The rows of one source or many, cleaned and put together to a Dataset.

Listening comes chunk by chunk and is cleaned at once; other tables are kept until all is told.
"""

from collections.abc import Iterable
from datetime import datetime

import polars as pl

from encore import schema
from encore.data import clean, joining, values
from encore.data.dataset import Dataset, ItemKind, Table, collected, complete, naming
from encore.data.ledger import LISTENING, Ledger
from encore.data.listen_rule import ListenRule
from encore.data.listening import Listening
from encore.data.values import FILE, LINE
from encore.wording import counted

MOST_DROPPED = 0.5  # share of listening rows from which the ledger leads with a warning

#: The table of what listening tells of its tracks: rows that repeat there are no duplicates.
TOLD_OF_TRACKS = "told of tracks"

_MOST_TOLD = 1 << 20  # rows of what listening tells, from which what repeats is taken out


class Assembly:
    """Takes in rows of tables by the names in `encore.schema.TABLES`, and TOLD_OF_TRACKS.

    Times after `latest` are impossible; those that carry no zone are of `zone`.
    """

    def __init__(
        self, ledger: Ledger, *, latest: datetime | None = None, zone: str = values.UTC_ZONE
    ) -> None:
        self.ledger = ledger
        self.latest = latest or values.end_of_today()
        self.zone = zone
        self.seen: set[str] = set()
        self._listening = Listening(ledger)
        self._rows: dict[str, list[pl.DataFrame]] = {}
        self._told = 0

    def take(self, table: str, rows: pl.DataFrame) -> None:
        """Take in rows of text, with FILE and LINE."""
        self.seen.add(table)
        if table != TOLD_OF_TRACKS:
            self.ledger.table(table)  # in the order of the rows, whatever is cleaned first
        if table == "events":
            self._listening.hear(clean.events(rows, self.ledger, self.latest, self.zone))
        elif table == "plays":
            self._listening.count(clean.plays(rows, self.ledger, self.latest, self.zone))
        else:
            self._rows.setdefault(table, []).append(rows)
        if table == TOLD_OF_TRACKS:
            self._told += rows.height
            if self._told > _MOST_TOLD:
                self._rows[table] = [_distinct(stacked(self._rows[table]))]
                self._told = 0

    def heard(self) -> dict[str, pl.DataFrame]:
        """Return the track_id of what was listened to or judged so far, by table."""
        found = {}
        if "feedback" in self._rows:
            found["feedback"] = self._rows["feedback"][0]
        if not self.seen.isdisjoint(LISTENING):
            found["plays"] = self._listening.track_id().to_frame()
        return found

    def rows(self, table: str) -> pl.DataFrame | None:
        """Take out the rows of a table other than listening; None where there are none."""
        parts = self._rows.pop(table, None)
        return stacked(parts) if parts else None

    def dataset(
        self,
        *,
        item_kind: ItemKind = "track",
        acoustics: pl.DataFrame | None = None,
        catalogue: pl.DataFrame | None = None,
        known_tracks: pl.Series | None = None,
        rule: ListenRule | None = None,
    ) -> Dataset:
        """Return what was taken in as a Dataset.

        Listens become plays, by `rule`, but for pairs whose plays are given too. `acoustics` (rows
        with a track_id) and the rows of a `catalogue` fill what tracks lack. Tags on tracks outside
        `known_tracks` are dropped.
        """
        ledger, latest, zone = self.ledger, self.latest, self.zone
        tables: dict[str, Table] = {}
        tracks = None
        told = self.rows(TOLD_OF_TRACKS)
        if told is not None:
            self.take("tracks", _distinct(told))
        if (rows := self.rows("tracks")) is not None:
            tables["tracks"] = tracks = clean.tracks(rows, ledger, latest)
        heard = None if acoustics is None else clean.tracks(acoustics, ledger, latest, "acoustics")
        known = None
        if catalogue is not None:
            known = clean.tracks(catalogue, ledger, latest, joining.CATALOGUE)
        lengths = _lengths(tracks, heard, self._found_in(known, tracks))
        settled = self._listening.settled(rule or ListenRule(), lengths)
        if settled.plays is not None:
            tables["plays"] = settled.plays
        if settled.events is not None:
            tables["events"] = settled.events
        if self.seen.issuperset(LISTENING):
            ledger.note(
                "plays: taken from the table of plays; summed from the listens where it has none"
            )
        if (rows := self.rows("tags")) is not None:
            tables["tags"] = clean.tags(rows, ledger, latest, known_tracks, zone)
        if (rows := self.rows("feedback")) is not None:
            tables["feedback"] = clean.feedback(rows, ledger, latest, zone)
        for name, cleaner in (("listeners", clean.listeners), ("friends", clean.friends)):
            if (rows := self.rows(name)) is not None:
                tables[name] = cleaner(rows, ledger)
        full = complete(tables, {"user_id": settled.user_id, "track_id": settled.track_id})
        if heard is not None:
            full["tracks"] = with_acoustics(collected(full["tracks"]), heard, ledger)
        if known is not None:
            full["tracks"] = joining.join(collected(full["tracks"]), known, ledger)
        _warn_of_loss(ledger)
        return Dataset.of(full, item_kind, ledger)

    def _found_in(
        self, catalogue: pl.DataFrame | None, tracks: pl.DataFrame | None
    ) -> pl.DataFrame | None:
        """Return what a catalogue knows of the tracks that were listened to, dropped ones too."""
        if catalogue is None or "events" not in self.seen:
            return None
        told = schema.empty("tracks") if tracks is None else tracks
        every = naming(told, "tracks", self._listening.track_id())
        return joining.join(every, catalogue, Ledger())


def assemble(
    parts: Iterable[tuple[str, pl.DataFrame]], ledger: Ledger, latest: datetime | None = None
) -> Dataset:
    """Return rows by the names of their tables as a Dataset; see `Assembly`."""
    assembly = Assembly(ledger, latest=latest)
    for table, rows in parts:
        assembly.take(table, rows)
    return assembly.dataset()


def stacked(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Return the rows of one table from several sources in turn; what one lacks is null."""
    listed = [isinstance(part.schema.get("genres"), pl.List) for part in parts]
    if any(listed) and not all(listed):
        parts = [
            part.with_columns(pl.col("genres").list.join(";")) if is_list else part
            for part, is_list in zip(parts, listed, strict=True)
        ]
    return pl.concat(parts, how="diagonal") if len(parts) > 1 else parts[0]


def with_acoustics(table: pl.DataFrame, heard: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """Return `table` of tracks with what it lacks of the acoustic columns filled from `heard`."""
    heard = heard.select("track_id", *clean.ACOUSTIC_COLUMNS)
    matched = table.join(heard, on="track_id", how="semi").height
    ledger.notes.append(
        f"acoustics: {counted(heard.height, 'row')}, {matched:,} of {table.height:,} tracks matched"
    )
    joined = table.join(heard, on="track_id", how="left", suffix=" heard", maintain_order="left")
    filled = [pl.coalesce(name, f"{name} heard").alias(name) for name in clean.ACOUSTIC_COLUMNS]
    return joined.with_columns(filled).select(table.columns)


def _distinct(told: pl.DataFrame) -> pl.DataFrame:
    columns = [name for name in told.columns if name not in (FILE, LINE)]
    return told.unique(columns, keep="first", maintain_order=True)


def _lengths(*tables: pl.DataFrame | None) -> pl.DataFrame | None:
    """Return the known length of each track, as the first of the tables tells it."""
    known = [
        table.select("track_id", "duration_ms").drop_nulls()
        for table in tables
        if table is not None
    ]
    return pl.concat(known).unique("track_id", keep="first") if known else None


def _warn_of_loss(ledger: Ledger) -> None:
    lost = ledger.read - ledger.kept
    if lost > MOST_DROPPED * ledger.read:
        ledger.notes.insert(
            0,
            f"WARNING: {lost:,} of {ledger.read:,} rows of listening were dropped; "
            "are the columns the right ones?",
        )
