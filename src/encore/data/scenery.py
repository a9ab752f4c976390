"""What the synthetic world is furnished with: genres and their sound, names of artists and tracks.

Nothing here knows about listening; `encore.data.world` decides who plays what.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from encore import schema

Ints = npt.NDArray[np.int64]

WITHOUT_ACOUSTICS = 0.1  # share of tracks
UNKNOWN_EXPLICIT = 0.15  # share of tracks

#: Typical acoustics of each genre, in the order of `schema.ACOUSTIC`, then the share of explicit
#: tracks. Neighbours on this list, which is a ring, share listeners and tracks in real life.
GENRES: dict[str, tuple[float, ...]] = {
    "rock": (0.50, 0.75, -6.0, 0.05, 0.10, 0.08, 0.22, 0.52, 128, 0.10),
    "metal": (0.40, 0.90, -5.0, 0.09, 0.02, 0.20, 0.24, 0.32, 138, 0.25),
    "electronic": (0.68, 0.75, -7.5, 0.07, 0.08, 0.52, 0.18, 0.42, 126, 0.06),
    "ambient": (0.30, 0.20, -20.0, 0.04, 0.78, 0.85, 0.11, 0.14, 92, 0.00),
    "classical": (0.28, 0.16, -22.0, 0.04, 0.92, 0.82, 0.13, 0.22, 100, 0.00),
    "jazz": (0.53, 0.35, -14.0, 0.05, 0.68, 0.42, 0.18, 0.50, 112, 0.01),
    "soul": (0.63, 0.50, -9.0, 0.05, 0.42, 0.03, 0.16, 0.60, 106, 0.08),
    "reggae": (0.74, 0.55, -8.0, 0.11, 0.20, 0.06, 0.16, 0.72, 122, 0.08),
    "hip hop": (0.74, 0.65, -7.0, 0.24, 0.16, 0.02, 0.20, 0.52, 108, 0.55),
    "pop": (0.66, 0.66, -6.0, 0.06, 0.22, 0.01, 0.17, 0.56, 118, 0.15),
    "folk": (0.50, 0.35, -12.0, 0.04, 0.75, 0.08, 0.14, 0.42, 114, 0.03),
    "blues": (0.52, 0.50, -10.0, 0.05, 0.48, 0.12, 0.24, 0.55, 116, 0.02),
}

#: How a region differs from its genre, in the order of `schema.ACOUSTIC`.
REGIONS: dict[str, tuple[float, ...]] = {
    "calm": (-0.05, -0.20, -4.0, -0.01, 0.20, 0.05, -0.03, -0.10, -16),
    "warm": (0.02, -0.06, -1.0, 0.00, 0.10, 0.00, 0.00, 0.08, -6),
    "bright": (0.06, 0.08, 1.0, 0.00, -0.08, -0.02, 0.00, 0.22, 6),
    "driving": (0.02, 0.18, 2.0, 0.01, -0.12, 0.00, 0.02, 0.02, 18),
    "dark": (-0.04, 0.04, -1.0, 0.01, -0.02, 0.12, 0.00, -0.22, 0),
    "live": (-0.05, 0.08, 0.0, 0.03, 0.05, 0.00, 0.45, 0.04, 4),
}
ACOUSTIC_NOISE = (0.07, 0.09, 2.0, 0.02, 0.10, 0.10, 0.06, 0.10, 10.0)
ACOUSTIC_RANGE = {"loudness": (-60.0, 0.0), "tempo": (60.0, 200.0)}  # all others lie in 0..1

ADJECTIVES, NOUNS, PLACES = (
    words.split()
    for words in (
        """
        Copper Slow Paper Silver Quiet Northern Golden Hollow Velvet Distant Amber Wild Crooked Pale
        Electric Gentle Broken Early Salted Winter Crimson Idle Lunar Marble Foreign Tidal Wooden
        Second Blue Restless Open Burning Lesser Honest Glass Drifting Midnight Painted Rusted
        Tender
        """,
        """
        Lantern River Harbour Garden Engine Sparrow Letter Mirror Orchard Signal Window Feather
        Compass Meadow Station Shadow Island Ribbon Thunder Candle Bridge Pilot Anchor Sailor Cinema
        Falcon Avenue Satellite Cathedral Tiger Postcard Kingdom Planet Comet Balcony Ocean Ladder
        Arrow Summer Machine
        """,
        """
        Oslo Trieste Bergen Porto Galway Lucca Utrecht Cadiz Ghent Lyon Riga Naples Tampere Dover
        Zadar Bristol Aarhus Leith Girona Turin
        """,
    )
)


def genre_names(count: int) -> list[str]:
    """Return `count` genres; past the named ones they are numbered.

    >>> genre_names(14)[-2:]
    ['rock 2', 'metal 2']
    """
    words = list(GENRES)
    numbered = (divmod(i, len(words)) for i in range(len(words), count))
    return [*words[:count], *(f"{words[word]} {again + 1}" for again, word in numbered)]


def furnish(
    rng: np.random.Generator, artist_T: Ints, genre_T: Ints, region_T: Ints, genres: list[str]
) -> pl.DataFrame:
    """Return the `tracks` table: names, genres and sound for tracks of given artist and taste.

    Genres and regions are numbered as in `genres` and `REGIONS`. Some tracks have no acoustics, and
    of some it is unknown whether they are explicit.
    """
    tracks, artists = len(genre_T), int(artist_T.max()) + 1
    kind = np.array(list(GENRES.values()))[genre_T % len(GENRES)]
    centre = kind[:, :-1] + np.array(list(REGIONS.values()))[region_T]
    noise = rng.standard_normal((tracks, len(schema.ACOUSTIC))) * ACOUSTIC_NOISE
    low, high = np.array([ACOUSTIC_RANGE.get(name, (0.0, 1.0)) for name in schema.ACOUSTIC]).T
    acoustic = np.clip(centre + noise, low, high)
    measured = {
        **dict(zip(schema.ACOUSTIC, acoustic.T, strict=True)),
        "mode": rng.random(tracks) < 0.62,
        "key": rng.integers(12, size=tracks),
        "time_signature": np.where(rng.random(tracks) < 0.9, 4, 3),
    }
    debut_T = rng.integers(1962, 2018, artists)[artist_T]
    title_T = rng.integers(len(ADJECTIVES) * len(NOUNS), size=tracks)
    album_T = rng.integers(3, size=tracks)  # of its artist's three
    frame = pl.DataFrame(
        {
            "track_id": ids("t", tracks),
            "title": names(title_T),
            "artist_id": ids("a", artists)[artist_T],
            "artist": names(rng.permutation(artists), plural=True)[artist_T],
            "album": take(PLACES, (artist_T * 3 + album_T) % len(PLACES))
            + take([" by Night", " Tapes", " Sessions"], album_T),
            "year": np.minimum(debut_T + 3 * album_T, 2023),
            "duration_ms": (215_000 * np.exp(0.25 * rng.standard_normal(tracks))).astype(np.int64),
            "genre": take(genres, genre_T),
            "next": take(genres, (genre_T + 1) % len(genres)),
            "previous": take(genres, genre_T - 1),
            "explicit": rng.random(tracks) < kind[:, -1],
            **measured,
        }
    )
    hidden = {
        "next": rng.random(tracks) < 0.7,
        "previous": rng.random(tracks) < 0.85,
        "explicit": rng.random(tracks) < UNKNOWN_EXPLICIT,
        **dict.fromkeys(measured, rng.random(tracks) < WITHOUT_ACOUSTICS),
    }
    frame = frame.with_columns(
        pl.when(~pl.Series(mask)).then(name).alias(name) for name, mask in hidden.items()
    )
    genre_list = pl.concat_list("genre", "next", "previous").list.drop_nulls()
    return schema.conform(
        frame.with_columns(genres=genre_list.list.unique(maintain_order=True)), "tracks"
    )


def names(codes: Ints, *, plural: bool = False) -> pl.Series:
    """Return a name for each code, "Slow Harbour" or, `plural`, the like of "Copper Lanterns".

    Plurals are distinct up to 1,600 codes, and with a place ("Copper Lanterns of Oslo") to 33,600.

    >>> names(np.array([0, 1, 40])).to_list()
    ['Copper Lantern', 'Slow River', 'Slow Lantern']
    >>> names(np.array([0, 1600]), plural=True).to_list()
    ['Copper Lanterns', 'Copper Lanterns of Oslo']
    """
    rest, noun = np.divmod(codes, len(NOUNS))
    place, adjective = np.divmod(rest, len(ADJECTIVES))
    # shifted by the noun, so that names next to each other share no word
    adjective = (adjective + noun) % len(ADJECTIVES)
    found = take(ADJECTIVES, adjective) + " " + take(NOUNS, noun)
    if plural:
        endings = ["s", *(f"s of {place}" for place in PLACES)]
        found += take(endings, place % len(endings))
    return found


def ids(letter: str, count: int) -> pl.Series:
    """Return `count` ids in order.

    >>> ids("t", 3).to_list()
    ['t00000', 't00001', 't00002']
    """
    return letter + pl.Series(np.arange(count)).cast(pl.String).str.zfill(5)


def take(words: Sequence[str], places: Ints) -> pl.Series:
    """Return the word at each place; a negative place counts from the end."""
    return pl.Series(words, dtype=pl.String)[places]
