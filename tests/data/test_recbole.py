import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from encore import Dataset
from encore.cli import app
from encore.data.readers import read
from encore.data.writers import recbole
from encore.errors import InputError

AT = datetime(2020, 2, 3, 4, 5, 6, 789_123, tzinfo=UTC)


def at(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def made() -> Dataset:
    """A Dataset with what is awkward to write: quotes, tabs, spaces in genres, unknowns."""
    return read(
        {
            "plays": pl.DataFrame(
                {
                    "user_id": ["007", "b"],
                    "track_id": ["t 1", "2"],
                    "plays": [3.0, 0.0],
                    "skips": [0, 2],
                    "first_played": [AT, None],
                    "last_played": [AT, None],
                }
            ),
            "tracks": pl.DataFrame(
                {
                    "track_id": ["t 1", "2", "3"],
                    "title": ['"Heroes"', 'a "b" c', 'no "end'],
                    "artist": ["Bowie", None, "Sigur Rós"],
                    "artist_id": ["a1", None, "a1"],
                    "genres": [["art rock", "pop"], None, ["k-pop"]],
                    "explicit": [True, None, False],
                    "year": [1977, None, 2000],
                    "key": [11, None, 0],
                    "energy": [0.1, None, 1 / 3],
                    "tempo": [120.5, None, 60.0],
                }
            ),
        }
    )


def assert_same(found: Dataset, expected: Dataset) -> None:
    assert found.item_kind == expected.item_kind
    for name in ("plays", "tracks", "listeners", "events"):
        assert_frame_equal(found.table(name), expected.table(name))


def test_the_files_are_recboles(tmp_path: Path) -> None:
    paths = recbole.write(made(), tmp_path / "mine")
    assert [path.name for path in paths] == ["mine.inter", "mine.item", "mine.user"]
    inter, item, user = (path.read_text("utf-8").splitlines() for path in paths)
    assert inter == [
        "user_id:token\titem_id:token\tplays:float\tskips:float\tfirst_played:float\t"
        "timestamp:float",
        "007\tt 1\t3.0\t0.0\t1580702706.789123\t1580702706.789123",
        "b\t2\t0.0\t2.0\t\t",
    ]
    fields = ["t 1", '"""Heroes"""', "a1", "Bowie", "1977.0", "art_rock pop"]
    assert item[1].split("\t") == [*fields, "1.0", "11.0", "0.1", "120.5"]
    assert user == ["user_id:token", "007", "b"]


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    data = made()
    recbole.write(data, tmp_path / "mine")
    assert_same(read(tmp_path / "mine"), data)


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6).map(str.strip)
PLAIN = TEXT.filter(bool)


@given(
    st.lists(
        st.tuples(PLAIN, PLAIN, TEXT, st.lists(PLAIN.map(lambda text: text.replace("_", "-")))),
        min_size=1,
        max_size=4,
        unique_by=lambda row: row[1],
    )
)
def test_any_text_is_read_back(rows: list[tuple[str, str, str, list[str]]]) -> None:
    users, ids, titles, genres = (list(column) for column in zip(*rows, strict=True))
    tracks = {"track_id": ids, "title": titles, "genres": genres}
    data = read(
        {
            "plays": pl.DataFrame({"user_id": users, "track_id": ids, "plays": 1}),
            "tracks": pl.DataFrame(tracks, schema_overrides={"genres": pl.List(pl.String)}),
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        recbole.write(data, Path(folder) / "x")
        assert_same(read(Path(folder) / "x"), data)


def test_listens_are_read_back(tmp_path: Path) -> None:
    events = pl.DataFrame(
        {
            "user_id": ["a", "a", "b"],
            "track_id": ["1", "1", "2"],
            "listened_at": [AT, AT.replace(year=2021), AT],
            "ms_played": [200_000, 1_000, None],
            "skipped": [None, True, None],
        }
    )
    data = read({"events": events, "tracks": pl.DataFrame({"track_id": ["1", "2"], "title": "x"})})
    recbole.write(data, tmp_path / "mine", listens=True)
    assert_same(read(tmp_path / "mine"), data)


def test_artists_stay_artists(tmp_path: Path) -> None:
    inter = at(
        tmp_path / "lastfm.inter",
        "user_id:token\tartist_id:token\tweight:float\n2\t51\t13883\n2\t52\t11690\n3\t51\tmany\n",
    )
    at(tmp_path / "lastfm.item", "artist_id:token\tname:token\n51\tDuran Duran\n")
    data = read(tmp_path)
    assert data.item_kind == "artist"
    assert data.plays["plays"].to_list() == [13883.0, 11690.0]
    assert data.tracks.select("track_id", "title", "artist_id").rows() == [
        ("51", "Duran Duran", None),
        ("52", "52", None),
    ]
    assert data.ledger.dropped == {"not_a_number": 1}
    recbole.write(data, tmp_path / "again")
    inter.unlink()
    (tmp_path / "lastfm.item").unlink()
    assert_same(read(tmp_path / "again"), data)


def test_a_rating_is_plays_with_a_note_and_a_time_alone_a_listen(tmp_path: Path) -> None:
    header = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    rated = read(at(tmp_path / "r.inter", header + "1\t7\t4\t978300760\n"))
    assert rated.plays.select("plays", "last_played").rows() == [
        (4.0, datetime(2000, 12, 31, 22, 12, 40, tzinfo=UTC))
    ]
    assert "r.inter: the rating was taken for plays" in rated.ledger.notes
    timed = read(
        at(
            tmp_path / "t.inter",
            "user_id:token\titem_id:token\ttimestamp:float\n1\t7\t978300760\n1\t7\t978300999\n",
        )
    )
    assert (timed.events.height, timed.plays["plays"].to_list()) == (2, [2.0])


def test_lists_are_parted_by_spaces(tmp_path: Path) -> None:
    at(tmp_path / "x.inter", "user_id:token\titem_id:token\n1\t7\n")
    at(
        tmp_path / "x.item",
        "item_id:token\tname:token_seq\tclass:token_seq\n7\tA b\tArt_Rock Pop\n",
    )
    data = read(tmp_path)
    assert data.tracks.select("title", "genres").rows() == [("A b", ["Art Rock", "Pop"])]


def test_nothing_to_export_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no listens to export; leave --listens out"):
        recbole.write(made(), tmp_path / "mine", listens=True)
    at(tmp_path / "file", "x")
    with pytest.raises(InputError, match="cannot be written"):
        recbole.write(made(), tmp_path / "file")


def test_the_command(tmp_path: Path) -> None:
    made().save(tmp_path / "data")
    out = tmp_path / "mine"
    call = ["export", str(tmp_path / "data"), "--to", "recbole", "--out", str(out), "--json"]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["files"] == [
        str(out / f"mine.{kind}") for kind in ("inter", "item", "user")
    ]
    assert CliRunner().invoke(app, call[:-1]).stdout.split() == json.loads(done.stdout)["files"]
    wrong = CliRunner().invoke(app, [*call[:3], "surprise", *call[4:]])
    assert "expected one of recbole" in str(wrong.exception)


@pytest.mark.real
def test_hetrec_goes_out_and_comes_back(shared_data: Path, tmp_path: Path) -> None:
    data = read(shared_data / "hetrec2011-lastfm-2k" / "hetrec2011-lastfm-2k.zip")
    recbole.write(data, tmp_path / "hetrec")
    back = read(tmp_path / "hetrec")
    assert (back.ledger.read, back.ledger.kept) == (92_834, 92_834)
    assert_same(back, data)
