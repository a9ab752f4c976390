"""A history against a catalogue: which of its tracks are known there, and by what.

First as tracks, by the surest key that finds one; what is left as artists, since a listener's taste
shows in artists too. Nothing is guessed: equal ids, or equal keys of `encore.data.identity`.
"""

from dataclasses import dataclass
from typing import Any

import polars as pl

from encore.data.dataset import Dataset, ItemKind
from encore.data.identity import artist_keys, title_keys

#: Surest first. At "artist" the catalogue has the artist, but not the track.
LEVELS = ("track_id", "recording_mbid", "spotify_id", "name", "artist")


@dataclass(frozen=True)
class Match:
    """What a catalogue knows of a history.

    `tracks`: a row for each track of the history, most played first: track_id, artist, title, its
    `rows` and `plays`, the `level` at which it matched and `matched`, the catalogue's track_id.
    Level is null where nothing matched; at level "artist" `matched` is null, unless items are
    artists.
    """

    tracks: pl.DataFrame

    @property
    def unmatched(self) -> pl.DataFrame:
        """The tracks of which the catalogue has not even the artist, most played first."""
        return self.tracks.filter(pl.col("level").is_null()).drop("level", "matched")

    def rates(self) -> dict[str, dict[str, float]]:
        """Return for each level, and "all": how many tracks, and the share of rows and of plays."""
        total = {name: float(self.tracks[name].sum()) or 1.0 for name in ("rows", "plays")}
        found: dict[str, dict[str, float]] = {}
        for level in (*LEVELS, "all"):
            at = pl.col("level").is_not_null() if level == "all" else pl.col("level") == level
            part = self.tracks.filter(at)
            shares = {name: float(part[name].sum()) / whole for name, whole in total.items()}
            found[level] = {"tracks": part.height, **shares}
        return found

    def to_json(self, most: int = 20) -> dict[str, Any]:
        """Return the rates and the `most` played unmatched tracks as plain JSON values."""
        return {
            "tracks": self.tracks.height,
            "rates": self.rates(),
            "unmatched": self.unmatched.head(most).to_dicts(),
            "unmatched_tracks": self.unmatched.height,
        }


def match(
    history: Dataset, catalogue: Dataset | pl.DataFrame, *, item_kind: ItemKind = "track"
) -> Match:
    """Find the tracks of `history` in `catalogue`, a Dataset or the tracks of one.

    Of several tracks with one key the most played is taken; in a frame the first, and `item_kind`
    says what its rows are. Where only one side's items are artists, ids are of different things and
    only artists are compared.

    >>> from encore.data.readers import read
    >>> mine = read(pl.DataFrame({"user_id": ["me"], "track_id": ["x"], "artist": ["Bowie"],
    ...                           "title": ["Heroes - Live"], "plays": [3]}))
    >>> tracks = pl.DataFrame({"track_id": ["1"], "artist": ["bowie"], "title": ["Heroes"]})
    >>> match(mine, tracks).tracks.select("track_id", "level", "matched").rows()
    [('x', 'artist', None)]
    """
    if isinstance(catalogue, Dataset):
        known, item_kind = _by_plays(catalogue), catalogue.item_kind
    else:
        known = catalogue
    mine = _keyed(_by_plays(history), history.item_kind)
    theirs = _keyed(known, item_kind)
    matched = mine.with_columns(
        pl.lit(None, pl.String).alias("level"), pl.lit(None, pl.String).alias("matched")
    )
    if history.item_kind == item_kind:
        for level in LEVELS[:3]:
            matched = _found(matched, level, [level], _ids(theirs, level))
    if history.item_kind == item_kind == "track":
        names = ["artist_key", "title_key"]
        matched = _found(matched, "name", names, theirs.select(*names, other="track_id"))
    item = "track_id" if item_kind == "artist" else pl.lit(None, pl.String)
    artists = theirs.select("artist_key", other=item)
    matched = _found(matched, "artist", ["artist_key"], artists)
    columns = ["track_id", "artist", "title", "rows", "plays", "level", "matched"]
    return Match(matched.select(columns))


def _by_plays(data: Dataset) -> pl.DataFrame:
    """Return the tracks with their rows and plays, most played first."""
    plays = data.plays.group_by("track_id").agg(
        pl.len().alias("rows"), pl.col("plays").cast(pl.Float64).sum()
    )
    counted = data.tracks.join(plays, on="track_id", how="left", maintain_order="left")
    counted = counted.with_columns(pl.col("rows", "plays").fill_null(0))
    return counted.sort("plays", descending=True, maintain_order=True)


def _keyed(tracks: pl.DataFrame, item_kind: ItemKind) -> pl.DataFrame:
    columns = ["track_id", "artist", "title", "recording_mbid", "spotify_id"]
    absent = [pl.lit(None, pl.String).alias(name) for name in columns if name not in tracks.columns]
    tracks = tracks.with_columns(absent)
    told = pl.when(pl.col("title") != pl.col("track_id")).then("title")
    titles = tracks.select(told).to_series()
    artists = titles if item_kind == "artist" else tracks["artist"]
    return tracks.with_columns(
        pl.col("recording_mbid").str.to_lowercase(),
        artist_keys(artists).alias("artist_key"),
        title_keys(titles).alias("title_key"),
    )


def _ids(theirs: pl.DataFrame, level: str) -> pl.DataFrame:
    """Return the ids of a level with the track of each; the catalogue's own id may be one."""
    ids = theirs.select(pl.col(level), other="track_id")
    own = theirs.select(pl.col("track_id").alias(level), other="track_id")
    return ids if level == "track_id" else pl.concat([ids, own])


def _found(matched: pl.DataFrame, level: str, keys: list[str], known: pl.DataFrame) -> pl.DataFrame:
    """Match by `keys` what is not matched yet; `known` has the keys and the `other` track_id."""
    first = known.drop_nulls(keys).unique(keys, keep="first", maintain_order=True)
    first = first.with_columns(pl.lit(level).alias("here"))
    joined = matched.join(first, on=keys, how="left", maintain_order="left")
    fresh = pl.col("level").is_null() & pl.col("here").is_not_null()
    return joined.with_columns(
        pl.when(fresh).then("other").otherwise("matched").alias("matched"),
        pl.when(fresh).then("here").otherwise("level").alias("level"),
    ).drop("other", "here")
