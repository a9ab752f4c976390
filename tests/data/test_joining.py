from pathlib import Path

import polars as pl
from polars.testing import assert_frame_equal

from encore import schema
from encore.data.joining import is_own, join
from encore.data.ledger import Ledger
from encore.data.readers import read


def tracks(**columns: list[object]) -> pl.DataFrame:
    frame = pl.DataFrame(columns)
    if "title" not in frame.columns:
        frame = frame.with_columns(title="track_id")
    return schema.conform(frame, "tracks")


CATALOGUE = tracks(
    track_id=["s1", "s2", "s3", "s4"],
    spotify_id=["s1", "s2", "s3", None],
    recording_mbid=[None, None, None, "m4"],
    title=["One", "Two - Remastered 2011", "Two", "Four"],
    artist=["Ann", "The Bobs", "Bobs", "Dee"],
    energy=[0.1, 0.2, 0.3, 0.4],
    genres=[["pop"], ["rock"], None, ["folk"]],
)


def joined(heard: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    ledger = Ledger()
    found = join(heard, CATALOGUE, ledger)
    return found, ledger.notes[0]


def test_each_key_finds_its_track() -> None:
    heard = tracks(
        track_id=["s1", "x", "y", "z", "nobody", "s9"],
        spotify_id=[None, "s1", None, None, None, None],
        recording_mbid=[None, None, "m4", None, None, None],
        title=["s1", "Other", "Other", "two", "Two", "s9"],
        artist=[None, "Other", "Other", "BOBS", None, "Ann"],
    )
    found, note = joined(heard)
    assert [value and round(value, 3) for value in found["energy"]] == [
        0.1,
        0.1,
        0.4,
        0.2,  # the first of two editions
        None,
        None,
    ]
    assert found["title"].to_list() == ["One", "Other", "Other", "two", "Two", "s9"]
    assert found["artist"][0] == "Ann"
    assert "4 of 6 tracks found among its 4" in note
    by = "(1 by track_id, 1 by recording MBID, 1 by Spotify id, 1 by artist and title)"
    assert by in note


def test_guests_of_the_artist_do_not_matter_and_unknown_names_match_nothing() -> None:
    heard = tracks(
        track_id=["x", "y", "z"],
        title=["One", "Two (Live)", "Unknown Track"],
        artist=["Ann feat. Dee", "Bobs", "Unknown Artist"],
    )
    catalogue = tracks(
        track_id=["s0", *CATALOGUE["track_id"]],
        title=["Unknown Track", *CATALOGUE["title"]],
        artist=["Unknown Artist", *CATALOGUE["artist"]],
        year=[1990, 1991, 1992, 1993, 1994],
    )
    assert join(heard, catalogue, Ledger())["year"].to_list() == [1991, None, None]


def test_only_the_unknown_is_filled_and_ids_stay() -> None:
    heard = tracks(
        track_id=["a"], title=["one"], artist=["ann"], energy=[0.9], genres=[["jazz"]], year=[1999]
    )
    found, _ = joined(heard)
    assert found.select("track_id", "spotify_id", "artist", "genres").row(0) == (
        "a",
        None,
        "ann",
        ["jazz"],
    )
    assert found["energy"].to_list() == heard["energy"].to_list()


def test_nothing_to_join_changes_nothing() -> None:
    heard = tracks(track_id=["a", "b"], artist=[None, "Ann"])
    empty = schema.empty("tracks")
    assert_frame_equal(join(heard, empty, Ledger()), heard)
    assert join(empty, CATALOGUE, Ledger()).height == 0


def test_a_catalogue_is_own_where_the_ids_are_its() -> None:
    ids = pl.DataFrame({"track_id": ["t1", "t2", "x"]})
    theirs = pl.DataFrame({"track_id": ["t1", "t2"], "spotify_id": ["s1", "s2"]})
    assert is_own({"plays": ids}, theirs)
    assert not is_own({"plays": ids[1:]}, theirs)
    assert is_own({}, theirs)
    # Ids of Spotify's and such as are made of names are everybody's.
    assert not is_own({"plays": ids}, theirs.with_columns(spotify_id="track_id"))
    assert not is_own({"plays": ids}, theirs.drop("spotify_id"))


def test_what_is_dropped_of_a_catalogue_is_counted_as_its_own(tmp_path: Path) -> None:
    heard = tmp_path / "h.csv"
    heard.write_text("user_id,track_id,plays,title,artist\nme,1,4,Bye,Bob\n")
    hits = tmp_path / "c.csv"
    hits.write_text(
        "artist,song,explicit,year,energy,genre\n"
        "Bob,Bye,True,2002,0.5,pop\nBob,Bye,True,2002,0.5,rock\nBob\n,,,,,\n"
    )
    ledger = read([heard, hits]).ledger
    counts = ledger.table("catalogue")
    assert (counts.read, counts.kept) == (4, 1)
    assert counts.dropped == {"malformed_line": 1, "missing_track": 1, "duplicate_track": 1}
    assert (ledger.read, ledger.kept) == (1, 1)


def test_lengths_out_of_a_catalogue_decide_what_counts(tmp_path: Path) -> None:
    heard = tmp_path / "h.csv"
    listen = "me,{track},Bye,Bob,{at},{ms}\n"
    heard.write_text(
        "user_id,track_id,title,artist,listened_at,ms_played\n"
        + listen.format(track=1, at=1_600_000_001, ms=90_000)
        + listen.format(track=1, at=1_600_000_501, ms=190_000)
        + listen.format(track=2, at=1_600_000_901, ms=90_000)
    )
    hits = tmp_path / "c.csv"
    hits.write_text(
        "artist,song,explicit,year,energy,genre,duration_ms\nBob,Bye,True,2002,0.5,pop,200000\n"
    )
    assert read(heard).plays["plays"].to_list() == [2, 1]
    data = read([heard, hits])
    assert data.plays.select("track_id", "plays").rows() == [("1", 1)]
    assert data.ledger.dropped == {"partial_listen": 2}
    assert data.tracks["track_id"].to_list() == ["1", "2"]
