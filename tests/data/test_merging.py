"""Spellings planted with known answers; laws of merging on random catalogues."""

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore import schema
from encore.data.dataset import Dataset, complete
from encore.data.identity import NAMED_BY
from encore.data.merging import Merged, merge_same
from encore.data.readers import read
from encore.errors import UsageError


def made(rows: list[dict[str, Any]], item_kind: str = "track", **tables: pl.DataFrame) -> Dataset:
    """Return a Dataset with a track and a listener's plays for each row (`plays` 1 by default)."""
    tracks = [{name: value for name, value in row.items() if name != "plays"} for row in rows]
    for number, track in enumerate(tracks):
        track.setdefault("track_id", f"t{number}")
        track.setdefault("title", track["track_id"])
    plays = [
        {"user_id": "ann", "track_id": track["track_id"], "plays": float(row.get("plays", 1))}
        for row, track in zip(rows, tracks, strict=True)
    ]
    wide = schema.TRACKS | {}
    frame = pl.DataFrame(tracks, schema_overrides={k: v for k, v in wide.items() if k in tracks[0]})
    given_tables = {
        "tracks": schema.conform(frame, "tracks"),
        "plays": schema.conform(pl.DataFrame(plays), "plays"),
        **{name: schema.conform(table, name) for name, table in tables.items()},
    }
    return Dataset(**complete(given_tables), item_kind=item_kind)


def groups(merged: Merged) -> set[frozenset[str]]:
    """Return the groups of more than one track."""
    found = merged.pairs.group_by("kept").agg("merged")
    return {frozenset([kept, *gone]) for kept, gone in found.iter_rows()}


def song(title: str, artist: str | None = "Bowie", **more: Any) -> dict[str, Any]:
    columns = {"duration_ms": None, "recording_mbid": None, "spotify_id": None}
    return {"artist": artist, "title": title, **columns, **more}


HEROES = ["Heroes", "heroes", "Heroes - Remastered 2011", "Heroes (feat. Eno)"]


def test_spellings_of_one_song_become_one_track_with_all_its_plays() -> None:
    rows = [song(title, plays=plays) for title, plays in zip(HEROES, (1, 2, 9, 4), strict=True)]
    merged = merge_same(made([*rows, song("Changes", plays=3)]), which="all")
    assert merged.data.plays.select("track_id", "plays").rows() == [("t2", 16.0), ("t4", 3.0)]
    assert merged.data.tracks["title"].to_list() == ["Heroes - Remastered 2011", "Changes"]
    assert merged.pairs.select("kept", "merged", "plays", "why").rows() == [
        ("t2", "t3", 4.0, "artist and title"),
        ("t2", "t1", 2.0, "artist and title"),
        ("t2", "t0", 1.0, "artist and title"),
    ]
    assert merged.data.ledger.notes == [
        "merging: 5 tracks into 2; 3 spellings went into 1 other (3 by artist and title)"
    ]


@pytest.mark.parametrize("artist", ["the BOWIE", "Bowie feat. Eno", "Bowie (ft. Eno)"])
def test_guests_and_case_of_an_artist_are_no_other_artist(artist: str) -> None:
    merged = merge_same(made([song("Heroes"), song("Heroes", artist)]), which="all")
    assert groups(merged) == {frozenset({"t0", "t1"})}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (song("Heroes"), song("Heroes - Live")),
        (song("Heroes"), song("Heroes (Demo)")),
        (song("Heroes"), song("Heroes", "Blondie")),
        (song("Heroes", None), song("Heroes", None)),
        (song("Heroes", "Unknown Artist"), song("Heroes", "unknown artist")),
        (song("Untitled"), song("untitled")),
        (song("Track 3"), song("track 3")),
        (song("Heroes", duration_ms=200_000), song("Heroes", duration_ms=210_600)),
        (song("Heroes", duration_ms=60_000), song("Heroes", duration_ms=67_001)),
        (song("Heroes", recording_mbid="a"), song("Heroes", recording_mbid="b")),
    ],
)
def test_what_is_not_the_same_stays_apart(one: dict[str, Any], other: dict[str, Any]) -> None:
    data = made([one, other])
    assert merge_same(data, which="all").data is data


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        (song("x", recording_mbid="A"), song("y", "z", recording_mbid="a"), "recording_mbid"),
        (song("x", None, spotify_id="a"), song("y", "z", spotify_id="a"), "spotify_id"),
        (song("Heroes", spotify_id="a"), song("heroes", spotify_id="b"), "artist and title"),
        (song("Heroes", recording_mbid="a"), song("heroes"), "artist and title"),
        (song("x", duration_ms=60_000), song("x", duration_ms=67_000), "artist and title"),
        (song("x", duration_ms=200_000), song("x", duration_ms=210_000), "artist and title"),
        (song("x", duration_ms=200_000), song("x"), "artist and title"),
    ],
)
def test_what_is_the_same_is_merged_and_told_why(
    one: dict[str, Any], other: dict[str, Any], why: str
) -> None:
    merged = merge_same(made([one, other]), which="all")
    assert groups(merged) == {frozenset({"t0", "t1"})}
    assert merged.pairs["why"].to_list() == [why]


