import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore.errors import InputError, UsageError
from encore.recommend.calibration import genre_divergence, genre_shares_of
from encore.recommend.diversity import intra_list_similarity
from encore.recommend.rules import Catalogue, Ranked, Rules, rank, rules_of

GENRES = 9  # the unknown included; also the padding

seeds = st.integers(0, 2**32 - 1)
any_rules = st.builds(
    Rules,
    explicit=st.sampled_from(["allow", "exclude", "exclude_known"]),
    per_artist=st.none() | st.integers(1, 3),
    genre_balance=st.sampled_from([0, 0.1, 1]),
    popularity_weight=st.sampled_from([-2, 0, 0.5]),
    lambda_div=st.sampled_from([0, 0.5, 4]),
)


@dataclasses.dataclass
class Request:
    """A random catalogue, candidates from it, and a listener: what `rank` is asked."""

    catalogue: Catalogue
    candidates: np.ndarray
    scores: np.ndarray
    shares: np.ndarray

    def ranked(self, n: int = 10, **rules: Any) -> Ranked:
        return rank(self.candidates, self.scores, n, Rules(**rules), self.catalogue, self.shares)

    def genres_of(self, tracks: np.ndarray) -> np.ndarray:
        return genre_shares_of(self.catalogue.genres_TG[tracks], GENRES)


def drawn(seed: int, tracks: int = 80, candidates: int = 50) -> Request:
    """Artists (the unknown among them) keep to a genre and a region; scores prefer some of them."""
    rng = np.random.default_rng(seed)
    artist = rng.integers(0, 15, tracks).astype(np.int32)
    genres = np.full((tracks, 3), GENRES, np.int32)
    genres[:, 0] = artist % GENRES
    second = (genres[:, 0] > 1) & (rng.random(tracks) < 0.5)
    genres[second, 1] = genres[second, 0] - 1
    vectors = rng.normal(size=(15, 6))[artist] + 0.3 * rng.normal(size=(tracks, 6))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[rng.random(tracks) < 0.1] = 0
    catalogue = Catalogue(
        artist_T=artist,
        explicit_T=rng.choice([-1, 0, 1], tracks).astype(np.int8),
        genres_TG=genres,
        padding=GENRES,
        popularity_T=np.log1p(rng.zipf(1.6, tracks).clip(max=10**6)).astype(np.float32),
        vectors_TD=vectors.astype(np.float32),
    )
    listed = rng.choice(np.arange(1, tracks), candidates, replace=False)
    scores = 3 * rng.normal(size=15)[artist[listed]] + rng.normal(size=candidates) + 100
    history = rng.choice(np.arange(1, tracks), 12, replace=False)
    return Request(catalogue, listed, scores, genre_shares_of(genres[history], GENRES))


def plain(tracks: int, **arrays: Any) -> Catalogue:
    """All tracks alike but for `arrays`, which are given without the row of the unknown."""
    rows: dict[str, Any] = {
        "artist_T": [0] * tracks,
        "explicit_T": [0] * tracks,
        "genres_TG": [[1]] * tracks,
        "popularity_T": [0.0] * tracks,
        "vectors_TD": [[0.0]] * tracks,
    }
    rows |= arrays
    dtypes = {"artist_T": "i4", "explicit_T": "i1", "genres_TG": "i4"}
    arrays = {
        name: np.array([np.zeros_like(np.asarray(row)[0]), *row], dtypes.get(name, "f4"))
        for name, row in rows.items()
    }
    return Catalogue(padding=3, **arrays)


