"""Cold splits: who and what qualifies, what leaves and what stays; the ladder of new listeners."""

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore.data import world
from encore.data.cold import LEAST_ROWS, RUNGS, cold_listeners, cold_tracks, ladder
from encore.data.dataset import Dataset, complete
from encore.errors import InputError
from encore.schema import conform

PAIR = ["user_id", "track_id"]


@pytest.fixture(scope="module")
def data():
    return world.make(listeners=200, tracks=150, seed=4).data


def made(tracks=None, **tables):
    """Return a Dataset of tables given as columns; `tracks` fills what is known of the tracks."""
    frames = {name: conform(pl.DataFrame(columns), name) for name, columns in tables.items()}
    if tracks is not None:
        tracks = {"title": tracks["track_id"], **tracks}
        frames["tracks"] = conform(pl.DataFrame(tracks), "tracks")
    return Dataset(**complete(frames))


def heard_by(audience):
    """Return the columns of plays in which each track has the listeners written behind it."""
    rows = [(user, track) for track, users in audience.items() for user in users]
    users, tracks = zip(*rows, strict=True)
    return {"user_id": users, "track_id": tracks, "plays": [1] * len(rows)}


# Tracks


def qualified(data, least=3):
    """Return the tracks that may lose their rows: at a share of nearly one all of them do."""
    return set(cold_tracks(data, 0.999, least_listeners=least).test.plays["track_id"])


def test_a_share_of_the_tracks_loses_every_row_and_stays_in_the_catalogue(data):
    sides = cold_tracks(data, 0.15, seed=1)
    played = data.plays.filter(pl.col("plays") > 0).group_by("track_id").len()
    able = played.filter(pl.col("len") >= 3)["track_id"]
    cold = sides.test.plays["track_id"].unique()
    assert len(cold) == round(0.15 * len(able)) == sides.facts["test_tracks"]
    assert set(cold) <= set(able)
    assert not set(cold) & set(sides.train.plays["track_id"])
    assert not set(cold) & set(sides.train.events["track_id"])
    assert sides.train.tracks.equals(data.tracks)


def test_content_is_genres_acoustics_or_a_tag_by_somebody_else():
    tracks = ["genre", "no genre", "null genre", "loud", "own tag", "tag", "no one's tag", "judged"]
    data = made(
        plays=heard_by(dict.fromkeys(tracks, "abc")),
        tracks={
            "track_id": tracks,
            "genres": [["rock"], [], [None], None, None, None, None, None],
            "loudness": [None, None, None, -7.0, None, None, None, None],
        },
        tags={
            "track_id": ["own tag", "tag", "no one's tag", "judged"],
            "tag": ["pop"] * 4,
            "weight": [1] * 4,
            "user_id": ["a", "d", None, "d"],
        },
        feedback={"user_id": ["d"], "track_id": ["judged"], "kind": ["like"]},
    )
    assert qualified(data) == {"genre", "loud", "tag", "no one's tag"}


def test_listeners_of_a_track_have_played_it():
    plays = heard_by({"three": "abc", "two": "ab", "skipped": "abc"})
    plays["plays"][-1] = 0
    tracks = {"track_id": ["three", "two", "skipped"], "genres": [["rock"]] * 3}
    data = made(plays=plays, tracks=tracks)
    assert qualified(data) == {"three"}
    assert qualified(data, least=2) == {"three", "two", "skipped"}
    with pytest.raises(InputError, match="no tracks with content and 4 listeners"):
        cold_tracks(data, least_listeners=4)


def test_a_cold_track_keeps_no_word_of_its_listeners():
    data = made(
        plays=heard_by({"t": "abc"}),
        tracks={"track_id": ["t"], "genres": [["rock"]]},
        tags={"track_id": ["t"] * 3, "tag": ["x", "y", "z"], "user_id": ["a", "d", None]},
        feedback={"user_id": ["d", "a"], "track_id": ["t", "t"], "kind": ["ban", "like"]},
    )
    train = cold_tracks(data).train
    assert train.plays.is_empty()
    assert train.feedback.is_empty()
    assert train.tags["tag"].to_list() == ["z"]  # d judged the track, so d's tag tells of d


# Listeners


