"""The cleaned tables of one source or many -> a Dataset: what each of them needs of the others."""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from encore.data import clean, values
from encore.data.dataset import Dataset, ItemKind, complete
from encore.data.ledger import Ledger
from encore.data.listen_rule import ListenRule

MOST_DROPPED = 0.5  # share of listening rows from which the ledger leads with a warning


def assemble(
    rows: Mapping[str, pl.DataFrame],
    ledger: Ledger,
    *,
    item_kind: ItemKind = "track",
    acoustics: pl.DataFrame | None = None,
    known_tracks: pl.Series | None = None,
    latest: datetime | None = None,
    rule: ListenRule | None = None,
    zone: str = values.UTC_ZONE,
) -> Dataset:
    """Clean the rows of each table (by its name in `encore.schema.TABLES`) into a Dataset.

    Listens become plays, by `rule`, but for pairs whose plays are given too. `acoustics` (rows
    with a track_id) fill what tracks lack. Tags on tracks outside `known_tracks` are dropped.
    Times after `latest`, by default the end of today in UTC, are impossible; those that carry no
    zone are of `zone`.
    """
    latest = latest or values.end_of_today()
    tables: dict[str, pl.DataFrame] = {}
    for name in rows:
        ledger.table(name)  # in the order of the rows, though tracks are cleaned first
    if "tracks" in rows:
        tables["tracks"] = clean.tracks(rows["tracks"], ledger, latest)
    heard = None if acoustics is None else clean.tracks(acoustics, ledger, latest, "acoustics")
    if "events" in rows:
        lengths = _lengths(tables.get("tracks"), heard)
        listens = clean.events(rows["events"], ledger, latest, rule, lengths, zone)
        tables["plays"] = clean.plays_of(listens)
        if "listened_at" in rows["events"].columns:
            tables["events"] = listens
    if "plays" in rows:
        counted = clean.plays(rows["plays"], ledger, latest, zone)
        if "events" in rows:
            ledger.notes.append(
                "plays: taken from the table of plays; summed from the listens where it has none"
            )
            pair = ["user_id", "track_id"]
            counted = pl.concat(
                [counted, tables["plays"].join(counted, on=pair, how="anti", maintain_order="left")]
            )
        tables["plays"] = counted
    if "tags" in rows:
        tables["tags"] = clean.tags(rows["tags"], ledger, latest, known_tracks, zone)
    if "feedback" in rows:
        tables["feedback"] = clean.feedback(rows["feedback"], ledger, latest, zone)
    for name, cleaner in (("listeners", clean.listeners), ("friends", clean.friends)):
        if name in rows:
            tables[name] = cleaner(rows[name], ledger)
    tables = complete(tables)
    if heard is not None:
        tables["tracks"] = with_acoustics(tables["tracks"], heard, ledger)
    _warn_of_loss(ledger)
    return Dataset(**tables, item_kind=item_kind, ledger=ledger)


def with_acoustics(table: pl.DataFrame, heard: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """Return `table` of tracks with what it lacks of the acoustic columns filled from `heard`."""
    heard = heard.select("track_id", *clean.ACOUSTIC_COLUMNS)
    matched = table.join(heard, on="track_id", how="semi").height
    ledger.notes.append(
        f"acoustics: {heard.height:,} rows, {matched:,} of {table.height:,} tracks matched"
    )
    joined = table.join(heard, on="track_id", how="left", suffix=" heard", maintain_order="left")
    filled = [pl.coalesce(name, f"{name} heard").alias(name) for name in clean.ACOUSTIC_COLUMNS]
    return joined.with_columns(filled).select(table.columns)


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
