"""Diversity: a track is worth less the more it resembles those that the list already holds.

    final score = score - lambda_div * penalty

The penalty of a track is its mean similarity to the tracks chosen before it; or that to the nearest
of them, MMR (Carbonell and Goldstein, "The use of MMR", SIGIR 1998); or the sum of all, by which a
greedy choice goes for the list with the highest

    sum of its scores - lambda_div * sum of the similarity of its pairs

(Gollapudi and Sharma, "An axiomatic approach for result diversification", WWW 2009). It is 0 for
the first track.

Shapes: K tracks to choose from, n tracks of a list, T tracks of the catalogue, D dimensions.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from encore.errors import InputError, UsageError

Doubles = npt.NDArray[np.float64]


SimilarTo = Callable[[int], npt.NDArray[np.floating]]
"""Gives each track's similarity to track k, shape (K,)."""


class SummedSimilarity:
    """The sum of each track's similarities to those chosen, while a list is chosen from K tracks.

    A choice costs one call of `similar_to`; so it does below.
    """

    def __init__(self, size: int, similar_to: SimilarTo) -> None:
        self._similar_to = similar_to
        self._sum_K = np.zeros(size)

    def value(self) -> Doubles:
        """Return the sum of similarities of each track to those chosen so far."""
        return self._sum_K

    def choose(self, k: int) -> None:
        """Add track k to the list."""
        self._sum_K += self._similar_to(k)


class MeanSimilarity:
    """The mean similarity of each of K tracks to those chosen; 0 before the first."""

    def __init__(self, size: int, similar_to: SimilarTo) -> None:
        self._sum = SummedSimilarity(size, similar_to)
        self._chosen = 0

    def value(self) -> Doubles:
        """Return the mean similarity of each track to those chosen so far."""
        return self._sum.value() / max(self._chosen, 1)

    def choose(self, k: int) -> None:
        """Add track k to the list."""
        self._sum.choose(k)
        self._chosen += 1


class NearestSimilarity:
    """The similarity of each of K tracks to the nearest of those chosen; 0 before the first."""

    def __init__(self, size: int, similar_to: SimilarTo) -> None:
        self._similar_to = similar_to
        self._nearest_K: Doubles = np.zeros(size)
        self._first = True

    def value(self) -> Doubles:
        """Return the similarity of each track to the nearest of those chosen so far."""
        return self._nearest_K

    def choose(self, k: int) -> None:
        """Add track k to the list."""
        similar_K = self._similar_to(k).astype(np.float64)
        self._nearest_K = similar_K if self._first else np.maximum(self._nearest_K, similar_K)
        self._first = False


def calculate_diversity_penalty(items: npt.ArrayLike, similarity_matrix: npt.ArrayLike) -> Doubles:
    """Return each item's mean similarity to the items before it in the list, shape (K,).

    `items` are K indices into `similarity_matrix` (T, T), whose entry [i, j] is the similarity of
    i to j. Raises `InputError` where the matrix is not square or an item has no row in it.

    >>> similar = [[1, 0, 0.5], [0, 1, 0.25], [0.5, 0.25, 1]]
    >>> calculate_diversity_penalty([0, 2, 1], similar).tolist()
    [0.0, 0.5, 0.125]
    """
    similar_KK = _among(_indices(items), similarity_matrix)
    penalty = MeanSimilarity(len(similar_KK), lambda k: similar_KK[:, k])
    penalty_K = np.zeros(len(similar_KK))
    for k in range(len(similar_KK)):
        penalty_K[k] = penalty.value()[k]
        penalty.choose(k)
    return penalty_K


def enhance_diversity(
    recommendations: Mapping[str, npt.ArrayLike],
    similarity_matrix: npt.ArrayLike,
    lambda_div: float = 0.5,
) -> dict[str, npt.NDArray[np.generic]]:
    """Return the recommendations reordered: each slot takes the highest final score still there.

    `recommendations` holds "items" (K indices into `similarity_matrix`, as in
    `calculate_diversity_penalty`) and "scores" (K of them, higher is better); so does the result,
    its scores the final ones. These need not fall from slot to slot: an item's penalty is a mean,
    which falls when something unlike it is chosen. Equal ones keep their order.

    Raises `InputError` on items and scores that do not go together, `UsageError` on a negative
    `lambda_div`.

    >>> similar = [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    >>> found = enhance_diversity({"items": [0, 1, 2], "scores": [0.9, 0.8, 0.7]}, similar)
    >>> found["items"].tolist(), found["scores"].round(2).tolist()
    ([0, 2, 1], [0.9, 0.7, 0.55])
    """
    if not lambda_div >= 0:
        raise UsageError(f"lambda_div = {lambda_div}: expected 0 or more")
    missing = {"items", "scores"} - set(recommendations)
    if missing:
        raise InputError(f"recommendations have no {' and no '.join(sorted(missing))}")
    items_K = _indices(recommendations["items"])
    scores_K = np.asarray(recommendations["scores"], np.float64)
    if scores_K.shape != items_K.shape:
        raise InputError(f"recommendations: {len(items_K)} items, scores of shape {scores_K.shape}")
    similar_KK = _among(items_K, similarity_matrix)
    penalty = MeanSimilarity(len(items_K), lambda k: similar_KK[:, k])
    open_K = np.ones(len(items_K), bool)
    order, final = [], []
    for _ in items_K:
        final_K = np.where(open_K, scores_K - lambda_div * penalty.value(), -np.inf)
        k = int(final_K.argmax())
        order.append(k)
        final.append(final_K[k])
        open_K[k] = False
        penalty.choose(k)
    return {"items": items_K[np.array(order, np.intp)], "scores": np.array(final)}


def intra_list_similarity(vectors_nD: npt.NDArray[np.floating]) -> float:
    """Return the mean similarity (inner product) over the pairs of a list; 0 below two tracks.

    >>> intra_list_similarity(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])) == 1 / 3
    True
    """
    n = len(vectors_nD)
    if n < 2:
        return 0.0
    vectors = vectors_nD.astype(np.float64)
    # The squared norm of the sum holds every pair twice, and each track with itself.
    return float(((vectors.sum(0) ** 2).sum() - (vectors**2).sum()) / (n * (n - 1)))


def _indices(items: npt.ArrayLike) -> npt.NDArray[np.integer]:
    items_K = np.asarray(items)
    if items_K.ndim != 1 or (items_K.size and not np.issubdtype(items_K.dtype, np.integer)):
        raise InputError(
            f"items: expected a list of indices, found {items_K.dtype} of shape {items_K.shape}"
        )
    return items_K.astype(np.intp, copy=False)


def _among(items_K: npt.NDArray[np.integer], similarity_matrix: npt.ArrayLike) -> Doubles:
    similar_TT = np.asarray(similarity_matrix)
    if similar_TT.ndim != 2 or similar_TT.shape[0] != similar_TT.shape[1]:
        raise InputError(f"similarity_matrix: expected a square, found shape {similar_TT.shape}")
    outside = items_K[(items_K < 0) | (items_K >= len(similar_TT))]
    if outside.size:
        raise InputError(
            f"item {outside[0]}: similarity_matrix has rows 0 to {len(similar_TT) - 1}"
        )
    similar_KK: Doubles = similar_TT[np.ix_(items_K, items_K)].astype(np.float64)
    return similar_KK
