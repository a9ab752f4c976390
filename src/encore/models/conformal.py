"""How far predictions of plays err: intervals that hold for unseen rows, whatever the errors are.

Split conformal prediction with locally weighted residuals (Lei, G'Sell, Rinaldo, Tibshirani &
Wasserman, "Distribution-Free Predictive Inference for Regression", JASA 113, 2018, section 5.2).
Each side has a quantile of its own: errors of plays are skewed.
"""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEAST_DEVIATION = 0.2  # of a prediction, in the listener's spread
PLACES = 1001  # quantiles of the scores that are kept: single rows would be somebody's data


class Interval(NamedTuple):
    """A predicted count of plays, and the bounds between which the true one lies."""

    plays: float
    low: float
    high: float


@dataclass(frozen=True)
class Errors:
    """What unseen rows said of a model's errors; all in units of the listener's spread.

    deviation(z) = constant + slope z: where more plays are predicted, predictions err more.
    `quantiles` are those of score = error / deviation(z) at `PLACES` even places, of `rows` rows.
    """

    constant: float = 1.0
    slope: float = 0.0
    rows: int = 0
    quantiles: Floats = field(default_factory=lambda: np.zeros(PLACES))

    @classmethod
    def fit(cls, z_M: Floats, error_M: Floats) -> "Errors":
        """Learn from predictions z and errors of unseen rows.

        Every other row gives the deviation, those between give the quantiles. Below four rows
        nothing is learned, and intervals have no width.
        """
        if len(z_M) < 4:
            return cls()
        design = np.column_stack([np.ones_like(z_M), z_M])[::2]
        constant, slope = np.linalg.lstsq(design, np.abs(error_M[::2]), rcond=None)[0]
        found = cls(float(constant), float(slope))
        scores = error_M[1::2] / found.deviation(z_M[1::2])
        quantiles = np.quantile(scores, np.linspace(0, 1, PLACES))
        return replace(found, rows=len(scores), quantiles=quantiles)

    def deviation(self, z_M: Floats) -> Floats:
        """Return how far predictions z err."""
        deviation: Floats = np.maximum(self.constant + self.slope * z_M, LEAST_DEVIATION)
        return deviation

    def bounds(self, z_M: Floats, level: float) -> tuple[Floats, Floats]:
        """Return the bounds between which `level` of the true values lie; z is always within.

        Of n scores, an unseen one exceeds the k-th smallest with probability 1 - k / (n + 1). Where
        n is too small to tell, the outermost scores are taken.
        """
        tail = (1 - level) / 2
        ranks = np.array([tail, 1 - tail]) * (self.rows + 1)
        places = (ranks - 1) / max(self.rows - 1, 1)  # rank 1 is the least score, at place 0
        low, high = np.interp(places, np.linspace(0, 1, PLACES), self.quantiles)
        deviation = self.deviation(z_M)
        return z_M + min(low, 0.0) * deviation, z_M + max(high, 0.0) * deviation
