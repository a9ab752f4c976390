"""What was listened to, chunk by chunk, until all is told: then each listen once, and their sums.

`clean` checks rows one by one; what takes more than a row is done here, for one part of the
listeners at a time (`encore.data.shards`), so that memory does not grow with the listens:

- a listen that is written twice is one;
- the rule of what counts needs the lengths of tracks, which may be told last;
- listens are summed to plays, and repeated rows of plays to one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from encore import schema
from encore.data import values
from encore.data.codes import Codes
from encore.data.ledger import Ledger
from encore.data.listen_rule import ListenRule
from encore.data.shards import Shards, Shelf, part_of
from encore.data.values import COARSE, FILE, LINE
from encore.wording import counted

_LISTENS, _PLAYS = "listens", "plays"
_OF_LISTENS = ("listened_at", "ms_played", "skipped")
_OF_PLAYS = ("plays", "skips", "first_played", "last_played")

#: The columns, of codes, by which a listener's track is known, and a listen.
PAIR = ["user", "track"]
OCCASION = [*PAIR, "listened_at"]

_TWO_TO_32 = 1 << 32
_MINUTE = 60_000_000  # microseconds

#: Odd numbers without structure, by which codes and times are mixed to one number.
_MIX_USER, _MIX_TRACK, _MIX_TIME = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9


@dataclass(frozen=True)
class Settled:
    """Plays and listens (columns of `encore.schema`, read from where they lie) and whose they are.

    `plays` and `events` are in the order of reading for each listener, and for all where all fitted
    into memory. `events` is None where no listen had a time. `user_id` and `track_id` name whoever
    and whatever occurs, in the order in which they came first.
    """

    plays: pl.LazyFrame | None
    events: pl.LazyFrame | None
    user_id: pl.Series
    track_id: pl.Series


class Listening:
    """Takes in checked rows of listens and plays, and settles them when all are told."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._users, self._tracks, self._files = Codes(), Codes(), Codes()
        self._exact = pl.Series([], dtype=pl.UInt32)
        self._timed = False
        self._shards = Shards()

    def hear(self, listens: pl.DataFrame) -> None:
        """Take in listens as `clean.events` gives them."""
        told = [name for name in _OF_LISTENS if name in listens.columns]
        file = self._files.encode(listens[FILE])
        chunk = self._coded(listens).with_columns(
            *listens.select(told),
            file.alias("file"),
            listens[LINE].cast(pl.UInt32).alias("line"),
        )
        if COARSE in listens.columns:
            chunk = chunk.with_columns(listens[COARSE].fill_null(False).alias("coarse"))
        if "listened_at" in told:
            self._timed = True
            self._note_exact(chunk)
        self._shards.add(_LISTENS, chunk)

    def count(self, plays: pl.DataFrame) -> None:
        """Take in plays as `clean.plays` gives them, pairs perhaps repeated."""
        self._shards.add(_PLAYS, self._coded(plays).with_columns(*plays.select(_OF_PLAYS)))

    def track_id(self) -> pl.Series:
        """Return the tracks of all that was taken in."""
        return self._tracks.texts().alias("track_id")

    def settled(self, rule: ListenRule, lengths: pl.DataFrame | None) -> Settled:
        """Return what was listened to; `lengths` has the duration_ms of tracks by track_id.

        Plays that were given are taken where there are such, the sums of listens elsewhere.
        """
        shelf: Shelf | None = None
        length = self._length(lengths)
        users = pl.repeat(False, len(self._users), eager=True)
        tracks = pl.repeat(False, len(self._tracks), eager=True)
        repeated = 0
        for part in self._shards.parts():
            shelf = shelf or Shelf(on_disk=self._shards.on_disk)
            plays = []
            if _PLAYS in part:
                summed = _summed(part[_PLAYS])
                repeated += part[_PLAYS].height - summed.height
                plays.append(summed)
            if _LISTENS in part:
                listens = self._judged(self._once(part.pop(_LISTENS)), rule, length)
                sums = _coded_plays_of(listens)
                plays.append(sums.join(plays[0], on=PAIR, how="anti") if plays else sums)
                if self._timed:
                    shelf.put(_LISTENS, listens.select(*PAIR, *_OF_LISTENS))
            shelf.put(_PLAYS, pl.concat(plays))
            for frame in plays:
                users = users.scatter(frame["user"].unique(), True)
                tracks = tracks.scatter(frame["track"].unique(), True)
        if repeated:
            self._ledger.note(
                f"plays: {counted(repeated, 'row repeats', 'rows repeat')} a listener's track; "
                "their plays were summed"
            )
        named = Named(self._users.texts(), self._tracks.texts(), shelf)
        return Settled(
            named.scan(_PLAYS, schema.PLAYS),
            named.scan(_LISTENS, schema.EVENTS),
            named.users.filter(users),
            named.tracks.filter(tracks),
        )

    def _coded(self, rows: pl.DataFrame) -> pl.DataFrame:
        coded = rows.select(
            self._users.coded("user_id").alias("user"),
            self._tracks.coded("track_id").alias("track"),
            part_of("user_id"),
        )
        self._users.take_in(coded["user"])
        self._tracks.take_in(coded["track"])
        return coded

    def _note_exact(self, chunk: pl.DataFrame) -> None:
        """Remember the files whose times have seconds: there equal times tell of one listen."""
        unsure = chunk.select("file", "listened_at").filter(
            ~pl.col("file").is_in(self._exact.implode())
        )
        seconds = unsure.filter(pl.col("listened_at").dt.epoch("us") % _MINUTE != 0)
        self._exact = pl.concat([self._exact, seconds["file"].unique()])

    def _once(self, listens: pl.DataFrame) -> pl.DataFrame:
        """Return the listens without those that are written twice, which the ledger counts."""
        if "listened_at" not in listens.columns:
            return listens
        suspects = listens.with_row_index("row").filter(_same_mix(listens))
        exact = pl.col("file").is_in(self._exact.implode()) & pl.col("listened_at").is_not_null()
        if "coarse" in listens.columns:
            exact &= ~pl.col("coarse").fill_null(False)
        again = suspects.filter(exact & ~pl.struct(OCCASION).is_first_distinct())
        return self._without(listens, again, "duplicate_listen", "listened_at")

    def _judged(self, listens: pl.DataFrame, rule: ListenRule, length: pl.Series) -> pl.DataFrame:
        """Return the listens with the rule's verdict in `skipped`, partial ones dropped."""
        lacking = {name: dtype for name, dtype in schema.EVENTS.items() if name in _OF_LISTENS}
        listens = listens.with_columns(
            pl.lit(None, dtype).alias(name)
            for name, dtype in lacking.items()
            if name not in listens.columns
        )
        if not listens["ms_played"].count():
            return listens
        measured = listens.with_columns(length.gather(listens["track"]).alias("duration_ms"))
        told = [pl.col(name) for name in ("ms_played", "duration_ms", "skipped")]
        listens = listens.with_columns(
            measured.select(rule.verdict(*told).alias("verdict")).to_series()
        )
        partial = listens.with_row_index("row").filter(pl.col("verdict") == "partial")
        # Where nobody spoke of skipping, unknown stays unknown.
        silent = pl.col("skipped").is_null() & (pl.col("verdict") == "play")
        skipped = pl.when(~silent).then(pl.col("verdict") == "skip").alias("skipped")
        kept = self._without(listens, partial, "partial_listen", "ms_played")
        return kept.with_columns(skipped).drop("verdict")

    def _without(
        self, listens: pl.DataFrame, gone: pl.DataFrame, reason: str, shown: str
    ) -> pl.DataFrame:
        """Return the listens but for those `gone`, which have the `row` of each."""
        if gone.is_empty():
            return listens
        users, tracks, files = (each.texts() for each in (self._users, self._tracks, self._files))
        rows = gone.select(
            users.gather(gone["user"]).alias("user_id"),
            tracks.gather(gone["track"]).alias("track_id"),
            *(values.text(gone[name]) for name in _OF_LISTENS if name in gone.columns),
            files.gather(gone["file"]).alias(FILE),
            pl.col("line").alias(LINE),
        )
        self._ledger.table("events").kept -= gone.height
        values.drop(rows, reason, shown, "events", self._ledger)
        stays = pl.repeat(True, listens.height, eager=True).scatter(gone["row"], False)
        return listens.filter(stays)

    def _length(self, lengths: pl.DataFrame | None) -> pl.Series:
        """Return the length of each track by its code, in milliseconds."""
        known = pl.DataFrame({"track_id": self._tracks.texts()})
        if lengths is None:
            lengths = schema.empty("tracks")
        told = lengths.select("track_id", "duration_ms").unique("track_id", keep="first")
        return known.join(told, on="track_id", how="left", maintain_order="left")["duration_ms"]


