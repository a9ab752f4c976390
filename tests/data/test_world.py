"""The synthetic world keeps its laws, and its planted truth can be seen in the plays."""

from dataclasses import fields

import numpy as np
import polars as pl
import pytest

from encore import schema
from encore.data import world
from encore.data.clock import DAYS, START
from encore.data.dataset import Dataset
from encore.data.scenery import GENRES, REGIONS, UNKNOWN_EXPLICIT, WITHOUT_ACOUSTICS
from encore.errors import UsageError


@pytest.fixture(scope="module")
def made() -> world.World:
    return world.make(listeners=400, tracks=800, seed=3)


def frames(made: world.World) -> list[pl.DataFrame]:
    return [made.data.table(name) for name in schema.TABLES] + [
        getattr(made.truth, field.name) for field in fields(made.truth)
    ]


def test_the_same_seed_makes_the_same_world_and_another_seed_another() -> None:
    one, again, other = (world.make(listeners=60, tracks=90, seed=seed) for seed in (5, 5, 6))
    assert all(a.equals(b) for a, b in zip(frames(one), frames(again), strict=True))
    assert not one.data.plays.equals(other.data.plays)
    assert one.data.ledger == again.data.ledger


def test_without_events_all_else_is_the_same() -> None:
    with_events = world.make(listeners=60, tracks=90, seed=5)
    without = world.make(listeners=60, tracks=90, seed=5, events=False)
    assert without.data.events.is_empty()
    assert without.data.plays.equals(with_events.data.plays)
    assert without.data.tracks.equals(with_events.data.tracks)


def test_the_ledger_counts_every_row_and_says_that_the_world_is_synthetic(made) -> None:
    ledger = made.data.ledger
    for name in schema.TABLES:
        assert ledger.tables[name].read == ledger.tables[name].kept == made.data.table(name).height
    assert ledger.dropped == {}
    assert "synthetic" in ledger.notes[0]
    assert "seed 3" in ledger.notes[0]


def test_sizes_are_as_asked(made) -> None:
    assert made.data.listeners.height == 400
    assert made.data.tracks.height == 800
    assert made.data.plays.height / 400 == pytest.approx(40, rel=0.15)


def test_plays_agree_with_events(made) -> None:
    heard = pl.col("listened_at").filter(~pl.col("skipped"))
    counted = made.data.events.group_by("user_id", "track_id").agg(
        (~pl.col("skipped")).sum().cast(pl.Float32).alias("plays"),
        pl.col("skipped").sum().cast(pl.UInt32).alias("skips"),
        heard.min().alias("first_played"),
        heard.max().alias("last_played"),
    )
    key = ["user_id", "track_id"]
    assert counted.sort(key).equals(made.data.plays.sort(key))
    assert made.data.plays.filter((pl.col("plays") == 0) & (pl.col("skips") == 0)).is_empty()


def test_events_lie_in_the_window_and_in_order(made) -> None:
    events = made.data.events
    assert events["listened_at"].min() >= START
    assert (events["listened_at"].max() - START).days < DAYS
    assert events.equals(events.sort("user_id", "listened_at", maintain_order=True))
    timed = events.join(made.data.tracks, on="track_id")
    assert timed.filter(
        pl.col("skipped") != (pl.col("ms_played") < pl.col("duration_ms"))
    ).is_empty()


def test_new_listeners_have_friends_and_no_plays(made) -> None:
    new = made.truth.new_listeners
    assert new.height == round(400 * world.NEW_LISTENERS)
    for table in (made.data.plays, made.data.events):
        assert table.join(new, on="user_id", how="semi").is_empty()
    assert new.join(made.data.friends, on="user_id", how="anti").is_empty()
    assert new.join(made.data.listeners, on="user_id", how="anti").is_empty()


def test_unheard_tracks_have_content_and_no_plays(made) -> None:
    unheard = made.truth.unheard_tracks
    assert unheard.height >= round(800 * world.UNHEARD_TRACKS)
    assert made.data.plays.join(unheard, on="track_id", how="semi").is_empty()
    content = made.data.tracks.join(unheard, on="track_id", how="semi")
    assert content.height == unheard.height
    assert content["genres"].list.len().min() >= 1


def test_popularity_falls_like_a_power_of_rank(made) -> None:
    counts = made.data.plays.group_by("track_id").len()["len"].sort(descending=True)
    rank = np.arange(1, 201)
    log_rank, log_count = np.log(rank), np.log(counts.to_numpy()[:200])
    slope = np.polyfit(log_rank, log_count, 1)[0]
    assert -1.0 < slope < -0.3
    assert np.corrcoef(log_rank, log_count)[0, 1] < -0.95


def test_appeal_is_what_makes_a_track_popular(made) -> None:
    counts = made.data.plays.group_by("track_id").len()
    both = counts.join(made.truth.tracks, on="track_id")
    assert both.select(pl.corr("len", "appeal", method="spearman")).item() > 0.6


def test_artists_have_several_tracks_and_mostly_one_genre(made) -> None:
    tracks = made.data.tracks.join(made.truth.tracks, on="track_id")
    by_artist = tracks.group_by("artist_id").agg(
        pl.len(), pl.col("genre").mode().first().alias("home"), pl.col("artist").n_unique()
    )
    assert by_artist["artist"].max() == 1
    assert by_artist["len"].mean() > 4
    at_home = tracks.join(by_artist, on="artist_id").select(
        (pl.col("genre") == pl.col("home")).mean()
    )
    assert at_home.item() > 0.85


