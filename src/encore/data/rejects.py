"""Rows that an import drops, written as they stood, so that nothing is lost.

A file of JSON lines: `table`, `reason`, `file` and `line` say what was dropped, why and where it
stood; `row` holds what was read of it, `text` the line itself where it was no row.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import polars as pl

from encore import folder


class Rejects:
    """An open file of rejects. Made by `written`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def rows(self, table: str, reason: str, rows: pl.DataFrame, file: str, line: str) -> None:
        """Add rows of text; `file` and `line` name the columns that say where each stood."""
        told = [name for name, dtype in rows.schema.items() if dtype in (pl.String, pl.List)]
        rows.select(
            pl.lit(table).alias("table"),
            pl.lit(reason).alias("reason"),
            pl.col(file).alias("file"),
            pl.col(line).alias("line"),
            pl.struct(name for name in told if name not in (file, line)).alias("row"),
        ).write_ndjson(self._file)

    def lines(self, table: str, reason: str, file: str, lines: Iterable[tuple[int, str]]) -> None:
        """Add lines that were no rows: (number, text)."""
        for number, text in lines:
            told = {"table": table, "reason": reason, "file": file, "line": number, "text": text}
            self._file.write(json.dumps(told, ensure_ascii=False).encode() + b"\n")


@contextmanager
def written(path: Path | None) -> Iterator[Rejects | None]:
    """Give the rejects to be filled; on success their file stands at `path`, else nothing does."""
    if path is None:
        yield None
        return
    with folder.replacing(path) as temporary, temporary.open("wb") as file:
        yield Rejects(file)
