"""Standardising columns, fitted on the values that are there."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class StandardScaler:
    """Column-wise (x - mean) / scale, fitted on the values that are there.

    A missing value (NaN) becomes 0, the mean. A constant column becomes 0. Same numbers as
    scikit-learn's class of this name, which ignores NaN in fitting too.

    >>> x = np.array([[1.0, 5.0], [3.0, np.nan]], np.float32)
    >>> StandardScaler.fit(x).transform(x).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """

    mean: Floats
    scale: Floats

    @classmethod
    def fit(cls, values: npt.NDArray[np.floating]) -> "StandardScaler":
        """Learn mean and standard deviation of each column; NaN are passed over."""
        there = ~np.isnan(values)
        n = np.maximum(there.sum(0), 1)
        filled = np.where(there, values, 0).astype(np.float64)
        mean = filled.sum(0) / n
        deviation = np.sqrt((np.where(there, filled - mean, 0) ** 2).sum(0) / n)
        scale = np.where(deviation > 1e-9 * (1 + np.abs(mean)), deviation, 1)
        return cls(mean.astype(np.float32), scale.astype(np.float32))

    def transform(self, values: npt.NDArray[np.floating]) -> Floats:
        """Return the scaled values as float32, NaN as 0."""
        scaled: Floats = ((values - self.mean) / self.scale).astype(np.float32)
        return np.nan_to_num(scaled, nan=0.0)
