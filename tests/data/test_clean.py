from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore.data import assembly, clean, values
from encore.data.ledger import Ledger
from encore.data.values import FILE, LINE

LATEST = datetime(2020, 1, 1, tzinfo=UTC)


def rows(**columns: list[Any]) -> pl.DataFrame:
    frame = pl.DataFrame(
        columns, schema_overrides={name: pl.String for name in columns if name != "genres"}
    )
    line = pl.int_range(pl.len()) + 2
    return frame.with_columns(pl.lit("t.csv").alias(FILE), line.alias(LINE))


def played(counts: list[str | None]) -> tuple[pl.DataFrame, Ledger]:
    ledger = Ledger()
    tracks = [f"t{n}" for n in range(len(counts))]
    frame = rows(user_id=["ann"] * len(counts), track_id=tracks, plays=counts)
    return clean.plays(frame, ledger, LATEST), ledger


@pytest.mark.parametrize(
    ("count", "reason"),
    [
        ("", "missing_plays"),
        (None, "missing_plays"),
        ("many", "not_a_number"),
        ("1,234", "not_a_number"),
        ("0x10", "not_a_number"),
        ("nan", "nan_plays"),
        ("NaN", "nan_plays"),
        ("inf", "infinite_plays"),
        ("-inf", "infinite_plays"),
        ("1e400", "infinite_plays"),
        ("-3", "negative_plays"),
        ("1e10", "absurd_plays"),
    ],
)
def test_bad_plays_are_dropped_for_a_reason_with_their_place(
    count: str | None, reason: str
) -> None:
    table, ledger = played(["2", count])
    assert table["track_id"].to_list() == ["t0"]
    assert ledger.dropped == {reason: 1}
    shown = count or "(empty)"
    assert ledger.table("plays").examples == {reason: [f"t.csv:3: {shown}"]}


@pytest.mark.parametrize(("count", "value"), [("0", 0), (" 7 ", 7), ("2.5", 2.5), ("1e3", 1000)])
def test_good_plays_are_kept(count: str, value: float) -> None:
    table, ledger = played([count])
    assert table["plays"].to_list() == [value]
    assert (ledger.read, ledger.kept) == (1, 1)


def test_missing_ids_are_dropped() -> None:
    ledger = Ledger()
    frame = rows(user_id=["", "ann", " "], track_id=["t", None, "t"], plays=["1"] * 3)
    assert clean.plays(frame, ledger, LATEST).is_empty()
    assert ledger.dropped == {"missing_user": 2, "missing_track": 1}


def test_ids_pass_untouched() -> None:
    ids = ["007", "7", str(2**63), str(2**64 + 1), " 7", "é", "1.0", "\u0065\u0301"]
    frame = rows(user_id=ids, track_id=ids, plays=["1"] * len(ids))
    table = clean.plays(frame, Ledger(), LATEST)
    assert table["user_id"].to_list() == ids


def test_repeated_pairs_are_summed_and_noted() -> None:
    ledger = Ledger()
    frame = rows(
        user_id=["ann", "bob", "ann"],
        track_id=["t", "t", "t"],
        plays=["1", "5", "2.5"],
        skips=["1", "", "x"],
        first_played=["2010-01-02", "", "2010-01-01"],
    )
    table = assembly.assemble([("plays", frame)], ledger, LATEST).plays
    assert table.select("user_id", "plays", "skips").rows() == [("ann", 3.5, 1), ("bob", 5.0, 0)]
    assert table["first_played"][0] == datetime(2010, 1, 1, tzinfo=UTC)
    assert (ledger.read, ledger.kept) == (3, 3)
    assert any("1 row repeats" in note for note in ledger.notes)
    assert any(note.startswith("skips: 1 values") for note in ledger.notes)


@pytest.mark.parametrize(
    "text",
    [
        "1262304000",
        "1262304000000",
        "1262304000000000",
        "1262304000000000000",
        "1262304000.0",
        "2010-01-01T00:00:00Z",
        "2010-01-01T01:00:00+01:00",
        "2010-01-01 00:00:00",
        "2010-01-01 00:00:00.000",
        "2010-01-01 00:00:00 UTC",
        "2010-01-01T00:00",
        "2010-01-01",
        " 2010-01-01 ",
    ],
)
def test_times_in_any_unit_are_one_time(text: str) -> None:
    parsed = values.times(rows(at=[text]), "at", Ledger())
    assert parsed.to_list() == [datetime(2010, 1, 1, tzinfo=UTC)]


