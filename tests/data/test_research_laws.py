"""Whatever lies in the file: read = kept + dropped in every table, or one InputError."""

import bz2
import io
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from encore.data.readers import READERS, containers, read
from encore.data.readers.research import RESEARCH
from encore.errors import InputError

ACOUSTICS = "danceability,energy,loudness,mode,key,tempo"


def parquet(**columns: list[object]) -> bytes:
    file = io.BytesIO()
    pl.DataFrame(columns).write_parquet(file, compression="uncompressed")
    return file.getvalue()


#: A small whole file of each reader.
SAMPLES: dict[str, bytes] = {
    "lastfm-1k": b'u1\t2009-05-04T23:08:57Z\t\t"Al\t\tFat\nu2\t2009-05-04T23:08:57Z\t\tAl\t\tFat\n',
    "lastfm-360k": b"%s\t\tAl\t3\n%s\t\tBo\t4\n" % (b"a" * 40, b"b" * 40),
    "taste-profile": b"u1\tSOAKIMP12A8C130995\t1\nu2\tSOAKIMP12A8C130995\t2\n",
    "music-info": b"track_id,user_id,playcount\nTR1,ann,3\nTR2,ann,1\nTR1,bob,2\n",
    "spotify-catalogue": (
        f"track_id,artists,album_name,track_name,explicit,{ACOUSTICS},track_genre\n"
        "s1,Ann;Bob,A,One,False,0.1,0.2,-3,1,2,120,pop\n"
        "s1,Ann;Bob,A,One,True,0.1,0.2,-3,1,2,120,rock\n"
    ).encode(),
    "yambda": parquet(
        uid=[1, 2],
        timestamp=[5, 10],
        item_id=[3, 3],
        is_organic=[0, 1],
        played_ratio_pct=[100, 3],
        track_length_seconds=[100, 100],
        event_type=["listen", "like"],
    ),
    "recbole": b"user_id:token\titem_id:token\trating:float\n1\t7\t4\n2\t7\t5\n",
    "music4all-onion": bz2.compress(b"user_id\ttrack_id\tcount\nu1\tt1\t3\nu2\tt1\t4\n"),
}

#: What is told by several files together.
FOLDERS: dict[str, dict[str, bytes]] = {
    "taste-profile-10k": {
        "plays.csv": b"user_index,song_index,play_count\n1,1,2\n1,2,1\n",
        "songs.csv": b"song_index,title,release,artist_name,year\n1,One,A,Ann,0\n2,Two,A,Ann,1\n",
    }
}

# Bytes that mean something to one format or another, and some that mean nothing.
BYTES = st.sampled_from([b"\t", b"\n", b",", b'"', b"\0", b"\xff", b"-", b"9" * 30, b"nan", b""])


def lay(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def files_of(name: str) -> dict[str, bytes]:
    return FOLDERS.get(name) or {"some file": SAMPLES[name]}


def test_every_reader_has_a_sample() -> None:
    assert {reader.name for reader in RESEARCH} == {*SAMPLES, *FOLDERS}


@pytest.mark.parametrize("name", [*SAMPLES, *FOLDERS])
def test_each_knows_its_own_and_only_its_own(name: str, tmp_path: Path) -> None:
    with containers.opened(lay(tmp_path, files_of(name))) as container:
        assert [reader.name for reader in READERS[:-1] if reader.recognises(container)] == [name]


@pytest.mark.parametrize("name", [*SAMPLES, *FOLDERS])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), BYTES), max_size=3))
def test_every_row_is_accounted_for(name: str, changes: list[tuple[float, int, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = files_of(name)
        first, content = next(iter(files.items()))
        for share, cut, put in changes:
            at = int(share * len(content))
            content = content[:at] + put + content[at + cut :]
        path = lay(Path(folder), {**files, first: content})
        try:
            data = read(path if name in FOLDERS else path / first)
        except InputError:
            return
        for table, counts in data.ledger.tables.items():
            assert counts.read == counts.kept + sum(counts.dropped.values()), table
