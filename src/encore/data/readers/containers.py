"""One view of whatever lies at a path: a file, a folder, a zip, a .gz or a .bz2.

A `Container` has members, known by name; a file is the only member of itself. Members are read as
bytes, whole or line by line, and unpacked on the way; nothing is unpacked to disk. Archives within
archives, members that point outside, and what unpacks to more than `encore.data.readers.sources`
allows are refused.
"""

import bz2
import io
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from gzip import GzipFile
from pathlib import Path, PurePosixPath
from typing import IO, cast

from encore.data.detect import GZIP_MAGIC, ZIP_MAGIC
from encore.data.ledger import Ledger
from encore.data.readers import sources
from encore.data.readers.encoding import BLOCK_BYTES
from encore.errors import InputError

HEAD_BYTES = 1 << 16

_BZIP2 = re.compile(rb"BZh[1-9]\x31\x41\x59\x26\x53\x59")  # the magic of its first block
_MAGIC_BYTES = 10
_ZIP_MEMBER_MAGIC = b"PK\x03\x04"
_NO_MEMBER_OF_ITS_OWN = ("__MACOSX/",)  # where macOS puts what Finder knows of each file


@dataclass
class Container:
    """The members at a path. Made by `opened`; `archive` is the open zip, None where it is none.

    `columns` remembers those of each member at which a reader has looked, for the next one.
    """

    path: Path
    archive: zipfile.ZipFile | None = None
    _names: list[str] = field(default_factory=list)
    _heads: dict[str, bytes] = field(default_factory=dict)
    _recorded: set[str] = field(default_factory=set)
    columns: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_single(self) -> bool:
        """Whether the path is a file, perhaps packed, that is its own only member."""
        return self.archive is None and not self.path.is_dir()

    def names(self) -> list[str]:
        """Return the names of the members, sorted, with `/` between folders."""
        return list(self._names)

    def place(self, name: str) -> str:
        """Return what a message calls a member: the path, and its name within."""
        return str(self.path) if self.is_single else f"{self.path}: {name}"

    def file(self, name: str) -> Path | None:
        """Return where a member lies as a file of its own; None in a zip."""
        if self.archive is not None:
            return None
        return self.path if self.is_single else self.path / name

    def head(self, name: str) -> bytes:
        """Return the first 64 KiB of a member, unpacked; all of it, where it has less."""
        if name not in self._heads:
            with self._stream(name) as stream:
                head = stream.read(HEAD_BYTES)
            if self.archive is None:
                return head
            self._heads[name] = head
        return self._heads[name]

    def read(self, name: str) -> bytes:
        """Return a member, unpacked.

        Raises `InputError` where it is truncated, damaged, encrypted, too large or unreadable.
        """
        with self._stream(name) as stream:
            limit = self._limit(stream)
            content = stream.read(-1 if limit is None else limit + 1)
        if limit is not None and len(content) > limit:
            raise self._too_large(name, limit)
        return content

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield a member's content, unpacked as it is asked for, cut anywhere.

        Raises `InputError` as `read` does.
        """
        with self._stream(name) as stream:
            limit = self._limit(stream)
            taken = 0
            while piece := stream.read(BLOCK_BYTES):
                taken += len(piece)
                if limit is not None and taken > limit:
                    raise self._too_large(name, limit)
                yield piece

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a member without their ends, unpacked as they are asked for.

        Raises `InputError` as `read` does, and where a line is too long to be one.
        """
        with self._stream(name) as stream:
            limit = sources.MAX_MEMBER_BYTES if self.archive is not None else None
            taken = 0
            while line := stream.readline(sources.MAX_LINE_BYTES + 1):
                taken += len(line)
                if limit is not None and taken > limit:
                    raise self._too_large(name, limit)
                if len(line) > sources.MAX_LINE_BYTES:
                    raise InputError(
                        f"{self.place(name)}: a line of more than {sources.MAX_LINE_BYTES:,} bytes "
                        "is no text; expected a table or a listening history"
                    )
                yield line.rstrip(b"\r\n")

    def record(self, name: str, ledger: Ledger) -> None:
        """Add the file that holds a member to the ledger's sources, once."""
        file = self.file(name)
        key = name if file is not None else ""
        if key not in self._recorded:
            self._recorded.add(key)
            sources.record(file or self.path, ledger, "" if self.is_single else key)

    def _limit(self, stream: IO[bytes]) -> int | None:
        if self.archive is not None:
            return sources.MAX_MEMBER_BYTES
        return sources.MAX_GZIP_BYTES if isinstance(stream, GzipFile | bz2.BZ2File) else None

    def _too_large(self, name: str, limit: int) -> InputError:
        return InputError(
            f"{self.place(name)}: unpacks to more than {limit:,} bytes; split it into several files"
        )

    @contextmanager
    def _stream(self, name: str) -> Iterator[IO[bytes]]:
        with ExitStack() as stack:
            if self.archive is not None:
                stack.enter_context(sources.zip_faults(self.path))
                raw: IO[bytes] = stack.enter_context(self.archive.open(name))
            else:
                file = self.file(name) or self.path
                stack.enter_context(sources.file_faults(file))
                raw = stack.enter_context(file.open("rb"))
            magic = raw.read(_MAGIC_BYTES)
            raw.seek(0)
            where = self.file(name) or self.path / name
            if magic.startswith(GZIP_MAGIC):
                stack.enter_context(sources.file_faults(where, "gzip"))
                yield cast(IO[bytes], stack.enter_context(GzipFile(fileobj=raw)))
            elif _BZIP2.match(magic):
                stack.enter_context(sources.file_faults(where, "bzip2"))
                yield cast(IO[bytes], stack.enter_context(bz2.BZ2File(raw)))
            else:
                yield raw


