"""Many small Gaussian processes with one noise, and one large ridge: residuals' linear algebra.

Legend: N rows, K rows of one process, T tracks, C columns of what is known of a track.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator, cg

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

#: Rows that a process reads at most, spread evenly over its own; the first under which all
#: matrices together have no more than MAX_ENTRIES entries of 4 bytes. The cost is linear in rows.
MAX_ROWS = (500, 200, 100, 50)
MAX_ENTRIES = 200_000_000


class Processes:
    """Groups of rows, each of them a Gaussian process with a covariance of its own."""

    def __init__(
        self, groups: list[Rows], covariance: Callable[[Rows], Floats], noise: float
    ) -> None:
        self._noise = noise
        self._groups = _thinned(groups)
        self._inverses = [
            np.linalg.inv(covariance(rows_K) + noise * np.eye(len(rows_K))).astype(np.float32)
            for rows_K in self._groups
        ]

    def fit(self, left_N: Floats) -> tuple[Floats, Floats]:
        """Return (fitted, weights), each (N,), for what is left to explain of each row.

            weights = (K + noise I)^-1 left,    fitted = K weights = left - noise x weights

        Both are 0 for rows that no process reads.
        """
        weights_N = np.zeros_like(left_N)
        for rows_K, inverse_KK in zip(self._groups, self._inverses, strict=True):
            weights_N[rows_K] = inverse_KK @ left_N[rows_K]
        read_N = weights_N != 0
        return np.where(read_N, left_N - self._noise * weights_N, 0.0), weights_N


def groups_of(index_N: npt.NDArray[np.integer]) -> Iterator[tuple[int, Rows]]:
    """Yield each index that occurs, and the rows it stands in, in their order."""
    order = np.argsort(index_N, kind="stable")
    sorted_N = index_N[order]
    starts = np.flatnonzero(np.diff(sorted_N, prepend=-1))
    for start, end in zip(starts, np.append(starts, len(order))[1:], strict=True):
        yield int(sorted_N[start]), order[start:end]


def thinned(rows_K: Rows, most: int) -> Rows:
    """Return at most `most` of the rows, spread evenly."""
    if len(rows_K) <= most:
        return rows_K
    return rows_K[np.linspace(0, len(rows_K) - 1, most).astype(np.int64)]


def _thinned(groups: list[Rows]) -> list[Rows]:
    sizes = np.array([len(rows_K) for rows_K in groups], np.int64)
    for most in MAX_ROWS:
        if int((np.minimum(sizes, most) ** 2).sum()) <= MAX_ENTRIES:
            break
    return [thinned(rows_K, most) for rows_K in groups]


class Ridge:
    """Ridge regression of rows on their tracks' columns: only counts and sums of tracks enter."""

    def __init__(self, columns_TC: sp.csr_array, count_T: npt.NDArray[np.integer], l2: float):
        self._columns_TC, self._turned_CT = columns_TC, sp.csr_array(columns_TC.T)
        width = columns_TC.shape[1]

        def normal(w_C: Floats) -> Floats:
            product: Floats = self._turned_CT @ (count_T * (columns_TC @ w_C)) + l2 * w_C
            return product

        self._normal = LinearOperator((width, width), matvec=normal, dtype=np.float64)

    def fit(self, sum_T: Floats) -> tuple[Floats, Floats]:
        """Return each track's fitted value (T,), from the sum of its rows' targets, and w (C,)."""
        w_C, _ = cg(self._normal, self._turned_CT @ sum_T, rtol=1e-6, maxiter=500)
        return self._columns_TC @ w_C, w_C
