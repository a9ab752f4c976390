"""Adding a newer export: no listen counts twice, and the same again changes nothing."""

from itertools import product

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore import schema
from encore.data import shards
from encore.data.appending import append
from encore.data.dataset import Dataset
from encore.data.merging import merge_same
from encore.data.readers import read
from encore.errors import InputError

#: Listener, track, second.
LISTEN = st.tuples(st.sampled_from("ab"), st.sampled_from("tuv"), st.integers(0, 3))


def heard(listens: list[tuple[str, str, int]], start: int = 1_600_000_001) -> Dataset:
    columns = list(zip(*listens, strict=True))
    return read(
        pl.DataFrame(
            {
                "user_id": columns[0],
                "track_id": columns[1],
                "listened_at": [start + 7 * second for second in columns[2]],
            }
        )
    )


def same_tables(one: Dataset, other: Dataset) -> bool:
    return all(one.table(name).equals(other.table(name)) for name in schema.TABLES)


@given(st.lists(LISTEN, min_size=1, max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_overlapping_exports_are_what_one_export_of_all_is(
    listens: list[tuple[str, str, int]], end: int, start: int
) -> None:
    end, start = max(1, min(end, len(listens))), min(start, len(listens) - 1, end)
    both = append(heard(listens[:end]), heard(listens[start:]))
    whole = heard(listens)
    key = ["user_id", "track_id"]
    assert both.data.plays.sort(key).equals(whole.plays.sort(key))
    order = [*key, "listened_at"]
    assert both.data.events.sort(order).equals(whole.events.sort(order))
    for ledger in (both.ledger, both.data.ledger):
        assert ledger.read == ledger.kept + sum(ledger.dropped.values())
    assert both.data.ledger.kept == whole.events.height


@given(st.lists(LISTEN, min_size=1, max_size=20), st.booleans())
def test_the_same_again_changes_nothing(
    listens: list[tuple[str, str, int]], in_parts: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if in_parts:
            patch.setattr(shards, "ROWS_IN_MEMORY", 3)
        once = heard(listens)
        again = append(once, heard(listens))
        if not in_parts:  # else listeners come in the order of the parts
            assert same_tables(again.data, once)
        for name, table in (("plays", once.plays), ("events", once.events)):
            order = [*table.columns[:3]]
            assert again.data.table(name).sort(order).equals(table.sort(order))
        known = again.ledger.dropped["already_imported"]
        assert (known, again.ledger.kept) == (once.events.height, 0)


def test_equal_listens_in_whole_minutes_are_as_many_as_one_source_has() -> None:
    minute = 1_600_000_020
    one = heard([("a", "t", 0)] * 2, minute)
    assert one.events.height == 2
    assert append(one, heard([("a", "t", 0)] * 3, minute)).data.plays["plays"].to_list() == [3]
    assert append(one, heard([("a", "t", 0)], minute)).data.plays["plays"].to_list() == [2]


def test_of_sums_the_larger_is_right() -> None:
    def counted(plays: int) -> Dataset:
        return read(pl.DataFrame({"user_id": ["a"], "track_id": ["t"], "plays": [plays]}))

    for first, second in product((3, 5), repeat=2):
        both = append(counted(first), counted(second))
        assert both.data.plays["plays"].to_list() == [max(first, second)]
        assert both.ledger.dropped == ({} if second > first else {"already_imported": 1})


def test_sums_are_no_less_than_the_listens_of_both() -> None:
    both = append(heard([("a", "t", 0), ("a", "t", 1)]), heard([("a", "t", 1), ("a", "t", 2)]))
    assert both.data.plays["plays"].to_list() == [3]


def test_listens_without_times_count_as_often_as_one_source_has_them() -> None:
    rows = pl.DataFrame({"user_id": ["a"] * 3, "track_id": ["t"] * 3, "skipped": [0, 0, 1]})
    both = append(read(rows), read(rows[:2]))
    assert both.data.plays.select("plays", "skips").rows() == [(2, 1)]
    assert both.ledger.dropped == {"already_imported": 2}


def spelled(titles: list[str], seconds: list[int]) -> Dataset:
    return read(
        pl.DataFrame(
            {
                "user_id": ["a"] * len(titles),
                "artist": ["Bowie"] * len(titles),
                "title": titles,
                "track_id": [f"Bowie – {title}" for title in titles],
                "listened_at": [1_600_000_001 + second for second in seconds],
            }
        )
    )


def test_a_spelling_that_was_merged_before_is_merged_again() -> None:
    export = ["Heroes", "Heroes - 2017 Remaster", "Heroes"], [1, 2, 3]
    once = merge_same(spelled(*export)).data
    again = append(once, spelled(*export))
    assert same_tables(again.data, once)
    later = append(once, spelled(["Heroes - 2017 Remaster"] * 4, [2, 4, 5, 6]))
    assert later.data.plays.select("track_id", "plays").rows() == [("Bowie – Heroes", 6)]
    assert later.pairs["merged"].to_list() == ["Bowie – Heroes - 2017 Remaster"]
    apart = append(once, spelled(*export), which=None)
    assert apart.data.plays.height == 2


def test_what_was_unknown_of_a_track_is_taken_over() -> None:
    known = read(
        pl.DataFrame(
            {
                "user_id": ["a"],
                "track_id": ["t"],
                "title": ["Song 2"],
                "genres": ["rock"],
                "listened_at": [1_600_000_001],
            }
        )
    )
    both = append(heard([("a", "t", 0)]), known).data
    assert both.tracks.select("title", "genres").rows() == [("Song 2", ["rock"])]


def test_tags_friends_and_likes_are_there_once() -> None:
    rows = {"user_id": ["a"], "track_id": ["t"]}
    frames = {
        "plays": pl.DataFrame(rows),
        "tags": pl.DataFrame({**rows, "tag": ["rock"], "weight": [2.0]}),
        "feedback": pl.DataFrame({**rows, "kind": ["like"]}),
        "friends": pl.DataFrame({"user_id": ["a"], "friend_id": ["b"]}),
    }
    once = read(frames)
    again = append(once, read(frames))
    assert same_tables(again.data, once)
    assert again.ledger.table("tags").dropped == {"already_imported": 1}


def test_artists_are_not_added_to_tracks() -> None:
    tracks = heard([("a", "t", 0)])
    artists = Dataset(tracks.plays, tracks.tracks, listeners=tracks.listeners, item_kind="artist")
    with pytest.raises(InputError, match="holds tracks, what is to be added artists"):
        append(tracks, artists)
