"""Explanations: the terms sum to the score that `recommend` gives, whoever asks."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encore import Dataset, Explanation, InputError, Recommender, Rules, UsageError
from encore.models.channels import Als, Content, Ease, Hybrid, ItemKnn, Popularity, UserKnn
from encore.models.ensemble import RANKER, Choice
from encore.models.network_rank import NETWORK
from encore.recommend.fold_in import FOLDED_IN, FRIENDS, KNOWN, POPULAR
from encore.recommend.reasons import Nearness
from encore.schema import ACOUSTIC

PLAIN = Rules.plain()
STRANGER = "a stranger"
ADDITIVE = (ItemKnn.name, Ease.name, Content.name, Als.name, UserKnn.name, Hybrid.name)
EVERY = Choice(dict.fromkeys([*ADDITIVE, Popularity.name, NETWORK], 0.25), {})


@pytest.fixture(scope="module")
def model(small_model: Recommender) -> Recommender:
    """The small model with a list to which every kind of scorer contributes."""
    return Recommender(replace(small_model.bundle, choice=EVERY))


def sums(found: Explanation) -> None:
    """Check that every sum in an explanation holds, to a millionth of what is added up."""
    terms = [one.score for one in found.contributions]
    assert sum(terms) == pytest.approx(found.score, abs=1e-6 * max(1, np.abs(terms).sum()))
    for one in found.contributions:
        within = [part.score for part in (*one.tracks, *one.friends)] + [one.rest]
        room = 1e-6 * max(1, np.abs(within).sum())
        assert sum(within) == pytest.approx(one.score, abs=room)


def by_scorer(found: Explanation) -> dict[str, float]:
    return {one.scorer: one.score for one in found.contributions}


# The sums


@settings(max_examples=25)
@given(data=st.data())
def test_terms_sum_to_the_score_of_the_slot_whoever_asks(
    model: Recommender,
    small_world: Dataset,
    known: list[str],
    new: list[str],
    data: st.DataObject,
) -> None:
    weights = data.draw(
        st.fixed_dictionaries(
            {name: st.sampled_from([0.0, 0.1, 1.0]) for name in EVERY.weights}
        ).filter(lambda weights: any(weights.values()))
    )
    asked = Recommender(replace(model.bundle, choice=Choice(weights, {})))
    tracks = st.sampled_from(small_world.tracks["track_id"].to_list())
    plays = data.draw(st.dictionaries(tracks, st.floats(1, 50), min_size=1, max_size=6))
    who, history, answer = data.draw(
        st.sampled_from(
            [
                *((user_id, None, KNOWN) for user_id in known[:9]),
                *((user_id, None, FRIENDS) for user_id in new),
                (None, plays, FOLDED_IN),
                (new[0], plays, FOLDED_IN),  # with a share for friends
                (STRANGER, None, POPULAR),
            ]
        )
    )
    listed = asked.recommend(who, 5, rules=PLAIN, history=history)
    for slot in listed.slots:
        found = asked.explain(who, slot.track_id, 5, rules=PLAIN, history=history)
        sums(found)
        terms = np.abs([*slot.contributions.values()]).sum()
        assert found.score == pytest.approx(slot.score, abs=1e-6 * max(1, terms))
        assert by_scorer(found) == slot.contributions
        assert (found.answer, found.slot, found.place) == (answer, slot.rank, slot.rank)
        assert found.reason == slot.reason
        assert not found.removed_by


def test_what_no_track_carries_is_the_same_for_all_tracks_of_an_additive_channel(
    model: Recommender, small_world: Dataset, known: list[str], new: list[str]
) -> None:
    heard = small_world.plays["track_id"].unique(maintain_order=True)[:12]
    history = {heard[0]: 4.0, heard[5]: 1.0}
    askers = [(known[0], None), (known[7], None), (new[0], None), (None, history)]
    for user_id, brought in [*askers, (new[0], history)]:
        rests: dict[str, list[float]] = {name: [] for name in ADDITIVE}
        for track in heard:
            for one in model.explain(user_id, track, history=brought).contributions:
                if one.scorer in rests:
                    rests[one.scorer].append(one.rest)
        for name, rest in rests.items():
            assert len(rest) == 12
            assert np.ptp(rest) == pytest.approx(0, abs=2e-4), name


def test_a_channels_tracks_are_the_listeners_and_other_scorers_are_one_term(
    model: Recommender, small_world: Dataset, known: list[str]
) -> None:
    own = set(small_world.plays.filter(pl.col("user_id") == known[0])["track_id"])
    for slot in model.recommend(known[0]).slots:
        found = {one.scorer: one for one in model.explain(known[0], slot.track_id).contributions}
        for name in (NETWORK, Popularity.name):
            assert found[name].tracks == found[name].friends == []
            assert found[name].rest == found[name].score
        assert {part.track_id for name in ADDITIVE for part in found[name].tracks} <= own
        assert not any(one.friends for one in found.values())


def test_what_the_ranker_changes_is_one_term(model: Recommender, known: list[str]) -> None:
    class Backwards:
        channels = (ItemKnn.name, Popularity.name)

        def correction(self, blend_BT: np.ndarray, *_: object) -> np.ndarray:
            return -2 * blend_BT

    scorers = replace(model.bundle.scorers, ranker=Backwards())
    turned = Recommender(replace(model.bundle, scorers=scorers))
    for slot in turned.recommend(known[0], 5).slots:
        before, found = (one.explain(known[0], slot.track_id, 5) for one in (model, turned))
        sums(found)
        assert found.score == pytest.approx(-before.score, abs=1e-5)
        assert found.slot == slot.rank
        (term,) = [one for one in found.contributions if one.scorer == RANKER]
        assert (term.tracks, term.rest) == ([], term.score)


def test_content_is_genres_and_artist_to_the_last_digit(
    model: Recommender, small_world: Dataset, known: list[str]
) -> None:
    artist_of = dict(small_world.tracks.select("track_id", "artist_id").iter_rows())
    seen = set()
    for slot in model.recommend(known[0], 40, rules=PLAIN).slots:
        found = model.explain(known[0], slot.track_id)
        for one in found.contributions:
            if not one.kinds:
                continue
            carried = sum(part.score for part in one.tracks)
            assert sum(one.kinds.values()) == pytest.approx(carried, rel=1e-6)
            played = {artist_of[part.track_id] for part in one.tracks}
            by_played = artist_of[slot.track_id] in played
            assert (one.kinds["artist"] > 1e-6) == by_played
            seen.add(by_played)
    assert seen == {True, False}


# Friends


def test_friends_have_all_of_a_new_listeners_score_and_a_share_of_a_short_history(
    model: Recommender, small_world: Dataset, new: list[str]
) -> None:
    track, other = small_world.plays["track_id"].unique(maintain_order=True)[:2]
    assert model.explain(new[0], track).friends_share == 1
    for one in model.explain(new[0], track).contributions:
        assert one.tracks == []
    assert model.explain(new[0], track, history={other: 2}).friends_share == pytest.approx(2 / 3)
    assert model.explain(STRANGER, track, history={other: 2}).friends_share == 0


def test_friends_who_play_a_track_are_named(
    model: Recommender, small_world: Dataset, known: list[str]
) -> None:
    pairs = small_world.friends.filter(pl.col("user_id").is_in(known))
    user_id = pairs["user_id"][0]
    plays = small_world.plays.filter(pl.col("plays") > 0)
    for track in small_world.tracks["track_id"][:40]:
        players = set(plays.filter(pl.col("track_id") == track)["user_id"])
        friends = set(pairs.filter(pl.col("user_id") == user_id)["friend_id"])
        found = model.explain(user_id, track)
        assert set(found.friends) == friends & players
        count = len(found.friends)
        told = "1 friend plays it" if count == 1 else f"{count} friends play it"
        assert found.reason.endswith(told) == bool(count)


# Where it stands, and what keeps it out


def test_a_heard_track_has_a_place_and_the_rules_that_remove_it_are_named(
    model: Recommender, small_world: Dataset, known: list[str]
) -> None:
    track = small_world.plays.filter(pl.col("user_id") == known[0])["track_id"][0]
    out = Rules(ban_tracks=(track,), listeners=f"..{10**6}")
    found = model.explain(known[0], track, rules=out)
    assert (found.heard, found.slot, found.costs) == (True, None, None)
    assert found.removed_by == {"heard": "refused", "ban_tracks": "refused"}
    assert 1 <= found.place <= found.of
    again = model.explain(known[0], track, rules=Rules(heard="allow"))
    assert (again.removed_by, again.score) == ({}, found.score)
    silent = small_world.tracks.filter(pl.col("tempo").is_null())["track_id"][0]
    bounded = model.explain(STRANGER, silent, rules=Rules(acoustics={"tempo": "60..200"}))
    assert bounded.removed_by == {"acoustics": "not known"}


def test_under_the_dial_a_heard_track_has_its_score_by_repeat_alone(
    model: Recommender, known: list[str]
) -> None:
    rules = Rules(discovery=0.0)
    for slot in model.recommend(known[0], 3, rules=rules).slots:
        found = model.explain(known[0], slot.track_id, 3, rules=rules)
        sums(found)
        assert found.score == pytest.approx(slot.score, rel=1e-6)
        (one,) = [one for one in found.contributions if one.score]
        assert [part.track_id for part in one.tracks] == [slot.track_id]
        assert (one.scorer, found.slot, found.reason) == ("repeat", slot.rank, slot.reason)


def test_costs_are_those_of_the_slot(model: Recommender, known: list[str]) -> None:
    for slot in model.recommend(known[0], 6).slots:
        found = model.explain(known[0], slot.track_id, 6)
        assert (found.slot, found.costs) == (slot.rank, slot.costs)
        assert "lambda_div" in slot.costs


def test_what_somebody_banned_is_kept_out(model: Recommender, small_world: Dataset) -> None:
    first, second = small_world.plays["track_id"].unique(maintain_order=True)[:2]
    person = model.fold_in({first: 3}).ban(second)
    found = person.explain(second)
    assert found.removed_by == {"banned": "refused"}
    assert found.slot is None


# Acoustics


def test_acoustics_stand_beside_the_mean_of_what_was_played(
    model: Recommender, small_world: Dataset
) -> None:
    known = small_world.tracks.drop_nulls(ACOUSTIC)
    one, other, asked = known["track_id"][:3]
    found = model.explain(None, asked, history={one: 1, other: 3})
    assert [near.feature for near in found.acoustics] == list(ACOUSTIC)
    at = {row["track_id"]: row for row in known.to_dicts()}
    for near in found.acoustics:
        mean = (at[one][near.feature] + 2 * at[other][near.feature]) / 3  # log2 of 2 and of 4
        assert near.track == pytest.approx(at[asked][near.feature], rel=1e-5)
        assert near.listener == pytest.approx(mean, rel=1e-5)
        deviation = small_world.tracks[near.feature].std(ddof=0)
        assert near.apart == pytest.approx((near.track - mean) / deviation, abs=1e-4)


def test_the_reason_names_energy_and_tempo_where_the_track_is_close_in_them(
    model: Recommender, small_world: Dataset
) -> None:
    one = small_world.tracks.drop_nulls(ACOUSTIC)["track_id"][0]
    told = {
        ("energy", "tempo"): "close in energy and tempo",
        ("energy",): "close in energy",
        ("tempo",): "close in tempo",
    }
    seen = set()
    for track in small_world.tracks["track_id"]:
        found = model.explain(None, track, history={one: 1})
        words = {near.feature: near.word for near in found.acoustics}
        close = tuple(f for f in ("energy", "tempo") if words.get(f) == "close")
        clauses = found.reason.split("; ")
        assert [c for c in clauses if c.startswith("close in")] == ([told[close]] if close else [])
        seen.add(close)
    assert seen == {(), *told}


def test_nothing_is_said_of_unknown_acoustics(model: Recommender, small_world: Dataset) -> None:
    without = small_world.tracks.filter(pl.all_horizontal(pl.col(ACOUSTIC).is_null()))
    assert without.height
    one = small_world.tracks.drop_nulls(ACOUSTIC)["track_id"][0]
    for track in without["track_id"][:3]:
        assert model.explain(None, track, history={one: 1}).acoustics == []


@pytest.mark.parametrize(
    ("feature", "apart", "word"),
    [
        ("energy", -0.6, "calmer"),
        ("energy", 0.6, "more energetic"),
        ("tempo", -0.6, "slower"),
        ("tempo", 0.5, "close"),
        ("valence", 2.0, "higher"),
    ],
)
def test_differences_have_words(feature: str, apart: float, word: str) -> None:
    assert Nearness(feature, 0.0, 0.0, apart).word == word


# Asking


def test_a_track_is_known_by_its_name_too_and_all_is_plain_json(
    model: Recommender, small_world: Dataset, known: list[str]
) -> None:
    row = small_world.tracks.row(3, named=True)
    found = model.explain(known[0], f"{row['artist']} - {row['title']}")
    assert found.track_id == row["track_id"]
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert told["contributions"][0]["scorer"] == found.contributions[0].scorer
    assert [near["word"] for near in told["acoustics"]] == [near.word for near in found.acoustics]


def test_what_cannot_be_explained_is_refused(model: Recommender, known: list[str]) -> None:
    with pytest.raises(InputError, match="track 'no such song': not found"):
        model.explain(known[0], "no such song")
    with pytest.raises(UsageError, match="n = 0: expected 1 or more"):
        model.explain(known[0], "t00000", 0)


def test_an_artist_is_explained_where_items_are_artists(artist_model: Recommender) -> None:
    user_id = artist_model.bundle.features.listeners.id(1)
    slot = artist_model.recommend(user_id, 1).slots[0]
    found = artist_model.explain(user_id, slot.title)
    assert (found.track_id, found.slot) == (slot.track_id, 1)
    sums(found)
