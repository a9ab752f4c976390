"""A history brought along: what of it counts for how much, in the catalogue's terms."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore import Dataset, InputError, Recommender, read
from encore.recommend.brought import STAND_INS, Brought, by_listeners, of_dataset
from encore.recommend.fold_in import FOLDED_IN, POPULAR, listener_of


def history(rows: list[tuple], feedback: list[tuple] = ()) -> Dataset:
    """A stranger's (artist, title, plays) and (artist, title, kind, day), under ids of no use."""
    known = list(dict.fromkeys([*(row[:2] for row in rows), *(row[:2] for row in feedback)]))
    ids = {key: f"x{place}" for place, key in enumerate(known)}
    tables = {
        "tracks": pl.DataFrame(
            {
                "track_id": [ids[key] for key in known],
                "artist": [artist for artist, _ in known],
                "title": [title for _, title in known],
            },
            schema_overrides={"artist": pl.String, "title": pl.String},
        ),
        "plays": pl.DataFrame(
            {
                "user_id": ["me"] * len(rows),
                "track_id": [ids[row[:2]] for row in rows],
                "plays": [row[2] for row in rows],
            },
            schema={"user_id": pl.String, "track_id": pl.String, "plays": pl.Float64},
        ),
    }
    if feedback:
        tables["feedback"] = pl.DataFrame(
            {
                "user_id": ["me"] * len(feedback),
                "track_id": [ids[row[:2]] for row in feedback],
                "kind": [row[2] for row in feedback],
                "at": [datetime(2024, 1, row[3], tzinfo=UTC) for row in feedback],
            }
        )
    return read(tables)


def named(data: Dataset, place: int) -> tuple[str, str]:
    return data.tracks.select("artist", "title").row(place)


def titled(model: Recommender, values: dict[int, float]) -> dict[str, float]:
    return {model.bundle.tracks["title"][track - 1]: value for track, value in values.items()}


@pytest.fixture(scope="module")
def index(small_model: Recommender, small_world: Dataset) -> list[int]:
    """The indices of the tracks whose artist and title are theirs alone."""
    own = ~pl.struct("artist", "title").is_duplicated()
    ids = small_world.tracks.filter(own)["track_id"]
    return small_model.bundle.features.tracks.encode(ids).tolist()


def test_tracks_match_by_name_and_unknown_ones_are_told(
    small_model: Recommender, small_world: Dataset, index: list[int]
) -> None:
    (one, other), third = index[:2], ("Nobody", "Nothing")
    rows = [(*named(small_world, one - 1), 5), (*named(small_world, other - 1), 2), (*third, 3)]
    found = of_dataset(small_model.bundle, history(rows))
    assert dict(found.plays) == {one: 5, other: 2}
    assert found.unmatched == ("x2",)
    assert found.match.rates()["name"] == {"tracks": 2, "rows": 2 / 3, "plays": 0.7}
    listed = small_model.recommend(history=history(rows), n=3)
    assert listed.answer == FOLDED_IN
    assert listed.unmatched == ["x2"]
    assert listed.match["rates"]["all"]["plays"] == 0.7
    assert listed.to_json()["match"]["unmatched"][0]["title"] == "Nothing"


def test_a_stranger_by_names_is_the_same_as_by_ids(
    small_model: Recommender, small_world: Dataset, index: list[int]
) -> None:
    ids = small_world.tracks["track_id"]
    by_id = {ids[place - 1]: float(plays) for plays, place in enumerate(index[:9], 1)}
    by_name = [(*named(small_world, place - 1), plays) for plays, place in enumerate(index[:9], 1)]
    expected = small_model.recommend(history=by_id, n=8)
    assert small_model.recommend(history=history(by_name), n=8).slots == expected.slots


def test_an_unknown_track_of_a_known_artist_stands_by_the_artists_best_known(
    small_model: Recommender, small_world: Dataset
) -> None:
    found = of_dataset(small_model.bundle, history([("paper harbours!", "Never recorded", 6)]))
    known = by_listeners(small_model.bundle).filter(pl.col("artist") == "Paper Harbours")
    best = small_model.bundle.features.tracks.encode(known["track_id"][:STAND_INS])
    assert dict(found.near) == dict.fromkeys(best.tolist(), 6 / STAND_INS)
    assert (dict(found.plays), found.unmatched) == ({}, ())
    listener = listener_of(small_model.bundle, None, found)
    assert listener.history_1T.nnz == STAND_INS
    assert listener.heard_1T.nnz == 0  # what stands for others may be recommended
    reasons = [slot.reason for slot in small_model.recommend(history=found, n=20).slots]
    assert any(reason.startswith("because you play Paper Harbours") for reason in reasons)
    assert not any("Paper Harbours and Paper Harbours" in reason for reason in reasons)


