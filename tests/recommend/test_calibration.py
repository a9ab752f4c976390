import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore.errors import InputError
from encore.recommend.calibration import GenreDrift, genre_divergence, genre_shares_of

GENRES = 6  # the unknown included; also the padding

seeds = st.integers(0, 2**32 - 1)


def tracks(rng: np.random.Generator, size: int) -> np.ndarray:
    """One to three distinct genres for each track, or the unknown one alone."""
    genres = np.full((size, 3), GENRES, np.int32)
    for row in genres:
        count = rng.integers(0, 4)
        row[:count] = rng.choice(np.arange(1, GENRES), count, replace=False)
        if not count:
            row[0] = 0
    return genres


def test_shares_weigh_tracks_and_divide_each_among_its_genres() -> None:
    genres = np.array([[1, 2, 6], [2, 6, 6], [0, 6, 6]], np.int32)
    assert genre_shares_of(genres, 6).tolist() == pytest.approx([1 / 3, 1 / 6, 1 / 2, 0, 0, 0])
    weighted = genre_shares_of(genres, 6, weights_K=[2, 1, 1])
    assert weighted.tolist() == pytest.approx([1 / 4, 1 / 4, 1 / 2, 0, 0, 0])
    assert genre_shares_of(genres[:0], 6).tolist() == [0] * 6


def test_divergence_is_0_where_equal_and_the_log_of_the_smoothing_where_disjoint() -> None:
    p, q = np.array([0, 0.3, 0.7, 0]), np.array([0.4, 0, 0, 0.6])
    assert genre_divergence(p, p) == pytest.approx(0, abs=1e-12)
    assert genre_divergence(p, q) == pytest.approx(math.log(100))
    assert 0 < genre_divergence(p, (p + q) / 2) < genre_divergence(p, q)


@given(seeds)
def test_drift_is_the_increase_of_tracks_times_divergence(seed: int) -> None:
    rng = np.random.default_rng(seed)
    genres = tracks(rng, 15)
    listener = genre_shares_of(tracks(rng, 5), GENRES)
    drift = GenreDrift(genres, GENRES, listener)
    chosen: list[int] = []
    total = 0.0
    for k in rng.permutation(15)[:6]:
        totals = []
        for candidate in range(15):
            shares = genre_shares_of(genres[[*chosen, candidate]], GENRES)
            totals.append((len(chosen) + 1) * genre_divergence(listener, shares))
        assert drift.value() == pytest.approx(np.array(totals) - total, abs=1e-9)
        assert (drift.value() <= math.log(100) + 1e-9).all()
        drift.choose(k)
        chosen.append(k)
        total = totals[k]


def test_shares_of_another_catalogue_are_refused() -> None:
    with pytest.raises(InputError, match=r"shape \(4,\): expected one for each genre, 6"):
        GenreDrift(np.zeros((1, 1), np.int32), 6, np.ones(4) / 4)
