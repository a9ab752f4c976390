"""The blend is given answers by hand: what it must weigh, and what it must leave out."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import scipy.sparse as sp

from encore.models.choosing import choose
from encore.models.ensemble import Choice, Scorers, Weights
from encore.models.inputs import Audience
from encore.models.network_rank import NETWORK
from encore.models.ranking import Floats, TieOrder

LISTENERS, TRACKS, HELD, UNHEARD = 150, 120, 4, 30
GOOD, WEAK, NOISE = "good", "weak", NETWORK


@dataclass
class Told(Scorers):
    """Scorers that say what they are told, for each listener and track."""

    answers: dict[str, Floats] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return [*self.answers]

    def score(self, name: str, audience: Audience) -> Floats:
        return self.answers[name][audience.user_B]


@dataclass
class Case:
    scorers: Told
    audience: Audience
    held_BT: sp.csr_array

    def chosen(self) -> Choice:
        return choose(self.scorers, self.audience, self.held_BT, seed=0)


def case(unheard: bool = False, **strength: float) -> Case:
    """Each scorer is noise plus `strength` on the right answers, which lie at random.

    The first UNHEARD tracks have no training row if `unheard`; there WEAK says nothing.
    """
    rng = np.random.default_rng(3)
    held = np.zeros((LISTENERS, TRACKS + 1), np.float32)
    for row in held:
        row[1 + rng.choice(TRACKS, HELD, replace=False)] = 1
    answers = {
        name: (rng.normal(size=held.shape) + size * held).astype(np.float32)
        for name, size in strength.items()
    }
    heard_T = np.ones(TRACKS + 1, bool)
    if unheard:
        heard_T[1 : UNHEARD + 1] = False
        answers[WEAK][:, ~heard_T] = 0
    nothing: Any = SimpleNamespace()
    scorers = Told(
        features=cast(Any, SimpleNamespace(heard_T=heard_T)),
        tables=nothing,
        network=nothing,
        channels={},
        inputs=nothing,
        ties=TieOrder.of(np.zeros(TRACKS + 1, int)),
        answers=answers,
    )
    history = sp.csr_array(held.shape, dtype=np.float32)
    everyone = np.arange(LISTENERS, dtype=np.int32)
    friends = sp.csr_array((LISTENERS, 1), dtype=np.float32)
    return Case(scorers, Audience(history, everyone, friends), sp.csr_array(held))


def test_what_helps_is_weighed_by_how_much_it_helps() -> None:
    found = case(**{GOOD: 2.0, WEAK: 1.0, NOISE: 0.0}).chosen()
    assert found.name == "blend"
    assert sum(found.weights.values()) == pytest.approx(1, abs=0.02)
    assert found.weights[GOOD] == pytest.approx(2 / 3, abs=0.08)
    assert found.weights[WEAK] == pytest.approx(1 / 3, abs=0.08)
    assert found.validation["blend"] > found.validation[GOOD] > found.validation[WEAK]
    assert found.validation[WEAK] > found.validation[NOISE]


def test_what_says_nothing_or_the_wrong_thing_has_no_weight() -> None:
    found = case(**{GOOD: 2.0, WEAK: -1.0, NOISE: 0.0}).chosen()
    assert found.weights[WEAK] == 0
    assert found.weights[NOISE] < 0.06


def test_a_blend_that_does_not_beat_the_best_alone_does_not_ship() -> None:
    told = case(**{GOOD: 1.0, NOISE: 0.0})
    told.scorers.answers[GOOD] = told.held_BT.toarray()
    found = told.chosen()
    assert found.name == GOOD
    assert found.validation[GOOD] == 1
    assert "blend" not in found.validation


def test_unheard_tracks_are_weighed_by_those_who_tell_them_apart() -> None:
    found = case(unheard=True, **{GOOD: 1.0, WEAK: 2.0, NOISE: 0.0}).chosen()
    assert found.weights[WEAK] > found.weights[GOOD]
    assert found.unheard[WEAK] == 0
    assert found.unheard[GOOD] > 5 * found.unheard[NOISE]


def test_where_no_right_answer_is_unheard_the_network_orders_such_tracks_low() -> None:
    told = case(unheard=True, **{GOOD: 1.0, WEAK: 2.0, NETWORK: 0.5})
    heard_T = told.scorers.features.heard_T.astype(np.float32)
    told.held_BT = sp.csr_array(told.held_BT.toarray() * heard_T)
    unheard = told.chosen().unheard
    assert {name for name, weight in unheard.items() if weight} == {NETWORK}
    assert unheard[NETWORK] < 0.1


def test_where_nobody_can_order_unheard_tracks_the_first_scorer_has_them() -> None:
    found = case(**{GOOD: 2.0, WEAK: 1.0}).chosen()
    assert found.unheard == {GOOD: 1 / 16, WEAK: 0}


def test_a_silent_scorer_is_none_that_a_blend_may_use() -> None:
    nothing: Any = SimpleNamespace()
    every = dict.fromkeys((GOOD, WEAK), nothing)
    of = (nothing, nothing, nothing, every, nothing, nothing)
    assert Scorers(*of).names == [GOOD, WEAK, NETWORK]
    assert Scorers(*of, silent=frozenset({GOOD})).names == [WEAK, NETWORK]
    assert Scorers(*of, silent=frozenset({NETWORK})).names == [GOOD, WEAK]


def test_the_sample_of_listeners_is_seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    told = case(**{GOOD: 1.0, WEAK: 1.0, NOISE: 0.5})
    whole = told.chosen()
    monkeypatch.setattr("encore.models.quality.MOST_SCORES", 60 * (TRACKS + 1))
    assert told.chosen() == told.chosen() != whole


def test_parts_are_weighted_by_whether_a_track_was_heard() -> None:
    told = case(unheard=True, **{GOOD: 1.0, WEAK: 2.0})
    weights = Weights({GOOD: 0.25, WEAK: 0.75}, {GOOD: 2.0})
    parts = told.scorers.parts(weights, told.audience)
    assert not parts[WEAK][:, 1 : UNHEARD + 1].any()
    alone = told.scorers.parts(Weights({GOOD: 1.0}, {GOOD: 1.0}), told.audience)[GOOD]
    assert parts[GOOD][:, UNHEARD + 1 :] == pytest.approx(alone[:, UNHEARD + 1 :] / 4, abs=1e-6)
    assert parts[GOOD][:, 1 : UNHEARD + 1] == pytest.approx(alone[:, 1 : UNHEARD + 1] * 2, abs=1e-5)


def test_new_tracks_decide_how_the_weights_on_unheard_ones_are_shared_out() -> None:
    told = case(unheard=True, **{GOOD: 1.0, WEAK: 1.0, NOISE: 1.0})
    new = np.zeros((LISTENERS, TRACKS + 1), np.float32)
    rng = np.random.default_rng(8)
    for row in new:
        row[1 + rng.choice(UNHEARD, 2, replace=False)] = 1
    told.scorers.answers[GOOD] = told.scorers.answers[GOOD] - 2 * new  # misleads where it is new
    told.scorers.answers[NOISE] = told.scorers.answers[NOISE] + 3 * new
    everyone = told.audience
    plain = choose(told.scorers, everyone, told.held_BT, seed=0)
    chosen = choose(told.scorers, everyone, told.held_BT, 0, sp.csr_array(new))
    assert chosen.weights == plain.weights
    assert chosen.unheard[GOOD] == 0 < chosen.unheard[NOISE]
    assert sum(chosen.unheard.values()) == pytest.approx(sum(plain.unheard.values()), abs=1e-3)
