"""A newer export added to a Dataset, no listen counted twice however much the two overlap.

A listen is known where the Dataset has as many of the same listener, track and time: where times
have seconds that is one, where they are whole minutes there may be several, and the source that has
the most of them is right. Of plays that are known as sums the larger is right, as sums only grow;
and no sum is less than the listens that are known one by one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import polars as pl

from encore import schema
from encore.data import clean
from encore.data.codes import Codes
from encore.data.dataset import LAZY, Dataset, Table, collected, complete
from encore.data.ledger import Counts, Ledger
from encore.data.listening import OCCASION, PAIR, Named, plays_of
from encore.data.merging import repointed, united_by
from encore.data.sameness import Same, Which, find_same
from encore.data.shards import Shards, Shelf, part_of
from encore.errors import InputError

KNOWN = "already_imported"

_ROWS_AT_ONCE = 1 << 19

#: By what a row of each table is known.
_KEYS: dict[str, list[str]] = {
    "tags": ["track_id", "tag", "user_id"],
    "feedback": ["user_id", "track_id", "kind"],
    "friends": ["user_id", "friend_id"],
    "listeners": ["user_id"],
}


@dataclass(frozen=True)
class Appended:
    """The Dataset that holds both, and of what was added: its ledger, and the spellings merged."""

    data: Dataset
    ledger: Ledger
    pairs: pl.DataFrame


def append(
    old: Dataset, new: Dataset, *, live_apart: bool = True, which: Which | None = "auto"
) -> Appended:
    """Add `new` to `old`, merging spellings over both as `merge_same` does; with None, none.

    What `new` has and `old` knows counts in the ledger as dropped, for the reason `KNOWN`. Adding
    the same again changes nothing but that.

    Raises `InputError` where the items of the two are of different kinds.

    >>> from encore.data.readers import read
    >>> rows = {"user_id": ["ann"] * 2, "track_id": ["1", "2"], "listened_at": [1.6e9 + 1] * 2}
    >>> first, later = pl.DataFrame(rows), pl.DataFrame(rows | {"track_id": ["2", "3"]})
    >>> both = append(read(first), read(later))
    >>> both.data.plays["track_id"].to_list(), both.ledger.dropped
    (['1', '2', '3'], {'already_imported': 1})
    """
    if old.item_kind != new.item_kind:
        raise InputError(
            f"the dataset holds {old.item_kind}s, what is to be added {new.item_kind}s; "
            "write it to a dataset of its own"
        )
    counts = {name: replace(of, dropped=dict(of.dropped)) for name, of in new.ledger.tables.items()}
    ledger = replace(new.ledger, tables=counts, notes=list(new.ledger.notes))
    _known(ledger, "tracks", new.tracks.join(old.tracks, on="track_id", how="semi").height)
    tracks = clean.united(pl.concat([_untitled(old.tracks), _untitled(new.tracks)]))
    tracks = tracks.with_columns(pl.coalesce("title", "track_id").alias("title"))
    same = _same(old, new, tracks, live_apart, which)
    mine, theirs = (_tables(one, same) for one in (old, new))
    tables: dict[str, Table] = {"tracks": united_by(same, tracks)}
    for name, key in _KEYS.items():
        both = pl.concat([collected(mine[name]), collected(theirs[name])])
        once = both.unique(key, keep="first", maintain_order=True)
        _known(ledger, name, both.height - once.height)
        tables[name] = once
    listening = _Both(ledger, timed=bool(new.rows("events")))
    tables |= listening.joined(mine, theirs)
    full = complete(tables, listening.ids)
    together = _summed(old.ledger, ledger)
    data = Dataset.of(full, old.item_kind, together)
    return Appended(data, ledger, same.pairs)


@dataclass
class _Both:
    """The listening of two Datasets becoming one; `ids` has who and what occurs in it."""

    ledger: Ledger
    timed: bool
    ids: dict[str, pl.Series] = field(default_factory=dict)

    def joined(self, old: dict[str, Table], new: dict[str, Table]) -> dict[str, Table]:
        """Return `plays` and `events` of both, told in turn for each listener."""
        users, tracks, shards = Codes(), Codes(), Shards()
        for side, tables in (("old", old), ("new", new)):
            for name in LAZY:
                for rows in _batches(tables[name]):
                    chunk = rows.with_columns(
                        users.coded("user_id").alias("user"),
                        tracks.coded("track_id").alias("track"),
                        part_of("user_id"),
                    )
                    users.take_in(chunk["user"])
                    tracks.take_in(chunk["track"])
                    shards.add(f"{side} {name}", chunk.drop("user_id", "track_id"))
        shelf = Shelf(on_disk=shards.on_disk)
        for part in shards.parts():
            listens = self._events(part)
            if listens is not None:
                shelf.put("events", listens)
            shelf.put("plays", self._plays(part, listens))
        named = Named(users.texts(), tracks.texts(), shelf)
        self.ids = {"user_id": named.users, "track_id": named.tracks}
        scanned = {name: named.scan(name, schema.TABLES[name]) for name in LAZY}
        return {name: frame for name, frame in scanned.items() if frame is not None}

    def _events(self, part: dict[str, pl.DataFrame]) -> pl.DataFrame | None:
        sides = [part[f"{side} events"] for side in ("old", "new") if f"{side} events" in part]
        if not sides:
            return None
        # The nth listen of a track at one time is known where the other side has n of them.
        at = pl.int_range(pl.len()).over(OCCASION).alias("nth")
        numbered = pl.concat(side.with_columns(at) for side in sides)
        once = numbered.unique([*OCCASION, "nth"], keep="first", maintain_order=True)
        _known(self.ledger, "events", numbered.height - once.height)
        return once.select(*PAIR, "listened_at", "ms_played", "skipped")

    def _plays(self, part: dict[str, pl.DataFrame], listens: pl.DataFrame | None) -> pl.DataFrame:
        columns = [*PAIR, "plays", "skips", "first_played", "last_played"]
        told = [part[f"{side} plays"] for side in ("old", "new") if f"{side} plays" in part]
        if len(told) == 2 and not self.timed:
            self._count_known(*told)
        if listens is not None:
            told.append(plays_of(listens, PAIR))
        every = pl.concat(frame.select(columns) for frame in told)
        return every.group_by(PAIR, maintain_order=True).agg(
            pl.col("plays", "skips").max(),
            pl.col("first_played").min(),
            pl.col("last_played").max(),
        )

    def _count_known(self, old: pl.DataFrame, new: pl.DataFrame) -> None:
        """Count the rows that sums were made of: of listens without times, or a row a pair."""
        both = new.join(old, on=PAIR, suffix=" old")
        if "events" in self.ledger.tables:
            least = [pl.min_horizontal(name, f"{name} old").sum() for name in ("plays", "skips")]
            _known(self.ledger, "events", int(both.select(sum(least)).item() or 0))
        else:
            grown = both.filter(
                (pl.col("plays") > pl.col("plays old"))
                | (pl.col("skips") > pl.col("skips old"))
                | (pl.col("last_played") > pl.col("last_played old"))
            )
            _known(self.ledger, "plays", both.height - grown.height)


def _same(
    old: Dataset, new: Dataset, tracks: pl.DataFrame, live_apart: bool, which: Which | None
) -> Same:
    """Find the spellings of one song over both; an id that the Dataset has is kept."""
    if which is None:
        return Same.none()
    sums = [
        side.scan("plays").group_by("track_id").agg(pl.col("plays").cast(pl.Float64).sum())
        for side in (old, new)
    ]
    played = pl.concat(sums).group_by("track_id").agg(pl.col("plays").max()).collect()
    return find_same(
        tracks,
        played,
        item_kind=old.item_kind,
        live_apart=live_apart,
        which=which,
        first=old.tracks["track_id"],
    )


def _tables(data: Dataset, same: Same) -> dict[str, Table]:
    tables: dict[str, Table] = {name: data.scan(name) for name in schema.TABLES}
    return tables if same.pairs.is_empty() else tables | repointed(data, same.pairs)


def _batches(table: Table) -> Iterator[pl.DataFrame]:
    for rows in table.lazy().collect_batches(chunk_size=_ROWS_AT_ONCE, engine="streaming"):
        if rows.height:
            yield rows


def _untitled(tracks: pl.DataFrame) -> pl.DataFrame:
    """Return tracks without the titles that are no more than ids."""
    return tracks.with_columns(pl.when(pl.col("title") != pl.col("track_id")).then("title"))


def _known(ledger: Ledger, table: str, rows: int) -> None:
    if table in ledger.tables:
        counts = ledger.table(table)
        rows = min(rows, counts.kept)  # some rows that are there were never told, only named
        counts.kept -= rows
        counts.drop(KNOWN, rows)


def _summed(old: Ledger, new: Ledger) -> Ledger:
    """Return the ledger of both imports together."""
    tables = dict(old.tables)
    for name, more in new.tables.items():
        before = tables.get(name, Counts())
        reasons = [*dict.fromkeys([*before.dropped, *more.dropped])]
        tables[name] = Counts(
            before.read + more.read,
            before.kept + more.kept,
            {why: before.dropped.get(why, 0) + more.dropped.get(why, 0) for why in reasons},
            {**more.examples, **before.examples},
        )
    notes = [*dict.fromkeys([*old.notes, *new.notes])]
    return Ledger(tables, [*old.sources, *new.sources], notes)
