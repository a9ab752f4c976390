"""What is in a dataset: figures counted by hand, sentences that turn with the data."""

import json
import re
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import encore
from encore import schema
from encore.data.dataset import Dataset, complete
from encore.data.merging import merge_same
from encore.data.spread import spread
from encore.reports.inspection import summary


def at(*when):
    return datetime(*when, tzinfo=UTC)


def made(item_kind="track", **tables):
    frames = {name: schema.conform(pl.DataFrame(columns), name) for name, columns in tables.items()}
    return Dataset(**complete(frames), item_kind=item_kind)


PLAYS = {
    "user_id": ["ann", "ann", "bob", "bob", "cem"],
    "track_id": ["t1", "t2", "t1", "t3", "t1"],
    "plays": [6.0, 2.0, 1.0, 1.0, 0.0],
}
TRACKS = {
    "track_id": ["t1", "t2", "t3", "t4"],
    "title": ["Heroes", "Heroes - Remastered 2011", "Low", "Heroes"],
    "artist": ["David Bowie", "david bowie", "Cracker", "Motörhead"],
    "genres": [["rock"], ["Rock", "art"], [], None],
    "year": [1977, 1977, None, 2015],
    "energy": [0.4, None, 0.8, None],
}
TAGS = {"track_id": ["t1", "t3"], "tag": ["berlin", "slacker"], "weight": [1.0, 1.0]}


@pytest.fixture
def found():
    return encore.inspect(made(plays=PLAYS, tracks=TRACKS, tags=TAGS))


def test_counts_are_those_of_the_hand(found):
    assert found.counts == {
        "listeners": 3,
        "tracks": 4,
        "artists": 3,
        "plays_rows": 5,
        "pairs": 4,
        "total_plays": 10,
        "listens": 0,
        "tag_rows": 2,
        "tags": 2,
        "friend_rows": 0,
        "feedback_rows": 0,
        "silent_listeners": 1,
        "unheard_tracks": 1,
    }
    assert found.sparsity == pytest.approx(8 / 12)


def test_spreads_are_those_of_the_hand(found):
    plays = found.spreads["plays_per_pair"]
    assert (plays["n"], plays["mean"], plays["median"], plays["max"]) == (4, 2.5, 1.5, 6)
    assert plays["top_1_percent"] == 0.6  # one pair of four, 6 of 10 plays
    assert plays["gini"] == pytest.approx((-3 * 1 - 1 * 1 + 1 * 2 + 3 * 6) / (10 * 3))
    assert found.spreads["tracks_per_listener"]["max"] == 2
    assert found.spreads["listeners_per_track"]["mean"] == pytest.approx(4 / 3)
    assert found.spreads["plays_per_track"]["max"] == 7


def test_coverage_counts_tracks_and_plays(found):
    known = {row["column"]: (row["known"], row["share"], row["of_plays"]) for row in found.coverage}
    assert known["energy"] == (2, 0.5, 0.8)
    assert known["genres"] == (2, 0.5, pytest.approx(0.9))
    assert known["tags"] == (2, 0.5, 0.8)
    assert known["album"] == (0, 0.0, 0.0)
    assert found.ranges["year"] == {"known": 3, "min": 1977, "median": 1977, "max": 2015}
    assert found.ranges["tempo"] == {"known": 0, "min": None, "median": None, "max": None}


def test_spellings_of_an_artist_or_genre_lead_as_one(found):
    first = {"name": "David Bowie", "plays": 9.0, "listeners": 2, "tracks": 2}
    assert found.leaders["artists"]["by_plays"][0] == first
    assert [row["name"] for row in found.leaders["artists"]["by_listeners"]] == [
        "David Bowie",
        "Cracker",
    ]
    genres = found.leaders["genres"]["by_plays"]
    assert [(row["name"], row["plays"], row["listeners"]) for row in genres] == [
        ("rock", 9, 2),
        ("art", 2, 1),
    ]
    assert [row["name"] for row in found.leaders["tags"]["by_plays"]] == ["berlin", "slacker"]


def test_the_same_song_under_two_ids_is_found_and_another_artists_is_not(found):
    assert found.duplicates == {
        "groups": 1,
        "tracks": 2,
        "share_of_plays": 0.9,
        "examples": [
            {"title": "Heroes", "artist": "David Bowie", "ids": ["t1", "t2"], "plays": 9.0}
        ],
    }


