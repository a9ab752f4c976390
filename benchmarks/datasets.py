"""The listening data of the quality bench, read from the folder that holds it.

Nothing is copied: the data lies beside the project, and each set's terms are in its own README.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

import encore
from encore import Dataset
from encore.data.split import hold_out

BESIDE = Path(__file__).parents[2] / "shared" / "data"

Sides = tuple[Dataset, Dataset]


def hetrec(folder: Path) -> Dataset:
    """Return HetRec Last.fm 2K: artists, with tags, friends and acoustic means where known."""
    return encore.read(
        folder / "hetrec2011-lastfm-2k" / "hetrec2011-lastfm-2k.zip",
        acoustics=folder / "spotify-artist-features" / "hetrec_artist_features.tsv",
    )


def taste_profile(folder: Path) -> Dataset:
    """Return Taste Profile 10k: tracks, with artists, and acoustics of the track or its artist."""
    return encore.read(folder / "taste-profile-10k")


def sociallgn(folder: Path) -> Sides:
    """Return HetRec in the 80/20 split that the authors of SocialLGN published.

    Liao et al., Information Sciences 589, 2022. The pairs are theirs; counts, tags and acoustics
    are joined through their id maps.
    """
    data, where = hetrec(folder), folder / "lastfm-sociallgn-split"
    pairs = pl.read_csv(where / "test_set.txt")
    for column, name, file in (("user", "user_id", "user"), ("item", "track_id", "item")):
        ids = json.loads((where / f"{file}Reindex.json").read_text("utf-8"))
        table = pl.DataFrame({name: list(ids), column: list(ids.values())})
        pairs = pairs.join(table, on=column, how="left")
    held = data.plays.join(pairs.select("user_id", "track_id"), on=["user_id", "track_id"])
    if held.height != pairs.height:
        raise ValueError(f"{held.height} of {pairs.height} published test pairs found in HetRec")
    sides = hold_out(data, held)
    return sides.train, sides.test


@dataclass(frozen=True)
class Source:
    """A data set of the bench: how it is read, or how its published split is."""

    name: str
    read: Callable[[Path], Dataset] | None = None
    published: Callable[[Path], Sides] | None = None

    def sides(self, folder: Path, seed: int) -> Sides:
        """Return the training and the test side; a published split is the same for all seeds."""
        if self.published is not None:
            return self.published(folder)
        if self.read is None:
            raise ValueError(f"{self.name}: neither a reader nor a published split")
        return encore.split(self.read(folder), seed=seed)


SOURCES = {
    "hetrec": Source("hetrec", read=hetrec),
    "taste": Source("taste", read=taste_profile),
    "sociallgn": Source("sociallgn", published=sociallgn),
}
