"""Further tracks are described as training would have described them, and nothing else moves."""

import dataclasses

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore import Dataset, InputError, schema
from encore.data.extending import extended
from encore.data.features import Features
from encore.data.kinds import GENRES_PER_TRACK


def same(one: Features, other: Features, rows: int) -> None:
    """Both say the same of the first `rows` of the catalogue, bit by bit."""
    for name in ("heard_T", "artist_T", "numeric_TF", "binary_TB"):
        assert getattr(one, name)[:rows].tobytes() == getattr(other, name)[:rows].tobytes(), name
    width = min(one.genres_TG.shape[1], other.genres_TG.shape[1])
    for found in (one, other):
        assert (found.genres_TG[:rows, width:] == found.padding).all()
        assert not found.genre_weight_TG[:rows, width:].any()
    there = one.genres_TG[:rows, :width] != one.padding
    assert np.array_equal(there, other.genres_TG[:rows, :width] != other.padding)
    assert np.array_equal(
        one.genres_TG[:rows, :width][there], other.genres_TG[:rows, :width][there]
    )
    assert np.array_equal(one.genre_weight_TG[:rows, :width], other.genre_weight_TG[:rows, :width])


@pytest.fixture(scope="module")
def features(small_world: Dataset) -> Features:
    return Features.fit(small_world)


def frame(**columns: list) -> pl.DataFrame:
    return schema.conform(pl.DataFrame(columns), "tracks")


NO_TAGS = schema.empty("tags")


def test_unheard_tracks_described_again_are_what_training_made_of_them(
    small_world: Dataset, features: Features
) -> None:
    unheard = small_world.tracks.filter(~pl.Series(features.heard_T[1:]))
    assert unheard.height > 2
    tags = small_world.tags.join(unheard, on="track_id", how="semi")
    again = extended(features, small_world.tracks, unheard, tags)
    same(features, again, features.tracks.rows)
    assert again.tracks.ids.equals(features.tracks.ids)
    assert again.genres.ids.equals(features.genres.ids)


@given(st.integers(0, 2**32 - 1))
def test_what_was_there_stays_whatever_comes(
    small_world: Dataset, features: Features, seed: int
) -> None:
    """In two steps or in one, too."""
    rng = np.random.default_rng(seed)
    some = small_world.tracks.sample(6, seed=seed % 1000)
    words = [*features.genres.ids, "drill", "Drill", "gqom", "hyperpop"]
    new = some.with_columns(
        track_id=pl.Series([f"n{i}" for i in range(6)]),
        genres=pl.Series(
            [rng.choice(words, rng.integers(0, 5)).tolist() or None for _ in range(6)],
            dtype=pl.List(pl.String),
        ),
        artist_id=pl.Series(rng.choice(["x1", "x2", some["artist_id"][0]], 6)),
    )
    tags = pl.DataFrame({"track_id": ["n0"] * 60, "tag": [f"t{i}" for i in range(60)]})
    tags = schema.conform(tags.with_columns(weight=1.0), "tags")
    after = extended(features, small_world.tracks, new, tags)
    same(features, after, features.tracks.rows)
    first, rest = new[:4], new[4:]
    step = extended(features, small_world.tracks, first, tags)
    step = extended(step, pl.concat([small_world.tracks, first]), rest, NO_TAGS)
    assert np.array_equal(step.numeric_TF, after.numeric_TF)
    assert step.tracks.ids.equals(after.tracks.ids)
    assert step.artists.ids.equals(after.artists.ids)
    assert len(set(step.genres.ids)) == len(step.genres) == len(after.genres)
    assert after.genres_TG.shape[1] <= GENRES_PER_TRACK


def test_a_new_artist_and_genre_come_last_and_a_new_tag_not_at_all(
    small_world: Dataset, features: Features
) -> None:
    new = frame(
        track_id=["n1", "n2", "n3"],
        title=["A", "B", "C"],
        artist=["Nobody Yet", "nobody yet!", None],
        genres=[["Drill", features.genres.id(1).upper()], ["drill"], None],
    )
    tags = schema.conform(
        pl.DataFrame(
            {"track_id": ["n3", "n3"], "tag": ["seen live", features.genres.id(2)]}
        ).with_columns(weight=2.0),
        "tags",
    )
    found = extended(features, small_world.tracks, new, tags)
    assert found.artists.ids[-1] == "nobody yet"
    assert len(found.artists) == len(features.artists) + 1
    assert found.artist_T[-3:].tolist() == [len(found.artists), len(found.artists), 0]
    assert found.genres.ids[len(features.genres) :].to_list() == ["Drill"]
    drill = len(found.genres)
    assert [set(row[row != found.padding]) for row in found.genres_TG[-3:]] == [
        {drill, 1},
        {drill},
        {2},
    ]
    assert found.genre_weight_TG[-1, 0] == 2.0


def test_an_artist_without_id_is_who_is_known_by_that_name(
    small_world: Dataset, features: Features
) -> None:
    known = small_world.tracks.row(4, named=True)
    assert known["artist_id"] is not None
    new = frame(track_id=["n1", "n2"], title=["A", "B"], artist=[known["artist"].upper()] * 2)
    new = new.with_columns(artist_id=pl.Series([None, "another of that name"]))
    found = extended(features, small_world.tracks, new, NO_TAGS)
    assert found.artist_T[-2:].tolist() == [features.artist_T[5], len(features.artists) + 1]


def test_gaps_and_scales_are_those_of_training(small_world: Dataset, features: Features) -> None:
    """By hand: energy standardised by the training tracks, a gap filled by the artist's mean."""
    from encore.data.features import TRACK_NUMERIC

    energy = small_world.tracks["energy"].cast(pl.Float64)
    artist = small_world.tracks["artist_id"][0]
    mean_of_artist = energy.filter(small_world.tracks["artist_id"] == artist).mean()
    new = frame(track_id=["n1", "n2"], title=["A", "B"], artist_id=["x", artist])
    new = new.with_columns(energy=pl.Series([0.9, None], dtype=pl.Float32))
    found = extended(features, small_world.tracks, new, NO_TAGS)
    column = TRACK_NUMERIC.index("energy")
    mean, scale = features.norms.scaler.mean[column], features.norms.scaler.scale[column]
    expected = [(value - mean) / scale for value in (0.9, mean_of_artist)]
    assert found.numeric_TF[-2:, column].tolist() == pytest.approx(expected, rel=1e-4)


def test_of_an_older_bundle_nothing_can_be_described(
    small_world: Dataset, features: Features
) -> None:
    older = dataclasses.replace(features, norms=None)
    with pytest.raises(InputError, match=r"older encore.*train it again"):
        extended(older, small_world.tracks, small_world.tracks[:1], NO_TAGS)
