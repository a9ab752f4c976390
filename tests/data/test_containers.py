"""Archives and folders, honest and hostile: everything ends in content or in one InputError."""

import bz2
import gzip
import struct
import warnings
import zipfile
from pathlib import Path

import pytest

from encore.data.readers import containers, read, sources
from encore.errors import InputError

ROW = "time,artist,track\n1579344381,Mum,Green\n"


def make_zip(path: Path, members: dict[str, bytes | str]) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # of names that occur twice
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_every_dress_has_the_same_content(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text(ROW)
    (tmp_path / "a").write_text(ROW)
    (tmp_path / "a.gz").write_bytes(gzip.compress(ROW.encode()))
    (tmp_path / "a.bz2").write_bytes(bz2.compress(ROW.encode()))
    make_zip(tmp_path / "a.zip", {"in/a.csv": ROW})
    make_zip(tmp_path / "b.zip", {"in/a.csv.gz": gzip.compress(ROW.encode())})
    for name in ("in", "a", "a.gz", "a.bz2", "a.zip", "b.zip"):
        with containers.opened(tmp_path / name) as container:
            (member,) = container.names()
            assert container.head(member) == container.read(member) == ROW.encode()
            assert list(container.lines(member)) == ROW.encode().splitlines()
        data = read(tmp_path / name)
        assert data.plays["track_id"].to_list() == ["Mum – Green"]
        assert [len(source.sha256) for source in data.ledger.sources] == [64]


def test_a_head_is_the_first_64_kib_and_nothing_is_unpacked_to_disk(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {"long": bytes(100_000)})
    with containers.opened(path) as container:
        assert len(container.head("long")) == 1 << 16
        assert len(container.read("long")) == 100_000
    assert [file.name for file in tmp_path.iterdir()] == ["x.zip"]


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "..\\evil"])
def test_members_that_point_outside_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"x\.zip: member .*points outside"):
        read(make_zip(tmp_path / "x.zip", {"a.csv": ROW, name: ""}))


def test_a_zip_within_a_zip_is_refused(tmp_path: Path) -> None:
    inner = make_zip(tmp_path / "i.zip", {"a.csv": ROW}).read_bytes()
    with pytest.raises(InputError, match=r"'i\.zip' is a zip within the zip; unpack"):
        read(make_zip(tmp_path / "x.zip", {"a.csv": ROW, "i.zip": inner}))
    with pytest.raises(InputError, match="a zip with 'i'"):  # under another name it is unknown
        read(make_zip(tmp_path / "y.zip", {"i": inner}))


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    members: dict[str, bytes | str] = {"a.csv": ROW} | {f"{n}": "" for n in range(499)}
    assert read(make_zip(tmp_path / "x.zip", members)).ledger.kept == 1
    with pytest.raises(InputError, match="a zip with 501 files, more than the 500 allowed"):
        read(make_zip(tmp_path / "y.zip", members | {"more": ""}))


def test_bombs_are_refused_by_what_they_declare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_zip(tmp_path / "x.zip", {"a.csv": ROW, "b": bytes(6_000), "c": bytes(6_000)})
    monkeypatch.setattr(sources, "MAX_ZIP_BYTES", 10_000)
    with pytest.raises(InputError, match=r"unpacks to 12,\d+ bytes, more than the 10,000"):
        read(path)
    monkeypatch.setattr(sources, "MAX_MEMBER_BYTES", 5_000)
    with pytest.raises(InputError, match="member 'b' unpacks to 6,000 bytes"):
        read(path)


def test_bombs_are_refused_by_what_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (ROW + "1,x,y\n" * 50_000).encode()
    whole = make_zip(tmp_path / "x.zip", {"a.csv": content}).read_bytes()
    declared = struct.pack("<L", len(content))
    assert whole.count(declared) == 2  # beside the member, and in the directory
    (tmp_path / "x.zip").write_bytes(whole.replace(declared, struct.pack("<L", 90_000)))
    with pytest.raises(InputError, match=r"x\.zip: not a whole zip"):
        read(tmp_path / "x.zip")
    monkeypatch.setattr(sources, "MAX_MEMBER_BYTES", 200_000)
    packed = make_zip(tmp_path / "y.zip", {"a.csv.gz": gzip.compress(content)})
    with pytest.raises(InputError, match="unpacks to more than 200,000 bytes"):
        read(packed)
    monkeypatch.setattr(sources, "MAX_GZIP_BYTES", 200_000)
    for pack in (gzip.compress, bz2.compress):
        (tmp_path / "z").write_bytes(pack(content))
        with pytest.raises(InputError, match="unpacks to more than 200,000 bytes"):
            read(tmp_path / "z")


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_LINE_BYTES", 1_000)
    (tmp_path / "x").write_bytes(b"#AUDIOSCROBBLER/1.1\n" + b"x" * 2_000)
    with pytest.raises(InputError, match="a line of more than 1,000 bytes"):
        read(tmp_path / "x")


def test_damaged_archives_are_refused_wherever_they_are_cut(tmp_path: Path) -> None:
    content = "time,artist,track\n" + "".join(f"{10**9 + n},Mum,{n}\n" for n in range(500))
    whole = make_zip(tmp_path / "x.zip", {"a.csv": content}).read_bytes()
    packings = {"zip": whole, "gzip": gzip.compress(content.encode())}
    packings["bzip2"] = bz2.compress(content.encode())
    for packing, packed in packings.items():
        for cut in (14, len(packed) // 2, len(packed) - 5):
            (tmp_path / "x.zip").write_bytes(packed[:cut])
            with pytest.raises(InputError, match=rf"x\.zip: not a whole {packing} file"):
                read(tmp_path / "x.zip")
    middle = len(whole) // 3
    flipped = bytes([whole[middle] ^ 0xFF])
    (tmp_path / "x.zip").write_bytes(whole[:middle] + flipped + whole[middle + 1 :])
    with pytest.raises(InputError, match=r"x\.zip: not a whole zip"):
        read(tmp_path / "x.zip")


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    whole = bytearray(make_zip(tmp_path / "x.zip", {"a.csv": ROW}).read_bytes())
    whole[6] |= 1
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "x.zip").write_bytes(whole)
    with pytest.raises(InputError, match=r"x\.zip: not a whole zip.*encrypted"):
        read(tmp_path / "x.zip")


def test_a_folder_with_too_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_FOLDER_FILES", 2)
    for name in "abc":
        (tmp_path / name).write_text(ROW)
    with pytest.raises(InputError, match="more than 2 files; give the files"):
        read(tmp_path)


def test_hidden_folders_are_left_alone_but_a_scrobbler_log_is_not(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for name in (".git/a.csv", ".hidden.csv", "b.csv"):
        (tmp_path / name).write_text(ROW)
    (tmp_path / ".scrobbler.log").write_text("#AUDIOSCROBBLER/1.1\n")
    with containers.opened(tmp_path) as container:
        assert container.names() == [".scrobbler.log", "b.csv"]
