"""What is recommended overall beside what is played overall.

Legend: B listeners, K slots, T tracks with the unknown in row 0.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from encore import metrics
from encore.data.features import Features
from encore.data.vocabulary import UNKNOWN
from encore.evaluation.names import ENCORE
from encore.models.ranking import Integers
from encore.recommend.recommender import Recommender

Counts = npt.NDArray[np.float64]

MOST, GENRES = 10, 15  # that are named
LENGTHS = (1, 2, 5, 10, 20)  # of lists, by which the catalogue is covered


def exposure(model: Recommender, lists: Mapping[str, Integers]) -> dict[str, Any]:
    """Return which tracks and genres stand in the lists (B, K) of what ships, and how they spread.

    A share of listening is of training pairs; `concentration` and `deciles` are told of each model.
    """
    bundle, features = model.bundle, model.bundle.features
    heard_T = bundle.listeners_T.astype(np.float64)
    listed = {name: slots_by_track(top_BK, len(heard_T)) for name, top_BK in lists.items()}
    ours_T, listeners = listed[ENCORE], len(lists[ENCORE])
    trained = max(int(features.heard_U.sum()), 1)
    shares = np.vstack([ours_T / max(listeners, 1), heard_T / trained])

    def named(order_T: Counts) -> list[dict[str, Any]]:
        most = np.argsort(-order_T[1:], kind="stable")[:MOST] + 1
        return [
            {
                **model.shown.of_track(int(track)),
                "listed": float(shares[0, track]),
                "played": float(shares[1, track]),
            }
            for track in most
            if order_T[track] > 0
        ]

    steps = steps_to(len(heard_T) - 1)
    return {
        "n": int(lists[ENCORE].shape[1]),
        "listeners": listeners,
        "most_listed": named(ours_T),
        "most_played": named(heard_T),
        "genres": genres(features, ours_T, heard_T),
        "concentration": {
            "tracks": steps,
            "played": concentration(heard_T, steps),
            "models": {name: concentration(slots_T, steps) for name, slots_T in listed.items()},
        },
        "deciles": {
            "played": _deciles(lists[ENCORE], bundle.listeners_T)[1],
            "models": {
                name: _deciles(top_BK, bundle.listeners_T)[0] for name, top_BK in lists.items()
            },
        },
    }


def coverage(lists: Mapping[str, Integers], catalogue: int) -> dict[str, Any]:
    """Return the share of the catalogue that stands in any list, by the lists' length."""
    deepest = min(top_BK.shape[1] for top_BK in lists.values())
    lengths = [k for k in LENGTHS if k <= deepest]
    return {
        "catalogue": catalogue,
        "k": lengths,
        "models": {
            name: [metrics.coverage(top_BK[:, :k], catalogue) for k in lengths]
            for name, top_BK in lists.items()
        },
    }


def genres(features: Features, listed_T: Counts, heard_T: Counts) -> list[dict[str, Any]]:
    """Return each genre's share of slots and of training pairs, the most played first.

    A track counts for all its genres alike; tracks without any are left out.
    """
    genres_TG = features.main_genres_TG
    known_TG = (genres_TG != UNKNOWN) & (genres_TG != features.padding)
    track, slot = np.nonzero(known_TG)
    each_N = 1 / known_TG.sum(1)[track]
    index_N = genres_TG[track, slot]
    listed_G, heard_G = (
        np.bincount(index_N, each_N * count_T[track], features.padding)
        for count_T in (listed_T, heard_T)
    )
    if not listed_G.sum() or not heard_G.sum():
        return []
    most = [int(genre) for genre in np.argsort(-heard_G, kind="stable")[:GENRES] if heard_G[genre]]
    return [
        {
            "genre": features.genres.id(genre),
            "listed": float(listed_G[genre] / listed_G.sum()),
            "played": float(heard_G[genre] / heard_G.sum()),
        }
        for genre in most
    ]


def concentration(count_T: Counts, steps: list[int]) -> list[float]:
    """Return the share of all that the most frequent 1, 2, 5 ... tracks take.

    >>> concentration(np.array([0.0, 3.0, 1.0]), [1, 2])
    [0.75, 1.0]
    """
    sums = np.cumsum(np.sort(count_T[1:])[::-1])
    total = sums[-1] if len(sums) and sums[-1] else np.nan
    return [float(sums[min(step, len(sums)) - 1] / total) for step in steps]


def steps_to(count: int) -> list[int]:
    """Return 1, 2, 5, 10, 20 ... below a count, and the count.

    >>> steps_to(30)
    [1, 2, 5, 10, 20, 30]
    """
    steps = [m * 10**power for power in range(10) for m in (1, 2, 5)]
    return [*[step for step in steps if step < count], count]


def slots_by_track(top_BK: Integers, rows: int) -> Counts:
    """Return how many lists each track stands in; empty slots count for none."""
    count_T = np.bincount(np.maximum(top_BK, UNKNOWN).ravel(), minlength=rows).astype(np.float64)
    count_T[UNKNOWN] = 0
    return count_T


def _deciles(top_BK: Integers, heard_T: npt.NDArray[np.integer]) -> tuple[list[float], list[float]]:
    bias = metrics.bias_by_popularity_decile(top_BK, heard_T)
    return bias.listed_10.tolist(), bias.heard_10.tolist()
