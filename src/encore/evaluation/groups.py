"""Groups of listeners, tracks or pairs by a number that each has, from least to most."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from encore.data.vocabulary import UNKNOWN

Mask = npt.NDArray[np.bool_]

GROUPS = 5


@dataclass(frozen=True)
class Group:
    """What belongs to a group, and what people call it."""

    label: str
    within_N: Mask


def by_size(
    values_N: npt.NDArray[np.number], groups: int = GROUPS, unit: str = "", *, years: bool = False
) -> list[Group]:
    """Return up to `groups` groups of about equally many, each named by its range of values.

    Equal values stay together, so that there may be fewer groups. NaN belongs to none.

    >>> [group.label for group in by_size(np.array([1, 1, 2, 3, 4, 50]), 3, "rows")]
    ['1 row', '2 to 3 rows', '4 to 50 rows']
    """
    known_N = ~np.isnan(values_N.astype(np.float64))
    if not known_N.any():
        return []
    ends = np.quantile(values_N[known_N], np.linspace(0, 1, groups + 1)[1:], method="inverted_cdf")
    edges = np.unique(ends)
    place_N = np.searchsorted(edges, values_N)
    found = []
    for place in range(len(edges)):
        within_N = known_N & (place_N == place)
        inside = values_N[within_N]
        found.append(Group(_range(inside.min(), inside.max(), unit, years), within_N))
    return found


def by_artist(artist_T: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return the number of each track's artist, from 0; who has none stands for itself.

    >>> by_artist(np.array([0, 7, 0, 7])).tolist()
    [1, 0, 2, 0]
    """
    artist_T = artist_T.astype(np.int64)
    alone_T = artist_T.max(initial=0) + 1 + np.arange(len(artist_T))
    return np.unique(np.where(artist_T == UNKNOWN, alone_T, artist_T), return_inverse=True)[1]


def _range(low: float, high: float, unit: str, years: bool) -> str:
    one, other = (f"{end:.0f}" if years else _short(end) for end in (low, high))
    if one == other:
        return f"{one} {unit.removesuffix('s') if one == '1' else unit}".strip()
    return f"{one} to {other} {unit}".strip()


def _short(value: float) -> str:
    return f"{value:,.1f}" if value < 10 and value != round(value) else f"{value:,.0f}"
