"""Splits: shares, seeds, and nothing of a held-out row left in the training side."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore.data import world
from encore.data.cold import cold_listeners, cold_tracks
from encore.data.dataset import Dataset, complete
from encore.data.features import Features, Norms
from encore.data.listening import plays_of
from encore.data.split import folds, hold_out, split
from encore.errors import InputError
from encore.models.means import ShrunkMeans
from encore.models.training import encode
from encore.schema import TABLES, conform

PAIR = ["user_id", "track_id"]
LISTENING = ("plays", "events", "feedback", "tags")
DAY = datetime(2024, 1, 1, tzinfo=UTC)

# Every kind of split; the bounds of the cold ones are low, for small data to pass them.
KINDS = {
    "listener": lambda data, seed=1: split(data, seed=seed),
    "time": lambda data, seed=1: split(data, by="time", seed=seed),
    "last": lambda data, seed=1: split(data, by="last", last=2, seed=seed),
    "fold": lambda data, seed=1: next(folds(data, seed=seed)),
    "cold tracks": lambda data, seed=1: cold_tracks(data, 0.2, seed, least_listeners=1),
    "cold listeners": lambda data, seed=1: cold_listeners(data, 0.2, seed, least_rows=1),
}
SEEDED = sorted(set(KINDS) - {"time", "last"})
# What the listens of a dataset cover: a split by time asks.
SOURCES = ["all", "some", "none"]


@pytest.fixture(scope="module")
def data():
    """A world in which listeners also tag and judge: their own tracks, others, dated or not."""
    made = world.make(listeners=60, tracks=120, seed=3).data
    rng = np.random.default_rng(0)
    own = made.plays.select(PAIR).sample(fraction=0.4, seed=0)
    other = pl.DataFrame(
        {
            "user_id": made.listeners["user_id"].sample(300, with_replacement=True, seed=1),
            "track_id": made.tracks["track_id"].sample(300, with_replacement=True, seed=2),
        }
    )
    said = pl.concat([own, other]).unique(maintain_order=True)
    day = pl.Series("day", rng.integers(0, 365, said.height))
    at = pl.when(day % 3 > 0).then(pl.lit(DAY) + pl.duration(days=day))
    tag = pl.Series(rng.choice(["rock", "jazz", "calm", "live"], said.height))
    tags = said.with_columns(tag=tag, weight=pl.lit(1.0), tagged_at=at)
    nobody = tags.head(50).with_columns(user_id=pl.lit(None, pl.String))
    feedback = said.sample(fraction=0.3, seed=3).with_columns(kind=pl.lit("like"))
    days = pl.int_range(pl.len()) * 7 % 365  # all over the year
    feedback = feedback.with_columns(at=pl.lit(DAY) + pl.duration(days=days))
    return made.with_tables(
        tags=conform(pl.concat([tags, nobody]), "tags"), feedback=conform(feedback, "feedback")
    )


def covered(data, source):
    """Return `data` with listens of all listeners, some or none."""
    few = data.listeners["user_id"].gather_every({"all": 1, "some": 2, "none": 1}[source])
    events = data.events.filter(pl.col("user_id").is_in(few.implode()))
    return data.with_tables(events=events.clear() if source == "none" else events)


def pairs(frame):
    return set(frame.select(PAIR).iter_rows())


def arrays_of(norms):
    return [*norms.acoustics, *norms.reception, norms.scaler.mean, norms.scaler.scale]


def same(one, two):
    """Whether two Datasets are equal in every table, row by row, and in all that is fitted."""
    assert all(one.table(name).equals(two.table(name)) for name in TABLES)
    features, others = Features.fit(one), Features.fit(two)
    for name, found in vars(features).items():
        other = getattr(others, name)
        if isinstance(found, np.ndarray):
            assert found.tobytes() == other.tobytes(), name
        elif isinstance(found, Norms):
            for own, others_own in zip(arrays_of(found), arrays_of(other), strict=True):
                assert own.tobytes() == others_own.tobytes(), name
        else:
            assert found.ids.equals(other.ids), name
    rows = features.listeners.rows, features.tracks.rows
    means, other = (ShrunkMeans.fit(*encode(side, features), rows, (2, 5)) for side in (one, two))
    assert means.mean == other.mean
    assert np.array_equal(means.b_U, other.b_U)
    assert np.array_equal(means.b_T, other.b_T)


# Each listener's rows at random


def test_each_listener_gives_a_fifth(data):
    sides = split(data, held_out=0.2, seed=0)
    rows = data.plays.group_by("user_id").len("all")
    held = sides.test.plays.group_by("user_id").len("held")
    joined = rows.join(held, on="user_id", how="left").fill_null(0)
    expected = (joined["all"] * 0.2).round()
    assert (joined["held"] == expected).all()
    assert pairs(sides.train.plays) | pairs(sides.test.plays) == pairs(data.plays)
    assert not pairs(sides.train.plays) & pairs(sides.test.plays)


def test_folds_hold_out_each_row_once_and_evenly(data):
    parts = [sides.test.plays for sides in folds(data, k=4, seed=2)]
    assert pl.concat(parts).sort(PAIR).equals(data.plays.sort(PAIR))
    sizes = pl.concat(
        part.group_by("user_id").len().with_columns(fold=pl.lit(fold))
        for fold, part in enumerate(parts)
    ).pivot("fold", index="user_id", values="len")
    counts = sizes.drop("user_id").fill_null(0).to_numpy()
    assert (counts.max(1) - counts.min(1) <= 1).all()
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


# By time


def test_by_time_the_later_rows_are_held_out(data):
    timed = covered(data, "none")
    sides = split(timed, by="time", held_out=0.25)
    played = timed.plays.filter(pl.col("first_played").is_not_null()).height
    assert sides.train.plays["first_played"].max() <= sides.test.plays["first_played"].min()
    assert abs(sides.test.plays.height / played - 0.25) < 0.02


def test_by_time_listens_are_summed_on_either_side_of_the_moment(data):
    sides = split(data, by="time", held_out=0.25)
    moment = datetime.fromisoformat(sides.facts["moment"])
    assert (
        sides.train.events["listened_at"].max() <= moment < sides.test.events["listened_at"].min()
    )
    assert abs(sides.test.events.height / data.events.height - 0.25) < 0.001
    assert sides.train.plays.equals(plays_of(sides.train.events))
    assert sides.test.plays.equals(plays_of(sides.test.events))
    assert len(pairs(sides.train.plays) & pairs(sides.test.plays)) > 100


def test_by_time_nothing_dated_after_the_moment_is_left(data):
    sides = split(covered(data, "some"), by="time")
    moment = datetime.fromisoformat(sides.facts["moment"])
    assert sides.train.tags["tagged_at"].max() <= moment
    assert sides.train.feedback["at"].max() <= moment
    assert sides.train.plays["first_played"].max() <= moment


def listens(*rows):
    users, tracks, days, skipped = zip(*rows, strict=True)
    at = [DAY + timedelta(days=day) for day in days]
    columns = {"user_id": users, "track_id": tracks, "listened_at": at, "skipped": skipped}
    return conform(pl.DataFrame(columns), "events")


def test_by_time_a_returning_listener_keeps_what_they_said_of_the_track():
    events = listens(
        ("a", "known", 0, False), ("b", "known", 1, False), ("a", "tried", 2, True),
        ("a", "known", 8, False), ("a", "tried", 9, False), ("a", "new", 9, False),
    )  # fmt: skip
    tracks = ["known", "tried", "new"]
    tags = conform(
        pl.DataFrame({"track_id": tracks, "tag": "rock", "weight": 1.0, "user_id": "a"}), "tags"
    )
    plays = plays_of(events)
    data = Dataset(**complete({"plays": plays, "events": events, "tags": tags}))
    sides = split(data, by="time", held_out=0.5)
    assert sides.train.plays.select(*PAIR, "plays").rows() == [
        ("a", "known", 1), ("b", "known", 1), ("a", "tried", 0)
    ]  # fmt: skip
    assert sides.test.plays.select(*PAIR, "plays").rows() == [
        ("a", "known", 1), ("a", "tried", 1), ("a", "new", 1)
    ]  # fmt: skip
    assert sides.train.tags["track_id"].to_list() == ["known"]


def test_by_time_rows_without_listens_go_by_their_first_play():
    events = listens(*(("a", f"t{day}", day, False) for day in range(10)))
    of_another = pl.DataFrame(
        {
            "user_id": ["b", "b", "b"],
            "track_id": ["t1", "t2", "t3"],
            "plays": [4, 5, 0],
            "first_played": [DAY, DAY + timedelta(days=20), None],
        }
    )
    plays = pl.concat([plays_of(events), conform(of_another, "plays")])
    sides = split(Dataset(**complete({"plays": plays, "events": events})), by="time", held_out=0.3)
    assert pairs(sides.train.plays) == {("b", "t1"), ("b", "t3")} | {
        ("a", f"t{day}") for day in range(7)
    }
    assert sides.test.plays.filter(pl.col("user_id") == "b")["plays"].to_list() == [5]
    undated = plays.with_columns(first_played=pl.lit(None, plays.schema["first_played"]))
    with pytest.raises(InputError, match="2 of 3 rows have no first_played"):
        split(Dataset(**complete({"plays": undated, "events": events})), by="time")


# The last of each listener


def test_by_last_the_last_rows_go_ties_by_row_and_few_rows_stay():
    days = {"a": [3, 1, 2, 3, 3], "b": [2, 1], "c": [1, 2, 3]}
    plays = pl.DataFrame(
        [
            (user, f"t{at}", 1, DAY + timedelta(days=day))
            for user, of_user in days.items()
            for at, day in enumerate(of_user)
        ],
        schema=["user_id", "track_id", "plays", "first_played"],
        orient="row",
    )
    data = Dataset(**complete({"plays": conform(plays, "plays")}))
    sides = split(data, by="last", last=2, held_out=7)
    assert sides.test.plays.select(PAIR).rows() == [
        ("a", "t3"), ("a", "t4"), ("c", "t1"), ("c", "t2")
    ]  # fmt: skip
    assert pairs(split(data, by="last").test.plays) == {("a", "t4"), ("b", "t0"), ("c", "t2")}


# Whatever the split


def test_the_seed_decides(data):
    assert split(data, seed=1).test.plays.equals(split(data, seed=1).test.plays)
    assert not split(data, seed=1).test.plays.equals(split(data, seed=2).test.plays)


@pytest.mark.parametrize("kind", SEEDED)
def test_seeds_differ_and_repeat(data, kind):
    one, again, other = (KINDS[kind](data, seed).test.plays for seed in (1, 1, 2))
    assert one.equals(again)
    assert not one.equals(other)


@pytest.mark.parametrize("kind", KINDS)
def test_renaming_ids_leaves_the_split_as_it_was(data, kind):
    def renamed(side):
        # reversed: the order of the new ids has nothing to do with that of the old
        ids = {"user_id", "track_id", "friend_id"}
        return side.with_tables(
            **{
                name: side.table(name).with_columns(
                    pl.col(key).str.reverse() for key in sorted(ids & set(columns))
                )
                for name, columns in TABLES.items()
            }
        )

    sides, other = KINDS[kind](data), KINDS[kind](renamed(data))
    same(renamed(sides.train), other.train)
    assert renamed(sides.test).plays.equals(other.test.plays)
    assert sides.facts == other.facts


@pytest.mark.parametrize("kind", KINDS)
def test_held_out_listens_are_gone_from_the_training_side(data, kind):
    sides = KINDS[kind](data)
    assert sides.test.plays.height > 0
    for name in LISTENING:
        left = sides.train.table(name).join(sides.test.plays, on=PAIR, how="semi")
        assert left.is_empty() or kind == "time"  # there pairs stand on both sides
    assert pairs(sides.test.events) <= pairs(sides.test.plays)
    assert sides.train.friends.equals(data.friends)
    assert sides.train.tracks.equals(data.tracks)
    assert sides.train.listeners.equals(data.listeners)


@pytest.mark.parametrize("kind", KINDS)
def test_the_facts_are_json_and_count_the_sides(data, kind):
    sides = KINDS[kind](data)
    facts = json.loads(json.dumps(sides.facts))
    assert facts == sides.facts
    assert facts["by"] == kind.replace(" ", "_")
    assert (facts["train_rows"], facts["test_rows"]) == (
        sides.train.plays.height,
        sides.test.plays.height,
    )
    assert facts["test_listeners"] == len({user for user, _ in pairs(sides.test.plays)})
    assert facts["test_tracks"] == len({track for _, track in pairs(sides.test.plays)})


def elsewhere(data, held, moved):
    """Return `held` pairs with a `new` id in the place of `moved`, a pair that no table names."""
    fixed = PAIR[moved == PAIR[0]]
    home = "listeners" if moved == "user_id" else "tracks"
    named = pl.concat(data.table(name).select(PAIR) for name in LISTENING)
    taken = {key: set(ids) for key, ids in named.group_by(fixed).agg(moved).iter_rows()}
    rows = []
    for key, of_key in held.group_by(fixed, maintain_order=True).agg(moved).iter_rows():
        free = [new for new in data.table(home)[moved] if new not in taken[key]]
        rows += [(key, old, new) for old, new in zip(of_key, free, strict=False)]
    return pl.DataFrame(rows, schema=[fixed, moved, "new"], orient="row")


def altered(data, sides, moved):
    """Return `data` with every row that training lacks changed: ids, counts, times, words."""
    years = pl.duration(days=900)
    more = pl.when(pl.col("plays") > 0).then(pl.col("plays") * 100 + 3).otherwise("plays")
    changes = {
        "plays": [more, pl.col("skips") + 9, pl.col("first_played", "last_played") + years],
        "events": [pl.col("listened_at") + years, pl.col("ms_played") + 1, ~pl.col("skipped")],
        "feedback": [pl.lit("ban").alias("kind"), pl.col("at") + years],
        "tags": [pl.col("tag") + "!", pl.col("weight") * 7, pl.col("tagged_at") + years],
    }
    new_ids = elsewhere(data, sides.test.plays.select(PAIR).unique(maintain_order=True), moved)
    tables = {}
    for name, columns in changes.items():
        table = data.table(name).with_row_index()
        kept = sides.train.table(name)
        gone = table.join(kept, on=kept.columns, how="anti", nulls_equal=True)
        gone = gone.join(new_ids, on=PAIR, how="left").with_columns(
            *columns, pl.coalesce("new", moved).alias(moved)
        )
        stays = table.join(gone, on="index", how="anti")
        rows = pl.concat([stays, gone.select(table.columns).cast(dict(table.schema))])
        tables[name] = rows.sort("index").drop("index")
        assert gone.height > 0 or data.table(name).is_empty(), name
    return data.with_tables(**tables)


@pytest.mark.parametrize(
    ("kind", "source"),
    [(kind, source) for kind in KINDS for source in SOURCES[: 3 if kind == "time" else 1]],
)
def test_held_out_rows_leave_no_trace(data, kind, source):
    before = covered(data, source)
    sides = KINDS[kind](before)
    # a cold track's rows stay rows of cold tracks; everywhere else the listener's stay theirs
    after = altered(before, sides, "user_id" if kind == "cold tracks" else "track_id")
    again = KINDS[kind](after)
    assert not again.test.plays.equals(sides.test.plays)
    assert pairs(again.test.plays) != pairs(sides.test.plays)
    same(sides.train, again.train)


ROWS = st.dictionaries(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("rstuvw")),
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=4),
    min_size=1,
)


def drawn(listening):
    """Return a Dataset of the listens of each pair: (day, skipped)."""
    events = listens(
        *((*pair, day, skipped) for pair, of_pair in listening.items() for day, skipped in of_pair),
        ("e", "r", 5, False),
    )
    tables = complete({"plays": plays_of(events), "events": events})
    genres = pl.lit(["rock"], pl.List(pl.String)).alias("genres")
    return Dataset(**{**tables, "tracks": tables["tracks"].with_columns(genres)})


@given(ROWS, st.sampled_from(sorted(KINDS)), st.integers(0, 99))
def test_kept_and_held_are_all(listening, kind, seed):
    data = drawn(listening)
    sides = KINDS[kind](data, seed)
    for name in ("plays", "events"):
        found = pl.concat([sides.train.table(name), sides.test.table(name)])
        if name == "plays" and kind == "time":
            both = found.group_by(PAIR).agg(pl.col("plays", "skips").sum())
            all_rows = data.plays.select(both.columns)
            assert both.sort(PAIR).equals(all_rows.sort(PAIR))
        else:
            columns = found.columns
            assert found.sort(columns).equals(data.table(name).sort(columns))


@given(ROWS, st.integers(2, 7), st.integers(0, 99))
def test_any_data_is_folded_evenly(listening, k, seed):
    data = drawn(listening)
    parts = [sides.test.plays for sides in folds(data, k, seed)]
    assert pl.concat(parts).sort(PAIR).equals(data.plays.sort(PAIR))
    for user in data.listeners["user_id"]:
        sizes = [part.filter(pl.col("user_id") == user).height for part in parts]
        assert max(sizes) - min(sizes) <= 1


@given(ROWS, st.floats(0.05, 0.95))
def test_the_moment_leaves_the_share_behind(listening, held_out):
    data = drawn(listening)
    times = data.events["listened_at"]
    moment = datetime.fromisoformat(split(data, by="time", held_out=held_out).facts["moment"])
    # of n listens at least n x held_out lie at or after the moment, at most one more after it
    assert (times > moment).sum() <= held_out * len(times) + 1
    assert (times >= moment).sum() >= held_out * len(times)


def test_tags_on_own_held_out_tracks_leave_and_others_stay():
    plays = conform(
        pl.DataFrame({"user_id": ["a", "a", "b"], "track_id": ["t", "s", "t"], "plays": [1, 1, 1]}),
        "plays",
    )
    tags = conform(
        pl.DataFrame(
            {
                "track_id": ["t", "t", "s", "t"],
                "tag": ["rock", "rock", "jazz", "pop"],
                "weight": [1.0, 1.0, 1.0, 1.0],
                "user_id": ["a", "b", "a", None],
            }
        ),
        "tags",
    )
    data = Dataset(**complete({"plays": plays, "tags": tags}))
    held = plays.filter((pl.col("user_id") == "a") & (pl.col("track_id") == "t"))
    sides = hold_out(data, held)
    assert sides.test.plays.equals(held)
    left = sides.train.tags.select("user_id", "track_id").rows()
    assert left == [("b", "t"), ("a", "s"), (None, "t")]


# What is told


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"by": "moon"}, "split by 'moon'"),
        ({"held_out": 1.0}, "between 0 and 1"),
        ({"by": "last", "last": 0}, "last = 0: expected at least 1"),
    ],
)
def test_a_wrong_call_is_told(data, how, told):
    with pytest.raises(InputError, match=told):
        split(data, **how)


def test_one_fold_is_told(data):
    with pytest.raises(InputError, match="k = 1 folds: expected at least 2"):
        folds(data, k=1)


@pytest.mark.parametrize("by", ["time", "last"])
def test_times_are_needed(data, by):
    plays = data.plays.with_columns(
        pl.lit(None, data.plays.schema["first_played"]).alias("first_played")
    )
    undated = data.with_tables(plays=plays, events=data.events.clear())
    with pytest.raises(InputError, match=f"split by {by}: .* have no first_played"):
        split(undated, by=by)
    skipped = undated.with_tables(plays=plays.with_columns(plays=pl.lit(0, pl.Float32)))
    if by == "time":
        with pytest.raises(InputError, match="no row has a time"):
            split(skipped, by=by)


def test_listens_without_a_time_are_told(data):
    at = pl.when(pl.int_range(pl.len()) > 0).then("listened_at").alias("listened_at")
    with pytest.raises(InputError, match=r"1 of .* listens have no listened_at"):
        split(data.with_tables(events=data.events.with_columns(at)), by="time")


def test_no_plays_no_split(data):
    empty = data.with_tables(plays=data.plays.clear(), events=data.events.clear())
    for how in (split, folds):
        with pytest.raises(InputError, match="nothing to split"):
            how(empty)
