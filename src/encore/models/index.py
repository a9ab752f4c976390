"""An index over track vectors: the tracks of highest inner product, without asking every track.

Vectors are parted into lists around centroids (k-means), and the lists nearest to a query are
searched (Jégou, Douze & Schmid, "Product Quantization for Nearest Neighbor Search", PAMI 2011,
section IV: the inverted file), by `faiss`. One more component brings all vectors to one length, so
that the nearest are those of the highest inner product (Bachrach et al., "Speeding Up the Xbox
Recommender System Using a Euclidean Transformation for Inner-Product Spaces", RecSys 2014). The
lists hold half floats; whoever asks scores what is found by the vectors themselves. How many lists
a query needs is measured, on queries of the kind that will come.

Legend: T tracks, D dimensions, Q queries, L lists.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import faiss
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.data.vocabulary import UNKNOWN
from encore.models.ranking import EMPTY, Floats, Integers, TieOrder, are_held, mask_heard, top_k

WANTED_RECALL = 0.97  # of the best `MEASURED_AT`, on the queries that the index is fitted to
MEASURED_AT = 100
MOST_LISTS_SEARCHED = 1 / 2  # of all; where more are needed, all tracks are asked
TRAINED_ON = 64  # vectors a list, that its centroid is found from
ITERATIONS = 10  # of k-means
SEED = 1234
WIDTHS = 8  # of which vectors are multiples
QUERIES_AT_ONCE = 4096
HEAP = 40  # best, up to which faiss's heap is as quick as the reservoir that it has from 100 on
RESERVOIR = 100
BY_BLAS = 20  # queries from which on faiss multiplies matrices; its own default is 100 times more


@dataclass(frozen=True)
class Open:
    """Which tracks may be listed: a mask (T,)."""

    mask_T: npt.NDArray[np.bool_]

    @cached_property
    def count(self) -> int:
        """How many they are."""
        return int(np.count_nonzero(self.mask_T))

    @cached_property
    def bits(self) -> npt.NDArray[np.uint8]:
        """The mask as an index reads it."""
        return np.packbits(self.mask_T, bitorder="little")


class Index:
    """Lists of vectors, `probes` of which are searched; `recall` is what that was measured to."""

    def __init__(self, vectors_TD: Floats, lists: int) -> None:
        self._tracks, self.lists, self.probes, self.recall = len(vectors_TD), lists, lists, 1.0
        length_T = np.linalg.norm(vectors_TD, axis=1)
        lengthened_TE = _widened(vectors_TD)
        lengthened_TE[:, vectors_TD.shape[1]] = np.sqrt(length_T.max() ** 2 - length_T**2)
        self._faiss = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatL2(lengthened_TE.shape[1]),
            lengthened_TE.shape[1],
            lists,
            faiss.ScalarQuantizer.QT_fp16,
            faiss.METRIC_INNER_PRODUCT,  # within lists; they are chosen by the quantiser's distance
            False,  # of the vectors themselves, not of what is left of them beside the centroid
        )
        self._faiss.cp.spherical = False
        self._faiss.cp.max_points_per_centroid = TRAINED_ON
        self._faiss.cp.niter = ITERATIONS
        self._faiss.cp.seed = SEED
        self._faiss.train(lengthened_TE)
        self._faiss.add(lengthened_TE)

    @classmethod
    def fitted(cls, vectors_TD: Floats, queries_QD: Floats) -> Self | None:
        """Return an index with as few probes as find `WANTED_RECALL` of what the queries want.

        None where that takes so many probes that nothing is won.
        """
        index = cls(vectors_TD, int(np.sqrt(len(vectors_TD))))
        wanted_QK = np.argpartition(-(queries_QD @ vectors_TD.T), MEASURED_AT, axis=1)
        wanted_QK = wanted_QK[:, :MEASURED_AT]
        every = Open(np.ones(len(vectors_TD), np.bool_))
        index.probes = 1
        while index.probes <= MOST_LISTS_SEARCHED * index.lists:
            found = [index.best(query_D, every, MEASURED_AT) for query_D in queries_QD]
            hits = [len(np.intersect1d(*pair)) for pair in zip(found, wanted_QK, strict=True)]
            index.recall = float(np.mean(hits)) / MEASURED_AT
            if index.recall >= WANTED_RECALL:
                return index
            index.probes *= 2
        return None

    @property
    def bytes(self) -> int:
        """How much memory the vectors in the lists take."""
        return int(self._faiss.sa_code_size()) * self._tracks

    def best(self, query_D: Floats, there: Open, k: int) -> Integers:
        """Return about the best `k` open tracks for a query, best first; fewer where it finds less.

        Where part of the tracks is open, as many lists more are searched.
        """
        probes = min(self.lists, -(-self.probes * self._tracks // max(there.count, 1)))
        parts: Any = faiss  # whose own types know of none of the wrappers
        selector = parts.IDSelectorBitmap(there.bits)
        settings = parts.SearchParametersIVF(sel=selector, nprobe=probes)
        _, found = self._faiss.search(_widened(query_D[None]), k, params=settings)
        tracks_K: Integers = found[0]
        return tracks_K[tracks_K >= 0]


def best_unheard(
    vectors_TD: Floats, queries_BD: Floats, history_BT: sp.csr_array, k: int, ties: TieOrder
) -> Integers:
    """Return the best `k` tracks (B, k) of each listener that are not in the history.

    Every track is asked, by products that keep no score but the best. In the order of `top_k`;
    `EMPTY` where there are fewer.
    """
    best_Bk = np.full((len(queries_BD), k), EMPTY, np.int64)
    length_B = np.diff(history_BT.indptr)
    left = np.argsort(length_B, kind="stable")  # by length: who heard much must be asked for more
    for at_most in (RESERVOIR, len(vectors_TD)):
        later = [left[:0]]
        for some in np.split(left, range(QUERIES_AT_ONCE, len(left), QUERIES_AT_ONCE)):
            needed = min(k + int(length_B[some].max(initial=0)) + 2, len(vectors_TD))
            kept = needed if needed <= HEAP else max(RESERVOIR, min(needed, at_most))
            kept = min(kept, len(vectors_TD))
            with _products_by_blas():
                score_BK, track_BK = faiss.knn(
                    queries_BD[some], vectors_TD, kept, faiss.METRIC_INNER_PRODUCT
                )
            score_BK, track_BK = score_BK[:, :needed], track_BK[:, :needed]
            closed_BK = are_held(track_BK, history_BT[some]) | (track_BK == UNKNOWN)
            place_Bk = np.argsort(closed_BK, axis=1, kind="stable")[:, : k + 1]
            open_Bk = ~np.take_along_axis(closed_BK, place_Bk, 1)
            track_Bk = np.where(open_Bk, np.take_along_axis(track_BK, place_Bk, 1), EMPTY)
            best_Bk[some, : track_Bk.shape[1]] = track_Bk[:, :k]
            short_B = ~open_Bk.all(1) & (kept < needed)
            later.append(some[short_B])
            score_Bk = np.take_along_axis(score_BK, place_Bk, 1)
            for b in some[(score_Bk[:, 1:] == score_Bk[:, :-1]).any(1) & ~short_B]:
                scores_1T = (vectors_TD @ queries_BD[b])[None]
                mask_heard(scores_1T, history_BT[[b]])
                best_Bk[b] = top_k(scores_1T, k, ties)[0]
        left = np.concatenate(later)
    return best_Bk


@contextmanager
def _products_by_blas() -> Iterator[None]:
    """Let faiss multiply matrices for few queries too: six times as fast for some hundreds."""
    settings: Any = faiss.cvar
    before = settings.distance_compute_blas_threshold
    settings.distance_compute_blas_threshold = BY_BLAS
    try:
        yield
    finally:
        settings.distance_compute_blas_threshold = before


def _widened(vectors_ND: Floats) -> Floats:
    """Return vectors with a component more, and zeros up to a width that is quick to read."""
    count, width = vectors_ND.shape
    widened_NE = np.zeros((count, -(-(width + 1) // WIDTHS) * WIDTHS), np.float32)
    widened_NE[:, :width] = vectors_ND
    return widened_NE
