"""The predictor of plays gives planted answers back, and its intervals hold what they promise."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from encore import Dataset, Recommender, UsageError, evaluate, split, train
from encore.config import TrainConfig
from encore.data import world
from encore.models import processes
from encore.models.conformal import Errors
from encore.models.inputs import Inputs, unit_rows
from encore.models.means import ShrunkMeans
from encore.models.processes import Processes, Ridge, groups_of, thinned
from encore.models.ranking import history_matrix
from encore.models.residuals import Material, Residuals

GENRES = 4


def planted(
    seed: int = 0,
) -> tuple[Material, ShrunkMeans, tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Return listeners who love one genre and shun another, on top of means.

    The material, its means, held-out rows (user, track, target), and what these are without noise.
    """
    rng = np.random.default_rng(seed)
    users, tracks = 61, 121
    genre_T = np.arange(tracks) % GENRES
    taste_UG = rng.normal(0, 0.8, (users, GENRES))
    level_U, appeal_T = rng.normal(3, 0.8, users), rng.normal(0, 0.2, tracks)
    user, track = np.nonzero(rng.random((users, tracks)) < 0.4)
    keep = (user > 0) & (track > 0)
    user, track = user[keep], track[keep]
    truth = level_U[user] + appeal_T[track] + taste_UG[user, genre_T[track]]
    target = np.maximum(truth + rng.normal(0, 0.3, len(truth)), 0.1)
    held = rng.random(len(user)) < 0.2
    content_TC = unit_rows(sp.csr_array(np.eye(GENRES)[genre_T] * (np.arange(tracks) > 0)[:, None]))
    plays = history_matrix(user[~held], track[~held], np.expm1(target[~held]), (users, tracks))
    inputs = replace(Inputs.of(plays), content_TC=content_TC)
    vectors = content_TC.toarray().astype(np.float32)
    rows = (user[~held], track[~held], target[~held])
    means = ShrunkMeans.fit(*rows, plays.shape, (0.5, 5.0))
    material = Material(inputs, np.zeros((tracks, 1), np.float32), vectors)
    return material, means, (user[held], track[held], target[held]), truth[held]


def share_explained(predicted: np.ndarray, truth: np.ndarray, baseline: np.ndarray) -> float:
    return float(1 - np.sum((predicted - truth) ** 2) / np.sum((baseline - truth) ** 2))


def test_planted_tastes_for_genres_are_recovered() -> None:
    material, means, (user, track, _), truth = planted()
    model = Residuals.fit(material, means, 0.5)
    baseline = means.predict(user, track)
    assert share_explained(model.predict(user, track), truth, baseline) > 0.75


def test_choose_takes_the_amplitude_that_serves_held_rows_best() -> None:
    material, means, held, _ = planted()
    chosen = Residuals.choose(material, means, 0.5, held)
    errors = {
        a: np.mean((Residuals.fit(material, means, 0.5, a).predict(*held[:2]) - held[2]) ** 2)
        for a in (0.15, 0.3, 0.6, 1.2)
    }
    assert chosen.learned == min(errors, key=lambda a: errors[a])
    assert chosen.errors.rows == len(held[0]) // 2


def test_a_batch_predicts_what_each_pair_alone_does() -> None:
    material, means, (user, track, _), _ = planted()
    model = Residuals.fit(material, means, 0.5)
    together = model.predict(user, track)
    alone = [model.predict(user[[row]], track[[row]])[0] for row in range(0, len(user), 9)]
    assert together[::9] == pytest.approx(alone, abs=1e-5)


def test_unknown_listeners_and_tracks_get_the_means_and_what_is_known() -> None:
    material, means, _, _ = planted()
    model = Residuals.fit(material, means, 0.5)
    nobody = model.predict(np.zeros(3, int), np.array([0, 1, 2]))
    assert nobody[0] == pytest.approx(means.mean)
    assert nobody[1:] == pytest.approx(means.mean + model.spread * model.base_T[1:3])
    assert np.isfinite(model.predict(np.array([5]), np.array([0]))).all()


