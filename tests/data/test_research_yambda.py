from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from encore.data.readers import read
from encore.errors import InputError

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)

LISTENS = {
    "uid": [10, 10, 20, 20],
    "timestamp": [0, 5, 10, 15],
    "item_id": [7, 8, 7, 7],
    "is_organic": [1, 0, 1, 1],
    "played_ratio_pct": [100, 5, 130, 40],
    "track_length_seconds": [200, 100, 200, 200],
}


def events(path: Path, rows: list[tuple[int, int, int]]) -> None:
    """Write (listener, second, track) rows as the publisher does those of feedback."""
    columns = dict(
        zip(("uid", "timestamp", "item_id"), map(list, zip(*rows, strict=True)), strict=True)
    )
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.UInt32))
    frame.with_columns(is_organic=pl.lit(1, pl.UInt8)).write_parquet(path)


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    folder = tmp_path / "50m"
    folder.mkdir()
    pl.DataFrame(LISTENS).write_parquet(folder / "listens.parquet")
    events(folder / "likes.parquet", [(10, 5, 7), (10, 5, 8), (20, 5, 7), (20, 30, 7)])
    events(folder / "unlikes.parquet", [(10, 5, 8), (20, 10, 7)])
    events(folder / "dislikes.parquet", [(10, 40, 9), (20, 1, 8)])
    events(folder / "undislikes.parquet", [(20, 2, 8)])
    return folder


def test_listens_are_judged_by_the_share_that_was_played(flat: Path) -> None:
    data = read(flat)
    assert data.events.select("user_id", "track_id", "ms_played", "skipped").rows() == [
        ("10", "7", 200_000, None),
        ("10", "8", 5_000, True),
        ("20", "7", 260_000, None),  # more than the whole: the listener went back
    ]
    assert data.events["listened_at"].to_list() == [
        EPOCH + timedelta(seconds=second) for second in (0, 5, 10)
    ]
    assert data.ledger.dropped == {"partial_listen": 1}
    assert data.plays.select("user_id", "track_id", "plays", "skips").rows() == [
        ("10", "7", 1.0, 0),
        ("10", "8", 0.0, 1),
        ("20", "7", 1.0, 0),
    ]
    assert data.tracks.select("track_id", "duration_ms").rows()[:2] == [
        ("7", 200_000),
        ("8", 100_000),
    ]
    assert any("counted from 2020-01-01 UTC" in note for note in data.ledger.notes)


def test_what_was_taken_back_is_no_feedback(flat: Path) -> None:
    data = read(flat)
    assert sorted(data.feedback.select("user_id", "track_id", "kind").rows()) == [
        ("10", "7", "like"),
        ("10", "9", "dislike"),
        ("20", "7", "like"),  # liked, taken back, liked again
    ]
    counts = data.ledger.table("feedback")
    # Of nine rows: three say that something is taken back, two are taken back in the end.
    assert counts.read == 9
    assert counts.kept == 3
    assert counts.dropped == {"taken_back": 5, "duplicate": 1}


def test_multi_event_alone_tells_the_same(flat: Path, tmp_path: Path) -> None:
    parts = []
    for file in sorted(flat.iterdir()):
        kind = file.stem.removesuffix("s")
        parts.append(pl.read_parquet(file).with_columns(event_type=pl.lit(kind)))
    mixed = pl.concat(parts, how="diagonal_relaxed").sort("uid", "timestamp", maintain_order=True)
    apart = read(flat)
    mixed.write_parquet(flat / "multi_event.parquet")
    both = read(flat)
    assert both.plays.equals(apart.plays)
    assert f"{flat.name}: passed over 'multi_event.parquet'" in both.ledger.notes
    odd = mixed[0].with_columns(event_type=pl.lit("shared"))
    pl.concat([mixed, odd]).write_parquet(tmp_path / "anything.parquet")
    alone = read(tmp_path / "anything.parquet")
    assert sorted(alone.plays.rows()) == sorted(apart.plays.rows())
    assert sorted(alone.feedback.rows()) == sorted(apart.feedback.rows())
    assert alone.ledger.dropped == {"partial_listen": 1, "unknown_event": 1}


def test_artists_come_from_their_mapping(flat: Path) -> None:
    mapping = pl.DataFrame({"artist_id": [3, 4, 5], "item_id": [7, 7, 99]})
    mapping.write_parquet(flat / "artist_item_mapping.parquet")
    tracks = read(flat).tracks
    assert tracks.select("track_id", "artist_id").rows()[:2] == [("7", "3"), ("8", None)]


def test_files_that_cannot_be_told_apart_are_refused(flat: Path, tmp_path: Path) -> None:
    (flat / "likes.parquet").rename(flat / "part-0.parquet")
    with pytest.raises(InputError, match=r"part-0\.parquet.*publisher's name"):
        read(flat)
    (flat / "part-0.parquet").unlink()
    (tmp_path / "500m").mkdir()
    pl.DataFrame(LISTENS).write_parquet(tmp_path / "500m" / "listens.parquet")
    with pytest.raises(InputError, match="in 2 folders"):
        read(tmp_path)


def test_the_sequential_form_is_refused(tmp_path: Path) -> None:
    lists = {name: [[1, 2]] for name in LISTENS} | {"uid": [10]}
    pl.DataFrame(lists).write_parquet(tmp_path / "listens.parquet")
    with pytest.raises(InputError, match=r"sequential form.*give that of flat/"):
        read(tmp_path / "listens.parquet")
