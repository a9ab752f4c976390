"""Further tracks join a trained model: described by what they are, with nothing trained again.

- A track that is not there comes in.
- One that is there and was played in training keeps its artist, its genres and all that was
  learned of it. What else is told of it (title, album, year, length, explicit, acoustics, ids) is
  brought up to date, for display and for rules.
- One that is there and was not played is described anew.

What is left empty stays as it was.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from encore import schema
from encore.data.dataset import Dataset
from encore.data.extending import extended
from encore.data.features import Features
from encore.data.readers import read
from encore.errors import InputError
from encore.models.bundle import ADDED, Bundle
from encore.models.growing import with_tracks
from encore.wording import counted

HEADING = "## Tracks added after training"

_LEARNED = ("artist_id", "artist", "genres")  # stays, of a track that was played in training


def add_tracks(
    bundle: Bundle, tracks: pl.DataFrame | Dataset, tags: pl.DataFrame | None = None
) -> Bundle:
    """Return the bundle with further tracks; the last of `facts["added"]` counts them.

    A frame has columns of `encore.schema.TRACKS`, and `tags` of TAGS; both are cleaned as an import
    cleans them. Of a Dataset tracks and tags are read, and nothing else.

    Raises `InputError` where its items are of another kind than the bundle's, or where the bundle
    is of an older encore.
    """
    data = tracks if isinstance(tracks, Dataset) else _cleaned(tracks, tags)
    _check_kind(bundle, data)
    there = bundle.tracks.with_columns(heard=pl.Series(bundle.features.heard_T[1:]))
    current = _brought_up_to_date(there, data.tracks)
    changed = current.filter(
        pl.any_horizontal(pl.col(name).ne_missing(there[name]) for name in schema.TRACKS)
        | (~pl.col("heard") & _among(data.tags["track_id"]))
    )
    anew = changed.filter(~pl.col("heard")).drop("heard")
    new = data.tracks.join(there, on="track_id", how="anti", maintain_order="left")
    described, said = _told(bundle.features, data, anew, new)
    features = extended(bundle.features, bundle.tracks, described, said)
    row_N = features.tracks.encode(described["track_id"])
    grown = with_tracks(bundle, features, pl.concat([current.drop("heard"), new]), row_N)
    record = _record(data, new.height, changed.height)
    facts = {**bundle.facts, ADDED: [*bundle.facts.get(ADDED, []), record]}
    return replace(grown, facts=facts, card=_card(bundle.card, record))


def _cleaned(tracks: pl.DataFrame, tags: pl.DataFrame | None) -> Dataset:
    if not isinstance(tracks, pl.DataFrame):
        raise InputError(
            f"tracks of type {type(tracks).__name__}: expected a Polars frame with track_id, title "
            "and further columns of the table of tracks, or a Dataset"
        )
    return read({"tracks": tracks} | ({} if tags is None else {"tags": tags}))


def _check_kind(bundle: Bundle, data: Dataset) -> None:
    if data.item_kind == "artist" and bundle.item_kind == "track":
        raise InputError("the data lists artists, this model knows tracks: add tracks")
    if bundle.item_kind == "artist" and data.tracks["artist"].null_count() < data.tracks.height:
        raise InputError(
            "this model knows artists, and what is to be added names artists of its own: it lists "
            "tracks; give a row for each artist, the name as its title"
        )


def _brought_up_to_date(there: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Return the catalogue with what is now told of its tracks."""
    titled = pl.when(pl.col("title") != pl.col("track_id")).then("title")  # else it has none
    told = told.with_columns(titled.alias("title"))
    both = there.join(told, on="track_id", how="left", maintain_order="left", suffix=" now")
    columns = []
    for name in schema.TRACKS:
        if name == "track_id":
            continue
        now = pl.coalesce(f"{name} now", name)
        if name in _LEARNED:
            now = pl.when("heard").then(name).otherwise(now)
        columns.append(now.alias(name))
    return both.with_columns(columns).select(there.columns)


def _told(
    features: Features, data: Dataset, anew: pl.DataFrame, new: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the tracks to describe, and the tags that tell of them.

    Of whom neither genres nor tags are told now, those that they have stay.
    """
    told = pl.concat([data.tracks.drop_nulls("genres")["track_id"], data.tags["track_id"]])
    genres = pl.when(_among(told)).then("genres").alias("genres")
    described = pl.concat([anew.with_columns(genres), new])
    so_far = _genres_so_far(features, anew.filter(~_among(told))["track_id"])
    said = pl.concat([data.tags, so_far])
    return described, said.filter(_among(described["track_id"]))


def _among(ids: pl.Series) -> pl.Expr:
    return pl.col("track_id").is_in(ids.unique().implode())


def _genres_so_far(features: Features, tracks: pl.Series) -> pl.DataFrame:
    """Return the genres and tags that tracks have, as tags."""
    row_N = features.tracks.encode(tracks)
    place, slot = np.nonzero(features.genre_weight_TG[row_N])
    said = pl.DataFrame(
        {
            "track_id": tracks.gather(place),
            "tag": features.genres.decode(features.genres_TG[row_N[place], slot]),
            "weight": features.genre_weight_TG[row_N[place], slot],
        }
    )
    return schema.conform(said, "tags")


def _record(data: Dataset, added: int, updated: int) -> dict[str, Any]:
    counts = data.ledger.table("tracks")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "sources": [
            {"name": source.name, "sha256": source.sha256} for source in data.ledger.sources
        ],
        "added": added,
        "updated": updated,
        "unchanged": data.tracks.height - added - updated,
        "refused": counts.dropped,
        "examples": counts.examples,
    }


def _card(card: str, record: dict[str, Any]) -> str:
    """Return the card with a line for the record under the heading at its end."""
    if HEADING not in card:
        card = f"{card}\n{HEADING}\n\nThey are placed by what they are; none was trained on.\n\n"
    digests = ", ".join(f"sha256 {source['sha256']}" for source in record["sources"])
    told = f"{counted(record['added'], 'track')} added, {record['updated']:,} updated"
    return f"{card}- {record['at']}: {told}{f' ({digests})' if digests else ''}\n"