def test_a_history_brought_along_is_predicted_as_its_listener_is() -> None:
    material, means, (user, track, _), _ = planted()
    model = Residuals.fit(material, means, 0.5)
    known, new = [], []
    for one in np.unique(user):
        asked = user == one
        known.append(model.predict(user[asked], track[asked]))
        history = material.inputs.plays_UT[[one]]
        new.append(model.of_history(history, track[asked]).log_plays_M)
    assert np.concatenate(new) == pytest.approx(np.concatenate(known), abs=0.05)


def test_an_empty_history_is_nobodys() -> None:
    material, means, _, _ = planted()
    model = Residuals.fit(material, means, 0.5)
    nothing = sp.csr_array((1, material.inputs.plays_UT.shape[1]), dtype=np.float32)
    track = np.arange(4)
    found = model.of_history(nothing, track)
    assert found.log_plays_M == pytest.approx(model.predict(np.zeros(4, int), track))


def test_without_a_single_row_it_predicts_the_mean() -> None:
    inputs = Inputs.of(sp.csr_array((1, 5), dtype=np.float32))
    material = Material.of(inputs, np.zeros((5, 2), np.float32), {})
    model = Residuals.fit(material, ShrunkMeans(1.5, np.zeros(1), np.zeros(5)), 0.5)
    assert model.predict(np.zeros(5, int), np.arange(5)) == pytest.approx(np.full(5, 1.5))


def test_arrays_round_trip_and_without_listeners_everybody_is_unknown() -> None:
    material, means, held, _ = planted()
    model = Residuals.choose(material, means, 0.5, held)
    again = Residuals.from_arrays(material, means, model.arrays(), model.listener_arrays())
    assert np.array_equal(again.predict(*held[:2]), model.predict(*held[:2]))
    found = model.of_known(*held[:2])
    assert np.array_equal(again.bounds(found, 0.8), model.bounds(found, 0.8))
    assert not any(
        len(values) == len(model.own_N) for values in model.arrays().values() if values.ndim
    )
    tracks = len(model.base_T)
    emptied = replace(material, inputs=Inputs.of(sp.csr_array((1, tracks), dtype=np.float32)))
    nobody = Residuals.from_arrays(
        emptied, ShrunkMeans(means.mean, np.zeros(1), means.b_T), model.arrays(), {}
    )
    track = np.arange(tracks)
    user = np.zeros(tracks, int)
    assert nobody.predict(user, track) == pytest.approx(model.predict(user, track))


# The linear algebra


def test_processes_solve_each_group_as_one_system_would() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 3))
    index, left = rng.integers(5, size=30), rng.normal(size=30)
    groups = [rows for _, rows in groups_of(index)]
    fitted, weights = Processes(groups, lambda rows: x[rows] @ x[rows].T, 0.6).fit(left)
    same = index[:, None] == index[None, :]
    covariance = np.where(same, x @ x.T, 0)
    expected = np.linalg.solve(covariance + 0.6 * np.eye(30), left)
    assert weights == pytest.approx(expected, abs=1e-5)
    assert fitted == pytest.approx(covariance @ expected, abs=1e-5)


def test_long_groups_are_thinned_evenly_and_the_rest_is_not_fitted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "MAX_ROWS", (10, 4))
    monkeypatch.setattr(processes, "MAX_ENTRIES", 20)
    rows = np.arange(9)
    fitted, weights = Processes([rows], lambda r: np.eye(len(r)), 1.0).fit(np.ones(9))
    assert np.flatnonzero(weights).tolist() == thinned(rows, 4).tolist() == [0, 2, 5, 8]
    assert fitted.tolist() == pytest.approx((weights != 0) * 0.5)


def test_the_ridge_is_that_of_its_rows() -> None:
    rng = np.random.default_rng(1)
    columns = rng.normal(size=(12, 4))
    track, target = rng.integers(12, size=50), rng.normal(size=50)
    count, total = np.bincount(track, minlength=12), np.bincount(track, target, minlength=12)
    rows = columns[track]
    w = np.linalg.solve(rows.T @ rows + 3 * np.eye(4), rows.T @ target)
    fitted, weights = Ridge(sp.csr_array(columns), count, 3.0).fit(total)
    assert fitted == pytest.approx(columns @ w, abs=1e-4)
    assert weights == pytest.approx(w, abs=1e-4)


# Intervals


