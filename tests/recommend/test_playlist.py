"""An order for listening: an arc of energy and tempo, and artists apart."""

from datetime import UTC, datetime
from itertools import permutations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encore import Recommender, Rules, Seeds, UsageError
from encore.data.writers.entries import Entry
from encore.recommend.playlist import ARCS, arranged, drive_of, known_of, order, playlist_of


def apart(artists: list[str], spacing: int) -> bool:
    return all(
        artists[one] != artists[other]
        for one in range(len(artists))
        for other in range(max(0, one - spacing), one)
    )


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(-2, 2)), max_size=7),
    st.sampled_from([None, *ARCS]),
    st.integers(0, 3),
)
@settings(max_examples=150)
def test_artists_stand_as_far_apart_as_any_order_lets_them(tracks, arc, spacing) -> None:
    artists, drives = [a for a, _ in tracks], [d for _, d in tracks]
    found = order(drives, artists, arc=arc, spacing=spacing)
    assert sorted(found) == list(range(len(tracks)))
    orders = set(permutations(artists))
    most = max(room for room in range(spacing + 1) if any(apart(o, room) for o in orders))
    assert apart([artists[place] for place in found], most)


@given(st.lists(st.floats(-2, 2), max_size=20))
def test_an_arc_alone_is_followed_exactly(drives) -> None:
    alone = [None] * len(drives)  # unknown artists are not one artist
    rise, fall, peak = (
        [drives[place] for place in order(drives, alone, arc=arc, spacing=2)] for arc in ARCS
    )
    assert rise == sorted(drives)
    assert fall == sorted(drives, reverse=True)
    top = int(np.argmax(peak)) if peak else 0
    assert peak[: top + 1] == sorted(peak[: top + 1])
    assert peak[top:] == sorted(peak[top:], reverse=True)
    assert order(drives, alone) == list(range(len(drives)))


def test_a_peak_lies_at_two_thirds() -> None:
    assert order(np.arange(10.0), [None] * 10, arc="peak").index(9) == 6


def test_drive_is_the_mean_of_what_is_known() -> None:
    tracks = pl.DataFrame({"energy": [0.0, 1.0, None, None], "tempo": [90.0, 110.0, 130.0, None]})
    low, middle, high, unknown = drive_of(tracks)
    assert low < middle < high
    assert unknown == 0
    same = pl.DataFrame(
        {"energy": [0.5, 0.5], "tempo": [None, None]}, {"energy": pl.Float32, "tempo": pl.Float32}
    )
    assert drive_of(same).tolist() == [0, 0]


def test_a_list_is_arranged_and_its_slots_told_anew(small_model: Recommender) -> None:
    seeds, rules = Seeds(artists=("Paper Harbours",)), Rules(per_artist=5)
    found = small_model.recommend(history=seeds, n=20, rules=rules)
    listed = arranged(small_model.bundle, found, arc="rise", spacing=1)
    assert [slot.rank for slot in listed.slots] == [*range(1, 21)]
    assert {s.track_id for s in listed.slots} == {s.track_id for s in found.slots}
    assert apart([slot.artist for slot in listed.slots], 1)
    energy = dict(small_model.bundle.tracks.select("track_id", "energy").iter_rows())
    told = [energy[slot.track_id] for slot in listed.slots]
    assert np.mean(told[:7]) < np.mean(told[-7:])


def test_a_playlist_says_what_the_catalogue_knows(
    small_model: Recommender, artist_model: Recommender
) -> None:
    found, now = small_model.recommend(n=3), datetime.now(UTC)
    first = found.slots[0]
    playlist = playlist_of(
        small_model.bundle, found, title="x", date=now, locations={first.track_id: "a.ogg"}
    )
    row = small_model.bundle.tracks.row(
        by_predicate=pl.col("track_id") == first.track_id, named=True
    )
    told = playlist.entries[0]
    assert (told.title, told.artist, told.location) == (first.title, first.artist, "a.ogg")
    assert (told.duration_ms, told.album) == (row["duration_ms"], row["album"])
    assert (told.score, told.reason) == (first.score, first.reason)
    assert playlist.entries[1].location is None
    with pytest.raises(UsageError, match="lists artists, and a playlist holds tracks"):
        playlist_of(artist_model.bundle, artist_model.recommend(n=2), title="x", date=now)


@pytest.mark.parametrize("wrong", [{"arc": "zigzag"}, {"spacing": -1}])
def test_wrong_usage_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(wrong))} = .*expected"):
        order([0.0], ["a"], **wrong)


# A playlist to go on from


def test_the_tracks_of_a_playlist_are_found_by_id_and_by_name(small_model: Recommender) -> None:
    tracks = small_model.bundle.tracks.to_dicts()
    one, two, three, four = tracks[3], tracks[40], tracks[7], tracks[11]
    ids, unmatched = known_of(
        small_model.bundle,
        [
            Entry("", one["title"].upper() + " - 2011 Remaster", f"The {one['artist']}"),
            Entry("", "Never Recorded", one["artist"]),
            Entry("", f"{two['artist']} - {two['title']}"),  # as M3U has it
            Entry(three["track_id"], "whatever"),
            Entry("", one["title"], one["artist"]),
            Entry("", "", recording_mbid="8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"),
            Entry("", f"Live - {four['artist']} - {four['title']}"),
        ],
    )
    assert ids == [one["track_id"], two["track_id"], three["track_id"]]
    assert unmatched == [
        f"{one['artist']} - Never Recorded",
        "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae",
        f"Live - {four['artist']} - {four['title']}",
    ]
    assert known_of(small_model.bundle, []) == ([], [])


def test_of_a_model_of_artists_the_artists_are_found(
    artist_model: Recommender, small_model: Recommender
) -> None:
    track = small_model.bundle.tracks.row(0, named=True)
    entries = [
        Entry("", "Never Recorded", track["artist"]),
        Entry("", f"{track['artist']} - x"),
        Entry("", "Nobody - x"),
    ]
    assert known_of(artist_model.bundle, entries) == ([track["artist_id"]], ["Nobody - x"])
