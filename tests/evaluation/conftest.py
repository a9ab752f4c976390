"""A split with skipped pairs, and a model of its training side."""

import polars as pl
import pytest

from encore import Dataset, Recommender, TrainConfig, split, train


@pytest.fixture(scope="module")
def sides(small_world: Dataset) -> tuple[Dataset, Dataset]:
    """Both sides of a split; a tenth of the held-out pairs was only skipped."""
    trained, held = split(small_world, seed=2)
    skipped = pl.int_range(pl.len()) % 10 == 0
    plays = pl.when(skipped).then(0).otherwise("plays").cast(pl.Float32).alias("plays")
    return trained, held.with_tables(plays=held.plays.with_columns(plays))


@pytest.fixture(scope="module")
def model(sides: tuple[Dataset, Dataset], small_config: TrainConfig) -> Recommender:
    return train(sides[0], small_config)
