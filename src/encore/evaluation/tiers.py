"""Tiers of artists by popularity: what each has of listening, of right answers and of the lists.

Legend: B listeners, K slots, T tracks with the unknown in row 0, G artists.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from encore import metrics
from encore.data.vocabulary import UNKNOWN
from encore.evaluation.boards import Question
from encore.evaluation.exposure import Counts, slots_by_track
from encore.evaluation.groups import by_artist
from encore.models.bundle import Bundle
from encore.models.ranking import Integers, are_held, row_of

CUT = 20


def tiers(
    bundle: Bundle, question: Question, lists: Mapping[str, Integers], seed: int = 0
) -> dict[str, Any]:
    """Return what artists of each tier of popularity have of listening, right answers and slots.

    Artists by their training pairs, the most played first: head, middle and tail each have about a
    third of all. `found` is the share of a listener's right answers of the tier, at most CUT, that
    the list holds.
    """
    tier_T, names = tier_of(bundle)
    heard_T = bundle.listeners_T.astype(np.float64)
    held, size = question.held_BT, len(question.listeners)
    of_held, row_N = tier_T[held.indices], row_of(held)
    slots = {name: slots_by_track(top_BK, len(heard_T)) for name, top_BK in lists.items()}
    hits = {name: are_held(top_BK[:, :CUT], held) for name, top_BK in lists.items()}
    of_slot = {name: tier_T[np.maximum(top_BK[:, :CUT], UNKNOWN)] for name, top_BK in lists.items()}
    groups = []
    for t, (label, what) in enumerate(names):
        right_B = np.minimum(np.bincount(row_N[of_held == t], minlength=size), CUT)
        groups.append(
            {
                "label": label,
                "what": what,
                "tracks": int((tier_T[1:] == t).sum()),
                "played": _share(heard_T, tier_T, t),
                "held_out": float((of_held == t).mean()) if len(of_held) else None,
                "listed": {name: _share(slots_T, tier_T, t) for name, slots_T in slots.items()},
                "found": {
                    name: metrics.mean_interval(
                        metrics.arrays.over((hits_BK & (of_slot[name] == t)).sum(1), right_B), seed
                    ).to_json()
                    for name, hits_BK in hits.items()
                },
            }
        )
    return {
        "metric": f"recall@{CUT}",
        "what": "artists by their training pairs",
        "groups": [group for group in groups if group["tracks"]],
    }


def tier_of(bundle: Bundle) -> tuple[npt.NDArray[np.int64], list[tuple[str, str]]]:
    """Return each track's tier by its artist's popularity, and the tiers' names, head first.

    A track of unknown artist stands for itself. Tier 3 has what no training row names.
    """
    group_T = by_artist(bundle.features.artist_T)
    pairs_G = np.bincount(group_T, bundle.listeners_T)
    order = np.argsort(-pairs_G, kind="stable")
    before = np.cumsum(pairs_G[order]) - pairs_G[order]
    tier_G = np.empty(len(order), np.int64)
    tier_G[order] = np.minimum(3 * before / max(pairs_G.sum(), 1), 2).astype(np.int64)
    tier_G[pairs_G == 0] = 3
    names = []
    for tier, label in enumerate(("head", "middle", "tail", "unheard")):
        count = pairs_G[np.setdiff1d(np.flatnonzero(tier_G == tier), group_T[UNKNOWN])]
        reach = f"{count.min():,.0f} to {count.max():,.0f} pairs" if len(count) else ""
        names.append((label, f"{len(count):,} artists, {reach}"))
    return tier_G[group_T], names


def _share(count_T: Counts, tier_T: npt.NDArray[np.int64], tier: int) -> float:
    count_T = count_T.copy()
    count_T[UNKNOWN] = 0
    return float(count_T[tier_T == tier].sum() / max(count_T.sum(), 1))
