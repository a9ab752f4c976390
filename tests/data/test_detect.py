import zipfile
from pathlib import Path

import polars as pl
import pytest

from encore import schema
from encore.data import detect
from encore.data.dataset import Dataset
from encore.errors import InputError

PLAYS = "user_id,track_id,plays\nann,t1,3\n"


def make_zip(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return path


def test_kinds_are_told_by_content_not_by_name(tmp_path: Path) -> None:
    (tmp_path / "plays.zip").write_text(PLAYS)
    assert detect.kind(tmp_path / "plays.zip") == "tables"
    pl.DataFrame({"user_id": ["ann"]}).write_parquet(tmp_path / "listeners.csv")
    assert detect.kind(tmp_path / "listeners.csv") == "tables"
    assert detect.kind(make_zip(tmp_path / "a.csv", *detect.HETREC_NEEDS)) == "hetrec"
    nested = [f"hetrec/{name}" for name in detect.HETREC_NEEDS]
    assert detect.kind(make_zip(tmp_path / "b.csv", *nested)) == "hetrec"


def test_kinds_of_folders(tmp_path: Path) -> None:
    for name in detect.HETREC_NEEDS:
        (tmp_path / name).write_text("x")
    assert detect.kind(tmp_path) == "hetrec"
    tables = tmp_path / "tables"
    tables.mkdir()
    (tables / "a.tsv.gz").write_text("x")
    (tables / "README.md").write_text("x")
    assert detect.kind(tables) == "tables"
    assert [file.name for file in detect.tables_in(tables)] == ["a.tsv.gz"]


def test_a_dataset_with_a_damaged_manifest_is_still_a_dataset(tmp_path: Path) -> None:
    Dataset(schema.empty("plays"), schema.empty("tracks")).save(tmp_path / "d")
    assert detect.kind(tmp_path / "d") == "dataset"
    (tmp_path / "d" / "manifest.json").write_text("{")
    assert detect.kind(tmp_path / "d") == "dataset"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.csv", b"", "is empty"),
        ("a.parquet", b"user_id,track_id\n", "is no Parquet"),
        ("cut.zip", b"PK\x03\x04 cut off", "not a whole zip"),
    ],
)
def test_useless_files_are_refused(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}.*{says}"):
        detect.kind(tmp_path / name)


def test_useless_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        detect.kind(tmp_path / "nowhere")
    with pytest.raises(InputError, match="a folder with none"):
        detect.kind(tmp_path)
    with pytest.raises(InputError, match=r"a zip with 'a\.txt'; expected HetRec"):
        detect.kind(make_zip(tmp_path / "x.zip", "a.txt"))


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ("a,b", ","),
        ("a\tb", "\t"),
        ("a;b", ";"),
        ("a|b", "|"),
        ("alone", ","),
        ('"x;y;z",b', ","),
        ("a;b,c;d", ";"),
    ],
)
def test_delimiters(header: str, delimiter: str) -> None:
    assert detect.delimiter(header) == delimiter


@pytest.mark.parametrize(
    ("columns", "table"),
    [
        ("user_id track_id", "plays"),
        ("user_id track_id plays listened_at", "plays"),
        ("user_id track_id listened_at", "events"),
        ("user_id track_id ms_played", "events"),
        ("user_id track_id skipped", "events"),
        ("user_id track_id kind", "feedback"),
        ("user_id track_id tag", "tags"),
        ("track_id tag weight", "tags"),
        ("track_id title", "tracks"),
        ("track_id energy", "tracks"),
        ("user_id friend_id", "friends"),
        ("user_id", "listeners"),
    ],
)
def test_tables_are_told_by_their_columns(columns: str, table: str) -> None:
    assert detect.table(columns.split(), "x.csv") == table


def test_columns_that_are_no_tables_are_named_with_the_remedy() -> None:
    with pytest.raises(InputError, match=r"x\.csv: .*'song'.*expected user_id.*--columns"):
        detect.table(["song"], "x.csv")


def test_renaming_takes_positions_and_refuses_a_column_that_occurs_twice() -> None:
    swap = {"user_id": "track_id", "track_id": "user_id"}
    assert detect.renamed(["user_id", "track_id"], swap, "x") == {"user_id": 1, "track_id": 0}
    both = {"plays": "n"}
    assert detect.renamed(["plays", "n"], both, "x") == {"plays": 1}
    with pytest.raises(InputError, match="'plays' occurs twice"):
        detect.renamed(["plays", "plays"], {}, "x")
