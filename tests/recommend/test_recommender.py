"""The recommending path: everybody gets a list that keeps its laws and says how it came about."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
import torch

from encore import (
    Dataset,
    HybridMusicRecommender,
    RankedList,
    Recommender,
    Rules,
    TrainConfig,
    UsageError,
    train,
)
from encore.data.features import Features
from encore.data.vocabulary import Vocabulary
from encore.models.batches import Tables, sizes
from encore.models.bundle import Bundle
from encore.models.channels import Als, Channel, ItemKnn, Popularity
from encore.models.ensemble import Choice, Scorers
from encore.models.inputs import Audience, Inputs
from encore.models.means import ShrunkMeans
from encore.models.network_rank import NETWORK
from encore.models.ranking import EMPTY, TieOrder, history_matrix
from encore.models.residuals import Material, Residuals
from encore.recommend.fold_in import FOLDED_IN, FRIENDS, KNOWN, POPULAR

PLAIN = Rules.plain()
STRANGER = "a stranger"
WEIGHTS = {
    "equal": {Popularity.name: 0.25, ItemKnn.name: 0.25, Als.name: 0.25, NETWORK: 0.25},
    "item-knn": {Popularity.name: 0.0, ItemKnn.name: 1.0, Als.name: 0.0, NETWORK: 0.0},
    "als": {Popularity.name: 0.0, ItemKnn.name: 0.0, Als.name: 1.0, NETWORK: 0.0},
    "network": {Popularity.name: 0.0, ItemKnn.name: 0.0, Als.name: 0.0, NETWORK: 1.0},
}


@pytest.fixture(scope="module", params=list(WEIGHTS))
def model(request: pytest.FixtureRequest, small_model: Recommender) -> Recommender:
    """The small model with its list made of every scorer, and of one alone."""
    choice = Choice(WEIGHTS[request.param], {})
    return Recommender(replace(small_model.bundle, choice=choice))


def heard_by(data: Dataset, user_id: str) -> set[str]:
    return set(data.plays.filter(pl.col("user_id") == user_id)["track_id"])


def ids(found: RankedList) -> list[str]:
    return [slot.track_id for slot in found.slots]


# Who gets what


def test_everybody_gets_a_full_list_and_is_told_on_what_it_rests(
    model: Recommender, small_world: Dataset, known: list[str], new: list[str]
) -> None:
    history = dict.fromkeys(small_world.tracks["track_id"][:6], 3.0)
    asked = [(model.recommend(user_id, 7), KNOWN) for user_id in known]
    asked += [(model.recommend(user_id, 7), FRIENDS) for user_id in new]
    asked += [(model.recommend(history=history, n=7), FOLDED_IN)]
    asked += [(model.recommend(known[0], 7, history=history), FOLDED_IN)]
    asked += [(model.recommend(STRANGER, 7), POPULAR), (model.recommend(n=7), POPULAR)]
    for found, answer in asked:
        assert found.answer == answer
        assert [slot.rank for slot in found.slots] == [1, 2, 3, 4, 5, 6, 7]
        assert len(set(ids(found))) == 7
        assert all(np.isfinite(slot.score) for slot in found.slots)
        assert all(slot.reason for slot in found.slots)
        assert (found.bound, found.dropped) == (None, {})


def test_scores_descend_and_are_the_sum_of_their_contributions(
    model: Recommender, small_world: Dataset, known: list[str], new: list[str]
) -> None:
    history = dict.fromkeys(small_world.tracks["track_id"][:6], 3.0)
    asked = [model.recommend(user_id) for user_id in [*known, *new, STRANGER]]
    for found in [*asked, model.recommend(history=history)]:
        scores = [slot.score for slot in found.slots]
        assert scores == sorted(scores, reverse=True)
        for slot in found.slots:
            assert sum(slot.contributions.values()) == pytest.approx(slot.score, abs=1e-4)
            assert slot.contributions


def test_only_weighted_scorers_contribute_and_the_network_is_silent_on_the_new(
    small_model: Recommender, known: list[str], new: list[str]
) -> None:
    weights = {ItemKnn.name: 0.5, NETWORK: 0.5, Popularity.name: 0.0}
    model = Recommender(replace(small_model.bundle, choice=Choice(weights, {})))
    for user_id, expected in (
        (known[0], {ItemKnn.name, NETWORK}),
        (new[0], {ItemKnn.name}),
        (STRANGER, {Popularity.name}),
    ):
        assert {key for s in model.recommend(user_id).slots for key in s.contributions} == expected


def test_the_same_question_has_the_same_answer(
    model: Recommender, known: list[str], new: list[str]
) -> None:
    for user_id in [*known[:10], *new, STRANGER]:
        assert model.recommend(user_id) == model.recommend(user_id)


def test_a_list_is_a_frame_too(model: Recommender, known: list[str]) -> None:
    found = model.recommend(known[0], 5)
    frame = found.to_frame()
    assert frame["track_id"].to_list() == [slot.track_id for slot in found.slots]
    assert frame["score"].to_list() == [slot.score for slot in found.slots]
    assert frame.columns == ["rank", "track_id", "title", "artist", "score", "reason"]
    assert model.recommend(None, 1).to_frame().schema == frame.schema


def test_a_list_is_plain_json(model: Recommender, known: list[str]) -> None:
    rules = Rules(explicit="exclude", per_artist=1, lambda_div=0.5, popularity_weight=-0.5)
    found = model.recommend(known[0], rules=rules, history={"nowhere": 1, "t00003": 2})
    said = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert [slot["track_id"] for slot in said["slots"]] == ids(found)
    assert said["unmatched"] == ["nowhere"]


def test_those_whom_the_network_never_saw_get_what_an_equal_history_gets(
    model: Recommender, small_world: Dataset, known: list[str]
) -> None:
    history = dict(
        small_world.plays.filter(pl.col("user_id") == known[0])
        .select("track_id", "plays")
        .iter_rows()
    )
    found = model.recommend(history=history)
    assert not set(ids(found)) & set(history)
    if not model.bundle.choice.weights[NETWORK]:
        assert ids(found) == ids(model.recommend(known[0]))


# Heard tracks


def test_heard_tracks_are_never_listed_unless_asked_for(
    model: Recommender, small_world: Dataset, known: list[str]
) -> None:
    everything = small_world.tracks.height
    for user_id in known[:4]:
        heard = heard_by(small_world, user_id)
        whole = set(small_world.tracks["track_id"])
        for policy, expected in (("mask", whole - heard), ("only", heard), ("allow", whole)):
            found = model.recommend(user_id, everything, rules=Rules(heard=policy))
            assert set(ids(found)) == expected
            assert len(found.slots) == len(expected)


def test_skipped_tracks_are_heard(small_model: Recommender, small_world: Dataset) -> None:
    everything = small_world.tracks.height
    skipped, played = small_world.tracks["track_id"][:2]
    found = small_model.recommend(history={skipped: 0, played: 3}, n=everything)
    assert len(found.slots) == everything - 2
    assert not {skipped, played} & set(ids(found))
    only = small_model.recommend(history={skipped: 0}, n=5)
    assert len(only.slots) == 5
    assert skipped not in ids(only)


def test_what_friends_heard_may_be_listed_for_a_new_listener(
    small_model: Recommender, small_world: Dataset, new: list[str]
) -> None:
    found = small_model.recommend(new[0], small_world.tracks.height)
    assert len(found.slots) == small_world.tracks.height


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_a_new_listeners_friends_count_as_two_rows_of_their_own(
    small_model: Recommender, small_world: Dataset, new: list[str], known: list[str], rows: int
) -> None:
    played = sorted(heard_by(small_world, known[0]))[:rows]
    everything = small_world.tracks.height

    def scores(user_id: str | None, history: dict[str, float] | None = None) -> dict[str, float]:
        listed = small_model.recommend(user_id, everything, history=history)
        return {slot.track_id: slot.score for slot in listed.slots}

    of_friends, both = scores(new[0]), scores(new[0], dict.fromkeys(played, 3.0))
    own = scores(None, dict.fromkeys(played, 3.0))
    assert both.keys() == of_friends.keys() - set(played)
    for track_id, score in both.items():
        mixed = (rows * own[track_id] + 2 * of_friends[track_id]) / (rows + 2)
        assert score == pytest.approx(mixed, abs=1e-5)


def test_more_slots_than_the_catalogue_give_the_whole_catalogue(
    model: Recommender, small_world: Dataset, known: list[str]
) -> None:
    found = model.recommend(known[0], 10 * small_world.tracks.height)
    assert len(found.slots) == small_world.tracks.height - len(heard_by(small_world, known[0]))


@pytest.mark.parametrize("n", [0, -1, -300])
def test_fewer_than_one_slot_is_refused(small_model: Recommender, n: int) -> None:
    with pytest.raises(UsageError, match=f"n = {n}"):
        small_model.recommend(STRANGER, n)
    with pytest.raises(UsageError, match=f"n = {n}"):
        small_model.generate_recommendations(STRANGER, n)


# Rules


@pytest.fixture(scope="module")
def flags(small_world: Dataset) -> dict[str, bool | None]:
    found = dict(small_world.tracks.select("track_id", "explicit").iter_rows())
    assert set(found.values()) == {True, False, None}
    return found


@pytest.mark.parametrize(
    ("policy", "kept"),
    [("allow", {True, False, None}), ("exclude_known", {False, None}), ("exclude", {False})],
)
def test_the_explicit_rule_keeps_unknown_apart_from_clean(
    model: Recommender,
    small_world: Dataset,
    known: list[str],
    flags: dict[str, bool | None],
    policy: str,
    kept: set[bool | None],
) -> None:
    everything = small_world.tracks.height
    for user_id in [*known[:6], STRANGER]:
        found = model.recommend(user_id, everything, rules=Rules(explicit=policy))
        open_ = set(flags) - heard_by(small_world, user_id)
        assert set(ids(found)) == {track_id for track_id in open_ if flags[track_id] in kept}
        if policy != "allow":
            assert found.dropped["explicit"] == len(open_) - len(found.slots)
            assert found.bound is not None
            assert f"explicit='{policy}'" in found.bound


@pytest.mark.parametrize("most", [1, 2])
def test_no_artist_has_more_slots_than_the_rule_allows(
    model: Recommender, small_world: Dataset, known: list[str], most: int
) -> None:
    artist = dict(small_world.tracks.select("track_id", "artist_id").iter_rows())
    crowded = 0
    for user_id in [*known[:12], STRANGER]:
        found = model.recommend(user_id, 10, rules=Rules(per_artist=most, lambda_div=0))
        assert len(found.slots) == 10
        assert max(Counter(artist[track_id] for track_id in ids(found)).values()) <= most
        plain = model.recommend(user_id, 10, rules=PLAIN)
        free = Counter(artist[track_id] for track_id in ids(plain))
        crowded += max(free.values()) > most
    assert crowded


def test_popularity_weight_moves_the_list_to_popular_or_rare_tracks(
    model: Recommender, small_world: Dataset, known: list[str]
) -> None:
    listeners = dict(small_world.plays.group_by("track_id").len().iter_rows())

    def popularity(weight: float) -> float:
        rules = Rules(popularity_weight=weight)
        listed = [t for user_id in known[:12] for t in ids(model.recommend(user_id, rules=rules))]
        return float(np.mean([listeners.get(track_id, 0) for track_id in listed]))

    assert popularity(-3) < popularity(0) < popularity(3)


def test_costs_are_told_of_each_rule_that_is_on(small_model: Recommender, known: list[str]) -> None:
    rules = Rules(lambda_div=1.0, diversity="mmr", popularity_weight=0.5)
    found = small_model.recommend(known[0], rules=rules)
    assert all(set(s.costs) == {"lambda_div", "popularity_weight"} for s in found.slots)
    assert found.slots[0].costs["lambda_div"] == 0
    assert all(slot.costs["lambda_div"] != 0 for slot in found.slots[1:])
    assert set(found.prices) == {"lambda_div", "popularity_weight"}
    assert found.to_json()["prices"] == found.prices
    assert found == small_model.recommend(known[0], rules=rules)  # whose prices nobody has read
    plain = small_model.recommend(known[0], rules=PLAIN)
    assert all(slot.costs == {} for slot in plain.slots)
    assert plain.prices == {}


def test_a_rule_that_leaves_few_candidates_draws_on_the_whole_catalogue() -> None:
    # 800 tracks of one artist score best; those of the other come far behind.
    tracks = 1000
    model = _handmade(np.arange(tracks, 0, -1.0), artist_T=[1] * 800 + [2] * 200)
    found = model.recommend(history={"t0": 1.0}, n=4, rules=Rules(per_artist=2))
    assert [int(track_id[1:]) for track_id in ids(found)] == [1, 2, 800, 801]


# Reasons


def test_reasons_name_tracks_of_the_listener_and_count_those_who_play_a_track(
    small_model: Recommender, small_world: Dataset, known: list[str]
) -> None:
    titles = dict(small_world.tracks.select("track_id", "title").iter_rows())
    for user_id in known[:12]:
        for slot in small_model.recommend(user_id).slots:
            assert set(slot.because) <= heard_by(small_world, user_id)
            assert all(titles[track_id] in slot.reason for track_id in slot.because)
    played = small_world.plays.filter(pl.col("plays") > 0)
    listeners = dict(played.group_by("track_id").len().iter_rows())
    for slot in small_model.recommend(STRANGER).slots:
        assert slot.because == []
        assert slot.reason == f"played by {listeners[slot.track_id]} listeners"


def test_those_who_only_skipped_a_track_are_not_counted_among_its_players(
    small_world: Dataset, small_config: TrainConfig
) -> None:
    track_id = small_world.plays["track_id"].mode().sort()[0]
    of_track = pl.col("track_id") == track_id
    skipped = of_track & (of_track.cum_sum() <= 3)
    plays = small_world.plays.with_columns(
        pl.when(skipped).then(0).otherwise(pl.col("plays") + 1).cast(pl.Float32).alias("plays")
    )
    model = train(small_world.with_tables(plays=plays), small_config.replaced(max_epochs=1))
    reason = {s.track_id: s.reason for s in model.recommend(STRANGER, 20).slots}[track_id]
    assert reason == f"played by {plays.filter(of_track).height - 3} listeners"


# The same list by other ways


def test_the_seeds_call_is_the_plain_list(model: Recommender, known: list[str]) -> None:
    for user_id in [*known[:5], STRANGER]:
        track_ids, scores = model.generate_recommendations(user_id, 6)
        plain = model.recommend(user_id, 6, rules=PLAIN)
        assert track_ids == ids(plain)
        assert scores == [slot.score for slot in plain.slots]
        assert len(model.generate_recommendations(user_id)[0]) == 10


def test_the_batch_ranks_as_each_listener_alone(model: Recommender, known: list[str]) -> None:
    listeners, tracks = model.bundle.features.listeners, model.bundle.features.tracks
    top_BK = model.top(listeners.encode(pl.Series(known)), 10)
    for user_id, top_K in zip(known, top_BK, strict=True):
        plain = ids(model.recommend(user_id, rules=PLAIN))
        assert plain == tracks.decode(top_K[top_K != EMPTY]).to_list()


def test_the_batch_ranks_listeners_without_a_training_row_as_each_alone(
    model: Recommender, small_world: Dataset, new: list[str]
) -> None:
    scorers = model.bundle.scorers
    alone = replace(scorers.inputs, friends_UU=scorers.inputs.friends_UU * 0)
    alone.friends_UU.eliminate_zeros()
    model = Recommender(
        replace(
            model.bundle,
            friends=small_world.friends.clear(),
            scorers=replace(scorers, inputs=alone),
        )
    )
    listeners, tracks = model.bundle.features.listeners, model.bundle.features.tracks
    top_BK = model.top(listeners.encode(pl.Series(new)), 10)
    for user_id, top_K in zip(new, top_BK, strict=True):
        alone = model.recommend(user_id, rules=PLAIN)
        assert alone.answer == POPULAR
        assert ids(alone) == tracks.decode(top_K).to_list()


def test_plays_are_predicted_for_everybody_and_everything(
    small_model: Recommender, small_world: Dataset, known: list[str]
) -> None:
    for user_id in (known[0], STRANGER):
        for track_id in (small_world.tracks["track_id"][0], "a new track"):
            plays = small_model.predict(user_id, track_id)
            assert np.isfinite(plays)
            assert plays >= 0
    mean = float(np.expm1(small_model.bundle.means.mean))
    assert small_model.predict(STRANGER, "a new track") == pytest.approx(mean, rel=0.5)


# A model made by hand


class _Fixed(Channel):
    """A channel with the same scores for everybody."""

    name = "fixed"

    def __init__(self, scores_T: np.ndarray) -> None:
        self._scores_T = scores_T.astype(np.float32)

    def fit(self, inputs: Inputs) -> "_Fixed":  # noqa: ARG002
        return self

    def fold_in(self, audience: Audience) -> int:
        return len(audience)

    def score(self, folded: int) -> np.ndarray:
        return np.tile(self._scores_T, (folded, 1))

    def attribute(self, history_1T: sp.csr_array, tracks_N: np.ndarray) -> np.ndarray:
        return np.zeros((len(tracks_N), len(history_1T.indices)), np.float32)


def _handmade(scores: np.ndarray, artist_T: list[int]) -> Recommender:
    """A model over tracks t0, t1 … with these scores and artists, whom nobody has heard."""

    rows = len(scores) + 1
    names = pl.Series([f"t{t}" for t in range(len(scores))])
    features = Features(
        listeners=Vocabulary(pl.Series([], dtype=pl.String)),
        tracks=Vocabulary(names),
        artists=Vocabulary(pl.Series(["one", "other"])),
        genres=Vocabulary(pl.Series([], dtype=pl.String)),
        heard_U=np.zeros(1, bool),
        heard_T=np.zeros(rows, bool),
        artist_T=np.array([0, *artist_T], np.int32),
        genres_TG=np.zeros((rows, 1), np.int32),
        genre_weight_TG=np.zeros((rows, 1), np.float32),
        numeric_TF=np.zeros((rows, 1), np.float32),
        binary_TB=np.zeros((rows, 1), np.float32),
        numeric_UF=np.zeros((1, 1), np.float32),
    )
    means = ShrunkMeans(0.0, np.zeros(1), np.zeros(rows))
    network = HybridMusicRecommender(sizes(features), 2, (2,)).eval()
    tables = Tables.of(features, means, torch.device("cpu"))
    nothing = history_matrix(np.zeros(0, int), np.zeros(0, int), np.zeros(0), (1, rows))
    inputs = Inputs.of(nothing)
    channels = {"fixed": _Fixed(np.array([0, *scores])), "popularity": Popularity().fit(inputs)}
    return Recommender(
        Bundle(
            config=TrainConfig(embedding_dim=2, hidden_layers=(2,)),
            item_kind="track",
            scorers=Scorers(
                features, tables, network, channels, inputs, TieOrder.of(np.zeros(rows, int))
            ),
            means=means,
            residuals=Residuals.fit(Material.of(inputs, features.numeric_TF, {}), means, 0.5),
            choice=Choice({"fixed": 1.0}, {}),
            tracks=pl.DataFrame(
                {"track_id": names, "title": names, "artist": None, "explicit": None},
                schema_overrides={"explicit": pl.Boolean},
            ),
            listeners_T=np.zeros(rows, int),
            friends=pl.DataFrame(schema={"user_id": pl.String, "friend_id": pl.String}),
        )
    )


@pytest.mark.parametrize("listeners", [True, False])
def test_what_is_computed_ahead_changes_no_list(small_model: Recommender, listeners: bool) -> None:
    scorers = replace(small_model.bundle.scorers)
    model = Recommender(replace(small_model.bundle, scorers=scorers))
    known = small_model.bundle.features.listeners.ids.to_list()
    model.warm(listeners)
    assert bool(scorers._listeners) == listeners
    for user in (*known[:9], "nobody we know"):
        found, before = model.recommend(user), small_model.recommend(user)
        assert [slot.track_id for slot in found.slots] == [slot.track_id for slot in before.slots]
        scores = [slot.score for slot in before.slots]
        assert [slot.score for slot in found.slots] == pytest.approx(scores, abs=1e-5)


def test_an_empty_list_says_which_rule_left_it_empty(small_model: Recommender) -> None:
    found = small_model.recommend("nobody we know", rules=Rules(heard="only"))
    assert found.slots == []
    assert found.bound == "heard='only' left 0 of 120 tracks"
