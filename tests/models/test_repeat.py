"""The repeat channel, held to activations worked out by hand, and the ages it reads."""

import dataclasses
from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import scipy.sparse as sp

import encore
from encore import Dataset, TrainConfig
from encore.data.features import Features
from encore.models.channels import PersonalPopularity, Popularity, Repeat
from encore.models.inputs import Audience, Inputs
from encore.testing import example_inputs

Values = npt.NDArray[np.float32]


def scores(channel: Repeat | PersonalPopularity, audience: Audience) -> Values:
    return channel.score(channel.fold_in(audience))


def score_of(plays: float, last: float, first: float, decay: float) -> float:
    """The score of one listener's one track, of that many plays between two ages in days."""
    inputs = dataclasses.replace(
        Inputs.of(sp.csr_array(np.array([[0, 0], [0, plays]], np.float32))),
        age_days=np.array([last], np.float32),
        first_age_days=np.array([first], np.float32),
    )
    asked = Audience.known(inputs, np.array([1], np.int32))
    return float(scores(Repeat(decay).fit(inputs), asked)[0, 1])


def everybody(inputs: Inputs) -> Audience:
    return Audience.known(inputs, np.arange(inputs.plays_UT.shape[0], dtype=np.int32))


@pytest.mark.parametrize(
    ("plays", "last", "first", "decay", "total"),
    [
        (1, 0, 0, 0.5, 1),  # one play today
        (1, 3, 3, 0.5, 1 / 2),  # 4 ^ -1/2
        (7, 3, 3, 0.5, 7 / 2),  # all on one day
        (2, 0, 3, 0.5, 1 + 2 / 3),  # the mean of x ^ -1/2 from 1 to 4 is 2/3
        (3, 0, np.e - 1, 1.0, 1 + 2 / (np.e - 1)),  # of 1/x from 1 to e: 1 / (e - 1)
        (3, 1, 3, 2.0, 1 / 4 + 2 / 8),  # of x ^ -2 from 2 to 4: 1/8
        (5, 30, 900, 0.0, 5),  # nothing is forgotten
        (0, 0, 0, 0.5, 0),  # only skipped
    ],
)
def test_the_activation_is_that_worked_out_by_hand(
    plays: float, last: float, first: float, decay: float, total: float
) -> None:
    assert score_of(plays, last, first, decay) == pytest.approx(np.log1p(total), abs=1e-6)


@pytest.mark.parametrize("decay", [0.3, 0.5, 1.0])
def test_plays_spread_evenly_have_nearly_the_activation_of_each_summed(decay: float) -> None:
    ages = np.linspace(2, 400, 300)
    whole = np.log1p(((1 + ages) ** -decay).sum())
    assert score_of(len(ages), 2, 400, decay) == pytest.approx(whole, rel=0.02)


@pytest.mark.parametrize("decay", [1 - 1e-7, 1 + 1e-7])
def test_near_one_the_decay_is_as_at_one(decay: float) -> None:
    assert score_of(9, 4, 70, decay) == pytest.approx(score_of(9, 4, 70, 1.0), abs=1e-6)


def test_lately_counts_for_more_and_so_does_often() -> None:
    assert score_of(3, 1, 90, 0.5) > score_of(3, 60, 90, 0.5) > score_of(2, 60, 90, 0.5)
    assert score_of(1, 0, 0, 0.5) > score_of(10, 400, 500, 0.5)  # faded past a single one today


def test_it_is_finite_above_zero_where_played_and_zero_elsewhere() -> None:
    inputs = example_inputs()
    for decay in (0.0, 0.5, 1.0, 3.0):
        found = scores(Repeat(decay).fit(inputs), everybody(inputs))
        assert np.isfinite(found).all()
        assert ((found > 0) == (inputs.plays_UT.toarray() > 0)).all()


def test_without_times_it_is_personal_popularity() -> None:
    timeless = Inputs.of(example_inputs().plays_UT)
    found = scores(Repeat().fit(timeless), everybody(timeless))
    assert np.array_equal(found, scores(PersonalPopularity(), everybody(timeless)))


