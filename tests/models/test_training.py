"""The loop: the same bits again, exact resume, early stopping, the optimiser, losses, means."""

import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor, nn

from encore import Dataset, EncoreError, InputError, TrainConfig, schema, train
from encore.data import split as splitting
from encore.data import temporal
from encore.data.dataset import complete
from encore.data.features import LISTENER_NUMERIC
from encore.models import training
from encore.models.losses import plays_loss, rank_loss
from encore.models.means import ShrunkMeans, choose_shrink, cross_fit
from encore.models.optimizer import RowAdam
from encore.models.training import Epoch, Training


class Stopped(Exception):  # noqa: N818 - no error
    """What stops a training in these tests."""


@pytest.fixture(scope="module")
def sides(small_world: Dataset) -> splitting.Split:
    return splitting.split(small_world, seed=4)


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def fitted(sides: splitting.Split, config: TrainConfig, **options: object) -> Training:
    return training.fit(sides.train, sides.test, config, **options)


def interrupted_after(epochs: int) -> Callable[[object], None]:
    """A callback that raises once `epochs` epochs are done."""
    done = count(1)

    def callback(_: object) -> None:
        if next(done) == epochs:
            raise Stopped

    return callback


# The same bits


@pytest.mark.parametrize("optimizer", ["rows", "dense"])
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    sides: splitting.Split, small_config: TrainConfig, optimizer: str
) -> None:
    config = small_config.replaced(optimizer=optimizer)
    one, again, other = (
        fitted(sides, config.replaced(seed=seed)).network.state_dict() for seed in (0, 0, 1)
    )
    assert same(one, again)
    assert not torch.equal(one["music_embedding.weight"], other["music_embedding.weight"])
    assert not torch.equal(one["final_layer.weight"], other["final_layer.weight"])


