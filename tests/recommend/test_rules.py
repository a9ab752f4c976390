"""The choice under all rules at once: never a violation, and what a naive ranking gives."""

import dataclasses
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore.errors import InputError, UsageError
from encore.recommend.calibration import genre_divergence, genre_shares_of
from encore.recommend.rules import Bounds, Rules
from encore.recommend.rules.caps import CAPS
from encore.recommend.rules.catalogue import REMEMBERED
from encore.recommend.rules.filters import FILTERS
from encore.recommend.rules.soft import SOFT
from encore.schema import ACOUSTIC

GENRES = 9  # as in conftest

seeds = st.integers(0, 2**32 - 1)
tracks_named = st.lists(st.integers(1, 90).map("t{}".format), max_size=5).map(tuple)
artists_named = st.lists(st.integers(1, 16).map("Artist {}".format), max_size=4).map(tuple)
genres_named = st.lists(st.integers(1, 10).map("G-{}".format), max_size=3).map(tuple)


def bounds(low: float, high: float) -> st.SearchStrategy[Bounds | None]:
    ends = st.tuples(st.floats(low, high), st.floats(low, high)).map(sorted)
    return st.none() | ends.map(lambda e: Bounds(min=e[0], max=e[1]))


settings_ = {
    "explicit": st.sampled_from(["allow", "exclude", "exclude_known"]),
    "relisten_after_days": st.none() | st.integers(1, 60),
    "recent": tracks_named,
    "no_repeat_window": st.none() | st.integers(1, 4),
    "per_artist": st.none() | st.integers(1, 3),
    "artist_spacing": st.integers(0, 3),
    "per_album": st.none() | st.integers(1, 2),
    "ban_tracks": tracks_named,
    "ban_artists": artists_named,
    "ban_genres": genres_named,
    "only_artists": st.just(()) | st.just(tuple(f"a{a}" for a in range(1, 12))),
    "only_genres": st.just(()) | st.just(tuple(f"g{g}" for g in range(1, 7))),
    "year": bounds(1960, 2025),
    "duration_s": bounds(60, 600),
    "listeners": st.none() | st.integers(1, 5).map(lambda least: Bounds(min=least)),
    "acoustics": st.dictionaries(
        st.sampled_from(["energy", "valence"]), bounds(0, 1).filter(bool), max_size=2
    ),
    "targets": st.dictionaries(st.sampled_from(["energy", "liveness"]), st.floats(0, 1)),
    "genre_balance": st.sampled_from([0, 0.1, 1]),
    "popularity_weight": st.sampled_from([-2, 0, 0.5]),
    "lambda_div": st.sampled_from([0, 0.5, 4]),
    "diversity": st.sampled_from(["pairs", "mean", "mmr"]),
}


@st.composite
def any_rules(draw: st.DrawFn) -> Rules:
    """Some rules at once: under all of them next to nothing would be left."""
    asked = draw(st.sets(st.sampled_from(sorted(settings_)), max_size=5))
    values = {name: draw(settings_[name]) for name in sorted(asked)}
    dial = draw(st.none() | st.floats(0, 1))
    heard = draw(st.sampled_from([None, "mask", "allow", "only"])) if dial is None else None
    return Rules(**values, discovery=dial, heard=heard)


soft_rules = st.builds(Rules, **{name: settings_[name] for name in (*SOFT, "per_artist")})


# Never a violation