def naive(asked: Request, rules: Rules, chosen: list[int]) -> dict[int, dict[str, float]]:
    """Each candidate still permitted: its z(score) and what each soft rule changes it by."""
    catalogue = asked.catalogue
    refused = {"allow": (), "exclude": (1, -1), "exclude_known": (1,)}[rules.explicit]
    score = {
        int(track): float(value)
        for track, value in zip(asked.candidates, asked.scores, strict=True)
        if catalogue.explicit_T[track] not in refused
    }
    standard_score = z(score)
    popularity = z({track: float(catalogue.popularity_T[track]) for track in score})
    vectors = catalogue.vectors_TD.astype(float)
    before = len(chosen) * divergence(asked, chosen)
    held = Counter(int(catalogue.artist_T[track]) for track in chosen)
    found = {}
    for track in score:
        artist = int(catalogue.artist_T[track])
        full = rules.per_artist is not None and artist and held[artist] >= rules.per_artist
        if track in chosen or full:
            continue
        terms = {"score": standard_score[track]}
        if rules.popularity_weight:
            terms["popularity_weight"] = rules.popularity_weight * popularity[track]
        if rules.lambda_div:
            similar = [float(vectors[track] @ vectors[other]) for other in chosen]
            terms["lambda_div"] = -rules.lambda_div * sum(similar) / max(len(similar), 1)
        if rules.genre_balance:
            after = (len(chosen) + 1) * divergence(asked, [*chosen, track])
            terms["genre_balance"] = -rules.genre_balance * (after - before)
        found[track] = terms
    return found


def z(values: dict[int, float]) -> dict[int, float]:
    mean, deviation = np.mean(list(values.values())), np.std(list(values.values()))
    return {track: (value - mean) / deviation for track, value in values.items()}


def divergence(asked: Request, tracks: list[int]) -> float:
    return genre_divergence(asked.shares, asked.genres_of(np.array(tracks, int)))


@given(seeds, any_rules)
def test_every_slot_is_what_a_naive_ranking_gives_it(seed: int, rules: Rules) -> None:
    asked = drawn(seed)
    got = asked.ranked(**rules.model_dump())
    chosen: list[int] = []
    for slot, track in enumerate(got.tracks_n.tolist()):
        options = naive(asked, rules, chosen)
        assert sum(options[track].values()) >= max(sum(o.values()) for o in options.values()) - 1e-5
        assert got.adjusted_n[slot] == pytest.approx(sum(options[track].values()), abs=1e-5)
        del options[track]["score"]
        assert got.costs[slot] == pytest.approx(options[track], abs=1e-5)
        chosen.append(track)
    assert len(chosen) == 10 or not naive(asked, rules, chosen)


@given(seeds, any_rules, st.integers(0, 60))
def test_no_rule_is_ever_violated(seed: int, rules: Rules, n: int) -> None:
    asked = drawn(seed)
    got = asked.ranked(n, **rules.model_dump())
    tracks = got.tracks_n.tolist()
    score = dict(zip(asked.candidates.tolist(), asked.scores.tolist(), strict=True))
    assert len(set(tracks)) == len(tracks) == len(got.costs) == len(got.adjusted_n) <= n
    assert got.scores_n.tolist() == [score[track] for track in tracks]
    explicit = set(asked.catalogue.explicit_T[tracks].tolist())
    assert not explicit & {"allow": set(), "exclude": {1, -1}, "exclude_known": {1}}[rules.explicit]
    held = Counter(asked.catalogue.artist_T[tracks].tolist())
    held.pop(0, None)
    assert max(held.values(), default=0) <= (rules.per_artist or n)
    assert len(tracks) + sum(got.dropped.values()) <= len(asked.candidates)
    assert (got.bound is not None) == (len(tracks) < min(n, len(asked.candidates)))


@given(seeds, any_rules)
def test_the_order_of_candidates_and_the_scale_of_scores_mean_nothing(
    seed: int, rules: Rules
) -> None:
    asked = drawn(seed)
    order = np.random.default_rng(seed).permutation(len(asked.candidates))
    shuffled = dataclasses.replace(
        asked, candidates=asked.candidates[order], scores=8 * asked.scores[order] - 3
    )
    expected = asked.ranked(**rules.model_dump()).tracks_n.tolist()
    assert shuffled.ranked(**rules.model_dump()).tracks_n.tolist() == expected


@given(seeds, st.integers(0, 60))
def test_no_rule_gives_the_top_n_with_ties_by_popularity_then_index(seed: int, n: int) -> None:
    asked = drawn(seed)
    asked.scores = np.round(asked.scores / 4)
    rounded = dataclasses.replace(
        asked.catalogue, popularity_T=np.round(asked.catalogue.popularity_T)
    )
    got = rank(asked.candidates, asked.scores, n, Rules(), rounded)
    key = {
        track: (-score, -rounded.popularity_T[track], track)
        for track, score in zip(asked.candidates.tolist(), asked.scores, strict=True)
    }
    assert got.tracks_n.tolist() == sorted(key, key=key.__getitem__)[:n]
    assert got.costs == [{}] * len(got.tracks_n)
    assert (got.dropped, got.bound) == ({}, None)


