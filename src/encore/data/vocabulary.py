"""Ids as dense indices: 0 is the unknown, 1..n are the known ids in a fixed order."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

UNKNOWN = 0

FEW = 100  # times as many ids as keys: then they are looked up one by one, and nothing is joined

Indices = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Vocabulary:
    """A one-to-one map between string ids and 1..n.

    >>> tracks = Vocabulary(pl.Series(["t9", "t2"]))
    >>> tracks.encode(pl.Series(["t2", "t5", None])).tolist()
    [2, 0, 0]
    >>> tracks.id(1), len(tracks), tracks.rows
    ('t9', 2, 3)
    """

    ids: pl.Series

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, key: str) -> bool:
        return key in self._index

    @property
    def rows(self) -> int:
        """Rows of a table indexed by this vocabulary: its ids and the unknown."""
        return len(self.ids) + 1

    def index(self, key: str) -> int:
        """Return the index of one id, 0 where it is unknown."""
        return self._index.get(key, UNKNOWN)

    def id(self, index: int) -> str:
        """Return the id at an index; the unknown has none and raises `IndexError`."""
        if index == UNKNOWN:
            raise IndexError("index 0 is the unknown: it has no id")
        return str(self.ids[int(index) - 1])

    def decode(self, indices: npt.NDArray[Any]) -> pl.Series:
        """Return the ids at `indices`, none of which may be the unknown."""
        return self.ids.gather(np.asarray(indices, np.int64) - 1)

    def encode(self, keys: pl.Series) -> Indices:
        """Return the index of each key as int32, 0 where it is unknown or null."""
        if len(keys) * FEW <= len(self.ids):
            one_by_one = (self.index(key) for key in keys.cast(pl.String))
            return np.fromiter(one_by_one, np.int32, len(keys))
        wanted = keys.cast(pl.String).alias("id").to_frame()
        found = wanted.join(self._table, on="id", how="left", maintain_order="left")
        return found["index"].fill_null(UNKNOWN).to_numpy().astype(np.int32)

    @cached_property
    def _table(self) -> pl.DataFrame:
        return pl.DataFrame({"id": self.ids.cast(pl.String)}).with_row_index("index", offset=1)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {key: index for index, key in enumerate(self.ids, start=1)}
