"""Every form of a row tells what the scores themselves tell, in the order of `top_k`."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from encore.models import rows
from encore.models.index import Index, Open, best_unheard
from encore.models.ranking import EMPTY, Floats, TieOrder, deviations, mask_heard, top_k
from encore.models.rows import Inner, Row, Same, Sparse, Vectors, Whole

TRACKS = 120
TIES = TieOrder.of(np.random.default_rng(5).integers(0, 9, TRACKS))


def forms(seed: int) -> dict[str, tuple[Row, Floats]]:
    """Return a row of each form, and its scores."""
    rng = np.random.default_rng(seed)
    rounded = rng.integers(-3, 4, TRACKS).astype(np.float32)  # many are equal
    rows_RT = sp.random_array((6, TRACKS), density=0.1, rng=rng, dtype=np.float32).tocsr()
    weights_1R = sp.csr_array(rng.normal(size=(1, 6)).astype(np.float32))
    summed = (weights_1R @ rows_RT).toarray()[0]
    vectors, query = rng.normal(size=(TRACKS, 5)).astype(np.float32), np.ones(5, np.float32)
    return {
        "whole": (Whole(rounded), rounded),
        "same": (Same(rounded), rounded),
        "sparse": (Sparse.of(weights_1R, rows_RT), summed),
        "inner": (Inner(query, Vectors(vectors)), vectors @ query),
    }


@pytest.mark.parametrize("form", ["whole", "same", "sparse", "inner"])
@given(seed=st.integers(0, 50), k=st.integers(0, 130), share=st.sampled_from([0.02, 0.3, 1.0]))
def test_the_best_open_tracks(form: str, seed: int, k: int, share: float) -> None:
    row, scores_T = forms(seed)[form]
    mask_T = np.random.default_rng(seed).random(TRACKS) < share
    wanted = top_k(np.where(mask_T, row.whole_T, -np.inf)[None].astype(np.float32), k, TIES)[0]
    assert row.best(Open(mask_T), k, TIES).tolist() == wanted[wanted != EMPTY].tolist()
    assert row.whole_T == pytest.approx(scores_T, abs=1e-5)


@pytest.mark.parametrize("form", ["whole", "same", "sparse", "inner"])
def test_mean_deviation_and_scores_of_some(form: str) -> None:
    row, scores_T = forms(3)[form]
    some = np.array([0, 7, 7, 119])
    assert row.mean == pytest.approx(scores_T[1:].mean(), abs=1e-6)
    assert row.deviation == pytest.approx(deviations(scores_T[None])[0], rel=1e-5)
    assert row.at(some) == pytest.approx(scores_T[some], abs=1e-5)
    expected = (scores_T[some] - scores_T[1:].mean()) / scores_T[1:].std()
    assert row.standardised(some) == pytest.approx(expected, abs=1e-4)


def test_equal_scores_have_no_deviation_and_stand_at_0() -> None:
    for row in (
        Whole(np.full(9, 0.1, np.float32)),
        Inner(np.zeros(2, np.float32), Vectors(np.ones((9, 2), np.float32))),
    ):
        assert row.deviation == 0
        assert row.standardised(np.arange(9)).tolist() == [0] * 9


# An index


def clustered(tracks: int, seed: int = 0) -> tuple[Floats, Floats]:
    """Return vectors of unlike length around some centres, and listeners near these."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(40, 16))
    near = centres[rng.integers(0, 40, tracks)] + 0.3 * rng.normal(size=(tracks, 16))
    long = near * rng.lognormal(0, 0.5, size=(tracks, 1))
    asked = centres[rng.integers(0, 40, 120)] + 0.3 * rng.normal(size=(120, 16))
    return long.astype(np.float32), asked.astype(np.float32)


def recall(index: Index, vectors: Floats, queries: Floats, there: Open, k: int) -> float:
    found = []
    for query in queries:
        scores = np.where(there.mask_T, vectors @ query, -np.inf)
        best = index.best(query, there, k)
        assert there.mask_T[best].all()
        found.append(len(np.intersect1d(best, np.argsort(-scores)[:k])) / k)
    return float(np.mean(found))


def test_an_index_finds_what_it_promised_for_listeners_it_was_not_fitted_to() -> None:
    vectors, queries = clustered(6000)
    index = Index.fitted(vectors, queries[:60])
    assert index is not None
    assert index.probes < index.lists / 2
    every = Open(np.ones(len(vectors), np.bool_))
    assert index.recall >= 0.97
    assert recall(index, vectors, queries[60:], every, 100) > 0.95


def test_a_tenth_of_the_tracks_is_searched_as_well() -> None:
    vectors, queries = clustered(6000)
    index = Index.fitted(vectors, queries[:60])
    assert index is not None
    tenth = Open(np.random.default_rng(1).random(len(vectors)) < 0.1)
    assert recall(index, vectors, queries[60:80], tenth, 50) > 0.95


def test_there_is_no_index_where_it_would_search_nearly_everything() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(3000, 64)).astype(np.float32)  # near nothing
    assert Index.fitted(vectors, rng.normal(size=(30, 64)).astype(np.float32)) is None


def test_a_row_with_an_index_scores_few_open_tracks_itself() -> None:
    vectors, queries = clustered(4000)
    table = Vectors(vectors)
    table.index = Index(vectors, 20)
    row, plain = table.row(queries[0]), Vectors(vectors).row(queries[0])
    assert row.indexed
    assert not plain.indexed
    ties = TieOrder.of(np.zeros(len(vectors), int))
    few = Open(np.arange(len(vectors)) % round(1 / rows.FEW) == 0)
    assert row.best(few, 30, ties).tolist() == plain.best(few, 30, ties).tolist()
    assert row.at(few.mask_T.nonzero()[0]) == pytest.approx(plain.at(few.mask_T.nonzero()[0]))


@given(seed=st.integers(0, 20), k=st.integers(1, 40), tracks=st.sampled_from([12, 60, 500]))
def test_the_best_unheard_of_many_listeners(seed: int, k: int, tracks: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.integers(-9, 10, (tracks, 3)).astype(np.float32)  # many products are equal
    queries = rng.integers(-9, 10, (30, 3)).astype(np.float32)
    # Some have heard most of what they would be listed, and must be asked for more than 100.
    heard = (rng.random((30, tracks)) < rng.random((30, 1))) & ((queries @ vectors.T) > -20)
    history = sp.csr_array(heard.astype(np.float32))
    ties = TieOrder.of(rng.integers(0, 5, tracks))
    scores = queries @ vectors.T
    mask_heard(scores, history)
    found = best_unheard(vectors, queries, history, k, ties)
    assert found.tolist() == top_k(scores, k, ties).tolist()
