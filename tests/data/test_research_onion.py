import bz2
from pathlib import Path

from encore.data.readers import read


def test_counts_packed_with_bzip2(tmp_path: Path) -> None:
    path = tmp_path / "userid_trackid_count.tsv.bz2"
    rows = "user_id\ttrack_id\tcount\nu1\tt1\t3\nu1\tt2\t1\nu1\tt1\t2\nu2\tt1\t\n"
    path.write_bytes(bz2.compress(rows.encode()))
    data = read(path)
    assert data.plays.select("user_id", "track_id", "plays").rows() == [
        ("u1", "t1", 5.0),
        ("u1", "t2", 1.0),
    ]
    assert data.ledger.dropped == {"missing_plays": 1}


def test_listens_are_preferred_to_counts(tmp_path: Path) -> None:
    (tmp_path / "count.tsv").write_text("user_id\ttrack_id\tcount\nu1\tt1\t3\n")
    (tmp_path / "timestamp.tsv").write_text(
        "user_id\ttrack_id\ttimestamp\n"
        "u1\tt1\t2014-01-24 02:36:01\nu1\tt1\t2014-01-25 02:36:01\nu1\tt1\t2014-01-25 02:36:01\n"
    )
    data = read(tmp_path)
    assert data.plays.select("user_id", "track_id", "plays").rows() == [("u1", "t1", 2.0)]
    assert data.events.height == 2
    assert data.ledger.dropped == {"duplicate_listen": 1}
    assert f"{tmp_path.name}: passed over 'count.tsv'" in data.ledger.notes