def test_draws_outside_of_it_neither_change_a_training_nor_are_changed_by_it(
    sides: splitting.Split, small_config: TrainConfig
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        one = fitted(sides, small_config).network.state_dict()
        drawn = torch.rand(3)
        torch.manual_seed(6)
        again = fitted(sides, small_config).network.state_dict()
        torch.manual_seed(5)
        assert torch.equal(torch.rand(3), drawn)
    assert same(one, again)


def test_the_same_seed_gives_the_same_bundle_byte_for_byte(
    small_world: Dataset, small_config: TrainConfig, tmp_path: Path
) -> None:
    digests = {}
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        train(small_world, small_config.replaced(seed=seed)).save(tmp_path / name)
        files = sorted(file for file in (tmp_path / name).rglob("*") if file.is_file())
        digests[name] = {
            file.relative_to(tmp_path / name).as_posix(): hashlib.sha256(
                file.read_bytes()
            ).hexdigest()
            for file in files
        }
    assert digests["one"] == digests["again"]
    assert digests["one"]["network.safetensors"] != digests["other"]["network.safetensors"]


def test_the_columns_from_times_are_read_where_asked_for(
    sides: splitting.Split, small_config: TrainConfig
) -> None:
    columns = [LISTENER_NUMERIC.index(name) for name in temporal.OF_LISTENER]
    for asked in (False, True):
        tried = fitted(sides, small_config.replaced(time_features=asked, max_epochs=1))
        for run in (tried, training.refit(sides.train, tried)):
            read_UF = run.tables.listeners.numerical_LF[:, columns]
            assert read_UF.any(0).tolist() == [asked] * len(columns)


# Resuming


@pytest.mark.parametrize("epochs", [1, 3, 5])
@pytest.mark.parametrize("optimizer", ["rows", "dense"])
def test_interrupted_and_resumed_it_ends_in_the_same_bits(
    sides: splitting.Split,
    small_config: TrainConfig,
    tmp_path: Path,
    optimizer: str,
    epochs: int,
) -> None:
    config = small_config.replaced(
        optimizer=optimizer, learning_rate=0.05, max_epochs=6, scheduler_patience=0
    )
    straight = fitted(sides, config)
    with pytest.raises(Stopped):
        fitted(sides, config, checkpoint_at=tmp_path / "c", on_epoch=interrupted_after(epochs))
    told: list[int] = []
    resumed = fitted(
        sides, config, checkpoint_at=tmp_path / "c", on_epoch=lambda t: told.append(len(t.history))
    )
    assert told == [epochs, *range(epochs + 1, 7)], "what was behind it is told once, at once"
    assert same(resumed.network.state_dict(), straight.network.state_dict())
    timeless = [
        [replace(epoch, samples_per_second=0) for epoch in one.history]
        for one in (resumed, straight)
    ]
    assert timeless[0] == timeless[1]
    assert len({epoch.learning_rate for epoch in straight.history}) > 1


@pytest.mark.parametrize("epochs", [2, 4])  # 4: while it is fitted again on all rows
def test_a_whole_training_resumes_to_the_same_weights_and_clears_its_checkpoint(
    small_world: Dataset,
    small_config: TrainConfig,
    tmp_path: Path,
    epochs: int,
) -> None:
    with pytest.raises(Stopped):
        train(
            small_world,
            small_config,
            checkpoint_at=tmp_path / "c",
            on_epoch=interrupted_after(epochs),
        )
    assert (tmp_path / "c").exists()
    resumed = train(small_world, small_config, checkpoint_at=tmp_path / "c")
    straight = train(small_world, small_config)
    weights = [model.bundle.scorers.network.state_dict() for model in (resumed, straight)]
    assert same(*weights)
    assert resumed.bundle.choice == straight.bundle.choice
    assert not (tmp_path / "c").exists()


def checkpointed(sides: splitting.Split, config: TrainConfig, path: Path) -> None:
    with pytest.raises(Stopped):
        fitted(sides, config, checkpoint_at=path, on_epoch=interrupted_after(1))


def test_a_checkpoint_of_other_settings_is_refused(
    sides: splitting.Split, small_config: TrainConfig, tmp_path: Path
) -> None:
    checkpointed(sides, small_config, tmp_path / "c")
    with pytest.raises(InputError, match="other settings or other data"):
        fitted(sides, small_config.replaced(learning_rate=0.5), checkpoint_at=tmp_path / "c")


@pytest.mark.parametrize("changed", ["training rows", "validation rows", "content of tracks"])
def test_a_checkpoint_of_other_data_is_refused(
    sides: splitting.Split, small_config: TrainConfig, tmp_path: Path, changed: str
) -> None:
    checkpointed(sides, small_config, tmp_path / "c")
    first = pl.int_range(pl.len()) == 0
    more = pl.when(first).then(pl.col("plays") + 7).otherwise("plays").cast(pl.Float32)
    louder = pl.when(first).then(-3.0).otherwise("loudness").cast(pl.Float32)
    plays = {name: getattr(sides, name).plays for name in ("train", "test")}
    tracks = sides.train.tracks
    if changed == "training rows":
        plays["train"] = plays["train"].with_columns(more.alias("plays"))
    elif changed == "validation rows":
        plays["test"] = plays["test"].with_columns(more.alias("plays"))
    else:
        tracks = tracks.with_columns(louder.alias("loudness"))
    other = splitting.Split(
        sides.train.with_tables(plays=plays["train"], tracks=tracks),
        sides.test.with_tables(plays=plays["test"], tracks=tracks),
    )
    with pytest.raises(InputError, match="other settings or other data"):
        fitted(other, small_config, checkpoint_at=tmp_path / "c")


# Choosing when to stop


def told(monkeypatch: pytest.MonkeyPatch, ndcg: list[float]) -> list[dict[str, Tensor]]:
    """Make validation say `ndcg` of each epoch in turn; returns the weights of each epoch."""
    states: list[dict[str, Tensor]] = []
    train_epoch = training.train_epoch

    def recorded(run: Training, epoch: int) -> Epoch:
        found = train_epoch(run, epoch)
        states.append({key: value.clone() for key, value in run.network.state_dict().items()})
        return found

    monkeypatch.setattr(training, "train_epoch", recorded)
    monkeypatch.setattr(
        training.Validation,
        "__call__",
        lambda _, epoch: replace(epoch, val_loss=1.0, val_ndcg=ndcg[epoch.epoch - 1]),
    )
    return states


def test_early_stopping_waits_its_patience_and_restores_the_best_weights(
    sides: splitting.Split, small_config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = told(monkeypatch, [0.1, 0.3, 0.2, 0.3, 0.9])
    config = small_config.replaced(max_epochs=5, early_stopping_patience=2)
    found = fitted(sides, config)
    assert [epoch.best for epoch in found.history] == [True, True, False, False]
    assert found.best_epoch == 2
    best = {key: value for key, value in states[1].items() if key != "confidence"}
    kept = {key: found.network.state_dict()[key] for key in best}
    assert same(kept, best)
    assert not same(kept, {key: states[3][key] for key in best})


def test_stopping_reads_what_was_played_and_not_what_was_skipped(
    sides: splitting.Split, small_config: TrainConfig
) -> None:
    run = started(sides.train, small_config.replaced(learning_rate=1e-2))
    epoch = training.train_epoch(run, 1)
    user, track, target = training.encode(sides.test, run.features)
    skipped = np.arange(len(target)) % 3 == 0
    with_skips = (user, track, np.where(skipped, 0.0, target + 1))
    without = tuple(values[~skipped] for values in with_skips)
    all_liked = (user, track, target + 1)
    ndcg, expected, other = (
        training.Validation(run, held)(epoch).val_ndcg for held in (with_skips, without, all_liked)
    )
    assert ndcg == expected
    assert ndcg != other


def test_training_again_on_all_rows_takes_as_many_epochs_at_the_same_rates(
    small_world: Dataset, sides: splitting.Split, small_config: TrainConfig
) -> None:
    tried = fitted(sides, small_config)
    slower = [replace(e, learning_rate=1e-2 / e.epoch, best=e.epoch <= 2) for e in tried.history]
    tried.history = slower
    final = training.refit(small_world, tried)
    rates = [state["param_groups"][0]["lr"] for state in final.optimizer.state_dict()]
    assert [epoch.learning_rate for epoch in final.history] == [1e-2, 5e-3]
    assert rates == [5e-3, 5e-3]
    assert len(final.rows) == small_world.plays.height
    assert final.network.confidence == tried.network.confidence


def test_the_plays_head_never_serves_validation_worse_than_the_means_do(
    sides: splitting.Split, small_config: TrainConfig
) -> None:
    # Steps so large that the correction is nonsense: its confidence has to fall.
    for rate in (1e-3, 0.3):
        found = fitted(sides, small_config.replaced(learning_rate=rate))
        assert 0 <= found.network.confidence <= 1
        user, track, target = training.encode(sides.test, found.features)
        with torch.inference_mode():
            found.network.eval()
            predicted = found.network(
                found.tables.listeners_at(torch.from_numpy(user)),
                found.tables.tracks_at(torch.from_numpy(track)),
            ).numpy()
        baseline = found.means.predict(user, track)
        error = np.mean((predicted - target) ** 2)
        assert error <= np.mean((baseline - target) ** 2) + 1e-6


# One epoch


def started(data: Dataset, config: TrainConfig) -> Training:
    return training.prepare(data, training.Features.fit(data), config, (2.0, 5.0))


@pytest.mark.parametrize("optimizer", ["rows", "dense"])
def test_both_optimizers_learn(
    small_world: Dataset, small_config: TrainConfig, optimizer: str
) -> None:
    run = started(small_world, small_config.replaced(optimizer=optimizer, learning_rate=1e-2))
    epochs = [training.train_epoch(run, number) for number in range(1, 9)]
    assert epochs[-1].train_rank_loss < 0.95 * epochs[0].train_rank_loss
    assert epochs[-1].train_plays_loss < epochs[0].train_plays_loss


def test_the_unknown_is_trained_because_ids_are_dropped(
    small_world: Dataset, small_config: TrainConfig
) -> None:
    moved = {}
    for share in (0.0, 0.3):
        run = started(small_world, small_config.replaced(id_dropout=share))
        before = run.network.user_embedding.weight.detach().clone()
        training.train_epoch(run, 1)
        moved[share] = bool((run.network.user_embedding.weight[0] != before[0]).all())
    assert moved == {0.0: False, 0.3: True}


def test_without_negatives_only_the_plays_head_learns(
    sides: splitting.Split, small_config: TrainConfig
) -> None:
    run = started(sides.train, small_config.replaced(negatives=0))
    before = run.network.listener_vector.weight.detach().clone()
    epoch = training.train_epoch(run, 1)
    assert epoch.train_rank_loss == 0
    assert torch.equal(run.network.listener_vector.weight, before)
    assert run.network.final_layer.weight.abs().sum() > 0
    found = fitted(sides, small_config.replaced(negatives=0))
    assert all(epoch.val_ndcg is None for epoch in found.history)


def test_tracks_that_are_only_ever_skipped_are_not_taught_as_liked(
    small_config: TrainConfig,
) -> None:
    # Everybody plays half of the first twenty tracks and skips half of the others.
    rng = np.random.default_rng(0)
    pairs = [(u, t) for u in range(40) for t in range(40) if rng.random() < 0.5]
    plays = pl.DataFrame(
        {
            "user_id": [f"u{u}" for u, _ in pairs],
            "track_id": [f"t{t}" for _, t in pairs],
            "plays": [3.0 if t < 20 else 0.0 for _, t in pairs],
            "skips": [0 if t < 20 else 2 for _, t in pairs],
        }
    )
    data = dataset(plays)
    run = started(data, small_config.replaced(learning_rate=1e-2, id_dropout=0))
    for number in range(1, 16):
        training.train_epoch(run, number)
    run.network.eval()
    with torch.inference_mode():
        x_LI = run.network.embed_listeners(run.tables.listeners)
        scores = run.network.rank(x_LI, run.network.embed_tracks(run.tables.tracks))[1:]
    place = run.features.tracks.encode(pl.Series([f"t{t}" for t in range(40)])).astype(np.int64)
    liked, skipped = scores[:, place[:20]].mean(), scores[:, place[20:]].mean()
    assert liked > skipped + 1


def dataset(plays: pl.DataFrame) -> Dataset:
    """A Dataset that knows nothing but these plays."""
    return Dataset(**complete({"plays": schema.conform(plays, "plays")}))


@pytest.mark.skipif(torch.cuda.is_available(), reason="a machine with CUDA has nothing to refuse")
def test_cuda_is_refused_where_there_is_none(
    small_world: Dataset, small_config: TrainConfig
) -> None:
    with pytest.raises(EncoreError, match="cuda"):
        started(small_world, small_config.replaced(device="cuda"))
    assert started(small_world, small_config.replaced(device="auto")).device.type == "cpu"


def test_a_loss_that_is_not_finite_ends_the_training_and_names_the_remedy(
    sides: splitting.Split, small_config: TrainConfig
) -> None:
    with pytest.raises(EncoreError, match="not finite; lower learning_rate"):
        fitted(sides, small_config.replaced(learning_rate=1e6))


# The optimiser


class Toy(nn.Module):
    """One table and one layer."""

    def __init__(self, sparse: bool) -> None:
        super().__init__()
        self.table = nn.Embedding(6, 3, sparse=sparse)
        self.layer = nn.Linear(3, 2)

    def forward(self, rows: Tensor) -> Tensor:
        out: Tensor = self.layer(self.table(rows))
        return out


def toy(sparse: bool) -> Toy:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Toy(sparse)


BATCHES = [torch.tensor([1, 4, 1]), torch.tensor([2, 1]), torch.tensor([4, 4])]


def stepped(network: nn.Module, optimizer: RowAdam, norm: float, rows: list[Tensor]) -> None:
    for batch in rows:
        optimizer.zero_grad()
        network(batch).square().sum().backward()
        optimizer.step(norm)


def test_rows_that_no_batch_touches_do_not_move(small_config: TrainConfig) -> None:
    network = toy(sparse=True)
    before = network.table.weight.detach().clone()
    stepped(network, RowAdam(network, 0.1, weight_decay=0.5, dense=False), 1.0, BATCHES[:1])
    still = (network.table.weight == before).all(1)
    assert still.tolist() == [True, False, True, True, False, True]
    stepped(network, RowAdam(network, 0.1, weight_decay=0.5, dense=False), 1.0, BATCHES[1:])
    assert (network.table.weight[[0, 3, 5]] == before[[0, 3, 5]]).all()


@pytest.mark.parametrize("norm", [1e9, 0.01])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_dense_it_is_adam_with_clipped_gradients(norm: float, decay: float) -> None:
    ours, theirs = toy(sparse=False), toy(sparse=False)
    stepped(ours, RowAdam(ours, 0.05, decay, dense=True), norm, BATCHES)
    adam = torch.optim.Adam(theirs.parameters(), lr=0.05, weight_decay=decay)
    for batch in BATCHES:
        adam.zero_grad()
        theirs(batch).square().sum().backward()
        nn.utils.clip_grad_norm_(theirs.parameters(), norm)
        adam.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_by_rows_it_is_adam_where_every_batch_touches_every_row(decay: float) -> None:
    # But for epsilon, which torch's SparseAdam adds before it corrects the bias.
    everything = [torch.tensor([0, 1, 2, 3, 4, 5, 1])] * 3
    ours, theirs = toy(sparse=True), toy(sparse=False)
    stepped(ours, RowAdam(ours, 0.05, decay, dense=False), 0.5, everything)
    stepped(theirs, RowAdam(theirs, 0.05, decay, dense=True), 0.5, everything)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-3)


@pytest.mark.parametrize("sparse", [True, False])
def test_gradients_are_scaled_down_to_the_norm_and_never_up(sparse: bool) -> None:
    for limit, scaled in ((0.25, True), (1e6, False)):
        network = toy(sparse)
        optimizer = RowAdam(network, 0.1, weight_decay=0.0, dense=not sparse)
        network(BATCHES[0]).square().sum().backward()
        before = _gradients(network)
        optimizer.step(limit)
        after = _gradients(network)
        norm = float(torch.cat([g.flatten() for g in before]).norm())
        assert norm > 0.25
        factor = limit / norm if scaled else 1.0
        for one, other in zip(after, before, strict=True):
            assert torch.allclose(one, other * factor, rtol=1e-4, atol=1e-7)


def _gradients(network: nn.Module) -> list[Tensor]:
    return [p.grad.to_dense().clone() for p in network.parameters() if p.grad is not None]


def test_the_learning_rate_is_one_for_all_parts() -> None:
    network = toy(sparse=True)
    optimizer = RowAdam(network, 0.1, 0.0, dense=False)
    schedulers = optimizer.schedulers(factor=0.5, patience=0)
    assert len(schedulers) == 2
    for loss in (1.0, 2.0):
        for scheduler in schedulers:
            scheduler.step(loss)
    rates = [state["param_groups"][0]["lr"] for state in optimizer.state_dict()]
    assert rates == [0.05, 0.05]
    optimizer.learning_rate = 0.2
    rates = [state["param_groups"][0]["lr"] for state in optimizer.state_dict()]
    assert rates == [0.2, 0.2] == [optimizer.learning_rate] * 2


# Losses


def test_plays_loss_is_the_mean_square_and_0_on_nothing() -> None:
    predicted = torch.tensor([1.0, 2.0, 4.0], requires_grad=True)
    loss = plays_loss(predicted, torch.tensor([1.0, 4.0, 1.0]))
    assert loss.item() == pytest.approx((0 + 4 + 9) / 3)
    empty = plays_loss(predicted[:0], torch.zeros(0))
    assert empty.item() == 0
    empty.backward()


def test_rank_loss_is_the_played_tracks_share_beside_the_unheard() -> None:
    played, drawn = torch.tensor([1.0, 0.0]), torch.tensor([[2.0, 0.5, 9.0], [1.0, 1.0, 1.0]])
    heard = torch.tensor([[False, False, True], [True, True, True]])
    share = math.exp(1) / (math.exp(1) + math.exp(2) + math.exp(0.5))
    expected = (-math.log(share) - math.log(1)) / 2
    assert rank_loss(played, drawn, heard, torch.arange(len(played))).item() == pytest.approx(
        expected, rel=1e-6
    )


def test_rank_loss_is_finite_where_scores_are_large() -> None:
    rows = torch.tensor([0])
    loss = rank_loss(torch.tensor([-900.0]), torch.tensor([[900.0]]), rows[None] > 0, rows)
    assert loss.item() == pytest.approx(1800)


# Means


def naive_means(
    rows: list[tuple[int, int, float]], shrink: tuple[float, float]
) -> tuple[float, dict[int, float], dict[int, float]]:
    mu = sum(y for _, _, y in rows) / len(rows)
    b_u = {}
    for user in {u for u, _, _ in rows}:
        own = [y - mu for u, _, y in rows if u == user]
        b_u[user] = sum(own) / (len(own) + shrink[0])
    b_t = {}
    for track in {t for _, t, _ in rows}:
        own = [y - mu - b_u[u] for u, t, y in rows if t == track]
        b_t[track] = sum(own) / (len(own) + shrink[1])
    return mu, b_u, b_t


@pytest.fixture(scope="module")
def rated() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    pairs = rng.permutation(8 * 11)[:50]
    return pairs // 11 + 1, pairs % 11 + 1, rng.exponential(size=50)


def test_means_are_the_shrunk_sums_of_a_naive_loop(rated) -> None:
    user, track, target = rated
    found = ShrunkMeans.fit(user, track, target, (10, 14), (2.0, 5.0))
    mu, b_u, b_t = naive_means(list(zip(*rated, strict=True)), (2.0, 5.0))
    assert found.mean == pytest.approx(mu)
    assert found.b_U == pytest.approx([b_u.get(u, 0.0) for u in range(10)])
    assert found.b_T == pytest.approx([b_t.get(t, 0.0) for t in range(14)])
    expected = [mu + b_u[u] + b_t[t] for u, t, _ in zip(*rated, strict=True)]
    assert found.predict(user, track) == pytest.approx(expected)


def test_the_unknown_has_no_deviation_and_no_rows_have_no_means(rated) -> None:
    user, track, target = rated
    found = ShrunkMeans.fit(user % 3, track % 4, target + 5, (3, 4), (1.0, 1.0))
    assert found.b_U[0] == found.b_T[0] == 0
    assert np.all(found.b_U[1:] != 0)
    nothing = ShrunkMeans.fit(user[:0], track[:0], target[:0], (3, 4), (1.0, 1.0))
    assert nothing.predict(np.array([0, 2]), np.array([3, 1])).tolist() == [0, 0]


def test_the_shrink_is_the_one_of_the_grid_that_serves_validation_best() -> None:
    # Three rows each; what deviates in training is pure noise (a strong shrink is best), or true.
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(1, 41), 3).astype(np.int32)
    track = rng.integers(1, 6, len(user)).astype(np.int32)
    noise, again = rng.standard_normal((2, len(user)))
    rows = (41, 6)
    assert choose_shrink((user, track, noise), (user, track, again), rows)[0] == 5.0
    true = rng.standard_normal(41)[user]
    assert choose_shrink((user, track, true), (user, track, true), rows)[0] == 0.5


