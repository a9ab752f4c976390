import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from encore import folder
from encore.errors import EncoreError, InputError, IntegrityError

FILES = {"a.bin": b"alpha" * 9, "deep/b.bin": b"beta", "empty.bin": b""}


def fill(target: Path) -> dict[str, Any]:
    for name, content in FILES.items():
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_bytes(content)
    return {"motto": "naïve"}


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    folder.write(tmp_path / "f", "dataset", 1, fill)
    return tmp_path / "f"


def snapshot(path: Path) -> dict[str, bytes]:
    files = [file for file in path.rglob("*") if file.is_file()]
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}


def test_what_was_written_verifies(whole: Path) -> None:
    manifest = folder.verify(whole, "dataset", 1)
    assert manifest["motto"] == "naïve"
    assert set(manifest["files"]) == set(FILES)
    assert sorted(file.name for file in whole.parent.iterdir()) == ["f"]


def flips(content: bytes) -> Iterator[bytes]:
    for position in {
        0,
        1,
        len(content) // 3,
        len(content) // 2,
        len(content) - 2,
        len(content) - 1,
    }:
        for mask in (0x01, 0x20, 0x80):
            yield content[:position] + bytes([content[position] ^ mask]) + content[position + 1 :]


@pytest.mark.parametrize("name", ["a.bin", "deep/b.bin"])
def test_one_flipped_byte_is_found_and_named(whole: Path, name: str) -> None:
    for damaged in flips(FILES[name]):
        (whole / name).write_bytes(damaged)
        with pytest.raises(IntegrityError, match=re.escape(f"{whole / name}: damaged")):
            folder.verify(whole, "dataset", 1)


def test_one_flipped_byte_in_the_manifest_is_found_at_every_position(whole: Path) -> None:
    content = (whole / folder.MANIFEST).read_bytes()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0x01
        (whole / folder.MANIFEST).write_bytes(damaged)
        with pytest.raises(IntegrityError, match=re.escape(f"{whole / folder.MANIFEST}: damaged")):
            folder.verify(whole, "dataset", 1)


def test_added_and_cut_bytes_are_found(whole: Path) -> None:
    for name in [*FILES, folder.MANIFEST]:
        content = (whole / name).read_bytes()
        for damaged in (content + b"\n", content[:-1]):
            if damaged == content:
                continue
            (whole / name).write_bytes(damaged)
            with pytest.raises(IntegrityError, match=re.escape(str(whole / name))):
                folder.verify(whole, "dataset", 1)
        (whole / name).write_bytes(content)


def test_a_missing_file_is_named(whole: Path) -> None:
    for name in [*FILES, folder.MANIFEST]:
        content = (whole / name).read_bytes()
        (whole / name).unlink()
        with pytest.raises(IntegrityError, match=re.escape(f"{whole / name}: missing")):
            folder.verify(whole, "dataset", 1)
        (whole / name).write_bytes(content)


def test_optional_files_may_be_missing_but_not_damaged(whole: Path) -> None:
    (whole / "deep/b.bin").write_bytes(b"other")
    with pytest.raises(IntegrityError, match="damaged"):
        folder.verify(whole, "dataset", 1, optional="deep/")
    (whole / "deep/b.bin").unlink()
    folder.verify(whole, "dataset", 1, optional="deep/")


def test_a_foreign_version_and_kind_are_refused(whole: Path) -> None:
    with pytest.raises(IntegrityError, match="schema version 1, this encore reads 2"):
        folder.verify(whole, "dataset", 2)
    with pytest.raises(InputError, match="is an encore dataset, expected a bundle"):
        folder.verify(whole, "bundle", 1)


def test_what_is_no_folder_of_encore_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        folder.verify(tmp_path / "nowhere", "dataset", 1)
    with pytest.raises(InputError, match="empty"):
        folder.verify(tmp_path, "dataset", 1)
    (tmp_path / "x").write_text("x")
    with pytest.raises(IntegrityError, match=r"manifest\.json: missing"):
        folder.verify(tmp_path, "dataset", 1)
    for manifest in ("[]", "null", "1", '"x"', "{}", '{"kind": "dataset"}'):
        (tmp_path / folder.MANIFEST).write_text(manifest)
        with pytest.raises(EncoreError):
            folder.verify(tmp_path, "dataset", 1)


def test_the_same_kind_is_replaced_and_an_empty_folder_is_used(whole: Path) -> None:
    folder.write(whole, "dataset", 2, fill)
    assert folder.verify(whole, "dataset", 2)
    empty = whole.parent / "empty"
    empty.mkdir()
    folder.write(empty, "dataset", 1, fill)
    assert folder.verify(empty, "dataset", 1)


def test_an_unrelated_place_is_left_alone(tmp_path: Path, whole: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "mine", tmp_path / "file"):
        with pytest.raises(InputError, match="not an encore dataset"):
            folder.write(place, "dataset", 1, fill)
    with pytest.raises(InputError, match="not an encore bundle"):
        folder.write(whole, "bundle", 1, fill)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"
    assert folder.verify(whole, "dataset", 1)


def test_a_writer_that_fails_leaves_no_trace(whole: Path) -> None:
    before = snapshot(whole.parent)

    def fail(target: Path) -> dict[str, Any]:
        (target / "half").write_text("half")
        raise OSError("disk full")

    for place in (whole, whole.parent / "new"):
        with pytest.raises(OSError, match="disk full"):
            folder.write(place, "dataset", 1, fail)
    assert snapshot(whole.parent) == before


def test_a_swap_that_fails_brings_the_old_folder_back(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(whole.parent)
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if Path(target) == whole and ".old." not in str(self):
            raise OSError("no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="no"):
        folder.write(whole, "dataset", 1, fill)
    monkeypatch.undo()
    assert snapshot(whole.parent) == before


def test_replacing_a_file_is_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.json"
    with folder.replacing(path) as temporary:
        temporary.write_text(json.dumps(1))

    def stop_halfway() -> None:
        with folder.replacing(path) as temporary:
            temporary.write_text("2")
            raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        stop_halfway()
    assert path.read_text() == "1"
    assert [file.name for file in path.parent.iterdir()] == ["x.json"]
