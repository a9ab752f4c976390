"""The Dataset: clean tables of listening, music and listeners, in memory or as a folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import polars as pl

from encore import folder, schema
from encore.data.ledger import Ledger
from encore.errors import InputError, IntegrityError
from encore.wording import counted

ItemKind = Literal["track", "artist"]

KIND = "dataset"

_ROWS_A_GROUP = 1 << 18  # of a Parquet file: what is read, or passed over, at once


#: Tables that may be larger than memory: they can be given, and read, as lazy frames.
LAZY = ("plays", "events")

Table = pl.DataFrame | pl.LazyFrame


class Dataset:
    """Tables with exactly the columns of `encore.schema`, checked when the Dataset is made.

    `plays` holds one row for each (listener, track) pair. `tracks` and `listeners` hold a row for
    every id that any other table names. `item_kind` says what a row of `tracks` is: where sources
    know artists only, a "track" is an artist and its artist_id is null.

    `plays` and `events` may be given as lazy frames, whose maker answers for the laws: they are
    read into memory when they are first asked for, `scan` reads them in passing.

    Raises `InputError` where a table breaks these laws.
    """

    def __init__(
        self,
        plays: Table,
        tracks: pl.DataFrame,
        events: Table | None = None,
        tags: pl.DataFrame | None = None,
        feedback: pl.DataFrame | None = None,
        listeners: pl.DataFrame | None = None,
        friends: pl.DataFrame | None = None,
        item_kind: ItemKind = "track",
        ledger: Ledger | None = None,
    ) -> None:
        self._tables: dict[str, Table] = {
            "plays": plays,
            "events": schema.empty("events") if events is None else events,
        }
        self.tracks = tracks
        self.tags = schema.empty("tags") if tags is None else tags
        self.feedback = schema.empty("feedback") if feedback is None else feedback
        self.listeners = schema.empty("listeners") if listeners is None else listeners
        self.friends = schema.empty("friends") if friends is None else friends
        self.item_kind: ItemKind = item_kind
        self.ledger = ledger or Ledger()
        self._check()

    @classmethod
    def of(
        cls, tables: Mapping[str, Any], item_kind: ItemKind = "track", ledger: Ledger | None = None
    ) -> "Dataset":
        """Return tables by their names in `encore.schema.TABLES` as a Dataset."""
        return cls(**tables, item_kind=item_kind, ledger=ledger)

    @property
    def plays(self) -> pl.DataFrame:
        """What each listener played, and how often."""
        return self._read("plays")

    @property
    def events(self) -> pl.DataFrame:
        """The listens, where they are known one by one."""
        return self._read("events")

    def table(self, name: str) -> pl.DataFrame:
        """Return a table by its name in `encore.schema.TABLES`."""
        frame: pl.DataFrame = getattr(self, name)
        return frame

    def scan(self, name: str) -> pl.LazyFrame:
        """Return a table by its name, to be read in passing, in no more memory than it takes."""
        return (self._tables[name] if name in LAZY else self.table(name)).lazy()

    def rows(self, name: str) -> int:
        """Return how many rows a table has."""
        table = self._tables[name] if name in LAZY else self.table(name)
        if isinstance(table, pl.DataFrame):
            return table.height
        count: int = table.select(pl.len()).collect(engine="streaming").item()
        return count

    def __str__(self) -> str:
        return (
            f"{counted(self.listeners.height, 'listener')} x "
            f"{counted(self.tracks.height, self.item_kind)}, "
            f"{counted(self.rows('plays'), 'pair')} with plays"
        )

    def with_tables(self, **tables: Table) -> "Dataset":
        """Return a copy with some tables replaced; the laws are checked again."""
        return self._with(**tables)

    def with_ledger(self, ledger: Ledger) -> "Dataset":
        """Return a copy with another ledger."""
        return self._with(ledger=ledger)

    def save(self, path: str | Path) -> None:
        """Write the Dataset folder: a Parquet file for each table and `manifest.json`.

        Written to a temporary sibling and renamed, so the folder is whole or absent.
        """

        def fill(target: Path) -> dict[str, Any]:
            rows = {}
            for name in schema.TABLES:
                file = target / f"{name}.parquet"
                self.scan(name).sink_parquet(
                    file,
                    compression="zstd",
                    compression_level=1,  # higher ones take longer and save nothing here
                    row_group_size=_ROWS_A_GROUP,
                    engine="streaming",
                )
                rows[name] = pl.scan_parquet(file).select(pl.len()).collect().item()
            return {"item_kind": self.item_kind, "rows": rows, "import": self.ledger.to_json()}

        folder.write(Path(path), KIND, schema.SCHEMA_VERSION, fill)

    @classmethod
    def load(cls, path: str | Path, *, lazy: bool = False) -> "Dataset":
        """Read and verify a Dataset folder; its large tables not at once where `lazy`.

        Raises `InputError` where there is none, `IntegrityError` naming the file that is damaged.
        """
        path = Path(path)
        manifest = folder.verify(path, KIND, schema.SCHEMA_VERSION)
        try:
            tables: dict[str, Any] = {
                name: pl.scan_parquet(path / f"{name}.parquet")
                if lazy and name in LAZY
                else pl.read_parquet(path / f"{name}.parquet")
                for name in schema.TABLES
            }
            return cls.of(tables, manifest["item_kind"], Ledger.from_json(manifest["import"]))
        except (OSError, KeyError, pl.exceptions.PolarsError) as error:
            raise IntegrityError(f"{path}: not a whole Dataset folder: {error}") from error

    def _read(self, name: str) -> pl.DataFrame:
        table = self._tables[name] = collected(self._tables[name])
        return table

    def _with(self, **changed: Any) -> "Dataset":
        unknown = changed.keys() - {*schema.TABLES, "ledger"}
        if unknown:
            raise TypeError(f"no table {', '.join(sorted(unknown))}; expected {[*schema.TABLES]}")
        others = {name: self.table(name) for name in schema.TABLES if name not in LAZY}
        kept = {**self._tables, **others, "ledger": self.ledger}
        return Dataset(**{**kept, **changed}, item_kind=self.item_kind)

    def _check(self) -> None:
        for name, expected in schema.TABLES.items():
            found = self.scan(name).collect_schema()
            if found != expected:
                raise InputError(
                    f"table {name!r}: columns {dict(found)}, expected {dict(expected)}"
                )
        if self.item_kind not in get_args(ItemKind):
            raise InputError(f"item_kind {self.item_kind!r}: expected one of {get_args(ItemKind)}")
        _check_unique(self.tracks, ["track_id"], "tracks")
        _check_unique(self.listeners, ["user_id"], "listeners")
        here = {name for name in LAZY if isinstance(self._tables[name], pl.DataFrame)}
        if "plays" in here:
            _check_unique(self.plays, ["user_id", "track_id"], "plays")
            plays = self.plays["plays"]
            if plays.null_count() or not (plays.is_finite() & (plays >= 0)).all():
                raise InputError("table 'plays': plays must be finite and >= 0")
        for known, key, naming in (
            ("tracks", "track_id", (*LAZY, "tags", "feedback")),
            ("listeners", "user_id", (*LAZY, "feedback", "friends")),
        ):
            for name in naming:
                if name in here or name not in LAZY:
                    _check_known(self, known, key, name)


def complete(
    tables: Mapping[str, Table], heard: Mapping[str, pl.Series] | None = None
) -> dict[str, Table]:
    """Return `tables` with a row in `tracks` and `listeners` for every id the others name.

    `heard` names the ids of lazy tables, by column. A track that only its plays name is titled by
    its id.
    """
    full: dict[str, Table] = {name: tables.get(name, schema.empty(name)) for name in schema.TABLES}
    for target, key, sources in (
        ("tracks", "track_id", ["plays", "events", "tags", "feedback"]),
        ("listeners", "user_id", ["plays", "events", "feedback", "friends"]),
    ):
        ids = [heard[key].alias(key).to_frame()] if heard else []
        for name in sources:
            table = full[name]
            if isinstance(table, pl.DataFrame):
                ids.append(table.select(key))
                if name == "friends":
                    ids.append(table.select(pl.col("friend_id").alias(key)))
        full[target] = naming(collected(full[target]), target, pl.concat(ids).to_series())
    return full


def naming(table: pl.DataFrame, name: str, ids: pl.Series) -> pl.DataFrame:
    """Return `tracks` or `listeners` with a row for every id; a new track is titled by its id."""
    key = ids.name
    missing = ids.unique(maintain_order=True).to_frame().join(table, on=key, how="anti")
    if name == "tracks":
        missing = missing.with_columns(pl.col(key).alias("title"))
    return pl.concat([table, schema.conform(missing, name)])


def collected(table: Table) -> pl.DataFrame:
    """Return a table in memory."""
    return table if isinstance(table, pl.DataFrame) else table.collect(engine="streaming")


def _check_unique(frame: pl.DataFrame, key: list[str], table: str) -> None:
    if frame.select(pl.any_horizontal(pl.col(key).is_null()).any()).item():
        raise InputError(f"table {table!r}: {' and '.join(key)} must not be null")
    twice = frame.filter(pl.struct(key).is_duplicated())
    if twice.height:
        raise InputError(
            f"table {table!r}: {' + '.join(key)} {twice.row(0)[: len(key)]} occurs twice"
        )


def _check_known(data: Dataset, table: str, key: str, name: str) -> None:
    unknown = data.table(name).join(data.table(table), on=key, how="anti")
    if unknown.height:
        raise InputError(
            f"table {name!r}: {key} {unknown[key][0]!r} is not in table {table!r}; "
            "encore.data.dataset.complete adds such rows"
        )
