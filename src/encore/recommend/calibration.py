"""Calibration: the genres of a list in the proportions of what its listener plays.

Shapes: K tracks, G genres (index 0: the unknown genre), W genres kept of a track.
"""

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

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
        # P: the listener's genres; a track's others weigh nothing. What a genre of a track mends
        # hangs on how many genres share the track: a table (P, W), summed by the sparse matrix.
        own_P = np.flatnonzero(listener_G)
        place_G = np.zeros(padding + 1, np.int64)
        place_G[own_P] = np.arange(1, len(own_P) + 1)
        place_KW = place_G[genres_KW]
        size, width = genres_KW.shape
        count_K = (genres_KW != padding).sum(1)
        column_KW = (place_KW - 1) * width + count_K[:, None] - 1
        there_KW = place_KW > 0
        ends = np.concatenate([[0], np.cumsum(there_KW.sum(1))])
        columns = column_KW[there_KW]
        self._mends = sp.csr_array(
            (np.ones(len(columns)), columns, ends), shape=(size, len(own_P) * width)
        )
        self._width = width
        self._each_W = 1 / np.arange(1, width + 1)
        self._p_P = listener_G[own_P]
        self._mass_P = np.zeros(len(own_P))
        self._tracks = 0
        self._total = 0.0
        self._value_K = self._increase()

    def value(self) -> Doubles:
        """Return the increase by each candidate, shape (K,)."""
        return self._value_K

    def choose(self, k: int) -> None:
        """Add candidate k to the list."""
        own = slice(self._mends.indptr[k], self._mends.indptr[k + 1])
        place, count = np.divmod(self._mends.indices[own], self._width)
        self._mass_P[place] += self._each_W[count]
        self._tracks += 1
        self._total += self._value_K[k]
        self._value_K = self._increase()

    def _increase(self) -> Doubles:
        # The divergence with one more track of foreign genres, less what each candidate's genres
        # mend of it: a sum over the few genres of a track instead of all.
        tracks = self._tracks + 1
        smoothed_P = (1 - SMOOTHING) * self._mass_P / tracks + SMOOTHING * self._p_P
        foreign = self._p_P @ np.log(self._p_P / smoothed_P)
        more_PW = (1 - SMOOTHING) / tracks * self._each_W / smoothed_P[:, None]
        mended_K = self._mends @ (self._p_P[:, None] * np.log1p(more_PW)).ravel()
        return np.asarray(tracks * (foreign - mended_K) - self._total, np.float64)


def _even_shares(genres_KW: Indices, padding: int) -> Doubles:
    """Return 1 / (genres of the track) at each of its genres, 0 at the padding."""
    there_KW = genres_KW != padding
    shares_KW: Doubles = there_KW / np.maximum(there_KW.sum(1, keepdims=True), 1)
    return shares_KW