def test_a_history_brought_along_counts_as_of_today() -> None:
    inputs = example_inputs()
    channel, brought = Repeat().fit(inputs), Audience.of(inputs.plays_UT)
    now = scores(channel, brought)
    assert np.array_equal(now, scores(PersonalPopularity(), brought))
    assert (scores(channel, everybody(inputs)) <= now).all()
    half = dataclasses.replace(everybody(inputs), user_B=everybody(inputs).user_B // 2 * 2)
    mixed = scores(channel, half)
    assert np.array_equal(mixed[::2][1:], scores(channel, everybody(inputs))[::2][1:])


def test_where_only_the_last_play_is_known_all_plays_count_as_then() -> None:
    inputs = dataclasses.replace(example_inputs(), first_age_days=None)
    assert inputs.age_days is not None
    at = dataclasses.replace(inputs, first_age_days=inputs.age_days)
    found = scores(Repeat().fit(inputs), everybody(inputs))
    assert np.array_equal(found, scores(Repeat().fit(at), everybody(inputs)))


# The ages


def with_skips(data: Dataset) -> Dataset:
    """The data, every seventh pair only skipped; such pairs have no times."""
    played = pl.int_range(pl.len()) % 7 > 0
    return data.with_tables(
        plays=data.plays.with_columns(
            pl.when(played).then("plays").otherwise(0.0).cast(pl.Float32).alias("plays"),
            pl.when(played).then("first_played").alias("first_played"),
            pl.when(played).then("last_played").alias("last_played"),
        )
    )


def test_ages_are_days_before_the_last_play_and_skips_need_none(small_world: Dataset) -> None:
    data = with_skips(small_world)
    features = Features.fit(data)
    inputs = Inputs.of_dataset(data, features)
    assert inputs.age_days is not None
    assert inputs.first_age_days is not None
    end = data.plays["last_played"].max()
    day, second = timedelta(days=1), 1 / 86_400
    plays_UT = inputs.plays_UT
    row = np.repeat(np.arange(plays_UT.shape[0]), np.diff(plays_UT.indptr))
    place = {pair: at for at, pair in enumerate(zip(row, plays_UT.indices, strict=True))}
    for pair in data.plays.filter(pl.col("plays") > 0).iter_rows(named=True):
        known = features.listeners.index(pair["user_id"]), features.tracks.index(pair["track_id"])
        at = place[known]
        assert inputs.age_days[at] == pytest.approx((end - pair["last_played"]) / day, 1e-5, second)
        age = (end - pair["first_played"]) / day
        assert inputs.first_age_days[at] == pytest.approx(age, 1e-5, second)


def test_a_played_row_without_a_time_leaves_all_without(small_world: Dataset) -> None:
    played = small_world.plays.with_row_index().filter(pl.col("plays") > 0)["index"][0]
    for column in ("first_played", "last_played"):
        gone = pl.when(pl.int_range(pl.len()) != played).then(pl.col(column)).alias(column)
        data = small_world.with_tables(plays=small_world.plays.with_columns(gone))
        inputs = Inputs.of_dataset(data, Features.fit(data))
        assert inputs.first_age_days is None
        assert (inputs.age_days is None) == (column == "last_played")


def test_popularity_forgets_also_where_some_pairs_were_only_skipped(small_world: Dataset) -> None:
    data = with_skips(small_world)
    inputs = Inputs.of_dataset(data, Features.fit(data))
    aged, plain = (
        Popularity(days).fit(inputs).arrays()["listeners"].sum() for days in (30.0, None)
    )
    assert 0 < aged < plain


def test_a_bundle_brings_the_ages_back(
    small_world: Dataset, small_config: TrainConfig, tmp_path: Path
) -> None:
    config = small_config.replaced(channels=("repeat",), repeat_decay=0.8)
    model = encore.train(small_world, config)
    model.save(tmp_path / "bundle")
    again = encore.load(tmp_path / "bundle").bundle.scorers
    asked = everybody(again.inputs)
    found = again.score("repeat", asked)
    assert np.array_equal(found, model.bundle.scorers.score("repeat", asked))
    assert not np.array_equal(found, scores(PersonalPopularity(), asked))
    model.save(tmp_path / "without", listeners=False)
    nobody = encore.load(tmp_path / "without").bundle.scorers
    assert nobody.inputs.age_days is None
    brought = Audience.of(asked.history_BT)
    assert np.array_equal(nobody.score("repeat", brought), again.score("repeat", brought))
