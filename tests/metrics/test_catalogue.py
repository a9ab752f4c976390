"""Lists whose variety, novelty and bias are known, and loops that say the same more slowly."""

import math
from collections import Counter
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.spatial.distance import jensenshannon
from sklearn.metrics.pairwise import cosine_similarity

from encore.errors import InputError
from encore.metrics import (
    artist_concentration,
    bias_by_popularity_decile,
    calibration,
    catalogue,
    coverage,
    gini,
    intra_list_diversity,
    novelty,
    popularity_lift,
    precision_at_k,
    serendipity,
)
from encore.metrics.arrays import Ints

T = 12


@st.composite
def lists(draw: st.DrawFn) -> Ints:
    """Lists of distinct tracks 1..12, some slots empty (0 or -1), anywhere."""
    listeners, slots = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    orders = st.permutations(list(range(1, T + 1)))
    tracks = np.array([draw(orders)[:slots] for _ in range(listeners)])
    flat = draw(
        st.lists(st.sampled_from([1, 1, 1, 0, -1]), min_size=tracks.size, max_size=tracks.size)
    )
    keep = np.array(flat).reshape(tracks.shape)
    return np.where(keep > 0, tracks, keep)


def filled(row: Ints) -> list[int]:
    return [int(track) for track in row if track > 0]


@given(lists())
def test_coverage_and_gini_stay_in_range_and_ignore_order(tracks: Ints) -> None:
    share = coverage(tracks, T)
    assert share == len({t for row in tracks for t in filled(row)}) / T
    unequal = gini(tracks, T)
    if share == 0:
        assert math.isnan(unequal)
    else:
        assert 0 <= unequal <= 1
        assert gini(tracks[::-1, ::-1], T) == unequal


def test_gini_of_even_and_of_single_lists() -> None:
    assert gini(np.arange(1, 11)[None], 10) == 0.0
    assert gini(np.full((5, 1), 3), 10) == 1.0
    assert math.isnan(gini(np.array([[1]]), 1))
    assert math.isnan(coverage(np.zeros((1, 1), int), 0))


def test_gini_is_half_the_relative_mean_difference() -> None:
    tracks = np.random.default_rng(1).integers(1, 9, (20, 4))
    counts = np.bincount(tracks.ravel(), minlength=11)[1:].astype(float)
    pairs = np.abs(counts[:, None] - counts[None]).sum() / (10 * 9)
    assert gini(tracks, 10) == pytest.approx(pairs / (2 * counts.mean()))


@given(lists())
def test_novelty_is_the_mean_self_information(tracks: Ints) -> None:
    heard = np.array([99, 16, 8, 4, 2, 1, 0, 16, 8, 4, 2, 1, 0])
    values = novelty(tracks, heard, listeners=16)
    for row, value in zip(tracks, values, strict=True):
        bits = [-math.log2(max(heard[t], 1) / 16) for t in filled(row)]
        want = sum(bits) / len(bits) if bits else math.nan
        assert value == pytest.approx(want, nan_ok=True)
        assert not value < 0
        assert not value > 4


def test_novelty_refuses_more_listeners_of_a_track_than_there_are() -> None:
    with pytest.raises(InputError, match="3 training listeners, 4 of one track"):
        novelty(np.array([[1]]), np.array([0, 4]), listeners=3)
    with pytest.raises(InputError, match="number of training listeners"):
        novelty(np.array([[1]]), np.array([0, -4]), listeners=3)


def test_popularity_lift_by_hand() -> None:
    heard = np.array([0, 40, 20, 10, 10])
    tracks = np.array([[1, 2], [3, 0], [3, 4], [0, 0], [1, 2]])
    user, track = np.array([0, 0, 1, 3, 4]), np.array([3, 4, 1, 1, 0])
    got = popularity_lift(tracks, heard, user, track)
    np.testing.assert_allclose(got, [2.0, -0.75, np.nan, np.nan, np.nan])
    with pytest.raises(InputError, match="user: from 0 to 4; expected 0 to 2"):
        popularity_lift(tracks[:3], heard, user, track)


