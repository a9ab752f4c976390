"""The choice: from scores to a list under all rules, and its trace.

Filters leave the tracks that may be listed; of these the best by score are the candidates. Each
slot takes the candidate that the caps leave open with the highest

    adjusted = z(score) + sum over the active soft rules of  weight x term

where z is (x - mean) / standard deviation over the candidates, so that a weight means the same
whatever the scale of the scores. Under `discovery` it is taken for each kind by itself: heard
tracks have scores of another scale.

Shapes: K candidates, n slots, T tracks of the catalogue (row 0: the unknown).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from encore.errors import UsageError
from encore.models.ranking import Integers
from encore.recommend.diversity import Doubles
from encore.recommend.rules.caps import CAPS, Apart, Dealt
from encore.recommend.rules.catalogue import Catalogue, Mask, Pool, Taste
from encore.recommend.rules.filters import FILTERS, KINDS, UNPRICED, Verdicts, distance, filtered
from encore.recommend.rules.scores import Scores
from encore.recommend.rules.settings import Rules
from encore.recommend.rules.soft import FIXED, MOVING, SOFT, standardised

CANDIDATES = 300  # best by score, or 5 for each slot; more where caps leave too few
PER_SLOT = 5
MORE = 8  # times as many, where they were too few

Active = TypeVar("Active")

_PLAIN = Rules.plain()


@dataclass(frozen=True)
class Ranked:
    """A list, best first, and how it came about.

    - `tracks_n`, `scores_n`: the tracks and their scores as handed in.
    - `adjusted_n`: the standardised scores after the soft rules, by which each slot was given.
    - `costs`: for each slot, by how much each active soft rule changed its standardised score
      (below 0: the track lost by it); `adjusted_n` less their sum is z(score).
    - `dropped`: by each active hard rule, the tracks that a filter refused of those that the
      filters before it left, or those that a cap kept out though they were better placed.
    - `bound`: which rules left fewer than n tracks, and what would help; None where none did.
    - `notes`: what the rules name that the catalogue does not have.
    - `pricing`: finds the prices when they are first read, and until then holds the scores.
    """

    tracks_n: Integers
    scores_n: Doubles
    adjusted_n: Doubles
    costs: list[dict[str, float]]
    dropped: dict[str, int] = field(default_factory=dict)
    bound: str | None = None
    notes: list[str] = field(default_factory=list)
    pricing: Callable[[], dict[str, float]] = field(default=dict, repr=False, compare=False)

    @cached_property
    def prices(self) -> dict[str, float]:
        """What each active rule costs: a list for each is made when this is first read.

        By how much the mean score of the list under the rule alone is below that of the list under
        none; below 0 where the rule opened what was closed.
        """
        return self.pricing()


def rank(
    scores: Scores, n: int, rules: Rules, catalogue: Catalogue, taste: Taste | None = None
) -> Ranked:
    """Choose at most `n` tracks, greedily, under `rules`.

    Without a `taste` the listener has heard nothing. Equal adjusted scores go by score, then
    popularity, then index: with no rule active the list is the top n in that order.

    Raises `UsageError` on a negative `n`.
    """
    if n < 0:
        raise UsageError(f"n = {n}: expected 0 or more")
    taste = taste or Taste()
    found = _chosen(scores, n, rules, catalogue, taste)

    def pricing() -> dict[str, float]:
        return _prices(found.scores_n, scores, n, rules, catalogue, taste)

    return replace(found, notes=_unknown_names(rules, catalogue), pricing=pricing)


def _prices(
    scores_n: Doubles, scores: Scores, n: int, rules: Rules, catalogue: Catalogue, taste: Taste
) -> dict[str, float]:
    """Return what each active rule costs where it is the only one; `scores_n` are under all."""
    names = active(rules)
    if not names:
        return {}

    def mean_without(others: list[str]) -> float:
        plainer = rules.model_copy(update={name: getattr(_PLAIN, name) for name in others})
        under_n = _chosen(scores, n, plainer, catalogue, taste).scores_n if others else scores_n
        return float(under_n.mean()) if len(under_n) else np.nan

    free = mean_without(names)
    alone = {name: mean_without([other for other in names if other != name]) for name in names}
    return {name: free - mean for name, mean in alone.items() if not np.isnan(free - mean)}


def active(rules: Rules) -> list[str]:
    """Return the rules that are on and have a price.

    >>> active(Rules(heard="allow", per_artist=2, lambda_div=0))
    ['per_artist']
    """
    every = dict.fromkeys([*FILTERS, *CAPS, *SOFT])
    return [
        name
        for name in every
        if name not in UNPRICED and getattr(rules, name) != getattr(_PLAIN, name)
    ]


def _chosen(scores: Scores, n: int, rules: Rules, catalogue: Catalogue, taste: Taste) -> Ranked:
    """Return the list without prices and notes: filters, then the choice from enough candidates."""
    kept = filtered(scores.there(), n, rules, catalogue, taste)
    kind_T = None if rules.discovery is None else distance(catalogue, taste)
    wanted = max(CANDIDATES, PER_SLOT * n)
    while True:
        tracks_K, scores_K, kind_K = _best(scores, kept.open_T, kind_T, wanted, catalogue)
        pool = Pool(tracks_K, kind_K, n, catalogue, taste)
        got = _Choice(scores_K.astype(np.float64), pool, rules)
        if not got.lacks(np.bincount(kind_K, minlength=len(KINDS)) == wanted):
            break
        wanted *= MORE
    bound = [*kept.shortages, *got.shortages(len(tracks_K))]
    return got.ranked(kept.dropped, "; ".join(bound) or None)


def _best(
    scores: Scores, open_T: Mask, kind_T: Verdicts | None, wanted: int, catalogue: Catalogue
) -> tuple[Integers, npt.NDArray[np.floating], Verdicts]:
    """Return the best tracks of each kind, their scores and their kinds, in order of score."""
    if kind_T is None:
        tracks_K, scores_K = scores.best(open_T, wanted)
        return tracks_K, scores_K, np.zeros(len(tracks_K), np.int8)
    found = [scores.best(open_T & (kind_T == kind), wanted) for kind in KINDS]
    tracks_K, scores_K = (np.concatenate(each) for each in zip(*found, strict=True))
    order = np.lexsort((catalogue.ties.place_of_column[tracks_K], -scores_K))
    return tracks_K[order], scores_K[order], kind_T[tracks_K[order]]


class _Choice:
    """One greedy pass over the candidates."""

    def __init__(self, scores_K: Doubles, pool: Pool, rules: Rules) -> None:
        self._scores_K, self._pool, self._rules = scores_K, pool, rules
        self._fixed = _found(FIXED, rules, pool)
        self._moving = _found(MOVING, rules, pool)
        self._base_K = sum(self._fixed.values(), start=_standardised_each(scores_K, pool.kind_K))
        self._caps = _found(CAPS, rules, pool)
        self._taken_K = np.zeros(len(scores_K))  # -inf where taken, to be added
        self._kept_out = {name: np.zeros(len(scores_K), np.bool_) for name in self._caps}
        self._slots: list[int] = []
        self._adjusted: list[float] = []
        self._costs: list[dict[str, float]] = []
        self._ran_out: list[int] = []
        while len(self._slots) < pool.n and len(scores_K) and self._choose():
            pass
        if rules.diversity == "pairs" and "lambda_div" in self._moving:
            self._in_order_of_score()

    def lacks(self, more: npt.NDArray[np.bool_]) -> bool:
        """Return whether candidates of the kinds of which there may be more could be of use."""
        short = len(self._slots) < self._pool.n
        return bool(more.any() if short else more[self._ran_out].any())

    def _choose(self) -> bool:
        """Give the next slot; False where no candidate is left for it."""
        changes = {name: weight * term.value() for name, (weight, term) in self._moving.items()}
        adjusted_K = sum(changes.values(), start=self._base_K)
        free_K = adjusted_K + self._taken_K
        k = int(free_K.argmax())
        # Mostly the caps leave the best of all open, and nothing better is kept out.
        if self._taken_K[k] or not all(cap.open()[k] for cap in self._caps.values()):
            closed = {name: ~cap.open() for name, cap in self._caps.items()}
            left_K = free_K.copy()
            for closed_K in closed.values():
                left_K[closed_K] = -np.inf
            k = int(left_K.argmax())
            if np.isneginf(left_K[k]):
                return self._pass_on(closed)
            self._blame(closed, free_K > left_K[k])
        self._slots.append(k)
        self._adjusted.append(float(adjusted_K[k]))
        every = self._fixed | changes
        self._costs.append({name: float(change_K[k]) for name, change_K in every.items()})
        self._taken_K[k] = -np.inf
        for cap in self._caps.values():
            cap.choose(k)
        if len(self._slots) < self._pool.n:
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
            self._kept_out[name] |= closed_K & out_K
            out_K = out_K & ~closed_K

    def _in_order_of_score(self) -> None:
        """Put the tracks in order of all but the diversity: it chooses tracks, not their order.

        Where that breaks what is said of neighbours, the greedy order stays.
        """
        balance = [cost.get("genre_balance", 0.0) for cost in self._costs]
        own = (self._base_K[self._slots] + balance).tolist()
        order: list[int] = []
        left = sorted(range(len(own)), key=lambda slot: (-own[slot], self._slots[slot]))
        every = _found(CAPS, self._rules, self._pool).values()
        caps = [cap for cap in every if isinstance(cap, Apart | Dealt)]
        while left:
            masks = [cap.open() for cap in caps]
            fits = (s for s in left if all(open_K[self._slots[s]] for open_K in masks))
            slot = next(fits, None)
            if slot is None:
                return
            order.append(slot)
            left.remove(slot)
            for cap in caps:
                cap.choose(self._slots[slot])
        self._slots = [self._slots[slot] for slot in order]
        self._adjusted = [self._adjusted[slot] for slot in order]
        self._costs = [self._costs[slot] for slot in order]

    def shortages(self, candidates: int) -> list[str]:
        """Return which caps left slots empty, and what would help."""
        if len(self._slots) == self._pool.n or not self._free_K.any():
            return []
        return [
            f"{name}={getattr(self._rules, name)} left {len(self._slots)} of {candidates} "
            "candidates: a looser one, or candidates by more artists, fill the list"
            for name in self._caps
            if (self._kept_out[name] & self._free_K).any()
        ]

    def ranked(self, dropped: dict[str, int], bound: str | None) -> Ranked:
        """Return the list with what its filters and caps took."""
        kept_out = {
            name: int((mask_K & self._free_K).sum())
            for name, mask_K in self._kept_out.items()
            if name not in UNPRICED
        }
        return Ranked(
            tracks_n=self._pool.tracks_K[self._slots],
            scores_n=self._scores_K[self._slots],
            adjusted_n=np.array(self._adjusted),
            costs=self._costs,
            dropped=dropped | kept_out,
            bound=bound,
        )


def _found(
    made: Mapping[str, Callable[[Rules, Pool], Active | None]], rules: Rules, pool: Pool
) -> dict[str, Active]:
    """Return what the rules that are on make of the candidates."""
    found = ((name, make(rules, pool)) for name, make in made.items())
    return {name: active for name, active in found if active is not None}


def _standardised_each(scores_K: Doubles, kind_K: Verdicts) -> Doubles:
    z_K = np.zeros(len(scores_K))
    for kind in set(kind_K.tolist()):
        of_kind = kind_K == kind
        z_K[of_kind] = standardised(scores_K[of_kind])
    return z_K


def _unknown_names(rules: Rules, catalogue: Catalogue) -> list[str]:
    """Return what the rules name that the catalogue lacks; recent tracks may well be gone."""
    names = catalogue.names
    asked = {
        "ban_tracks": names.of_tracks,
        "ban_artists": names.of_artists,
        "ban_genres": names.of_genres,
        "only_tracks": names.of_tracks,
        "only_artists": names.of_artists,
        "only_genres": names.of_genres,
        "genre_shares": names.of_genres,
    }
    missing = {
        rule: find(tuple(given)).missing
        for rule, find in asked.items()
        if (given := getattr(rules, rule))
    }
    return [
        f"{rule}: the catalogue has no {', '.join(map(repr, absent))}"
        for rule, absent in missing.items()
        if absent
    ]
