"""Fixtures of tuning: a training side, and trials without what no two runs share."""

import pytest

from encore import split


@pytest.fixture(scope="session")
def train_side(small_world):
    return split(small_world, seed=0)[0]


@pytest.fixture(scope="session")
def timeless():
    """Return trials as JSON without their seconds."""

    def strip(trials):
        return [
            {name: value for name, value in trial.to_json().items() if name != "seconds"}
            for trial in trials
        ]

    return strip
