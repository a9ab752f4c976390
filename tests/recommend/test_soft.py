"""Each soft rule by itself."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from encore.recommend.calibration import genre_divergence, genre_shares_of
from encore.recommend.diversity import intra_list_similarity
from encore.recommend.rules import Rules, Taste
from encore.schema import ACOUSTIC

GENRES = 9  # as in conftest


def test_genre_balance_gives_each_genre_its_share_of_the_slots(
    plain: Callable, ranked: Callable
) -> None:
    catalogue = plain(40, genres_TG=[[1]] * 20 + [[2]] * 20)
    taste = Taste(genre_shares=np.array([0, 0.7, 0.3]))
    rules = Rules(genre_balance=1, lambda_div=0)
    got = ranked(np.ones(41), 10, rules, catalogue, taste)
    assert Counter(catalogue.genres_TG[got.tracks_n, 0].tolist()) == {1: 7, 2: 3}
    listed = genre_shares_of(catalogue.genres_TG[got.tracks_n], 3)
    total = -10 * genre_divergence(taste.genre_shares, listed)
    assert sum(cost["genre_balance"] for cost in got.costs) == pytest.approx(total, abs=1e-9)
    given = Rules(genre_balance=1, genre_shares={"G1": 2, "g2": 8, "polka": 1}, lambda_div=0)
    got = ranked(np.ones(41), 10, given, catalogue, taste)
    assert Counter(catalogue.genres_TG[got.tracks_n, 0].tolist()) == {1: 2, 2: 8}
    assert got.notes == ["genre_shares: the catalogue has no 'polka'"]


@pytest.mark.parametrize("shares", [None, np.zeros(3), np.array([1.0, 0, 0])])
def test_genre_balance_rests_where_the_listeners_genres_are_unknown(
    plain: Callable, ranked: Callable, shares: np.ndarray
) -> None:
    rules = Rules(genre_balance=1, lambda_div=0)
    got = ranked(
        [0, 2.0, 1.0], 2, rules, plain(2, genres_TG=[[1], [0]]), Taste(genre_shares=shares)
    )
    assert got.costs == [{}, {}]


def test_popularity_weight_is_in_deviations_of_the_score(plain: Callable, ranked: Callable) -> None:
    catalogue = plain(2, listeners_T=[0, 147])
    rules = Rules(popularity_weight=1.5, lambda_div=0)
    got = ranked([0, 10.0, 0.0], 2, rules, catalogue)
    assert got.tracks_n.tolist() == [2, 1]
    assert got.adjusted_n.tolist() == pytest.approx([-1 + 1.5, 1 - 1.5])
    assert [cost["popularity_weight"] for cost in got.costs] == pytest.approx([1.5, -1.5])


def test_a_target_draws_near_and_the_unknown_counts_as_the_farthest(
    plain: Callable, ranked: Callable
) -> None:
    energy = [0.9, 0.2, 0.5, np.nan]
    rows = [[value if name == "energy" else 0.5 for name in ACOUSTIC] for value in energy]
    rules = Rules(targets={"energy": 0.2}, target_weight=3, lambda_div=0)
    got = ranked([0, 4.0, 3.0, 2.0, 1.0], 4, rules, plain(4, acoustics_TF=rows))
    assert got.tracks_n.tolist() == [2, 3, 1, 4]
    cost = {int(t): c["targets"] for t, c in zip(got.tracks_n, got.costs, strict=True)}
    # Over the catalogue with the unknown track's row, whose features are 0.
    deviation = np.std([0, 0.9, 0.2, 0.5])
    assert cost[3] == pytest.approx(-3 * 0.3 / deviation)
    assert cost[4] == cost[1] == pytest.approx(-3 * 0.7 / deviation)
    assert cost[2] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("diversity", ["pairs", "mean", "mmr"])
def test_diversity_skips_the_twin(plain: Callable, ranked: Callable, diversity: str) -> None:
    vectors = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    for arrays in ({"together_TD": vectors}, {"content_TC": vectors}):
        rules = Rules(lambda_div=6, diversity=diversity)
        got = ranked([0, 1.0, 0.9, 0.0], 2, rules, plain(3, **arrays))
        assert got.tracks_n.tolist() == [1, 3]


def test_similarity_is_of_what_is_asked_and_known(plain: Callable, ranked: Callable) -> None:
    # 1 and 2 are alike in content, 1 and 3 are played together; of 4 nothing is known.
    content = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    together = [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]
    catalogue = plain(4, content_TC=content, together_TD=together)

    def cost(by: str, second: int) -> float:
        rules = Rules(
            lambda_div=1, diversity="mmr", similarity=by, only_tracks=("t1", f"t{second}")
        )
        got = ranked([0, 9.0, 1.0, 1.0, 1.0], 2, rules, catalogue)
        return -float(got.costs[1]["lambda_div"])

    assert [cost("content", t) for t in (2, 3, 4)] == pytest.approx([1, 0, 0])
    assert [cost("listening", t) for t in (2, 3, 4)] == pytest.approx([0, 1, 0])
    assert [cost("both", t) for t in (2, 3, 4)] == pytest.approx([2 / 3, 1 / 3, 0])
    alone = plain(4, content_TC=content)  # without co-listening, content speaks alone
    rules = Rules(lambda_div=1, diversity="mmr", only_tracks=("t1", "t2"))
    assert ranked([0, 9.0, 1, 1, 1], 2, rules, alone).costs[1]["lambda_div"] == pytest.approx(-1)


def test_diversity_by_pairs_chooses_the_tracks_and_leaves_them_in_order_of_score(
    plain: Callable,
    ranked: Callable,
) -> None:
    vectors = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    catalogue = plain(3, together_TD=vectors)
    got = ranked([0, 1.0, 0.9, 0.0], 3, Rules(lambda_div=6), catalogue)
    assert got.tracks_n.tolist() == [1, 2, 3]  # 3 was chosen before 2
    assert got.costs[1]["lambda_div"] < got.costs[2]["lambda_div"] == 0
    spaced = plain(3, together_TD=vectors, artist_T=[5, 5, 6])
    rules = Rules(lambda_div=6, artist_spacing=1)
    assert ranked([0, 1.0, 0.9, 0.0], 3, rules, spaced).tracks_n.tolist() == [1, 3, 2]


def test_equal_scores_stand_by_popularity_whatever_diversity_took(
    plain: Callable, ranked: Callable
) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    catalogue = plain(60, together_TD=vectors, listeners_T=rng.permutation(60))
    scores = np.concatenate([[0], np.repeat([0.7, 0.4, 0.1], [7, 20, 33])])
    got = ranked(scores, 30, Rules(lambda_div=3), catalogue)
    place = catalogue.ties.place_of_column[got.tracks_n]
    assert sorted(zip(-got.scores_n, place, strict=True)) == [
        *zip(-got.scores_n, place, strict=True)
    ]


def over_worlds(drawn: Callable, values: list[Any], rule: str, measure: Any, **more: Any) -> list:
    """The mean over 40 worlds of `measure(request, tracks)`, for each value of the rule."""
    worlds = [drawn(seed) for seed in range(40)]
    return [
        float(np.mean([measure(w, w.ranked(**{rule: v, **more}).tracks_n) for w in worlds]))
        for v in values
    ]


@pytest.mark.parametrize("diversity", ["pairs", "mean", "mmr"])
@pytest.mark.parametrize("by", ["content", "listening"])
def test_a_larger_lambda_never_lowers_diversity(drawn: Callable, diversity: str, by: str) -> None:
    def similar(request: Any, tracks: np.ndarray) -> float:
        catalogue = request.catalogue
        rows = catalogue.content_TC.toarray() if by == "content" else catalogue.together_TD
        return intra_list_similarity(rows[tracks])

    found = over_worlds(
        drawn, [0, 0.5, 1, 2, 4], "lambda_div", similar, diversity=diversity, similarity=by
    )
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.6 * found[0]


def test_genre_balance_moves_the_list_towards_the_listener(drawn: Callable) -> None:
    def distance(request: Any, tracks: np.ndarray) -> float:
        listed = genre_shares_of(request.catalogue.genres_TG[tracks], GENRES)
        return float(np.abs(listed - request.taste.genre_shares).sum() / 2)

    found = over_worlds(drawn, [0, 0.1, 0.3, 1], "genre_balance", distance, lambda_div=0)
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.5 * found[0]


def test_popularity_weight_moves_the_list_either_way(drawn: Callable) -> None:
    popularity = over_worlds(
        drawn,
        [-1, -0.3, 0, 0.3, 1],
        "popularity_weight",
        lambda w, tracks: w.catalogue.popularity_T[tracks].mean(),
        lambda_div=0,
    )
    assert popularity == sorted(popularity)
    assert popularity[0] < popularity[2] < popularity[4]


@pytest.mark.parametrize("rules", [{}, {"popularity_weight": 1, "per_artist": 1}])
def test_nothing_to_rank_gives_an_empty_list(
    plain: Callable, ranked: Callable, rules: dict[str, float]
) -> None:
    got = ranked(np.full(3, -np.inf), 5, Rules(**rules), plain(2))
    assert got.tracks_n.tolist() == got.scores_n.tolist() == got.adjusted_n.tolist() == []
    assert (got.costs, got.prices, got.bound) == ([], {}, None)
