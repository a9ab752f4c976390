"""Who gains and who loses: counted as planted, turned over with the sides and with errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore.evaluation.gains import gains
from encore.evaluation.significance import Contrast, Values

STEPS = st.lists(st.sampled_from([-0.5, -0.25, 0.0, 0.25, 0.5]), min_size=1, max_size=30)


def asked(one, other, metric="ndcg@10", seeds=(0,)):
    ids = np.array([f"user {u}" for u in range(len(one))])
    sides = Values(ids, np.asarray(one, float)), Values(ids, np.asarray(other, float))
    return Contrast("board", metric, "one", "other", dict.fromkeys(seeds, sides))


@given(STEPS)
def test_those_planted_are_counted(steps):
    other = np.full(len(steps), 1.0)
    (found,) = gains([asked(other + steps, other)])
    assert found.to_json() == {
        "gain": sum(step > 0 for step in steps),
        "stay": steps.count(0.0),
        "lose": sum(step < 0 for step in steps),
    }
    assert found.change_U == pytest.approx(sorted(steps))


@given(STEPS)
def test_the_other_way_round_who_gained_loses(steps):
    other = np.full(len(steps), 1.0)
    here, there = gains([asked(other + steps, other), asked(other, other + steps)])
    assert (here.gain, here.stay, here.lose) == (there.lose, there.stay, there.gain)
    assert here.change_U == pytest.approx(-there.change_U[::-1])


def test_less_error_is_a_gain():
    (found,) = gains([asked([1.0, 3.0, 2.0], [2.0, 2.0, 2.0], "squared_error")])
    assert found.change_U.tolist() == [-1, 0, 1]


def test_what_only_rounding_tells_apart_stays():
    (found,) = gains([asked([0.1 + 0.2, 0.5], [0.3, 0.4])])
    assert found.to_json() == {"gain": 1, "stay": 1, "lose": 0}


def test_listeners_without_a_value_on_both_sides_do_not_count():
    (found,) = gains([asked([0.5, np.nan, 0.2], [0.4, 0.1, np.nan])])
    assert len(found.change_U) == 1
    (nobody,) = gains([asked([np.nan], [0.4])])
    assert nobody.to_json() == {"gain": 0, "stay": 0, "lose": 0}
