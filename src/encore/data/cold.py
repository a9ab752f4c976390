"""Cold splits: tracks that lose every row, listeners who leave whole, and the ladder of the latter.

::

    cold_tracks(data)    -> tracks of which training knows the content and no listen
    cold_listeners(data) -> listeners of whom training knows no more than their friends
        ladder(test)     -> k rows of each revealed, k = 0, 1, 3 …; the same targets at each k

What is held out stays in the tables of tracks and listeners. Draws are by row of these tables.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from encore.data.dataset import Dataset
from encore.data.split import PAIR, Split, check_share, remove
from encore.errors import InputError
from encore.schema import ACOUSTIC

RUNGS = (0, 1, 3, 5, 10, 20)  # rows of a new listener that are revealed
LEAST_TARGETS = 5  # rows that are left to find at the highest rung
LEAST_ROWS = max(RUNGS) + LEAST_TARGETS
LEAST_LISTENERS = 3  # of a track: with fewer, its list of listeners says little about a ranking

PLAYED = pl.col("plays") > 0


def cold_tracks(
    data: Dataset, share: float = 0.15, seed: int = 0, least_listeners: int = LEAST_LISTENERS
) -> Split:
    """Take all rows of listening from a `share` of the tracks that have content and listeners.

    Content is what training still knows without them: own genres, an acoustic feature, or a tag by
    somebody who is not among the track's own listeners. Listeners count if they played the track.
    Plays, events and feedback of all listeners leave, and the tags that these listeners gave to
    the track. At least one track is drawn.

    Raises `InputError` on a share outside (0, 1) and where no track qualifies.
    """
    heard = _heard(data)
    able = has_content(data) & _often(data, "track_id", least_listeners)
    how = {"by": "cold_tracks", "share": share, "seed": seed, "least_listeners": least_listeners}
    tracks = _drawn(data.tracks, able, how, f"tracks with content and {least_listeners} listeners")
    return remove(data, heard.join(tracks, on="track_id", how="semi"), how)


def cold_listeners(
    data: Dataset, share: float = 0.1, seed: int = 0, least_rows: int = LEAST_ROWS
) -> Split:
    """Take a `share` of the listeners with at least `least_rows` played tracks out of training.

    Their plays, events, feedback and every tag that they gave leave. Their rows of friends stay:
    one may know a new listener's friends. At least one listener is drawn.

    Raises `InputError` on a share outside (0, 1) and where no listener has so many.
    """
    how = {"by": "cold_listeners", "share": share, "seed": seed, "least_rows": least_rows}
    able = _often(data, "user_id", least_rows)
    listeners = _drawn(data.listeners, able, how, f"listeners with {least_rows} played tracks")
    return remove(data, listeners, how, on=["user_id"])


@dataclass(frozen=True)
class Ladder:
    """What is revealed of new listeners, rung by rung, and what is to be found at every rung.

    `order`: user_id, track_id, plays, and the row's `place` (from 1) among its listener's.
    `targets`: user_id, track_id, plays of the rows beyond the highest rung; a listener who has
    none has no target.
    """

    rungs: tuple[int, ...]
    order: pl.DataFrame

    def revealed(self, k: int) -> pl.DataFrame:
        """Return user_id, track_id, plays of the first k rows of each listener.

        Raises `InputError` where k is not a rung: beyond the highest the targets begin.
        """
        if k not in self.rungs:
            raise InputError(f"rung {k}: expected one of {', '.join(map(str, self.rungs))}")
        return self.order.filter(pl.col("place") <= k).drop("place")

    @property
    def targets(self) -> pl.DataFrame:
        """Return user_id, track_id, plays of the rows that no rung reveals."""
        return self.order.filter(pl.col("place") > max(self.rungs)).drop("place")


def ladder(test: Dataset, rungs: tuple[int, ...] = RUNGS, seed: int = 0) -> Ladder:
    """Put the played rows of each listener of `test` in a random, seeded order to be revealed.

    Raises `InputError` on rungs that are none or negative, and where no listener has more rows than
    the highest, so that nothing is left to find.
    """
    if not rungs or min(rungs) < 0:
        raise InputError(f"rungs {rungs}: expected numbers of rows, 0 or more")
    played = test.plays.filter(PLAYED).select(*PAIR, "plays")
    draw = pl.Series("draw", np.random.default_rng(seed).random(played.height))
    place = pl.col("draw").rank("ordinal").over("user_id").alias("place")
    made = Ladder(rungs, played.with_columns(draw).with_columns(place).drop("draw"))
    if made.targets.is_empty():
        raise InputError(
            f"no listener has more than {max(rungs)} played tracks: nothing is left to find; "
            "use lower rungs"
        )
    return made


def has_content(data: Dataset) -> pl.Expr:
    """Whether a row of `tracks` has what `cold_tracks` calls content."""
    left = data.tags.join(_heard(data), on=PAIR, how="anti")
    content = (
        (pl.col("genres").list.drop_nulls().list.len() > 0)
        | pl.any_horizontal(pl.col(*ACOUSTIC).is_not_null())
        | pl.col("track_id").is_in(left["track_id"].implode())
    )
    return content.fill_null(False)


def _heard(data: Dataset) -> pl.DataFrame:
    return pl.concat(data.table(name).select(PAIR) for name in ("plays", "events", "feedback"))


def _often(data: Dataset, key: str, least: int) -> pl.Expr:
    """Whether an id of `key` has at least `least` rows with plays."""
    rows = data.plays.filter(PLAYED).group_by(key).len()
    return pl.col(key).is_in(rows.filter(pl.col("len") >= least)[key].implode())


def _drawn(table: pl.DataFrame, able: pl.Expr, how: dict[str, Any], what: str) -> pl.DataFrame:
    """Return the share of the able rows of `table` that `how` asks for, at random."""
    check_share("share", how["share"])
    # A draw for each row, able or not: whether one row qualifies does not change another's draw.
    draw = pl.Series("draw", np.random.default_rng(how["seed"]).random(table.height))
    found = table.with_columns(draw).filter(able)
    if found.is_empty():
        raise InputError(f"no {what}: there is nothing to hold out")
    return found.sort("draw").head(max(1, round(how["share"] * found.height)))