def test_beside_a_track_that_is_known_the_unknown_ones_of_an_artist_are_left_out(
    small_model: Recommender, small_world: Dataset, index: list[int]
) -> None:
    known = (*named(small_world, index[0] - 1), 2)
    found = of_dataset(small_model.bundle, history([known, ("Paper Harbours", "Unheard of", 6)]))
    assert (dict(found.plays), found.near, found.unmatched) == ({index[0]: 2}, {}, ())
    assert found.match.rates()["artist"]["plays"] == 0.75


def test_where_items_are_artists_plays_of_their_tracks_add_up(artist_model: Recommender) -> None:
    rows = [("Slow Rivers", "a", 3), ("slow rivers", "b", 4), ("Salted Thunders", "c", 0)]
    found = of_dataset(artist_model.bundle, history(rows))
    assert titled(artist_model, found.plays) == {"Slow Rivers": 7}  # one skipped track is no artist
    assert found.near == {}


def test_an_artist_is_banned_when_all_that_was_heard_of_them_is(artist_model: Recommender) -> None:
    rows = [("Slow Rivers", "a", 3), ("Slow Rivers", "b", 4), ("Salted Thunders", "c", 2)]
    said = [("Slow Rivers", "a", "ban", 1), ("Salted Thunders", "c", "dislike", 1)]
    found = of_dataset(artist_model.bundle, history(rows, said))
    assert titled(artist_model, found.plays) == {"Slow Rivers": 4}
    assert titled(artist_model, dict.fromkeys(found.bans)) == {"Salted Thunders": None}


def test_the_last_word_on_a_track_counts(
    small_model: Recommender, small_world: Dataset, index: list[int]
) -> None:
    one, other, third = (named(small_world, place - 1) for place in index[:3])
    said = [(*one, "ban", 2), (*one, "like", 3), (*other, "like", 5), (*other, "ban", 9)]
    found = of_dataset(small_model.bundle, history([(*third, 4), (*other, 8)], said))
    assert (found.likes, found.bans) == ({index[0]}, {index[1]})
    assert found.counts() == {index[2]: 4, index[0]: 4}
    heard = found.heard(small_model.bundle.features.tracks.rows)
    assert set(heard.indices) == {index[0], index[2]}


def test_what_is_banned_is_not_listed_even_where_nothing_else_is_known(
    small_model: Recommender, small_world: Dataset
) -> None:
    popular = small_model.recommend(n=3).slots[0]
    mine = history([], [(popular.artist, popular.title, "ban", 1)])
    found = small_model.recommend(history=mine, n=small_world.tracks.height)
    assert found.answer == POPULAR
    assert len(found.slots) == small_world.tracks.height - 1
    assert popular.track_id not in [slot.track_id for slot in found.slots]


def test_a_history_of_several_is_refused(small_model: Recommender) -> None:
    plays = pl.DataFrame({"user_id": ["a"], "track_id": ["t"], "plays": [1]})
    feedback = pl.DataFrame({"user_id": ["b"], "track_id": ["t"], "kind": ["like"]})
    with pytest.raises(InputError, match="history of 2 listeners: expected one"):
        of_dataset(small_model.bundle, read({"plays": plays, "feedback": feedback}))


counts = st.dictionaries(st.integers(1, 9), st.integers(0, 50), max_size=9)
sets = st.frozensets(st.integers(1, 9), max_size=4)


@given(counts, counts, sets, sets)
def test_whatever_is_brought_the_rows_hold_together(plays, near, likes, bans) -> None:
    found = Brought(plays, near=near, likes=likes, bans=bans)
    history, heard = found.history(10).toarray()[0], found.heard(10).toarray()[0]
    assert np.isfinite(history).all()
    assert not history[list(bans)].any()
    assert all(history[t] >= max(plays.get(t, 0), 1) for t in likes - bans)
    assert set(found.heard(10).indices) == set(plays) | likes
    assert (heard <= history).all()
    assert all(history[t] == p for t, p in plays.items() if t not in likes | bans)
