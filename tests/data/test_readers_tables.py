import gzip
import math
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from encore.data.ledger import Ledger
from encore.data.readers import read, sources, text
from encore.data.readers.text import open_text
from encore.errors import InputError, UsageError

HEADER = "user_id,track_id,plays\n"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def counts(path: Path, **options: dict[str, str]) -> tuple[list[tuple[str, str, float]], Ledger]:
    data = read(path, **options)
    return data.plays.select("user_id", "track_id", "plays").rows(), data.ledger


@pytest.mark.parametrize(
    "content",
    [
        HEADER + "007,t,3\n",
        HEADER + "007,t,3",
        "\n\n" + HEADER + "\n007,t,3\n\n",
        HEADER.replace("\n", "\r\n") + "007,t,3\r\n\r\n",
        "user_id,track_id,plays\r007,t,3\r",
        "\ufeff" + HEADER + "007,t,3\n",
        '\ufeff"user_id","track_id","plays"\n"007","t","3"\n',
        "user_id\ttrack_id\tplays\n007\tt\t3\n",
        'user_id\ttrack_id\tplays\n"007"\tt\t3\n',
        "track_id;plays;user_id\nt;3;007\n",
        "user_id|track_id|plays\n007|t|3\n",
        " user_id , track_id,plays,colour\n007,t,3,red\n",
        (HEADER + "007,t,3\n").encode("utf-16"),
        gzip.compress((HEADER + "007,t,3\n").encode()),
    ],
)
def test_text_in_any_dress_is_one_table(tmp_path: Path, content: str | bytes) -> None:
    rows, ledger = counts(write(tmp_path / "x", content))
    assert rows == [("007", "t", 3.0)]
    assert (ledger.read, ledger.kept) == (1, 1)
    assert ledger.sources[0].name == "x"
    assert len(ledger.sources[0].sha256) == 64


def test_large_ids_and_ids_that_look_like_numbers_survive(tmp_path: Path) -> None:
    ids = [str(2**63), str(2**64), "1e5", "0x1F", "NULL", "true", "00"]
    path = write(tmp_path / "x.csv", HEADER + "".join(f"{i},{i},1\n" for i in ids))
    assert [row[0] for row in counts(path)[0]] == ids


