"""Bytes of input files, read with care: archives are never unpacked to disk, bombs are refused."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from gzip import BadGzipFile, GzipFile
from pathlib import Path, PurePosixPath

from encore import folder
from encore.data import detect
from encore.data.ledger import Ledger, Source
from encore.errors import InputError

#: Unpacked size from which an archive is refused: far above any real one, below a machine's memory.
MAX_ZIP_BYTES = 1 << 30
MAX_GZIP_BYTES = 8 << 30

# RuntimeError is how zipfile says that a member is encrypted.
_ZIP_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def record(path: Path, ledger: Ledger) -> None:
    """Add a file to the sources of the ledger: its name, size and digest."""
    ledger.sources.append(Source(path.name, path.stat().st_size, folder.sha256(path)))


def read_bytes(path: Path) -> bytes:
    """Return the content of a file, a gzipped one unpacked.

    Raises `InputError` where it is truncated, damaged, too large or cannot be read.
    """
    try:
        with path.open("rb") as file:
            zipped = file.read(len(detect.GZIP_MAGIC)) == detect.GZIP_MAGIC
            file.seek(0)
            if not zipped:
                return file.read()
            with GzipFile(fileobj=file) as unzipped:
                content = unzipped.read(MAX_GZIP_BYTES + 1)
    except (BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: not a whole gzip file ({error}); download it again") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_GZIP_BYTES:
        raise InputError(
            f"{path}: unpacks to more than {MAX_GZIP_BYTES:,} bytes; split it into several files"
        )
    return content


def member_names(path: Path) -> list[str]:
    """Return the names of a zip's members.

    Raises `InputError` where it is damaged.
    """
    with _opened_zip(path) as archive:
        return archive.namelist()


def read_members(path: Path, root: PurePosixPath, names: tuple[str, ...]) -> dict[str, bytes]:
    """Return those of `names` that the folder `root` of a zip holds; nothing else is unpacked.

    Raises `InputError` where the zip is damaged or encrypted, has a member that points outside,
    or is declared to unpack to more than `MAX_ZIP_BYTES` (no member yields more than declared).
    """
    with _opened_zip(path) as archive:
        for member in archive.namelist():
            parts = PurePosixPath(member.replace("\\", "/"))
            if parts.is_absolute() or ".." in parts.parts:
                raise InputError(f"{path}: member {member!r} points outside the zip; refused")
        size = sum(info.file_size for info in archive.infolist())
        if size > MAX_ZIP_BYTES:
            raise InputError(
                f"{path}: unpacks to {size:,} bytes, more than the {MAX_ZIP_BYTES:,} allowed"
            )
        held = set(archive.namelist())
        wanted = {name: str(root / name) for name in names}
        return {name: archive.read(at) for name, at in wanted.items() if at in held}


@contextmanager
def _opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (*_ZIP_FAULTS, OSError) as error:
        raise InputError(f"{path}: not a whole zip file ({error}); download it again") from error
