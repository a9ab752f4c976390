"""How close predicted plays come to the true ones, over pooled rows; and the seed's own measures.

N rows of (listener, track). All of them take plays on any one scale (raw, log1p, [0, 1]): say which
beside the figure. On empty input the value is NaN. Raises `InputError` where the two sides differ
in length or hold NaN or infinities.
"""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from encore.errors import InputError
from encore.metrics.arrays import AnyInts, Floats, over, whole


class Tensor(Protocol):
    """What a torch tensor has, and an array has not."""

    def detach(self) -> Any:
        """Return the same values outside of the graph."""


Values = npt.ArrayLike | Tensor


def rmse(predictions: Values, targets: Values) -> float:
    """Return the root mean square error, sqrt(mean (y - y')^2), in [0, inf).

    >>> rmse([1.0, 2.0], [1.0, 4.0]).__round__(4)
    1.4142
    """
    predictions_N, targets_N = paired(predictions, targets)
    return float(np.sqrt(_mean((predictions_N - targets_N) ** 2)))


def mae(predictions: Values, targets: Values) -> float:
    """Return the mean absolute error, mean |y - y'|, in [0, inf).

    >>> mae([1.0, 2.0], [1.0, 4.0])
    1.0
    """
    predictions_N, targets_N = paired(predictions, targets)
    return _mean(np.abs(predictions_N - targets_N))


def r2(predictions: Values, targets: Values) -> float:
    """Return the coefficient of determination, in (-inf, 1].

        R2 = 1 - sum (y - y')^2 / sum (y - mean y)^2

    0 is what the mean of *these* targets scores. NaN where all targets are equal: nothing is there
    to be explained (scikit-learn answers 1 or 0 there).

    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 6.0]).__round__(4)
    0.3571
    """
    predictions_N, targets_N = paired(predictions, targets)
    if not targets_N.size:
        return float("nan")
    return skill(predictions_N, targets_N, np.full_like(targets_N, targets_N.mean()))


def skill(predictions: Values, targets: Values, baseline: Values) -> float:
    """Return 1 - MSE / MSE of a baseline's predictions for the same rows, in (-inf, 1].

    The mean squared error skill score of Murphy, "Skill scores based on the mean square error and
    their relationships to the correlation coefficient", Monthly Weather Review 116(12), 1988: 1 is
    perfect, 0 no better than the baseline, below 0 worse. NaN where the baseline is perfect.

    >>> skill([1.0, 3.0], [1.0, 4.0], [1.0, 2.0])
    0.75
    """
    predictions_N, targets_N = paired(predictions, targets)
    baseline_N, _ = paired(baseline, targets_N)
    error = np.square(predictions_N - targets_N).sum()
    reference = np.square(baseline_N - targets_N).sum()
    return float(1 - error / reference) if reference else float("nan")


def scaled(targets: Values, predictions: Values, low: float, high: float) -> tuple[Floats, Floats]:
    """Return targets and predictions on the scale where `low` is 0 and `high` is 1.

    (y - low) / (high - low), low and high being the range of the *training* targets: the range of
    the test targets would tell something of the test. Nothing is clipped, so that what lies outside
    of the range keeps its error. Raises `InputError` where high is not above low.

    >>> [side.tolist() for side in scaled([2.0, 4.0], [3.0, 5.0], low=2.0, high=4.0)]
    [[0.0, 1.0], [0.5, 1.5]]
    """
    if not low < high:
        raise InputError(f"low = {low}, high = {high}: expected the range of the training targets")
    predictions_N, targets_N = paired(predictions, targets)
    return (targets_N - low) / (high - low), (predictions_N - low) / (high - low)


def calculate_ndcg(predictions: Values, targets: Values) -> float:
    """Return the seed's NDCG: rows ordered by predicted plays, gaining their true plays.

        DCG = sum over ranks i of y_i / log2(1 + i),  NDCG = DCG / DCG in the order of y

    Järvelin and Kekäläinen, 2002, with the discount of `ndcg_at_k`; no cut. Rows with equal
    predictions share the mean discount of their ranks (McSherry and Najork, "Computing information
    retrieval performance measures efficiently in the presence of tied scores", ECIR 2008), so that
    a constant scores what a random order does, as in scikit-learn's `ndcg_score`.

    In (0, 1]; NaN on no rows and where nothing was played (scikit-learn says 0). Far above 0 for
    few rows: even their reversed order scores high. Raises `InputError` on targets below 0.

    >>> round(calculate_ndcg([3.0, 2.0, 1.0], [0.0, 5.0, 1.0]), 4)
    0.649
    """
    predictions_N, targets_N = paired(predictions, targets)
    return float(seed_ndcg(np.zeros(len(targets_N), np.int64), predictions_N, targets_N, 1)[0])


