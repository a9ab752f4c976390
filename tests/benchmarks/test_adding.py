"""The benchmark of added tracks: its two sides differ in the catalogue alone."""

import sys
from pathlib import Path

import numpy as np
import pytest

from encore import Dataset, Recommender, TrainConfig, train
from encore.data.cold import cold_tracks

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import adding

    yield adding
    sys.modules.pop("adding", None)


def test_the_cold_tracks_are_in_one_part_and_all_else_in_the_other(
    bench, small_world: Dataset
) -> None:
    sides = cold_tracks(small_world, seed=0)
    cold = sides.test.plays["track_id"].unique()
    rest, own = bench.without(sides.train, cold), bench.alone(sides.train, cold)
    assert set(own.tracks["track_id"]) == set(cold)
    assert set(rest.tracks["track_id"]) == set(small_world.tracks["track_id"]) - set(cold)
    assert rest.plays.equals(sides.train.plays)
    assert own.plays.is_empty()
    assert own.events.is_empty()


def test_added_tracks_are_ranked_for_the_same_listeners(
    bench, small_world: Dataset, small_config: TrainConfig
) -> None:
    sides = cold_tracks(small_world, seed=0)
    cold = sides.test.plays["track_id"].unique(maintain_order=True)
    config = small_config.replaced(ranker_folds=0, channels=("content", "hybrid"))
    stood: Recommender = train(sides.train, config)
    small = train(bench.without(sides.train, cold), config)
    grown = small.add_tracks(bench.alone(sides.train, cold))
    assert set(grown.bundle.features.tracks.ids) == set(stood.bundle.features.tracks.ids)
    one_B, other_B = (bench.ndcg(model, sides.test) for model in (stood, grown))
    assert len(one_B) == len(other_B) == sides.test.plays["user_id"].n_unique()
    assert 0 < np.nanmean(other_B) < 1
