"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A loaded machine is no failure; how fast things are is for the benchmarks.
settings.register_profile("encore", deadline=None)
settings.load_profile("encore")

_BESIDE = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real listening data: $ENCORE_TEST_DATA, else ../shared/data."""
    path = Path(os.environ.get("ENCORE_TEST_DATA", _BESIDE))
    if not path.is_dir():
        pytest.skip(f"no real data at {path}; set ENCORE_TEST_DATA to the folder that holds it")
    return path
