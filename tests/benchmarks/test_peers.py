"""The peers find answers known by construction; how they compare with encore is no test's business.

Those that other packages make are skipped where the packages are missing.
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse as sp
import torch

import encore
from encore.data.dataset import Dataset
from encore.data.features import Features
from encore.models.inputs import Audience, Inputs
from encore.models.ranking import history_matrix

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SIZE = 20  # listeners and tracks of the board
QUICK = {
    "LightGcn": {"dimension": 8, "layers": 2, "learning_rate": 0.05, "epochs": 60},
    "LightFm": {"factors": 8, "epochs": 60},
}


@pytest.fixture(autouse=True)
def _peers_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture(name="lightgcn")
def _lightgcn() -> ModuleType:
    return importlib.import_module("peers.lightgcn")


@pytest.fixture(name="lightfm")
def _lightfm() -> ModuleType:
    pytest.importorskip("lightfm", reason="a peer: pip install lightfm-next")
    return importlib.import_module("peers.lightfm")


@pytest.fixture(name="lightgbm")
def _lightgbm() -> ModuleType:
    pytest.importorskip("lightgbm", reason="a peer: pip install lightgbm")
    return importlib.import_module("peers.lightgbm")


@pytest.fixture(name="ranker", params=["lightgcn.LightGcn", "lightfm.LightFm"])
def _ranker(request: pytest.FixtureRequest) -> type[Any]:
    module, name = request.param.split(".")
    found: type[Any] = getattr(request.getfixturevalue(module), name)
    return found


def fitted(ranker: type[Any], inputs: Inputs, **changes: object) -> Any:
    return ranker(**(QUICK[ranker.__name__] | changes)).fit(inputs)


def scores(peer: Any, audience: Audience) -> npt.NDArray[np.float32]:
    return peer.score(peer.fold_in(audience))


def everyone(inputs: Inputs) -> Audience:
    return Audience.known(inputs, np.arange(inputs.plays_UT.shape[0], dtype=np.int32))


def board() -> npt.NDArray[np.float64]:
    """Even listeners play even tracks, odd ones odd ones; row and column 0 are the unknown's."""
    user, track = np.indices((SIZE + 1, SIZE + 1))
    plays = ((user + track) % 2 == 0).astype(np.float64)
    plays[0], plays[:, 0] = 0, 0
    return plays


@pytest.fixture(name="withheld")
def _withheld() -> Inputs:
    """The board without its diagonal."""
    shown = board()
    np.fill_diagonal(shown, 0)
    return Inputs.of(sp.csr_array(shown))


@pytest.fixture(name="camps")
def _camps() -> Inputs:
    """Two camps of listeners, some of their pairs skipped or missing; the last track is cold."""
    rng = np.random.default_rng(0)
    user, track = (index.ravel() for index in np.indices((SIZE + 1, SIZE + 1)))
    heard = (board().ravel() > 0) & (rng.random(len(user)) < 0.6) & (track < SIZE)
    plays = rng.integers(0, 6, len(user))
    shape = (SIZE + 1, SIZE + 1)
    return Inputs.of(history_matrix(user[heard], track[heard], plays[heard], shape))


def test_what_was_withheld_comes_first(ranker: type[Any], withheld: Inputs) -> None:
    found = scores(fitted(ranker, withheld), everyone(withheld))
    assert found.shape == (SIZE + 1, SIZE + 1)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    unheard = np.where(withheld.plays_UT.toarray() > 0, -np.inf, found)[1:, 1:]
    assert (unheard.argmax(1) == np.arange(SIZE)).all()