def test_what_is_there_twice_is_what_merging_would_merge():
    names = {
        "track_id": ["t1", "t2", "t3", "t4"],
        "title": ["Stan", "stan", "Unknown Track", "Unknown Track"],
        "artist": ["Eminem", "Eminem feat. Dido", "Unknown Artist", "Unknown Artist"],
    }
    plays = {"user_id": ["ann"] * 4, "track_id": names["track_id"], "plays": [3, 1, 5, 5]}
    data = made(tracks=names, plays=plays)
    twice = encore.inspect(data).duplicates
    assert [row["ids"] for row in twice["examples"]] == [["t1", "t2"]]
    assert merge_same(data, which="all").pairs["merged"].to_list() == ["t2"]


def test_time_is_told_by_day_or_month_with_the_gaps():
    times = [at(2024, 1, 1, 8), at(2024, 1, 3, 8, 30), at(2024, 1, 3, 23)]
    events = {"user_id": ["ann", "ann", "bob"], "track_id": "t1", "listened_at": times}
    found = encore.inspect(made(events=events)).activity
    assert (found["of"], found["by"], found["days"]) == ("listens", "day", 3)
    assert [(one["at"], one["rows"], one["listeners"]) for one in found["counts"]] == [
        ("2024-01-01", 1, 1),
        ("2024-01-02", 0, 0),
        ("2024-01-03", 2, 2),
    ]
    assert (found["hours"][8], found["hours"][23], sum(found["hours"])) == (2, 1, 3)
    assert found["weekdays"] == [1, 0, 2, 0, 0, 0, 0]
    long = events | {"listened_at": [at(2023, 1, 31), at(2024, 1, 1), at(2024, 1, 1)]}
    found = encore.inspect(made(events=long)).activity
    assert found["by"] == "month"
    assert len(found["counts"]) == 13
    assert found["hours"] is None  # dates


def states(data):
    return {one.name: (one.state, one.sentence) for one in encore.inspect(data).capabilities}


TIMED = PLAYS | {"first_played": [at(2024, 1, 1)] * 5, "last_played": [at(2024, 1, 2)] * 5}
LISTENS = {"user_id": "ann", "track_id": "t1", "listened_at": [at(2024, 1, 1, 7), at(2024, 1, 2)]}
MANY = {"user_id": ["ann"] * 25, "track_id": [f"n{i}" for i in range(25)], "plays": 1.0}
TWO = {name: value * 2 if name == "track_id" else value for name, value in MANY.items()}
TWO["user_id"] = ["ann"] * 25 + ["bob"] * 25
THREE = PLAYS | {"plays": [1.0, 1.0, 1.0, 1.0, 1.0]}


@pytest.mark.parametrize(
    ("name", "without", "state", "told", "within", "then"),
    [
        ("training", {}, "no", "nothing to train", {"plays": PLAYS}, "yes"),
        ("play counts", {"plays": THREE}, "no", "only whether", {"plays": PLAYS}, "yes"),
        ("split by time", {"plays": PLAYS}, "no", "Nothing has a time", {"plays": TIMED}, "yes"),
        (
            "familiar board",
            {"plays": TIMED},
            "no",
            "nobody is seen to return",
            {"plays": TIMED, "events": LISTENS},
            "yes",
        ),
        (
            "ages in the repeat channel",
            {"plays": PLAYS},
            "no",
            "without their age",
            {"plays": TIMED},
            "yes",
        ),
        ("hours of listening", {"plays": TIMED}, "no", "unknown", {"events": LISTENS}, "yes"),
        (
            "friends channel",
            {"plays": PLAYS},
            "no",
            "no friends channel",
            {"plays": PLAYS, "friends": {"user_id": ["ann"], "friend_id": ["bob"]}},
            "partly",
        ),
        (
            "placing new tracks",
            {"plays": PLAYS},
            "no",
            "cannot be placed",
            {"tracks": TRACKS},
            "yes",
        ),
        (
            "cold track board",
            {"plays": PLAYS, "tracks": TRACKS},
            "no",
            "none to hold out",
            {"plays": THREE, "tracks": TRACKS},
            "yes",
        ),
        ("cold listener board", {"plays": PLAYS}, "no", "No listener has", {"plays": TWO}, "yes"),
        ("cold listener board", {"plays": MANY}, "no", "Only one", {"plays": TWO}, "yes"),
        ("acoustics", {"plays": PLAYS}, "no", "play no part", {"tracks": TRACKS}, "partly"),
        (
            "explicit filter",
            {"tracks": TRACKS},
            "no",
            "unknown is not clean",
            {"tracks": TRACKS | {"explicit": [True, False, None, None]}},
            "partly",
        ),
        ("limit per artist", {"plays": PLAYS}, "no", "No artists", {"tracks": TRACKS}, "yes"),
        ("skips", {"plays": MANY}, "no", "No skips", {"plays": PLAYS}, "yes"),
        ("titles in lists", {"plays": PLAYS}, "no", "show ids", {"tracks": TRACKS}, "yes"),
    ],
)
def test_each_sentence_turns_with_the_data(name, without, state, told, within, then):
    before = states(made(**without))[name]
    assert before[0] == state
    assert told in before[1]
    after = states(made(**within))[name]
    assert after[0] == then
    assert told not in after[1]


