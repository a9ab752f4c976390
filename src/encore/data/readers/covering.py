"""Two exports of one history: where both tell of a time, the more exact one is taken.

Spotify gives the last year without ids and in whole minutes (`spotify`), and on demand the whole
history with both (`spotify-extended`). Who has both gives both, and each listen must count once.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta

import polars as pl

from encore.data import values
from encore.data.ledger import Ledger

COVERED = "covered"

#: Reader -> the one whose listens are the same, less exact.
LESS_EXACT = {"spotify-extended": "spotify"}

#: A time in whole minutes may lie so far outside of the span in which it truly was.
_SLACK = timedelta(minutes=1)

Parts = Iterable[tuple[str, pl.DataFrame]]


class Coverage:
    """For each listener, from when to when a reader has told of listens."""

    def __init__(self, ledger: Ledger, zone: str) -> None:
        self._ledger, self._zone = ledger, zone
        self._spans: dict[str, pl.DataFrame] = {}

    def watched(self, reader: str, parts: Parts) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield what a reader tells, and remember the span of its listens."""
        for table, rows in parts:
            if table == "events":
                at = values.times(rows, "listened_at", Ledger(), self._zone)
                span = rows.select("user_id", at).group_by("user_id")
                told = span.agg(first=pl.col("listened_at").min(), last=pl.col("listened_at").max())
                before = [self._spans[reader]] if reader in self._spans else []
                both = pl.concat([*before, told.drop_nulls()]).group_by("user_id")
                self._spans[reader] = both.agg(pl.col("first").min(), pl.col("last").max())
            yield table, rows

    def less(self, reader: str, parts: Parts) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield what a reader tells, without the listens of a time that `reader` has told."""
        spans = self._spans.get(reader)
        for table, rows in parts:
            if table != "events" or spans is None:
                yield table, rows
                continue
            at = values.times(rows, "listened_at", Ledger(), self._zone)
            span = rows.select("user_id").join(
                spans, on="user_id", how="left", maintain_order="left"
            )
            inside = (at >= span["first"] - _SLACK) & (at <= span["last"] + _SLACK)
            covered = inside.fill_null(False)
            self._ledger.table("events").read += int(covered.sum())
            values.drop(rows.filter(covered), COVERED, "listened_at", "events", self._ledger)
            yield table, rows.filter(~covered)
