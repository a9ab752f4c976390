"""Boosted trees, evaluated for many candidates at once, without walking down any tree.

Of each tree the leaves that a candidate can still reach are the bits of a number. A comparison that
fails takes away the leaves on its left; the leaf that is reached is the first one left over
(Lucchese, Nardini, Orlando, Perego, Tonellotto & Venturini, "QuickScorer: a Fast Algorithm to Rank
Documents with Additive Ensembles of Regression Trees", SIGIR 2015, section 3). What all comparisons
of one feature take away depends only on between which two thresholds its value lies: that is looked
up for all trees together.

Legend: N candidates, F features, R trees, C comparisons, L leaves of a tree, at most `MOST_LEAVES`.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from encore.errors import IntegrityError
from encore.models.ranking import Floats

MOST_LEAVES = 16
_ALL = np.uint16(0xFFFF)
_FIRST = np.array([(n & -n).bit_length() - 1 if n else 0 for n in range(1 << 16)], np.uint8)


class _Comparison(NamedTuple):
    feature: int
    threshold: float  # above it: to the right
    tree: int
    left: int  # the bits of the leaves on the left


class Trees:
    """Trees in the form of LightGBM's `Booster.dump_model`.

    Raises `IntegrityError` on trees with more than `MOST_LEAVES` leaves, or that ask of a feature
    anything but whether it exceeds a number.
    """

    def __init__(self, dumped: dict[str, Any]) -> None:
        trees = [tree["tree_structure"] for tree in dumped["tree_info"]]
        comparisons: list[_Comparison] = []
        value_RL = np.zeros((len(trees), MOST_LEAVES), np.float32)
        for r, root in enumerate(trees):
            values: list[float] = []
            comparisons += _walked(root, r, values)
            if len(values) > MOST_LEAVES:
                raise IntegrityError(f"trees: {len(values)} leaves, expected {MOST_LEAVES} or less")
            value_RL[r, : len(values)] = values
        self._values = value_RL.ravel()
        self._first_R = np.arange(0, len(self._values), MOST_LEAVES, dtype=np.int32)
        self._columns = [
            (f, *_taken([c for c in comparisons if c.feature == f], len(trees)))
            for f in sorted({c.feature for c in comparisons})
        ]

    def scores(self, features_NF: Floats) -> Floats:
        """Return the sum over the trees of the leaf that each candidate reaches (N,)."""
        left_NR = np.full((len(features_NF), len(self._first_R)), _ALL)
        by_one_NR = np.empty_like(left_NR)
        for f, threshold_C, left_CR in self._columns:
            above_N = np.searchsorted(threshold_C, features_NF[:, f])
            left_CR.take(above_N, axis=0, out=by_one_NR, mode="clip")
            np.bitwise_and(left_NR, by_one_NR, out=left_NR)
        leaf_NR = _FIRST.take(left_NR) + self._first_R
        sums_N: Floats = self._values.take(leaf_NR).sum(1)
        return sums_N


def _walked(node: dict[str, Any], tree: int, values: list[float]) -> Iterator[_Comparison]:
    """Yield the comparisons below a node; the values of its leaves join `values`, left to right."""
    if "leaf_value" in node:
        values.append(node["leaf_value"])
        return
    if node["decision_type"] != "<=":
        raise IntegrityError(f"trees: decision {node['decision_type']!r}, expected '<='")
    before = len(values)
    yield from _walked(node["left_child"], tree, values)
    left = (1 << len(values)) - (1 << before)
    yield _Comparison(node["split_feature"], node["threshold"], tree, left)
    yield from _walked(node["right_child"], tree, values)


def _taken(
    comparisons: Sequence[_Comparison], trees: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint16]]:
    """Return the thresholds of one feature (C,), and what is left above the first c (C + 1, R)."""
    ordered = sorted(comparisons, key=lambda comparison: comparison.threshold)
    left_CR = np.full((len(ordered) + 1, trees), _ALL)
    for c, comparison in enumerate(ordered):
        left_CR[c + 1] = left_CR[c]
        left_CR[c + 1, comparison.tree] &= _ALL & ~np.uint16(comparison.left & 0xFFFF)
    return np.array([comparison.threshold for comparison in ordered]), left_CR