def test_one_of_a_thing_is_told_in_the_singular():
    one = {"user_id": ["ann"], "track_id": ["t1"], "plays": [1.0], "skips": [1]}
    found = encore.inspect(made(plays=one))
    told = [*summary(found), *(capability.sentence for capability in found.capabilities)]
    assert told[0].startswith("1 listener and 1 track, 1 pair with plays")
    assert not re.search(r"\b1 (listener|track|pair|play)s", "\n".join(told))


def test_split_by_time_is_allowed_where_it_works(small_world):
    for plays in (PLAYS, TIMED):
        data = made(plays=plays)
        if states(data)["split by time"][0] == "yes":
            encore.split(data, by="time")
        else:
            with pytest.raises(encore.InputError, match="split by listener"):
                encore.split(data, by="time")
    assert states(small_world)["split by time"][0] == "yes"
    encore.split(small_world, by="time")


@pytest.mark.parametrize(
    "data",
    [
        made(),
        made(item_kind="artist"),
        made(tracks=TRACKS),
        made(listeners={"user_id": ["ann"]}),
        made(plays={"user_id": ["ann"], "track_id": ["t1"], "plays": [1.0]}),
        made(plays={"user_id": ["ann"], "track_id": ["t1"], "plays": [0.0]}),
        made(plays={"user_id": ["ann"], "track_id": ["t1"], "plays": [0.5]}),
    ],
)
def test_a_dataset_of_next_to_nothing_is_no_error(data):
    from encore.reports.inspection import render

    found = encore.inspect(data)
    json.dumps(found.to_json(), allow_nan=False)
    assert "In short" in render(found, "next to nothing")


def test_the_facts_are_plain_and_come_back_whole(small_world):
    facts = encore.inspect(small_world).to_json()
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert facts["import"]["kept"] == small_world.ledger.kept


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=50))
def test_a_spread_holds_together(values):
    found = spread(pl.Series(values))
    assert sum(one["n"] for one in found["bins"]) == len(values)
    for one in found["bins"]:
        assert one["n"] == sum(one["from"] <= value <= one["to"] for value in values)
    assert found["min"] <= found["median"] <= found["max"]
    assert 0 < found["top_1_percent"] <= found["top_10_percent"] <= 1
    if len(values) > 1:
        pairs = sum(abs(a - b) for a in values for b in values) / 2
        assert found["gini"] == pytest.approx(pairs / (sum(values) * (len(values) - 1)), abs=1e-9)


@pytest.mark.real
def test_hetrec_is_what_its_publisher_says(shared_data):
    folder = shared_data / "hetrec2011-lastfm-2k"
    found = encore.inspect(encore.read(folder / "hetrec2011-lastfm-2k.zip"))
    assert (found.counts["listeners"], found.counts["tracks"]) == (1892, 17632)
    assert (found.counts["plays_rows"], found.counts["friend_rows"]) == (92834, 25434)
    assert found.leaders["artists"]["by_plays"][0]["name"] == "Britney Spears"
    assert found.leaders["artists"]["by_listeners"][0]["name"] == "Lady Gaga"
    assert found.activity is None
