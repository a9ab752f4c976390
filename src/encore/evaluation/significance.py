"""Whether one model is better than another, or only luckier in its listeners.

Both are asked about the same listeners and the same held-out rows. A listener's value is averaged
over seeds (each a split and a training); then listeners are compared in pairs, in two ways that
fail differently:

- the ratio of the means with its paired bootstrap interval (`encore.metrics.ratio_interval`): how
  large the difference is;
- the signed ranks of the differences (Wilcoxon): whether it is more than chance, and which way most
  listeners lean, however far away the few at the ends are.

Who asks often finds something: Holm's correction covers all comparisons of one call. A verdict is
given only where interval and corrected p agree.

Metrics are 0 or more, else a ratio says nothing. What varies is the choice of listeners; seeds are
averaged, not drawn.

U listeners, N values, K comparisons.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata, wilcoxon

from encore.errors import InputError
from encore.metrics import Interval, ratio_interval
from encore.metrics.arrays import Floats

ALPHA = 0.05  # the chance of any false verdict in one call, beside intervals of 95 %

# Differences are told apart to this many digits of the largest value: what is equal in exact
# arithmetic differs after an average over seeds in the sixteenth.
DIGITS = 12

BETTER, WORSE, EQUAL, UNCLEAR, NONE = "better", "worse", "equal", "unclear", "none"


@dataclass(frozen=True)
class Values:
    """A figure of each listener, by user id; NaN where a listener has none.

    Raises `InputError` where ids and values do not belong together or an id comes twice.

    >>> Values(np.array(["ann", "bob"]), np.array([0.5, np.nan]))
    Values(listeners=array(['ann', 'bob'], dtype='<U3'), values_U=array([0.5, nan]))
    """

    listeners: npt.NDArray[np.str_]
    values_U: Floats

    def __post_init__(self) -> None:
        """Check that each listener has one value."""
        if self.listeners.dtype.kind != "U":
            raise InputError(
                f"listeners: {self.listeners.dtype}; expected user ids as text, as "
                "`encore evaluate` writes them now; evaluate again with this version"
            )
        shape = self.listeners.shape
        if len(shape) != 1 or self.values_U.shape != shape or self.values_U.dtype.kind != "f":
            raise InputError(
                f"values: {self.values_U.dtype} of shape {self.values_U.shape} for listeners of "
                f"shape {shape}; expected one number (or NaN) for each"
            )
        if np.isinf(self.values_U).any():
            raise InputError("values: infinite; expected finite numbers, NaN where there is none")
        ids, times = np.unique(self.listeners, return_counts=True)
        if (times > 1).any():
            raise InputError(f"listener {str(ids[times > 1][0])!r} comes twice; expected once")

    def known(self) -> "Values":
        """Return the listeners who have a value."""
        has_U = ~np.isnan(self.values_U)
        return Values(self.listeners[has_U], self.values_U[has_U])


class Pairs(NamedTuple):
    """Two figures of the same listeners, and how many had only one of them."""

    listeners: npt.NDArray[np.str_]
    one_U: Floats
    other_U: Floats
    left_out: int


@dataclass(frozen=True)
class Contrast:
    """What is to be compared: `one` with `other`, by the values that both have of each seed."""

    board: str
    metric: str
    one: str
    other: str
    seeds: Mapping[int, tuple[Values, Values]]


@dataclass(frozen=True)
class Comparison:
    """How `one` stands to `other` by one metric of one board.

    `ratio` is mean_one / mean_other; `left_out` counts listeners who have a value in only one of
    the two; `lean` is from -1 (`other` has the greater value for every listener) to 1 (`one` has).
    Figures are NaN where nothing can be said. The verdict is about `one`: better, worse, equal (the
    same for every listener), unclear, none (no listener in common).
    """

    board: str
    metric: str
    one: str
    other: str
    seeds: tuple[int, ...]
    listeners: int
    left_out: int
    mean_one: float
    mean_other: float
    ratio: Interval
    lean: float
    p: float
    p_holm: float
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Return all fields under their names; null where there is none, as JSON has no NaN."""
        plain = {name: _or_null(value) for name, value in vars(self).items()}
        return {**plain, "seeds": list(self.seeds), "ratio": self.ratio.to_json()}


def less_is_better(metric: str) -> bool:
    """Say whether less of a metric is better: of errors it is.

    >>> less_is_better("squared_error"), less_is_better("ndcg@10")
    (True, False)
    """
    return metric.endswith("_error") or metric.startswith(("rmse", "mae"))


def headline(board: str) -> str:
    """Return the per-listener metric that decides on a board.

    >>> headline("cold_listener_5"), headline("plays")
    ('ndcg@10', 'squared_error')
    """
    return "squared_error" if board == "plays" else "ndcg@10"


