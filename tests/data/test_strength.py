"""Interaction strengths, by hand and beside another library's."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from implicit.nearest_neighbours import bm25_weight

from encore.config import PlayWeights
from encore.data.strength import STRENGTHS, Corpus, bm25, halved, tfidf

# ann plays track 1 three times and track 2 once, bob track 2 eight times and skips track 1.
USER, TRACK = np.array([0, 0, 1, 1]), np.array([1, 2, 2, 1])
PLAYS = np.array([3.0, 1.0, 8.0, 0.0], np.float32)
CORPUS = Corpus.of(USER, TRACK, PLAYS, tracks=4)

pairs = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 7), st.integers(0, 400)),
    min_size=1,
    max_size=40,
    unique_by=lambda row: row[:2],
)


def rows(found):
    user, track, plays = np.array(found).T
    return user, track, plays.astype(np.float32)


def test_the_corpus_counts_who_plays_and_not_who_skips():
    assert CORPUS.listeners == 2
    assert CORPUS.listeners_T.tolist() == [0, 1, 2, 0]
    assert CORPUS.mean_plays == 6.0


def test_strengths_by_hand():
    by_name = {name: weigh(USER, TRACK, PLAYS, CORPUS) for name, weigh in STRENGTHS.items()}
    log_plays = np.log([4, 2, 9, 1])
    rarity = np.log([3, 2, 2, 3])  # 1 + 2 / 1 and 1 + 2 / 2
    saturated = [3 / (3 + 1.2 * (0.25 + 0.75 * 4 / 6)), 1 / (1 + 1.2 * (0.25 + 0.75 * 4 / 6))]
    saturated += [8 / (8 + 1.2 * (0.25 + 0.75 * 8 / 6)), 0]
    rarity_bm25 = np.log([1 + 1.5 / 1.5, 1 + 0.5 / 2.5, 1 + 0.5 / 2.5, 1 + 1.5 / 1.5])
    assert by_name["played"].tolist() == [1, 1, 1, 0]
    assert by_name["log1p"] == pytest.approx(log_plays)
    assert by_name["tfidf"] == pytest.approx(log_plays * rarity)
    assert by_name["bm25"] == pytest.approx(np.array(saturated) * rarity_bm25)


def test_the_setting_knows_every_strength():
    assert set(get_args(PlayWeights)) == {"auto", *STRENGTHS}


@given(pairs)
def test_but_for_rarity_bm25_is_that_of_implicit(found):
    user, track, plays = rows([row for row in found if row[2]] or [(0, 1, 1)])
    corpus = Corpus.of(user, track, plays, tracks=8)
    corpus = replace(corpus, mean_plays=float(plays.sum()) / 6)  # all rows of its matrix
    mine = bm25(user, track, plays, corpus, k1=20, b=0.5)
    theirs = bm25_weight(sp.coo_matrix((plays, (user, track)), shape=(6, 8)), K1=20, B=0.5)
    heard = corpus.listeners_T[track]
    rarity = np.log1p((corpus.listeners - heard + 0.5) / (heard + 0.5))
    its_rarity = np.log(6) - np.log1p(heard)
    assert mine / rarity * (20 + 1) * its_rarity == pytest.approx(theirs.data, abs=1e-5)


@given(pairs)
def test_weights_are_finite_and_only_a_skipped_pair_has_none(found):
    user, track, plays = rows(found)
    corpus = Corpus.of(user, track, plays, tracks=8)
    for weigh in STRENGTHS.values():
        weights = weigh(user, track, plays, corpus)
        assert np.isfinite(weights).all()
        assert ((weights > 0) == (plays > 0)).all()


@given(st.integers(1, 50), st.integers(1, 50))
def test_the_rarer_track_weighs_more(few, more):
    few, more = sorted((few, few + more))
    corpus = Corpus(200, np.array([0, few, more]), 10.0)
    user, track, plays = np.array([0, 0]), np.array([1, 2]), np.array([4.0, 4.0])
    for weights in (tfidf(track, plays, corpus), bm25(user, track, plays, corpus)):
        assert weights[0] > weights[1]


def test_a_track_that_nobody_has_played_is_served():
    history = np.array([0]), np.array([3]), np.array([2.0])
    assert all(weigh(*history, CORPUS)[0] > 0 for weigh in STRENGTHS.values())


@given(st.floats(0.1, 1e4), st.floats(0, 1e4))
def test_a_half_life_halves(half_life, age):
    left = halved(np.array([age, age + half_life]), half_life)
    assert left[1] == pytest.approx(left[0] / 2)
