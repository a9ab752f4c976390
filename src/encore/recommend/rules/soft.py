"""Soft rules: what changes a candidate's standardised score. A small term each, and their list.

    adjusted = z(score) + sum over the active rules of  weight x term

A term is a quantity of each candidate in the light of those chosen so far.

Shapes: K candidates, W genres kept of a track, D dimensions.
"""

from collections.abc import Callable
from functools import cache
from typing import Protocol

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from encore.recommend.calibration import GenreDrift
from encore.recommend.diversity import Doubles, MeanSimilarity, NearestSimilarity, SummedSimilarity
from encore.recommend.rules.catalogue import Catalogue, Pool
from encore.recommend.rules.settings import Rules
from encore.schema import ACOUSTIC

#: What content and co-listening weigh; of 1/2, 2/3 and 4/5 two thirds were best (docs/log.md).
WEIGHTS = {"both": (2 / 3, 1 / 3), "content": (1.0, 0.0), "listening": (0.0, 1.0)}
TINY = 1e-12  # where nothing is known of one of two tracks their similarity is 0


class Term(Protocol):
    """A quantity of each candidate, kept up to date while a list is chosen."""

    def value(self) -> Doubles:
        """Return it (K,)."""
        ...

    def choose(self, k: int) -> None:
        """Let candidate k take a slot."""
        ...


def popularity(rules: Rules, pool: Pool) -> Doubles | None:
    """Weigh standardised log popularity."""
    if not rules.popularity_weight:
        return None
    popularity_K = pool.catalogue.popularity_T[pool.tracks_K].astype(np.float64)
    return rules.popularity_weight * standardised(popularity_K)


def targets(rules: Rules, pool: Pool) -> Doubles | None:
    """Weigh the distance from the targets, in standard deviations of each feature."""
    if not rules.targets or not rules.target_weight:
        return None
    far = [_far(ACOUSTIC.index(name), pool, target) for name, target in rules.targets.items()]
    return -rules.target_weight * np.asarray(np.mean(far, axis=0), np.float64)


def lambda_div(rules: Rules, pool: Pool) -> tuple[float, Term] | None:
    """Weigh the resemblance to the tracks chosen so far."""
    if not rules.lambda_div:
        return None
    size = len(pool.tracks_K)
    similar_to = similarity(pool.catalogue, pool.tracks_K, rules.similarity)
    if rules.diversity == "mean":
        return -rules.lambda_div, MeanSimilarity(size, similar_to)
    if rules.diversity == "mmr":
        return -rules.lambda_div, NearestSimilarity(size, similar_to)
    # By the root of n lists of any length gain alike (docs/recommending.md).
    return -rules.lambda_div / np.sqrt(max(pool.n, 1)), SummedSimilarity(size, similar_to)


def genre_balance(rules: Rules, pool: Pool) -> tuple[float, Term] | None:
    """Weigh the increase of the list's genre divergence."""
    shares = shares_asked(rules, pool.catalogue)
    if shares is None:
        shares = pool.taste.genre_shares
    if not rules.genre_balance or shares is None or not shares[1:].any():
        return None
    genres_KW = pool.catalogue.genres_TG[pool.tracks_K]
    return -rules.genre_balance, GenreDrift(genres_KW, pool.catalogue.padding, shares)


#: Rules by name whose terms stay: each gives weight x term (K,), or None where it is off.
FIXED: dict[str, Callable[[Rules, Pool], Doubles | None]] = {
    "popularity_weight": popularity,
    "targets": targets,
}
#: Rules by name whose terms follow the choice: each gives weight and term, or None.
MOVING: dict[str, Callable[[Rules, Pool], tuple[float, Term] | None]] = {
    "lambda_div": lambda_div,
    "genre_balance": genre_balance,
}
SOFT = (*FIXED, *MOVING)


def similarity(
    catalogue: Catalogue, tracks_K: npt.NDArray[np.int64], by: str
) -> Callable[[int], Doubles]:
    """Return the function from a candidate to its similarity with each (K,).

    Where one of two tracks lacks content or co-listening, the other speaks alone; where both are
    lacking the similarity is 0.
    """
    content_KC = _rows(catalogue.content_TC, tracks_K)
    together_KD = catalogue.together_TD.take(tracks_K, 0)
    described_K, played_K = np.diff(content_KC.indptr) > 0, (together_KD != 0).any(1)
    of_content, of_together = WEIGHTS[by]
    row_C = np.zeros(content_KC.shape[1], np.float32)

    @cache
    def scale_K(described: bool, played: bool) -> Doubles:
        """Return 1 / the weight of what is known both of such a candidate and of each other."""
        known_K = of_content * described * described_K + of_together * played * played_K
        return np.asarray(1 / np.maximum(known_K, TINY), np.float64)

    def similar_to(k: int) -> Doubles:
        own = slice(content_KC.indptr[k], content_KC.indptr[k + 1])
        row_C[content_KC.indices[own]] = content_KC.data[own]
        alike_K = of_content * (content_KC @ row_C) + of_together * (together_KD @ together_KD[k])
        row_C[content_KC.indices[own]] = 0
        similar_K: Doubles = alike_K * scale_K(bool(described_K[k]), bool(played_K[k]))
        return similar_K

    return similar_to


def _rows(matrix: sp.csr_array, rows: npt.NDArray[np.integer]) -> sp.csr_array:
    """Return `matrix[rows]`, for which scipy takes twice as long."""
    start, stop = matrix.indptr[rows], matrix.indptr[rows + 1]
    indptr = np.concatenate([[0], np.cumsum(stop - start)])
    place = np.arange(indptr[-1]) + np.repeat(stop - indptr[1:], stop - start)
    return sp.csr_array(
        (matrix.data[place], matrix.indices[place], indptr), shape=(len(rows), matrix.shape[1])
    )


def shares_asked(rules: Rules, catalogue: Catalogue) -> Doubles | None:
    """Return the genre shares (G,) that the rules ask for; None where they ask for none."""
    shares = np.zeros(catalogue.padding)
    for name, share in rules.genre_shares.items():
        shares[catalogue.names.of_genres((name,)).indices] += share
    return shares / shares.sum() if shares.any() else None


def standardised(values_K: Doubles) -> Doubles:
    """Return (x - mean) / standard deviation, all 0 where the values do not differ."""
    if not values_K.size:
        return values_K
    apart_K = values_K - np.add.reduce(values_K) / values_K.size
    deviation = np.sqrt(apart_K @ apart_K / values_K.size)
    if deviation <= 1e-12 * np.abs(values_K).max():  # equal but for rounding
        return np.zeros_like(values_K)
    return np.asarray(apart_K / deviation, np.float64)


def _far(feature: int, pool: Pool, target: float) -> Doubles:
    """Return each candidate's distance in the catalogue's deviations; unknown is the farthest."""
    deviation = pool.catalogue.acoustic_deviation_F[feature]
    values_K = pool.catalogue.acoustics_TF[pool.tracks_K, feature]
    distance_K = np.abs(values_K.astype(np.float64) - target)
    there_K = ~np.isnan(distance_K)
    farthest = distance_K[there_K].max(initial=0.0)
    far_K: Doubles = np.where(there_K, distance_K, farthest)
    return far_K if np.isnan(deviation) else np.asarray(far_K / deviation, np.float64)
