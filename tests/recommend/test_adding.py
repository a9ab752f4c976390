"""Tracks join a trained model: what was learned stays to the bit, what is new is served."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest

import encore
from encore import Dataset, InputError, Recommender, Rules, TrainConfig, load, schema
from encore.data.dataset import complete
from encore.models import bundle as bundles
from encore.models.channels import CHANNELS
from encore.models.inputs import Audience
from encore.recommend.fold_in import FOLDED_IN
from encore.recommend.playlist import order, playlist_of

ROUNDING = 1e-5  # of float32


def plain(**rules: Any) -> Rules:
    return Rules(lambda_div=0, **rules)


@pytest.fixture(scope="module")
def whole(small_world: Dataset, small_config: TrainConfig) -> Recommender:
    """A model of every channel, which a ranker orders."""
    return encore.train(small_world, small_config.replaced(channels=tuple(CHANNELS)))


@pytest.fixture(scope="module")
def new(small_world: Dataset) -> pl.DataFrame:
    """A clean and an explicit track by a new artist, and one by an artist that is there."""
    known = small_world.tracks.row(0, named=True)
    tracks = pl.DataFrame(
        {
            "track_id": ["n1", "n2", "n3"],
            "title": ["First Light", "Second Light", "Third Light"],
            "artist_id": ["x1", "x1", known["artist_id"]],
            "artist": ["Nobody Yet", "Nobody Yet", known["artist"]],
            "genres": [["drill", *known["genres"]], ["drill"], known["genres"]],
            "explicit": [False, True, None],
            "year": [1901, 1902, 1903],
            "energy": [0.1, 0.9, None],
        }
    )
    return schema.conform(tracks, "tracks")


@pytest.fixture(scope="module")
def grown(whole: Recommender, new: pl.DataFrame) -> Recommender:
    return whole.add_tracks(new)


def everybody(model: Recommender) -> Audience:
    inputs = model.bundle.scorers.inputs
    return Audience.known(inputs, np.arange(1, inputs.plays_UT.shape[0], dtype=np.int32))


# What was there


def test_what_was_learned_of_all_that_was_there_stays_to_the_bit(
    whole: Recommender, grown: Recommender
) -> None:
    for name, channel in whole.bundle.scorers.channels.items():
        after = grown.bundle.scorers.channels[name].arrays()
        for key, values in channel.arrays().items():
            kept = after[key] if not values.ndim else after[key][: len(values)]
            assert kept.tobytes() == values.tobytes(), (name, key)
    one, other = whole.bundle.residuals, grown.bundle.residuals
    tracks = whole.bundle.features.tracks.rows
    assert other.base_T[:tracks].tobytes() == one.base_T.tobytes()
    for name in ("spread_U", "own_N", "others_N", "known_C"):
        assert getattr(other, name).tobytes() == getattr(one, name).tobytes(), name


def test_the_scores_of_all_that_was_there_stay(whole: Recommender, grown: Recommender) -> None:
    tracks = whole.bundle.features.tracks.rows
    for name in whole.bundle.scorers.names:
        before = whole.bundle.scorers.score(name, everybody(whole))
        after = grown.bundle.scorers.score(name, everybody(grown))[:, :tracks]
        # Products of dense matrices of other sizes may be rounded otherwise.
        assert np.allclose(before, after, rtol=0, atol=ROUNDING), name
    before, after = whole.scores(everybody(whole)), grown.scores(everybody(grown))
    assert np.allclose(before, after[:, :tracks], rtol=0, atol=ROUNDING)


def test_predicted_plays_stay_too(whole: Recommender, grown: Recommender, small_world: Dataset):
    for user_id in small_world.listeners["user_id"][:4]:
        for track_id in small_world.tracks["track_id"][:9]:
            asked = user_id, track_id
            expected = whole.predict_interval(*asked)
            assert grown.predict_interval(*asked) == pytest.approx(expected, rel=1e-4)


def test_lists_are_those_of_before_with_the_new_tracks_between(
    whole: Recommender, grown: Recommender, small_world: Dataset
) -> None:
    history = dict(small_world.plays.head(9).select("track_id", "plays").iter_rows())
    asked: list[dict[str, Any]] = [{"user_id": u} for u in small_world.listeners["user_id"][:12]]
    for who in [*asked, {"history": history}, {"user_id": "a stranger"}]:
        every = {"n": 200, "rules": Rules.plain(), **who}
        before, after = whole.recommend(**every), grown.recommend(**every)
        kept = [slot for slot in after.slots if not slot.track_id.startswith("n")]
        assert [slot.track_id for slot in kept] == [slot.track_id for slot in before.slots]
        scores = [slot.score for slot in before.slots]
        assert [slot.score for slot in kept] == pytest.approx(scores, abs=ROUNDING)
        assert {slot.track_id for slot in after.slots} >= {"n1", "n2", "n3"}


def test_of_the_files_only_those_of_tracks_change(
    whole: Recommender, grown: Recommender, tmp_path: Path
) -> None:
    whole.save(tmp_path / "before")
    grown.save(tmp_path / "after")
    names = {f.relative_to(tmp_path / "before") for f in (tmp_path / "before").rglob("*")}
    assert names == {f.relative_to(tmp_path / "after") for f in (tmp_path / "after").rglob("*")}
    for name in ("network.safetensors", "norms.npz", "channels/user-knn.npz"):
        assert (tmp_path / "before" / name).read_bytes() == (tmp_path / "after" / name).read_bytes()
    for name in ("listeners.npz", "listeners.parquet", "friends.parquet"):
        one, other = (tmp_path / side / "listeners" / name for side in ("before", "after"))
        assert one.read_bytes() == other.read_bytes(), name


# What is new


def test_saved_and_loaded_it_is_the_same(grown: Recommender, small_world: Dataset, tmp_path: Path):
    grown.save(tmp_path / "bundle")
    again = load(tmp_path / "bundle")
    for user_id in small_world.listeners["user_id"][:8]:
        assert again.recommend(user_id, 50) == grown.recommend(user_id, 50)
        assert again.predict(user_id, "n1") == grown.predict(user_id, "n1")
    assert again.bundle.facts == grown.bundle.facts
    again.save(tmp_path / "again")
    for file in (tmp_path / "bundle").rglob("*.*"):
        other = tmp_path / "again" / file.relative_to(tmp_path / "bundle")
        assert file.read_bytes() == other.read_bytes(), file.name


def test_added_to_what_was_loaded_it_is_the_same(
    whole: Recommender, grown: Recommender, new: pl.DataFrame, tmp_path: Path
) -> None:
    whole.save(tmp_path / "bundle")
    again = load(tmp_path / "bundle").add_tracks(new[:1]).add_tracks(new[1:])
    one, other = again.scores(everybody(again)), grown.scores(everybody(grown))
    assert np.array_equal(one, other)
    assert [record["added"] for record in again.bundle.facts["added"]] == [1, 2]


@pytest.fixture(scope="module")
def two_genres(small_config: TrainConfig) -> Recommender:
    """Listeners of jazz who try a little metal, the other way round, and 20 tracks of each."""
    rng = np.random.default_rng(0)
    plays = [
        (f"{mine}{who}", f"{genre}{track}", times)
        for mine, other in (("jazz", "metal"), ("metal", "jazz"))
        for who in range(30)
        for genre, tracks, times in ((mine, 10, 6.0), (other, 3, 1.0))
        for track in rng.permutation(20)[:tracks].tolist()
    ]
    tracks = [(f"{g}{t}", f"{g} {t}", [g]) for g in ("jazz", "metal") for t in range(20)]
    frames = {
        "plays": pl.DataFrame(plays, ["user_id", "track_id", "plays"], orient="row"),
        "tracks": pl.DataFrame(tracks, ["track_id", "title", "genres"], orient="row"),
    }
    tables = {name: schema.conform(frame, name) for name, frame in frames.items()}
    return encore.train(Dataset(**complete(tables)), small_config.replaced(max_epochs=1))


def test_who_listens_to_a_genre_gets_its_new_tracks_first(two_genres: Recommender) -> None:
    genres = [["jazz"], ["metal"]] * 5
    names = [f"new {genre} {place}" for place, (genre,) in enumerate(genres)]
    grown = two_genres.add_tracks(
        pl.DataFrame({"track_id": names, "title": names, "genres": genres})
    )
    for genre in ("jazz", "metal"):
        rules = plain(only_tracks=tuple(names))
        listed = grown.recommend(f"{genre}3", 10, rules=rules).slots
        assert [slot.track_id.split()[1] for slot in listed[:5]] == [genre] * 5
        folded = grown.recommend(history={f"new {genre} 0": 2, f"{genre}1": 1}, n=30)
        assert folded.answer == FOLDED_IN
        mine = grown.predict(f"{genre}3", names[genre == "metal"])
        other = grown.predict(f"{genre}3", names[genre != "metal"])
        assert mine > other > 0


def test_the_rules_know_the_new_tracks(grown: Recommender, small_world: Dataset) -> None:
    user_id = small_world.plays["user_id"][0]

    def new_ones(**rules: Any) -> set[str]:
        found = grown.recommend(user_id, 200, rules=plain(**rules))
        return {slot.track_id for slot in found.slots if slot.track_id.startswith("n")}

    assert new_ones() == {"n1", "n2", "n3"}
    assert new_ones(explicit="exclude") == {"n1"}
    assert new_ones(explicit="exclude_known") == {"n1", "n3"}
    assert new_ones(year={"max": 1902}) == {"n1", "n2"}
    assert new_ones(acoustics={"energy": {"min": 0.8}}) == {"n2"}
    assert new_ones(ban_genres=("Drill",)) == {"n3"}
    assert new_ones(only_genres=("drill",)) == {"n1", "n2"}
    assert new_ones(ban_artists=("nobody yet",)) == {"n3"}
    assert new_ones(only_artists=("x1",)) == {"n1", "n2"}
    assert new_ones(per_artist=1) in ({"n1", "n3"}, {"n2", "n3"}, {"n1"}, {"n2"})
    assert new_ones(listeners={"min": 1}) == set()


def test_they_are_found_by_name_alike_and_explained(
    grown: Recommender, small_world: Dataset
) -> None:
    user_id = small_world.plays["user_id"][0]
    near = grown.similar("Nobody Yet - First Light", 5)
    assert near[0].id == "n2"
    assert "drill" in near[0].genres
    assert grown.similar("Nobody Yet", 3, kind="artist")
    found = grown.explain(user_id, "first light")
    assert found.track_id == "n1"
    assert sum(one.score for one in found.contributions) == pytest.approx(found.score)
    told = {one.scorer: one for one in found.contributions}
    for one in told.values():
        parts = sum(carried.score for carried in [*one.tracks, *one.friends])
        assert parts + one.rest == pytest.approx(one.score)
    assert any(one.tracks for one in told.values())
    seeds = encore.Seeds(tracks=["Nobody Yet - Second Light"])
    assert grown.recommend(history=seeds, n=5).slots
    person = grown.fold_in({"n1": 3.0}).like("third light")
    listed = person.recommend(200).slots
    assert not {"n1", "n3"} & {slot.track_id for slot in listed}


def test_they_stand_in_playlists(grown: Recommender) -> None:
    from datetime import UTC, datetime

    rules = plain(only_artists=("Nobody Yet",))
    found = grown.recommend(None, 2, rules=rules)
    entries = playlist_of(grown.bundle, found, title="new", date=datetime.now(UTC)).entries
    assert {entry.title for entry in entries} == {"First Light", "Second Light"}
    assert len(order([0, 1], [entry.artist for entry in entries])) == 2


# What is there already


def test_a_played_track_keeps_what_was_learned_and_shows_what_is_told(
    whole: Recommender, small_world: Dataset
) -> None:
    played = small_world.tracks.row(0, named=True)
    track_id = played["track_id"]
    assert whole.bundle.features.heard_T[1]
    told = pl.DataFrame(
        {
            "track_id": [track_id],
            "title": ["Another Name"],
            "artist": ["Somebody Else"],
            "genres": [["drill"]],
            "explicit": [not played["explicit"]],
            "year": [1901],
        }
    )
    after = whole.add_tracks(told)
    assert after.bundle.facts["added"][-1]["updated"] == 1
    row = after.bundle.tracks.row(0, named=True)
    changed = {name for name in row if row[name] != played[name]}
    assert changed == {"title", "explicit", "year"}
    assert np.array_equal(after.scores(everybody(after)), whole.scores(everybody(whole)))
    assert after.bundle.features.genres.ids.equals(whole.bundle.features.genres.ids)
    listed = whole.recommend(history={}, n=200, rules=plain(year={"max": 1902})).slots
    assert not listed
    listed = after.recommend(history={}, n=200, rules=plain(year={"max": 1902})).slots
    assert [slot.track_id for slot in listed] == [track_id]


def test_an_unplayed_track_is_described_anew(whole: Recommender, small_world: Dataset) -> None:
    features = whole.bundle.features
    place = int(np.flatnonzero(~features.heard_T)[1])
    track_id = features.tracks.id(place)
    told = pl.DataFrame({"track_id": [track_id], "genres": [["drill"]], "artist_id": ["x9"]})
    after = whole.add_tracks(told.with_columns(title=pl.lit(track_id)))
    row = after.bundle.tracks.row(place - 1, named=True)
    before = whole.bundle.tracks.row(place - 1, named=True)
    assert (row["title"], row["genres"]) == (before["title"], ["drill"])
    assert after.bundle.features.genres.id(after.bundle.features.genres_TG[place, 0]) == "drill"
    assert after.bundle.features.artists.id(after.bundle.features.artist_T[place]) == "x9"
    for name in whole.bundle.scorers.names:
        one, other = (
            model.bundle.scorers.score(name, everybody(model)) for model in (after, whole)
        )
        assert set(np.flatnonzero((one != other).any(0))) <= {place}, name
    assert after.similar(small_world.tracks["artist"][0], 3, kind="artist")  # one artist lost all


def test_an_unplayed_track_whose_year_is_told_keeps_its_genres(whole: Recommender) -> None:
    features = whole.bundle.features
    place = int(np.flatnonzero(~features.heard_T)[1])
    told = pl.DataFrame({"track_id": [features.tracks.id(place)], "year": [1901]})
    after = whole.add_tracks(told.with_columns(title=pl.col("track_id"))).bundle
    assert after.tracks["year"][place - 1] == 1901
    assert after.tracks["genres"][place - 1].equals(whole.bundle.tracks["genres"][place - 1])
    width = features.genres_TG.shape[1]
    assert set(after.features.genres_TG[place, :width]) == set(features.genres_TG[place])
    assert not np.array_equal(after.features.numeric_TF[place], features.numeric_TF[place])


def test_the_same_again_changes_nothing(grown: Recommender, new: pl.DataFrame) -> None:
    again = grown.add_tracks(new)
    record = again.bundle.facts["added"][-1]
    assert (record["added"], record["updated"], record["unchanged"]) == (0, 0, 3)
    assert np.array_equal(again.scores(everybody(again)), grown.scores(everybody(grown)))


# Bundles of other kinds


def test_artists_join_a_model_of_artists(artist_model: Recommender, small_world: Dataset) -> None:
    new = pl.DataFrame({"track_id": ["x1"], "title": ["Nobody Yet"]})
    tags = pl.DataFrame({"track_id": ["x1"], "tag": ["drill"], "weight": [3.0]})
    after = artist_model.add_tracks(new, tags)
    user_id = small_world.plays["user_id"][0]
    listed = after.recommend(user_id, 200, rules=Rules.plain()).slots
    assert "x1" in {slot.track_id for slot in listed}
    before = artist_model.recommend(user_id, 200, rules=Rules.plain()).slots
    assert [s for s in listed if s.track_id != "x1"] == [
        dataclasses.replace(s, rank=t.rank)
        for s, t in zip(before, [s for s in listed if s.track_id != "x1"], strict=True)
    ]
    assert not {
        slot.track_id
        for slot in after.recommend(user_id, 200, rules=plain(ban_artists=("nobody yet",))).slots
    } & {"x1"}
    with pytest.raises(InputError, match=r"knows artists.*a row for each artist"):
        artist_model.add_tracks(new.with_columns(artist=pl.lit("Somebody")))


def test_artists_do_not_join_a_model_of_tracks(whole: Recommender, small_world: Dataset) -> None:
    artists = Dataset(**complete({}), item_kind="artist")
    with pytest.raises(InputError, match="lists artists, this model knows tracks"):
        whole.add_tracks(artists)
    with pytest.raises(InputError, match="tracks of type dict: expected a Polars frame"):
        whole.add_tracks({"track_id": ["n1"]})


def test_without_listeners_it_grows_as_with_them(
    whole: Recommender, new: pl.DataFrame, tmp_path: Path
) -> None:
    whole.save(tmp_path / "bundle", listeners=False)
    found = load(tmp_path / "bundle").add_tracks(new).recommend(history={"n1": 2}, n=9)
    assert len(found.slots) == 9


def test_an_older_bundle_is_read_and_takes_no_tracks(
    whole: Recommender, new: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = dataclasses.replace(whole.bundle.features, norms=None)
    scorers = dataclasses.replace(whole.bundle.scorers, features=features)
    with monkeypatch.context() as older:
        older.setattr(bundles, "VERSION", 1)
        dataclasses.replace(whole.bundle, scorers=scorers).save(tmp_path / "bundle")
    again = load(tmp_path / "bundle")
    assert again.recommend(None).slots == whole.recommend(None).slots
    with pytest.raises(InputError, match=r"older encore.*train it again"):
        again.add_tracks(new)


# Channels of one's own


class Steps(encore.Channel):
    """Keeps a matrix of tracks by tracks."""

    name: ClassVar[str] = "steps"

    def fit(self, inputs: Any) -> "Steps":
        played_UT = (inputs.plays_UT.toarray() > 0).astype(np.float32)
        self.step_TT = played_UT.T @ played_UT
        return self

    def score(self, history_BT: Any) -> Any:
        return np.asarray(history_BT @ self.step_TT, np.float32)


class Flat(Steps):
    """Keeps them in a way that nobody can guess."""

    name: ClassVar[str] = "flat"

    def arrays(self) -> Any:
        return {"flat": self.step_TT.ravel()}

    @classmethod
    def from_arrays(cls, arrays: Any, inputs: Any) -> "Flat":  # noqa: ARG003
        channel = cls()
        side = int(len(arrays["flat"]) ** 0.5)
        channel.step_TT = arrays["flat"].reshape(side, side)
        return channel

    def score(self, history_BT: Any) -> Any:
        return np.asarray(history_BT[:, : len(self.step_TT)] @ self.step_TT, np.float32)


@pytest.fixture
def own_channels() -> Iterator[None]:
    before = dict(CHANNELS)
    yield
    CHANNELS.clear()
    CHANNELS.update(before)


@pytest.mark.usefixtures("own_channels")
def test_a_channel_of_ones_own_grows_or_says_that_it_cannot(
    small_world: Dataset, small_config: TrainConfig, new: pl.DataFrame
) -> None:
    for own in (Steps, Flat):
        encore.register(own)
    config = small_config.replaced(max_epochs=1, channels=("content", "steps"))
    model = encore.train(small_world, config)
    after = model.add_tracks(new)
    tracks = model.bundle.features.tracks.rows
    before = model.bundle.scorers.score("steps", everybody(model))
    found = after.bundle.scorers.score("steps", everybody(after))
    assert np.array_equal(found[:, :tracks], before)
    assert not found[:, tracks:].any()
    model = encore.train(small_world, config.replaced(channels=("content", "flat")))
    with pytest.raises(InputError, match="channel 'flat': scores 121 tracks where 124"):
        model.add_tracks(new)