def permitted(asked: Any, rules: Rules, track: int) -> bool:
    """Whether a track alone keeps the rules, said again without an array."""
    catalogue, taste = asked.catalogue, asked.taste
    id_, artist = f"t{track}", int(catalogue.artist_T[track])
    genres = {f"G-{g}" for g in catalogue.genres_TG[track].tolist() if g not in (0, GENRES)}
    explicit = int(catalogue.explicit_T[track])
    age = dict(zip(taste.heard_H.tolist(), taste.age_days_H.tolist(), strict=True)).get(track, 0)
    heard = track in taste.heard_H.tolist()
    old = rules.relisten_after_days is not None and age >= rules.relisten_after_days
    if heard and rules.relisten_after_days is not None and not old:
        return False
    if rules.heard == "mask" or (rules.heard is None and rules.discovery is None):
        if heard and not old:
            return False
    elif rules.heard == "only" and not heard:
        return False
    known = [catalogue.artist_T[t] for t in taste.heard_H.tolist()]
    if rules.discovery == 1 and (heard or artist == 0 or artist in known):
        return False
    if rules.discovery == 0 and not heard:
        return False
    if id_ in rules.recent[-(rules.no_repeat_window or len(rules.recent)) :]:
        return False
    if rules.explicit == "exclude" and explicit != 0:
        return False
    if rules.explicit == "exclude_known" and explicit == 1:
        return False
    if id_ in rules.ban_tracks or f"Artist {artist}" in rules.ban_artists:
        return False
    if genres & set(rules.ban_genres):
        return False
    if rules.only_artists and f"a{artist}" not in rules.only_artists:
        return False
    if rules.only_genres and not {g.lower().replace("-", "") for g in genres} & {
        *rules.only_genres
    }:
        return False
    values = [
        (catalogue.year_T[track], rules.year),
        (catalogue.duration_s_T[track], rules.duration_s),
        (catalogue.listeners_T[track], rules.listeners),
        *(
            (catalogue.acoustics_TF[track, ACOUSTIC.index(name)], asked_for)
            for name, asked_for in rules.acoustics.items()
        ),
    ]
    return all(
        asked_for is None
        or (
            (asked_for.min is None or value >= np.float32(asked_for.min))
            and (asked_for.max is None or value <= np.float32(asked_for.max))
        )
        for value, asked_for in values
    )


@given(seed=seeds, rules=any_rules(), n=st.integers(0, 60))
def test_no_rule_is_ever_violated(drawn: Callable, seed: int, rules: Rules, n: int) -> None:
    asked = drawn(seed)
    got = asked.ranked(n, rules)
    tracks = got.tracks_n.tolist()
    assert len(set(tracks)) == len(tracks) == len(got.costs) == len(got.adjusted_n) <= n
    assert set(tracks) <= set(asked.candidates)
    assert got.scores_n.tolist() == [asked.scores[track] for track in tracks]
    assert all(permitted(asked, rules, track) for track in tracks)
    artists = asked.catalogue.artist_T[tracks].tolist()
    albums = asked.catalogue.album_T[tracks].tolist()
    for groups, most in ((artists, rules.per_artist), (albums, rules.per_album)):
        held = Counter(group for group in groups if group)
        assert max(held.values(), default=0) <= (most or n)
    for slot, artist in enumerate(artists):
        near = artists[slot + 1 : slot + 1 + rules.artist_spacing]
        assert not artist or artist not in near
    could = [track for track in asked.candidates if permitted(asked, rules, track)]
    if got.bound is None:
        assert len(tracks) == min(n, len(asked.candidates))
    else:
        named = got.bound.split("=")[0]
        assert named in {*FILTERS, *CAPS}
        assert len(tracks) < n
    if len(tracks) < min(n, len(asked.candidates)):
        assert got.bound is not None
    assert len(tracks) <= len(could)


@given(seed=seeds, rules=any_rules())
def test_the_scale_of_scores_means_nothing(drawn: Callable, seed: int, rules: Rules) -> None:
    asked = drawn(seed)
    scaled = dataclasses.replace(asked, scores=8 * asked.scores - 3)
    assert scaled.ranked(10, rules).tracks_n.tolist() == asked.ranked(10, rules).tracks_n.tolist()


# What a naive ranking gives


def naive(asked: Any, rules: Rules, chosen: list[int], n: int) -> dict[int, dict[str, float]]:
    """Each candidate still permitted: its z(score) and what each soft rule changes it by."""
    catalogue = asked.catalogue
    heard = set(asked.taste.heard_H.tolist())
    score = {t: float(asked.scores[t]) for t in asked.candidates if t not in heard}
    standard_score = z(score)
    popularity = z({track: float(catalogue.popularity_T[track]) for track in score})
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
        if rules.targets:
            away = [far(asked, score, name, rules.targets[name], track) for name in rules.targets]
            terms["targets"] = -sum(away) / len(away)
        if rules.lambda_div:
            similar = [asked.similar(track, other) for other in chosen] or [0.0]
            resembles = {
                "mean": sum(similar) / len(similar),
                "mmr": max(similar),
                "pairs": sum(similar) / np.sqrt(n),
            }
            terms["lambda_div"] = -rules.lambda_div * resembles[rules.diversity]
        if rules.genre_balance:
            after = (len(chosen) + 1) * divergence(asked, [*chosen, track])
            terms["genre_balance"] = -rules.genre_balance * (after - before)
        found[track] = terms
    return found


