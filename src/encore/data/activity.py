"""When a dataset was listened to: by day or month, by hour and by weekday. All times are UTC."""

from typing import Any

import polars as pl

from encore.data.dataset import Dataset
from encore.data.vocabulary import Vocabulary

DAYS_AT_MOST = 120  # of a span that is told by the day; a longer one is told by the month
HOURS, WEEKDAYS = 24, 7


def activity(data: Dataset) -> dict[str, Any] | None:
    """Return when listening happened, as plain JSON; None where nothing has a time.

    {"of": "listens" or "pairs", "timed", "first", "last", "days", "by": "day" or "month",
    "counts": [{"at", "rows", "listeners"}], "hours": 24 counts or None, "weekdays": 7 counts}.
    Listens are counted where any has a time, else pairs at their last play. A day or month without
    any is there with 0. Monday comes first. `hours` is None where all times are midnight: those
    are dates.
    """
    times, of = data.events.select("user_id", at="listened_at").drop_nulls("at"), "listens"
    if times.is_empty():
        times, of = data.plays.select("user_id", at="last_played").drop_nulls("at"), "pairs"
    if times.is_empty():
        return None
    at = pl.col("at")
    # Numbers for ids: to count distinct listeners by text would take most of the time.
    user = Vocabulary(data.listeners["user_id"]).encode(times["user_id"])
    times = times.with_columns(user_id=pl.Series(user))
    first, last, dates = times.select(
        at.min().alias("first"), at.max().alias("last"), (at.dt.time() == pl.time(0)).all()
    ).row(0)
    days = (last.date() - first.date()).days + 1
    by, every, shown = (
        ("day", "1d", "%Y-%m-%d") if days <= DAYS_AT_MOST else ("month", "1mo", "%Y-%m")
    )
    counts = (
        times.group_by(at.dt.truncate(every))
        .agg(rows=pl.len(), listeners=pl.col("user_id").n_unique())
        .sort("at")
        .upsample("at", every=every)
        .select(at.dt.strftime(shown), pl.col("rows", "listeners").fill_null(0))
    )
    return {
        "of": of,
        "timed": times.height,
        "first": first.isoformat(),
        "last": last.isoformat(),
        "days": days,
        "by": by,
        "counts": counts.to_dicts(),
        "hours": None if dates else _profile(times, at.dt.hour().cast(pl.Int64), HOURS),
        "weekdays": _profile(times, at.dt.weekday().cast(pl.Int64) - 1, WEEKDAYS),
    }


def _profile(times: pl.DataFrame, place: pl.Expr, places: int) -> list[int]:
    found = dict(times.group_by(place.alias("place")).len().iter_rows())
    return [found.get(i, 0) for i in range(places)]