def test_cross_fitted_means_never_see_their_own_row(rated) -> None:
    user, track, target = rated
    options = {"rows": (10, 14), "shrink": (2.0, 5.0), "seed": 3}
    b_user, b_track = cross_fit(user, track, target, **options)
    others_moved = 0
    for row in range(len(target)):
        altered = target.copy()
        altered[row] += 100
        b_user_now, b_track_now = cross_fit(user, track, altered, **options)
        assert (b_user_now[row], b_track_now[row]) == (b_user[row], b_track[row])
        others_moved += int((b_user_now != b_user).any() and (b_track_now != b_track).any())
    assert others_moved == len(target)


def test_cross_fitted_means_are_those_of_the_other_folds(rated) -> None:
    user, track, target = rated
    b_user, b_track = cross_fit(user, track, target, (10, 14), (2.0, 5.0), seed=3, folds=4)
    fold = np.random.default_rng(3).integers(4, size=len(target))
    for row in range(len(target)):
        others = [
            one for one, k in zip(zip(*rated, strict=True), fold, strict=True) if k != fold[row]
        ]
        _, b_u, b_t = naive_means(others, (2.0, 5.0))
        assert b_user[row] == pytest.approx(b_u.get(user[row], 0.0))
        assert b_track[row] == pytest.approx(b_t.get(track[row], 0.0))
