"""Calibration: the genres of a list in the proportions of what its listener plays.

Shapes: K tracks, G genres (index 0: the unknown genre), W genres kept of a track.
"""

import numpy as np
import numpy.typing as npt

from encore.data.vocabulary import Indices
from encore.errors import InputError

Doubles = npt.NDArray[np.float64]

SMOOTHING = 0.01  # share of the listener's genres mixed into the list's: Steck's alpha


def genre_shares_of(
    genres_KW: Indices, padding: int, weights_K: npt.ArrayLike | None = None
) -> Doubles:
    """Return the share of each genre in a history or a list, shape (G,), adding up to 1.

    A track's weight (1, or say its plays) is divided evenly among its genres, which are distinct;
    the unknown counts as one of them. `padding` fills short rows, and is G. All 0 without tracks.

    >>> genre_shares_of(np.array([[1, 2], [2, 3]]), padding=3).tolist()
    [0.0, 0.25, 0.75]
    """
    each_KW = _even_shares(genres_KW, padding)
    if weights_K is not None:
        each_KW = each_KW * np.asarray(weights_K, np.float64)[:, None]
    mass_G = np.bincount(genres_KW.ravel(), each_KW.ravel(), padding + 1)[:padding]
    return mass_G / (mass_G.sum() or 1)


def genre_divergence(listener_G: Doubles, list_G: Doubles) -> float:
    """Return how far the list's genre shares are from the listener's, in nats; 0 where equal.

    The Kullback-Leibler divergence KL(p || q'), q' = (1 - a) q + a p with a = 0.01, of Steck,
    "Calibrated Recommendations", RecSys 2018: at most log(1 / a) = 4.6, reached where the list
    holds nothing of the listener's genres.

    >>> genre_divergence(np.array([0, 0.5, 0.5]), np.array([0, 0.5, 0.5]))
    0.0
    """
    own_G = listener_G > 0
    p, q = listener_G[own_G], list_G[own_G]
    return float((p * np.log(p / ((1 - SMOOTHING) * q + SMOOTHING * p))).sum())


class GenreDrift:
    """Increase of (tracks in the list) x (its genre divergence) by each candidate.

    The factor keeps the last slot as sensitive to the balance as the first: without it a track
    moves the shares, and so the divergence, by 1 / its slot. By convexity a candidate adds at most
    its own divergence. Raises `InputError` where the listener's shares are not one for each genre.
    """

    def __init__(self, genres_KW: Indices, padding: int, listener_G: Doubles) -> None:
        if listener_G.shape != (padding,):
            raise InputError(
                f"genre shares of shape {listener_G.shape}: expected one for each genre, {padding}"
            )
        each_KW = _even_shares(genres_KW, padding)
        # E: the genres of candidates that the listener has too; the others weigh nothing.
        self._candidate_E, slot_E = np.nonzero(each_KW * np.append(listener_G, 0)[genres_KW])
        self._genre_E = genres_KW[self._candidate_E, slot_E]
        self._each_E = each_KW[self._candidate_E, slot_E]
        self._p_E = listener_G[self._genre_E]
        self._listener_G = listener_G
        self._mass_G = np.zeros(padding)
        self._size = len(genres_KW)
        self._tracks = 0
        self._total = 0.0
        self._value_K = self._increase()

    def value(self) -> Doubles:
        """Return the increase by each candidate, shape (K,)."""
        return self._value_K

    def choose(self, k: int) -> None:
        """Add candidate k to the list."""
        of_k = self._candidate_E == k
        self._mass_G[self._genre_E[of_k]] += self._each_E[of_k]
        self._tracks += 1
        self._total += self._value_K[k]
        self._value_K = self._increase()

    def _increase(self) -> Doubles:
        # The divergence with one more track of foreign genres, less what each candidate's genres
        # mend of it: a sum over the few genres of a track instead of all.
        tracks = self._tracks + 1
        list_G = self._mass_G / tracks
        foreign = genre_divergence(self._listener_G, list_G)
        smoothed_E = (1 - SMOOTHING) * list_G[self._genre_E] + SMOOTHING * self._p_E
        mended_E = self._p_E * np.log1p((1 - SMOOTHING) * self._each_E / tracks / smoothed_E)
        mended_K = np.bincount(self._candidate_E, mended_E, self._size)
        return np.asarray(tracks * (foreign - mended_K) - self._total, np.float64)


def _even_shares(genres_KW: Indices, padding: int) -> Doubles:
    """Return 1 / (genres of the track) at each of its genres, 0 at the padding."""
    there_KW = genres_KW != padding
    shares_KW: Doubles = there_KW / np.maximum(there_KW.sum(1, keepdims=True), 1)
    return shares_KW
