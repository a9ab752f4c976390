"""Repeat: what the listener plays often and lately, as memory keeps it.

    score(u, t) = ln(1 + sum over plays j of t by u of  (1 + age_j)^-d),   ages in days

This is the base-level activation of ACT-R, B = ln sum_j age_j^-d, by which relistening to music is
predicted (Reiter-Haas, Parada-Cabaleiro, Schedl, Motamedi, Tkalcic & Lex, "Predicting Music
Relistening Behavior Using the ACT-R Framework", RecSys 2021), with a day added to each age, so that
a play of today counts 1, and one play added to the sum, so that what was never played has 0. Of the
plays only their number n and the ages of the first and the last are known: the last counts as it
is, the others as if spread evenly between the two,

    sum  =  (1 + last)^-d  +  (n - 1) x mean of (1 + a)^-d for a from last to first

(Petrov, "Computationally Efficient Approximation of the Base-Level Learning Equation in ACT-R",
ICCM 2006, the hybrid form with one play kept). Where no times are known all plays count as of
today, and the score is log1p(plays): that of personal-popularity.
"""

from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.config import TrainConfig
from encore.data.strength import log1p
from encore.data.vocabulary import UNKNOWN
from encore.models.channels.contract import Arrays, Channel
from encore.models.inputs import Audience, Inputs
from encore.models.ranking import Floats, Integers, strengths
from encore.models.rows import Row, Sparse


class Repeat(Channel):
    """Scores a track by the listener's own plays, those of long ago for less.

    Known listeners are scored by the times of their training rows. A history brought along has no
    times: it counts as played today.
    """

    name: ClassVar[str] = "repeat"

    def __init__(self, decay: float = 0.5) -> None:
        self._decay = decay
        self._scores_UT = sp.csr_array((0, 0), dtype=np.float32)

    @classmethod
    def of(cls, config: TrainConfig) -> Self:
        """Return the channel with its settings."""
        return cls(config.repeat_decay)

    def fit(self, inputs: Inputs) -> Self:
        """Let each known listener's plays fade by their age."""
        faded = inputs.plays_UT.copy()
        if inputs.age_days is not None:
            first = inputs.age_days if inputs.first_age_days is None else inputs.first_age_days
            faded.data = _faded(faded.data, inputs.age_days, first, self._decay)
        self._scores_UT = strengths(faded)
        return self

    def fold_in(self, audience: Audience) -> sp.csr_array:
        """Return the scores (B, T) of what each listener has played."""
        known_B = audience.user_B != UNKNOWN
        by_age = _rows(known_B) @ self._scores_UT[audience.user_B]
        return sp.csr_array(by_age + _rows(~known_B) @ strengths(audience.history_BT))

    def score(self, folded: sp.csr_array) -> Floats:
        """Return (B, T); 0 for what the listener has not played."""
        scores: Floats = folded.toarray().astype(np.float32)
        return scores

    def row(self, folded: sp.csr_array) -> Row:
        """Return the scores of one listener, few of which are not 0."""
        return Sparse(folded.toarray()[0])

    def attribute(self, history_1T: sp.csr_array, tracks_N: Integers) -> Floats:
        """Return all for the track itself, where the listener has played it, as if today."""
        own_NH = tracks_N[:, None] == history_1T.indices
        parts_NH: Floats = (own_NH * log1p(history_1T.data)).astype(np.float32)
        return parts_NH

    def arrays(self) -> Arrays:
        """Return the decay; the listeners' rows and their times are the bundle's to keep."""
        return {"decay": np.array(self._decay)}

    @classmethod
    def from_arrays(cls, arrays: Arrays, inputs: Inputs) -> Self:
        """Return the channel over the listeners that the inputs hold."""
        return cls(float(arrays["decay"])).fit(inputs)


def _faded(plays_P: Floats, last_P: Floats, first_P: Floats, decay: float) -> Floats:
    """Return the sum over each pair's plays of (1 + age)^-decay."""
    near_P, far_P = 1 + last_P.astype(np.float64), 1 + first_P.astype(np.float64)
    span_P = np.log(np.maximum(far_P, near_P) / near_P)
    # The mean of x^-d from a to a e^s is a^-d times that from 1 to e^s, which nears 1 with s.
    rise_P = span_P if decay == 1 else np.expm1((1 - decay) * span_P) / (1 - decay)
    long_P = span_P > 0
    mean_P = np.divide(rise_P, np.expm1(span_P), out=np.ones_like(span_P), where=long_P)
    once_P = np.minimum(plays_P, 1)
    faded: Floats = (near_P**-decay * (once_P + (plays_P - once_P) * mean_P)).astype(np.float32)
    return faded


def _rows(which_B: npt.NDArray[np.bool_]) -> sp.dia_array:
    return sp.diags_array(which_B.astype(np.float32))