def test_the_unknown_track_is_passed_over() -> None:
    got = rank([0, 2, 1], [9.0, 1.0, 2.0], 3, Rules(), plain(2))
    assert got.tracks_n.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("explicit", "expected", "dropped"),
    [
        ("allow", [1, 2, 3], {}),
        ("exclude_known", [2, 3], {"explicit": 1}),
        ("exclude", [2], {"explicit": 2}),
    ],
)
def test_unknown_explicitness_is_not_clean(
    explicit: str, expected: list[int], dropped: dict[str, int]
) -> None:
    catalogue = plain(3, explicit_T=[1, 0, -1])
    got = rank([1, 2, 3], [3.0, 2.0, 1.0], len(expected), rules_of(explicit=explicit), catalogue)
    assert got.tracks_n.tolist() == expected
    assert (got.dropped, got.bound) == (dropped, None)


def test_an_artist_cap_counts_unknown_artists_apart() -> None:
    catalogue = plain(6, artist_T=[7, 7, 7, 0, 0, 8])
    got = rank(np.arange(1, 7), -np.arange(6.0), 5, Rules(per_artist=1), catalogue)
    assert got.tracks_n.tolist() == [1, 4, 5, 6]
    assert got.dropped == {"per_artist": 2}


def test_bound_names_the_rule_that_left_too_few_and_the_remedy() -> None:
    catalogue = plain(5, explicit_T=[0, -1, -1, 1, 0], artist_T=[7, 7, 7, 7, 7])
    candidates, scores = np.arange(1, 6), np.arange(5.0)

    def bound(n: int, **rules: Any) -> str | None:
        return rank(candidates, scores, n, Rules(**rules), catalogue).bound

    assert bound(3, explicit="exclude") == (
        "explicit='exclude' left 2 of 5 candidates: 2 are of unknown explicitness; "
        "explicit='exclude_known' keeps those"
    )
    assert bound(5, explicit="exclude_known") == (
        "explicit='exclude_known' left 4 of 5 candidates: 1 are explicit; "
        "explicit='allow' keeps those"
    )
    capped = (
        "per_artist=1 left 1 of 2 candidates: "
        "a higher per_artist or candidates by more artists fill the list"
    )
    assert bound(2, explicit="exclude", per_artist=1) == capped
    both = bound(3, explicit="exclude", per_artist=1)
    assert both == f"{bound(3, explicit='exclude')}; {capped}"
    assert bound(2, explicit="exclude") is None
    assert bound(9) is None  # too few candidates to begin with: no rule is to blame


def test_genre_balance_gives_each_genre_its_share_of_the_slots() -> None:
    catalogue = plain(40, genres_TG=[[1]] * 20 + [[2]] * 20)
    shares = np.array([0, 0.7, 0.3])
    got = rank(np.arange(1, 41), np.ones(40), 10, Rules(genre_balance=1), catalogue, shares)
    assert Counter(catalogue.genres_TG[got.tracks_n, 0].tolist()) == {1: 7, 2: 3}
    listed = genre_shares_of(catalogue.genres_TG[got.tracks_n], 3)
    total = -10 * genre_divergence(shares, listed)
    assert sum(cost["genre_balance"] for cost in got.costs) == pytest.approx(total, abs=1e-9)


@pytest.mark.parametrize("shares", [None, np.zeros(3), np.array([1.0, 0, 0])])
def test_genre_balance_rests_where_the_listeners_genres_are_unknown(shares: np.ndarray) -> None:
    catalogue = plain(2, genres_TG=[[1], [0]])
    got = rank([1, 2], [2.0, 1.0], 2, Rules(genre_balance=1), catalogue, shares)
    assert got.costs == [{}, {}]


def test_popularity_weight_is_in_deviations_of_the_score() -> None:
    catalogue = plain(2, popularity_T=[0.0, 5.0])
    got = rank([1, 2], [10.0, 0.0], 2, Rules(popularity_weight=1.5), catalogue)
    assert got.tracks_n.tolist() == [2, 1]
    assert got.adjusted_n.tolist() == pytest.approx([-1 + 1.5, 1 - 1.5])
    assert [cost["popularity_weight"] for cost in got.costs] == pytest.approx([1.5, -1.5])


