"""Random worlds for the rules, and worlds where all tracks are alike."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import scipy.sparse as sp

from encore.data.dataset import Dataset
from encore.data.vocabulary import Vocabulary
from encore.models.inputs import unit_rows
from encore.recommend.calibration import genre_shares_of
from encore.recommend.rules import Catalogue, Names, Ranked, Rules, ScoreArray, Taste, rank

GENRES = 9  # of a random world, the unknown included; also the padding


@dataclasses.dataclass
class Request:
    """A catalogue, scores of its tracks, and a listener: what `rank` is asked."""

    catalogue: Catalogue
    scores: np.ndarray
    taste: Taste

    def ranked(self, n: int = 10, rules: Rules | None = None, **values: Any) -> Ranked:
        return _ranked(self.scores, n, rules or Rules(**values), self.catalogue, self.taste)

    @property
    def candidates(self) -> list[int]:
        return [track for track in np.flatnonzero(self.scores > -np.inf).tolist() if track]

    def similar(self, one: int, other: int) -> float:
        """Two parts content, one part co-listening; of what both tracks have."""
        found = []
        for rows, weight in ((self.catalogue.content_TC.toarray(), 2), (self._together, 1)):
            if rows[one].any() and rows[other].any():
                found.append((weight, float(rows[one].astype(float) @ rows[other].astype(float))))
        return sum(w * value for w, value in found) / max(sum(w for w, _ in found), 1)

    @property
    def _together(self) -> np.ndarray:
        return self.catalogue.together_TD


def _ranked(
    scores: npt.ArrayLike, n: int, rules: Rules, catalogue: Catalogue, taste: Taste | None = None
) -> Ranked:
    return rank(ScoreArray(scores, catalogue.ties), n, rules, catalogue, taste)


def names(tracks: int, genres: int, artists: np.ndarray) -> Names:
    """Tracks t1, t2 …, genres g1, g2 …, and artists whose id is a1 and name is "artist 1" …"""
    known = pl.Series("index", np.unique(artists[artists > 0]).astype(np.int32))
    rows = [
        known.to_frame().select(pl.format(form, "index").alias("name"), "index")
        for form in ("a{}", "artist {}")
    ]
    return Names(
        Vocabulary(pl.Series([f"t{t}" for t in range(1, tracks)])),
        Vocabulary(pl.Series([f"g{g}" for g in range(1, genres)])),
        pl.concat(rows),
    )


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float32)


def _drawn(seed: int, tracks: int = 80, candidates: int = 50) -> Request:
    """Artists (the unknown among them) keep to a genre and a region; scores prefer some of them."""
    rng = np.random.default_rng(seed)
    artist = rng.integers(0, 15, tracks).astype(np.int32)
    album = np.where(rng.random(tracks) < 0.3, 0, artist * 3 + rng.integers(1, 4, tracks))
    genres = np.full((tracks, 3), GENRES, np.int32)
    genres[:, 0] = artist % GENRES
    second = (genres[:, 0] > 1) & (rng.random(tracks) < 0.5)
    genres[second, 1] = genres[second, 0] - 1
    together = rng.normal(size=(15, 6))[artist] + 0.3 * rng.normal(size=(tracks, 6))
    together[rng.random(tracks) < 0.1] = 0
    content = (rng.random((tracks, 8)) < 0.3) * rng.random((tracks, 8))

    def partly(values: np.ndarray) -> np.ndarray:
        return np.where(rng.random(values.shape) < 0.2, np.nan, values).astype(np.float32)

    catalogue = Catalogue(
        artist_T=artist,
        album_T=album.astype(np.int32),
        explicit_T=rng.choice([-1, 0, 1], tracks).astype(np.int8),
        year_T=partly(rng.integers(1960, 2025, tracks)),
        duration_s_T=partly(rng.uniform(60, 600, tracks)),
        acoustics_TF=partly(rng.random((tracks, 9))),
        genres_TG=genres,
        padding=GENRES,
        listeners_T=rng.zipf(1.6, tracks).clip(max=10**6),
        content_TC=unit_rows(sp.csr_array(content)),
        together_TD=_unit(together),
        names=names(tracks, GENRES, artist),
    )
    scores = np.full(tracks, -np.inf)
    listed = rng.choice(np.arange(1, tracks), candidates, replace=False)
    scores[listed] = 3 * rng.normal(size=15)[artist[listed]] + rng.normal(size=candidates) + 100
    heard = rng.choice(np.arange(1, tracks), 12, replace=False).astype(np.int32)
    ages = partly(rng.uniform(0, 60, 12))
    return Request(catalogue, scores, Taste(heard, ages, genre_shares_of(genres[heard], GENRES)))


def _plain(tracks: int, **arrays: Any) -> Catalogue:
    """All tracks alike but for `arrays`, which are given without the row of the unknown."""
    rows: dict[str, Any] = {
        "artist_T": [0] * tracks,
        "album_T": [0] * tracks,
        "explicit_T": [0] * tracks,
        "year_T": [2000.0] * tracks,
        "duration_s_T": [200.0] * tracks,
        "acoustics_TF": [[0.5] * 9] * tracks,
        "genres_TG": [[1]] * tracks,
        "listeners_T": [0] * tracks,
        "content_TC": [[0.0]] * tracks,
        "together_TD": [[0.0]] * tracks,
    }
    rows |= arrays
    dtypes = {"explicit_T": "i1", "listeners_T": "i8"}
    dtypes |= dict.fromkeys(("artist_T", "album_T", "genres_TG"), "i4")
    made = {
        name: np.array([np.zeros_like(np.asarray(row)[0]), *row], dtypes.get(name, "f4"))
        for name, row in rows.items()
    }
    made["content_TC"] = sp.csr_array(made["content_TC"])
    return Catalogue(padding=3, names=names(tracks + 1, 3, made["artist_T"]), **made)


@pytest.fixture(scope="session")
def drawn() -> Callable[..., Request]:
    return _drawn


@pytest.fixture(scope="session")
def plain() -> Callable[..., Catalogue]:
    return _plain


@pytest.fixture(scope="session")
def ranked() -> Callable[..., Ranked]:
    """`rank` of an array of scores."""
    return _ranked


@pytest.fixture(scope="session")
def best_first(plain: Callable[..., Catalogue]) -> Callable[..., Request]:
    """Return a request over such a catalogue in which track 1 has the best score, then 2 …"""

    def made(tracks: int, heard: tuple[int, ...] = (), **arrays: Any) -> Request:
        catalogue = plain(tracks, **arrays)
        taste = Taste(np.array(heard, np.int32))
        return Request(catalogue, -np.arange(tracks + 1.0), taste)

    return made


@pytest.fixture(scope="session")
def known(small_world: Dataset) -> list[str]:
    return small_world.plays["user_id"].unique(maintain_order=True).to_list()


@pytest.fixture(scope="session")
def new(small_world: Dataset) -> list[str]:
    """Listeners with friends and without a play."""
    return small_world.listeners.join(small_world.plays, on="user_id", how="anti")[
        "user_id"
    ].to_list()
