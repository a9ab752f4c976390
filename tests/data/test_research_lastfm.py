from datetime import UTC, datetime
from pathlib import Path

import pytest

from encore.data.readers import read

ARTIST = "b1e4e5a0-0000-4000-8000-00000000000a"
TRACK = "c1e4e5a0-0000-4000-8000-00000000000b"

LISTENS = [
    ("user_000001", "2009-05-04T23:08:57Z", ARTIST, "Sigur Rós", TRACK, "Starálfur"),
    ("user_000001", "2009-05-04T13:54:10Z", "", '"Weird" Al', "", '"Fat'),
    ("user_000002", "2009-05-04T13:52:04Z", "", '"weird" al', "", "Fat"),
    ("user_000002", "2009-05-04T13:52:04Z", "", '"weird" al', "", "Fat"),
    ("user_000002", "2039-05-04T13:52:04Z", ARTIST, "Sigur Rós", TRACK, "Starálfur"),
    ("user_000002", "2009-05-04T13:42:52Z", ARTIST, "Sigur Rós", "", ""),
]
PROFILE = "#id\tgender\tage\tcountry\tregistered\nuser_000001\tm\t\tJapan\tAug 13, 2006\n"


def listens_at(path: Path) -> Path:
    path.write_text("".join("\t".join(row) + "\n" for row in LISTENS), "utf-8")
    return path


@pytest.mark.parametrize("name", ["userid-timestamp.tsv", "whatever.dat"])
def test_listens_of_the_1k(tmp_path: Path, name: str) -> None:
    data = read(listens_at(tmp_path / name))
    assert data.item_kind == "track"
    as_spelled = '"Weird" Al \N{EN DASH} "Fat'
    again = '"weird" al \N{EN DASH} Fat'
    assert data.tracks.select("track_id", "title", "artist", "artist_id").rows() == [
        (TRACK, "Starálfur", "Sigur Rós", ARTIST),
        (as_spelled, '"Fat', '"Weird" Al', None),
        (again, "Fat", '"weird" al', None),
    ]
    assert data.tracks["recording_mbid"].to_list() == [TRACK, None, None]
    assert data.plays.select("user_id", "track_id", "plays").rows() == [
        ("user_000001", TRACK, 1.0),
        ("user_000001", as_spelled, 1.0),
        ("user_000002", again, 1.0),
    ]
    assert data.events["listened_at"][0] == datetime(2009, 5, 4, 23, 8, 57, tzinfo=UTC)
    ledger = data.ledger
    assert (ledger.read, ledger.kept) == (6, 3)
    assert ledger.dropped == {"missing_track": 1, "impossible_time": 1, "duplicate_listen": 1}
    assert ledger.table("events").examples["impossible_time"] == [f"{name}:5: 2039-05-04T13:52:04Z"]


def test_the_profiles_beside_the_1k_are_passed_over(tmp_path: Path) -> None:
    listens_at(tmp_path / "listens.tsv")
    (tmp_path / "profile.tsv").write_text(PROFILE)
    data = read(tmp_path)
    assert data.plays.height == 3
    assert f"{tmp_path.name}: passed over 'profile.tsv'" in data.ledger.notes
    assert [source.name for source in data.ledger.sources] == ["listens.tsv"]


def test_a_line_with_a_tab_too_many_costs_itself(tmp_path: Path) -> None:
    path = listens_at(tmp_path / "l.tsv")
    path.write_text(path.read_text("utf-8") + "u\t2009-05-04T13:42:52Z\t\ta\tb\t\tc\n", "utf-8")
    ledger = read(path).ledger
    assert (ledger.read, ledger.kept, ledger.dropped["malformed_line"]) == (7, 3, 1)


def test_plays_of_the_360k(tmp_path: Path) -> None:
    ann, bob = "0" * 39 + "a", "0" * 39 + "b"
    rows = [
        (ann, ARTIST, "Sigur Rós", "2137"),
        (ann, "", 'the "weird', "10"),
        (bob, "", 'The "Weird', " 5"),
        (bob, ARTIST, "sigur rós", "0"),
        (bob, "", "", "7"),
    ]
    path = tmp_path / "plays.tsv"
    path.write_text("".join("\t".join(row) + "\n" for row in rows), "utf-8")
    data = read(path)
    assert data.item_kind == "artist"
    assert data.tracks.select("track_id", "title", "artist", "artist_id").rows() == [
        (ARTIST, "Sigur Rós", None, None),
        ("weird", 'the "weird', None, None),
    ]
    assert data.plays.select("user_id", "track_id", "plays").rows() == [
        (ann, ARTIST, 2137.0),
        (ann, "weird", 10.0),
        (bob, "weird", 5.0),
        (bob, ARTIST, 0.0),
    ]
    assert data.ledger.dropped == {"missing_track": 1}