@dataclass(frozen=True)
class Named:
    """Codes as ids again. Holds on to the Shelf, so that what it scans stays."""

    users: pl.Series
    tracks: pl.Series
    shelf: Shelf | None

    def scan(self, kind: str, table: pl.Schema) -> pl.LazyFrame | None:
        """Return a kind of rows of the Shelf as a table of the schema."""
        coded = self.shelf.scan(kind) if self.shelf else None
        if coded is None:
            return None
        return coded.map_batches(
            self._decoder(table),
            schema=table,
            streamable=True,
            predicate_pushdown=False,
            projection_pushdown=False,
            slice_pushdown=False,
        )

    def _decoder(self, table: pl.Schema) -> Callable[[pl.DataFrame], pl.DataFrame]:
        def decode(rows: pl.DataFrame) -> pl.DataFrame:
            ids = {
                "user_id": self.users.gather(rows["user"]),
                "track_id": self.tracks.gather(rows["track"]),
            }
            return pl.DataFrame(
                [ids[name].alias(name) if name in ids else rows[name] for name in table]
            )

        return decode


def plays_of(listens: pl.DataFrame, pair: Sequence[str] = ("user_id", "track_id")) -> pl.DataFrame:
    """Sum listens to plays: those not skipped are plays, from first to last; the others are skips.

    Pairs, of the columns `pair`, come in the order of their first listen.

    >>> rows = {"user_id": ["ann"] * 3, "track_id": ["t"] * 3, "skipped": [None, False, True]}
    >>> plays_of(schema.conform(pl.DataFrame(rows), "events")).row(0)[:4]
    ('ann', 't', 2.0, 1)
    """
    skipped = pl.col("skipped").fill_null(False)
    marked = listens.select(
        *pair,
        plays=(~skipped).cast(pl.UInt32),
        skips=skipped.cast(pl.UInt32),
        played_at=pl.when(~skipped).then("listened_at"),
    )
    return _by_pair(
        marked,
        pair,
        pl.col("plays").sum().cast(pl.Float32),
        pl.col("skips").sum(),
        pl.col("played_at").min().alias("first_played"),
        pl.col("played_at").max().alias("last_played"),
    )


