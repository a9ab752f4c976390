"""Which tracks are one song under several spellings.

Two tracks are the same where they share a MusicBrainz recording or a Spotify id, or where artist
and title have equal keys (`encore.data.identity`) and nothing speaks against it:

- Two different recordings (MBIDs) never merge by name: people who compared them keep them apart,
  and they hold what titles leave out (a live take, a demo). Two different Spotify ids say nothing:
  a recording gets a new one with every release.
- Lengths that differ by more than `LENGTH_SLACK_MS` or `LENGTH_SLACK`, whichever is more, are
  different versions. Lengths that a chain of others joins are one version.
- A track that lacks a length or an MBID goes with the most played of those it may be. One that has
  an MBID but no length stays alone where the name has several lengths.
- A track whose artist or title is unknown has no name to go by.

In the frames here a row is a track, in the order of `_ranked`: each group is kept under its first.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import polars as pl
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from encore.data.dataset import ItemKind
from encore.data.identity import NAMED_BY, artist_keys, title_keys
from encore.errors import UsageError

Which = Literal["auto", "all"]

#: Silence at the ends, fades and rounding to whole seconds differ by less between two releases.
LENGTH_SLACK_MS = 7_000
#: A transfer at another speed: film run for television is 4 % faster.
LENGTH_SLACK = 0.05

IDS = ("recording_mbid", "spotify_id")
BY_NAME = "artist and title"
BY_OTHERS = "through another"

_PAIRS = {
    "kept": pl.String,
    "kept_artist": pl.String,
    "kept_title": pl.String,
    "merged": pl.String,
    "artist": pl.String,
    "title": pl.String,
    "plays": pl.Float64,
    "why": pl.String,
}


@dataclass(frozen=True)
class Same:
    """Which tracks are the same: `groups` for all in their order, `pairs` as `Merged` has them."""

    groups: pl.DataFrame
    pairs: pl.DataFrame

    @classmethod
    def none(cls) -> "Same":
        """Return that no two are."""
        return cls(pl.DataFrame(), pl.DataFrame(schema=_PAIRS))


def find_same(
    tracks: pl.DataFrame,
    played: pl.DataFrame,
    *,
    item_kind: ItemKind = "track",
    live_apart: bool = True,
    which: Which = "auto",
    first: pl.Series | None = None,
) -> Same:
    """Find the tracks that are the same song; `played` has the plays of each, by track_id.

    Of several the ids in `first` are kept, if any is among them.

    Raises `UsageError` where `which` is neither "auto" nor "all".
    """
    if which not in get_args(Which):
        raise UsageError(f"which = {which!r}: expected one of {', '.join(get_args(Which))}")
    own = ~_derived(tracks) if which == "auto" else pl.repeat(False, len(tracks), eager=True)
    if own.all() or (which == "auto" and item_kind == "artist"):
        return Same.none()
    ranked = _ranked(tracks, played, item_kind, own, live_apart, first)
    label = _same(ranked)
    groups = ranked.with_columns(pl.Series("group", label))
    groups = groups.with_columns(pl.col("track_id").first().over("group").alias("kept"))
    gone = groups.filter(pl.col("track_id") != pl.col("kept"))
    return Same.none() if gone.is_empty() else Same(groups, _pairs(groups, gone))


def _derived(tracks: pl.DataFrame) -> pl.Series:
    """Say of each track whether its id is made of its artist and title, whatever the spaces."""
    name = pl.concat_str("artist", pl.lit(NAMED_BY), "title")
    same = _one_spaced(pl.col("track_id")) == _one_spaced(name)
    return tracks.select(same.fill_null(False).alias("derived")).to_series()


def _one_spaced(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(r"\s+", " ").str.strip_chars()


def _ranked(
    tracks: pl.DataFrame,
    played: pl.DataFrame,
    item_kind: ItemKind,
    own: pl.Series,
    live_apart: bool,
    first: pl.Series | None,
) -> pl.DataFrame:
    """Return a row for each track, those to be kept first, with ids, keys and plays.

    `own` says whose ids are not to merge with one another. `row` counts from 0.
    """
    known = pl.Series([], dtype=pl.String) if first is None else first
    before = pl.col("track_id").is_in(known.implode())
    tracks = tracks.select("track_id", "artist", "title", "duration_ms", *IDS)
    titles = tracks.select(pl.when(pl.col("title") != pl.col("track_id")).then("title")).to_series()
    if item_kind == "artist":
        artist_key = artist_keys(titles)
        title_key = pl.repeat("", len(titles), eager=True)
    else:
        artist_key = artist_keys(tracks["artist"])
        title_key = title_keys(titles, live_apart=live_apart)
    return (
        tracks.with_columns(
            own.alias("own"),
            artist_key.alias("artist_key"),
            title_key.alias("title_key"),
            pl.col("recording_mbid").str.to_lowercase(),
        )
        .join(played, on="track_id", how="left", maintain_order="left")
        .with_columns(pl.col("plays").fill_null(0))
        .sort("own", before, "plays", "track_id", descending=[True, True, True, False])
        .with_row_index("row")
    )


def _same(tracks: pl.DataFrame) -> np.ndarray:
    """Return the group of each row."""
    edges = [_by_ids(tracks)]
    unit = _components(edges, tracks.height)
    edges += _into_own(tracks.with_columns(pl.Series("unit", unit)))
    unit = _components(edges, tracks.height)
    edges.append(_by_names(_units(tracks.with_columns(pl.Series("unit", unit)))))
    return _components(edges, tracks.height)


def _by_ids(tracks: pl.DataFrame) -> pl.DataFrame:
    """Return edges (row, other) between the tracks without ids of their own that share one."""
    free = tracks.filter(~pl.col("own"))
    to_first = [
        free.filter(pl.col(name).is_not_null()).select(
            "row", pl.col("row").first().over(name).alias("other")
        )
        for name in IDS
    ]
    return pl.concat(to_first)


def _into_own(tracks: pl.DataFrame) -> list[pl.DataFrame]:
    """Return an edge from each unit of tracks to one that has an id of its own and shares another.

    One only, the more telling id first, since two that have ids of their own must not be joined.
    """
    free, own = tracks.filter(~pl.col("own")), tracks.filter("own")
    shared = pl.concat(
        free.filter(pl.col(name).is_not_null())
        .join(own.unique(name, keep="first", maintain_order=True), on=name, suffix="_own")
        .select("unit", "row", pl.col("row_own").alias("other"), pl.lit(rank).alias("rank"))
        for rank, name in enumerate(IDS)
    )
    first = shared.sort("rank", "other", "row").unique("unit", keep="first", maintain_order=True)
    return [first.select("row", "other")]


def _units(tracks: pl.DataFrame) -> pl.DataFrame:
    """Return what is known of each unit of tracks that ids have joined.

    A unit is `anchored` where it has an MBID or a source's own id: two such are never one by name.
    """
    first_known = pl.col("artist_key", "title_key", "duration_ms").drop_nulls().first()
    return tracks.group_by("unit", maintain_order=True).agg(
        pl.col("row").first(),
        pl.col("plays").sum(),
        (pl.col("own").any() | pl.col("recording_mbid").is_not_null().any()).alias("anchored"),
        first_known,
    )


def _by_names(units: pl.DataFrame) -> pl.DataFrame:
    """Return an edge (row, other) from each unit to the one it is the same as by its name.

    Within a name, lengths form versions, split wherever the gap to the next is too large (which
    gives the connected components of "near enough"). In a version all go with the most played unit
    that is anchored, or with one another where none is.
    """
    name = ["artist_key", "title_key"]
    named = units.drop_nulls(name)
    named = named.filter(pl.len().over(name) > 1)
    length = pl.col("duration_ms")
    slack = pl.max_horizontal(pl.lit(float(LENGTH_SLACK_MS)), LENGTH_SLACK * length)
    versions = (
        named.filter(length.is_not_null())
        .sort(*name, "duration_ms", "row")
        .with_columns((length.diff().over(name) > slack).fill_null(False).alias("gap"))
        .with_columns(pl.col("gap").cast(pl.Int64).cum_sum().over(name).alias("version"))
        .drop("gap")
    )
    most_played = (
        versions.group_by(*name, "version")
        .agg(pl.col("plays").sum(), pl.col("row").min())
        .sort("plays", "row", descending=[True, False])
        .group_by(name, maintain_order=True)
        .agg(pl.col("version").first(), pl.len().alias("versions"))
    )
    unmeasured = named.filter(length.is_null()).join(most_played, on=name, how="left")
    alone = (pl.col("versions") > 1).fill_null(False) & pl.col("anchored")
    unmeasured = unmeasured.filter(~alone).with_columns(pl.col("version").fill_null(0))
    placed = pl.concat([versions, unmeasured.select(versions.columns)])
    return (
        placed.sort("anchored", "plays", "row", descending=[True, True, False])
        .with_columns(pl.col("row").first().over(*name, "version").alias("other"))
        .filter(~pl.col("anchored") | (pl.col("row") == pl.col("other")))
        .select("row", "other")
    )


def _components(edges: list[pl.DataFrame], rows: int) -> np.ndarray:
    joined = pl.concat([edge.select(pl.col("row", "other").cast(pl.Int64)) for edge in edges])
    ends = joined["row"].to_numpy(), joined["other"].to_numpy()
    graph = sp.coo_array((np.ones(joined.height, np.int8), ends), shape=(rows, rows))
    label: np.ndarray = connected_components(graph, directed=False)[1]
    return label


def _pairs(tracks: pl.DataFrame, gone: pl.DataFrame) -> pl.DataFrame:
    """Return what `Merged.pairs` holds, the most played first."""
    columns = ["artist", "title", "artist_key", "title_key", *IDS]
    kept = tracks.select("track_id", *columns)
    both = gone.join(kept, left_on="kept", right_on="track_id", suffix="_kept")
    same = {name: pl.col(name) == pl.col(f"{name}_kept") for name in columns}
    why = (
        pl.when(same["recording_mbid"])
        .then(pl.lit("recording_mbid"))
        .when(same["spotify_id"])
        .then(pl.lit("spotify_id"))
        .when(same["artist_key"] & same["title_key"])
        .then(pl.lit(BY_NAME))
        .otherwise(pl.lit(BY_OTHERS))
    )
    named = both.sort("row").select(
        "kept",
        pl.col("artist_kept").alias("kept_artist"),
        pl.col("title_kept").alias("kept_title"),
        pl.col("track_id").alias("merged"),
        "artist",
        "title",
        "plays",
        why.alias("why"),
    )
    return named.sort("plays", descending=True, maintain_order=True)
