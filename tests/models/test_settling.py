"""Whether play counts say something is decided by rows that nothing was fitted on."""

import numpy as np
import pytest
import scipy.sparse as sp

from encore import TrainConfig
from encore.models.inputs import Inputs
from encore.models.settling import settle

LISTENERS, TRACKS = 60, 40


def world(counts_tell: bool) -> tuple[Inputs, sp.csr_array]:
    """Two camps of listeners and tracks, each track of the own camp held out now and then.

    Everybody also plays many tracks of the other camp: once, if counts tell, else often.
    """
    rng = np.random.default_rng(4)
    plays = np.zeros((LISTENERS, TRACKS + 1), np.float32)
    camp_U, camp_T = np.arange(LISTENERS) % 2, np.arange(TRACKS + 1) % 2
    own = camp_U[:, None] == camp_T
    own_often, other_often = (60, 1) if counts_tell else (1, 60)
    plays[own & (rng.random(own.shape) < 0.5)] = own_often
    plays[~own & (rng.random(own.shape) < 0.35)] = other_often
    plays[:, 0] = 0
    held = own & (plays > 0) & (rng.random(own.shape) < 0.2)
    plays[held] = 0
    return Inputs.of(sp.csr_array(plays)), sp.csr_array(held.astype(np.float32))


@pytest.mark.parametrize(("counts_tell", "weights"), [(True, "log1p"), (False, "played")])
def test_the_data_decides_what_a_play_weighs(counts_tell: bool, weights: str) -> None:
    config = TrainConfig(neighbours=TRACKS)
    assert settle(config, *world(counts_tell)).play_weights == weights


def test_what_is_set_stays() -> None:
    config = TrainConfig(play_weights="log1p")
    assert settle(config, *world(counts_tell=False)) is config
