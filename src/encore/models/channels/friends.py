"""Friends: what those whom the listener names as friends play.

    score(u, t) = sum over friends f of u of  log1p(plays(f, t)) / |log1p(plays(f))|

Each friend's history counts as much as another's, however long. The only channel that knows
something of a listener who has not played yet.
"""

from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp

from encore.models.channels.contract import Arrays, Channel, Need
from encore.models.inputs import Audience, Inputs, unit_rows
from encore.models.ranking import Floats, first_rows, strengths
from encore.models.rows import Row, Sparse


class Friends(Channel):
    """Sums friends' histories; zeros for a listener without friends."""

    name: ClassVar[str] = "friends"
    needs: ClassVar[Need] = "friends"
    asks_others: ClassVar[bool] = True

    def __init__(self) -> None:
        self._unit_UT = sp.csr_array((0, 0), dtype=np.float32)

    def fit(self, inputs: Inputs) -> Self:
        """Bring each listener's row to unit length."""
        self._unit_UT = unit_rows(strengths(inputs.plays_UT))
        return self

    def fold_in(self, audience: Audience) -> sp.csr_array:
        """Return who the listeners' friends are (B, U)."""
        return audience.friends_BU

    def score(self, folded: sp.csr_array) -> Floats:
        """Return (B, T); 0 for a track that no friend plays."""
        scores: Floats = (
            (folded @ first_rows(self._unit_UT, folded.shape[1])).toarray().astype(np.float32)
        )
        return scores

    def row(self, folded: sp.csr_array) -> Row:
        """Return the scores of one listener, few of which are not 0."""
        return Sparse.of(folded, self._unit_UT)

    def arrays(self) -> Arrays:
        """Return nothing: the listeners' rows are the bundle's to keep."""
        return {}

    @classmethod
    def from_arrays(cls, arrays: Arrays, inputs: Inputs) -> Self:  # noqa: ARG003
        """Return the channel over the listeners that the inputs hold."""
        return cls().fit(inputs)
