"""Tuning: settings that validation rows inside a training side prefer, found by a seeded search.

::

    training side ─ folds ─ objective ─┐
    space of each setting ─────────────┴─ study: propose, measure, prune ─ best settings
"""

from encore.tuning.searching import Tuning, tune

__all__ = ["Tuning", "tune"]
