"""Seeds: a handful of tracks, artists and genres in place of a history."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from encore.errors import UsageError
from encore.models.bundle import Bundle
from encore.recommend.brought import STAND_INS, Brought
from encore.recommend.naming import Names

GENRE_TRACKS = 10  # that stand for a genre


@dataclass(frozen=True)
class Seeds:
    """What somebody likes, by ids or names as people type them (`encore.recommend.naming`).

    Each seed weighs the same. A track, and an artist where items are artists, stands for itself and
    is not listed; an artist stands by their best known tracks, a genre by the tracks that it says
    most of and that most listeners play, which may be listed.

    Raises `UsageError` where nothing is named, or a text stands where a sequence of texts should.
    """

    tracks: Sequence[str] = ()
    artists: Sequence[str] = ()
    genres: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name, values in vars(self).items():
            if isinstance(values, str):
                raise UsageError(f"seeds: {name} = {values!r}: expected several, as [{values!r}]")
        if not (self.tracks or self.artists or self.genres):
            raise UsageError("seeds: nothing is named; give tracks, artists or genres")


def of_seeds(bundle: Bundle, seeds: Seeds) -> Brought:
    """Return the seeds in the bundle's terms, as one play each.

    Raises `InputError` naming the seed that is not in the catalogue, and what comes nearest.
    """
    names = Names.of(bundle)
    plays = {names.track(text): 1.0 for text in seeds.tracks}
    near: dict[int, float] = {}
    for text in seeds.artists:
        tracks = names.artist(text)
        if bundle.item_kind == "artist":
            plays[tracks[0]] = 1.0
        else:
            _share(near, tracks[:STAND_INS])
    for text in seeds.genres:
        _share(near, _tracks_of(bundle, names.genre(text)))
    return Brought(plays, near=near, seeds=True)


def _tracks_of(bundle: Bundle, genre: int) -> list[int]:
    """Return the tracks that stand for a genre, best first.

    By the genre's share of all that is said of a track, times the log of its listeners.
    """
    features = bundle.features
    weight_TG = features.genre_weight_TG
    said_T = np.where(features.genres_TG == genre, weight_TG, 0).sum(1)
    score_T = said_T / np.maximum(weight_TG.sum(1), 1e-9) * np.log1p(bundle.listeners_T)
    best = np.argsort(-score_T, kind="stable")[:GENRE_TRACKS]
    return [int(track) for track in best if said_T[track] > 0]


def _share(near: dict[int, float], tracks: list[int]) -> None:
    for track in tracks:
        near[track] = near.get(track, 0.0) + 1 / len(tracks)
