"""Groups of listeners, tracks or pairs by a number that each has, from least to most."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from encore.data.vocabulary import UNKNOWN

Mask = npt.NDArray[np.bool_]

GROUPS = 5
SMALLEST = 0.1  # of a fair share: what is less stays with its neighbours


@dataclass(frozen=True)
class Group:
    """What belongs to a group, and what people call it."""

    label: str
    within_N: Mask


def by_size(values_N: npt.NDArray[np.number], groups: int = GROUPS, unit: str = "") -> list[Group]:
    """Return up to `groups` groups of about equally many, each named by its range of values.

    Equal values stay together, so that there may be fewer groups; what comes before a value that
    most have is a group of its own, if it is not all too small. NaN belongs to none.

    >>> [group.label for group in by_size(np.array([1, 1, 2, 3, 4, 50]), 3, "rows")]
    ['1 row', '2 to 3 rows', '4 to 50 rows']
    """
    known_N = ~np.isnan(values_N.astype(np.float64))
    distinct, count = np.unique(values_N[known_N], return_counts=True)
    if not len(distinct):
        return []
    fair = known_N.sum() / groups
    firsts, within = [0], 0  # of the distinct values, where a group begins
    for i, more in enumerate(count):
        full = within >= fair or (more >= fair and within >= SMALLEST * fair)
        if full and len(firsts) < groups:
            firsts.append(i)
            within = 0
        within += int(more)
    found = []
    for first, end in zip(firsts, [*firsts[1:], len(distinct)], strict=True):
        low, high = distinct[first], distinct[end - 1]
        within_N = known_N & (values_N >= low) & (values_N <= high)
        found.append(Group(_range(low, high, unit), within_N))
    return found


def by_artist(artist_T: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return the number of each track's artist, from 0; who has none stands for itself.

    >>> by_artist(np.array([0, 7, 0, 7])).tolist()
    [1, 0, 2, 0]
    """
    artist_T = artist_T.astype(np.int64)
    alone_T = artist_T.max(initial=0) + 1 + np.arange(len(artist_T))
    return np.unique(np.where(artist_T == UNKNOWN, alone_T, artist_T), return_inverse=True)[1]


def _range(low: float, high: float, unit: str) -> str:
    one, other = (_short(end) for end in (low, high))
    if one == other:
        return f"{one} {unit.removesuffix('s') if one == '1' else unit}".strip()
    return f"{one} to {other} {unit}".strip()


def _short(value: float) -> str:
    return f"{value:,.1f}" if value < 10 and value != round(value) else f"{value:,.0f}"