def over_seeds(seeds: Iterable[Values]) -> Values:
    """Return each listener's mean over the seeds in which they have a value, ordered by id.

    mean_u = sum over seeds of v_us / number of seeds s with a v_us. A listener without any is not
    in the result; of no seeds nothing is left.

    >>> seed_0 = Values(np.array(["bob", "ann"]), np.array([0.2, np.nan]))
    >>> seed_1 = Values(np.array(["bob", "eve"]), np.array([0.4, 1.0]))
    >>> over_seeds([seed_0, seed_1]).values_U.round(3).tolist()
    [0.3, 1.0]
    """
    known = [values.known() for values in seeds]
    every = np.concatenate([np.empty(0, "U1"), *(values.listeners for values in known)])
    value_N = np.concatenate([np.empty(0), *(values.values_U for values in known)])
    ids, at_N = np.unique(every, return_inverse=True)
    sum_U = np.bincount(at_N, value_N, len(ids))
    return Values(ids, sum_U / np.bincount(at_N, minlength=len(ids)))


def paired(one: Values, other: Values) -> Pairs:
    """Return the listeners with a value in both, ordered by id, and count those with only one.

    No listener in common: empty arrays.

    >>> one = Values(np.array(["ann", "bob"]), np.array([0.1, 0.2]))
    >>> other = Values(np.array(["bob", "eve"]), np.array([0.3, np.nan]))
    >>> paired(one, other)[1:]
    (array([0.2]), array([0.3]), 1)
    """
    one, other = one.known(), other.known()
    both, at_one, at_other = np.intersect1d(
        one.listeners, other.listeners, assume_unique=True, return_indices=True
    )
    left_out = len(one.listeners) + len(other.listeners) - 2 * len(both)
    return Pairs(both, one.values_U[at_one], other.values_U[at_other], left_out)


def paired_over_seeds(seeds: Iterable[tuple[Values, Values]]) -> Pairs:
    """Return both sides averaged over the seeds in which a listener has a value on both.

    Pairing comes before averaging: else one side's mean could hold a seed's held-out rows that the
    other never saw. `left_out` counts listeners with values, but in no seed on both sides.

    >>> ids = np.array(["ann", "bob"])
    >>> seed_0 = Values(ids, np.array([0.1, 0.2])), Values(ids, np.array([0.3, np.nan]))
    >>> seed_1 = Values(ids, np.array([0.9, np.nan])), Values(ids, np.array([np.nan, 0.4]))
    >>> paired_over_seeds([seed_0, seed_1])[1:]
    (array([0.1]), array([0.3]), 1)
    """
    seeds = list(seeds)
    pairs = [paired(one, other) for one, other in seeds]
    one = over_seeds(Values(found.listeners, found.one_U) for found in pairs)
    other = over_seeds(Values(found.listeners, found.other_U) for found in pairs)
    either = over_seeds(values for both in seeds for values in both)
    left_out = len(either.listeners) - len(one.listeners)
    return Pairs(one.listeners, one.values_U, other.values_U, left_out)


def signed_rank(one_U: Floats, other_U: Floats) -> tuple[float, float]:
    """Return the two-sided p of Wilcoxon's signed-rank test and which way the ranks lean.

    Of the differences d_u = one_u - other_u, |d_u| are ranked from the smallest; p, from 0 to 1, is
    the chance of ranks as one-sided as these if the sign of each d_u were tossed (Wilcoxon,
    "Individual comparisons by ranking methods", 1945; exact in small samples, else the normal
    approximation, as `scipy.stats.wilcoxon` chooses). Lean is (R+ - R-) / (R+ + R-), from -1 to 1,
    positive where `one` is greater (Kerby, "The simple difference formula", 2014).

    Listeners with a difference of 0 take part in the ranking and then leave it (Pratt, "Remarks on
    zeros and ties in the Wilcoxon signed rank procedures", 1959). On a board many have the same
    value in both, often 0: leaving them out before (Wilcoxon's own way) would rank a hair's breadth
    as lowest and forget how many see no difference at all.

    All differences 0: p = 1, lean 0. No listeners: NaN. Raises `InputError` on NaN and on other
    shapes: pairs are formed before.

    >>> signed_rank(np.array([0.3, 0.5, 0.2, 0.9]), np.array([0.1, 0.2, 0.1, 0.5]))
    (0.125, 1.0)
    >>> signed_rank(np.array([0.3, 0.0]), np.array([0.3, 0.0]))
    (1.0, 0.0)
    """
    one_U, other_U = np.asarray(one_U, np.float64), np.asarray(other_U, np.float64)
    if one_U.ndim != 1 or one_U.shape != other_U.shape:
        raise InputError(
            f"shapes {one_U.shape} and {other_U.shape}; expected the same listeners on both sides"
        )
    if not (np.isfinite(one_U).all() and np.isfinite(other_U).all()):
        raise InputError("a listener without a value; expected pairs (see `paired`)")
    if not one_U.size:
        return math.nan, math.nan
    difference_U = differences(one_U, other_U)
    if not difference_U.any():
        return 1.0, 0.0
    rank_U = rankdata(np.abs(difference_U))
    lean = (np.sign(difference_U) * rank_U).sum() / rank_U[difference_U != 0].sum()
    return float(wilcoxon(difference_U, zero_method="pratt").pvalue), float(lean)


