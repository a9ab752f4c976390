"""Who and what stays: listeners no person could be, and the k-core of the rest.

Each function gives a Dataset without the listeners and tracks it removes, in every table, and notes
in the ledger how many went and why, their rows of listening as dropped. Who has a row is counted
over rows with plays: a track that was only skipped was not listened to.
"""

from dataclasses import replace

import numpy as np
import polars as pl

from encore.data.dataset import Dataset
from encore.data.vocabulary import Vocabulary
from encore.errors import InputError
from encore.wording import counted

BOT, K_CORE = "bot", "k_core"


def without_bots(data: Dataset, max_listens_per_day: int) -> Dataset:
    """Remove every listener who on some day (UTC) has more listens than `max_listens_per_day`.

    Their listens count in the ledger as dropped, for the reason `bot`.

    Raises `InputError` where the limit is below 1, no listen has a time, or nobody is left.
    """
    _check_least("max listens per day", max_listens_per_day, 1)
    day = pl.col("listened_at").dt.date().alias("day")
    timed = data.scan("events").drop_nulls("listened_at")
    daily = timed.group_by("user_id", day).len().collect(engine="streaming")
    if daily.is_empty():
        raise InputError(
            "max listens per day: no listen has a time; leave the limit out, or read listens "
            "(user_id, track_id, listened_at)"
        )
    bots = daily.filter(pl.col("len") > max_listens_per_day).select("user_id").unique()
    if bots.is_empty():
        return data
    kept = _only(data, data.listeners.join(bots, on="user_id", how="anti"), data.tracks)
    gone = data.rows("events") - kept.rows("events")
    note = (
        f"bots: dropped {counted(bots.height, 'listener')} with more than "
        f"{counted(max_listens_per_day, 'listen')} on a day, and their {counted(gone, 'listen')}"
    )
    return _counted(data, kept, BOT, note)


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
    pairs = data.scan("plays").filter(pl.col("plays") > 0).select("user_id", "track_id")
    played = pairs.collect(engine="streaming")
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
        f"k-core: removed {counted(data.tracks.height - kept.tracks.height, data.item_kind)} with "
        f"fewer than {counted(min_listeners, 'listener')}, "
        f"{counted(data.listeners.height - kept.listeners.height, 'listener')} with fewer than "
        f"{counted(min_tracks, data.item_kind)}, and their "
        f"{counted(data.rows('plays') - kept.rows('plays'), 'pair')} with plays"
    )
    return _counted(data, kept, K_CORE, note)


def _only(data: Dataset, listeners: pl.DataFrame, tracks: pl.DataFrame) -> Dataset:
    def of(name: str) -> pl.LazyFrame:
        table = data.scan(name)
        for key, known in (("user_id", listeners), ("track_id", tracks)):
            ids = known.lazy().select(key)
            table = table.join(ids, on=key, how="semi", maintain_order="left")
        return table

    # Tags without a listener's name, and those of people who have no history, are about the tracks.
    gone = data.listeners.join(listeners, on="user_id", how="anti")
    tags = data.tags.join(tracks, on="track_id", how="semi", maintain_order="left")
    friends = data.friends.join(listeners, on="user_id", how="semi", maintain_order="left").join(
        listeners, left_on="friend_id", right_on="user_id", how="semi", maintain_order="left"
    )
    return data.with_tables(
        plays=of("plays"),
        events=of("events"),
        feedback=of("feedback").collect(),
        tags=tags.join(gone, on="user_id", how="anti", maintain_order="left"),
        friends=friends,
        listeners=listeners,
        tracks=tracks,
    )


def _counted(data: Dataset, kept: Dataset, reason: str, note: str) -> Dataset:
    """Return what was kept, its ledger counting the listening that is gone as dropped.

    Raises `InputError` where nothing is left.
    """
    if not kept.rows("plays"):
        raise InputError(f"nothing is left: {note}; choose milder limits")
    tables = dict(data.ledger.tables)
    name = next((name for name in ("events", "plays") if name in tables), None)
    if name:
        before, after = (_listening(one, name) for one in (data, kept))
        counts = tables[name]
        dropped = {**counts.dropped, reason: counts.dropped.get(reason, 0) + before - after}
        tables[name] = replace(counts, kept=counts.kept - before + after, dropped=dropped)
    notes = [*data.ledger.notes, note]
    return kept.with_ledger(replace(data.ledger, tables=tables, notes=notes))


def _listening(data: Dataset, name: str) -> int:
    """Return how many rows read make up what there is: listens, known singly or not, or pairs."""
    if name == "plays" or data.rows("events"):
        return data.rows(name)
    total = data.scan("plays").select(pl.col("plays").cast(pl.Float64) + pl.col("skips"))
    return int(total.sum().collect(engine="streaming").item() or 0)


def _check_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise InputError(f"{name} = {value}: expected at least {least}")
