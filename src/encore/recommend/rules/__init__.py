"""Rules: from scores to the list, with what each rule removed and what it cost.

::

    settings    Rules: what may be asked, from Python, TOML or flags
    catalogue   what the rules read of tracks and of the listener
    filters     hard, a track at a time: a mask over the catalogue for each rule
    caps        hard, a slot at a time: what the tracks chosen so far close
    soft        adjustments of the standardised score
    scores      what is ranked, asked for the best of the tracks that the filters leave open
    choosing    the greedy choice under all of them
    listing     the list, and what each rule did

A rule is a field of `Rules` and one entry in FILTERS, CAPS, FIXED or MOVING, a small function each.
"""

from encore.recommend.rules.catalogue import (
    CLEAN,
    EXPLICIT,
    EXPLICIT_UNKNOWN,
    Catalogue,
    Names,
    Taste,
)
from encore.recommend.rules.listing import Ranked, rank
from encore.recommend.rules.scores import ScoreArray, Scores
from encore.recommend.rules.settings import Acoustic, Bounds, Rules, read_rules, rules_of

__all__ = [
    "CLEAN",
    "EXPLICIT",
    "EXPLICIT_UNKNOWN",
    "Acoustic",
    "Bounds",
    "Catalogue",
    "Names",
    "Ranked",
    "Rules",
    "ScoreArray",
    "Scores",
    "Taste",
    "rank",
    "read_rules",
    "rules_of",
]
