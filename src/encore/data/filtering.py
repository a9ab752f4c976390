"""Who and what stays: listeners no person could be, and the k-core of the rest.

Each function gives a Dataset without the listeners and tracks it removes, in every table, and notes
in the ledger how many went and why. Who has a row is counted over rows with plays: a track that was
only skipped was not listened to.
"""

from dataclasses import replace

import numpy as np
import polars as pl

from encore.data.dataset import Dataset
from encore.data.vocabulary import Vocabulary
from encore.errors import InputError

BOT = "bot"


def without_bots(data: Dataset, max_listens_per_day: int) -> Dataset:
    """Remove every listener who on some day (UTC) has more listens than `max_listens_per_day`.

    Their listens count in the ledger as dropped, for the reason `bot`.

    Raises `InputError` where the limit is below 1, no listen has a time, or nobody is left.
    """
    _check_least("max listens per day", max_listens_per_day, 1)
    if not data.events["listened_at"].count():
        raise InputError(
            "max listens per day: no listen has a time; leave the limit out, or read listens "
            "(user_id, track_id, listened_at)"
        )
    day = pl.col("listened_at").dt.date().alias("day")
    daily = data.events.drop_nulls("listened_at").group_by("user_id", day).len()
    bots = daily.filter(pl.col("len") > max_listens_per_day).select("user_id").unique()
    if bots.is_empty():
        return data
    kept = _only(data, data.listeners.join(bots, on="user_id", how="anti"), data.tracks)
    gone = data.events.height - kept.events.height
    counts = data.ledger.table("events")
    dropped = {**counts.dropped, BOT: counts.dropped.get(BOT, 0) + gone}
    tables = {
        **data.ledger.tables,
        "events": replace(counts, kept=counts.kept - gone, dropped=dropped),
    }
    note = (
        f"bots: {bots.height:,} listeners with more than {max_listens_per_day:,} listens on a day "
        f"were dropped, and their {gone:,} listens"
    )
    ledger = replace(data.ledger, tables=tables, notes=[*data.ledger.notes, note])
    return _with_somebody(kept, note).with_ledger(ledger)


def k_core(data: Dataset, *, min_listeners: int = 0, min_tracks: int = 0) -> Dataset:
    """Keep tracks with at least `min_listeners` listeners, listeners with `min_tracks` tracks.

    Removing one may leave another with too few, so both are removed in turn until none is: what
    stays is the largest part of the data in which both hold.

    Raises `InputError` where a number is negative, or nothing is left.

    >>> from encore.data.readers import read
    >>> rows = {"user_id": ["a", "a", "b", "b", "c"], "track_id": ["1", "2", "1", "2", "3"]}
    >>> core = k_core(read(pl.DataFrame(rows)), min_listeners=2)
    >>> core.tracks["track_id"].to_list(), core.listeners["user_id"].to_list()
    (['1', '2'], ['a', 'b', 'c'])
    """
    _check_least("min listeners per track", min_listeners, 0)
    _check_least("min tracks per listener", min_tracks, 0)
    if not (min_listeners or min_tracks):
        return data
    users, items = Vocabulary(data.listeners["user_id"]), Vocabulary(data.tracks["track_id"])
    played = data.plays.filter(pl.col("plays") > 0)
    user = users.encode(played["user_id"])
    item = items.encode(played["track_id"])
    keep_U, keep_T = np.ones(users.rows, bool), np.ones(items.rows, bool)
    while True:
        both = keep_U[user] & keep_T[item]
        stay_T = keep_T & (np.bincount(item[both], minlength=items.rows) >= min_listeners)
        both &= stay_T[item]
        stay_U = keep_U & (np.bincount(user[both], minlength=users.rows) >= min_tracks)
        if (stay_T == keep_T).all() and (stay_U == keep_U).all():
            break
        keep_U, keep_T = stay_U, stay_T
    kept = _only(
        data,
        data.listeners.filter(pl.Series(keep_U[1:])),
        data.tracks.filter(pl.Series(keep_T[1:])),
    )
    note = (
        f"k-core: {data.tracks.height - kept.tracks.height:,} {data.item_kind}s with fewer than "
        f"{min_listeners} listeners and {data.listeners.height - kept.listeners.height:,} "
        f"listeners with fewer than {min_tracks} {data.item_kind}s were removed, and their "
        f"{data.plays.height - kept.plays.height:,} pairs with plays"
    )
    ledger = replace(data.ledger, notes=[*data.ledger.notes, note])
    return _with_somebody(kept, note).with_ledger(ledger)


def _only(data: Dataset, listeners: pl.DataFrame, tracks: pl.DataFrame) -> Dataset:
    def of(table: pl.DataFrame) -> pl.DataFrame:
        for key, known in (("user_id", listeners), ("track_id", tracks)):
            if key in table.columns:
                table = table.join(known, on=key, how="semi", maintain_order="left")
        return table

    # Tags without a listener's name, and those of people who have no history, are about the tracks.
    gone = data.listeners.join(listeners, on="user_id", how="anti")
    tags = data.tags.join(tracks, on="track_id", how="semi", maintain_order="left")
    friends = of(data.friends).join(
        listeners, left_on="friend_id", right_on="user_id", how="semi", maintain_order="left"
    )
    return data.with_tables(
        plays=of(data.plays),
        events=of(data.events),
        feedback=of(data.feedback),
        tags=tags.join(gone, on="user_id", how="anti", maintain_order="left"),
        friends=friends,
        listeners=listeners,
        tracks=tracks,
    )


def _with_somebody(data: Dataset, note: str) -> Dataset:
    if data.plays.is_empty():
        raise InputError(f"nothing is left: {note}; choose milder limits")
    return data


def _check_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise InputError(f"{name} = {value}: expected at least {least}")
