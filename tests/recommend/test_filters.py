"""Each hard rule by itself, in worlds where the right answer can be counted on fingers."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from encore.recommend.rules import Bounds, Rules, Taste
from encore.recommend.rules.caps import shares
from encore.recommend.rules.filters import HEARD, NEW, OF_HEARD_ARTIST, distance
from encore.schema import ACOUSTIC

HALF, NAN = 0.5, np.nan


def features(**values: list[float]) -> list[list[float]]:
    """Acoustic features that are all one half but for these."""
    tracks = len(next(iter(values.values())))
    columns = [values.get(name, [HALF] * tracks) for name in ACOUSTIC]
    return np.array(columns).T.tolist()


@pytest.mark.parametrize(
    ("rule", "arrays", "expected"),
    [
        ({"explicit": "allow"}, {"explicit_T": [1, 0, -1]}, [1, 2, 3]),
        ({"explicit": "exclude_known"}, {"explicit_T": [1, 0, -1]}, [2, 3]),
        ({"explicit": "exclude"}, {"explicit_T": [1, 0, -1]}, [2]),
        ({"recent": ("t1", "t3")}, {"explicit_T": [0, 0, 0]}, [2]),
        ({"recent": ("t1", "t3"), "no_repeat_window": 1}, {"explicit_T": [0, 0, 0]}, [1, 2]),
        ({"ban_tracks": "t2"}, {"explicit_T": [0, 0, 0]}, [1, 3]),
        ({"only_tracks": ("t3", "t1")}, {"explicit_T": [0, 0, 0]}, [1, 3]),
        ({"ban_artists": ("a4",)}, {"artist_T": [4, 5, 0]}, [2, 3]),
        ({"ban_artists": ("The ARTIST 5!", "a4")}, {"artist_T": [4, 5, 0]}, [3]),
        ({"only_artists": ("artist 4",)}, {"artist_T": [4, 5, 0]}, [1]),
        ({"ban_genres": ("G 1",)}, {"genres_TG": [[1, 2], [2, 3], [0, 3]]}, [2, 3]),
        ({"only_genres": ("g2",)}, {"genres_TG": [[1, 2], [2, 3], [0, 3]]}, [1, 2]),
        ({"year": "1990..1999"}, {"year_T": [1990, 2000, NAN]}, [1]),
        ({"year": "..1999"}, {"year_T": [1990, 2000, NAN]}, [1]),
        ({"year": {"min": 2000}}, {"year_T": [1990, 2000, NAN]}, [2]),
        ({"year": 2000}, {"year_T": [1990, 2000, NAN]}, [2]),
        ({"duration_s": "..180"}, {"duration_s_T": [180, 180.5, NAN]}, [1]),
        ({"listeners": "2..5"}, {"listeners_T": [9, 5, 1]}, [2]),
        (
            {"acoustics": {"energy": "0.1..0.4"}},
            {"acoustics_TF": features(energy=[0.1, 0.41, NAN])},
            [1],
        ),
        (
            {"acoustics": {"tempo": "90..", "energy": "..0.5"}},
            {"acoustics_TF": features(tempo=[120, 80, NAN], energy=[0.6, 0.1, 0.1])},
            [],
        ),
    ],
)
def test_a_filter_keeps_what_it_says(
    best_first: Callable, rule: dict[str, Any], arrays: dict[str, Any], expected: list[int]
) -> None:
    asked = best_first(3, **arrays)
    rules = Rules.model_validate({**rule, "lambda_div": 0})
    got = asked.ranked(3, rules)
    assert got.tracks_n.tolist() == expected
    name = next(iter(rule))
    assert got.dropped.get(name, 0) == 3 - len(expected)
    if len(expected) < 3:
        assert got.bound.startswith(f"{name}=")
        unknown = name in ("only_artists", "only_genres", "year", "duration_s", "acoustics")
        assert ("of 1 it is not known" in got.bound) == unknown


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, [3, 4]),
        ({"heard": "mask"}, [3, 4]),
        ({"heard": "allow"}, [1, 2, 3, 4]),
        ({"heard": "only"}, [1, 2]),
        ({"relisten_after_days": 30}, [2, 3, 4]),
        ({"relisten_after_days": 30, "heard": "allow"}, [2, 3, 4]),
        ({"relisten_after_days": 30, "heard": "only"}, [2]),
        ({"relisten_after_days": 31}, [3, 4]),
        ({"discovery": 0}, [1, 2]),
        ({"discovery": 0, "relisten_after_days": 30}, [2]),
    ],
)
def test_what_was_heard(
    plain: Callable, ranked: Callable, rule: dict[str, Any], expected: list[int]
) -> None:
    taste = Taste(np.array([1, 2], np.int32), np.array([29, 30], np.float32))
    got = ranked(-np.arange(5.0), 4, Rules(lambda_div=0, **rule), plain(4), taste)
    assert got.tracks_n.tolist() == expected
    if rule != {"heard": "allow"}:
        assert "=" in got.bound


@pytest.mark.parametrize("ages", [None, np.array([NAN], np.float32)])
def test_a_play_of_unknown_time_may_be_of_yesterday(
    plain: Callable, ranked: Callable, ages: np.ndarray
) -> None:
    taste = Taste(np.array([1], np.int32), ages)
    got = ranked([0, 2.0, 1.0], 2, Rules(relisten_after_days=1), plain(2), taste)
    assert got.tracks_n.tolist() == [2]


def test_a_cap_counts_unknown_groups_apart(best_first: Callable) -> None:
    asked = best_first(6, artist_T=[7, 7, 7, 0, 0, 8], album_T=[3, 4, 4, 0, 0, 5])
    got = asked.ranked(5, per_artist=1, lambda_div=0)
    assert got.tracks_n.tolist() == [1, 4, 5, 6]
    assert got.dropped == {"per_artist": 2}
    assert asked.ranked(2, per_artist=1, lambda_div=0).dropped == {"per_artist": 2}
    assert best_first(3, artist_T=[7, 8, 7]).ranked(2, per_artist=1).dropped == {"per_artist": 0}
    assert asked.ranked(6, per_album=1, lambda_div=0).tracks_n.tolist() == [1, 2, 4, 5, 6]


@pytest.mark.parametrize(
    ("spacing", "expected"),
    [(0, [1, 2, 3, 4, 5, 6]), (1, [1, 3, 2, 4, 5, 6]), (2, [1, 3, 4, 2, 5, 6])],
)
def test_an_artist_comes_again_after_so_many_slots(
    best_first: Callable, spacing: int, expected: list[int]
) -> None:
    asked = best_first(6, artist_T=[7, 7, 8, 0, 0, 9])
    got = asked.ranked(6, artist_spacing=spacing, lambda_div=0)
    assert got.tracks_n.tolist() == expected
    assert got.dropped.get("artist_spacing", 0) == 0  # kept out for a while, listed in the end


def test_spacing_that_cannot_be_kept_ends_the_list(best_first: Callable) -> None:
    got = best_first(3, artist_T=[7, 7, 7]).ranked(3, artist_spacing=1, lambda_div=0)
    assert got.tracks_n.tolist() == [1]
    assert got.bound.startswith("artist_spacing=1 left 1 of 3")


# The dial


@pytest.mark.parametrize("n", [1, 7, 10, 30])
def test_neither_the_heard_nor_the_heard_artists_grow_with_the_dial(n: int) -> None:
    steps = [shares(d, n) for d in np.linspace(0, 1, 41)]
    heard = [step[0] for step in steps]
    known = [step[0] + step[1] for step in steps]
    assert heard == sorted(heard, reverse=True)
    assert known == sorted(known, reverse=True)
    assert all(sum(step.values()) == n and min(step.values()) >= 0 for step in steps)
    assert (steps[0], steps[-1]) == ({0: n, 1: 0, 2: 0}, {0: 0, 1: 0, 2: n})


def test_the_dial_deals_the_slots_out(best_first: Callable) -> None:
    artists = [1] * 20 + [2] * 20
    asked = best_first(40, heard=tuple(range(1, 11)), artist_T=artists)
    for dial in (0, 0.25, 0.5, 0.75, 1):
        got = asked.ranked(8, discovery=dial)
        kinds = Counter(0 if t <= 10 else 1 if t <= 20 else 2 for t in got.tracks_n.tolist())
        assert kinds == Counter({k: slots for k, slots in shares(dial, 8).items() if slots})
    first = asked.ranked(8, discovery=0.5, lambda_div=0).tracks_n.tolist()
    assert sorted(first) == [1, 2, 11, 12, 13, 14, 21, 22]
    assert {min(4, 1 + (t - 1) // 10) for t in first[:4]} == {1, 2, 3}  # spread over the list


def test_what_runs_out_leaves_its_slots_to_what_is_further_from_home(best_first: Callable) -> None:
    asked = best_first(9, heard=(1,), artist_T=[1, 1, 2, 2, 2, 2, 2, 2, 2])
    got = asked.ranked(8, discovery=0.1, lambda_div=0)
    assert sorted(got.tracks_n.tolist()) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert got.bound is None
    only = asked.ranked(8, discovery=0)
    assert only.tracks_n.tolist() == [1]
    assert only.bound == "discovery=0.0 left 1 of 9 tracks"


def test_an_unknown_artist_is_not_new(best_first: Callable) -> None:
    asked = best_first(4, heard=(1,), artist_T=[1, 1, 0, 2])
    kinds = distance(asked.catalogue, asked.taste)[1:].tolist()
    assert kinds == [HEARD, OF_HEARD_ARTIST, OF_HEARD_ARTIST, NEW]
    got = asked.ranked(3, discovery=1, lambda_div=0)
    assert got.tracks_n.tolist() == [4]
    assert got.bound == (
        "discovery=1.0 left 1 of 4 tracks: "
        "of 1 it is not known whether they keep it, so they do not"
    )


def test_where_kinds_have_scores_of_other_scales_weights_mean_the_same(
    plain: Callable, ranked: Callable
) -> None:
    catalogue = plain(40, artist_T=[1] * 20 + [2] * 20, listeners_T=[1, 50] * 20)
    scores = np.concatenate([[0], 1000 + np.arange(20.0), np.arange(20.0) / 1000])
    taste = Taste(np.arange(1, 21, dtype=np.int32))
    got = ranked(scores, 10, Rules(discovery=0.4, popularity_weight=0.5), catalogue, taste)
    assert np.abs(got.adjusted_n).max() < 3
    assert {int(t > 20) for t in got.tracks_n} == {0, 1}


def test_dropped_counts_what_the_filters_before_left(best_first: Callable) -> None:
    asked = best_first(4, explicit_T=[1, 1, 0, 0], year_T=[1990, 2000, 1990, 2000])
    got = asked.ranked(1, explicit="exclude", year=Bounds(min=1995), lambda_div=0)
    assert got.dropped == {"explicit": 2, "year": 1}