@contextmanager
def opened(path: Path) -> Iterator[Container]:
    """Look at a path and give its Container, for as long as the context lasts.

    Raises `InputError` where there is nothing, or an archive that is damaged or refused.
    """
    if path.is_dir():
        yield Container(path, None, _files(path))
        return
    if not path.is_file():
        raise InputError(f"{path}: no such file or folder; check the path")
    with sources.file_faults(path), path.open("rb") as file:
        is_zip = file.read(len(ZIP_MAGIC)) == ZIP_MAGIC
    if not is_zip:
        yield Container(path, None, [path.name])
        return
    with ExitStack() as stack:
        with sources.zip_faults(path):
            archive = stack.enter_context(zipfile.ZipFile(path))
        yield Container(path, archive, _members(path, archive))


def seekable(container: Container, name: str) -> Path | io.BytesIO:
    """Return a member as what Polars reads Parquet from: its file, in a zip its bytes."""
    return container.file(name) or io.BytesIO(container.read(name))


def _files(path: Path) -> list[str]:
    """Return the files of a folder and the folders within; hidden ones are left alone."""
    names: list[str] = []
    for place, folders, files in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside = Path(place).relative_to(path)
        visible = [name for name in files if name[0] != "." or name.endswith(".log")]
        names += [(inside / name).as_posix() for name in visible]
        if len(names) > sources.MAX_FOLDER_FILES:
            raise InputError(
                f"{path}: a folder with more than {sources.MAX_FOLDER_FILES:,} files; "
                "give the files themselves"
            )
    return sorted(names)


def _members(path: Path, archive: zipfile.ZipFile) -> list[str]:
    """Return the members of a zip that are files; raise where the archive must not be read."""
    for name in archive.namelist():
        if not name:
            raise InputError(f"{path}: a member has no name; not a whole zip, download it again")
        parts = PurePosixPath(name.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts:
            raise InputError(f"{path}: member {name!r} points outside the zip; refused")
    members = [info for info in archive.infolist() if not info.is_dir()]
    if len(members) > sources.MAX_MEMBERS:
        raise InputError(
            f"{path}: a zip with {len(members):,} files, more than the {sources.MAX_MEMBERS:,} "
            "allowed; unpack it and give the folder"
        )
    for info in members:
        if info.file_size > sources.MAX_MEMBER_BYTES:
            raise InputError(
                f"{path}: member {info.filename!r} unpacks to {info.file_size:,} bytes, more than "
                f"the {sources.MAX_MEMBER_BYTES:,} allowed"
            )
    # zipfile yields no more of a member than is declared.
    size = sum(info.file_size for info in members)
    if size > sources.MAX_ZIP_BYTES:
        raise InputError(
            f"{path}: unpacks to {size:,} bytes, more than the {sources.MAX_ZIP_BYTES:,} allowed"
        )
    for info in members:
        if info.filename.lower().endswith(".zip"):
            raise InputError(
                f"{path}: member {info.filename!r} is a zip within the zip; "
                "unpack the outer one and give the inner"
            )
    return sorted(
        info.filename for info in members if not info.filename.startswith(_NO_MEMBER_OF_ITS_OWN)
    )
