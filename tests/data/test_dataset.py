from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from encore import folder, schema
from encore.data.dataset import Dataset, complete
from encore.data.ledger import Ledger, Source
from encore.errors import InputError, IntegrityError


def small() -> Dataset:
    plays = {"user_id": ["ann", "bob"], "track_id": ["t1", "t2"], "plays": [3, 0], "skips": [0, 1]}
    tracks = {"track_id": ["t1"], "title": ["One"], "genres": [["rock"]], "explicit": [None]}
    friends = {"user_id": ["ann"], "friend_id": ["cat"]}
    tables = complete(
        {
            "plays": schema.conform(pl.DataFrame(plays), "plays"),
            "tracks": schema.conform(pl.DataFrame(tracks), "tracks"),
            "friends": schema.conform(pl.DataFrame(friends), "friends"),
        }
    )
    ledger = Ledger(sources=[Source("a.csv", 3, "abc")], notes=["a note"])
    ledger.table("plays").read, ledger.table("plays").kept = 3, 2
    ledger.table("plays").drop("not_a_number", 1, ["a.csv:3: x"])
    return Dataset(**tables, ledger=ledger, item_kind="artist")


def test_complete_adds_every_id_that_others_name() -> None:
    data = small()
    assert data.tracks.select("track_id", "title").rows() == [("t1", "One"), ("t2", "t2")]
    assert data.listeners["user_id"].to_list() == ["ann", "bob", "cat"]


def test_a_dataset_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    data = small()
    data.save(tmp_path / "d")
    loaded = Dataset.load(tmp_path / "d")
    for name in schema.TABLES:
        assert loaded.table(name).equals(data.table(name))
        assert loaded.table(name).schema == schema.TABLES[name]
    assert loaded.item_kind == "artist"
    assert loaded.ledger == data.ledger
    assert loaded.ledger.dropped == {"not_a_number": 1}


def test_saving_twice_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        small().save(tmp_path / name)
    assert (tmp_path / "a" / "manifest.json").read_bytes() == (
        tmp_path / "b" / "manifest.json"
    ).read_bytes()


def changed(table: str, **columns: pl.Expr) -> pl.DataFrame:
    frame = small().table(table).with_columns(**columns)
    return frame.cast(dict(schema.TABLES[table]))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("table", "columns", "says"),
    [
        ("plays", {"plays": pl.lit(-1)}, "finite and >= 0"),
        ("plays", {"plays": pl.lit(float("nan"))}, "finite and >= 0"),
        ("plays", {"plays": pl.lit(float("inf"))}, "finite and >= 0"),
        ("plays", {"plays": pl.lit(None)}, "finite and >= 0"),
        ("plays", {"user_id": pl.lit("ann"), "track_id": pl.lit("t1")}, "occurs twice"),
        ("plays", {"user_id": pl.lit(None)}, "must not be null"),
        ("plays", {"track_id": pl.lit("t9")}, "occurs twice|'t9' is not in"),
        ("tracks", {"track_id": pl.lit("t1")}, "occurs twice"),
        ("listeners", {"user_id": pl.lit("ann")}, "occurs twice"),
        ("friends", {"user_id": pl.lit("dan")}, "'dan' is not in table 'listeners'"),
    ],
)
def test_what_breaks_a_law_is_refused(table: str, columns: dict[str, pl.Expr], says: str) -> None:
    with pytest.raises(InputError, match=says):
        small().with_tables(**{table: changed(table, **columns)})


def test_foreign_columns_and_kinds_are_refused() -> None:
    data = small()
    with pytest.raises(InputError, match="table 'plays': columns"):
        data.with_tables(plays=data.plays.drop("skips"))
    with pytest.raises(InputError, match="item_kind 'song'"):
        Dataset(data.plays, data.tracks, listeners=data.listeners, item_kind="song")  # type: ignore[arg-type]


def test_a_value_that_does_not_fit_its_dtype_is_refused() -> None:
    with pytest.raises(InputError, match="table 'plays'"):
        schema.conform(pl.DataFrame({"plays": ["many"]}), "plays")


def test_a_manifest_without_its_facts_is_no_dataset(tmp_path: Path) -> None:
    def fill(target: Path) -> dict[str, str]:
        for name in schema.TABLES:
            schema.empty(name).write_parquet(target / f"{name}.parquet")
        return {"item_kind": "track"}

    folder.write(tmp_path / "d", "dataset", schema.SCHEMA_VERSION, fill)
    with pytest.raises(IntegrityError, match="not a whole Dataset"):
        Dataset.load(tmp_path / "d")


def test_times_keep_microseconds(tmp_path: Path) -> None:
    at = datetime(2010, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)
    data = small()
    data = data.with_tables(
        plays=data.plays.with_columns(last_played=pl.lit(at, schema.UTC_MICROSECONDS))
    )
    data.save(tmp_path / "d")
    assert Dataset.load(tmp_path / "d").plays["last_played"].to_list() == [at, at]
