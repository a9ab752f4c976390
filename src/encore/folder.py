"""A folder that is whole or absent: written beside its place, verified on loading.

Datasets and Bundles are such folders. `manifest.json` lists every other file with its sha256 and
carries a digest of itself, so that one flipped byte anywhere, the manifest included, is found and
named. The writer works in a temporary sibling, flushes it to disk and renames it into place.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from encore.errors import InputError, IntegrityError

MANIFEST = "manifest.json"
_CHUNK_BYTES = 1 << 20


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def write(path: Path, kind: str, version: int, fill: Callable[[Path], dict[str, Any]]) -> None:
    """Write the folder `path`: `fill(folder)` writes its files, returns the manifest's own facts.

    An existing folder of the same kind is replaced in one rename; anything else at `path` is left
    alone and raises `InputError`.
    """
    path = path.absolute()
    if path.exists() and not is_kind(path, kind) and not _is_empty_folder(path):
        raise InputError(
            f"{path}: exists and is not an encore {kind} folder; "
            "choose another place or remove it yourself"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    try:
        temporary.chmod(0o755)
        facts = fill(temporary)
        files = sorted(file for file in temporary.rglob("*") if file.is_file())
        manifest = {
            "kind": kind,
            "schema_version": version,
            **facts,
            "files": {file.relative_to(temporary).as_posix(): sha256(file) for file in files},
        }
        (temporary / MANIFEST).write_bytes(_signed(manifest))
        for file in [*files, temporary / MANIFEST]:
            _flush(file)
        for folder in {file.parent for file in files} | {temporary}:
            _flush(folder)
        _swap(temporary, path)
        _flush(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def verify(
    path: Path, kind: str, version: int, optional: str = "", *, oldest: int | None = None
) -> dict[str, Any]:
    """Return the manifest of the folder `path` after checking every file against it.

    Versions from `oldest` on are read, by default `version` alone. Files whose name begins with
    `optional` may be absent (listeners' data that was erased), but where they are present they too
    must match.

    Raises `InputError` where there is no such folder, `IntegrityError` naming the first bad file.
    """
    manifest = read_manifest(path, kind)
    found, known = manifest.get("schema_version"), range(oldest or version, version + 1)
    if found not in known:
        raise IntegrityError(
            f"{path / MANIFEST}: schema version {found!r}, this encore reads "
            f"{' and '.join(map(str, known))}; "
            f"write the {kind} again with this version"
        )
    for name, expected in manifest["files"].items():
        file = path / name
        if not file.is_file():
            if optional and name.startswith(optional):
                continue
            raise IntegrityError(f"{file}: missing; restore it or write the {kind} again")
        if sha256(file) != expected:
            raise IntegrityError(
                f"{file}: damaged, its sha256 differs from {MANIFEST}; "
                f"restore it or write the {kind} again"
            )
    return manifest


def read_manifest(path: Path, kind: str) -> dict[str, Any]:
    """Return the manifest of the folder `path`, its own digest and its kind checked."""
    if not path.is_dir():
        raise InputError(f"{path}: no such folder; expected an encore {kind}")
    file = path / MANIFEST
    if not file.is_file():
        if any(path.iterdir()):
            raise IntegrityError(f"{file}: missing; {path} is not a whole encore {kind} folder")
        raise InputError(f"{path}: empty; expected an encore {kind} folder")
    raw = file.read_bytes()
    try:
        manifest = json.loads(raw)
        del manifest["manifest_sha256"]
        intact = raw == _signed(manifest)
    except (ValueError, KeyError, TypeError):
        intact = False
    if not intact:
        raise IntegrityError(f"{file}: damaged; restore it or write the {kind} again")
    if manifest.get("kind") != kind:
        raise InputError(f"{path}: is an encore {manifest.get('kind')}, expected a {kind}")
    return dict(manifest)


def is_kind(path: Path, kind: str) -> bool:
    """Say whether `path` is a folder whose manifest names this `kind` (its files unverified)."""
    try:
        return bool(json.loads((path / MANIFEST).read_bytes())["kind"] == kind)
    except (OSError, ValueError, KeyError, TypeError):
        return False


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of the file `path`; on success it replaces `path` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _signed(manifest: dict[str, Any]) -> bytes:
    """Return the manifest as canonical JSON that ends with the digest of all before it."""
    body = json.dumps(manifest, indent=1, ensure_ascii=False)
    digest = hashlib.sha256(body.encode()).hexdigest()
    signed = {**manifest, "manifest_sha256": digest}
    return (json.dumps(signed, indent=1, ensure_ascii=False) + "\n").encode()


def _swap(temporary: Path, path: Path) -> None:
    if not path.exists():
        temporary.rename(path)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
    path.rename(old / path.name)
    try:
        temporary.rename(path)
    except OSError:
        (old / path.name).rename(path)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
