"""A history brought along, in the terms of a catalogue: what it counts, what is not known of it.

A track counts by its plays, as in training. A liked one counts for more: by as many plays as a
track has that is among the most played tenth. What is banned or disliked counts nothing and is
never listed. What was only skipped counts nothing either, but was heard. Where the catalogue has an
artist and not the track, the plays are left out, for they only blur the tracks that it has
(docs/log.md); but where it has no track at all, they go to the artists' best known ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
import scipy.sparse as sp

from encore.data.clean import MAX_PLAYS
from encore.data.dataset import Dataset
from encore.data.identity import artist_keys
from encore.data.matching import Match, match
from encore.data.vocabulary import UNKNOWN
from encore.errors import InputError
from encore.models.bundle import Bundle
from encore.models.ranking import history_matrix
from encore.schema import empty

LIKED = 0.9  # quantile of the plays of what was played: what a like adds
STAND_INS = 3  # tracks of an artist that stand for one that the catalogue lacks


@dataclass(frozen=True)
class Brought:
    """What somebody brings along, by the catalogue's index of each track.

    - `plays`: of what was heard; 0 where it was only skipped.
    - `likes`, `bans`: what must be listed sooner, and never.
    - `near`: plays of tracks that were not heard and stand for what was: the catalogue lacks it.
    - `unmatched`: what of the history the catalogue has nothing of; `match`, how the rest was found
      (None where ids were brought).
    - `seeds`: whether this is what somebody names, and not what they played.
    """

    plays: Mapping[int, float] = field(default_factory=dict)
    likes: frozenset[int] = frozenset()
    bans: frozenset[int] = frozenset()
    near: Mapping[int, float] = field(default_factory=dict)
    unmatched: tuple[str, ...] = ()
    match: Match | None = None
    seeds: bool = False

    def counts(self) -> dict[int, float]:
        """Return what each track counts, in plays; 0 for what is banned or was only skipped.

        >>> Brought({1: 8, 2: 4, 3: 0}, likes=frozenset({2}), bans=frozenset({1})).counts()
        {1: 0.0, 2: 8.0, 3: 0}
        """
        counts = {**self.near, **self.plays}
        played = [plays for t, plays in counts.items() if plays > 0 and t not in self.bans]
        like = float(np.quantile(played, LIKED)) if played else 1.0
        for track in self.likes:
            counts[track] = counts.get(track, 0.0) + like
        return {track: 0.0 if track in self.bans else count for track, count in counts.items()}

    def history(self, tracks: int) -> sp.csr_array:
        """Return what each track counts as a row (1, `tracks`), what is near included."""
        return _row(self.counts(), tracks)

    def heard(self, tracks: int) -> sp.csr_array:
        """Return what was heard, or liked, as a row (1, `tracks`) of what it counts."""
        counts = self.counts()
        return _row({t: counts[t] for t in {*self.plays, *self.likes}}, tracks)

    def played(self, track: int, times: float = 1) -> "Brought":
        """Return this and `times` further plays of a track."""
        return replace(self, plays={**self.plays, track: self.plays.get(track, 0) + times})

    def skipped(self, track: int, times: float = 1) -> "Brought":
        """Return this and a track broken off `times` times, each of which takes back a play."""
        left = max(self.plays.get(track, 0) - times, 0)
        return replace(self, plays={**self.plays, track: left})

    def liked(self, track: int) -> "Brought":
        """Return this and a like, which takes back a ban."""
        return replace(self, likes=self.likes | {track}, bans=self.bans - {track})

    def banned(self, track: int) -> "Brought":
        """Return this and a ban, which takes back a like."""
        return replace(self, likes=self.likes - {track}, bans=self.bans | {track})


def of_plays(bundle: Bundle, history: Mapping[str, float] | pl.DataFrame) -> Brought:
    """Return a mapping of track_id to plays, or a frame with track_id (and plays), as brought.

    Raises `InputError` where it is of another form.
    """
    if isinstance(history, pl.DataFrame):
        frame = history
    elif isinstance(history, Mapping):
        frame = pl.DataFrame({"track_id": [*history], "plays": [*history.values()]}, strict=False)
    else:
        raise InputError(
            f"history of type {type(history).__name__}: expected a mapping of track_id to plays, "
            "a Polars frame with track_id and plays, a Dataset of one listener, or Seeds"
        )
    if "track_id" not in frame.columns:
        raise InputError(f"history with columns {frame.columns}: expected track_id and plays")
    if "plays" not in frame.columns:
        frame = frame.with_columns(plays=pl.lit(1.0))
    plays = frame["plays"].cast(pl.Float64, strict=False)
    if not (plays.is_between(0, MAX_PLAYS) & plays.is_finite()).fill_null(False).all():
        raise InputError(f"history: plays must be numbers from 0 to {MAX_PLAYS:,.0f}")
    ids = frame["track_id"].cast(pl.String)
    if ids.null_count():
        raise InputError("history: track_id must not be missing")
    rows = pl.DataFrame({"track_id": ids, "plays": plays})
    rows = rows.with_columns(track=pl.Series(bundle.features.tracks.encode(ids)))
    unmatched = rows.filter(pl.col("track") == UNKNOWN)["track_id"].unique(maintain_order=True)
    return Brought(_summed(rows, "plays"), unmatched=tuple(unmatched))


def of_dataset(bundle: Bundle, history: Dataset) -> Brought:
    """Return the Dataset of one listener as brought: matched by id, by name, then by artist.

    A skip or a ban speaks of a track: where the bundle's items are artists, one that was only
    skipped was not heard, and one is banned when all that the history has of them is.

    Raises `InputError` on several listeners.
    """
    tables = (history.plays, history.feedback)
    listeners = pl.concat([table["user_id"] for table in tables]).n_unique()
    if listeners > 1:
        raise InputError(f"history of {listeners} listeners: expected one; filter its plays")
    found = matched(bundle, history)
    said = history.feedback.sort("at", nulls_last=False, maintain_order=True)
    said = said.unique("track_id", keep="last").select("track_id", "kind")
    rows = found.tracks.drop("plays").join(
        history.plays.select("track_id", "plays"),
        on="track_id",
        how="left",
        maintain_order="left",
    )
    rows = rows.join(said, on="track_id", how="left", maintain_order="left").with_columns(
        pl.Series("track", bundle.features.tracks.encode(rows["matched"])),
        pl.col("kind").is_in(["ban", "dislike"]).fill_null(False).alias("banned"),
    )
    kept, banned = rows.filter(~pl.col("banned")), rows.filter("banned")
    heard = kept.drop_nulls("plays")
    bans = {track for track in banned["track"] if track != UNKNOWN}
    if history.item_kind != bundle.item_kind:
        heard = heard.filter(pl.col("plays") > 0)
        bans -= set(kept["track"])
    liked = kept.filter(pl.col("kind") == "like", pl.col("track") != UNKNOWN)
    plays = _summed(heard, "plays")
    return Brought(
        plays=plays,
        likes=frozenset(liked["track"]),
        bans=frozenset(bans),
        near={} if any(plays.values()) else _stand_ins(bundle, heard, {*plays, *bans}),
        unmatched=tuple(found.unmatched["track_id"]),
        match=found,
    )


def matched(bundle: Bundle, history: Dataset) -> Match:
    """Return how the tracks that the history speaks of match the bundle's catalogue.

    Of several tracks with one name, the one that most listeners play is taken.
    """
    spoken = pl.concat([history.plays["track_id"], history.feedback["track_id"]]).unique()
    tracks = history.tracks.filter(pl.col("track_id").is_in(spoken.implode()))
    spare = history.with_tables(tracks=tracks, events=empty("events"), tags=empty("tags"))
    return match(spare, by_listeners(bundle), item_kind=bundle.item_kind)


def by_listeners(bundle: Bundle) -> pl.DataFrame:
    """Return the bundle's tracks with how many `listeners` play each, the best known first."""
    tracks = bundle.tracks.with_columns(pl.Series("listeners", bundle.listeners_T[1:]))
    return tracks.sort("listeners", descending=True, maintain_order=True)


