"""What the rules read: of each track, of names, and of the listener who asks.

Shapes: T tracks and G genres of the catalogue (row 0: the unknown), W genres kept of a track, F
acoustic features, C kinds of content, D dimensions of co-listening, H tracks that were heard.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from encore.data.identity import normalise_artist, tokenise_genre
from encore.data.vocabulary import UNKNOWN, Indices, Vocabulary
from encore.errors import InputError
from encore.models.ranking import TieOrder
from encore.recommend.diversity import Doubles

CLEAN, EXPLICIT, EXPLICIT_UNKNOWN = 0, 1, -1

REMEMBERED = 32  # answers of the catalogue to rules, each a byte a track

Made = TypeVar("Made")
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


class Found(NamedTuple):
    """Indices of the names that the catalogue has, and the names that it lacks."""

    indices: Indices
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Names:
    """Ids and names as rules give them, to indices.

    `artists` has a row for each id and name of an artist: `name` (an id, or a name as
    `normalise_artist` leaves it) and `index`.
    """

    tracks: Vocabulary
    genres: Vocabulary
    artists: pl.DataFrame

    def of_tracks(self, ids: tuple[str, ...]) -> Found:
        """Return the tracks of these ids."""
        return _found(ids, [[self.tracks.index(key)] for key in ids])

    def of_genres(self, names: tuple[str, ...]) -> Found:
        """Return the genres of these names, however they are spelled."""
        tokens = [self._genre_of_token.get(_token(name), UNKNOWN) for name in names]
        return _found(names, [[token] for token in tokens])

    def of_artists(self, names: tuple[str, ...]) -> Found:
        """Return the artists of these ids or names; a name may be that of several."""
        of_name = self._artists_of_name
        return _found(names, [of_name.get(n, []) + of_name.get(_normalised(n), []) for n in names])

    @cached_property
    def _artists_of_name(self) -> dict[str, list[int]]:
        groups = self.artists.group_by("name").agg("index")
        return dict(groups.iter_rows())

    @cached_property
    def _genre_of_token(self) -> dict[str, int]:
        tokens = self.genres.ids.to_frame("genre").select(tokenise_genre(pl.col("genre")))
        return {token: index for index, token in enumerate(tokens["genre"], start=1)}


@lru_cache(maxsize=4096)  # a fifth of a millisecond each
def _token(genre: str) -> str:
    return tokenise_genre(genre)


@lru_cache(maxsize=4096)
def _normalised(artist: str) -> str:
    return normalise_artist(artist)


def _found(names: tuple[str, ...], groups: list[list[int]]) -> Found:
    known = [[index for index in group if index != UNKNOWN] for group in groups]
    missing = tuple(name for name, group in zip(names, known, strict=True) if not group)
    return Found(np.array(sorted({i for group in known for i in group}), np.int32), missing)


@dataclass(frozen=True)
class Catalogue:
    """What the rules read of each track. Row 0 is the unknown track, which no list holds.

    - `artist_T`, `album_T`: index of the artist and of the artist's album, 0 = unknown.
    - `explicit_T`: 1 explicit, 0 clean, -1 unknown.
    - `year_T`, `duration_s_T`, `acoustics_TF` (columns as in `schema.ACOUSTIC`): NaN = unknown.
    - `genres_TG`: distinct genre indices, 0 = unknown, short rows filled with `padding` (which is
      also the number of genres, the unknown included).
    - `listeners_T`: how many listeners of the training rows played the track.
    - `content_TC`, `together_TD`: what a track is, and with what it is played: rows of length 1,
      whose inner product is the similarity of two tracks; a zero row where nothing is known.

    Raises `InputError` where the arrays are not of one length.
    """

    artist_T: Indices
    album_T: Indices
    explicit_T: npt.NDArray[np.int8]
    year_T: Floats
    duration_s_T: Floats
    acoustics_TF: Floats
    genres_TG: Indices
    padding: int
    listeners_T: npt.NDArray[np.integer]
    content_TC: sp.csr_array
    together_TD: Floats
    names: Names

    def __post_init__(self) -> None:
        lengths = {
            name: array.shape[0]
            for name, array in vars(self).items()
            if name not in ("padding", "names")
        }
        if len(set(lengths.values())) > 1:
            raise InputError(f"catalogue: expected arrays of one length, found {lengths}")

    def __len__(self) -> int:
        return len(self.artist_T)

    @cached_property
    def artists(self) -> int:
        """How many artists there are, the unknown included."""
        return int(self.artist_T.max(initial=UNKNOWN)) + 1

    @cached_property
    def popularity_T(self) -> Floats:
        """log1p of the listeners of each track."""
        popularity_T: Floats = np.log1p(self.listeners_T).astype(np.float32)
        return popularity_T

    @cached_property
    def acoustic_deviation_F(self) -> Doubles:
        """The standard deviation of each acoustic feature over the tracks; NaN where it is 0."""
        known_TF = np.ma.masked_invalid(self.acoustics_TF)
        deviation_F = np.ma.filled(known_TF.std(0, dtype=np.float64), np.nan)
        return np.where(deviation_F > 0, deviation_F, np.nan)

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what `make` gives, or gave for this key: the latest `REMEMBERED` are kept."""
        made = self._made.pop(key, None)
        if made is None:
            made = make()
        self._made[key] = made
        while len(self._made) > REMEMBERED:
            self._made.pop(next(iter(self._made)), None)
        return cast("Made", made)

    @cached_property
    def _made(self) -> dict[Hashable, object]:
        return {}

    @cached_property
    def ties(self) -> TieOrder:
        """The order among equal scores: the more popular first, then by index."""
        return TieOrder.of(self.listeners_T)


def _no_tracks() -> Indices:
    return np.zeros(0, np.int32)


@dataclass(frozen=True)
class Taste:
    """What the rules read of the listener who asks.

    - `heard_H`: distinct tracks that the listener has played or skipped.
    - `age_days_H`: days from the last play of each to the last play of all; NaN where unknown.
    - `genre_shares`: shares (G,) of the genres in the listener's history
      (`calibration.genre_shares_of`); None, or no known genre in it: there is nothing to balance.
    """

    heard_H: Indices = field(default_factory=_no_tracks)
    age_days_H: Floats | None = None
    genre_shares: Doubles | None = None

    def heard_lately(self, days: int) -> Indices:
        """Return the tracks that were heard less than `days` ago, or at an unknown time."""
        if self.age_days_H is None:
            return self.heard_H
        return self.heard_H[~(self.age_days_H >= days)]


class Pool(NamedTuple):
    """The candidates (K,) of a list of n, best first, for whom, and of what.

    `kind_K` says how far each is from what the listener knows (`filters.distance`).
    """

    tracks_K: npt.NDArray[np.int64]
    kind_K: npt.NDArray[np.int8]
    n: int
    catalogue: Catalogue
    taste: Taste
