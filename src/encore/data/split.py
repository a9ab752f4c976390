"""Splits: a Dataset -> its training side and its held-out side, with what leaks removed.

Both sides of a split are Datasets over the same listeners and tracks. Held-out rows leave no trace
in the training side: their plays, their events, their feedback, and the tags that a listener gave
to their own held-out tracks are gone from it (a tag on a track betrays that the listener plays
it). Draws are by row and not by id: renaming listeners or tracks leaves a split as it was.

`encore.data.cold` holds out listeners and tracks as wholes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, cast, get_args

import numpy as np
import polars as pl

from encore.data.dataset import Dataset
from encore.data.listening import plays_of
from encore.errors import InputError

SplitBy = Literal["listener", "time", "last"]

PAIR = ["user_id", "track_id"]


@dataclass(frozen=True)
class Split:
    """The training and the held-out side of one Dataset, and how they were made.

    `facts` are plain JSON values: `by`, what else decided the split (such as `held_out`, `seed`,
    `moment`), and the sizes `train_rows`, `test_rows`, `test_listeners`, `test_tracks` of plays.
    """

    train: Dataset
    test: Dataset
    facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def made(cls, train: Dataset, test: Dataset, how: dict[str, Any]) -> "Split":
        """Return the split whose facts are `how` it was made, then how large its sides are."""
        sizes = {
            "train_rows": train.plays.height,
            "test_rows": test.plays.height,
            "test_listeners": test.plays["user_id"].n_unique(),
            "test_tracks": test.plays["track_id"].n_unique(),
        }
        return cls(train, test, {**how, **sizes})


def split(
    data: Dataset, by: str = "listener", held_out: float = 0.2, seed: int = 0, *, last: int = 1
) -> Split:
    """Split `data` in two.

    - `by="listener"`: of each listener's n rows, round(n x held_out) at random, seeded.
    - `by="time"`: one moment for all, such that `held_out` of the listens lie after it. Plays are
      summed anew from the listens of each side, so a pair may stand on both. Rows of plays without
      a listen are held out where first played after the moment; where the dataset has no listens
      at all, the moment is such that `held_out` of these rows are. Dated tags and feedback after
      the moment leave the training side too.
    - `by="last"`: of each listener's rows the `last` ones by first_played, ties by row order. A
      listener with no more rows than that keeps them all in training. `held_out` is not used.

    `seed` is used by listener alone, `last` by last alone. A row that was only skipped (plays 0)
    and has no first_played is not held out for its time.

    Raises `InputError` on an unknown `by`, a share outside (0, 1), `last` below 1, no plays, and
    by time or last where a played row has no time.
    """
    if by not in get_args(SplitBy):
        raise InputError(f"split by {by!r}: expected one of {', '.join(get_args(SplitBy))}")
    _check_plays(data)
    if by == "last":
        return remove(data, data.plays.filter(_last(data, last)), {"by": by, "last": last})
    check_share("held_out", held_out)
    if by == "time":
        return _by_time(data, held_out)
    how = {"by": by, "held_out": held_out, "seed": seed}
    return remove(data, data.plays.filter(_by_listener(data, held_out, seed)), how)


def folds(data: Dataset, k: int = 5, seed: int = 0) -> Iterator[Split]:
    """Return k splits, each made when it is asked for, that hold out each row of plays once.

    A listener's rows are dealt at random, seeded, so that the sizes of their k parts differ by one
    at most; so do the sizes of the k test sides.

    Raises `InputError` on k below 2 and on data without plays.
    """
    if k < 2:
        raise InputError(f"k = {k} folds: expected at least 2")
    _check_plays(data)
    draws = np.random.default_rng(seed).random(data.plays.height)
    first_row = data.plays.with_row_index().select(pl.col("index").first().over("user_id"))
    # Dealt round in one go, listener after listener: no fold is the first to be dealt to of all.
    dealt = np.empty(len(draws), np.int64)
    dealt[np.lexsort((draws, first_row["index"].to_numpy()))] = np.arange(len(draws)) % k
    return (
        remove(
            data,
            data.plays.filter(pl.Series(dealt == fold)),
            {"by": "fold", "k": k, "fold": fold, "seed": seed},
        )
        for fold in range(k)
    )


def hold_out(data: Dataset, test_plays: pl.DataFrame) -> Split:
    """Return the split of `data` whose test side is exactly `test_plays`.

    From the training side go: those pairs' plays, events and feedback, and the tags that the
    pair's listener gave to the pair's track.
    """
    sides = remove(data, test_plays, {})
    return Split.made(sides.train, sides.test.with_tables(plays=test_plays), {"by": "pair"})


def remove(
    data: Dataset, keys: pl.DataFrame, how: dict[str, Any], on: list[str] | None = None
) -> Split:
    """Return the split of `data` whose test side is each row whose ids are in `keys`.

    `on` names the ids that must agree, by default user_id and track_id. Plays, events, feedback and
    tags with these ids leave the training side; plays and events are the test side. `how` says in
    the facts how the keys were found.
    """
    on = on or PAIR
    held = keys.select(on).unique()

    def without(table: pl.DataFrame) -> pl.DataFrame:
        return table.join(held, on=on, how="anti", maintain_order="left")

    def only(table: pl.DataFrame) -> pl.DataFrame:
        return table.join(held, on=on, how="semi", maintain_order="left")

    train = data.with_tables(
        plays=without(data.plays),
        events=without(data.events),
        feedback=without(data.feedback),
        tags=without(data.tags),
    )
    test = data.with_tables(
        plays=only(data.plays),
        events=only(data.events),
        feedback=data.feedback.clear(),
        tags=data.tags.clear(),
        friends=data.friends.clear(),
    )
    return Split.made(train, test, how)


def check_share(name: str, share: float) -> None:
    """Raise `InputError` where `share`, called `name`, does not lie within (0, 1)."""
    if not 0 < share < 1:
        raise InputError(f"{name} = {share}: expected a share between 0 and 1")


def _check_plays(data: Dataset) -> None:
    if data.plays.is_empty():
        raise InputError("the dataset has no plays: there is nothing to split")


def _by_listener(data: Dataset, held_out: float, seed: int) -> pl.Series:
    draws = np.random.default_rng(seed).random(data.plays.height)
    rows = data.plays.select("user_id", pl.Series("draw", draws))
    rank = pl.col("draw").rank("ordinal").over("user_id")
    share = (pl.len().over("user_id") * held_out).round()
    return rows.select((rank <= share).alias("held"))["held"]


def _last(data: Dataset, last: int) -> pl.Series:
    if last < 1:
        raise InputError(f"last = {last}: expected at least 1")
    _first_played(data.plays, "last")
    timed = pl.col("first_played").count().over("user_id")
    place = pl.col("first_played").rank("ordinal").over("user_id")
    held = (place + last > timed) & (timed > last)
    return data.plays.select(held.fill_null(False).alias("held"))["held"]


def _by_time(data: Dataset, held_out: float) -> Split:
    if undated := data.events["listened_at"].null_count():
        raise InputError(
            f"split by time: {undated:,} of {data.events.height:,} listens have no listened_at; "
            "split by listener instead"
        )
    eventless = data.plays.join(data.events, on=PAIR, how="anti", maintain_order="left")
    first_played = _first_played(eventless, "time")
    times = first_played if data.events.is_empty() else data.events["listened_at"]
    # polars types a quantile as float, whatever it is one of
    moment = cast("datetime | None", times.quantile(1 - held_out, "lower"))
    if moment is None:
        raise InputError("split by time: no row has a time; split by listener instead")

    def until(table: pl.DataFrame, time: str) -> pl.DataFrame:
        return table.filter((pl.col(time) <= moment).fill_null(True))

    def after(table: pl.DataFrame, time: str) -> pl.DataFrame:
        return table.filter(pl.col(time) > moment)

    events = until(data.events, "listened_at"), after(data.events, "listened_at")
    plays = until(eventless, "first_played"), after(eventless, "first_played")
    train_plays, test_plays = (
        pl.concat([plays_of(listens), rows]) for listens, rows in zip(events, plays, strict=True)
    )
    # A pair that was played before is known, and so may be what its listener said of it; one that
    # was only skipped before is not.
    known = train_plays.filter(pl.col("plays") > 0)
    sides = remove(data, test_plays.join(known, on=PAIR, how="anti"), {})
    train = sides.train.with_tables(
        plays=train_plays,
        events=events[0],
        feedback=until(sides.train.feedback, "at"),
        tags=until(sides.train.tags, "tagged_at"),
    )
    test = sides.test.with_tables(plays=test_plays, events=events[1])
    how = {"by": "time", "held_out": held_out, "moment": moment.isoformat()}
    return Split.made(train, test, how)


def _first_played(plays: pl.DataFrame, by: str) -> pl.Series:
    unknown = plays.filter(pl.col("first_played").is_null(), pl.col("plays") > 0).height
    if unknown:
        raise InputError(
            f"split by {by}: {unknown:,} of {plays.height:,} rows have no first_played; "
            "split by listener instead"
        )
    return plays["first_played"]
