"""The list: from scores to tracks under all rules, with what the rules did.

Filters leave the tracks that may be listed; of these the best by score are the candidates, from
which the slots are given (`choosing`).

Shapes: K candidates, n slots, T tracks of the catalogue (row 0: the unknown).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from encore.errors import UsageError
from encore.models.ranking import Integers
from encore.recommend.diversity import Doubles
from encore.recommend.rules.caps import CAPS
from encore.recommend.rules.catalogue import Catalogue, Mask, Pool, Taste
from encore.recommend.rules.choosing import Choice
from encore.recommend.rules.filters import FILTERS, KINDS, UNPRICED, Verdicts, distance, filtered
from encore.recommend.rules.scores import Scores
from encore.recommend.rules.settings import PLAIN, Rules
from encore.recommend.rules.soft import SOFT

CANDIDATES = 300  # best by score, or 5 for each slot; more where caps leave too few
PER_SLOT = 5
MORE = 8  # times as many, where they were too few


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
    - `pricing`: finds the prices when they are first read, and holds the scores for it.
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
        plainer = rules.model_copy(update={name: getattr(PLAIN, name) for name in others})
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
        if name not in UNPRICED and getattr(rules, name) != getattr(PLAIN, name)
    ]


def _chosen(scores: Scores, n: int, rules: Rules, catalogue: Catalogue, taste: Taste) -> Ranked:
    """Return the list without prices and notes: filters, then the choice from enough candidates."""
    kept = filtered(scores.there(), n, rules, catalogue, taste)
    kind_T = None if rules.discovery is None else distance(catalogue, taste)
    wanted = max(CANDIDATES, PER_SLOT * n)
    while True:
        tracks_K, scores_K, kind_K = _best(scores, kept.open_T, kind_T, wanted, catalogue)
        pool = Pool(tracks_K, kind_K, n, catalogue, taste)
        choice = Choice(scores_K.astype(np.float64), pool, rules)
        if not choice.lacks(np.bincount(kind_K, minlength=len(KINDS)) == wanted):
            break
        wanted *= MORE
    bound = [*kept.shortages, *choice.shortages()]
    return Ranked(
        tracks_n=tracks_K[choice.slots],
        scores_n=scores_K[choice.slots].astype(np.float64),
        adjusted_n=np.array(choice.adjusted),
        costs=choice.costs,
        dropped=kept.dropped | choice.kept_out(),
        bound="; ".join(bound) or None,
    )


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
