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
        found = texts.cast(self._dtype).to_physical()
        highest = found.max()
        if isinstance(highest, int):
            self._count = max(self._count, highest + 1)
        return found

    def texts(self) -> pl.Series:
        """Return the text of each code.

        >>> codes = Codes()
        >>> _ = codes.encode(pl.Series(["b", "a", "b"]))
        >>> codes.texts().to_list()
        ['b', 'a']
        """
        every = pl.int_range(self._count, dtype=pl.UInt32, eager=True)
        return every.cat.to(self._dtype).cast(pl.String)