def test_errors_hold_their_level_where_deviations_differ_and_are_skewed() -> None:
    rng = np.random.default_rng(2)
    z = rng.uniform(0, 2, 20_000)
    error = (0.3 + 0.5 * z) * (rng.gamma(2.0, size=20_000) - 2)
    errors = Errors.fit(z[:4000], error[:4000])
    for level in (0.5, 0.8, 0.9):
        low, high = errors.bounds(z[4000:], level)
        inside = (low <= z[4000:] + error[4000:]) & (z[4000:] + error[4000:] <= high)
        for part in (z[4000:] < 0.7, z[4000:] > 1.3):
            assert inside[part].mean() == pytest.approx(level, abs=0.04)


def test_few_rows_give_no_more_than_their_outermost_errors() -> None:
    errors = Errors.fit(np.zeros(8), np.array([1.0, -1.0, 1.0, 2.0, 1.0, 0.5, 1.0, -3.0]))
    low, high = errors.bounds(np.zeros(1), 0.99)
    assert (low[0], high[0]) == pytest.approx((-3.0, 2.0))
    nothing = Errors.fit(np.zeros(2), np.ones(2))
    assert nothing.bounds(np.array([0.7]), 0.9) == (pytest.approx([0.7]), pytest.approx([0.7]))


@pytest.fixture(scope="module")
def whole() -> tuple[Recommender, Dataset, Dataset]:
    """A model of a larger world, of channels only what predicting plays reads."""
    trained, held = split(
        world.make(listeners=250, tracks=300, plays_per_listener=30, seed=3, events=False).data
    )
    config = TrainConfig(
        embedding_dim=8,
        hidden_layers=(16,),
        max_epochs=2,
        channels=("hybrid",),
        validation_share=0.2,
    )
    return train(trained, config), trained, held


def test_in_the_synthetic_world_coverage_is_near_what_was_asked(
    whole: tuple[Recommender, Dataset, Dataset],
) -> None:
    model, _, held = whole
    features, residuals = model.bundle.features, model.bundle.residuals
    user = features.listeners.encode(held.plays["user_id"])
    track = features.tracks.encode(held.plays["track_id"])
    target = np.log1p(held.plays["plays"].to_numpy().astype(float))
    found = residuals.of_known(user, track)
    widths = []
    for level in (0.5, 0.8, 0.9):
        low, high = residuals.bounds(found, level)
        assert np.mean((low <= target) & (target <= high)) == pytest.approx(level, abs=0.05)
        widths.append(np.mean(high - low))
    assert widths == sorted(widths)
    figures = evaluate(model, held).boards["plays"].scores["encore"]
    assert figures["interval_coverage"].mean == pytest.approx(0.9, abs=0.05)
    assert figures["skill"].mean > 0


def test_bounds_are_in_order_for_everybody(whole: tuple[Recommender, Dataset, Dataset]) -> None:
    model, trained, _ = whole
    somebody, track = trained.plays.row(0)[:2]
    history = dict(trained.plays.head(7).select("track_id", "plays").iter_rows())
    asked = [
        (somebody, track, None),
        ("nobody we know", track, None),
        (somebody, "a track we lack", None),
        (None, track, history),
        (None, track, {}),
        (None, track, {"a track we lack": 3}),
    ]
    for user_id, track_id, brought in asked:
        for level in (0.01, 0.5, 0.9, 0.999):
            found = model.predict_interval(user_id, track_id, level, history=brought)
            assert 0 <= found.low <= found.plays <= found.high
            assert found.plays == model.predict(user_id, track_id, history=brought)


def test_a_history_brought_along_changes_what_is_predicted(
    whole: tuple[Recommender, Dataset, Dataset],
) -> None:
    model, trained, _ = whole
    track = trained.plays["track_id"][0]
    busy = dict.fromkeys(trained.plays["track_id"].head(9), 400.0)
    assert model.predict("new", track, history=busy) > 3 * model.predict("new", track)


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, 90.0, float("nan")])
def test_a_level_that_is_no_share_is_refused(
    whole: tuple[Recommender, Dataset, Dataset], level: float
) -> None:
    with pytest.raises(UsageError, match="expected above 0 and below 1"):
        whole[0].predict_interval("u", "t", level)