@pytest.mark.parametrize("text", ["", "soon", "2010-13-01", "nan", "inf", "1e30", None])
def test_what_is_no_time_is_null(text: str | None) -> None:
    assert values.times(rows(at=[text]), "at", Ledger()).to_list() == [None]


def test_times_without_a_zone_are_noted_once() -> None:
    ledger = Ledger()
    values.times(rows(at=["2010-01-01", "2010-01-01 10:00"]), "at", ledger)
    assert ledger.notes == ["at: times without a time zone were read as UTC"]


def test_listens_become_plays_and_skips() -> None:
    ledger = Ledger()
    times = ["1262304001", "1262304002", "1262304003", "1262304003"]
    frame = rows(
        user_id=["ann"] * 4,
        track_id=["t", "t", "t", "u"],
        listened_at=times,
        skipped=["false", "", "true", "yes"],
        ms_played=["1000", "-1", "", "2.0"],
    )
    data = assembly.assemble([("events", frame)], ledger, LATEST)
    assert data.events["ms_played"].to_list() == [1000, None, None, 2]
    plays = data.plays
    assert plays.select("track_id", "plays", "skips").rows() == [("t", 2, 1), ("u", 0, 1)]
    assert [at.second if at else None for at in plays["last_played"]] == [2, None]


def test_bad_times_of_listens_are_dropped() -> None:
    ledger = Ledger()
    at = ["", "soon", "-1", "915148799", "1577836801", "1577836799"]
    frame = rows(user_id=["ann"] * 6, track_id=["t"] * 6, listened_at=at)
    assert clean.events(frame, ledger, LATEST).height == 1
    assert ledger.dropped == {"impossible_time": 3, "missing_time": 1, "bad_time": 1}


def test_a_listen_written_twice_counts_once_where_times_have_seconds() -> None:
    for second, kept in (("01", 1), ("00", 2)):
        ledger = Ledger()
        at = [f"2010-01-01T10:00:{second}Z"] * 2
        frame = rows(user_id=["ann"] * 2, track_id=["t"] * 2, listened_at=at)
        assert assembly.assemble([("events", frame)], ledger, LATEST).events.height == kept
        assert ledger.kept + sum(ledger.dropped.values()) == ledger.read == 2


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("energy", "0.5", 0.5),
        ("energy", "1.5", None),
        ("energy", "-0.1", None),
        ("energy", "nan", None),
        ("energy", "inf", None),
        ("energy", "loud", None),
        ("loudness", "-7.5", -7.5),
        ("loudness", "-500", None),
        ("tempo", "0", None),
        ("tempo", "120", 120),
        ("key", "-1", None),
        ("key", "11", 11),
        ("key", "12", None),
        ("mode", "1.0", 1),
        ("mode", "0", 0),
        ("year", "0", None),
        ("year", "1999", 1999),
        ("year", "19999", None),
        ("duration_ms", "253835.1216", 253835),
        ("explicit", "True", True),
        ("explicit", "0", False),
        ("explicit", "", None),
        ("explicit", "perhaps", None),
        ("title", " Song ", "Song"),
        ("title", "", "t"),
        ("artist", " ", None),
        ("genres", "rock;pop", ["rock", "pop"]),
    ],
)
def test_columns_of_tracks(column: str, text: str, value: object) -> None:
    ledger = Ledger()
    table = clean.tracks(rows(track_id=["t"], **{column: [text]}), ledger, LATEST)
    assert table[column].to_list() == [value]
    silent = text.strip() in ("", "0", "-1")
    assert bool(ledger.notes) == (value is None and not silent)