def test_live_takes_merge_where_that_is_asked_for() -> None:
    rows = [song("Heroes"), song("Heroes - Live"), song("Heroes (Live at Leeds)"), song("Alive")]
    assert groups(merge_same(made(rows), which="all")) == set()
    both = merge_same(made(rows), which="all", live_apart=False)
    assert groups(both) == {frozenset({"t0", "t1", "t2"})}


def test_groups_are_transitive_and_say_so() -> None:
    rows = [
        song("Heroes", recording_mbid="a", plays=5),
        song("Helden", recording_mbid="a", spotify_id="s", plays=2),
        song("Eroi", spotify_id="s", plays=1),
    ]
    merged = merge_same(made(rows), which="all")
    assert merged.pairs.select("kept", "merged", "why").rows() == [
        ("t0", "t1", "recording_mbid"),
        ("t0", "t2", "through another"),
    ]


def test_who_lacks_an_mbid_goes_with_the_most_played_and_joins_nobody_else() -> None:
    rows = [
        song("Heroes", recording_mbid="a", plays=2),
        song("Heroes", recording_mbid="b", plays=3),
        song("heroes", plays=9),
    ]
    merged = merge_same(made(rows), which="all")
    assert groups(merged) == {frozenset({"t1", "t2"})}
    assert merged.data.tracks.filter(track_id="t2")["recording_mbid"].to_list() == ["b"]


def test_who_lacks_a_length_goes_with_the_most_played_version() -> None:
    rows = [
        song("Heroes", duration_ms=200_000, plays=1),
        song("Heroes", duration_ms=370_000, plays=5),
        song("heroes", plays=1),
        song("heroes", recording_mbid="a", plays=9),
    ]
    assert groups(merge_same(made(rows), which="all")) == {frozenset({"t1", "t2"})}


def test_columns_of_spellings_are_united() -> None:
    rows = [
        {**song("Heroes", plays=2), "album": None, "year": 1977, "genres": ["rock"]},
        {**song("heroes", plays=1), "album": "Heroes", "year": 2011, "genres": ["glam", "rock"]},
    ]
    (row,) = merge_same(made(rows), which="all").data.tracks.rows(named=True)
    assert (row["title"], row["album"], row["year"]) == ("Heroes", "Heroes", 1977)
    assert row["genres"] == ["rock", "glam"]


def test_a_name_that_is_known_wins_over_one_that_is_not() -> None:
    rows = [
        {"track_id": "t0", **song("t0", None, spotify_id="s", plays=9)},
        {"track_id": "t1", **song("Heroes", spotify_id="s")},
    ]
    (row,) = merge_same(made(rows), which="all").data.tracks.rows(named=True)
    assert (row["track_id"], row["artist"], row["title"]) == ("t0", "Bowie", "Heroes")


def test_listens_tags_and_feedback_move_too() -> None:
    first, second = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)
    both = {"user_id": ["ann"] * 2, "track_id": ["t0", "t1"]}
    data = made(
        [song("Heroes", plays=2), song("heroes")],
        events=pl.DataFrame({**both, "listened_at": [first, second]}),
        tags=pl.DataFrame({**both, "tag": ["rock"] * 2, "weight": [1.0, 3.0]}),
        feedback=pl.DataFrame({**both, "kind": ["like"] * 2, "at": [second, first]}),
    )
    plays = data.plays.with_columns(
        pl.Series("first_played", [second, first]), pl.Series("last_played", [second, first])
    )
    merged = merge_same(data.with_tables(plays=plays), which="all").data
    assert merged.plays.rows() == [("ann", "t0", 3.0, None, first, second)]
    assert merged.events["track_id"].to_list() == ["t0", "t0"]
    assert merged.tags.select("track_id", "tag", "weight").rows() == [("t0", "rock", 3.0)]
    assert merged.feedback.rows() == [("ann", "t0", "like", first)]


def named(artist: str, title: str, plays: int = 1) -> dict[str, Any]:
    """Return a track as a reader makes it where the source has names only."""
    return {"track_id": f"{artist}{NAMED_BY}{title}", **song(title, artist), "plays": plays}


