"""Who is asking: a known listener, a history brought along, a friend of somebody, nobody yet."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from encore import Dataset, InputError, Recommender
from encore.recommend.fold_in import FOLDED_IN, FRIENDS, KNOWN, POPULAR, Listener, listener_of


def row(listener: Listener) -> dict[int, float]:
    matrix = listener.history_1T
    return dict(zip(matrix.indices.tolist(), matrix.data.tolist(), strict=True))


def plays_of(data: Dataset, user_id: str) -> dict[str, float]:
    own = data.plays.filter(pl.col("user_id") == user_id)
    return dict(own.select("track_id", "plays").iter_rows())


@pytest.fixture(scope="module")
def known_id(small_world: Dataset) -> str:
    return small_world.plays["user_id"][0]


def test_a_known_listener_rests_on_their_own_history(
    small_model: Recommender, small_world: Dataset, known_id: str
) -> None:
    found = listener_of(small_model.bundle, known_id, None)
    tracks = small_model.bundle.features.tracks
    assert found.answer == KNOWN
    assert small_model.bundle.features.listeners.id(found.user) == known_id
    expected = {tracks.index(t): plays for t, plays in plays_of(small_world, known_id).items()}
    assert row(found) == expected
    assert found.heard_1T.indices.tolist() == sorted(expected)


def test_a_history_in_each_of_its_forms_is_the_same_listener(
    small_model: Recommender, small_world: Dataset, known_id: str
) -> None:
    plays = small_world.plays.filter(pl.col("user_id") == known_id)
    mapping = plays_of(small_world, known_id)
    forms = [
        mapping,
        plays,
        plays.select("track_id", "plays").reverse(),
        plays.select("track_id", pl.col("plays").cast(pl.Int64)),
        small_world.with_tables(plays=plays),
    ]
    rows = [listener_of(small_model.bundle, None, form) for form in forms]
    assert {found.answer for found in rows} == {FOLDED_IN}
    assert {found.user for found in rows} == {0}
    assert all(row(found) == row(rows[0]) for found in rows)


def test_rows_of_one_track_add_up_and_absent_plays_count_as_one(
    small_model: Recommender, small_world: Dataset
) -> None:
    tracks = small_model.bundle.features.tracks
    one, other = small_world.tracks["track_id"][:2]
    index = {tracks.index(one), tracks.index(other)}
    twice = pl.DataFrame({"track_id": [one, other, one], "plays": [2, 3, 5]})
    assert row(listener_of(small_model.bundle, None, twice)) == {
        tracks.index(one): 7,
        tracks.index(other): 3,
    }
    found = row(listener_of(small_model.bundle, None, pl.DataFrame({"track_id": [one, other]})))
    assert found == dict.fromkeys(index, 1.0)


def test_a_history_brought_along_is_taken_instead_of_the_stored_one(
    small_model: Recommender, small_world: Dataset, known_id: str
) -> None:
    track_id = small_world.tracks["track_id"][3]
    found = listener_of(small_model.bundle, known_id, {track_id: 4.0})
    assert found.answer == FOLDED_IN
    assert row(found) == {small_model.bundle.features.tracks.index(track_id): 4.0}


def test_tracks_that_the_catalogue_lacks_are_named_and_passed_over(
    small_model: Recommender, small_world: Dataset
) -> None:
    track_id = small_world.tracks["track_id"][3]
    found = listener_of(small_model.bundle, None, {"nowhere": 2, track_id: 4, "elsewhere": 1})
    assert found.brought.unmatched == ("nowhere", "elsewhere")
    assert row(found) == {small_model.bundle.features.tracks.index(track_id): 4.0}
    nothing = listener_of(small_model.bundle, None, {"nowhere": 2})
    assert (nothing.answer, nothing.brought.unmatched) == (POPULAR, ("nowhere",))


def test_a_new_listener_rests_on_the_mean_history_of_their_friends(
    small_model: Recommender, small_world: Dataset
) -> None:
    known = small_world.plays["user_id"].unique()
    friends = small_world.friends.filter(~pl.col("user_id").is_in(known.to_list()))
    assert friends.height
    history = small_model.bundle.history_UT.toarray()
    listeners = small_model.bundle.features.listeners
    for user_id in friends["user_id"].unique():
        theirs = friends.filter(pl.col("user_id") == user_id)["friend_id"]
        mean = history[listeners.encode(theirs)].mean(0)
        found = listener_of(small_model.bundle, user_id, None)
        assert found.answer == FRIENDS
        assert found.user == 0
        assert found.history_1T.toarray()[0] == pytest.approx(mean, rel=1e-5)
        assert found.heard_1T.nnz == 0  # what friends heard may be recommended


def test_nobody_and_an_empty_history_rest_on_what_most_play(small_model: Recommender) -> None:
    for user_id, history in ((None, None), ("a stranger", None), (None, {}), ("a stranger", {})):
        found = listener_of(small_model.bundle, user_id, history)
        assert (found.answer, found.user, found.history_1T.nnz) == (POPULAR, 0, 0)
        assert found.history_1T.shape == (1, small_model.bundle.features.tracks.rows)


@pytest.mark.parametrize(
    "history",
    [
        {"t00001": -1.0},
        {"t00001": np.nan},
        {"t00001": np.inf},
        {"t00001": 1e39},
        {"t00001": "often"},
        {"t00001": None},
        ["t00001", "t00002"],
        pl.DataFrame({"track": ["t00001"]}),
        pl.DataFrame({"track_id": ["t00001"], "plays": ["often"]}),
        pl.DataFrame({"track_id": ["t00001"], "plays": [-1]}),
    ],
    ids=[
        "negative",
        "nan",
        "infinite",
        "beyond single precision",
        "a word",
        "none",
        "a list",
        "no track_id",
        "a column of words",
        "a negative column",
    ],
)
def test_a_history_of_another_form_is_refused(small_model: Recommender, history: Any) -> None:
    with pytest.raises(InputError, match="history"):
        listener_of(small_model.bundle, None, history)


def test_a_history_of_several_listeners_is_refused(
    small_model: Recommender, small_world: Dataset
) -> None:
    with pytest.raises(InputError, match=r"history of .* listeners: expected one"):
        listener_of(small_model.bundle, None, small_world)
