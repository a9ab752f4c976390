"""encore's figures beside those of libraries that others wrote, on random data, to 1e-6.

U listeners, K slots, T tracks; row 0 is the unknown. Lists have empty slots (-1) and no ties. Where
a library defines a figure in another way, the conversion stands at the comparison, and the
difference in docs/metrics.md.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.metrics.pairwise import cosine_distances

from encore import metrics
from encore.metrics.arrays import Bools, Floats, Ints

U, T = 40, 60
CUTS = (1, 5, 10, 20)
SHORT, LONG = 12, 20

RANX = {"average_precision": "map", "reciprocal_rank": "mrr"}
TREC = {"ndcg": "ndcg_cut", "precision": "P", "average_precision": "map_cut", "hit_rate": "success"}

every_seed = pytest.mark.parametrize("seed", range(3))


def lists(rng: np.random.Generator, slots: int = LONG) -> Ints:
    """Lists of distinct tracks, one slot in eight empty."""
    tracks_UK = rng.permuted(np.tile(np.arange(1, T + 1), (U, 1)), axis=1)[:, :slots]
    return np.where(rng.random((U, slots)) < 1 / 8, -1, tracks_UK)


class Board(NamedTuple):
    """Lists as libraries know them: an empty slot is a document of no relevance."""

    documents_UK: Ints
    held_out_UT: Bools


def board(seed: int, slots: int) -> Board:
    """Lists of listeners with no held-out track, one, a few, and more than any cut."""
    rng = np.random.default_rng(seed)
    tracks_UK = lists(rng, slots)
    relevant_U1 = np.resize([0, 1, 4, 15, 45], U)[:, None]
    held_out_UT = rng.permuted(np.arange(T) < relevant_U1, axis=1)
    documents_UK = np.where(tracks_UK > 0, tracks_UK, T + 1 + np.arange(slots))
    return Board(documents_UK, np.pad(held_out_UT, ((0, 0), (1, LONG))))


Trec = dict[str, dict[str, float]]


def as_trec(board: Board) -> tuple[Trec, Trec]:
    """Return relevance and score of the documents of each listener, by name."""
    held_out = {
        # A listener without a judged document would be left out; one of no relevance is harmless.
        str(u): {str(t): 1 for t in np.flatnonzero(held_out_T)} or {"0": 0}
        for u, held_out_T in enumerate(board.held_out_UT)
    }
    listed = {
        str(u): {str(t): -float(slot) for slot, t in enumerate(documents_K)}
        for u, documents_K in enumerate(board.documents_UK)
    }
    return held_out, listed


def by_trec_eval(board: Board, name: str, k: int) -> Floats:
    trec = pytest.importorskip("pytrec_eval")
    # Its reciprocal rank knows no cut: the lists are cut instead.
    measure = "recip_rank" if name == "reciprocal_rank" else f"{TREC.get(name, name)}.{k}"
    held_out, listed = as_trec(board._replace(documents_UK=board.documents_UK[:, :k]))
    found = trec.RelevanceEvaluator(held_out, {measure}).evaluate(listed)
    return np.array([found[u][measure.replace(".", "_")] for u in held_out])


def by_ranx(board: Board, name: str, k: int) -> Floats:
    ranx = pytest.importorskip("ranx")
    measure = f"{RANX.get(name, name)}@{k}"
    # Asked for one measure alone, ranx 0.3.21 looks its values up without the cut, and fails.
    return ranx.evaluate(*as_trec(board), [measure, "hits"], return_mean=False)[measure]


def by_torchmetrics(board: Board, name: str, k: int) -> Floats:
    retrieval = pytest.importorskip("torchmetrics.functional.retrieval")
    theirs = getattr(retrieval, f"retrieval_{'normalized_dcg' if name == 'ndcg' else name}")
    slots = board.documents_UK.shape[1]
    # Scores of the whole catalogue; what fills a short list up stands above what was not listed.
    scores_UT = np.pad(np.zeros((U, T + 1)), ((0, 0), (0, LONG)), constant_values=0.5)
    np.put_along_axis(scores_UT, board.documents_UK, np.arange(slots, 0.0, -1)[None], axis=1)
    scores_UT, held_out_UT = torch.from_numpy(scores_UT), torch.from_numpy(board.held_out_UT)
    pairs = list(zip(scores_UT, held_out_UT, strict=True))
    values_U = np.array([float(theirs(*pair, top_k=k)) for pair in pairs])
    if name == "average_precision":
        # torchmetrics divides by the hits that the cut holds, encore by all that is held out.
        values_U *= [float(retrieval.retrieval_recall(*pair, top_k=k)) for pair in pairs]
    return values_U


@every_seed
@pytest.mark.parametrize("slots", [SHORT, LONG])
@pytest.mark.parametrize("k", CUTS)
@pytest.mark.parametrize(
    "name", ["ndcg", "recall", "precision", "average_precision", "reciprocal_rank", "hit_rate"]
)
@pytest.mark.parametrize("library", [by_trec_eval, by_ranx, by_torchmetrics])
@pytest.mark.filterwarnings("ignore:unsafe cast from uint64")  # ranx, when numba compiles it
def test_ranking(
    library: Callable[[Board, str, int], Floats], name: str, k: int, slots: int, seed: int
) -> None:
    found = board(seed, slots)
    documents_UK, held_out_UT = found
    hits_UK = np.take_along_axis(held_out_UT, documents_UK, axis=1)
    relevant_U = np.count_nonzero(held_out_UT, axis=1)
    theirs_U = library(found, name, k)
    if name == "recall":
        # Libraries divide by all that is held out, encore by as much of it as k slots can hold.
        theirs_U *= np.maximum(relevant_U / k, 1)
    # A listener without held-out tracks scores 0 in libraries, and has no value in encore.
    assert not theirs_U[relevant_U == 0].any()
    theirs_U[relevant_U == 0] = math.nan
    ours_U = getattr(metrics, f"{name}_at_k")(hits_UK, relevant_U, k)
    np.testing.assert_allclose(ours_U, theirs_U, rtol=0, atol=1e-6)


@every_seed
@pytest.mark.parametrize("scale", [np.asarray, np.log1p])
@pytest.mark.parametrize(
    ("name", "theirs"),
    [("rmse", root_mean_squared_error), ("mae", mean_absolute_error), ("r2", r2_score)],
)
def test_plays(
    name: str, theirs: Callable[..., float], scale: Callable[[Floats], Floats], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    plays_N = rng.geometric(0.02, 500)
    targets_N, predictions_N = scale(plays_N), scale(plays_N * rng.lognormal(0, 1, 500))
    ours = getattr(metrics, name)(predictions_N, targets_N)
    assert ours == pytest.approx(theirs(targets_N, predictions_N), rel=0, abs=1e-6)


@every_seed
def test_calibration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    genres = 8
    genres_TG = rng.permuted(np.tile(np.arange(1, genres + 1), (T + 1, 1)), axis=1)[:, :3]
    genres_TG *= rng.random(genres_TG.shape) < 2 / 3
    shares_TG = np.zeros((T + 1, genres + 1))
    np.put_along_axis(shares_TG, genres_TG, 1, axis=1)
    shares_TG = shares_TG[:, 1:] / np.maximum(shares_TG[:, 1:].sum(axis=1, keepdims=True), 1)
    shares_TG[0] = 0

    tracks_UK = lists(rng)
    plays_UT = rng.poisson(1.0, (U, T + 1))
    user_N, track_N = np.nonzero(plays_UT)
    ours_U = metrics.calibration(
        tracks_UK, genres_TG, genres, user_N, track_N, plays_UT[user_N, track_N].astype(float)
    )
    listed_UG = shares_TG[np.maximum(tracks_UK, 0)].sum(axis=1)
    distance_U = jensenshannon(plays_UT @ shares_TG, listed_UG, base=2, axis=1)
    # scipy answers with the distance: the square root of the divergence.
    np.testing.assert_allclose(ours_U, distance_U**2, rtol=0, atol=1e-6)


@every_seed
def test_gini(seed: int) -> None:
    tracks_UK = lists(np.random.default_rng(seed), slots=3)
    listed_T = np.bincount(tracks_UK[tracks_UK > 0], minlength=T + 1)[1:]
    difference = np.abs(np.subtract.outer(listed_T, listed_T)).mean()
    # Half the relative mean difference reaches 1 - 1/T, encore's figure 1.
    theirs = difference / (2 * listed_T.mean()) / (1 - 1 / T)
    assert metrics.gini(tracks_UK, T) == pytest.approx(theirs, abs=1e-6)


@every_seed
def test_intra_list_diversity(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tracks_UK, vectors_TD = lists(rng), rng.normal(size=(T + 1, 16))
    theirs_U = []
    for tracks_K in tracks_UK:
        distances = cosine_distances(vectors_TD[tracks_K[tracks_K > 0]])
        theirs_U.append(distances[np.triu_indices_from(distances, 1)].mean())
    ours_U = metrics.intra_list_diversity(tracks_UK, vectors_TD)
    np.testing.assert_allclose(ours_U, theirs_U, rtol=0, atol=1e-6)


@every_seed
def test_novelty(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tracks_UK, heard_T = lists(rng), rng.integers(0, 8, T + 1) ** 3
    theirs_U = []
    for tracks_K in tracks_UK.tolist():
        bits = [-math.log2(max(heard_T[t], 1) / 500) for t in tracks_K if t > 0]
        theirs_U.append(sum(bits) / len(bits))
    ours_U = metrics.novelty(tracks_UK, heard_T, listeners=500)
    np.testing.assert_allclose(ours_U, theirs_U, rtol=0, atol=1e-6)
