"""What times tell: each column against a loop over listens, and what must not change it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import atan2, cos, log, log1p, pi, sin, tau

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import encore
from encore.data import world
from encore.data.clock import CLOCKS
from encore.data.dataset import Dataset, complete
from encore.data.features import LISTENER_NUMERIC, Features
from encore.data.temporal import OF_LISTENER, OF_TRACK, of_listeners, of_tracks
from encore.data.vocabulary import Vocabulary
from encore.schema import conform

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)


def dataset(listens: list[tuple[str, str, datetime]]) -> Dataset:
    """A Dataset of these listens, each pair's plays counted and dated by them."""
    events = pl.DataFrame(
        listens, schema=["user_id", "track_id", "listened_at"], orient="row"
    ).sample(fraction=1, shuffle=True, seed=0)
    plays = events.group_by("user_id", "track_id", maintain_order=True).agg(
        plays=pl.len(),
        first_played=pl.col("listened_at").min(),
        last_played=pl.col("listened_at").max(),
    )
    return Dataset(
        **complete({"plays": conform(plays, "plays"), "events": conform(events, "events")})
    )


def of_listener(data: Dataset, user: str) -> dict[str, float]:
    known = Vocabulary(data.listeners["user_id"])
    return {n: float(c[known.index(user)]) for n, c in of_listeners(data, known).items()}


def of_track(data: Dataset, track: str) -> dict[str, float]:
    known = Vocabulary(data.tracks["track_id"])
    return {n: float(c[known.index(track)]) for n, c in of_tracks(data, known).items()}


def test_the_columns_are_those_that_are_listed():
    data = dataset([("ann", "t1", MONDAY)])
    assert tuple(of_listeners(data, Vocabulary(data.listeners["user_id"]))) == OF_LISTENER
    assert tuple(of_tracks(data, Vocabulary(data.tracks["track_id"]))) == OF_TRACK


def test_one_listener_by_hand():
    at = [MONDAY + timedelta(hours=h) for h in (6, 6.25, 6.75, 7.5, 30)]  # 30: Tuesday, 6 o'clock
    data = dataset([("ann", "t1", t) for t in at[:-1]] + [("ann", "t2", at[-1])])
    data = data.with_tables(
        plays=pl.concat(
            [data.plays, conform(_pair("bob", "t3", MONDAY + timedelta(days=31)), "plays")]
        ),
        tracks=pl.concat([data.tracks, data.tracks[:1].with_columns(track_id=pl.lit("t3"))]),
        listeners=pl.DataFrame({"user_id": ["ann", "bob"]}),
    )
    found = of_listener(data, "ann")
    hours = [tau * hour / 24 for hour in (6, 6.25, 6.75, 7.5, 6)]
    ages = 31 - 7.5 / 24, 31 - 30 / 24
    # 30 minutes of silence go on, 45 do not: 6:00 6:15 6:45 | 7:30 | the next day
    expected = {
        "tenure_days": log1p(31 - 6 / 24),
        "recency_days": log1p(ages[1]),
        "recent_strength": log1p(log(5) * 0.5 ** (ages[0] / 30) + log(2) * 0.5 ** (ages[1] / 30)),
        "hour_sin": sum(map(sin, hours)) / 5,
        "hour_cos": sum(map(cos, hours)) / 5,
        "weekday_sin": sin(tau / 7) / 5,
        "weekday_cos": (4 + cos(tau / 7)) / 5,
        "log_sessions": log1p(3),
        "log_session_listens": log1p(5 / 3),
    }
    assert found == pytest.approx(expected)
    assert of_track(data, "t1") == pytest.approx(
        {
            "age_days": log1p(31 - 6 / 24),
            "recency_days": log1p(ages[0]),
            "recent_strength": log1p(log(5) * 0.5 ** (ages[0] / 30)),
            "hour_sin": sum(map(sin, hours[:4])) / 4,
            "hour_cos": sum(map(cos, hours[:4])) / 4,
            "weekday_sin": 0,
            "weekday_cos": 1,
        }
    )
    assert np.isnan(of_listener(data, "bob")["hour_sin"])
    assert np.isnan(of_listener(data, "bob")["log_sessions"])


def _pair(user: str, track: str, at: datetime) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "user_id": [user],
            "track_id": [track],
            "plays": [1],
            "first_played": [at],
            "last_played": [at],
        }
    )


minutes = st.integers(0, 60 * 24 * 40)
listens = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["t1", "t2"]), minutes),
    min_size=1,
    max_size=25,
)


@given(listens)
def test_sessions_and_directions_are_those_of_a_loop(rows):
    data = dataset([(u, t, MONDAY + timedelta(minutes=m)) for u, t, m in rows])
    for user in {row[0] for row in rows}:
        mine = sorted(minute for u, _, minute in rows if u == user)
        sessions = 1 + sum(after - before > 30 for before, after in pairwise(mine))
        turns = [tau * (m // (60 * 24) % 7) / 7 for m in mine]
        found = of_listener(data, user)
        assert found["log_sessions"] == pytest.approx(log1p(sessions))
        assert found["log_session_listens"] == pytest.approx(log1p(len(mine) / sessions))
        assert found["weekday_sin"] == pytest.approx(sum(map(sin, turns)) / len(mine), abs=1e-9)
        assert found["weekday_cos"] == pytest.approx(sum(map(cos, turns)) / len(mine), abs=1e-9)


@given(st.lists(st.integers(-180, 180), min_size=1, max_size=6))
def test_midnight_is_no_border(offsets):
    """A listener around midnight is near midnight, on whichever side the listens fall."""
    around = [MONDAY + timedelta(days=3, minutes=offset) for offset in offsets]
    found = of_listener(dataset([("ann", f"t{i}", at) for i, at in enumerate(around)]), "ann")
    hour = atan2(found["hour_sin"], found["hour_cos"]) * 24 / tau
    assert min(offsets) / 60 - 1e-6 <= hour <= max(offsets) / 60 + 1e-6


def test_listens_whose_time_is_unknown_tell_nothing():
    data = dataset([("ann", "t1", MONDAY + timedelta(hours=6))])
    undated = data.events.with_columns(listened_at=pl.lit(None, pl.Datetime("us", "UTC")))
    more = data.with_tables(events=pl.concat([data.events, undated]))
    assert of_listener(more, "ann") == of_listener(data, "ann")


def test_clocks_of_the_synthetic_world_are_told_apart():
    made = world.make(listeners=80, tracks=200, seed=4)
    known = Vocabulary(made.data.listeners["user_id"])
    columns = of_listeners(made.data, known)
    peak = made.truth.listeners["clock"].replace_strict(CLOCKS).to_numpy() / 24 * 2 * pi
    sine, cosine = columns["hour_sin"][1:], columns["hour_cos"][1:]
    heard = ~np.isnan(sine)
    agreement = (sine * np.sin(peak) + cosine * np.cos(peak))[heard]
    assert (agreement > 0).all()


@pytest.mark.real
def test_a_real_export_of_one_listener_has_plausible_times(shared_data):
    folder = shared_data / "spotify-streaming-history"
    (user,) = (data := encore.read(folder)).listeners["user_id"].to_list()
    found = of_listener(data, user)
    assert all(np.isfinite(list(found.values())))
    assert np.hypot(found["hour_sin"], found["hour_cos"]) < 1
    assert 0 < found["log_sessions"] < log1p(data.events.height)
    assert 1 < np.expm1(found["log_session_listens"]) < 100
    features = Features.fit(data)  # of one listener, every column is its own mean
    assert (features.numeric_UF[:, [LISTENER_NUMERIC.index(n) for n in OF_LISTENER]] == 0).all()
