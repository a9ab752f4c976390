"""How counts are spread: quantiles, doubling bins, and how much the largest hold.

A spread is plain JSON: {"n", "mean", "min", "p25", "median", "p75", "p90", "p99", "max", "gini",
"top_1_percent", "top_10_percent", "bins": [{"from", "to", "n"}]}. Where there is no value, figures
are None and there are no bins.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

QUANTILES = {
    "min": 0.0,
    "p25": 0.25,
    "median": 0.5,
    "p75": 0.75,
    "p90": 0.9,
    "p99": 0.99,
    "max": 1.0,
}
TOPS = {"top_1_percent": 0.01, "top_10_percent": 0.1}

Floats = npt.NDArray[np.float64]


def spread(counts: pl.Series) -> dict[str, Any]:
    """Return the spread of `counts`, which must be above 0 and not null.

    >>> found = spread(pl.Series([1, 1, 2, 16]))
    >>> found["median"], found["max"], found["top_1_percent"]
    (1.5, 16.0, 0.8)
    >>> found["bins"]
    [{'from': 1, 'to': 1, 'n': 2}, {'from': 2, 'to': 3, 'n': 1}, {'from': 4, 'to': 7, 'n': 0}, \
{'from': 8, 'to': 15, 'n': 0}, {'from': 16, 'to': 31, 'n': 1}]
    """
    values = np.sort(counts.cast(pl.Float64).to_numpy())
    n = len(values)
    if not n:
        nothing = dict.fromkeys(("mean", *QUANTILES, "gini", *TOPS))
        return {"n": 0, **nothing, "bins": []}
    quantiles = np.quantile(values, list(QUANTILES.values()))
    return {
        "n": n,
        "mean": float(values.mean()),
        **dict(zip(QUANTILES, map(float, quantiles), strict=True)),
        "gini": gini(values),
        **{name: top_share(values, share) for name, share in TOPS.items()},
        "bins": _bins(values),
    }


def gini(ascending: Floats) -> float | None:
    """Return how unequal sorted values are: 0 where all are equal, 1 where one holds everything.

        G = 1 / (n - 1) x sum over j = 1..n, least first, of (2j - n - 1) x_j / sum of x

    as `encore.metrics.gini` counts slots. None for fewer than two values.

    >>> gini(np.array([2.0, 2.0])), gini(np.array([0.0, 0.0, 9.0])), gini(np.array([3.0]))
    (0.0, 1.0, None)
    """
    n, total = len(ascending), float(ascending.sum())
    if n < 2 or not total:
        return None
    weight = 2.0 * np.arange(1, n + 1) - n - 1
    return float(weight @ ascending / (total * (n - 1)))


def top_share(ascending: Floats, share: float) -> float:
    """Return what the largest `share` of sorted values, at least one, hold of their sum."""
    largest = max(1, round(share * len(ascending)))
    return float(ascending[-largest:].sum() / ascending.sum())


def _bins(values: Floats) -> list[dict[str, int]]:
    """Count values in 1, 2 to 3, 4 to 7 …; what lies below 1 counts in the first."""
    power = np.floor(np.log2(np.maximum(values, 1))).astype(np.int64)
    counts = np.bincount(power)
    return [
        {"from": 2**i, "to": 2 ** (i + 1) - 1, "n": int(count)} for i, count in enumerate(counts)
    ]
