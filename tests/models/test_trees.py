"""Trees give what LightGBM gives, of the same trees."""

import lightgbm
import numpy as np
import pytest

from encore.errors import IntegrityError
from encore.models.trees import MOST_LEAVES, Trees

ROWS, FEATURES = 3000, 6
QUIET = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}


def booster(leaves: int, rounds: int = 40, **settings: object) -> lightgbm.Booster:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    values[:, 0] = rng.integers(0, 4, ROWS)  # many equal ones, on thresholds too
    wanted = values[:, 1] * (values[:, 0] > 1) + np.abs(values[:, 2])
    data = lightgbm.Dataset(values, wanted)
    return lightgbm.train({**QUIET, "num_leaves": leaves, **settings}, data, rounds)


@pytest.mark.parametrize("leaves", [2, 3, 15, MOST_LEAVES])
def test_the_same_sums_as_the_library(leaves: int) -> None:
    trees = booster(leaves)
    rng = np.random.default_rng(4)
    asked = rng.normal(size=(500, FEATURES)).astype(np.float32) * 2
    asked[:250, 0] = rng.integers(-1, 5, 250)
    found = Trees(trees.dump_model()).scores(asked)
    assert found == pytest.approx(trees.predict(asked), abs=1e-6)
    assert found.std() > 0.1


def test_values_on_a_threshold_go_left() -> None:
    trees = booster(4, rounds=1)
    root = trees.dump_model()["tree_info"][0]["tree_structure"]
    asked = np.zeros((3, FEATURES))
    asked[:, root["split_feature"]] = root["threshold"] + np.array([-1e-9, 0, 1e-9])
    found = Trees(trees.dump_model()).scores(asked)
    assert found == pytest.approx(trees.predict(asked), abs=1e-6)
    assert found[0] == found[1] != found[2]


def test_a_tree_of_one_leaf_is_a_number() -> None:
    alone = booster(15, rounds=1, min_data_in_leaf=ROWS)
    found = Trees(alone.dump_model()).scores(np.zeros((2, FEATURES), np.float32))
    assert found == pytest.approx(alone.predict(np.zeros((2, FEATURES))), abs=1e-6)


def test_no_candidates_no_scores() -> None:
    assert Trees(booster(4).dump_model()).scores(np.zeros((0, FEATURES), np.float32)).shape == (0,)


def test_trees_with_too_many_leaves_are_refused() -> None:
    with pytest.raises(IntegrityError, match="leaves, expected 16 or less"):
        Trees(booster(MOST_LEAVES + 1).dump_model())