def test_diversity_skips_the_twin() -> None:
    catalogue = plain(3, vectors_TD=[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    got = rank([1, 2, 3], [1.0, 0.9, 0.0], 2, Rules(lambda_div=3), catalogue)
    assert got.tracks_n.tolist() == [1, 3]


def over_worlds(values: list[Any], rule: str, measure: Any) -> list[float]:
    """The mean over 40 worlds of `measure(request, tracks)`, for each value of the rule."""
    worlds = [drawn(seed) for seed in range(40)]
    return [
        float(np.mean([measure(w, w.ranked(**{rule: value}).tracks_n) for w in worlds]))
        for value in values
    ]


def test_a_larger_lambda_never_lowers_diversity() -> None:
    similar = over_worlds(
        [0, 0.5, 1, 2, 4],
        "lambda_div",
        lambda w, tracks: intra_list_similarity(w.catalogue.vectors_TD[tracks]),
    )
    assert similar == sorted(similar, reverse=True)
    assert similar[-1] < 0.5 * similar[0]


def test_genre_balance_moves_the_list_towards_the_listener() -> None:
    distance = over_worlds(
        [0, 0.1, 0.3, 1],
        "genre_balance",
        lambda w, tracks: np.abs(w.genres_of(tracks) - w.shares).sum() / 2,
    )
    assert distance == sorted(distance, reverse=True)
    assert distance[-1] < 0.5 * distance[0]


def test_popularity_weight_moves_the_list_either_way() -> None:
    popularity = over_worlds(
        [-1, -0.3, 0, 0.3, 1],
        "popularity_weight",
        lambda w, tracks: w.catalogue.popularity_T[tracks].mean(),
    )
    assert popularity == sorted(popularity)
    assert popularity[0] < popularity[2] < popularity[4]


@pytest.mark.parametrize("rules", [{}, {"lambda_div": 1, "popularity_weight": 1, "per_artist": 1}])
def test_nothing_to_rank_gives_an_empty_list(rules: dict[str, float]) -> None:
    got = rank([], [], 5, Rules(**rules), plain(2))
    assert got.tracks_n.tolist() == got.scores_n.tolist() == got.adjusted_n.tolist() == []
    assert (got.costs, got.bound) == ([], None)


@pytest.mark.parametrize(
    ("candidates", "scores", "told"),
    [
        ([1, 2], [1.0], "one score for each candidate"),
        ([1, 2], [1.0, np.nan], "finite"),
        ([1, 2], [1.0, -np.inf], "finite"),
        ([1, 3], [1.0, 2.0], "candidates 1 to 3: the catalogue has rows 0 to 2"),
        ([-1, 1], [1.0, 2.0], "candidates -1 to 1"),
        ([2, 2], [1.0, 2.0], "candidate 2: found more than once"),
    ],
)
def test_candidates_that_cannot_be_ranked_are_refused(
    candidates: list[int], scores: list[float], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        rank(candidates, scores, 1, Rules(), plain(2))


def test_a_negative_n_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="n = -1: expected 0 or more"):
        rank([1], [1.0], -1, Rules(), plain(2))


def test_a_catalogue_of_unequal_arrays_is_refused() -> None:
    with pytest.raises(InputError, match="'artist_T': 3, 'explicit_T': 4"):
        plain(3, artist_T=[1, 2])


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"explicit": "no"},
            "explicit = 'no': expected 'allow', 'exclude' or 'exclude_known'",
        ),
        ({"heard": "never"}, "heard = 'never': expected 'mask', 'allow' or 'only'"),
        ({"per_artist": 1.5}, "per_artist = 1.5: expected a valid integer"),
        ({"genre_balance": 2}, "genre_balance = 2: expected less than or equal to 1"),
        ({"lambda_div": -1}, "lambda_div = -1: expected greater than or equal to 0"),
        ({"popularity_weight": np.inf}, "popularity_weight = inf: expected a finite number"),
        ({"per_album": 1}, "per_album = 1: no such rule; expected one of explicit, heard, per_art"),
    ],
)
def test_a_wrong_rule_is_named_with_what_is_allowed(values: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        rules_of(**values)
    assert str(caught.value).startswith(told)