def z(values: dict[int, float]) -> dict[int, float]:
    mean, deviation = np.mean(list(values.values())), np.std(list(values.values()))
    return {track: (value - mean) / deviation for track, value in values.items()}


def far(asked: Any, score: dict[int, float], name: str, target: float, track: int) -> float:
    values = asked.catalogue.acoustics_TF[:, ACOUSTIC.index(name)].astype(float)
    away = {t: abs(values[t] - target) for t in score if not np.isnan(values[t])}
    return away.get(track, max(away.values())) / np.nanstd(values)


def divergence(asked: Any, tracks: list[int]) -> float:
    listed = genre_shares_of(asked.catalogue.genres_TG[np.array(tracks, int)], GENRES)
    return genre_divergence(asked.taste.genre_shares, listed)


@given(seed=seeds, rules=soft_rules)
def test_every_slot_is_what_a_naive_ranking_gives_it(
    drawn: Callable, seed: int, rules: Rules
) -> None:
    asked = drawn(seed)
    got = asked.ranked(10, rules)
    order = [*range(len(got.tracks_n))]
    if rules.diversity == "pairs" and rules.lambda_div:
        # Chosen in another order: of a track's cost, what it shares with those chosen before it.
        own = [a - cost["lambda_div"] for a, cost in zip(got.adjusted_n, got.costs, strict=True)]
        assert own == sorted(own, reverse=True)
        order = chosen_in(asked, rules, got)
    chosen: list[int] = []
    for slot in order:
        track = int(got.tracks_n[slot])
        options = naive(asked, rules, chosen, 10)
        assert sum(options[track].values()) >= max(sum(o.values()) for o in options.values()) - 1e-5
        assert got.adjusted_n[slot] == pytest.approx(sum(options[track].values()), abs=1e-5)
        del options[track]["score"]
        assert got.costs[slot] == pytest.approx(options[track], abs=1e-5)
        chosen.append(track)
    assert len(chosen) == 10 or not naive(asked, rules, chosen, 10)


def chosen_in(asked: Any, rules: Rules, got: Any) -> list[int]:
    """The slots in the order in which their tracks were chosen, by the naive ranking."""
    slot_of = {int(track): slot for slot, track in enumerate(got.tracks_n)}
    chosen: list[int] = []
    for _ in slot_of:
        options = naive(asked, rules, chosen, 10)
        left = [track for track in slot_of if track not in chosen]
        chosen.append(max(left, key=lambda track: sum(options[track].values())))
    return [slot_of[track] for track in chosen]


@given(seed=seeds, n=st.integers(0, 60))
def test_no_rule_gives_the_top_n_with_ties_by_popularity_then_index(
    drawn: Callable, ranked: Callable, seed: int, n: int
) -> None:
    asked = drawn(seed)
    asked.scores = np.round(asked.scores / 4)
    got = ranked(asked.scores, n, Rules.plain(), asked.catalogue)
    popular = asked.catalogue.listeners_T

    def key(track: int) -> tuple[float, int, int]:
        return (-asked.scores[track], -popular[track], track)

    assert got.tracks_n.tolist() == sorted(asked.candidates, key=key)[:n]
    assert got.costs == [{}] * len(got.tracks_n)
    assert (got.dropped, got.prices, got.bound, got.notes) == ({}, {}, None, [])


@given(seed=seeds, several=st.lists(any_rules(), min_size=2, max_size=5))
def test_what_a_catalogue_was_asked_before_changes_nothing(
    drawn: Callable, seed: int, several: list[Rules]
) -> None:
    asked = drawn(seed)
    for rules in [*several, several[0]]:
        got, fresh = asked.ranked(10, rules), drawn(seed).ranked(10, rules)
        assert got.tracks_n.tolist() == fresh.tracks_n.tolist()
        assert (got.costs, got.dropped, got.bound) == (fresh.costs, fresh.dropped, fresh.bound)
        assert got.notes == fresh.notes


def test_a_catalogue_makes_an_answer_once_while_it_remembers(plain: Callable) -> None:
    catalogue, made = plain(2), []

    def ask(key: int) -> int:
        def make() -> int:
            made.append(key)
            return key

        answer: int = catalogue.once(key, make)
        return answer

    assert [ask(1), ask(2), ask(1)] == [1, 2, 1]
    assert made == [1, 2]
    for key in range(3, REMEMBERED + 2):
        ask(key)
    ask(1)  # asked later than 2, which had to go
    ask(2)
    assert made == [*range(1, REMEMBERED + 2), 2]


