"""What the tracks of a dataset are: what is known of them, who leads, which are there twice."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from encore.data.dataset import Dataset
from encore.data.identity import artist_keys, one_artist, title_keys, tokenise_genre
from encore.data.vocabulary import Vocabulary
from encore.schema import ACOUSTIC

LEADERS = 10  # named of each kind
EXAMPLES = 10  # of tracks that are there twice
TAGS_PER_TRACK = 10  # of a track's tags, the heaviest are what it is said to be
BLOCK = 20_000  # listeners counted at a time, which bounds the memory
RANGED = ("year", "duration_ms", *ACOUSTIC)

Row = dict[str, Any]


@dataclass(frozen=True)
class Heard:
    """Who played what: `by_UT` is 1 for each pair with plays; `plays_T` sums them by track.

    Row and column 0 belong to no one.
    """

    by_UT: sp.csr_array
    plays_T: npt.NDArray[np.float64]

    @classmethod
    def of(cls, data: Dataset) -> "Heard":
        """Count the pairs of `data` that were played, not only skipped."""
        plays = data.plays.filter(pl.col("plays") > 0).select("user_id", "track_id", "plays")
        listeners = Vocabulary(data.listeners["user_id"])
        tracks = Vocabulary(data.tracks["track_id"])
        user, track = listeners.encode(plays["user_id"]), tracks.encode(plays["track_id"])
        by_UT = sp.csr_array(
            (np.ones(plays.height, np.float32), (user, track)), shape=(listeners.rows, tracks.rows)
        )
        summed = np.bincount(track, plays["plays"].to_numpy(), minlength=tracks.rows)
        return cls(by_UT, summed.astype(np.float64))

    @property
    def tracks_U(self) -> pl.Series:
        """Tracks of each listener who played any."""
        counts = np.diff(self.by_UT.indptr)
        return pl.Series(counts[counts > 0])

    @property
    def listeners_T(self) -> npt.NDArray[np.int64]:
        """Listeners of each track."""
        counts: npt.NDArray[np.int64] = np.bincount(
            self.by_UT.indices, minlength=self.by_UT.shape[1]
        )
        return counts

    def reach(self, member_TK: sp.csr_array) -> npt.NDArray[np.int64]:
        """Return the listeners (K,) who played any track of each group."""
        counts = np.zeros(member_TK.shape[1], np.int64)
        for start in range(0, self.by_UT.shape[0], BLOCK):
            met = self.by_UT[start : start + BLOCK] @ member_TK
            counts += np.bincount(met.indices, minlength=len(counts))
        return counts


def coverage(data: Dataset, heard: Heard) -> list[Row]:
    """Return {"column", "known", "share", "of_plays"} for each column of tracks, and for tags.

    `share` is of the tracks, `of_plays` of all plays: what is played most is often known best. A
    title that repeats the id is not known.
    """
    tracks = data.tracks
    known = {
        "title": pl.col("title") != pl.col("track_id"),
        **{
            name: pl.col(name).is_not_null()
            for name in tracks.columns
            if name not in ("track_id", "title")
        },
        "genres": has_genres(),
        "tags": has_tags(data),
    }
    flags = tracks.select(flag.fill_null(False).alias(name) for name, flag in known.items())
    plays = pl.Series("plays", heard.plays_T[1:])
    total = float(plays.sum())
    return [
        {
            "column": name,
            "known": int(flags[name].sum()),
            "share": int(flags[name].sum()) / tracks.height if tracks.height else None,
            "of_plays": float(plays.filter(flags[name]).sum()) / total if total else None,
        }
        for name in flags.columns
    ]


def has_genres() -> pl.Expr:
    """Whether a track has a genre of its own."""
    return (pl.col("genres").list.drop_nulls().list.len() > 0).fill_null(False)


def has_tags(data: Dataset) -> pl.Expr:
    """Whether anybody has tagged a track."""
    return pl.col("track_id").is_in(data.tags["track_id"].unique().implode())


def ranges(data: Dataset) -> dict[str, Row]:
    """Return {"known", "min", "median", "max"} of year, duration and each acoustic feature."""
    found: dict[str, Row] = {}
    for name in RANGED:
        column = data.tracks[name].drop_nulls().cast(pl.Float64)
        column = column.filter(column.is_finite())
        found[name] = {
            "known": len(column),
            "min": column.min(),
            "median": column.median(),
            "max": column.max(),
        }
    return found


def leaders(data: Dataset, heard: Heard) -> dict[str, dict[str, list[Row]]]:
    """Return who leads: {"tracks", "artists", "genres", "tags"}: {"by_plays", "by_listeners"}.

    A row is {"name", "plays", "listeners", "tracks"}; a list names at most ten. Artists are one by
    their id, else by their normalised name. A track's plays count for each of its genres and for
    its ten heaviest tags. Where the rows of `tracks` are artists, "tracks" is empty.
    """
    index = pl.int_range(1, pl.len() + 1).alias("track")
    tracks = data.tracks.select("track_id", "title", "artist", "artist_id", "genres", index)
    each = tracks.select("track", key="track_id", name="title")
    by_artist = tracks.select(
        "track",
        key=one_artist(),
        name=pl.coalesce("artist", "artist_id"),
    )
    nothing = each.clear()
    of_tracks, of_artists = (each, by_artist) if data.item_kind == "track" else (nothing, each)
    genres = tracks.select("track", name="genres").explode("name", empty_as_null=True)
    genres = genres.with_columns(key=tokenise_genre(pl.col("name")))
    tags = (
        data.tags.filter(pl.col("weight") > 0)
        .with_columns(key=tokenise_genre(pl.col("tag")))
        .group_by("track_id", "key", maintain_order=True)
        .agg(pl.col("weight").cast(pl.Float64).sum(), name=pl.col("tag").first())
        .sort("weight", descending=True, maintain_order=True)
        .filter(pl.int_range(pl.len()).over("track_id") < TAGS_PER_TRACK)
        .join(tracks.select("track_id", "track"), on="track_id", maintain_order="left")
    )
    members = {"tracks": of_tracks, "artists": of_artists, "genres": genres, "tags": tags}
    return {
        kind: _leading(frame.select("track", "key", "name").drop_nulls(), heard)
        for kind, frame in members.items()
    }


def _leading(members: pl.DataFrame, heard: Heard) -> dict[str, list[Row]]:
    """Return the groups of `members` (track, key, name) with most plays and most listeners."""
    played = pl.Series("plays", heard.plays_T[members["track"].to_numpy()])
    members = members.with_columns(played).unique(["track", "key"], maintain_order=True)
    groups = (
        members.sort("plays", descending=True, maintain_order=True)
        .group_by("key", maintain_order=True)
        .agg(pl.col("name").first(), pl.col("plays").sum(), tracks=pl.len())
        .with_row_index("group")
    )
    member = members.select("track", "key").join(groups.select("key", "group"), on="key")
    place = member["track"].to_numpy(), member["group"].to_numpy()
    shape = (len(heard.plays_T), max(1, groups.height))
    member_TK = sp.csr_array((np.ones(member.height, np.float32), place), shape=shape)
    reached = pl.Series("listeners", heard.reach(member_TK)[: groups.height])
    groups = groups.with_columns(reached).filter(pl.col("listeners") > 0)
    shown = groups.select("name", "plays", "listeners", "tracks")
    return {
        f"by_{column}": shown.sort(column, descending=True, maintain_order=True)
        .head(LEADERS)
        .to_dicts()
        for column in ("plays", "listeners")
    }


def duplicates(data: Dataset, heard: Heard) -> Row:
    """Return tracks whose artist and title have the same keys, under several ids.

    {"groups", "tracks", "share_of_plays", "examples": [{"title", "artist", "ids", "plays"}]}, the
    most played first. Where the rows of `tracks` are artists, the same name is enough; else a track
    whose artist or title is unknown is not compared, as no title is one track's alone.
    """
    tracks = data.tracks
    keys = (
        [artist_keys(tracks["title"]).alias("named")]
        if data.item_kind == "artist"
        else [artist_keys(tracks["artist"]).alias("by"), title_keys(tracks["title"]).alias("named")]
    )
    names = [key.name for key in keys]
    groups = (
        tracks.select("track_id", "title", "artist", pl.Series("plays", heard.plays_T[1:]), *keys)
        .filter(pl.col("title") != pl.col("track_id"))
        .drop_nulls(names)
        .sort("plays", descending=True, maintain_order=True)
        .group_by(names, maintain_order=True)
        .agg(
            pl.col("title", "artist").first(),
            ids=pl.col("track_id"),
            plays=pl.col("plays").sum(),
        )
        .filter(pl.col("ids").list.len() > 1)
        .sort("plays", descending=True, maintain_order=True)
    )
    total = float(heard.plays_T.sum())
    return {
        "groups": groups.height,
        "tracks": int(groups["ids"].list.len().sum()),
        "share_of_plays": float(groups["plays"].sum()) / total if total else None,
        "examples": groups.head(EXAMPLES).select("title", "artist", "ids", "plays").to_dicts(),
    }