def test_only_ids_made_of_names_merge_by_default() -> None:
    rows = [
        {"track_id": "7", **song("Heroes", plays=1)},
        {"track_id": "8", **song("Heroes", plays=2)},
        named("Bowie", "heroes", 5),
        named("bowie", "Heroes  - Remastered 2011", 3),
        named("Bowie", "Changes"),
        named("BOWIE", "Changes!", 2),
    ]
    merged = merge_same(made(rows))
    assert groups(merged) == {
        frozenset({"8", f"Bowie{NAMED_BY}heroes", f"bowie{NAMED_BY}Heroes  - Remastered 2011"}),
        frozenset({f"BOWIE{NAMED_BY}Changes!", f"Bowie{NAMED_BY}Changes"}),
    }
    assert set(merged.pairs["kept"]) == {"8", f"BOWIE{NAMED_BY}Changes!"}


def test_an_id_that_is_shared_leads_to_one_track_with_an_id_of_its_own() -> None:
    rows = [
        {"track_id": "7", **song("Heroes", recording_mbid="m")},
        {"track_id": "8", **song("Helden", spotify_id="s")},
        named("Bowie", "x") | {"recording_mbid": "m", "spotify_id": "s"},
    ]
    assert groups(merge_same(made(rows))) == {frozenset({"7", f"Bowie{NAMED_BY}x"})}


def test_tables_with_ids_and_artists_stay_as_they_are_by_default() -> None:
    data = made([song("Heroes"), song("Heroes")])
    assert merge_same(data).data is data
    artists = made([{"title": "Sigur Rós"}, {"title": "sigur ros"}], item_kind="artist")
    assert merge_same(artists).data is artists
    assert groups(merge_same(artists, which="all")) == {frozenset({"t0", "t1"})}


def test_which_is_auto_or_all() -> None:
    with pytest.raises(UsageError, match="which = 'some'"):
        merge_same(made([song("x")]), which="some")  # type: ignore[arg-type]


@pytest.mark.real
def test_hetrec_keeps_its_artists(shared_data: Any) -> None:
    hetrec = read(shared_data / "hetrec2011-lastfm-2k/hetrec2011-lastfm-2k.zip")
    assert merge_same(hetrec).data.tracks.height == 17_632


SONGS = st.fixed_dictionaries(
    {
        "artist": st.sampled_from(["A", "a", "The A", "B", None, "unknown"]),
        "title": st.sampled_from(["x", "X!", "x - Remastered", "x - Live", "y", "Untitled"]),
        "duration_ms": st.sampled_from([None, None, 1, 100_000, 105_000, 110_000, 300_000]),
        "recording_mbid": st.sampled_from([None, None, None, "m1", "m2", "m3"]),
        "spotify_id": st.sampled_from([None, None, None, "s1", "s2"]),
        "plays": st.integers(0, 4),
        "named": st.booleans(),
    }
)
CATALOGUES = st.lists(SONGS, min_size=1, max_size=14)
WHICH = st.sampled_from(["auto", "all"])


def catalogue(songs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each song an id: of its own, or made of its name (once)."""
    rows, seen = [], set()
    for number, drawn in enumerate(songs):
        row = {name: value for name, value in drawn.items() if name != "named"}
        track_id = f"{row['artist']}{NAMED_BY}{row['title']}"
        if not drawn["named"] or row["artist"] is None or track_id in seen:
            track_id = f"t{number}"
        seen.add(track_id)
        rows.append({"track_id": track_id, **row})
    return rows


@given(CATALOGUES, WHICH)
def test_merging_keeps_all_plays_and_once_is_enough(songs: Any, which: Any) -> None:
    data = made(catalogue(songs))
    merged = merge_same(data, which=which)
    assert merged.data.plays["plays"].sum() == data.plays["plays"].sum()
    assert merged.data.tracks.height + merged.pairs.height == data.tracks.height
    assert merge_same(merged.data, which=which).pairs.is_empty()


@given(CATALOGUES, WHICH, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(songs: Any, which: Any, random: Any) -> None:
    rows = catalogue(songs)
    shuffled = random.sample(rows, len(rows))
    one, other = merge_same(made(rows), which=which), merge_same(made(shuffled), which=which)
    assert one.pairs.sort("merged").equals(other.pairs.sort("merged"))
    by_id = [merged.data.tracks.sort("track_id").drop("genres") for merged in (one, other)]
    assert by_id[0].equals(by_id[1])


@given(CATALOGUES)
def test_two_recordings_are_never_one_by_their_name(songs: Any) -> None:
    data = made([row | {"spotify_id": None} for row in catalogue(songs)])
    merged = merge_same(data, which="all")
    known = data.tracks.drop_nulls("recording_mbid").select("track_id", "recording_mbid")
    into = pl.concat(
        [
            merged.pairs.select("merged", "kept"),
            merged.data.tracks.select(merged="track_id", kept="track_id"),
        ]
    )
    of_group = known.join(into, left_on="track_id", right_on="merged")
    assert (
        of_group.group_by("kept").agg(pl.col("recording_mbid").n_unique())["recording_mbid"] == 1
    ).all()
