"""The ranker is given channels that are right for some listeners only, and must tell them apart."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from encore.errors import IntegrityError
from encore.metrics import ndcg_at_k
from encore.models.inputs import Audience
from encore.models.ranker import DEPTH, Candidates, Ranker, Sample
from encore.models.ranking import Floats, TieOrder, are_held, top_k
from encore.models.rows import Whole

LISTENERS, TRACKS, HELD = 400, 80, 4
HEARD_T = np.arange(TRACKS + 1) <= TRACKS - 5  # the last five were never played
TIES = TieOrder.of(np.arange(TRACKS + 1)[::-1])


def case(seed: int = 0) -> tuple[dict[str, Floats], Audience, sp.csr_array]:
    """Who has friends is served by "social", everybody else by "sound"; each is noise otherwise."""
    rng = np.random.default_rng(seed)
    held = np.zeros((LISTENERS, TRACKS + 1), np.float32)
    for row in held:
        row[rng.choice(np.flatnonzero(HEARD_T)[1:], HELD, replace=False)] = 1
    social = np.arange(LISTENERS) % 2 == 0
    noise = rng.normal(size=(2, *held.shape))
    raw = {
        "popularity": np.tile(np.linspace(9, 1, TRACKS + 1), (LISTENERS, 1)),
        "social": noise[0] + 3 * held * social[:, None],
        "sound": noise[1] + 3 * held * ~social[:, None],
    }
    friends = sp.csr_array(np.where(social[:, None], 1.0, 0.0) * np.ones((1, 3)))
    history = (rng.random(held.shape) < 0.1) * (1 - held)
    history[:, 0] = 0
    audience = Audience(sp.csr_array(history), np.zeros(LISTENERS, np.int32), friends)
    return {n: v.astype(np.float32) for n, v in raw.items()}, audience, sp.csr_array(held)


def found(raw: dict[str, Floats], audience: Audience) -> list[Candidates]:
    """Return the candidates of each listener."""
    return [
        Candidates.of(
            {name: Whole(scores_BT[b]) for name, scores_BT in raw.items()},
            audience.at(slice(b, b + 1)),
            HEARD_T,
            TIES,
        )
        for b in range(len(audience))
    ]


def reordered(ranker: Ranker, blend_BT: Floats, candidates: list[Candidates]) -> Floats:
    """Return the blend's scores with those of the candidates dealt anew."""
    ranked_BT = blend_BT.copy()
    for ranked_T, own in zip(ranked_BT, candidates, strict=True):
        ranked_T[own.column_K] += ranker.correction(ranked_T[own.column_K], own, TIES)
    return ranked_BT


def learned(seed: int = 0) -> Ranker:
    raw, audience, held = case(seed)
    samples = [Sample.of(own, held[[b]].indices) for b, own in enumerate(found(raw, audience))]
    return Ranker.fit([*raw], [sample for sample in samples if sample], seed=1)


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    return learned()


def quality(scores_BT: Floats, audience: Audience, held: sp.csr_array) -> float:
    open_BT = np.where(audience.history_BT.toarray() > 0, -np.inf, scores_BT)
    open_BT[:, 0] = -np.inf
    hits = are_held(top_k(open_BT.astype(np.float32), 10, TIES), held)
    return float(np.nanmean(ndcg_at_k(hits, np.full(LISTENERS, HELD), 10)))


def test_it_learns_whom_to_trust_for_whom(ranker: Ranker) -> None:
    raw, audience, held = case(seed=7)
    blend = raw["social"] + raw["sound"]  # the best that one weight for all can do
    ranked = reordered(ranker, blend, found(raw, audience))
    assert quality(ranked, audience, held) > 1.1 * quality(blend, audience, held)


def test_it_deals_the_scores_of_the_candidates_anew_and_touches_no_others(ranker: Ranker) -> None:
    raw, audience, _ = case(seed=7)
    candidates = found(raw, audience)
    blend = raw["social"] + raw["sound"]
    ranked = reordered(ranker, blend, candidates)
    for row in range(0, LISTENERS, 37):
        own, trees = candidates[row].column_K, ranker.scores(candidates[row])
        others = np.setdiff1d(np.arange(TRACKS + 1), own)
        assert np.array_equal(ranked[row, others], blend[row, others])
        assert np.sort(ranked[row, own]) == pytest.approx(np.sort(blend[row, own]), abs=1e-5)
        assert (np.diff(ranked[row, own[np.argsort(-trees, kind="stable")]]) <= 1e-5).all()


def test_candidates_are_unheard_by_the_listener_and_known_by_plays() -> None:
    raw, audience, _ = case()
    candidates, history = found(raw, audience), audience.history_BT.toarray()
    for row in range(0, LISTENERS, 41):
        own = candidates[row].column_K
        assert len(own) == len(set(own))
        assert not history[row, own].any()
        assert HEARD_T[own].all()


def test_what_the_trees_see_of_a_candidate() -> None:
    raw, audience, _ = case()
    row, slot = 3, 5
    own = found(raw, audience)[row]
    track = int(own.column_K[slot])
    history = np.flatnonzero(audience.history_BT.toarray()[row])
    names, features = [*raw], own.features_KF[slot]
    for at, name in enumerate(names):
        scores = raw[name][row].astype(np.float64)
        known = scores[1:]
        assert features[at] == pytest.approx((scores[track] - known.mean()) / known.std(), abs=1e-4)
        open_ = np.setdiff1d(np.flatnonzero(HEARD_T)[1:], history)
        better = (scores[open_] > scores[track]).sum()
        assert features[len(names) + at] == min(better, DEPTH)
    popular = np.log1p(raw["popularity"][row])
    mainstream = popular[history].mean()
    expected = [popular[track], popular[track] - mainstream, mainstream, np.log1p(len(history)), 0]
    assert features[2 * len(names) :] == pytest.approx(expected, abs=1e-4)


def test_a_sample_says_which_candidates_are_held_out_and_is_none_where_none_is() -> None:
    raw, audience, held = case()
    for row, own in enumerate(found(raw, audience)[:30]):
        assert Sample.of(own, np.array([TRACKS])) is None  # never played: no candidate
        sample = Sample.of(own, held[[row]].indices)
        assert sample is not None
        assert set(own.column_K[sample.held_N]) == set(held[[row]].indices)
        assert sample.features_NF is own.features_KF


def test_same_seed_same_trees(ranker: Ranker) -> None:
    assert learned().model == ranker.model


def test_trees_that_are_none_are_refused(ranker: Ranker) -> None:
    with pytest.raises(IntegrityError, match="ranker"):
        replace(ranker, model="no trees")


def test_nobody_has_a_candidate_where_everything_was_heard(ranker: Ranker) -> None:
    raw, audience, _ = case()
    everything = np.ones(audience.history_BT.shape, np.float32)
    deaf = replace(audience, history_BT=sp.csr_array(everything))
    own = found(raw, deaf)[0]
    assert len(own.column_K) == 0
    assert len(ranker.correction(np.zeros(0, np.float32), own, TIES)) == 0
