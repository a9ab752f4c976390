"""One song under several spellings becomes one track: who is the same, and what becomes of rows.

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

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import polars as pl
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from encore import schema
from encore.data.dataset import Dataset, ItemKind, Table
from encore.data.identity import NAMED_BY, artist_keys, title_keys
from encore.errors import UsageError
from encore.wording import counted

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
class Merged:
    """A Dataset whose spellings are merged, and what was merged.

    `pairs` has a row for each track that is gone: `kept` and `merged` (track ids), both names,
    `plays` that moved, and `why`: recording_mbid, spotify_id, "artist and title", or "through
    another" of the same group.
    """

    data: Dataset
    pairs: pl.DataFrame

    def __str__(self) -> str:
        after, gone = self.data.tracks.height, self.pairs.height
        into = self.pairs["kept"].n_unique()
        reasons = self.pairs["why"].value_counts(sort=True).rows()
        why = ", ".join(f"{rows:,} by {reason}" for reason, rows in sorted(reasons))
        return (
            f"merging: {counted(after + gone, self.data.item_kind)} into {after:,}; "
            f"{counted(gone, 'spelling')} went into {counted(into, 'other')}"
            + (f" ({why})" if gone else "")
        )


def merge_same(data: Dataset, *, live_apart: bool = True, which: Which = "auto") -> Merged:
    """Merge the tracks that are the same song; see the head of this file for what is the same.

    The id that is kept is the one with the most plays (of equals, the first by its text). Plays are
    summed; listens, feedback and tags move to it; a column that it lacks is taken from the most
    played that has it; genres are united. A note in the ledger says how many.

    `which` = "auto" merges where a source had no ids of its own, so that a reader made them of
    artist and title: these tracks merge with one another and into such as have an id, which is then
    kept; two tracks with ids of their own stay two. Artists stay apart. "all" merges whatever is
    the same, artists by their name too. With `live_apart` false, live takes are the song itself.

    >>> from encore.data.readers import read
    >>> names = {"artist": ["Bowie", "bowie"], "title": ["Heroes", "Heroes - 2017 Remaster"]}
    >>> rows = pl.DataFrame({"user_id": ["ann", "ann"], "track_id": ["1", "2"], "plays": [2, 3]})
    >>> merged = merge_same(read(rows.with_columns(pl.DataFrame(names))), which="all")
    >>> merged.data.plays.select("track_id", "plays").rows(), merged.pairs["why"].to_list()
    ([('2', 5.0)], ['artist and title'])

    Raises `UsageError` where `which` is neither.
    """
    played = data.scan("plays").group_by("track_id").agg(pl.col("plays").cast(pl.Float64).sum())
    same = find_same(
        data.tracks,
        played.collect(engine="streaming"),
        item_kind=data.item_kind,
        live_apart=live_apart,
        which=which,
    )
    if same.pairs.is_empty():
        return Merged(data, same.pairs)
    merged = Merged(
        data.with_tables(**repointed(data, same.pairs), tracks=same.united(data.tracks)), same.pairs
    )
    ledger = data.ledger
    noted = replace(ledger, notes=[*ledger.notes, str(merged)])
    return replace(merged, data=merged.data.with_ledger(noted))


@dataclass(frozen=True)
class Same:
    """Which tracks are the same: `groups` for all in their order, `pairs` as `Merged` has them."""

    groups: pl.DataFrame
    pairs: pl.DataFrame

    @classmethod
    def none(cls) -> "Same":
        """Return that no two are."""
        return cls(pl.DataFrame(), pl.DataFrame(schema=_PAIRS))

    def united(self, tracks: pl.DataFrame) -> pl.DataFrame:
        """Return a table of these tracks with one row for each group."""
        return tracks if self.pairs.is_empty() else _united(tracks, self.groups)


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


def repointed(data: Dataset, pairs: pl.DataFrame) -> dict[str, Table]:
    """Return the tables of `data` that name tracks, but for their own, under the ids kept.

    `pairs` has `kept` and `merged`. Rows that become the same are summed up.
    """
    new_id = pairs.select("kept", pl.col("merged").alias("track_id")).lazy()

    def moved(name: str) -> pl.LazyFrame:
        found = data.scan(name).join(new_id, on="track_id", how="left", maintain_order="left")
        named = pl.coalesce("kept", "track_id").alias("track_id")
        return found.with_columns(named).select(schema.TABLES[name].names())

    def once(name: str, key: list[str], *values: pl.Expr) -> pl.DataFrame:
        """Sum up the rows that share a key; those of tracks that took nothing in stay untouched."""
        touched = pl.col("track_id").is_in(pairs["kept"].unique().implode())
        here = moved(name).collect().with_row_index("place").with_columns(touched.alias("touched"))
        summed = (
            here.filter("touched")
            .group_by(key, maintain_order=True)
            .agg(pl.col("place").first(), *values)
        )
        rest = here.filter(~pl.col("touched")).drop("touched")
        return pl.concat([rest, summed.select(rest.columns)]).sort("place").drop("place")

    return {
        "plays": once(
            "plays",
            ["user_id", "track_id"],
            pl.col("plays").cast(pl.Float64).sum().cast(pl.Float32),
            _sum_of_known("skips"),
            pl.col("first_played").min(),
            pl.col("last_played").max(),
        ),
        "events": moved("events"),
        # A tag or a like that one gave to two spellings is given once.
        "tags": once(
            "tags",
            ["track_id", "tag", "user_id"],
            pl.col("weight").max(),
            pl.col("tagged_at").min(),
        ),
        "feedback": once("feedback", ["user_id", "track_id", "kind"], pl.col("at").min()),
    }


def _united(table: pl.DataFrame, tracks: pl.DataFrame) -> pl.DataFrame:
    """Return `table` with one row for each group: the first known value of each column."""
    several = tracks.filter(pl.len().over("group") > 1)
    # A title that is none, or an artist called unknown, gives way to one that is.
    known = several.select(
        "row",
        "kept",
        "track_id",
        pl.col("title_key").is_not_null().alias("titled"),
        (pl.col("artist_key").is_not_null() | (pl.col("title_key") == "")).alias("by_somebody"),
    )
    rows = table.with_row_index("place").join(known, on="track_id", how="inner").sort("row")
    genres = pl.col("genres").explode().drop_nulls().unique(maintain_order=True)
    others = [
        name for name in table.columns if name not in ("track_id", "title", "artist", "genres")
    ]
    united = rows.group_by("kept", maintain_order=True).agg(
        pl.col("place").filter(pl.col("track_id") == pl.col("kept")).first(),
        _first_known("title", "titled"),
        _first_known("artist", "by_somebody"),
        genres,
        pl.col(others).drop_nulls().first(),
    )
    some = pl.when(pl.col("genres").list.len() > 0).then("genres").alias("genres")
    united = united.rename({"kept": "track_id"}).with_columns(some)
    rest = table.with_row_index("place").join(several.select("track_id"), on="track_id", how="anti")
    return pl.concat([rest, united.select(rest.columns)]).sort("place").drop("place")


def _first_known(name: str, where: str) -> pl.Expr:
    told = pl.col(name).filter(where).drop_nulls().first()
    return pl.coalesce(told, pl.col(name).drop_nulls().first()).alias(name)


def _sum_of_known(name: str) -> pl.Expr:
    total = pl.col(name).cast(pl.UInt64).sum().clip(0, pl.UInt32.max()).cast(pl.UInt32)
    return pl.when(pl.col(name).count() > 0).then(total).alias(name)


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