def test_recommending_the_history_lifts_nothing() -> None:
    heard = np.array([0, 40, 20, 10, 10])
    tracks = np.array([[1, 4]])
    assert popularity_lift(tracks, heard, np.array([0, 0]), np.array([1, 4])).tolist() == [0.0]


def test_bias_sees_a_popular_list_and_none_in_a_list_that_follows_listening() -> None:
    heard = np.concatenate([[0], np.repeat(np.arange(1, 11), 2)])
    popular = bias_by_popularity_decile(np.array([[20, 19]]), heard)
    assert popular.listed_10.tolist() == [0.0] * 9 + [1.0]
    np.testing.assert_allclose(popular.heard_10, np.arange(1, 11) / 55)
    assert popular.bias_10[-1] == pytest.approx(1 - 10 / 55)

    followed = np.repeat(np.arange(21), heard)[:, None]
    np.testing.assert_allclose(bias_by_popularity_decile(followed, heard).bias_10, 0, atol=1e-12)


@given(lists())
def test_biases_sum_to_nothing_and_deciles_hold_equally_many(tracks: Ints) -> None:
    bias = bias_by_popularity_decile(tracks, np.arange(T + 1))
    if not any(filled(row) for row in tracks):
        assert np.isnan(bias.bias_10).all()
        return
    assert bias.bias_10.sum() == pytest.approx(0, abs=1e-12)
    assert bias.listed_10.sum() == pytest.approx(1)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("block", [1, catalogue.BLOCK])
def test_diversity_equals_the_mean_over_pairs(
    monkeypatch: pytest.MonkeyPatch, form: type, block: int
) -> None:
    monkeypatch.setattr(catalogue, "BLOCK", block)
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(T + 1, 5)) * (rng.random((T + 1, 5)) < 0.6)
    vectors[[0, 3]] = 0
    tracks = np.array([rng.permutation(T)[:6] for _ in range(9)] + [[3, 1, 0, 0, -1, 0]])
    got = intra_list_diversity(tracks, form(vectors))
    known = np.linalg.norm(vectors, axis=1) > 0
    for row, value in zip(tracks, got, strict=True):
        listed = [t for t in filled(row) if known[t]]
        pairs = 1 - cosine_similarity(vectors[listed])[np.triu_indices(len(listed), 1)]
        want = pairs.mean() if len(pairs) else math.nan
        assert value == pytest.approx(want, abs=1e-9, nan_ok=True)


def test_diversity_of_the_same_of_orthogonal_and_of_opposite_tracks() -> None:
    vectors = np.array([[0, 0], [3, 0], [1, 0], [0, 2], [-1, 0]], np.float32)
    tracks = np.array([[1, 2], [1, 3], [1, 4]])
    np.testing.assert_allclose(intra_list_diversity(tracks, vectors), [0, 1, 2], atol=1e-7)
    assert np.isnan(intra_list_diversity(np.zeros((2, 3), int), vectors)).all()
    assert intra_list_diversity(np.zeros((0, 3), int), vectors).shape == (0,)


@given(lists(), st.randoms(use_true_random=False))
def test_serendipity_counts_hits_that_popularity_would_not_list(
    tracks: Ints, random: Random
) -> None:
    rng = np.random.default_rng(random.getrandbits(32))
    hits = (tracks > 0) & (rng.random(tracks.shape) < 0.5)
    relevant = hits.sum(axis=1) + rng.integers(0, 2, len(tracks))
    expected = rng.integers(-1, T + 1, (len(tracks), 4))
    got = serendipity(hits, relevant, tracks, expected)
    for u, row in enumerate(tracks):
        found = {int(t) for t, hit in zip(row, hits[u], strict=True) if hit}
        want = len(found - set(expected[u].tolist())) / tracks.shape[1]
        assert got[u] == (
            pytest.approx(want) if relevant[u] else pytest.approx(math.nan, nan_ok=True)
        )
    limit = precision_at_k(hits, relevant, tracks.shape[1])
    assert (got <= limit)[relevant > 0].all()


