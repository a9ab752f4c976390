"""Bots and the k-core, with answers known by construction."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore.data.filtering import k_core, without_bots
from encore.data.readers import read
from encore.errors import InputError

PAIRS = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("123456")), min_size=1)


def of_pairs(pairs: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(pairs, schema=["user_id", "track_id"], orient="row")


def naive_core(pairs: set[tuple[str, str]], listeners: int, tracks: int) -> set[tuple[str, str]]:
    while True:
        kept = {
            (u, t)
            for u, t in pairs
            if sum(t == other for _, other in pairs) >= listeners
            and sum(u == other for other, _ in pairs) >= tracks
        }
        if kept == pairs:
            return kept
        pairs = kept


@given(PAIRS, st.integers(0, 4), st.integers(0, 4))
def test_the_core_is_what_taking_away_by_hand_leaves(
    pairs: list[tuple[str, str]], listeners: int, tracks: int
) -> None:
    data = read(of_pairs(pairs))
    expected = naive_core(set(pairs), listeners, tracks)
    if not expected:
        with pytest.raises(InputError, match="nothing is left"):
            k_core(data, min_listeners=listeners, min_tracks=tracks)
        return
    core = k_core(data, min_listeners=listeners, min_tracks=tracks)
    assert set(core.plays.select("user_id", "track_id").rows()) == expected
    again = k_core(core, min_listeners=listeners, min_tracks=tracks)
    assert again.plays.equals(core.plays)


def test_the_core_removes_from_every_table_and_notes_how_many() -> None:
    plays = of_pairs([("ann", "1"), ("bob", "1"), ("bob", "2")])
    tags = pl.DataFrame({"track_id": ["1", "2", "1"], "tag": "rock", "user_id": ["ann", None, "x"]})
    friends = pl.DataFrame({"user_id": ["ann", "bob"], "friend_id": ["bob", "zoe"]})
    core = k_core(read({"plays": plays, "tags": tags, "friends": friends}), min_listeners=2)
    assert core.tracks["track_id"].to_list() == ["1"]
    assert core.tags["track_id"].to_list() == ["1", "1"]
    core = k_core(core, min_tracks=1)
    assert core.friends.rows() == [("ann", "bob")]
    assert core.ledger.notes[-2].startswith(
        "k-core: removed 1 track with fewer than 2 listeners, 0 listeners "
    )
    assert "1 listener with fewer than 1 track," in core.ledger.notes[-1]


def listens(user: str, count: int, apart: timedelta) -> list[tuple[str, str, datetime]]:
    start = datetime(2020, 1, 1, 0, 0, 1, tzinfo=UTC)
    return [(user, f"t{n}", start + n * apart) for n in range(count)]


def test_more_listens_on_a_day_than_allowed_make_a_bot() -> None:
    rows = listens("bot", 11, timedelta(seconds=1)) + listens("ann", 10, timedelta(seconds=1))
    rows += listens("eve", 20, timedelta(hours=3))
    frame = pl.DataFrame(rows, schema=["user_id", "track_id", "listened_at"], orient="row")
    data = read(frame)
    kept = without_bots(data, 10)
    assert kept.listeners["user_id"].to_list() == ["ann", "eve"]
    assert (kept.ledger.read, kept.ledger.kept, kept.ledger.dropped) == (41, 30, {"bot": 11})
    assert (data.ledger.kept, data.ledger.dropped) == (41, {})
    assert without_bots(data, 11) is data
    with pytest.raises(InputError, match="nothing is left"):
        without_bots(data, 1)


def test_bots_are_told_by_times_and_limits_are_positive() -> None:
    data = read(of_pairs([("ann", "1")]))
    with pytest.raises(InputError, match="no listen has a time"):
        without_bots(data, 10)
    with pytest.raises(InputError, match="expected at least 1"):
        without_bots(data, 0)
    with pytest.raises(InputError, match="min tracks per listener = -1"):
        k_core(data, min_tracks=-1)


@pytest.mark.real
def test_the_ten_core_of_hetrec(shared_data: Path) -> None:
    data = read(shared_data / "hetrec2011-lastfm-2k/hetrec2011-lastfm-2k.zip")
    core = k_core(data, min_listeners=10, min_tracks=10)
    assert core.plays.group_by("track_id").len()["len"].min() >= 10
    assert core.plays.group_by("user_id").len()["len"].min() >= 10
    assert (core.listeners.height, core.tracks.height, core.plays.height) == (1_797, 1_507, 62_376)