def test_ragged_lines_are_counted_with_their_places(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", HEADER + "a,t,1\nb,t\nc,t,3,4\n\nd,t,5\ne,t,\n,,\n")
    rows, ledger = counts(path)
    assert [row[0] for row in rows] == ["a", "d"]
    assert ledger.read == 6
    assert ledger.dropped == {"malformed_line": 2, "missing_plays": 1, "missing_user": 1}
    assert ledger.table("plays").examples["malformed_line"] == [
        "x.csv:3: 2 fields, expected 3 fields",
        "x.csv:4: 4 fields, expected 3 fields",
    ]
    assert ledger.table("plays").examples["missing_plays"] == ["x.csv:7: (empty)"]


def test_places_count_lines_even_after_cells_with_line_breaks(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", HEADER + '"a\n\nb",t,1\nc,t,x\n')
    rows, ledger = counts(path)
    assert rows == [("a\n\nb", "t", 1.0)]
    assert ledger.table("plays").examples == {"not_a_number": ["x.csv:5: x"]}


def test_a_stray_quote_costs_one_row(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", HEADER + 'a,t,1\n"b,t,2\nc,t,3\n"d"d,t,4\n"e, f",t,5\n')
    rows, ledger = counts(path)
    assert [row[0] for row in rows] == ["a", "c", "e, f"]
    assert ledger.dropped == {"malformed_line": 2}


def test_two_stray_quotes_do_not_swallow_what_is_between(tmp_path: Path) -> None:
    between = "".join(f"a,t{n},1\n" for n in range(100))
    content = HEADER + 'x,"t,1\n' + between + 'x,",1\n'
    rows, ledger = counts(write(tmp_path / "x.csv", content))
    assert len(rows) == 100
    assert ledger.dropped == {"malformed_line": 2}


def test_a_nul_costs_its_row(tmp_path: Path) -> None:
    rows, ledger = counts(write(tmp_path / "x.csv", HEADER + "a,t,1\nb\0,t,2\n"))
    assert [row[0] for row in rows] == ["a"]
    assert ledger.dropped == {"malformed_line": 1}


@pytest.mark.parametrize(
    ("raw", "name", "encoding"),
    [(b"Beyonc\xe9 \x80", "Beyoncé €", "cp1252"), (b"\x81\xe9", "\x81é", "latin-1")],
)
def test_other_encodings_are_read_and_noted(
    tmp_path: Path, raw: bytes, name: str, encoding: str
) -> None:
    path = write(tmp_path / "x.csv", b"track_id,title\na,b\nt," + raw + b"\n")
    data = read(path)
    assert data.tracks["title"].to_list() == ["b", name]
    assert data.ledger.notes == [f"x.csv:3: not UTF-8; read as {encoding}"]


def test_quotes_in_names_in_a_tab_separated_file_are_letters(tmp_path: Path) -> None:
    path = write(tmp_path / "x.tsv", 'track_id\ttitle\n1\t7" mix\n2\t"Weird" Al\n3\t"""Hi"""\n')
    assert read(path).tracks["title"].to_list() == ['7" mix', '"Weird" Al', '"Hi"']


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.csv", b"", "is empty"),
        ("x.csv", b"\n\n", "is empty"),
        ("x.csv", HEADER.encode(), "only a header"),
        ("x.csv", HEADER.encode().strip() + b"\n\n \n", "only a header"),
        ("x.csv", b"user,track_id\na,t\n", r"'user', 'track_id'.*--columns"),
        ("x.csv", b"a\tSO1\t1\nb\tSO2\t2\n", r"'a', 'SO1', '1'.*--columns"),
        ("x.csv", b"user_id,track_id,user_id\na,t,b\n", "'user_id' occurs twice"),
        ("x.csv", b'"user_id,track_id\na,t\n', "quote in the header"),
        ("x.csv", b"\x00\x01\x02\n\x00", "is no text"),
        ("x.parquet", HEADER.encode(), "is no Parquet"),
        ("x.parquet", b"PAR1 not really", "not a whole Parquet"),
        ("x.csv.gz", gzip.compress(HEADER.encode() * 99)[:-20], "not a whole gzip"),
    ],
)
def test_useless_files_are_refused_by_name(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    with pytest.raises(InputError, match=f"(?s)x.*{says}"):
        read(write(tmp_path / name, content))


def test_a_gzip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_GZIP_BYTES", 1000)
    path = write(tmp_path / "x.csv.gz", gzip.compress(HEADER.encode() * 100))
    with pytest.raises(InputError, match="unpacks to more than 1,000 bytes"):
        read(path)


def test_columns_are_renamed_across_files(tmp_path: Path) -> None:
    plays = write(tmp_path / "a.csv", "who,song,n\nann,1,2\n")
    songs = write(tmp_path / "b.csv", "song,name,genres\n1,One,rock;pop\n")
    more = write(tmp_path / "c.csv", HEADER + "bob,1,1\n")
    mapping = {"user_id": "who", "track_id": "song", "plays": "n", "title": "name"}
    data = read([plays, songs, more], columns=mapping)
    assert data.plays["user_id"].to_list() == ["ann", "bob"]
    assert data.tracks.select("title", "genres").rows() == [("One", ["rock", "pop"])]
    assert len(data.ledger.sources) == 3


def test_wrong_renamings_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", HEADER + "a,t,1\n")
    with pytest.raises(InputError, match=r"no column 'who'.*x\.csv has 'user_id', 'track_id'"):
        read(path, columns={"user_id": "who"})
    with pytest.raises(UsageError, match="'user' is no column of encore"):
        read(path, columns={"user": "user_id"})


def test_wrong_calls_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", HEADER + "a,t,1\n")
    with pytest.raises(UsageError, match="format 'csv'"):
        read(path, format="csv")
    with pytest.raises(UsageError, match="no path"):
        read([])
    with pytest.raises(UsageError, match="time zone"):
        read(path, latest=datetime(2020, 1, 1))
    with pytest.raises(UsageError, match="no table of encore"):
        read({"songs": pl.DataFrame({"track_id": ["t"]})})
    with pytest.raises(UsageError, match="expected a polars or pandas"):
        read({"plays": [1, 2]})
    with pytest.raises(InputError, match="lacks 'track_id'"):
        read({"plays": pl.DataFrame({"user_id": ["a"]})})


def test_a_folder_of_tables(tmp_path: Path) -> None:
    write(tmp_path / "plays.csv", HEADER + "ann,1,2\n")
    write(tmp_path / "other.csv", "colour\nred\n")
    write(tmp_path / "README.md", "# read me\n")
    pl.DataFrame({"track_id": [1], "genres": [["rock"]]}).write_parquet(tmp_path / "t.parquet")
    data = read(tmp_path)
    assert data.tracks.select("track_id", "genres").rows() == [("1", ["rock"])]
    assert any(note.startswith("other.csv: passed over") for note in data.ledger.notes)
    (tmp_path / "plays.csv").unlink()
    (tmp_path / "t.parquet").unlink()
    with pytest.raises(InputError, match="no file here is a table"):
        read(tmp_path)


def test_rows_without_plays_are_one_play_each(tmp_path: Path) -> None:
    rows, ledger = counts(write(tmp_path / "x.csv", "user_id,track_id\na,t\na,t\nb,t\n"))
    assert rows == [("a", "t", 2.0), ("b", "t", 1.0)]
    assert any("one play" in note for note in ledger.notes)


def test_listens_that_carry_titles_tell_of_tracks(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.csv",
        "user_id,track_id,listened_at,title,artist\n"
        "a,t,2010-01-01T10:00:01Z,T,X\na,t,2010-01-02T10:00:01Z,T,X\na,,2010-01-02,U,X\n",
    )
    data = read(path, latest=datetime(2020, 1, 1, tzinfo=UTC))
    assert data.events.height == 2
    assert data.plays["plays"].to_list() == [2]
    assert data.tracks.select("track_id", "title", "artist").rows() == [("t", "T", "X")]
    assert (data.ledger.read, data.ledger.dropped) == (3, {"missing_track": 1})


def test_columns_that_are_not_used_are_noted(tmp_path: Path) -> None:
    ledger = counts(write(tmp_path / "x.csv", "user_id,track_id,plays,colour\na,t,1,red\n"))[1]
    assert ledger.notes == ["x.csv: columns not used: 'colour'"]


def test_frames_and_parquet_go_through_the_same_cleaning(tmp_path: Path) -> None:
    columns = {"user_id": [1, 2, 3, 3], "track_id": ["t"] * 4, "plays": [1.5, -1.0, math.nan, 2]}
    frame = pl.DataFrame(columns, strict=False)
    frame.write_parquet(tmp_path / "x.parquet")
    for source in (frame, frame.lazy(), {"plays": frame}, tmp_path / "x.parquet"):
        rows, ledger = counts(source)
        assert rows == [("1", "t", 1.5), ("3", "t", 2.0)]
        assert ledger.dropped == {"negative_plays": 1, "nan_plays": 1}


def test_pandas_frames_with_missing_values_keep_whole_ids() -> None:
    frame = pd.DataFrame(
        {"user_id": [7, None, 8], "track_id": ["a", "b", None], "plays": [1, 2, 3]}
    )
    rows, ledger = counts(frame)
    assert rows == [("7", "a", 1.0)]
    assert ledger.dropped == {"missing_user": 1, "missing_track": 1}
    assert ledger.table("plays").examples["missing_user"] == ["frame:1: (empty)"]


def test_times_in_frames(tmp_path: Path) -> None:
    at = datetime(2010, 1, 1, 10, 0, 1, tzinfo=UTC)
    frame = pl.DataFrame({"user_id": ["a"], "track_id": ["t"], "listened_at": [at]})
    zoned = frame.with_columns(pl.col("listened_at").dt.convert_time_zone("Asia/Tokyo"))
    for one in (frame, zoned, frame.to_pandas()):
        assert read(one).events["listened_at"].to_list() == [at]


def test_acoustics_for_tables(tmp_path: Path) -> None:
    plays = write(tmp_path / "x.csv", "who,song\na,1\na,2\n")
    features = write(tmp_path / "f.csv", "song,energy\n1,0.5\n")
    mapping = {"user_id": "who", "track_id": "song"}
    for source in (plays, {"plays": pl.read_csv(plays)}):
        data = read(source, columns=mapping, acoustics=features)
        assert data.tracks["energy"].to_list() == [0.5, None]


def test_a_dataset_folder_is_loaded(tmp_path: Path) -> None:
    data = read(write(tmp_path / "x.csv", HEADER + "a,t,1\n"))
    data.save(tmp_path / "d")
    assert read(tmp_path / "d").plays.equals(data.plays)
    with pytest.raises(UsageError, match="neither columns nor acoustics"):
        read(tmp_path / "d", columns={"user_id": "u"})


CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=4) | st.sampled_from(
    ["", "1", "-1", "nan", '"', ",", "\n", "\0", "a,b", '"a', "a,b,1", "\r"]
)


def test_memory_does_not_grow_with_a_hostile_file(tmp_path: Path) -> None:
    def peak(megabytes: int) -> float:
        path = tmp_path / f"{megabytes}.csv.gz"
        with gzip.open(path, "wb", compresslevel=1) as file:
            file.write((HEADER + "ann,t,1\n").encode())
            for _ in range(megabytes):
                file.write(b'bad,"' * 19 + b"ends\n" * 100 + b"x" * (999_405) + b"\n")
        told = (
            "import resource; from encore.data.readers import read; "
            f"ledger = read({str(path)!r}).ledger; "
            "assert ledger.read == ledger.kept + sum(ledger.dropped.values()); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return float(done.stdout)

    assert peak(160) < 1.3 * peak(40)


@given(
    st.lists(st.lists(CELL, min_size=1, max_size=4).map(",".join), min_size=1, max_size=9),
    st.integers(1, 30),
)
@example(lines=["", ",\r,0"], size=1)
def test_bad_lines_cost_what_they_are_wherever_the_text_is_cut(lines: list[str], size: int) -> None:
    content = (HEADER + "ann,t,1\n" + "\n".join(lines) + "\nbob,u,2\n").encode()
    assume(b"\r" not in content or b'"' not in content)
    picked = {"user_id": 0, "track_id": 1, "plays": 2}

    def parsed(pieces: list[bytes]) -> tuple[pl.DataFrame, int]:
        rows, malformed = open_text("x", pieces, Ledger()).rows(picked)
        return rows, len(malformed.lines)

    whole, bad = parsed([content])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "_PIECE_BYTES", size)
        cut, bad_of_cut = parsed([content[at : at + size] for at in range(0, len(content), size)])
    assert (cut.rows(), bad_of_cut) == (whole.rows(), bad)


@given(st.lists(st.lists(CELL, min_size=1, max_size=4).map(",".join), min_size=1, max_size=8))
def test_every_line_read_is_kept_or_dropped(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    path = tmp_path_factory.mktemp("t") / "x.csv"
    write(path, (HEADER + "ann,t,1\n" + "\n".join(lines)))
    ledger = read(path).ledger
    assert ledger.read == ledger.kept + sum(ledger.dropped.values())
    assert ledger.kept >= 1


@given(
    st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), min_size=1, max_size=8),
    st.integers(1, 40),
)
def test_what_a_csv_writer_writes_comes_back(rows: list[tuple[str, str]], size: int) -> None:
    frame = pl.DataFrame(rows, schema=["user_id", "track_id"], orient="row")
    content = frame.write_csv(quote_style="always", null_value="").encode()
    ledger = Ledger()
    assume("\0" not in content.decode())
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    text = open_text("x", pieces, ledger)
    parsed, malformed = text.rows({"user_id": 0, "track_id": 1})
    assert not malformed.lines
    whole = open_text("x", [content], ledger).rows({"user_id": 0, "track_id": 1})[0]
    assert parsed.equals(whole)  # line numbers too
    assert parsed.select(pl.col("user_id", "track_id").fill_null("")).rows() == rows


@pytest.mark.real
def test_the_real_taste_profile(shared_data: Path) -> None:
    folder = shared_data / "taste-profile-10k"
    mapping = {"user_id": "user_index", "track_id": "song_index", "plays": "play_count"}
    data = read(folder / "plays.csv", columns=mapping)
    assert (data.ledger.read, data.ledger.kept) == (244_504, 244_504)
    assert (data.listeners.height, data.tracks.height) == (9_339, 10_000)
    assert data.plays["plays"].sum() == 749_247
    mapping |= {"artist": "artist_name", "album": "release"}
    files = [folder / name for name in ("plays.csv", "songs.csv", "track_features.csv")]
    tracks = read(files, columns=mapping).tracks
    assert (tracks.height, tracks["energy"].count(), tracks["year"].count()) == (10_000, 945, 4_031)
