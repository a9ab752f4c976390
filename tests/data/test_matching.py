"""A planted history whose every track matches at a level known beforehand."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore.data.matching import located, match
from encore.data.readers import read

CATALOGUE = {
    "track_id": ["t1", "t2", "t3", "t4", "t5", "S9"],
    "artist": ["A", "B", "C", "The D", "D", "E"],
    "title": ["a", "b", "c", "d", "D!", "e"],
    "recording_mbid": [None, "m2", None, None, None, None],
    "spotify_id": [None, None, "s3", None, None, None],
}
HISTORY = {
    "user_id": ["me"] * 7,
    "track_id": ["t1", "x2", "x3", "x4", "x5", "x6", "x7"],
    "artist": ["?", "?", "?", "d", "D feat. Z", "Nobody", "?"],
    "title": ["q", "r", "s", "d - Remastered", "other", "song", "e"],
    "recording_mbid": [None, "M2", None, None, None, None, None],
    "spotify_id": [None, None, "s3", None, None, None, "S9"],
    "plays": [1, 2, 3, 4, 5, 10, 0],
}


def test_each_track_matches_at_the_surest_level() -> None:
    plays = {"user_id": ["u", "u"], "track_id": ["t5", "t4"], "plays": [7, 1]}
    catalogue = read({"tracks": pl.DataFrame(CATALOGUE), "plays": pl.DataFrame(plays)})
    found = match(read(pl.DataFrame(HISTORY)), catalogue)
    by_id = {row[0]: row[1:] for row in found.tracks.select("track_id", "level", "matched").rows()}
    assert by_id == {
        "t1": ("track_id", "t1"),
        "x2": ("recording_mbid", "t2"),
        "x3": ("spotify_id", "t3"),
        "x4": ("name", "t5"),
        "x5": ("artist", None),
        "x6": (None, None),
        "x7": ("spotify_id", "S9"),
    }
    rates = found.rates()
    assert rates["name"] == {"tracks": 1, "rows": 1 / 7, "plays": 4 / 25}
    assert rates["all"] == {"tracks": 6, "rows": 6 / 7, "plays": 15 / 25}
    assert found.unmatched["track_id"].to_list() == ["x6"]
    assert found.to_json(0)["unmatched"] == []
    assert found.to_json()["unmatched_tracks"] == 1


def test_where_items_are_artists_ids_of_tracks_mean_nothing() -> None:
    artists = pl.DataFrame({"track_id": ["t1", "7"], "title": ["Nobody", "the d"]})
    found = match(read(pl.DataFrame(HISTORY)), artists, item_kind="artist")
    hit = found.tracks.drop_nulls("level").sort("track_id").select("track_id", "level", "matched")
    assert hit.rows() == [("x4", "artist", "7"), ("x5", "artist", "7"), ("x6", "artist", "t1")]


@pytest.mark.parametrize("rows", [0, 1])
def test_an_empty_catalogue_matches_nothing(rows: int) -> None:
    frame = pl.DataFrame({"track_id": ["z"], "artist": ["Z"], "title": ["z"]}).head(rows)
    found = match(read(pl.DataFrame(HISTORY)), frame)
    assert found.rates()["all"] == {"tracks": 0, "rows": 0, "plays": 0}
    assert found.unmatched["plays"].is_sorted(descending=True)


def test_a_title_that_is_the_id_is_a_name_unless_it_is_a_number() -> None:
    mine = pl.DataFrame({"track_id": ["muse", "311"], "title": ["muse", "311"]})
    names = pl.DataFrame({"track_id": ["7", "8"], "title": ["Muse", "311"]})
    found = located(mine, names, ["artist"], ("artist", "artist"))
    assert found["row"].to_list() == [0, None]


#: Few values, that many be equal; either's track_id may be an id of the other sort.
SOME = st.sampled_from([None, "a", "b"])
ROW = st.fixed_dictionaries(
    {
        "track_id": st.sampled_from(["a", "b", "c", "d"]),
        "recording_mbid": st.sampled_from([None, "c", "e"]),
        "spotify_id": st.sampled_from([None, "d", "f"]),
        "artist": SOME,
        "title": SOME,
    }
)
TRACKS = st.lists(ROW, max_size=5)
COLUMNS = dict.fromkeys(("track_id", "recording_mbid", "spotify_id", "artist", "title"), pl.String)


def naive(mine: dict[str, str | None], theirs: list[dict[str, str | None]]) -> tuple[object, ...]:
    """Look through the rows for each pair of columns in turn."""
    pairs = [("track_id", "track_id", "track_id")]
    for level in ("recording_mbid", "spotify_id"):
        pairs += [(level, level, level), (level, level, "track_id"), (level, "track_id", level)]
    for level, our, their in pairs:
        for row, known in enumerate(theirs):
            if mine[our] is not None and mine[our] == known[their]:
                return level, row
    for row, known in enumerate(theirs):
        name = mine["artist"], mine["title"]
        if None not in name and name == (known["artist"], known["title"]):
            return "name", row
    return None, None


@given(TRACKS, TRACKS)
def test_the_first_row_at_the_surest_level_is_found(
    mine: list[dict[str, str | None]], theirs: list[dict[str, str | None]]
) -> None:
    found = located(pl.DataFrame(mine, COLUMNS), pl.DataFrame(theirs, COLUMNS))
    assert found.rows() == [naive(row, theirs) for row in mine]