def test_a_share_of_the_listeners_leaves_whole_and_their_friends_stay(data):
    sides = cold_listeners(data, 0.1, seed=1)
    rows = data.plays.filter(pl.col("plays") > 0).group_by("user_id").len()
    able = rows.filter(pl.col("len") >= LEAST_ROWS)["user_id"]
    cold = set(sides.test.plays["user_id"])
    assert len(cold) == round(0.1 * len(able)) == sides.facts["test_listeners"]
    assert cold <= set(able)
    assert not cold & set(sides.train.plays["user_id"])
    assert not cold & set(sides.train.events["user_id"])
    assert sides.train.friends.equals(data.friends)
    assert sides.train.listeners.equals(data.listeners)
    assert not cold.isdisjoint(sides.train.friends["user_id"])


def test_a_cold_listener_leaves_no_word_on_anything():
    data = made(
        plays=heard_by({"t": "ab", "s": "a"}),
        tags={"track_id": ["u", "u"], "tag": ["x", "y"], "user_id": ["a", None]},
        feedback={"user_id": ["a", "b"], "track_id": ["u", "u"], "kind": ["ban", "like"]},
    )
    sides = cold_listeners(data, least_rows=2)
    assert sides.train.plays.select(PAIR).rows() == [("b", "t")]
    assert sides.train.tags["tag"].to_list() == ["y"]
    assert sides.train.feedback["user_id"].to_list() == ["b"]
    with pytest.raises(InputError, match="no listeners with 3 played tracks"):
        cold_listeners(data, least_rows=3)


@pytest.mark.parametrize("cold", [cold_tracks, cold_listeners])
@pytest.mark.parametrize("share", [0, 1, -0.5])
def test_a_wrong_share_is_told(data, cold, share):
    with pytest.raises(InputError, match="expected a share between 0 and 1"):
        cold(data, share)


# The ladder


def test_every_listener_has_all_rungs_and_targets_beyond(data):
    test = cold_listeners(data).test
    steps = ladder(test)
    played = test.plays.filter(pl.col("plays") > 0)
    for k in RUNGS:
        counts = steps.revealed(k).group_by("user_id").len()
        assert counts["len"].to_list() == [k] * (test.plays["user_id"].n_unique() if k else 0)
    top = steps.revealed(max(RUNGS))
    assert (
        pl.concat([top, steps.targets]).sort(PAIR).equals(played.select(*PAIR, "plays").sort(PAIR))
    )
    assert steps.targets.group_by("user_id").len()["len"].min() >= LEAST_ROWS - max(RUNGS)


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("abc"), st.sampled_from("rstuvwxyz")),
        st.integers(0, 3),
        min_size=1,
    ),
    st.lists(st.integers(0, 4), min_size=1).map(tuple),
    st.integers(0, 99),
)
def test_rungs_are_nested_and_targets_apart(plays, rungs, seed):
    plays = {**plays, **dict.fromkeys((("d", track) for track in "rstuv"), 1)}
    users, tracks = zip(*plays, strict=True)
    columns = {"user_id": users, "track_id": tracks, "plays": list(plays.values())}
    data = made(plays=columns)
    steps = ladder(data, rungs, seed)
    shown = [set(steps.revealed(k).rows()) for k in sorted(rungs)]
    assert all(low <= high for low, high in pairwise(shown))
    assert not shown[-1] & set(steps.targets.rows())
    assert shown[-1] | set(steps.targets.rows()) == {
        (*pair, count) for pair, count in plays.items() if count
    }

    def other(letter: str) -> str:
        return chr(ord("z") + ord("a") - ord(letter))

    # ids have no say: the same rows under other names
    columns |= {"user_id": [other(user) for user in users]}
    columns |= {"track_id": [other(track) for track in tracks]}
    renamed = ladder(made(plays=columns), rungs, seed)
    assert renamed.order["place"].equals(steps.order["place"])


def test_the_seed_decides_what_is_revealed(data):
    test = cold_listeners(data).test
    one, again, other = (ladder(test, seed=seed) for seed in (1, 1, 2))
    assert one.targets.equals(again.targets)
    assert not one.targets.equals(other.targets)


@pytest.mark.parametrize(
    ("rungs", "told"),
    [((), "expected numbers of rows"), ((-1, 2), "expected numbers of rows"), ((500,), "lower")],
)
def test_impossible_rungs_are_told(data, rungs, told):
    with pytest.raises(InputError, match=told):
        ladder(data, rungs)


def test_beyond_the_rungs_nothing_is_shown(data):
    with pytest.raises(InputError, match="rung 21: expected one of 0, 1, 3, 5, 10, 20"):
        ladder(cold_listeners(data).test).revealed(21)
