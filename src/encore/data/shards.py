"""Rows that may be more than memory holds, parted by listener so that each part can be held.

Up to `ROWS_IN_MEMORY` rows there is one part and no disk. Beyond, rows go to a temporary folder
(where TMPDIR says), in `PARTS` parts by the listener's id: all rows of a listener are in one.
"""

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

ROWS_IN_MEMORY = 1 << 23
PARTS = 64
_ROWS_A_FLUSH = 1 << 21

PART = "part"


class Shards:
    """Frames of several kinds, taken in chunk by chunk, given back part by part.

    A chunk has the column `PART`, as `part_of` gives it; kinds have columns of their own, which may
    differ from chunk to chunk: what one lacks is null.
    """

    def __init__(self) -> None:
        self._held: dict[str, list[pl.DataFrame]] = {}
        self._rows = 0
        self._files: dict[tuple[str, int], list[Path]] = {}
        self._folder: Path | None = None

    @property
    def on_disk(self) -> bool:
        """Whether the rows are too many for memory."""
        return self._folder is not None

    def add(self, kind: str, chunk: pl.DataFrame) -> None:
        """Take rows in."""
        self._held.setdefault(kind, []).append(chunk)
        self._rows += chunk.height
        if self._rows > (_ROWS_A_FLUSH if self.on_disk else ROWS_IN_MEMORY):
            self._flush()

    def parts(self) -> Iterator[dict[str, pl.DataFrame]]:
        """Yield each part, its rows by kind in the order in which they came; once."""
        if not self.on_disk:
            held, self._held = self._held, {}
            if held:
                yield {kind: pl.concat(chunks, how="diagonal") for kind, chunks in held.items()}
            return
        self._flush()
        for part in range(PARTS):
            found = {}
            for kind, at in [key for key in self._files if key[1] == part]:
                files = self._files.pop((kind, at))
                chunks = [pl.read_ipc(file) for file in files]
                found[kind] = pl.concat(chunks, how="diagonal")
                for file in files:
                    file.unlink()
            if found:
                yield found

    def _flush(self) -> None:
        if self._folder is None:
            self._folder = _temporary(self)
        for kind, chunks in self._held.items():
            rows = pl.concat(chunks, how="diagonal")
            part = rows[PART].to_numpy()
            rows = rows[np.argsort(part, kind="stable")]
            ends = np.cumsum(np.bincount(part, minlength=PARTS)).tolist()
            for at, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
                if end > start:
                    files = self._files.setdefault((kind, at), [])
                    files.append(self._folder / f"{kind}-{at}-{len(files)}.arrow")
                    rows[start:end].write_ipc(files[-1])
        self._held, self._rows = {}, 0


class Shelf:
    """Finished parts, in memory or on disk, to be read as often as one likes."""

    def __init__(self, *, on_disk: bool) -> None:
        self._parts: dict[str, list[pl.LazyFrame]] = {}
        self._folder = _temporary(self) if on_disk else None

    def put(self, kind: str, part: pl.DataFrame) -> None:
        """Add a part of a kind."""
        parts = self._parts.setdefault(kind, [])
        if self._folder is None:
            parts.append(part.lazy())
            return
        file = self._folder / f"{kind}-{len(parts)}.arrow"
        part.write_ipc(file)
        parts.append(pl.scan_ipc(file))

    def scan(self, kind: str) -> pl.LazyFrame | None:
        """Return all parts of a kind in turn; None where there is none.

        The rows last as long as the Shelf: whoever keeps the frame keeps the Shelf too.
        """
        parts = self._parts.get(kind)
        return pl.concat(parts) if parts else None


def part_of(name: str) -> pl.Expr:
    """Return the part of each listener in a column of ids, the same for the same id."""
    return (pl.col(name).hash() % PARTS).cast(pl.UInt8).alias(PART)


def _temporary(owner: object) -> Path:
    """Make a folder that goes when its owner does."""
    folder = Path(tempfile.mkdtemp(prefix="encore-import-"))
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return folder
