"""Who gains and who pays: a comparison listener by listener, where means hide them.

A change is in units of the metric and turned so that more is better, of errors too. U listeners.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from encore.evaluation.significance import Contrast, differences, less_is_better, paired_over_seeds
from encore.metrics.arrays import Floats


@dataclass(frozen=True)
class Gains:
    """What `one` changes for each listener against `other`, the greatest loss first.

    Who stays has the same value in both, to `significance.DIGITS` digits: 0 in `change_U`.
    """

    change_U: Floats

    @property
    def gain(self) -> int:
        """How many listeners are better off."""
        return int((self.change_U > 0).sum())

    @property
    def lose(self) -> int:
        """How many listeners are worse off."""
        return int((self.change_U < 0).sum())

    @property
    def stay(self) -> int:
        """How many listeners see no difference."""
        return int((self.change_U == 0).sum())

    def to_json(self) -> dict[str, int]:
        """Return the three counts."""
        return {"gain": self.gain, "stay": self.stay, "lose": self.lose}


def gains(questions: Sequence[Contrast]) -> list[Gains]:
    """Return what each question's first changes for those listeners who are compared.

    No listener in common: nobody gains, nobody loses.

    >>> from encore.evaluation.significance import Values
    >>> ids = np.array(["ann", "bob", "eve"])
    >>> sides = Values(ids, np.array([0.5, 0.2, 0.1])), Values(ids, np.array([0.25, 0.2, 0.0]))
    >>> gains([Contrast("discovery", "ndcg@10", "encore", "als", {0: sides})])[0].to_json()
    {'gain': 2, 'stay': 1, 'lose': 0}
    """
    return [_gains(question) for question in questions]


def _gains(question: Contrast) -> Gains:
    found = paired_over_seeds(question.seeds.values())
    differs_U = differences(found.one_U, found.other_U) != 0
    change_U = np.where(differs_U, found.one_U - found.other_U, 0.0)
    return Gains(np.sort(-change_U if less_is_better(question.metric) else change_U))
