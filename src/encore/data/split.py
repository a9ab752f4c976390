"""Splits: training rows and held-out rows of the same Dataset, with what leaks removed.

Both sides of a split are Datasets over the same listeners and tracks. Held-out rows leave no trace
in the training side: their plays, their events, and the tags that a listener gave to their own
held-out tracks are gone from it (a tag on a track betrays that the listener plays it).
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import polars as pl

from encore.data.dataset import Dataset
from encore.errors import InputError

SplitBy = Literal["listener", "time"]

PAIR = ["user_id", "track_id"]


@dataclass(frozen=True)
class Split:
    """The training and the held-out side of one Dataset."""

    train: Dataset
    test: Dataset


def split(data: Dataset, by: str = "listener", held_out: float = 0.2, seed: int = 0) -> Split:
    """Split `data` in two.

    - `by="listener"`: of each listener's n rows, round(n x held_out) at random, seeded.
    - `by="time"`: one moment for all; the rows whose pair was first played after it. The moment is
      chosen so that `held_out` of the rows fall behind it. Needs `first_played`.

    Raises `InputError` on an unknown `by`, a share outside (0, 1), a split by time without times.
    """
    if by not in get_args(SplitBy):
        raise InputError(f"split by {by!r}: expected one of {', '.join(get_args(SplitBy))}")
    if not 0 < held_out < 1:
        raise InputError(f"held_out = {held_out}: expected a share between 0 and 1")
    if data.plays.is_empty():
        raise InputError("the dataset has no plays: there is nothing to split")
    mask = _by_listener(data, held_out, seed) if by == "listener" else _by_time(data, held_out)
    return hold_out(data, data.plays.filter(mask))


def hold_out(data: Dataset, test_plays: pl.DataFrame) -> Split:
    """Return the split of `data` whose test side is exactly `test_plays`.

    From the training side go: those pairs' plays, events and feedback, and the tags that the
    pair's listener gave to the pair's track.
    """
    pairs = test_plays.select(PAIR)

    def without(table: pl.DataFrame) -> pl.DataFrame:
        return table.join(pairs, on=PAIR, how="anti", maintain_order="left")

    train = data.with_tables(
        plays=without(data.plays),
        events=without(data.events),
        feedback=without(data.feedback),
        tags=without(data.tags),
    )
    test = data.with_tables(
        plays=test_plays,
        events=data.events.join(pairs, on=PAIR, how="semi", maintain_order="left"),
        feedback=data.feedback.clear(),
        tags=data.tags.clear(),
        friends=data.friends.clear(),
    )
    return Split(train, test)


def _by_listener(data: Dataset, held_out: float, seed: int) -> pl.Series:
    # Drawn by row, not by id: renaming listeners or tracks leaves the split as it was.
    draws = np.random.default_rng(seed).random(data.plays.height)
    rows = data.plays.select("user_id", pl.Series("draw", draws))
    rank = pl.col("draw").rank("ordinal").over("user_id")
    share = (pl.len().over("user_id") * held_out).round()
    return rows.select((rank <= share).alias("held"))["held"]


def _by_time(data: Dataset, held_out: float) -> pl.Series:
    first = data.plays["first_played"]
    if first.null_count():
        raise InputError(
            f"split by time: {first.null_count():,} of {len(first):,} rows have no first_played; "
            "split by listener instead"
        )
    moment = first.quantile(1 - held_out, "lower")
    return first > moment