def test_tracks_that_share_an_id_are_united() -> None:
    ledger = Ledger()
    frame = rows(
        track_id=["t", "u", "t"],
        title=["", "U", "T"],
        energy=["", "", "0.5"],
        genres=[["rock"], None, ["pop", "rock"]],
    )
    table = clean.tracks(frame, ledger, LATEST)
    united = table.select("track_id", "title", "energy", "genres").rows()
    assert united == [("t", "T", 0.5, ["rock", "pop"]), ("u", "U", None, None)]
    counts = ledger.table("tracks")
    assert (counts.read, counts.kept, counts.dropped) == (3, 2, {"duplicate_track": 1})


def test_tags() -> None:
    ledger = Ledger()
    frame = rows(
        track_id=["t", "t", "t", "", "x", "t"],
        tag=["rock", "rock", "", "rock", "rock", "pop"],
        weight=["1", "2", "1", "1", "1", "-1"],
        tagged_at=["-428720400000", "", "", "", "", ""],
    )
    table = clean.tags(frame, ledger, LATEST, known_tracks=pl.Series(["t"]))
    assert table.rows() == [("t", "rock", 1.0, None, None)]
    assert ledger.table("tags").dropped == {
        "missing_track": 1, "missing_tag": 1, "unknown_track": 1, "bad_weight": 1, "duplicate": 1,
    }  # fmt: skip
    assert ledger.notes == [
        "tagged_at: 1 values set to unknown, no time between 1999 and now "
        "(first: t.csv:2: -428720400000)"
    ]


def test_friends_feedback_and_listeners() -> None:
    ledger = Ledger()
    friends = rows(user_id=["a", "a", "a", ""], friend_id=["b", "a", "b", "b"])
    assert clean.friends(friends, ledger).rows() == [("a", "b")]
    assert ledger.table("friends").dropped == {
        "missing_user": 1, "self_friendship": 1, "duplicate": 1,
    }  # fmt: skip
    kinds = rows(user_id=["a"] * 3, track_id=["t"] * 3, kind=[" Like ", "like", "meh"])
    assert clean.feedback(kinds, ledger, LATEST).row(0) == ("a", "t", "like", None)
    assert ledger.table("feedback").dropped == {"unknown_kind": 1, "duplicate": 1}
    assert clean.listeners(rows(user_id=["a", "a"]), ledger).height == 1


def test_plays_beside_listens_are_not_counted_twice() -> None:
    given_rows = {
        "plays": rows(user_id=["a"], track_id=["t"], plays=["5"]),
        "events": rows(user_id=["a"], track_id=["t"], listened_at=["1262304001"]),
    }
    data = assembly.assemble(given_rows.items(), Ledger(), LATEST)
    assert data.plays["plays"].to_list() == [5]
    assert data.events.height == 1


def test_losing_more_than_half_is_the_first_note() -> None:
    ledger = Ledger()
    frame = rows(user_id=["a"] * 3, track_id=["t"] * 3, plays=["1", "x", "y"])
    assembly.assemble([("plays", frame)], ledger, LATEST)
    assert ledger.notes[0].startswith("WARNING: 2 of 3 rows")


CELL = st.none() | st.sampled_from(["", "1", "-1", "nan", "inf", "x", "1262304001"]) | st.text()


@given(st.lists(st.tuples(CELL, CELL, CELL), max_size=20))
def test_read_is_kept_and_dropped(cells: list[tuple[str | None, ...]]) -> None:
    users, tracks, numbers = ([row[at] for row in cells] for at in range(3))
    for name in ("plays", "listened_at"):
        ledger = Ledger()
        frame = rows(user_id=users, track_id=tracks, **{name: numbers})
        table = "plays" if name == "plays" else "events"
        assembly.assemble([(table, frame)], ledger, LATEST)
        assert ledger.read == len(cells) == ledger.kept + sum(ledger.dropped.values())


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("tu"), st.integers(0, 99))))
def test_sums_equal_a_naive_loop(listening: list[tuple[str, str, int]]) -> None:
    expected: dict[tuple[str, str], int] = {}
    for user, track, count in listening:
        expected[user, track] = expected.get((user, track), 0) + count
    frame = rows(
        user_id=[row[0] for row in listening],
        track_id=[row[1] for row in listening],
        plays=[str(row[2]) for row in listening],
    )
    table = assembly.assemble([("plays", frame)], Ledger(), LATEST).plays
    assert {row[:2]: row[2] for row in table.iter_rows()} == expected