def test_the_expected_list_itself_is_not_serendipitous() -> None:
    tracks, hits = np.array([[1, 2], [3, 4]]), np.ones((2, 2), bool)
    relevant = np.array([2, 2])
    assert serendipity(hits, relevant, tracks, tracks).tolist() == [0.0, 0.0]
    assert serendipity(hits, relevant, tracks, tracks[::-1]).tolist() == [1.0, 1.0]
    with pytest.raises(InputError, match="the same listeners"):
        serendipity(hits, relevant, tracks, tracks[:1])


@pytest.mark.parametrize("block", [1, catalogue.BLOCK])
def test_calibration_is_the_squared_jensen_shannon_distance(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(catalogue, "BLOCK", block)
    rng = np.random.default_rng(3)
    genres = 5
    padded = rng.integers(0, genres + 2, (T + 1, 3))
    # A track names a genre once; 0 and genres + 1 are padding.
    genres_TG = np.array(
        [[g if g not in row[:i] else 0 for i, g in enumerate(row)] for row in padded]
    )
    tracks = np.array([rng.permutation(T + 1)[:4] for _ in range(6)])
    user, track = rng.integers(0, 5, 40), rng.integers(0, T + 1, 40)
    weight = rng.integers(0, 9, 40).astype(float)
    got = calibration(tracks, genres_TG, genres, user, track, weight)

    def shares(pairs: list[tuple[int, float]]) -> list[float]:
        total = Counter[int]()
        for t, w in pairs:
            known = [g for g in genres_TG[t] if 1 <= g <= genres] if t > 0 else []
            for g in known:
                total[g] += w / len(known)
        return [total[g] for g in range(1, genres + 1)]

    for u in range(6):
        history = shares(list(zip(track[user == u], weight[user == u], strict=True)))
        listed = shares([(t, 1.0) for t in filled(tracks[u])])
        if not any(history) or not any(listed):
            assert math.isnan(got[u])
        else:
            assert got[u] == pytest.approx(jensenshannon(history, listed, base=2) ** 2, abs=1e-9)
    assert np.isnan(got[5])


def test_calibration_is_0_for_the_same_shares_and_1_for_none_in_common() -> None:
    genres_TG = np.array([[0, 3], [1, 3], [2, 3], [1, 2], [3, 3]])
    user, track = np.array([0, 1, 2]), np.array([3, 1, 1])
    got = calibration(np.array([[1, 2], [2, 0], [4, 0]]), genres_TG, 2, user, track)
    np.testing.assert_allclose(got, [0.0, 1.0, np.nan])
    with pytest.raises(InputError, match="weight"):
        calibration(np.array([[1]]), genres_TG, 2, np.array([0]), np.array([1]), np.array([-1.0]))


@given(lists())
def test_artist_concentration_is_the_sum_of_squared_shares(tracks: Ints) -> None:
    artist_T = np.array([0, 1, 1, 1, 2, 2, 3, 0, 0, -1, 4, 4, 5])
    got = artist_concentration(tracks, artist_T)
    for row, value in zip(tracks, got, strict=True):
        names = [artist_T[t] if artist_T[t] > 0 else f"unknown {t}" for t in filled(row)]
        if not names:
            assert math.isnan(value)
            continue
        want = sum((n / len(names)) ** 2 for n in Counter(names).values())
        assert value == pytest.approx(want)
        assert 1 / len(names) - 1e-12 <= value <= 1


def test_indices_outside_of_the_catalogue_are_refused() -> None:
    beyond = np.array([[1, 13]])
    for call in (
        lambda: coverage(beyond, T),
        lambda: gini(beyond, T),
        lambda: novelty(beyond, np.ones(T + 1, int), 5),
        lambda: artist_concentration(beyond, np.ones(T + 1, int)),
        lambda: intra_list_diversity(beyond, np.ones((T + 1, 2))),
    ):
        with pytest.raises(InputError, match="index 13; expected at most 12"):
            call()
    with pytest.raises(InputError, match="listeners x slots"):
        coverage(np.array([1, 2]), T)
    with pytest.raises(InputError, match="whole numbers"):
        coverage(np.array([[1.5]]), T)
