"""The Dataset: clean tables of listening, music and listeners, in memory or as a folder."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import polars as pl

from encore import folder, schema
from encore.data.ledger import Ledger
from encore.errors import InputError, IntegrityError

ItemKind = Literal["track", "artist"]

KIND = "dataset"


@dataclass(frozen=True)
class Dataset:
    """Tables with exactly the columns of `encore.schema`, checked when the Dataset is made.

    `plays` holds one row for each (listener, track) pair. `tracks` and `listeners` hold a row for
    every id that any other table names. `item_kind` says what a row of `tracks` is: where sources
    know artists only, a "track" is an artist and its artist_id is null.

    Raises `InputError` where a table breaks these laws.
    """

    plays: pl.DataFrame
    tracks: pl.DataFrame
    events: pl.DataFrame = field(default_factory=lambda: schema.empty("events"))
    tags: pl.DataFrame = field(default_factory=lambda: schema.empty("tags"))
    feedback: pl.DataFrame = field(default_factory=lambda: schema.empty("feedback"))
    listeners: pl.DataFrame = field(default_factory=lambda: schema.empty("listeners"))
    friends: pl.DataFrame = field(default_factory=lambda: schema.empty("friends"))
    item_kind: ItemKind = "track"
    ledger: Ledger = field(default_factory=Ledger)

    def __post_init__(self) -> None:
        for name, expected in schema.TABLES.items():
            found = self.table(name).schema
            if found != expected:
                raise InputError(
                    f"table {name!r}: columns {dict(found)}, expected {dict(expected)}"
                )
        if self.item_kind not in get_args(ItemKind):
            raise InputError(f"item_kind {self.item_kind!r}: expected one of {get_args(ItemKind)}")
        _check_unique(self.plays, ["user_id", "track_id"], "plays")
        _check_unique(self.tracks, ["track_id"], "tracks")
        _check_unique(self.listeners, ["user_id"], "listeners")
        plays = self.plays["plays"]
        if plays.null_count() or not (plays.is_finite() & (plays >= 0)).all():
            raise InputError("table 'plays': plays must be finite and >= 0")
        _check_known(self, "tracks", "track_id", ["plays", "events", "tags", "feedback"])
        _check_known(self, "listeners", "user_id", ["plays", "events", "feedback", "friends"])

    def __str__(self) -> str:
        return (
            f"{self.listeners.height:,} listeners x {self.tracks.height:,} {self.item_kind}s, "
            f"{self.plays.height:,} pairs with plays"
        )

    def table(self, name: str) -> pl.DataFrame:
        """Return a table by its name in `encore.schema.TABLES`."""
        frame: pl.DataFrame = getattr(self, name)
        return frame

    def with_tables(self, **tables: pl.DataFrame) -> "Dataset":
        """Return a copy with some tables replaced; the laws are checked again."""
        return replace(self, **tables)  # type: ignore[arg-type]  # names are checked by replace

    def save(self, path: str | Path) -> None:
        """Write the Dataset folder: a Parquet file for each table and `manifest.json`.

        Written to a temporary sibling and renamed, so the folder is whole or absent.
        """

        def fill(target: Path) -> dict[str, Any]:
            for name in schema.TABLES:
                self.table(name).write_parquet(target / f"{name}.parquet", compression="zstd")
            return {
                "item_kind": self.item_kind,
                "rows": {name: self.table(name).height for name in schema.TABLES},
                "import": self.ledger.to_json(),
            }

        folder.write(Path(path), KIND, schema.SCHEMA_VERSION, fill)

    @classmethod
    def load(cls, path: str | Path) -> "Dataset":
        """Read and verify a Dataset folder.

        Raises `InputError` where there is none, `IntegrityError` naming the file that is damaged.
        """
        path = Path(path)
        manifest = folder.verify(path, KIND, schema.SCHEMA_VERSION)
        try:
            tables = {name: pl.read_parquet(path / f"{name}.parquet") for name in schema.TABLES}
            return cls(
                **tables,
                item_kind=manifest["item_kind"],
                ledger=Ledger.from_json(manifest["import"]),
            )
        except (OSError, KeyError, pl.exceptions.PolarsError) as error:
            raise IntegrityError(f"{path}: not a whole Dataset folder: {error}") from error


def complete(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Return `tables` with a row in `tracks` and `listeners` for every id the others name.

    A track that only its plays name is titled by its id.
    """
    full = {name: tables.get(name, schema.empty(name)) for name in schema.TABLES}
    for target, key, sources in (
        ("tracks", "track_id", ["plays", "events", "tags", "feedback"]),
        ("listeners", "user_id", ["plays", "events", "feedback", "friends"]),
    ):
        ids = [full[name].select(key) for name in sources]
        if target == "listeners":
            ids.append(full["friends"].select(pl.col("friend_id").alias(key)))
        missing = pl.concat(ids).unique(maintain_order=True).join(full[target], on=key, how="anti")
        if target == "tracks":
            missing = missing.with_columns(pl.col(key).alias("title"))
        full[target] = pl.concat([full[target], schema.conform(missing, target)])
    return full


def _check_unique(frame: pl.DataFrame, key: list[str], table: str) -> None:
    if frame.select(pl.any_horizontal(pl.col(key).is_null()).any()).item():
        raise InputError(f"table {table!r}: {' and '.join(key)} must not be null")
    twice = frame.filter(pl.struct(key).is_duplicated())
    if twice.height:
        raise InputError(
            f"table {table!r}: {' + '.join(key)} {twice.row(0)[: len(key)]} occurs twice"
        )


def _check_known(data: Dataset, table: str, key: str, sources: list[str]) -> None:
    for name in sources:
        unknown = data.table(name).join(data.table(table), on=key, how="anti")
        if unknown.height:
            raise InputError(
                f"table {name!r}: {key} {unknown[key][0]!r} is not in table {table!r}; "
                "encore.data.dataset.complete adds such rows"
            )
