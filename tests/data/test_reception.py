"""How an artist's and a genre's music is received: by hand, and of training rows alone."""

from math import log, log1p

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore.data import split as splitting
from encore.data.features import Features
from encore.data.kinds import one_kind
from encore.data.reception import OF_TRACK, SHRINK_ROWS, Reception

ARTISTS = one_kind(np.array([0, 1, 1, 2, 3], np.int32), 4)  # of tracks 1 to 4; 3 is never played
GENRES = one_kind(np.array([0, 1, 0, 1, 1], np.int32), 2)
USER, TRACK = np.array([1, 1, 2, 2], np.int32), np.array([1, 2, 2, 3], np.int32)
PLAYS = np.array([3, 1, 0, 7], np.float32)


def of_tracks(rows, users: int) -> dict[str, np.ndarray]:
    return Reception.of(rows, users, ARTISTS, GENRES).of_tracks(ARTISTS, GENRES)


def shrunk(rows: list[float]) -> float:
    overall = sum(map(log1p, (3, 1, 0, 7))) / 4
    return (sum(map(log1p, rows)) + SHRINK_ROWS * overall) / (len(rows) + SHRINK_ROWS)


def test_by_hand():
    found = of_tracks((USER, TRACK, PLAYS), 3)
    assert tuple(found) == OF_TRACK
    nan = np.nan
    expected = [
        [nan, log(2), log(2), log(2), nan],  # both play artist 2 or 1, but listener 2 skips track 2
        [nan, shrunk([3, 1, 0]), shrunk([3, 1, 0]), shrunk([7]), nan],
        [nan, log(3), nan, log(3), log(3)],  # a genre speaks for its track that nobody played
        [nan, shrunk([3, 7]), nan, shrunk([3, 7]), shrunk([3, 7])],
    ]
    for column, values in zip(found.values(), expected, strict=True):
        assert column == pytest.approx(np.array(values), nan_ok=True)


def test_a_listener_of_two_tracks_of_an_artist_is_one_listener():
    rows = np.array([1, 1], np.int32), np.array([1, 2], np.int32), np.ones(2, np.float32)
    assert of_tracks(rows, 3)["artist_log_listeners"][1] == pytest.approx(log(2))


def test_nothing_is_served():
    nothing = np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32)
    assert np.isnan(list(of_tracks(nothing, 1).values())).all()


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_held_out_rows_change_no_feature(small_world, seed, cold):
    """Whatever the held-out side says, the features of the training side stay, bit by bit."""
    rng = np.random.default_rng(seed)
    data = small_world
    if cold:  # whole tracks are held out: their kinds must not know of their rows
        held = data.plays.filter(pl.col("track_id").is_in(_some(rng, data.tracks["track_id"])))
    else:
        held = data.plays.filter(pl.Series(rng.random(data.plays.height) < 0.2))
    sides = splitting.hold_out(data, held)
    plays = pl.col("plays") * rng.integers(2, 900) + 1
    later = pl.duration(days=int(rng.integers(1, 2000)))
    among = pl.struct("user_id", "track_id").is_in(
        held.select(pl.struct("user_id", "track_id")).to_series().implode()
    )

    def altered(column, value):
        return pl.when(among).then(value).otherwise(pl.col(column)).alias(column)

    other = data.with_tables(
        plays=data.plays.with_columns(
            altered("plays", plays.cast(pl.Float32)),
            altered("first_played", pl.col("first_played") - later),
            altered("last_played", pl.col("last_played") + later),
        ),
        events=data.events.with_columns(altered("listened_at", pl.col("listened_at") + later)),
    )
    again = splitting.hold_out(other, other.plays.filter(among))
    assert not again.test.plays.equals(sides.test.plays)
    one, two = Features.fit(sides.train), Features.fit(again.train)
    for name, values in vars(one).items():
        if isinstance(values, np.ndarray):
            assert values.tobytes() == getattr(two, name).tobytes(), name


def _some(rng, ids):
    return ids.filter(pl.Series(rng.random(len(ids)) < 0.15)).implode()
