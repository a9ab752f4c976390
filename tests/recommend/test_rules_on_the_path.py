"""The rules where they are used: from a bundle to lists of one listener and of all."""

import os
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encore import Dataset, Recommender, Rules
from encore.data.identity import normalise_artist
from encore.models import index
from encore.models.channels import Als, Repeat
from encore.recommend.catalogue import catalogue_of, taste_of
from encore.recommend.fold_in import listener_of
from encore.recommend.rules import Bounds

rules_of_a_request = st.builds(
    Rules,
    explicit=st.sampled_from(["allow", "exclude", "exclude_known"]),
    heard=st.sampled_from([None, "mask", "allow", "only"]),
    per_artist=st.none() | st.integers(1, 2),
    artist_spacing=st.integers(0, 2),
    ban_tracks=st.lists(st.integers(0, 119).map("t{:05d}".format), max_size=9).map(tuple),
    acoustics=st.just({}) | st.just({"energy": Bounds(min=0.3)}),
    genre_balance=st.sampled_from([0, 0.5]),
    popularity_weight=st.sampled_from([0, -0.5]),
    lambda_div=st.sampled_from([0, 2.85]),
)


REQUESTS = 10_000 if os.environ.get("ENCORE_HYPOTHESIS") == "requests" else 30


@pytest.fixture(scope="module")
def indexed_model(small_model: Recommender) -> Recommender:
    """The model with its candidates from indexes, however little these find."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "WANTED_RECALL", 0.2)
        patch.setattr(index, "MEASURED_AT", 20)
        bundle = small_model.bundle
        channels = {
            name: type(channel).from_arrays(channel.arrays(), bundle.scorers.inputs)
            for name, channel in bundle.scorers.channels.items()
        }
        scorers = replace(bundle.scorers, channels=channels, indexed_from=0)
        model = Recommender(replace(bundle, scorers=scorers))
        model.warm()
    assert {*scorers.indexes()} == {"als", "hybrid", "network-rank"}
    return model


@pytest.mark.parametrize("retrieval", ["exact", "indexed"])
@settings(max_examples=REQUESTS)
@given(st.data(), rules_of_a_request, st.none() | st.floats(0, 1), st.integers(1, 12))
def test_random_requests_keep_their_laws(
    small_model: Recommender,
    indexed_model: Recommender,
    small_world: Dataset,
    retrieval: str,
    data: st.DataObject,
    rules: Rules,
    dial: float | None,
    n: int,
) -> None:
    if retrieval == "indexed":
        small_model = indexed_model
    if dial is not None:
        rules = rules.model_copy(update={"discovery": dial, "heard": None})
    listeners = small_model.bundle.features.listeners
    known = np.flatnonzero(small_model.bundle.features.heard_U).astype(np.int32)
    user = data.draw(st.sampled_from(known.tolist()))
    found = small_model.recommend(listeners.id(user), n, rules=rules)
    listed = [slot.track_id for slot in found.slots]
    assert len(set(listed)) == len(listed) <= n
    assert not set(listed) & set(rules.ban_tracks)
    heard = heard_by(small_world, listeners.id(user))
    if rules.heard in (None, "mask") and dial is None:
        assert not set(listed) & heard
    if rules.heard == "only":
        assert set(listed) <= heard
    for slot in found.slots:
        assert sum(slot.contributions.values()) == pytest.approx(slot.score, abs=1e-4)
    if len(listed) < n:
        assert found.bound
    several = np.array([known[0], user, known[-1]], np.int32)
    batch = small_model.lists(several, n, rules)[1]
    tracks = small_model.bundle.features.tracks
    assert tracks.decode(batch.tracks_n).to_list() == listed
    assert (batch.dropped, batch.bound, batch.notes) == (found.dropped, found.bound, found.notes)


def heard_by(data: Dataset, user_id: str) -> set[str]:
    return set(data.plays.filter(pl.col("user_id") == user_id)["track_id"])


# The dial


def test_along_the_dial_the_heard_and_the_heard_artists_give_way(
    small_model: Recommender, small_world: Dataset
) -> None:
    artist = dict(small_world.tracks.select("track_id", "artist_id").iter_rows())
    users = small_world.plays["user_id"].unique(maintain_order=True).to_list()[:15]
    shares = []
    for dial in (0, 0.25, 0.5, 0.75, 1):
        heard, known, listed = 0, 0, 0
        for user in users:
            own = heard_by(small_world, user)
            artists = {artist[track_id] for track_id in own}
            found = small_model.recommend(user, 8, rules=Rules(discovery=dial))
            ids = [slot.track_id for slot in found.slots]
            heard += sum(track_id in own for track_id in ids)
            known += sum(artist[track_id] in artists for track_id in ids)
            listed += len(ids)
        shares.append((heard / listed, known / listed))
    assert [share[0] for share in shares] == sorted((s[0] for s in shares), reverse=True)
    assert [share[1] for share in shares] == sorted((s[1] for s in shares), reverse=True)
    assert (shares[0], shares[-1]) == ((1, 1), (0, 0))
    assert 0 < shares[2][0] < shares[2][1] < 1


def test_at_the_familiar_end_the_repeat_channel_speaks(
    small_model: Recommender, small_world: Dataset
) -> None:
    user = small_world.plays["user_id"][0]
    rules = Rules(discovery=0, lambda_div=0)
    found = small_model.recommend(user, 5, rules=rules)
    audience = listener_of(small_model.bundle, user, None).asking
    repeat = Repeat.of(small_model.bundle.config).fit(small_model.bundle.scorers.inputs)
    scores_T = repeat.score(repeat.fold_in(audience))[0]
    best = np.argsort(-scores_T, kind="stable")[:5]
    assert [slot.score for slot in found.slots] == pytest.approx(scores_T[best].tolist())
    for slot in found.slots:
        assert slot.because == [slot.track_id]
        assert slot.reason == f"because you play {slot.title}"
        assert {name for name, part in slot.contributions.items() if part} == {Repeat.name}


def test_a_dial_serves_those_without_a_history(small_model: Recommender) -> None:
    assert small_model.recommend("nobody", 5, rules=Rules(discovery=0)).slots == []
    assert len(small_model.recommend("nobody", 5, rules=Rules(discovery=0.4)).slots) == 5


# What the rules read


def with_tracks(model: Recommender, **columns: Any) -> Recommender:
    return Recommender(replace(model.bundle, tracks=model.bundle.tracks.with_columns(**columns)))


def test_tracks_are_read_from_the_bundle(small_model: Recommender) -> None:
    tracks = small_model.bundle.tracks
    model = with_tracks(
        small_model,
        year=pl.int_range(pl.len(), dtype=pl.Int32) + 1900,
        duration_ms=pl.when(pl.int_range(pl.len()) > 2).then(180_500),
        album=pl.when(pl.int_range(pl.len()) % 3 > 0).then(pl.lit("Greatest Hits")),
    )
    catalogue = model.catalogue
    assert np.isnan(catalogue.year_T[0])
    assert catalogue.year_T[1:4].tolist() == [1900, 1901, 1902]
    assert np.isnan(catalogue.duration_s_T[:4]).all()
    assert catalogue.duration_s_T[4] == 180.5
    # An album is an artist's: as many as there are artists with one, and none where it is unknown.
    assert (catalogue.album_T[1::3] == 0).all()
    pairs = {
        (artist, album)
        for artist, album in zip(catalogue.artist_T, catalogue.album_T, strict=True)
        if album
    }
    assert len(pairs) == len({artist for artist, _ in pairs}) == len({album for _, album in pairs})
    energy = tracks["energy"].to_numpy()
    assert catalogue.acoustics_TF[1:, 1].tolist() == pytest.approx(energy.tolist(), nan_ok=True)
    assert catalogue.listeners_T.tolist() == small_model.bundle.listeners_T.tolist()


def test_artists_go_by_id_and_by_any_spelling_of_their_name(small_model: Recommender) -> None:
    row = small_model.bundle.tracks.row(0, named=True)
    shouted = row["artist"].upper() + "!"
    assert normalise_artist(shouted) == normalise_artist(row["artist"])
    own = set(small_model.bundle.tracks.filter(pl.col("artist_id") == row["artist_id"])["track_id"])
    for name in (row["artist_id"], row["artist"], shouted):
        found = small_model.recommend("nobody", 200, rules=Rules(only_artists=(name,)))
        assert {slot.track_id for slot in found.slots} == own


def test_where_items_are_artists_each_is_its_own(small_model: Recommender) -> None:
    model = Recommender(replace(small_model.bundle, item_kind="artist"))
    titles = model.bundle.tracks["title"].to_list()
    rules = Rules(ban_artists=(titles[0], "t00001"), per_artist=1)
    found = model.recommend("nobody", len(titles), rules=rules)
    assert {slot.track_id for slot in found.slots} == {
        *model.bundle.tracks["track_id"].to_list()[2:]
    }


def test_times_of_last_plays_come_from_the_listeners_part(
    small_model: Recommender, small_world: Dataset, tmp_path: Any
) -> None:
    plays = small_world.plays.filter(pl.col("plays") > 0)
    end = small_world.plays["last_played"].max()
    user = plays["user_id"][0]
    days = (pl.lit(end) - pl.col("last_played")).dt.total_seconds() / 86_400
    own = dict(plays.filter(pl.col("user_id") == user).select("track_id", days).iter_rows())
    limit = int(np.median([*own.values()])) or 1
    old = {track_id for track_id, age in own.items() if age >= limit}
    assert 0 < len(old) < len(own)
    rules = Rules(heard="only", relisten_after_days=limit, lambda_div=0)
    small_model.save(tmp_path / "bundle")
    for model in (small_model, Recommender.load(tmp_path / "bundle")):
        found = model.recommend(user, 50, rules=rules)
        assert {slot.track_id for slot in found.slots} == old
    history = dict.fromkeys(own, 1.0)  # brought along without times
    assert small_model.recommend(history=history, n=50, rules=rules).slots == []
    small_model.save(tmp_path / "erased", listeners=False)
    assert Recommender.load(tmp_path / "erased").recommend(user, 5, rules=Rules()).slots


def test_without_als_the_network_says_what_is_played_together(small_model: Recommender) -> None:
    bundle, scorers = small_model.bundle, small_model.bundle.scorers
    channels = {name: c for name, c in scorers.channels.items() if name != Als.name}
    lone = replace(bundle, scorers=replace(scorers, channels=channels))
    for one in (bundle, lone):
        vectors_TD = catalogue_of(one).together_TD
        heard_T = bundle.listeners_T > 0
        assert np.linalg.norm(vectors_TD[heard_T], axis=1) == pytest.approx(1, abs=1e-5)
        assert not vectors_TD[~heard_T].any()
    assert catalogue_of(lone).together_TD.shape != catalogue_of(bundle).together_TD.shape


def test_a_skip_has_no_time_of_play(small_model: Recommender, small_world: Dataset) -> None:
    user = small_world.plays["user_id"][0]
    bundle = small_model.bundle
    row = bundle.features.listeners.index(user)
    inputs = bundle.scorers.inputs
    skipped = inputs.plays_UT.copy()
    first = skipped.indptr[row]
    skipped.data[first] = 0
    changed = replace(
        bundle, scorers=replace(bundle.scorers, inputs=replace(inputs, plays_UT=skipped))
    )
    taste = taste_of(changed, listener_of(changed, user, None), small_model.catalogue)
    assert np.isnan(taste.age_days_H[0])
    assert not np.isnan(taste.age_days_H[1:]).any()
