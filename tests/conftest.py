"""Fixtures shared by all tests."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from encore import Dataset, Recommender, TrainConfig

# Tensors here are small: on a machine that others use too, threads only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# ranx imports ir_datasets, which makes a folder where this says, else in the home of who tests.
os.environ.setdefault("IR_DATASETS_HOME", str(Path(tempfile.gettempdir()) / "encore-ir-datasets"))

# A loaded machine is no failure; how fast things are is for the benchmarks. Each run tries the same
# examples, so that only a change of the code fails; `make fuzz` looks for new ones.
settings.register_profile("encore", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None, max_examples=1000)
settings.register_profile("requests", deadline=None, max_examples=10_000)
settings.load_profile(os.environ.get("ENCORE_HYPOTHESIS", "encore"))

_BESIDE = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real listening data: $ENCORE_TEST_DATA, else ../shared/data."""
    path = Path(os.environ.get("ENCORE_TEST_DATA", _BESIDE))
    if not path.is_dir():
        pytest.skip(f"no real data at {path}; set ENCORE_TEST_DATA to the folder that holds it")
    return path


@pytest.fixture(scope="session")
def small_world() -> "Dataset":
    """Sixty listeners with planted tastes, some of them new, and 120 tracks, some unheard."""
    from encore.data import world

    return world.make(listeners=60, tracks=120, plays_per_listener=12, seed=1).data


@pytest.fixture(scope="session")
def small_config() -> "TrainConfig":
    """A network that trains within a second."""
    from encore import TrainConfig

    return TrainConfig(
        embedding_dim=8,
        hidden_layers=(16, 8),
        batch_size=64,
        max_epochs=3,
        negatives=32,
        neighbours=20,
        ranker_folds=1,
    )


@pytest.fixture(scope="session")
def small_model(small_world: "Dataset", small_config: "TrainConfig") -> "Recommender":
    """A model of `small_world`; whoever changes it makes a copy first."""
    from encore import train

    return train(small_world, small_config)


@pytest.fixture(scope="session")
def artist_model(small_world: "Dataset", small_config: "TrainConfig") -> "Recommender":
    """A model of who plays which artist of `small_world`: a row of its tracks is an artist."""
    import polars as pl

    from encore import Dataset, schema, train
    from encore.data.dataset import complete

    of_track = small_world.tracks.select("track_id", "artist_id")
    plays = small_world.plays.join(of_track, on="track_id").group_by(
        "user_id", track_id="artist_id", maintain_order=True
    )
    artists = small_world.tracks.select(track_id="artist_id", title="artist").unique("track_id")
    tables = {
        "plays": schema.conform(plays.agg(pl.col("plays").sum()), "plays"),
        "tracks": schema.conform(artists.sort("track_id"), "tracks"),
    }
    data = Dataset(**complete(tables), item_kind="artist")
    return train(data, small_config.replaced(max_epochs=1))