def seed_ndcg(
    user: AnyInts, predictions: Values, targets: Values, listeners: int | None = None
) -> Floats:
    """Return `calculate_ndcg` of each listener's own rows.

    `user` holds the listener's index, from 0, of each row; value u of the answer is listener u's,
    NaN for a listener without rows or plays. `listeners` is how many there are: by default one
    more than the largest index.

    >>> seed_ndcg(np.array([0, 2, 2]), [1.0, 1.0, 2.0], [3.0, 9.0, 4.0]).round(4).tolist()
    [1.0, nan, 0.8399]
    """
    predictions_N, targets_N = paired(predictions, targets)
    user_N = whole(user, "user")
    if user_N.shape != targets_N.shape:
        raise InputError(f"user: shape {user_N.shape}; expected {targets_N.shape}, as the targets")
    if (targets_N < 0).any():
        raise InputError(
            f"targets: {targets_N.min()}; expected plays of 0 or more (raw or log1p, not centred)"
        )
    U = int(user_N.max(initial=-1)) + 1 if listeners is None else listeners
    if user_N.size and not 0 <= user_N.min() <= user_N.max() < U:
        raise InputError(f"user: {user_N.min()} to {user_N.max()}; expected 0 to {U - 1}")

    start_U = np.concatenate([[0], np.cumsum(np.bincount(user_N, minlength=U))])
    rank_N = np.arange(len(user_N)) - np.repeat(start_U[:-1], np.diff(start_U))
    discount_N = 1 / np.log2(2.0 + rank_N)

    order = np.lexsort((-predictions_N, user_N))
    ordered_user, ordered = user_N[order], predictions_N[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (ordered_user[1:] != ordered_user[:-1]) | (ordered[1:] != ordered[:-1])
    tie_N = np.cumsum(new) - 1
    shared_N = over(np.bincount(tie_N, discount_N), np.bincount(tie_N))[tie_N]
    gained_U = np.bincount(ordered_user, targets_N[order] * shared_N, minlength=U)

    best = np.lexsort((-targets_N, user_N))
    ideal_U = np.bincount(user_N[best], targets_N[best] * discount_N, minlength=U)
    return np.minimum(over(gained_U, ideal_U), 1.0)


def calculate_metrics(predictions: Values, targets: Values) -> dict[str, float]:
    """Return the seed's three figures of pooled rows: rmse, mae and ndcg.

    Arrays or torch tensors, on any device, of shape (N,) or (N, 1). The ndcg here is one list of
    all rows, whoever's they are; `seed_ndcg` ranks each listener's own.

    >>> calculate_metrics([1.0, 2.0], [1.0, 4.0])["mae"]
    1.0
    """
    return {
        "rmse": rmse(predictions, targets),
        "mae": mae(predictions, targets),
        "ndcg": calculate_ndcg(predictions, targets),
    }


def paired(predictions: Values, targets: Values) -> tuple[Floats, Floats]:
    """Return both sides as float64 vectors of one length; raises `InputError` otherwise.

    A column (N, 1) counts as a vector: broadcast against (N,) it would compare all with all.

    >>> [side.tolist() for side in paired([[1], [2]], [3, 4])]
    [[1.0, 2.0], [3.0, 4.0]]
    """
    sides = []
    for name, values in (("predictions", predictions), ("targets", targets)):
        vector = _array(values)
        if vector.ndim != 1:
            raise InputError(f"{name}: shape {vector.shape}; expected one value a row")
        bad = np.count_nonzero(~np.isfinite(vector))
        if bad:
            raise InputError(f"{name}: {bad:,} of {len(vector):,} are NaN or infinite")
        sides.append(vector)
    if sides[0].shape != sides[1].shape:
        raise InputError(
            f"{len(sides[0]):,} predictions for {len(sides[1]):,} targets; expected one for each"
        )
    return sides[0], sides[1]


def _array(values: Values) -> Floats:
    if hasattr(values, "detach"):
        # To double before leaving torch: numpy has no bfloat16.
        values = values.detach().cpu().double().numpy()
    array = np.asarray(values, np.float64)
    while array.ndim > 1 and array.shape[-1] == 1:
        array = array[..., 0]
    return array


def _mean(values_N: Floats) -> float:
    return float(values_N.mean()) if values_N.size else float("nan")