def test_a_listener_plays_its_favourite_genre_most(made) -> None:
    names = list(GENRES)
    taste = made.truth.genre_tastes.select(
        "user_id", favourite=pl.concat_list(names).list.arg_max()
    )
    plays = made.data.plays.join(made.truth.tracks, on="track_id").join(taste, on="user_id")
    favourite = pl.col("favourite").replace_strict(dict(enumerate(names)))
    share = plays.select((pl.col("genre") == favourite).mean()).item()
    chance = (made.truth.tracks["genre"].value_counts(normalize=True)["proportion"] ** 2).sum()
    assert share > 3 * chance


def test_friends_share_tastes_more_than_strangers(made) -> None:
    tastes = pl.concat(
        [made.truth.genre_tastes, made.truth.region_tastes.drop("user_id")], how="horizontal"
    )
    taste = tastes.drop("user_id").to_numpy()
    taste /= np.linalg.norm(taste, axis=1, keepdims=True)
    place = {user: i for i, user in enumerate(tastes["user_id"])}
    ties = made.data.friends.select(pl.all().replace_strict(place)).to_numpy()
    friends = (taste[ties[:, 0]] * taste[ties[:, 1]]).sum(axis=1).mean()
    strangers = (taste @ taste.T).mean()
    assert friends > 1.5 * strangers


def test_friendship_goes_both_ways_and_never_to_oneself(made) -> None:
    ties = made.data.friends
    back = ties.select(user_id="friend_id", friend_id="user_id")
    assert ties.join(back, on=["user_id", "friend_id"], how="anti").is_empty()
    assert ties.filter(pl.col("user_id") == pl.col("friend_id")).is_empty()
    assert not ties.is_duplicated().any()


def test_repeats_come_soon(made) -> None:
    gap = pl.col("listened_at").diff().over("user_id", "track_id").dt.total_days()
    weeks = made.data.events.sort("user_id", "track_id", "listened_at").select(gap // 7).to_series()
    assert (weeks == 0).sum() > 4 * (weeks == 1).sum() > 0


def test_hours_follow_the_listener_s_clock(made) -> None:
    hours = (
        made.data.events.join(made.truth.listeners, on="user_id")
        .group_by("clock")
        .agg(
            pl.col("listened_at").dt.hour().is_between(21, 23).mean().alias("night"),
            pl.col("listened_at").dt.hour().is_between(6, 9).mean().alias("morning"),
        )
    )
    share = {row["clock"]: row for row in hours.to_dicts()}
    assert share["night owl"]["night"] > 0.3 > share["commuter"]["night"]
    assert share["commuter"]["morning"] > 0.3 > share["night owl"]["morning"]


def test_explicit_is_true_false_or_unknown(made) -> None:
    explicit = made.data.tracks["explicit"]
    assert explicit.null_count() / len(explicit) == pytest.approx(UNKNOWN_EXPLICIT, abs=0.05)
    assert set(explicit.drop_nulls().unique()) == {True, False}


def test_some_tracks_have_no_acoustics_and_the_others_plausible_ones(made) -> None:
    tracks = made.data.tracks
    assert tracks["tempo"].null_count() / 800 == pytest.approx(WITHOUT_ACOUSTICS, abs=0.04)
    for name in schema.ACOUSTIC:
        assert tracks[name].is_null().equals(tracks["tempo"].is_null())
        low, high = {"loudness": (-60, 0), "tempo": (60, 200)}.get(name, (0, 1))
        assert tracks[name].drop_nulls().is_between(low, high).all()


def test_regions_can_be_heard(made) -> None:
    energy = dict(
        made.data.tracks.join(made.truth.tracks, on="track_id")
        .group_by("region")
        .agg(pl.col("energy").mean())
        .iter_rows()
    )
    assert set(energy) == set(REGIONS)
    assert energy["driving"] > energy["calm"] + 0.2


def test_a_play_count_is_partly_predictable(made) -> None:
    level = pl.col("plays").log1p()
    plays = made.data.plays.with_columns(
        level.alias("level"),
        level.mean().over("user_id").alias("listener"),
        level.mean().over("track_id").alias("track"),
    )
    residual = pl.col("level") - pl.col("listener") - pl.col("track") + pl.col("level").mean()
    assert 0.3 < plays.select(1 - residual.var() / pl.col("level").var()).item() < 0.6


def test_saves_a_dataset_and_the_truth_beside_it(made, tmp_path) -> None:
    made.save(tmp_path / "music")
    assert Dataset.load(tmp_path / "music").plays.equals(made.data.plays)
    kept = pl.read_parquet(tmp_path / "music.truth" / "genre_tastes.parquet")
    assert kept.equals(made.truth.genre_tastes)


@pytest.mark.parametrize(
    ("listeners", "tracks", "plays", "genres"),
    [(10, 20, 1, 1), (10, 20, 40, 12), (30, 5000, 40, 12), (3000, 200, 5, 30)],
)
def test_any_size(listeners: int, tracks: int, plays: int, genres: int) -> None:
    made = world.make(listeners, tracks, plays_per_listener=plays, genres=genres, events=False)
    assert made.data.listeners.height == listeners
    assert made.data.tracks.height == tracks
    assert made.truth.genre_tastes.width == 1 + genres
    assert made.data.plays["plays"].sum() > 0


@pytest.mark.parametrize(
    "wrong", [{"listeners": 9}, {"tracks": 19}, {"plays_per_listener": 0}, {"genres": 0}]
)
def test_a_world_too_small_is_refused_by_name(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        world.make(**wrong)
