"""How far input files are trusted: limits, digests, and what a damaged file is told as."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from gzip import BadGzipFile
from pathlib import Path

from encore import folder
from encore.data.ledger import Ledger, Source
from encore.errors import InputError

#: Unpacked size from which an archive is refused: far above any real one, below a machine's memory.
MAX_ZIP_BYTES = 1 << 30
MAX_MEMBER_BYTES = 500_000_000  # of one member of a zip, unpacked
MAX_MEMBERS = 500  # files in a zip; the largest real export has one for each month since 2002
MAX_GZIP_BYTES = 8 << 30  # of a file that is packed by itself
MAX_LINE_BYTES = 16 << 20  # of a line, where lines are streamed: more is no text
MAX_FOLDER_FILES = 5_000  # in a folder and the folders within; more is a wrong folder

# RuntimeError is how zipfile says that a member is encrypted.
_ZIP_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
_PACKED_FAULTS = (BadGzipFile, EOFError, zlib.error)


def record(path: Path, ledger: Ledger, name: str = "") -> None:
    """Add a file to the sources of the ledger: its name, size and digest."""
    ledger.sources.append(Source(name or path.name, path.stat().st_size, folder.sha256(path)))


@contextmanager
def zip_faults(path: Path) -> Iterator[None]:
    """Raise `InputError` naming the archive where reading it fails."""
    try:
        yield
    except (*_ZIP_FAULTS, OSError) as error:
        raise InputError(f"{path}: not a whole zip file ({error}); download it again") from error


@contextmanager
def file_faults(path: Path, packing: str = "") -> Iterator[None]:
    """Raise `InputError` naming the file where reading or unpacking it fails."""
    try:
        yield
    except _PACKED_FAULTS as error:
        raise InputError(
            f"{path}: not a whole {packing} file ({error}); download it again"
        ) from error
    except OSError as error:
        # Where its data are damaged, bz2 raises an OSError that no system call stands behind.
        if packing and error.errno is None:
            raise InputError(
                f"{path}: not a whole {packing} file ({error}); download it again"
            ) from error
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
