"""The choice: which candidate gets each slot, under the caps and the soft rules.

Each slot takes the candidate that the caps leave open with the highest

    adjusted = z(score) + sum over the active soft rules of  weight x term

where z is (x - mean) / standard deviation over the candidates, so that a weight means the same
whatever the scale of the scores. Under `discovery` it is taken for each kind by itself: heard
tracks have scores of another scale.

Shapes: K candidates, n slots.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from encore.recommend.diversity import Doubles
from encore.recommend.rules.caps import CAPS, Apart, Dealt
from encore.recommend.rules.catalogue import Mask, Pool
from encore.recommend.rules.filters import UNPRICED, Verdicts
from encore.recommend.rules.settings import Rules
from encore.recommend.rules.soft import FIXED, MOVING, standardised

Active = TypeVar("Active")


class Choice:
    """One greedy pass over the candidates, whose scores are `scores_K`.

    - `slots`: the candidates chosen, best first.
    - `adjusted`: their standardised scores after the soft rules.
    - `costs`: by how much each active soft rule changed the standardised score of each.
    """

    def __init__(self, scores_K: Doubles, pool: Pool, rules: Rules) -> None:
        self._pool, self._rules = pool, rules
        self._fixed = _active(FIXED, rules, pool)
        self._moving = _active(MOVING, rules, pool)
        self._base_K = sum(self._fixed.values(), start=_standardised_each(scores_K, pool.kind_K))
        self._caps = _active(CAPS, rules, pool)
        self._taken_K = np.zeros(len(scores_K))  # -inf where taken, to be added
        self._out = {name: np.zeros(len(scores_K), np.bool_) for name in self._caps}
        self.slots: list[int] = []
        self.adjusted: list[float] = []
        self.costs: list[dict[str, float]] = []
        self._ran_out: list[int] = []
        while len(self.slots) < pool.n and len(scores_K) and self._choose():
            pass
        if rules.diversity == "pairs" and "lambda_div" in self._moving:
            self._in_order_of_score()

    def lacks(self, more: npt.NDArray[np.bool_]) -> bool:
        """Return whether candidates of the kinds of which there may be more could be of use."""
        short = len(self.slots) < self._pool.n
        return bool(more.any() if short else more[self._ran_out].any())

    def _choose(self) -> bool:
        """Give the next slot; False where no candidate is left for it."""
        changes = {name: weight * term.value() for name, (weight, term) in self._moving.items()}
        adjusted_K = sum(changes.values(), start=self._base_K)
        left_K = adjusted_K + self._taken_K
        k = int(left_K.argmax())
        # Mostly the caps leave the best of all open, and nothing better is kept out.
        if self._taken_K[k] or not all(cap.open()[k] for cap in self._caps.values()):
            closed = {name: ~cap.open() for name, cap in self._caps.items()}
            open_K = left_K.copy()
            for closed_K in closed.values():
                open_K[closed_K] = -np.inf
            k = int(open_K.argmax())
            if np.isneginf(open_K[k]):
                return self._pass_on(closed)
            self._blame(closed, left_K > open_K[k])
        self.slots.append(k)
        self.adjusted.append(float(adjusted_K[k]))
        every = self._fixed | changes
        self.costs.append({name: float(change_K[k]) for name, change_K in every.items()})
        self._taken_K[k] = -np.inf
        for cap in self._caps.values():
            cap.choose(k)
        if len(self.slots) < self._pool.n:
            for _, term in self._moving.values():
                term.choose(k)
        return True

    def _pass_on(self, closed: dict[str, Mask]) -> bool:
        """Leave the slots of a kind that has run out to the next one, where there is a dial."""
        dealt = self._caps.get("discovery")
        if isinstance(dealt, Dealt):
            self._ran_out.append(dealt.turn)
            if dealt.pass_on():
                return True
        self._blame(closed, self._free_K)
        return False

    @property
    def _free_K(self) -> Mask:
        return np.asarray(self._taken_K == 0)

    def _blame(self, closed: dict[str, Mask], out_K: Mask) -> None:
        """Note which cap kept candidates out: the first that closes each."""
        for name, closed_K in closed.items():
            self._out[name] |= closed_K & out_K
            out_K = out_K & ~closed_K

    def _in_order_of_score(self) -> None:
        """Put the tracks in order of all but the diversity: it chooses tracks, not their order.

        Where that breaks what is said of neighbours, the greedy order stays.
        """
        others = self._moving.keys() - {"lambda_div"}
        moved = [sum(cost[name] for name in others) for cost in self.costs]
        own = (self._base_K[self.slots] + moved).tolist()
        order: list[int] = []
        left = sorted(range(len(own)), key=lambda slot: (-own[slot], self.slots[slot]))
        every = _active(CAPS, self._rules, self._pool).values()
        caps = [cap for cap in every if isinstance(cap, Apart | Dealt)]
        while left:
            masks = [cap.open() for cap in caps]
            fits = (s for s in left if all(open_K[self.slots[s]] for open_K in masks))
            slot = next(fits, None)
            if slot is None:
                return
            order.append(slot)
            left.remove(slot)
            for cap in caps:
                cap.choose(self.slots[slot])
        self.slots = [self.slots[slot] for slot in order]
        self.adjusted = [self.adjusted[slot] for slot in order]
        self.costs = [self.costs[slot] for slot in order]

    def shortages(self) -> list[str]:
        """Return which caps left slots empty, and what would help."""
        candidates = len(self._taken_K)
        if len(self.slots) == self._pool.n or not self._free_K.any():
            return []
        return [
            f"{name}={getattr(self._rules, name)} left {len(self.slots)} of {candidates} "
            "candidates: a looser one, or candidates by more artists, fill the list"
            for name in self._caps
            if (self._out[name] & self._free_K).any()
        ]

    def kept_out(self) -> dict[str, int]:
        """Return how many candidates each cap kept out though they were better placed."""
        return {
            name: int((mask_K & self._free_K).sum())
            for name, mask_K in self._out.items()
            if name not in UNPRICED
        }


def _active(
    made: Mapping[str, Callable[[Rules, Pool], Active | None]], rules: Rules, pool: Pool
) -> dict[str, Active]:
    """Return what the rules that are on make of the candidates."""
    every = ((name, make(rules, pool)) for name, make in made.items())
    return {name: active for name, active in every if active is not None}


def _standardised_each(scores_K: Doubles, kind_K: Verdicts) -> Doubles:
    z_K = np.zeros(len(scores_K))
    for kind in set(kind_K.tolist()):
        of_kind = kind_K == kind
        z_K[of_kind] = standardised(scores_K[of_kind])
    return z_K
