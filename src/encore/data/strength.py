"""Interaction strength: what a pair of listener and track counts, by how often it was played.

::

    played    1 where n > 0
    log1p     ln(1 + n)
    tfidf     ln(1 + n) ln(1 + U / U_t)
    bm25      n / (n + k1 (1 - b + b L_u / L)) ln(1 + (U - U_t + 1/2) / (U_t + 1/2))
    halved    0.5 ^ (age / half-life)

n plays of track t by listener u, U listeners of whom U_t play the track, L_u all plays of u and L
their mean. A listener is read as a document and a track as a word in it, so that what few play and
what is played often says most of a taste. Source of `tfidf`: Salton & Buckley, "Term-weighting
Approaches in Automatic Text Retrieval", Information Processing & Management 24(5), 1988, here with
1 + in both logarithms: a track that all play still counts. Source of `bm25`: Robertson & Zaragoza,
"The Probabilistic Relevance Framework: BM25 and Beyond", Foundations and Trends in Information
Retrieval 3(4), 2009, section 3.4, with 1 + in the logarithm, without which the rarity of a track
that more than half play would be negative.

Pure functions, a weight a row. Legend: N rows, T tracks with the unknown.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.integer]

# As for words of a text. A k1 of 100, as plays may run into hundreds, was a thirtieth better in
# EASE where they do, and a sixth or more worse in all three channels where they do not.
BM25_K1 = 1.2
BM25_B = 0.75


@dataclass(frozen=True)
class Corpus:
    """What the weights of a row need to know of all training rows.

    - `listeners`: U, those with a play. `listeners_T`: U_t of each track.
    - `mean_plays`: L, the plays of a listener on average; 1 where nobody plays.
    """

    listeners: int
    listeners_T: Integers
    mean_plays: float

    @classmethod
    def of(cls, user_N: Integers, track_N: Integers, plays_N: Floats, tracks: int) -> "Corpus":
        """Return the corpus of training rows, a row for each pair; skipped pairs do not count."""
        there = plays_N > 0
        listeners = len(np.unique(user_N[there]))
        mean = float(plays_N.sum(dtype=np.float64)) / max(listeners, 1)
        return cls(listeners, np.bincount(track_N[there], minlength=tracks), mean or 1.0)


def played(plays_N: Floats) -> Floats:
    """Return 1 where a pair was played, 0 where it was only skipped."""
    return (plays_N > 0).astype(np.float32)


def log1p(plays_N: Floats) -> Floats:
    """Return ln(1 + n).

    >>> log1p(np.array([0.0, 1.0])).round(3).tolist()
    [0.0, 0.693]
    """
    return np.log1p(plays_N)


def tfidf(track_N: Integers, plays_N: Floats, corpus: Corpus) -> Floats:
    """Return ln(1 + n) ln(1 + U / U_t); a track that no training row has counts as one of one.

    >>> tfidf(np.array([1]), np.array([1.0]), Corpus(4, np.array([0, 4]), 9.0)).round(3).tolist()
    [0.48]
    """
    heard_N = np.maximum(corpus.listeners_T[track_N], 1)
    return log1p(plays_N) * np.log1p(corpus.listeners / heard_N)


def bm25(
    user_N: Integers,
    track_N: Integers,
    plays_N: Floats,
    corpus: Corpus,
    *,
    k1: float = BM25_K1,
    b: float = BM25_B,
) -> Floats:
    """Return n / (n + k1 (1 - b + b L_u / L)) times the track's rarity.

    `k1` is the number of plays at which a pair of an average listener counts half of what it can;
    `b` in 0..1 is how far a long history makes each of its rows count less. All rows of a listener
    must be there: they make up L_u.

    >>> rows = np.array([0, 0]), np.array([1, 2]), np.array([3.0, 1.0])
    >>> bm25(*rows, Corpus(2, np.array([0, 1, 2]), 4.0), k1=1.0).round(3).tolist()
    [0.52, 0.091]
    """
    length_N = np.bincount(user_N, plays_N)[user_N] / corpus.mean_plays
    heard_N = corpus.listeners_T[track_N]
    rarity_N = np.log1p((corpus.listeners - heard_N + 0.5) / (heard_N + 0.5))
    return plays_N / (plays_N + k1 * (1 - b + b * length_N)) * rarity_N


def halved(age_days_N: Floats, half_life_days: float) -> Floats:
    """Return 0.5 ^ (age / half-life): what is left of a play after so many days.

    >>> halved(np.array([0.0, 30.0, 60.0]), 30.0).tolist()
    [1.0, 0.5, 0.25]
    """
    return 0.5 ** (age_days_N / half_life_days)


#: By the names that `TrainConfig.play_weights` knows.
STRENGTHS: dict[str, Callable[[Integers, Integers, Floats, Corpus], Floats]] = {
    "played": lambda _user, _track, plays, _corpus: played(plays),
    "log1p": lambda _user, _track, plays, _corpus: log1p(plays),
    "tfidf": lambda _user, track, plays, corpus: tfidf(track, plays, corpus),
    "bm25": bm25,
}
