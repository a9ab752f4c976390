"""Hard rules of one slot at a time: what the tracks chosen so far close. A small class each.

Shapes: K candidates, n slots.
"""

from collections import Counter, deque
from collections.abc import Callable
from typing import Protocol

import numpy as np

from encore.data.vocabulary import UNKNOWN, Indices
from encore.recommend.rules.catalogue import Mask, Pool
from encore.recommend.rules.filters import HEARD, NEW, OF_HEARD_ARTIST, Verdicts
from encore.recommend.rules.settings import Rules


class Cap(Protocol):
    """Which candidates the next slot may take."""

    def open(self) -> Mask:
        """Return whether each candidate may be chosen now (K,)."""
        ...

    def choose(self, k: int) -> None:
        """Let candidate k take the slot."""
        ...


class AtMost:
    """At most so many of one group (an artist, an album); those of group 0 are not counted."""

    def __init__(self, group_K: Indices, most: int) -> None:
        self._group_K, self._most = group_K, most
        self._held: Counter[int] = Counter()
        self._open_K = np.ones(len(group_K), np.bool_)

    def open(self) -> Mask:
        """Return whether each candidate's group has slots left (K,)."""
        return self._open_K

    def choose(self, k: int) -> None:
        """Count the slot for the candidate's group, and close the group when it has its most."""
        group = int(self._group_K[k])
        self._held[group] += 1
        if group != UNKNOWN and self._held[group] == self._most:
            self._open_K &= self._group_K != group


class Apart:
    """At least so many slots between two of one group; those of group 0 are all different."""

    def __init__(self, group_K: Indices, slots: int) -> None:
        self._group_K, self._slots = group_K, slots
        self._resting: deque[int] = deque()
        self._open_K = np.ones(len(group_K), np.bool_)

    def open(self) -> Mask:
        """Return whether each candidate's group stands in none of the last slots (K,)."""
        return self._open_K

    def choose(self, k: int) -> None:
        """Let the candidate's group rest."""
        self._resting.append(int(self._group_K[k]))
        if len(self._resting) > self._slots:
            self._open_K |= self._group_K == self._resting.popleft()
        if self._resting[-1] != UNKNOWN:
            self._open_K &= self._group_K != self._resting[-1]


class Dealt:
    """Of each kind its share of the slots, spread over the list.

    A kind that has run out leaves its slots to the next further from home (`pass_on`).
    """

    def __init__(self, kind_K: Verdicts, slots: dict[int, int]) -> None:
        self._kind_K = kind_K
        self._total = max(sum(slots.values()), 1)
        self._wanted = dict(slots)
        self._taken = dict.fromkeys(slots, 0)

    def open(self) -> Mask:
        """Return whether each candidate is of the kind whose turn it is (K,)."""
        mask_K: Mask = self._kind_K == self.turn
        return mask_K

    def choose(self, k: int) -> None:
        """Count the slot for the candidate's kind."""
        self._taken[int(self._kind_K[k])] += 1

    def pass_on(self) -> bool:
        """Let the next kind have what the one whose turn it is cannot fill; False at the last."""
        kind = self.turn
        if kind + 1 not in self._wanted:
            return False
        self._wanted[kind + 1] += self._wanted[kind] - self._taken[kind]
        self._wanted[kind] = self._taken[kind]
        return True

    @property
    def turn(self) -> int:
        """The kind that lags most behind its share, of those that have slots left."""
        slot = sum(self._taken.values()) + 1

        def owed(kind: int) -> float:
            return self._wanted[kind] * slot / self._total - self._taken[kind]

        left = [kind for kind, wanted in self._wanted.items() if wanted > self._taken[kind]]
        return max(left, key=owed, default=NEW)


def shares(discovery: float, n: int) -> dict[int, int]:
    """Return how many of n slots heard tracks, tracks by heard artists and new artists get.

    Each slot takes two steps from home, either with chance d: heard (1 - d)², new artists d².
    Rounded sums, so that neither the heard nor those by heard artists grow with d.

    >>> shares(0.5, 8), shares(1, 8)
    ({0: 2, 1: 4, 2: 2}, {0: 0, 1: 0, 2: 8})
    """
    heard, known = round(n * (1 - discovery) ** 2), round(n * (1 - discovery**2))
    return {HEARD: heard, OF_HEARD_ARTIST: known - heard, NEW: n - known}


def _per_artist(rules: Rules, pool: Pool) -> AtMost | None:
    if rules.per_artist is None:
        return None
    return AtMost(pool.catalogue.artist_T[pool.tracks_K], rules.per_artist)


def _per_album(rules: Rules, pool: Pool) -> AtMost | None:
    if rules.per_album is None:
        return None
    return AtMost(pool.catalogue.album_T[pool.tracks_K], rules.per_album)


def _artist_spacing(rules: Rules, pool: Pool) -> Apart | None:
    if not rules.artist_spacing:
        return None
    return Apart(pool.catalogue.artist_T[pool.tracks_K], rules.artist_spacing)


def _discovery(rules: Rules, pool: Pool) -> Dealt | None:
    if rules.discovery is None:
        return None
    return Dealt(pool.kind_K, shares(rules.discovery, pool.n))


#: Rules by name; each gives None where it is off.
CAPS: dict[str, Callable[[Rules, Pool], Cap | None]] = {
    "per_artist": _per_artist,
    "per_album": _per_album,
    "artist_spacing": _artist_spacing,
    "discovery": _discovery,
}
