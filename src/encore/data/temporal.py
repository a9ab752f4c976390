"""What times tell of a listener or a track, from training rows alone.

::

    hour_*, weekday_*   mean direction of all listens on the circle of a day, of a week
    tenure, age         ln(1 + days from the first play to the last play of all)
    recency             ln(1 + days from the last play to the last play of all)
    recent_strength     ln(1 + sum over pairs of ln(1 + n) 0.5 ^ (days since the last play / 30))
    sessions            of listens, each no more than 30 minutes after the one before

A mean direction is (mean sin, mean cos): 23 and 1 o'clock lie beside each other, it has length 1
where all listens fall on one hour and is near 0 where they spread over the day (Mardia & Jupp,
"Directional Statistics", 2000, section 2.2). All times are UTC. NaN where no time is known.

Legend: R listeners or tracks, the unknown first; P pairs, E listens and skips.
"""

from datetime import timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from encore.data.dataset import Dataset
from encore.data.strength import halved, log1p
from encore.data.vocabulary import Indices, Vocabulary

Floats = npt.NDArray[np.float64]
Columns = dict[str, Floats]

HALF_LIFE_DAYS = 30.0
SESSION_GAP = timedelta(minutes=30)  # of silence, after which listening begins anew
MICROSECONDS_PER_DAY = 86_400e6

_PROFILE = ("hour_sin", "hour_cos", "weekday_sin", "weekday_cos")
OF_LISTENER = (
    "tenure_days",
    "recency_days",
    "recent_strength",
    *_PROFILE,
    "log_sessions",
    "log_session_listens",
)
OF_TRACK = ("age_days", "recency_days", "recent_strength", *_PROFILE)


def of_listeners(train: Dataset, listeners: Vocabulary) -> Columns:
    """Return the columns `OF_LISTENER`, a value for each row of the vocabulary."""
    user_P = listeners.encode(train.plays["user_id"])
    listens = _listens(train.events, listeners.encode(train.events["user_id"]))
    return (
        _since(train.plays, user_P, listeners.rows, "tenure_days")
        | _profile(listens, listeners.rows)
        | _sessions(listens, listeners.rows)
    )


def of_tracks(train: Dataset, tracks: Vocabulary) -> Columns:
    """Return the columns `OF_TRACK`, a value for each row of the vocabulary."""
    track_P = tracks.encode(train.plays["track_id"])
    listens = _listens(train.events, tracks.encode(train.events["track_id"]))
    return _since(train.plays, track_P, tracks.rows, "age_days") | _profile(listens, tracks.rows)


def _since(plays: pl.DataFrame, key_P: Indices, rows: int, since_first: str) -> Columns:
    """Return what the pairs' first and last plays tell, up to the last play of all."""
    end = pl.col("last_played").max()
    first_P, last_P = (
        plays.select((end - pl.col(name)).dt.total_microseconds() / MICROSECONDS_PER_DAY)
        .to_series()
        .to_numpy()
        for name in ("first_played", "last_played")
    )
    oldest_R, newest_R = np.full(rows, -np.inf), np.full(rows, np.inf)
    np.fmax.at(oldest_R, key_P, first_P)
    np.fmin.at(newest_R, key_P, last_P)
    timed = ~np.isnan(last_P)
    strength_P = log1p(plays["plays"].to_numpy()) * halved(last_P, HALF_LIFE_DAYS)
    strength_R = _sums(key_P[timed], strength_P[timed], rows)
    strength_R[np.isinf(newest_R)] = np.nan
    return {
        since_first: _log(oldest_R),
        "recency_days": _log(newest_R),
        "recent_strength": np.log1p(strength_R),
    }


def _log(days_R: Floats) -> Floats:
    return np.log1p(np.where(np.isinf(days_R), np.nan, days_R))


def _listens(events: pl.DataFrame, key_E: Indices) -> pl.DataFrame:
    """Return `key` and `at` of each listen and skip whose time is known."""
    keyed = events.select(pl.Series("key", key_E), at=pl.col("listened_at"))
    return keyed.drop_nulls("at")


def _profile(listens: pl.DataFrame, rows: int) -> Columns:
    """Return the mean directions of the hours and of the weekdays, Monday at 0."""
    key_E, at = listens["key"].to_numpy(), listens["at"].dt
    count_R = np.bincount(key_E, minlength=rows)
    columns = {}
    for circle, turn in (
        ("hour", (at.hour() + at.minute() / 60) / 24),
        ("weekday", (at.weekday() - 1) / 7),
    ):
        angle_E = 2 * np.pi * turn.to_numpy()
        for name, side_E in (("sin", np.sin(angle_E)), ("cos", np.cos(angle_E))):
            columns[f"{circle}_{name}"] = _per(_sums(key_E, side_E, rows), count_R)
    return columns


def _sessions(listens: pl.DataFrame, rows: int) -> Columns:
    """Return ln(1 + sessions), and ln(1 + listens of a session on average)."""
    ordered = listens.sort("key", "at")
    begins = (ordered["key"].diff() != 0) | (ordered["at"].diff() > SESSION_GAP)
    begins_E = begins.fill_null(True).to_numpy()  # the first of all has none before it
    key_E = ordered["key"].to_numpy()
    count_R = np.bincount(key_E, minlength=rows)
    sessions_R = np.bincount(key_E[begins_E], minlength=rows)
    return {
        "log_sessions": np.log1p(np.where(sessions_R, sessions_R, np.nan)),
        "log_session_listens": np.log1p(_per(count_R, sessions_R)),
    }


def _sums(key_N: Indices, values_N: npt.NDArray[np.floating], rows: int) -> Floats:
    # of nothing, bincount makes integers
    sums_R: Floats = np.bincount(key_N, values_N, minlength=rows).astype(np.float64)
    return sums_R


def _per(sums_R: npt.NDArray[np.number], count_R: npt.NDArray[np.integer]) -> Floats:
    """Return the quotient; NaN where nothing was counted."""
    mean_R: Floats = np.full(len(sums_R), np.nan)
    np.divide(sums_R, count_R, out=mean_R, where=count_R > 0)
    return mean_R