def test_the_same_seed_gives_the_same_scores(ranker: type[Any], camps: Inputs) -> None:
    one, again = (scores(fitted(ranker, camps, seed=3), everyone(camps)) for _ in range(2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, scores(fitted(ranker, camps, seed=4), everyone(camps)))


def test_every_value_of_the_space_is_a_setting(ranker: type[Any]) -> None:
    for name, values in ranker.space.items():
        assert len(values) > 2
        for value in values:
            ranker(**{name: value})


def test_a_skip_is_no_play(ranker: type[Any], camps: Inputs) -> None:
    liked = camps.plays_UT.copy()
    liked.eliminate_zeros()
    assert liked.nnz < len(camps.plays_UT.data)
    found = scores(fitted(ranker, camps), everyone(camps))
    without = Inputs.of(liked)
    assert np.array_equal(found, scores(fitted(ranker, without), everyone(without)))


def test_a_batch_scores_as_each_listener_alone(ranker: type[Any], camps: Inputs) -> None:
    peer, asked = fitted(ranker, camps), everyone(camps)
    alone = [scores(peer, asked.at(slice(row, row + 1))) for row in range(len(asked))]
    assert np.concatenate(alone) == pytest.approx(scores(peer, asked), abs=1e-5)


def test_lightgcn_places_new_listeners_among_their_tracks(
    lightgcn: ModuleType, camps: Inputs
) -> None:
    peer = fitted(lightgcn.LightGcn, camps)
    brought = np.zeros((3, SIZE + 1), np.float32)
    brought[0, [2, 4]] = 7, 1
    brought[1, [2, 4]] = 1, 9
    brought = sp.csr_array(brought)
    new = scores(peer, Audience.of(brought))
    assert np.array_equal(new[0], new[1])
    assert new[0, 6:SIZE:2].min() > new[0, 7:SIZE:2].max()
    assert (new[2] == 0).all()


def test_lightgcn_propagates_as_the_paper_says(lightgcn: ModuleType, camps: Inputs) -> None:
    played = (camps.plays_UT.toarray() > 0).astype(np.float64)
    edges = np.block([[np.zeros_like(played), played], [played.T, np.zeros_like(played)]])
    scale = np.diag(1 / np.sqrt(np.maximum(edges.sum(1), 1)))
    dense = scale @ edges @ scale
    e_ND = np.random.default_rng(1).normal(size=(len(edges), 5))
    wanted = sum(np.linalg.matrix_power(dense, k) @ e_ND for k in range(4)) / 4

    adjacency = lightgcn.adjacency_of(sp.csr_array(played))
    assert adjacency.toarray() == pytest.approx(dense, abs=1e-7)
    found = lightgcn.layer_mean(lightgcn.csr_tensor(adjacency), torch.tensor(e_ND).float(), 3)
    assert found.numpy() == pytest.approx(wanted, abs=1e-5)


def test_lightgcn_has_the_gradient_of_a_dense_graph(lightgcn: ModuleType, camps: Inputs) -> None:
    adjacency = lightgcn.adjacency_of(camps.plays_UT)
    generator = torch.Generator().manual_seed(0)
    e_ND = torch.randn(adjacency.shape[0], 5, generator=generator, requires_grad=True)
    nodes_3B = torch.randint(0, len(e_ND), (3, 64), generator=generator)

    def gradient(final_ND: torch.Tensor) -> npt.NDArray[np.float32]:
        loss = lightgcn.bpr_loss(final_ND, e_ND, nodes_3B, 0.1)
        return torch.autograd.grad(loss, e_ND)[0].numpy()

    dense = torch.from_numpy(adjacency.toarray())
    wanted = gradient(lightgcn.layer_mean(dense, e_ND, 3))
    sparse = lightgcn.csr_tensor(adjacency)
    assert np.abs(wanted).max() > 0.01
    found = gradient(lightgcn.Propagation.apply(e_ND, sparse, 3))
    assert found == pytest.approx(wanted, abs=1e-6)


def test_lightgcn_draws_negatives_evenly_from_what_was_not_played(
    lightgcn: ModuleType, withheld: Inputs
) -> None:
    pairs = lightgcn.Pairs(withheld.plays_UT)
    user = torch.full((11_000,), 3)
    drawn = pairs.negatives(user, torch.Generator().manual_seed(0)).numpy()
    counted = np.bincount(drawn, minlength=SIZE + 1)
    open_ones = withheld.plays_UT.toarray()[3] == 0
    open_ones[0] = False
    assert (counted[~open_ones] == 0).all()
    assert counted[open_ones] == pytest.approx(1000, abs=150)  # five standard deviations


def test_lightgcn_is_checked_on_eight_parts_of_ten(lightgcn: ModuleType) -> None:
    user = np.random.default_rng(0).permutation(np.repeat([1, 2, 3, 4, 5], [50, 29, 3, 2, 1]))
    parts = lightgcn.parts_of(user, seed=0)
    counted = [np.bincount(parts[user == one], minlength=3).tolist() for one in range(1, 6)]
    assert counted == [[40, 5, 5], [25, 2, 2], [1, 1, 1], [1, 0, 1], [1, 0, 0]]


def test_lightfm_places_a_cold_track_by_its_content(lightfm: ModuleType, camps: Inputs) -> None:
    camp = np.arange(SIZE + 1) % 2
    content = np.zeros((SIZE + 1, 2), np.float32)
    content[np.arange(1, SIZE + 1), camp[1:]] = 1
    inputs = Inputs(camps.plays_UT, sp.csr_array(content), camps.friends_UU)
    found = scores(fitted(lightfm.LightFm, inputs), everyone(inputs))[1:]
    even = camp[1:] == 0
    assert found[even, SIZE].min() > found[~even, SIZE].max()


def test_lightfm_puts_last_what_it_knows_nothing_of(lightfm: ModuleType, camps: Inputs) -> None:
    found = scores(fitted(lightfm.LightFm, camps), everyone(camps))
    assert np.array_equal(found[:, SIZE], found.min(1))


def test_lightfm_answers_new_listeners_with_the_tracks_biases(
    lightfm: ModuleType, camps: Inputs
) -> None:
    peer = fitted(lightfm.LightFm, camps)
    new = scores(peer, Audience.of(camps.plays_UT[1:4]))
    assert (new == new[0]).all()
    assert new[0].std() > 0


def test_lightgbm_statistics_leave_the_own_row_out(lightgbm: ModuleType) -> None:
    rng = np.random.default_rng(0)
    index, target = rng.integers(1, 7, 30).astype(np.int32), rng.random(30) * 9
    index[0] = 7  # its only row
    statistics = lightgbm.Statistics(index, target, rows=9)
    for row, found in enumerate(statistics.without_own()):
        others = np.delete(target, row)[np.delete(index, row) == index[row]]
        wanted = [len(others), others.mean(), others.std()] if len(others) else [0, np.nan, np.nan]
        assert found == pytest.approx(wanted, abs=1e-6, nan_ok=True)
    in_folds = statistics.without_own(folds=4, seed=1)
    fold = np.random.default_rng(1).integers(4, size=30)
    for row, found in enumerate(in_folds):
        others = target[(fold != fold[row]) & (index == index[row])]
        wanted = [len(others), others.mean(), others.std()] if len(others) else [0, np.nan, np.nan]
        assert found == pytest.approx(wanted, abs=1e-6, nan_ok=True)
    assert statistics.at(np.array([0, 8]))[:, 0].tolist() == [0, 0]
    mine = target[index == 2]
    assert statistics.at(np.array([2]))[0] == pytest.approx([len(mine), mine.mean(), mine.std()])


def test_lightgbm_predicts_better_than_the_mean(lightgbm: ModuleType, small_world: Dataset) -> None:
    train_side, test_side = encore.split(small_world, held_out=0.2, seed=0)
    features = Features.fit(train_side)

    def rows(data: Dataset) -> tuple[Any, ...]:
        user = features.listeners.encode(data.plays["user_id"])
        track = features.tracks.encode(data.plays["track_id"])
        return user, track, np.log1p(data.plays["plays"].to_numpy())

    train, (user, track, wanted) = rows(train_side), rows(test_side)
    settings = {"rounds": 50, "min_data_in_leaf": 20}
    one, again = (
        lightgbm.predict_plays(*train, user, track, features, settings, seed=0) for _ in range(2)
    )
    assert one.dtype == np.float64
    assert np.array_equal(one, again)
    errors = np.mean((one - wanted) ** 2)
    assert errors < 0.95 * np.mean((train[2].mean() - wanted) ** 2)
    assert lightgbm.SPACE.keys() == lightgbm.DEFAULTS.keys()
