"""A map of artists: near each other are those whom the same people play.

Legend: A artists, D dimensions.
"""

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from encore.data.vocabulary import UNKNOWN
from encore.evaluation.groups import by_artist
from encore.models.bundle import Bundle
from encore.models.ranking import played, row_of
from encore.recommend.recommender import Recommender

ARTISTS = 1200  # the most played, who are on the map
FEWEST = 4  # a map of fewer says nothing
PERPLEXITY = 30  # neighbours that count, of t-SNE: its authors' range is 5 to 50
GENRES = 6

Places = npt.NDArray[np.float64]
Integers = npt.NDArray[np.signedinteger[Any]]


def artist_map(model: Recommender, seed: int = 0) -> dict[str, Any]:
    """Return where the most played artists lie, with their genre and how many play them.

    Places are by t-SNE (van der Maaten and Hinton, "Visualizing data using t-SNE", JMLR 9, 2008) of
    the vectors by which the list tells what is played together; an artist's is the mean over its
    tracks, each as often as it is played. {} where fewer than FEWEST artists are played.
    """
    bundle, vectors_TD = model.bundle, model.catalogue.together_TD
    artist_A, listeners_A, row_T = _artists(bundle)
    if len(artist_A) < FEWEST:
        return {}
    heard_T = bundle.listeners_T.astype(np.float64)
    sums_AD = np.zeros((len(artist_A), vectors_TD.shape[1]))
    there = np.flatnonzero(row_T >= 0)
    np.add.at(sums_AD, row_T[there], vectors_TD[there] * heard_T[there, None])
    places_A2 = places(sums_AD, seed)
    named_A = np.zeros(len(artist_A), np.int64)
    order = there[np.argsort(heard_T[there], kind="stable")]
    named_A[row_T[order]] = order  # an artist's most played track comes last
    genre_A = _genres(bundle, named_A)
    known = Counter(genre for genre in genre_A if genre is not None)
    return {
        "what": "artist",
        "artists": [
            {
                "name": model.shown.artist_name[int(named_A[a]) - 1],
                "x": float(places_A2[a, 0]),
                "y": float(places_A2[a, 1]),
                "genre": genre_A[a],
                "listeners": int(listeners_A[a]),
            }
            for a in range(len(artist_A))
        ],
        "genres": [genre for genre, _ in known.most_common(GENRES)],
    }


def _artists(bundle: Bundle) -> tuple[Integers, Integers, Integers]:
    """Return the artists with most listeners, how many these are, and each track's place there.

    Where the items are artists, or an artist is not known, a track stands for itself.
    """
    group_T = by_artist(bundle.features.artist_T)
    played_UT = played(bundle.history_UT)
    artists = int(group_T.max()) + 1
    pairs = np.unique(row_of(played_UT) * artists + group_T[played_UT.indices])
    listeners_G = np.bincount(pairs % artists, minlength=artists)
    most = np.argsort(-listeners_G, kind="stable")[:ARTISTS]
    most = most[listeners_G[most] > 0]
    row_G = np.full(artists, -1, np.int64)
    row_G[most] = np.arange(len(most))
    row_T = row_G[group_T]
    row_T[UNKNOWN] = -1
    return most, listeners_G[most], row_T


def places(vectors_AD: Places, seed: int = 0) -> Places:
    """Return where each vector lies in two dimensions; by direction, the length does not count."""
    # Slow to import, and a library's user who draws no map does without.
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(vectors_AD) - 1) / 3)
    length_A = np.linalg.norm(vectors_AD, axis=1, keepdims=True)
    unit_AD = np.divide(vectors_AD, length_A, out=np.zeros_like(vectors_AD), where=length_A > 0)
    apart = bool(np.ptp(unit_AD, axis=0).any())  # else there are no principal components
    init = "pca" if apart else "random"
    tsne = TSNE(perplexity=perplexity, init=init, random_state=seed, n_jobs=1)
    places_A2: Places = tsne.fit_transform(unit_AD.astype(np.float32)).astype(np.float64)
    return places_A2.round(3)


def _genres(bundle: Bundle, track_A: npt.NDArray[np.int64]) -> list[str | None]:
    """Return the genre that weighs most of each track; None where none is known."""
    features = bundle.features
    first_A = features.genres_TG[track_A, 0]
    return [
        None if genre in (UNKNOWN, features.padding) else features.genres.id(int(genre))
        for genre in first_A
    ]
