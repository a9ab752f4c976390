"""Features: fitted on the training side alone, the unknown in row 0."""

import numpy as np
import polars as pl
import pytest
from sklearn.preprocessing import StandardScaler as Reference

from encore.data import temporal, world
from encore.data.dataset import Dataset, complete
from encore.data.features import BINARY, LISTENER_NUMERIC, TRACK_NUMERIC, Features
from encore.data.scaling import StandardScaler
from encore.schema import ACOUSTIC, conform


def dataset(plays, **tables):
    frames = {"plays": conform(pl.DataFrame(plays), "plays")}
    frames |= {name: conform(pl.DataFrame(table), name) for name, table in tables.items()}
    return Dataset(**complete(frames))


PLAYS = {"user_id": ["a", "a", "b"], "track_id": ["t1", "t2", "t1"], "plays": [3, 1, 2]}


def test_the_scaler_agrees_with_scikit_learn():
    values = np.random.default_rng(0).normal(5, 3, (200, 4))
    values[::7, 1] = np.nan
    values[:, 3] = 2.5
    mine = StandardScaler.fit(values).transform(values)
    theirs = Reference().fit_transform(values)
    np.testing.assert_allclose(mine, np.nan_to_num(theirs), atol=1e-5)


def test_missing_acoustics_are_the_mean_and_say_so():
    tracks = {"track_id": ["t1", "t2", "t3"], "title": ["A", "B", "C"]}
    tracks |= {name: [0.2, 0.6, None] for name in ACOUSTIC}
    features = Features.fit(dataset(PLAYS, tracks=tracks))
    row = features.numeric_TF[features.tracks.index("t3")]
    flag = TRACK_NUMERIC.index("acoustics_by_all")
    assert row[: len(ACOUSTIC)] == pytest.approx(0, abs=1e-6)
    assert row[flag] > 0 > features.numeric_TF[features.tracks.index("t1")][flag]


def test_flags_are_three_state():
    tracks = {"track_id": ["t1", "t2", "t3"], "title": ["A", "B", "C"]}
    tracks |= {"explicit": [True, False, None], "mode": [1, 0, None]}
    features = Features.fit(dataset(PLAYS, tracks=tracks))
    assert features.binary_TB[1:].tolist() == [
        [1, 1, 1, 1, 0, 0],
        [0, 1, 0, 1, 0, 0],
        [0.5, 0, 0.5, 0, 0, 0],
    ]
    assert features.binary_TB.shape[1] == len(BINARY)


def test_spellings_of_an_artist_are_one_artist():
    tracks = {"track_id": ["t1", "t2", "t3"], "title": ["A", "B", "C"]}
    tracks |= {"artist": ["The Beatles", "BEATLES", None]}
    features = Features.fit(dataset(PLAYS, tracks=tracks))
    assert features.artist_T.tolist() == [0, 1, 1, 0]


def test_spellings_of_a_genre_are_one_genre_named_as_most_write_it():
    ids = [f"t{i}" for i in range(1, 7)]
    tracks = {"track_id": ids, "title": ids}
    tracks["genres"] = [["hip-hop"], ["Hip Hop"], ["hip-hop"], ["hiphop"], ["hip-hop"], ["rare"]]
    features = Features.fit(dataset(PLAYS, tracks=tracks))
    assert features.genres.ids.to_list() == ["hip-hop"]
    assert features.genres_TG[:, 0].tolist() == [0, 1, 1, 1, 1, 1, 0]


def test_row_zero_is_the_unknown_and_unheard_ids_are_marked():
    made = world.make(listeners=40, tracks=80, seed=2)
    features = Features.fit(made.data)
    assert (features.numeric_TF[0] == 0).all()
    assert (features.numeric_UF[0] == 0).all()
    assert features.numeric_UF.shape[1] == len(LISTENER_NUMERIC)
    assert not features.heard_T[0]
    unheard = features.tracks.encode(made.truth.unheard_tracks["track_id"])
    assert not features.heard_T[unheard].any()
    assert np.isfinite(features.numeric_TF).all()
    assert np.isfinite(features.numeric_UF).all()


def test_without_times_temporal_features_are_the_mean():
    features = Features.fit(dataset(PLAYS))
    for name in ("age_days", "hour_sin", "hour_cos"):
        assert (features.numeric_TF[:, TRACK_NUMERIC.index(name)] == 0).all()


def test_the_mean_hour_points_where_listens_are():
    events = {"user_id": ["a", "b"], "track_id": ["t1", "t1"]}
    events["listened_at"] = pl.Series(
        ["2024-01-01T06:00:00Z", "2024-01-01T18:00:00Z"]
    ).str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC")
    features = Features.fit(dataset(PLAYS, events=events))
    sine = features.numeric_UF[:, LISTENER_NUMERIC.index("hour_sin")]
    assert sine[features.listeners.index("a")] > 0 > sine[features.listeners.index("b")]


@pytest.mark.parametrize("column", ["artist_id", "artist", "genres"])
def test_columns_that_are_all_null_are_served(column):
    tracks = {"track_id": ["t1", "t2"], "title": ["A", "B"], column: [None, None]}
    features = Features.fit(dataset(PLAYS, tracks=tracks))
    assert len(features.artists) == 0
    assert len(features.genres) == 0


def test_without_times_the_columns_from_times_are_0_and_all_else_is_the_same(small_world):
    told, untold = Features.fit(small_world), Features.fit(small_world, times=False)
    for names, of_times, table in (
        (TRACK_NUMERIC, temporal.OF_TRACK, "numeric_TF"),
        (LISTENER_NUMERIC, temporal.OF_LISTENER, "numeric_UF"),
    ):
        silent = np.isin(names, of_times)
        one, other = getattr(told, table), getattr(untold, table)
        assert (other[:, silent] == 0).all()
        assert one[:, silent].any(0).all()
        assert np.array_equal(one[:, ~silent], other[:, ~silent])
