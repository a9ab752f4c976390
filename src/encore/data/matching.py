"""A history against a catalogue: which of its tracks are known there, and by what.

First as tracks, by the surest key that finds one; what is left as artists, since a listener's taste
shows in artists too. Nothing is guessed: equal ids, or equal keys of `encore.data.identity`.

`located` is the one way to match: `match` reports what it found, `encore.data.joining` fills by it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl

from encore.data.dataset import Dataset, ItemKind
from encore.data.identity import NAMED_BY, artist_keys, title_keys

#: The levels of a match, surest first, and how people call them. At "artist" the catalogue has the
#: artist, but not the track.
NAMED = {
    "track_id": "track_id",
    "recording_mbid": "recording MBID",
    "spotify_id": "Spotify id",
    "name": "artist and title",
    "artist": "artist alone",
}
LEVELS = tuple(NAMED)
TRACK_LEVELS = LEVELS[:-1]
_IDS = LEVELS[:3]

#: The keys of ours and of theirs that are equal at a level. Either's track_id may be an id of
#: MusicBrainz or Spotify: readers make it so.
_KEYS = {
    "track_id": (("track_id", "track_id"),),
    **{level: ((level, level), (level, "track_id"), ("track_id", level)) for level in _IDS[1:]},
    "name": (("name_key", "name_key"),),
    "artist": (("artist_key", "artist_key"),),
}


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
    kinds = history.item_kind, item_kind
    levels = ("artist",) if kinds[0] != kinds[1] else LEVELS
    mine = _by_plays(history)
    at = located(mine, known, levels, kinds)
    is_item = pl.lit(True) if item_kind == "artist" else pl.col("level") != "artist"
    rows = known.select(pl.col("track_id").alias("matched")).with_row_index("row")
    matched = pl.concat([mine, at], how="horizontal").join(
        rows, on="row", how="left", maintain_order="left"
    )
    columns = ["track_id", "artist", "title", "rows", "plays", "level"]
    return Match(matched.select(*columns, pl.when(is_item).then("matched").alias("matched")))


def located(
    ours: pl.DataFrame,
    theirs: pl.DataFrame,
    levels: Iterable[str] = TRACK_LEVELS,
    kinds: tuple[ItemKind, ItemKind] = ("track", "track"),
) -> pl.DataFrame:
    """Return for each row of `ours` the `level` at which it is among `theirs`, and the `row` there.

    Both have columns of `encore.schema.TRACKS`, track_id at least; `kinds` says what the rows of
    each are. Levels are tried in turn; where several rows match, the first is taken. Both columns
    are null where none does.

    >>> ours = pl.DataFrame({"track_id": ["x", "y"], "title": ["Stan", "Esio Trot"],
    ...                      "artist": ["Eminem feat. Dido", None]})
    >>> theirs = pl.DataFrame({"track_id": ["y", "z"], "title": [None, "stan"],
    ...                        "artist": [None, "Eminem"]})
    >>> located(ours, theirs).rows()
    [('name', 1), ('track_id', 0)]
    """
    mine, known = _keyed(ours, kinds[0]), _keyed(theirs, kinds[1]).with_row_index("here")
    nowhere = {"level": pl.lit(None, pl.String), "row": pl.lit(None, pl.UInt32)}
    mine = mine.with_columns(**nowhere)
    for level in levels:
        for our_key, their_key in _KEYS[level]:
            keys = known.select("here", pl.col(their_key).alias(our_key)).drop_nulls()
            first = keys.unique(our_key, keep="first", maintain_order=True)
            mine = mine.join(first, on=our_key, how="left", maintain_order="left")
            fresh = pl.col("row").is_null() & pl.col("here").is_not_null()
            mine = mine.with_columns(
                level=pl.when(fresh).then(pl.lit(level)).otherwise("level"),
                row=pl.coalesce("row", "here"),
            ).drop("here")
    return mine.select("level", "row")


def _by_plays(data: Dataset) -> pl.DataFrame:
    """Return the tracks with their rows and plays, most played first."""
    plays = data.plays.group_by("track_id").agg(
        pl.len().alias("rows"), pl.col("plays").cast(pl.Float64).sum()
    )
    counted = data.tracks.join(plays, on="track_id", how="left", maintain_order="left")
    counted = counted.with_columns(pl.col("rows", "plays").fill_null(0))
    return counted.sort("plays", descending=True, maintain_order=True)


def _keyed(tracks: pl.DataFrame, item_kind: ItemKind) -> pl.DataFrame:
    """Return the ids of each row, the key of its artist, and of artist and title together."""
    columns = [*_IDS, "artist", "title"]
    absent = [pl.lit(None, pl.String).alias(name) for name in columns if name not in tracks.columns]
    tracks = tracks.with_columns(absent)
    # Who has no title is titled by the id, and a number may be some band's name.
    numbered = (pl.col("title") == pl.col("track_id")) & pl.col("title").str.contains(r"^\d+$")
    titles = tracks.select(pl.when(~numbered).then("title")).to_series()
    if item_kind == "artist":
        artist, name = artist_keys(titles), pl.lit(None, pl.String)
    else:
        artist = artist_keys(tracks["artist"])
        name = pl.lit(artist + NAMED_BY + title_keys(titles))
    return tracks.select(
        "track_id",
        pl.col("recording_mbid").str.to_lowercase(),
        "spotify_id",
        artist.alias("artist_key"),
        name.alias("name_key"),
    )