def _coded_plays_of(listens: pl.DataFrame) -> pl.DataFrame:
    """Return what `plays_of` does for listens in codes, sooner where nothing was skipped."""
    if listens["skipped"].any():
        return plays_of(listens, PAIR)
    at = pl.col("listened_at")
    return _by_pair(
        listens.select(*PAIR, "listened_at"),
        PAIR,
        pl.len().cast(pl.Float32).alias("plays"),
        pl.lit(0, pl.UInt32).alias("skips"),
        at.min().alias("first_played"),
        at.max().alias("last_played"),
    )


def _summed(plays: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each pair, in the order in which pairs came first."""
    if not plays.select(PAIR).is_duplicated().any():
        return plays.select(*PAIR, *_OF_PLAYS)
    return _by_pair(
        plays,
        PAIR,
        pl.col("plays").cast(pl.Float64).sum().cast(pl.Float32),
        pl.col("skips").cast(pl.UInt64).sum().clip(0, pl.UInt32.max()).cast(pl.UInt32),
        pl.col("first_played").min(),
        pl.col("last_played").max(),
    )


def _by_pair(rows: pl.DataFrame, pair: Sequence[str], *sums: pl.Expr) -> pl.DataFrame:
    """Return the sums of each pair, pairs in the order in which they came first."""
    key = list(pair)
    numbered = rows.lazy().with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"))
    if key == PAIR:
        # One number is grouped in two thirds of the time of two.
        one = pl.col("user").cast(pl.UInt64) * _TWO_TO_32 + pl.col("track")
        numbered, key = numbered.with_columns(one.alias("pair")), ["pair"]
    # Without regard to order the groups are found in a third of the time.
    grouped = numbered.group_by(key).agg(pl.col("row").min(), *sums)
    found = grouped.collect(engine="streaming").sort("row")
    if key == ["pair"]:
        user, track = pl.col("pair") // _TWO_TO_32, pl.col("pair") % _TWO_TO_32
        found = found.with_columns(user.cast(pl.UInt32).alias("user"), track=track.cast(pl.UInt32))
    return found.select(*pair, *_OF_PLAYS)


def _same_mix(listens: pl.DataFrame) -> pl.Series:
    """Say of each listen whether another may be the same: whether numbers mixed of both are equal.

    Comparing one number costs a fifth of comparing three; what is equal by chance is seen later.
    """
    mixed = listens.select(
        (
            pl.col("user").cast(pl.UInt64) * _MIX_USER
            + pl.col("track").cast(pl.UInt64) * _MIX_TRACK
            + pl.col("listened_at").dt.epoch("us").cast(pl.UInt64, strict=False) * _MIX_TIME
        ).alias("mixed")
    ).to_series()
    ordered = mixed.sort()
    twice = ordered.filter(ordered == ordered.shift(1)).unique()
    return mixed.is_in(twice.implode()) if len(twice) else pl.repeat(False, len(mixed), eager=True)
