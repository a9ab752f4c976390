"""What is ranked: the best of the open tracks, wherever the scores stand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore.models.ranking import Integers, TieOrder
from encore.recommend.rules import Bounds, Rules, ScoreArray, rank
from encore.recommend.rules.catalogue import Mask

seeds = st.integers(0, 2**32 - 1)


@given(seed=seeds, k=st.integers(0, 90))
def test_the_best_of_the_open_tracks_stand_in_order(drawn: Callable, seed: int, k: int) -> None:
    asked, rng = drawn(seed), np.random.default_rng(seed)
    scores_T, ties = np.round(asked.scores / 4), asked.catalogue.ties
    scores = ScoreArray(scores_T, ties)
    open_T = scores.there() & (rng.random(len(scores_T)) < 0.7)
    tracks_K, scores_K = scores.best(open_T, k)
    place_T = ties.place_of_column
    expected = sorted(np.flatnonzero(open_T), key=lambda t: (-scores_T[t], place_T[t]))[:k]
    assert tracks_K.tolist() == expected
    assert scores_K.tolist() == scores_T[expected].tolist()


class Sparse:
    """Scores that stand in a dict, noting what they were asked."""

    def __init__(self, scores: dict[int, float], ties: TieOrder) -> None:
        self.scores, self.place_T = scores, ties.place_of_column
        self.asked: list[int] = []

    def there(self) -> Mask:
        there_T = np.zeros(len(self.place_T), np.bool_)
        there_T[[*self.scores]] = True
        return there_T

    def best(self, open_T: Mask, k: int) -> tuple[Integers, np.ndarray]:
        self.asked.append(k)
        open_ = [track for track in self.scores if open_T[track]]
        order = sorted(open_, key=lambda t: (-self.scores[t], self.place_T[t]))[:k]
        return np.array(order, np.int64), np.array([self.scores[t] for t in order])


@pytest.mark.parametrize(
    "rules",
    [
        Rules(explicit="exclude", per_artist=1, year=Bounds(min=1980), popularity_weight=0.5),
        Rules(discovery=0.5, diversity="mmr", genre_balance=0.5),
        Rules(heard="only", relisten_after_days=20),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_scores_need_not_be_an_array(drawn: Callable, rules: Rules, seed: int) -> None:
    asked = drawn(seed)
    values = {track: float(asked.scores[track]) for track in asked.candidates}
    sparse = Sparse(values, asked.catalogue.ties)
    got, expected = rank(sparse, 10, rules, asked.catalogue, asked.taste), asked.ranked(10, rules)
    assert got.tracks_n.tolist() == expected.tracks_n.tolist()
    assert got.adjusted_n.tolist() == expected.adjusted_n.tolist()
    assert (got.costs, got.dropped, got.bound) == (expected.costs, expected.dropped, expected.bound)
    assert got.prices == expected.prices


def test_prices_are_found_when_they_are_read(best_first: Callable) -> None:
    asked: Any = best_first(8, explicit_T=[1, 0, 0, 0, 0, 0, 0, 0])
    values = {track: float(asked.scores[track]) for track in asked.candidates}
    scores = Sparse(values, asked.catalogue.ties)
    rules = Rules(explicit="exclude", per_artist=1, lambda_div=0)
    got = rank(scores, 3, rules, asked.catalogue)
    assert len(scores.asked) == 1
    assert got.prices == {"explicit": 1.0, "per_artist": 0.0}
    assert len(scores.asked) == 4  # without rules, and under either alone
    assert got.prices is got.prices
    assert len(scores.asked) == 4
