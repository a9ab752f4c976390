"""Texts as numbers: a listener, a track or a file is 4 bytes wherever many rows name it."""

import polars as pl


class Codes:
    """Texts and their codes (u32), counted from 0 in the order in which the texts came first."""

    def __init__(self) -> None:
        self._dtype = pl.Categorical(pl.Categories.random("codes"))
        # Polars forgets the categories that no column holds.
        self._held = pl.Series([], dtype=pl.String).cast(self._dtype)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def encode(self, texts: pl.Series) -> pl.Series:
        """Return the code of each text, null where there is none; new texts get new codes.

        >>> codes = Codes()
        >>> codes.encode(pl.Series(["b", "a", None])).to_list(), codes.encode(pl.Series(["a"]))[0]
        ([0, 1, None], 1)
        """
        found = texts.alias("text").to_frame().select(self.coded("text")).to_series()
        self.take_in(found)
        return found.alias(texts.name)

    def coded(self, name: str) -> pl.Expr:
        """Return the expression that encodes a column; `take_in` must be told what came of it.

        Several columns can so be encoded side by side, each by its own Codes.
        """
        return pl.col(name).cast(self._dtype).to_physical()

    def take_in(self, found: pl.Series) -> None:
        """Count the codes that `coded` gave."""
        highest = found.max()
        if isinstance(highest, int):
            self._count = max(self._count, highest + 1)

    def texts(self) -> pl.Series:
        """Return the text of each code.

        >>> codes = Codes()
        >>> _ = codes.encode(pl.Series(["b", "a", "b"]))
        >>> codes.texts().to_list()
        ['b', 'a']
        """
        every = pl.int_range(self._count, dtype=pl.UInt32, eager=True)
        return every.cat.to(self._dtype).cast(pl.String)
