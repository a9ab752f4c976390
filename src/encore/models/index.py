"""An index over track vectors: the tracks of highest inner product, without asking every track.

Vectors are parted into lists around centroids (k-means), and the lists nearest to a query are
searched (Jégou, Douze & Schmid, "Product Quantization for Nearest Neighbor Search", PAMI 2011,
section IV, its inverted file, without the quantiser), by `faiss`. How many lists that takes is
measured, on queries of the kind that will come.

Legend: T tracks, D dimensions, Q queries, L lists.
"""

from dataclasses import dataclass
from typing import Any, Self

import faiss
import numpy as np
import numpy.typing as npt

from encore.models.ranking import Floats, Integers

WANTED_RECALL = 0.97  # of the best `MEASURED_AT`, on the queries that the index is fitted to
MEASURED_AT = 100
MOST_LISTS_SEARCHED = 1 / 4  # of all; where more are needed, all tracks are asked
TRAINED_ON = 64  # vectors a list, that its centroid is found from
ITERATIONS = 10  # of k-means
SEED = 1234


@dataclass(frozen=True)
class Open:
    """Which tracks may be listed: as a mask (T,), as bits for the index, and how many they are."""

    mask_T: npt.NDArray[np.bool_]
    bits: npt.NDArray[np.uint8]
    count: int

    @classmethod
    def of(cls, mask_T: npt.NDArray[np.bool_]) -> Self:
        """Return the tracks of a mask."""
        bits = np.packbits(mask_T, bitorder="little")
        return cls(mask_T, bits, int(np.count_nonzero(mask_T)))


class Index:
    """Lists of vectors, `probes` of which are searched; `recall` is what that was measured to."""

    def __init__(self, vectors_TD: Floats, lists: int) -> None:
        tracks, width = vectors_TD.shape
        self._tracks, self.lists, self.probes, self.recall = tracks, lists, lists, 1.0
        self._faiss = faiss.IndexIVFFlat(
            faiss.IndexFlatIP(width), width, lists, faiss.METRIC_INNER_PRODUCT
        )
        self._faiss.cp.max_points_per_centroid = TRAINED_ON
        self._faiss.cp.niter = ITERATIONS
        self._faiss.cp.seed = SEED
        self._faiss.train(vectors_TD)
        self._faiss.add(vectors_TD)

    @classmethod
    def fitted(cls, vectors_TD: Floats, queries_QD: Floats) -> Self | None:
        """Return an index with as few probes as find `WANTED_RECALL` of what the queries want.

        None where that takes so many probes that nothing is won.
        """
        index = cls(np.ascontiguousarray(vectors_TD), int(np.sqrt(len(vectors_TD)) * 2))
        wanted_QK = np.argpartition(-(queries_QD @ vectors_TD.T), MEASURED_AT, axis=1)
        wanted_QK = wanted_QK[:, :MEASURED_AT]
        every = Open.of(np.ones(len(vectors_TD), np.bool_))
        index.probes = 1
        while index.probes <= MOST_LISTS_SEARCHED * index.lists:
            found = [index.best(query_D, every, MEASURED_AT) for query_D in queries_QD]
            hits = [len(np.intersect1d(*pair)) for pair in zip(found, wanted_QK, strict=True)]
            index.recall = float(np.mean(hits)) / MEASURED_AT
            if index.recall >= WANTED_RECALL:
                return index
            index.probes *= 2
        return None

    def best(self, query_D: Floats, there: Open, k: int) -> Integers:
        """Return about the best `k` open tracks for a query, best first; fewer where it finds less.

        Where few tracks are open, as many lists more are searched.
        """
        probes = min(self.lists, -(-self.probes * self._tracks // max(there.count, 1)))
        selector = faiss.IDSelectorBitmap(there.bits)
        settings: Any = faiss.SearchParametersIVF(sel=selector, nprobe=probes)
        _, found = self._faiss.search(query_D[None], k, params=settings)
        tracks_K: Integers = found[0]
        return tracks_K[tracks_K >= 0]
