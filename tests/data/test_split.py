"""Splits: shares, seeds, and nothing of a held-out row left in the training side."""

import polars as pl
import pytest

from encore.data import world
from encore.data.dataset import Dataset
from encore.data.split import hold_out, split
from encore.errors import InputError
from encore.schema import conform


@pytest.fixture(scope="module")
def data():
    return world.make(listeners=60, tracks=120, seed=3).data


def pairs(frame):
    return set(frame.select("user_id", "track_id").iter_rows())


def test_each_listener_gives_a_fifth(data):
    sides = split(data, held_out=0.2, seed=0)
    rows = data.plays.group_by("user_id").len("all")
    held = sides.test.plays.group_by("user_id").len("held")
    joined = rows.join(held, on="user_id", how="left").fill_null(0)
    expected = (joined["all"] * 0.2).round()
    assert (joined["held"] == expected).all()
    assert pairs(sides.train.plays) | pairs(sides.test.plays) == pairs(data.plays)
    assert not pairs(sides.train.plays) & pairs(sides.test.plays)


def test_the_seed_decides(data):
    assert split(data, seed=1).test.plays.equals(split(data, seed=1).test.plays)
    assert not split(data, seed=1).test.plays.equals(split(data, seed=2).test.plays)


def test_renaming_ids_leaves_the_split_as_it_was(data):
    renamed = {
        name: data.table(name).with_columns(
            pl.col(pl.String) if name == "tags" else ("x" + pl.col(column) + "y").alias(column)
            for column in ("user_id", "track_id", "friend_id")
            if column in data.table(name).columns
        )
        for name in ("plays", "events", "tracks", "listeners", "friends")
    }
    other = split(data.with_tables(**renamed), seed=5).test.plays
    assert ("x" + split(data, seed=5).test.plays["user_id"] + "y").equals(other["user_id"])


def test_held_out_listens_are_gone_from_the_training_side(data):
    sides = split(data, seed=0)
    assert not pairs(sides.train.events) & pairs(sides.test.plays)
    assert pairs(sides.test.events) <= pairs(sides.test.plays)


def test_by_time_the_later_rows_are_held_out(data):
    timed = data.with_tables(plays=data.plays.filter(pl.col("first_played").is_not_null()))
    sides = split(timed, by="time", held_out=0.25)
    assert sides.train.plays["first_played"].max() <= sides.test.plays["first_played"].min()
    assert abs(sides.test.plays.height / timed.plays.height - 0.25) < 0.02


def test_tags_on_own_held_out_tracks_leave_and_others_stay():
    plays = conform(
        pl.DataFrame({"user_id": ["a", "a", "b"], "track_id": ["t", "s", "t"], "plays": [1, 1, 1]}),
        "plays",
    )
    tags = conform(
        pl.DataFrame(
            {
                "track_id": ["t", "t", "s", "t"],
                "tag": ["rock", "rock", "jazz", "pop"],
                "weight": [1.0, 1.0, 1.0, 1.0],
                "user_id": ["a", "b", "a", None],
            }
        ),
        "tags",
    )
    data = Dataset(
        plays=plays,
        tags=tags,
        tracks=conform(pl.DataFrame({"track_id": ["t", "s"], "title": ["T", "S"]}), "tracks"),
        listeners=conform(pl.DataFrame({"user_id": ["a", "b"]}), "listeners"),
    )
    held = plays.filter((pl.col("user_id") == "a") & (pl.col("track_id") == "t"))
    left = hold_out(data, held).train.tags.select("user_id", "track_id").rows()
    assert left == [("b", "t"), ("a", "s"), (None, "t")]


@pytest.mark.parametrize(
    ("how", "told"),
    [({"by": "moon"}, "split by 'moon'"), ({"held_out": 1.0}, "between 0 and 1")],
)
def test_a_wrong_call_is_told(data, how, told):
    with pytest.raises(InputError, match=told):
        split(data, **how)


def test_by_time_needs_times(data):
    plays = data.plays.with_columns(
        pl.lit(None, data.plays.schema["first_played"]).alias("first_played")
    )
    with pytest.raises(InputError, match="have no first_played"):
        split(data.with_tables(plays=plays), by="time")


def test_no_plays_no_split(data):
    with pytest.raises(InputError, match="nothing to split"):
        split(data.with_tables(plays=data.plays.clear(), events=data.events.clear()))
