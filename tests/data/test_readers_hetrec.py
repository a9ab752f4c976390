import zipfile
from pathlib import Path

import pytest

from encore.data.readers import read, sources
from encore.errors import InputError, UsageError

MEMBERS = {
    "artists.dat": 'id\tname\turl\tpictureURL\n1\tSigur Rós\tu\tp\n02\t"Weird" Al\tu\t\n',
    "user_artists.dat": "userID\tartistID\tweight\r\n7\t1\t13\r\n7\t02\t5\r\n8\t1\t-1\r\n8\t1\r\n",
    "user_friends.dat": "userID\tfriendID\r\n7\t8\r\n8\t7\r\n",
    "tags.dat": "tagID\ttagValue\r\n1\tfrançais\r\n",
    "user_taggedartists-timestamps.dat": (
        "userID\tartistID\ttagID\ttimestamp\r\n"
        "7\t1\t1\t1238536800000\r\n"
        "7\t02\t1\t-428720400000\r\n"
        "7\t99\t1\t1238536800000\r\n"
        "8\t1\t2\t1238536800000\r\n"
    ),
}


def content(name: str) -> bytes:
    return MEMBERS[name].encode("latin-1" if name == "tags.dat" else "utf-8")


def make_zip(path: Path, prefix: str = "", leave_out: tuple[str, ...] = (), **extra: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in MEMBERS:
            if name not in leave_out:
                archive.writestr(prefix + name, content(name))
        for name, data in extra.items():
            archive.writestr(name, data)
    return path


@pytest.fixture(params=["zip", "nested zip", "folder"])
def small(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "folder":
        for name in MEMBERS:
            (tmp_path / name).write_bytes(content(name))
        return tmp_path
    return make_zip(tmp_path / "h.zip", "hetrec/" if request.param == "nested zip" else "")


def test_a_small_hetrec(small: Path) -> None:
    data = read(small)
    assert data.item_kind == "artist"
    assert data.tracks.select("track_id", "title", "artist_id", "artist").rows() == [
        ("1", "Sigur Rós", None, None),
        ("02", '"Weird" Al', None, None),
    ]
    assert data.plays.select("user_id", "track_id", "plays").rows() == [
        ("7", "1", 13.0),
        ("7", "02", 5.0),
    ]
    assert data.friends.rows() == [("7", "8"), ("8", "7")]
    assert data.listeners["user_id"].to_list() == ["7", "8"]
    ledger = data.ledger
    assert (ledger.read, ledger.kept) == (4, 2)
    assert ledger.dropped == {"malformed_line": 1, "negative_plays": 1}
    places = ledger.table("plays").examples
    assert places["negative_plays"] == ["user_artists.dat:4: -1"]
    assert places["malformed_line"] == ["user_artists.dat:5: 2 fields, expected 3 fields"]


def test_tags_are_latin_1_and_lose_impossible_times_and_unknown_artists(small: Path) -> None:
    data = read(small)
    tags = data.tags.select("track_id", "tag", "weight", "user_id").rows()
    assert tags == [("1", "français", 1.0, "7"), ("02", "français", 1.0, "7")]
    assert [at.year if at else None for at in data.tags["tagged_at"]] == [2009, None]
    assert data.ledger.table("tags").dropped == {"unknown_track": 1, "missing_tag": 1}
    assert any(note.startswith("tagged_at: 1 values") for note in data.ledger.notes)


def test_friends_and_tags_may_be_absent(tmp_path: Path) -> None:
    absent = ("user_friends.dat", "tags.dat", "user_taggedartists-timestamps.dat")
    data = read(make_zip(tmp_path / "h.zip", leave_out=absent))
    assert (data.plays.height, data.tags.height, data.friends.height) == (2, 0, 0)


@pytest.mark.parametrize("key", ["artistID", "track_id", "who"])
def test_acoustics_are_joined(tmp_path: Path, key: str) -> None:
    features = tmp_path / "features.tsv"
    features.write_text(f"{key}\tenergy\tmode\ttempo\n1\t0.5\t1\t0\n9\t0.1\t0\t100\n")
    path = make_zip(tmp_path / "h.zip")
    data = read(path, acoustics=features, columns={"track_id": "who"} if key == "who" else None)
    assert data.tracks.select("energy", "mode", "tempo").rows() == [
        (0.5, 1, None),
        (None, None, None),
    ]
    assert "acoustics: 2 rows, 1 of 2 tracks matched" in data.ledger.notes
    assert [source.name for source in data.ledger.sources] == ["h.zip", "features.tsv"]


def test_acoustics_without_a_key_are_refused(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("name,energy\nx,0.5\n")
    with pytest.raises(InputError, match=r"f\.csv.*expected track_id"):
        read(make_zip(tmp_path / "h.zip"), acoustics=tmp_path / "f.csv")


def test_a_member_that_points_outside_is_refused(tmp_path: Path) -> None:
    for name in ("../evil", "/evil", "a/../../evil", "..\\evil"):
        path = make_zip(tmp_path / "h.zip", **{name: b"x"})
        with pytest.raises(InputError, match="points outside"):
            read(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["h.zip"]


def test_a_zip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_ZIP_BYTES", 10_000)
    path = make_zip(tmp_path / "h.zip", bomb=bytes(20_000))
    with pytest.raises(InputError, match="unpacks to"):
        read(path)


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    whole = make_zip(tmp_path / "h.zip").read_bytes()
    for cut in (10, len(whole) // 2, len(whole) - 5):
        (tmp_path / "h.zip").write_bytes(whole[:cut])
        with pytest.raises(InputError, match=r"h\.zip: not a whole zip"):
            read(tmp_path / "h.zip")
    position = whole.index(b"artists.dat") + 40
    flipped = bytes([whole[position] ^ 0xFF])
    (tmp_path / "h.zip").write_bytes(whole[:position] + flipped + whole[position + 1 :])
    with pytest.raises(InputError, match=r"h\.zip: not a whole zip"):
        read(tmp_path / "h.zip")


def test_a_member_with_foreign_columns_is_refused(tmp_path: Path) -> None:
    for name in MEMBERS:
        (tmp_path / name).write_bytes(content(name))
    (tmp_path / "user_artists.dat").write_text("a\tb\n1\t2\n")
    with pytest.raises(InputError, match=r"user_artists\.dat lacks 'userID'"):
        read(tmp_path)


def test_hetrec_is_read_alone_and_needs_no_columns(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "h.zip")
    with pytest.raises(InputError, match="read alone"):
        read([path, path])
    with pytest.raises(UsageError, match="columns"):
        read(path, columns={"user_id": "userID"})
    with pytest.raises(InputError, match="found hetrec, expected tables"):
        read(path, format="tables")
    assert read(path, format="hetrec").plays.height == 2


@pytest.mark.real
def test_the_real_hetrec(shared_data: Path) -> None:
    path = shared_data / "hetrec2011-lastfm-2k" / "hetrec2011-lastfm-2k.zip"
    features = shared_data / "spotify-artist-features" / "hetrec_artist_features.tsv"
    data = read(path, acoustics=features)
    assert (data.ledger.read, data.ledger.kept) == (92_834, 92_834)
    assert (data.listeners.height, data.tracks.height) == (1_892, 17_632)
    assert data.plays["plays"].cast(float).sum() == 69_183_975
    assert data.friends.height == 25_434
    # 390 tagged artists are not in artists.dat: 1,538 of the 186,479 assignments are theirs.
    assert data.tags.height == 186_479 - 1_538
    assert data.ledger.table("tags").dropped == {"unknown_track": 1_538}
    assert data.tags["tagged_at"].null_count() == 5
    assert data.tracks["energy"].count() == 5_048
    assert data.tracks["artist_id"].null_count() == 17_632
