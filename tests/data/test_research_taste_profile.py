import gzip
from pathlib import Path

import pytest

from encore.data.readers import read
from encore.errors import InputError
from encore.schema import ACOUSTIC

SONG, OTHER = "SOAKIMP12A8C130995", "SOBBMDR12A8C13253B"
TRIPLETS = f"ann\t{SONG}\t1\nann\t{OTHER}\t2\nbob\t{SONG}\t-3\nbob\t{SONG}\n"


@pytest.mark.parametrize("packed", [False, True])
def test_triplets(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "train_triplets.txt"
    rows = TRIPLETS + f"eve\t{SONG}\t4\n" * 8
    path.write_bytes(gzip.compress(rows.encode()) if packed else rows.encode())
    data = read(path)
    assert data.plays.select("user_id", "track_id", "plays").rows() == [
        ("ann", SONG, 1.0),
        ("ann", OTHER, 2.0),
        ("eve", SONG, 32.0),
    ]
    assert data.tracks["title"].to_list() == [SONG, OTHER]
    assert (data.ledger.read, data.ledger.kept) == (12, 10)
    assert data.ledger.dropped == {"malformed_line": 1, "negative_plays": 1}


@pytest.fixture
def ten_k(tmp_path: Path) -> Path:
    files = {
        "plays.csv": "user_index,song_index,play_count\n1,1,2\n1,2,1\n2,2,5\n",
        "songs.csv": (
            "song_index,song_id,title,release,artist_name,year\n"
            f'1,{SONG},The Cove,Album,"Johnson, Jack",0\n2,,Breakeven,,The Script,2008\n'
        ),
        "track_features.csv": (
            f"song_index,song_id,source,source_track,{','.join(ACOUSTIC)}\n"
            f"1,{SONG},x,The Cove,{','.join(['0.5'] * 8)},\n"
        ),
        "artist_features.csv": (
            f"song_index,song_id,artist_name,{','.join(ACOUSTIC)},artist_track_count\n"
            f"1,{SONG},Jack,{','.join(['0.25'] * 8)},120,3\n2,,The Script,{'0.25,' * 8}90,3\n"
        ),
        "users.csv": "user_index,user_id\n1,abc\n",
        "prefix.txt": f"abc\t{SONG}\t2\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    return tmp_path


def test_the_10k_form_joins_songs_and_acoustics(ten_k: Path) -> None:
    data = read(ten_k)
    assert data.plays["plays"].to_list() == [2.0, 1.0, 5.0]
    assert data.tracks.select("track_id", "title", "artist", "album", "year").rows() == [
        ("1", "The Cove", "Johnson, Jack", "Album", None),
        ("2", "Breakeven", "The Script", None, 2008),
    ]
    # The song's own value first, its artist's where the song's is unknown.
    assert data.tracks.select("energy", "tempo").rows() == [(0.5, 120.0), (0.25, 90.0)]
    assert f"{ten_k.name}: passed over 'prefix.txt', 'users.csv'" in data.ledger.notes
    assert len(data.ledger.sources) == 4


def test_two_editions_in_one_folder_are_refused(ten_k: Path) -> None:
    (ten_k / "again").mkdir()
    (ten_k / "again" / "plays.csv").write_bytes((ten_k / "plays.csv").read_bytes())
    with pytest.raises(InputError, match="in 2 folders"):
        read(ten_k)


@pytest.mark.real
def test_the_real_taste_profile(shared_data: Path) -> None:
    data = read(shared_data / "taste-profile-10k")
    assert (data.ledger.read, data.ledger.kept) == (244_504, 244_504)
    assert (data.listeners.height, data.tracks.height) == (9_339, 10_000)
    assert data.plays["plays"].cast(float).sum() == 749_247
    assert data.tracks["year"].count() == 4_031  # of 4,877 given, 846 are 0
    prefix = read(shared_data / "taste-profile-10k" / "10000_prefix.txt.gz")
    assert (prefix.ledger.read, prefix.ledger.kept) == (42_739, 42_739)
    assert (prefix.listeners.height, prefix.tracks.height) == (1_630, 9_071)
