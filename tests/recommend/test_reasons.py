"""Reasons for many tracks at once are those for each alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from encore import Dataset, Recommender, Rules
from encore.models.ensemble import NETWORK, Choice
from encore.recommend.fold_in import listener_of
from encore.recommend.reasons import LARGEST, SHARE, main_tracks

TRACKS_H = np.array([9, 4, 7, 2, 5])  # in no order, as products of scipy have them
totals = arrays(np.float64, (3, 5), elements=st.sampled_from([-0.5, 0, 0.01, 0.02, 0.3, 0.3, 1]))


@pytest.fixture(scope="module")
def model(small_model: Recommender) -> Recommender:
    """The small model with a list to which all its scorers contribute, on new tracks others."""
    names = [*small_model.bundle.scorers.channels, NETWORK]
    weights = {name: 0.1 * place for place, name in enumerate(names)}
    unheard = {name: 0.2 * (place % 2) for place, name in enumerate(names)}
    return Recommender(replace(small_model.bundle, choice=Choice(weights, {}, unheard)))


@given(totals)
def test_the_main_tracks_carry_a_share_and_the_largest_is_named_all_the_same(
    total_NH: np.ndarray,
) -> None:
    for found, total_H in zip(main_tracks(TRACKS_H, total_NH), total_NH, strict=True):
        pairs = zip(TRACKS_H.tolist(), total_H.tolist(), strict=True)
        ordered = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
        whole = sum(value for _, value in ordered if value > 0)
        carrying = [track for track, value in ordered if 0 < value >= SHARE * whole]
        named = carrying[:LARGEST] or [track for track, value in ordered[:1] if value > 0]
        assert found == named


def test_without_a_history_nothing_carries_a_score() -> None:
    assert main_tracks(np.zeros(0, np.int64), np.zeros((2, 0))) == [[], []]


@pytest.mark.parametrize("discovery", [None, 0.4])
@pytest.mark.parametrize("brings", [False, True])
def test_what_carries_the_scores_of_a_list_is_what_carries_each(
    model: Recommender, known: list[str], new: list[str], discovery: float | None, brings: bool
) -> None:
    bundle, rules = model.bundle, Rules(discovery=discovery)
    history = {bundle.features.tracks.id(t): 2.0 for t in (3, 8, 21, 40)} if brings else None
    every = np.arange(1, bundle.features.tracks.rows)
    for user_id in (known[0], known[5], new[0]):
        listener = listener_of(bundle, user_id, history)
        found = model._scored(listener, rules)
        for of_friends in (False, True):
            whole = found.attribution(every, of_friends=of_friends)
            summed_NH = sum([*whole.by_scorer_NH.values()], np.zeros_like(whole.total_NH))
            assert whole.total_NH == pytest.approx(summed_NH)
            for place in range(0, len(every), 7):
                alone = found.attribution(every[[place]], of_friends=of_friends)
                assert alone.total_NH[0] == pytest.approx(whole.total_NH[place], abs=1e-6)
        reasons = model._reasons(listener, found, every)
        for place in range(0, len(every), 7):
            alone = model._reasons(listener, found, every[[place]])
            assert reasons.because[place] == alone.because[0]
            assert reasons.sentence(place) == alone.sentence(0)
            assert reasons.genres[place] == alone.genres[0]
            assert reasons.nearness(place) == alone.nearness(0)
            assert reasons.friends(place) == alone.friends(0)


def test_what_the_dial_repeats_is_carried_by_the_listener_and_no_friend(
    model: Recommender, small_world: Dataset, new: list[str]
) -> None:
    friends = small_world.friends.filter(user_id=new[0])["friend_id"]
    played = small_world.plays.filter(user_id=friends[0])["track_id"][0]
    found = model.explain(new[0], played, rules=Rules(discovery=0.2), history={played: 3})
    assert 0 < found.friends_share < 1
    (one,) = [one for one in found.contributions if one.score]
    assert (one.scorer, [part.track_id for part in one.tracks]) == ("repeat", [played])
    assert (one.friends, one.rest) == ([], pytest.approx(0, abs=1e-6))