def _stand_ins(bundle: Bundle, rows: pl.DataFrame, taken: set[int]) -> dict[int, float]:
    """Return the plays of tracks matched by artist alone, shared among the artist's best known.

    Tracks that are `taken` stand for themselves. Where items are artists, each is matched itself.
    """
    lacking = rows.filter(pl.col("level") == "artist", pl.col("track") == UNKNOWN)
    lacking = lacking.with_columns(key=artist_keys(lacking["artist"])).drop_nulls("key")
    plays = lacking.group_by("key").agg(pl.col("plays").cast(pl.Float64).sum())
    known = by_listeners(bundle)
    known = known.select(
        artist_keys(known["artist"]).alias("key"),
        pl.Series("track", bundle.features.tracks.encode(known["track_id"])),
    )
    known = known.filter(~pl.col("track").is_in(list(taken)))
    known = known.join(plays, on="key", maintain_order="left")
    best = known.group_by("key", maintain_order=True).head(STAND_INS)
    shared = best.with_columns(pl.col("plays") / pl.len().over("key"))
    return dict(shared.select("track", "plays").iter_rows())


def _summed(rows: pl.DataFrame, column: str) -> dict[int, float]:
    known = rows.filter(pl.col("track") != UNKNOWN)
    summed = known.group_by("track", maintain_order=True).agg(pl.col(column).cast(pl.Float64).sum())
    return dict(summed.select("track", column).iter_rows())


def _row(counts: Mapping[int, float], tracks: int) -> sp.csr_array:
    track = np.fromiter(counts, np.int64, len(counts))
    count = np.fromiter(counts.values(), np.float64, len(counts))
    return history_matrix(np.zeros(len(counts), np.int64), track, count, (1, tracks))
