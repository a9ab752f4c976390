"""What a list shows of tracks: id, title, artist, and the names that a sentence calls them by."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from encore.data.identity import clean_title
from encore.models.bundle import Bundle


@dataclass(frozen=True)
class Shown:
    """What is shown of each track of a catalogue, in vocabulary order.

    `name` and `artist_name` are without "- Remastered 2011" and its like; a track without an artist
    has its own name for that.
    """

    track_id: pl.Series
    title: pl.Series
    artist: pl.Series
    name: pl.Series
    artist_name: pl.Series

    @classmethod
    def of(cls, bundle: Bundle) -> "Shown":
        """Return what is shown of a bundle's catalogue."""
        title, artist = (pl.col(name).cast(pl.String) for name in ("title", "artist"))
        shown = bundle.tracks.select(
            "track_id",
            title,
            artist,
            name=clean_title(title),
            artist_name=clean_title(pl.coalesce(artist, title)),
        )
        return cls(**shown.rechunk().to_dict())

    def of_track(self, track: int) -> dict[str, Any]:
        """Return what a list says of a track, by index: track_id, title and artist."""
        return {
            "track_id": self.track_id[track - 1],
            "title": self.title[track - 1],
            "artist": self.artist[track - 1],
        }
