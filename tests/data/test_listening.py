"""Listening that is too much for memory is settled in parts, and comes out the same."""

import gc
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore.data import shards
from encore.data.codes import Codes
from encore.data.dataset import Dataset
from encore.data.readers import read

ROW = st.tuples(
    st.sampled_from("abc"),
    st.sampled_from(["t", "u", "v", "", "w"]),
    st.integers(0, 4),
    st.sampled_from([None, 0, 20_000, 60_000, 200_000]),
    st.sampled_from([None, True, False]),
)


def table(rows: list[tuple[object, ...]], at: str = "listened_at") -> pl.DataFrame:
    names = ["user_id", "track_id", at, "ms_played", "skipped"]
    frame = pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)
    return frame.with_columns(pl.col(at) + 1_600_000_001)


@given(st.lists(ROW, min_size=1, max_size=40), st.integers(1, 10))
def test_parts_on_disk_come_out_as_the_whole_in_memory(
    rows: list[tuple[object, ...]], held: int
) -> None:
    whole = read(table(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "ROWS_IN_MEMORY", held)
        patch.setattr(shards, "_ROWS_A_FLUSH", 3)
        parts = read({"events": table(rows)})
    assert parts.ledger.to_json()["tables"]["events"]["dropped"] == whole.ledger.dropped
    for name in ("plays", "events"):
        for user in "abc":
            mine = [one.table(name).filter(pl.col("user_id") == user) for one in (whole, parts)]
            assert mine[0].equals(mine[1])  # in the same order, too


def test_temporary_files_go_with_the_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(shards, "ROWS_IN_MEMORY", 2)
    data = read(table([("a", "t", second, None, None) for second in range(5)]))
    assert list(tmp_path.iterdir())
    assert data.rows("events") == 5
    data.save(tmp_path.parent / f"{tmp_path.name}-saved")
    del data
    gc.collect()
    assert not list(tmp_path.iterdir())
    assert Dataset.load(tmp_path.parent / f"{tmp_path.name}-saved").events.height == 5


def test_listens_that_only_look_alike_stay_two() -> None:
    # 40,000 listens at a few times: many mixed numbers, no two equal listens.
    rows = [
        (str(u), str(t), s, None, None) for u in range(40) for t in range(40) for s in range(25)
    ]
    data = read(table(rows))
    assert (data.rows("events"), data.ledger.dropped) == (40_000, {})


def test_sources_with_and_without_times_stand_beside_each_other() -> None:
    rows = table([("a", "t", 1, None, None)])
    timed, untimed = rows.drop("ms_played", "skipped"), rows.drop("listened_at")
    data = read({"events": timed})
    assert data.events["listened_at"].null_count() == 0
    assert read({"events": untimed}).events.is_empty()


def test_codes_stay_the_same_from_chunk_to_chunk() -> None:
    codes = Codes()
    texts = ["é", "", "b", None, "a" * 40]
    first = [codes.encode(pl.Series([text], dtype=pl.String))[0] for text in texts * 2]
    assert first[:5] == first[5:] == [0, 1, 2, None, 3]
    assert codes.texts().to_list() == ["é", "", "b", "a" * 40]
    assert len(codes) == 4
