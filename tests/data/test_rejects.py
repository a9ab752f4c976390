"""What is dropped stands in the file of rejects as it was read, whoever dropped it."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from encore.data.readers import read
from encore.errors import InputError


def rejects(tmp_path: Path, content: str, name: str = "x.csv") -> tuple[Any, list[dict[str, Any]]]:
    (tmp_path / name).write_text(content, "utf-8")
    data = read(tmp_path / name, rejects=tmp_path / "rejects.jsonl")
    lines = (tmp_path / "rejects.jsonl").read_text("utf-8").splitlines()
    return data, [json.loads(line) for line in lines]


def test_rows_lines_and_repeats(tmp_path: Path) -> None:
    content = (
        "user_id,track_id,listened_at,ms_played\n"
        "ann,t,1600000001,200000\n"
        "ann,,1600000002,200000\n"
        "ann,t,1600000001,200000\n"
        "ann,t,soon,200000\n"
        "ann,t\n"
    )
    data, lines = rejects(tmp_path, content)
    told = {(line["reason"], line["line"]) for line in lines}
    assert told == {
        ("missing_track", 3),
        ("duplicate_listen", 4),
        ("bad_time", 5),
        ("malformed_line", 6),
    }
    assert len(lines) == sum(data.ledger.dropped.values())
    by = {line["reason"]: line for line in lines}
    assert by["bad_time"]["row"]["listened_at"] == "soon"
    assert by["malformed_line"]["text"] == "ann,t"
    assert by["duplicate_listen"]["row"]["track_id"] == "t"
    assert all((line["file"], line["table"]) == ("x.csv", "events") for line in lines)


def test_what_a_reader_passes_over(tmp_path: Path) -> None:
    music = {"endTime": "2020-01-16 03:13", "artistName": "A", "trackName": "B", "msPlayed": 9**6}
    podcast = {"endTime": "2020-01-16 03:14", "msPlayed": 1, "podcastName": "P"}
    _, lines = rejects(tmp_path, json.dumps([music, podcast]), "x.json")
    assert [json.loads(line["text"]) for line in lines] == [podcast]


def test_nothing_is_left_where_reading_fails(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read(tmp_path / "none.csv", rejects=tmp_path / "rejects.jsonl")
    assert not list(tmp_path.iterdir())


def test_frames_too(tmp_path: Path) -> None:
    frame = pl.DataFrame({"user_id": ["a", None], "track_id": ["t", "u"], "plays": [1, 2]})
    read(frame, rejects=tmp_path / "r.jsonl")
    assert json.loads((tmp_path / "r.jsonl").read_text())["row"]["track_id"] == "u"