def test_a_rule_that_leaves_few_candidates_draws_on_the_whole_catalogue(
    best_first: Callable,
) -> None:
    asked = best_first(1000, artist_T=[1] * 800 + [2] * 200)
    got = asked.ranked(4, per_artist=2, lambda_div=0)
    assert got.tracks_n.tolist() == [1, 2, 801, 802]


# The trace


def test_a_price_is_what_the_rule_alone_takes_from_the_mean_score(best_first: Callable) -> None:
    asked = best_first(8, explicit_T=[1, 0, 0, 0, 0, 0, 0, 0], artist_T=[5, 5, 5, 6, 7, 8, 9, 0])
    got = asked.ranked(3, explicit="exclude", per_artist=1, lambda_div=0)
    assert got.tracks_n.tolist() == [2, 4, 5]
    # Free: 1, 2, 3. Only explicit: 2, 3, 4. Only per_artist: 1, 4, 5.
    assert got.prices == pytest.approx({"explicit": 1.0, "per_artist": 4 / 3})
    assert got.dropped == {"explicit": 1, "per_artist": 1}


@given(seed=seeds, rules=any_rules())
def test_costs_and_prices_are_of_the_rules_that_are_on(
    drawn: Callable, seed: int, rules: Rules
) -> None:
    got = drawn(seed).ranked(5, rules)
    for cost in got.costs:
        assert set(cost) <= set(SOFT)
    assert set(got.prices) <= {*FILTERS, *CAPS, *SOFT} - {"heard", "discovery"}
    assert all(np.isfinite(price) for price in got.prices.values())
    one = [name for name, price in got.prices.items() if price > 1e-9]
    assert set(one) <= {name for name in Rules.model_fields if name in rules.model_fields_set} | {
        "lambda_div"
    }


def test_bound_names_the_rule_that_left_too_few_and_the_remedy(best_first: Callable) -> None:
    asked = best_first(5, explicit_T=[0, -1, -1, 1, 0], artist_T=[7, 7, 7, 7, 7])

    def bound(n: int, **rules: Any) -> str | None:
        found: str | None = asked.ranked(n, lambda_div=0, **rules).bound
        return found

    assert bound(3, explicit="exclude") == (
        "explicit='exclude' left 2 of 5 tracks: 2 are of unknown explicitness; "
        "'exclude_known' keeps those"
    )
    assert bound(5, explicit="exclude_known") == "explicit='exclude_known' left 4 of 5 tracks"
    capped = (
        "per_artist=1 left 1 of 2 candidates: "
        "a looser one, or candidates by more artists, fill the list"
    )
    assert bound(2, explicit="exclude", per_artist=1) == capped
    both = bound(3, explicit="exclude", per_artist=1)
    assert both == f"{bound(3, explicit='exclude')}; {capped}"
    assert bound(2, explicit="exclude") is None
    assert bound(9) is None  # too few tracks to begin with: no rule is to blame


def test_what_the_catalogue_does_not_have_is_told(best_first: Callable) -> None:
    got = best_first(3).ranked(ban_artists=("Nobody",), only_tracks=("t2", "t9"))
    assert got.notes == [
        "ban_artists: the catalogue has no 'Nobody'",
        "only_tracks: the catalogue has no 't9'",
    ]


# Wrong calls


@pytest.mark.parametrize(
    ("scores", "told"),
    [
        ([0.0, 1.0], "scores of shape"),
        ([0.0, 1.0, np.nan], "NaN or infinity"),
        ([0.0, np.inf, 1.0], "NaN or infinity"),
    ],
)
def test_scores_that_cannot_be_ranked_are_refused(
    plain: Callable, ranked: Callable, scores: list[float], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        ranked(scores, 1, Rules(), plain(2))


def test_a_negative_n_is_wrong_usage(plain: Callable, ranked: Callable) -> None:
    with pytest.raises(UsageError, match="n = -1: expected 0 or more"):
        ranked([0.0, 1.0], -1, Rules(), plain(1))


def test_the_unknown_track_is_passed_over(plain: Callable, ranked: Callable) -> None:
    assert ranked([9.0, 1.0, 2.0], 3, Rules(), plain(2)).tracks_n.tolist() == [2, 1]


def test_a_catalogue_of_unequal_arrays_is_refused(plain: Callable) -> None:
    with pytest.raises(InputError, match="'artist_T': 3, 'album_T': 4"):
        plain(3, artist_T=[1, 2])
