"""One song under several spellings becomes one track: what becomes of rows.

Who is the same, `encore.data.sameness` says.
"""

from dataclasses import dataclass, replace

import polars as pl

from encore import schema
from encore.data.dataset import Dataset, Table
from encore.data.sameness import Same, Which, find_same
from encore.wording import counted


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
    """Merge the tracks that are the same song, as `encore.data.sameness` tells.

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
    tables = repointed(data, same.pairs) | {"tracks": united_by(same, data.tracks)}
    merged = Merged(data.with_tables(**tables), same.pairs)
    ledger = data.ledger
    noted = replace(ledger, notes=[*ledger.notes, str(merged)])
    return replace(merged, data=merged.data.with_ledger(noted))


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


def united_by(same: Same, table: pl.DataFrame) -> pl.DataFrame:
    """Return `table` of tracks with one row for each group: the first known values."""
    if same.pairs.is_empty():
        return table
    several = same.groups.filter(pl.len().over("group") > 1)
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