def holm(p_K: Floats) -> Floats:
    """Return p-values that stay below alpha by chance in any of K tests at most alpha of the times.

    In ascending order, p'_(i) = max over j <= i of min(1, (K - j + 1) p_(j)) (Holm, "A simple
    sequentially rejective multiple test procedure", 1979). The tests may depend on each other. NaN
    is no test: it stays NaN and does not count. Of no p-values, none.

    Raises `InputError` on a p outside 0..1.

    >>> holm(np.array([0.01, 0.04, 0.03, np.nan])).round(3).tolist()
    [0.03, 0.06, 0.06, nan]
    """
    p_K = np.asarray(p_K, np.float64)
    tests = np.flatnonzero(~np.isnan(p_K))
    if ((p_K[tests] < 0) | (p_K[tests] > 1)).any():
        raise InputError(f"p-values from {p_K[tests].min()} to {p_K[tests].max()}; expected 0 to 1")
    order = tests[np.argsort(p_K[tests], kind="stable")]
    steps = np.arange(len(order), 0, -1) * p_K[order]
    adjusted_K = np.full(p_K.shape, np.nan)
    adjusted_K[order] = np.minimum(1, np.maximum.accumulate(steps))
    return adjusted_K


def compare(questions: Sequence[Contrast], seed: int = 0) -> list[Comparison]:
    """Answer each question; p-values are corrected over all of them together.

    `seed` draws the bootstrap's listeners. A question without a listener in common gets the verdict
    "none" and NaN figures, and does not weigh on the correction.

    >>> ids = np.array(list("abcdefgh"))
    >>> theirs = np.arange(1, 9) / 10
    >>> sides = Values(ids, theirs * 1.5), Values(ids, theirs)
    >>> (found,) = compare([Contrast("discovery", "ndcg@10", "encore", "als", {0: sides})])
    >>> found.verdict, round(found.ratio.mean, 3), found.p_holm
    ('better', 1.5, 0.0078125)
    """
    pairs = [paired_over_seeds(question.seeds.values()) for question in questions]
    ranks = [signed_rank(found.one_U, found.other_U) for found in pairs]
    holm_K = holm(np.array([p for p, _ in ranks]))
    return [
        _answer(question, found, lean, p, float(p_holm), seed)
        for question, found, (p, lean), p_holm in zip(questions, pairs, ranks, holm_K, strict=True)
    ]


def verdict(metric: str, ratio: Interval, lean: float, p_holm: float) -> str:
    """Return what a comparison comes to, about the first of the two.

    better or worse: the corrected p is below `ALPHA`, the ratio's interval is on one side of 1, and
    ranks lean to the side of the means. A ratio without an interval (the other's mean is 0) leaves
    it to p. unclear: anything else.

    >>> verdict("ndcg@10", Interval(1.2, 1.1, 1.3), 0.4, 0.01)
    'better'
    >>> verdict("squared_error", Interval(1.2, 1.1, 1.3), 0.4, 0.01)
    'worse'
    >>> verdict("ndcg@10", Interval(1.2, 0.9, 1.5), 0.4, 0.01)
    'unclear'
    """
    within = not (math.isnan(ratio.low) or apart(ratio))
    if p_holm >= ALPHA or within or opposed(ratio, lean):
        return UNCLEAR
    return BETTER if (lean > 0) != less_is_better(metric) else WORSE


def apart(ratio: Interval) -> bool:
    """Say whether the whole interval is on one side of 1; without an interval it is not.

    >>> apart(Interval(1.2, 1.1, 1.3)), apart(Interval(1.2, 0.9, 1.5))
    (True, False)
    """
    return ratio.low > 1 or ratio.high < 1


def opposed(ratio: Interval, lean: float) -> bool:
    """Say whether most listeners lean one way and the means the other, by the weight of a few.

    >>> opposed(Interval(1.2, 1.1, 1.3), lean=-0.4)
    True
    """
    return (ratio.mean > 1 and lean < 0) or (ratio.mean < 1 and lean > 0)


def _answer(
    question: Contrast, found: Pairs, lean: float, p: float, p_holm: float, seed: int
) -> Comparison:
    ratio = ratio_interval(found.one_U, found.other_U, seed)
    if not len(found.listeners):
        word = NONE
    elif not differences(found.one_U, found.other_U).any():
        word = EQUAL
    else:
        word = verdict(question.metric, ratio, lean, p_holm)
    return Comparison(
        board=question.board,
        metric=question.metric,
        one=question.one,
        other=question.other,
        seeds=tuple(sorted(question.seeds)),
        listeners=len(found.listeners),
        left_out=found.left_out,
        mean_one=float(found.one_U.mean()) if len(found.one_U) else math.nan,
        mean_other=float(found.other_U.mean()) if len(found.other_U) else math.nan,
        ratio=ratio,
        lean=lean,
        p=p,
        p_holm=p_holm,
        verdict=word,
    )


def differences(one_U: Floats, other_U: Floats) -> Floats:
    """Return the differences in units of the largest value, rounded to `DIGITS`; of none, none."""
    if not len(one_U):
        return np.zeros(0)
    largest = max(np.abs(one_U).max(), np.abs(other_U).max())
    return np.round((one_U - other_U) / largest, DIGITS) if largest else np.zeros_like(one_U)


def _or_null(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
