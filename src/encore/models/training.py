"""The training loop of the network: one pass, one epoch, early stopping, exact resume.

Data flow: training Dataset ─ Features, cross-fitted means ─ Rows, Tables ─ epochs ─ best weights.

The draws of an epoch depend on (seed, epoch) alone. Therefore a training that was interrupted and
resumed from its last whole epoch gives the same bits as one that ran through.

Legend: N rows of plays, B rows of a batch, S drawn tracks shared by a batch, I embedded width.
"""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from encore.config import TrainConfig
from encore.data.dataset import Dataset
from encore.data.features import Features
from encore.errors import EncoreError, InputError
from encore.models import checkpoint
from encore.models.batches import Heard, Rows, Tables, sizes
from encore.models.epochs import REFIT, Epoch
from encore.models.losses import plays_loss, rank_loss
from encore.models.means import ShrunkMeans, choose_shrink, cross_fit
from encore.models.network import HybridMusicRecommender
from encore.models.optimizer import RowAdam
from encore.models.validation import Validation

PRIME = 1_000_003  # keeps the streams of (seed, epoch) apart


@dataclass
class Training:
    """A network in training: everything that an epoch reads and changes."""

    config: TrainConfig
    features: Features
    means: ShrunkMeans
    shrink: tuple[float, float]
    rows: Rows
    tables: Tables
    heard: Heard
    network: HybridMusicRecommender
    optimizer: RowAdam
    device: torch.device
    history: list[Epoch] = field(default_factory=list)
    best_state: dict[str, Tensor] = field(default_factory=dict)
    fingerprint: str = ""  # of settings and data: what a checkpoint must agree with

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights are kept; 0 where none was better than the start."""
        return max((epoch.epoch for epoch in self.history if epoch.best), default=0)


OnEpoch = Callable[[Training], None]


def device_of(config: TrainConfig) -> torch.device:
    """Return the device that the setting names; `auto` is CUDA where there is one.

    Raises `InputError` where CUDA is asked for and there is none.
    """
    if config.device == "cuda" and not torch.cuda.is_available():
        raise InputError("device = 'cuda': there is none here; 'auto' or 'cpu' runs without")
    if config.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(config.device)


def encode(train: Dataset, features: Features) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (user, track, log1p plays) of the rows of plays, as indices and float64."""
    return (
        features.listeners.encode(train.plays["user_id"]),
        features.tracks.encode(train.plays["track_id"]),
        np.log1p(train.plays["plays"].to_numpy().astype(np.float64)),
    )


def prepare(
    train: Dataset, features: Features, config: TrainConfig, shrink: tuple[float, float]
) -> Training:
    """Return a training at its start: rows and means of `train`, a seeded network."""
    device = device_of(config)
    user, track, target = encode(train, features)
    table_rows = (features.listeners.rows, features.tracks.rows)
    means = ShrunkMeans.fit(user, track, target, table_rows, shrink)
    b_user, b_track = cross_fit(user, track, target, table_rows, shrink, config.seed)
    rows = Rows(
        torch.from_numpy(user),
        torch.from_numpy(track),
        torch.from_numpy(target.astype(np.float32)),
        torch.from_numpy(b_user.astype(np.float32)),
        torch.from_numpy(b_track.astype(np.float32)),
    ).to(device)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        network = HybridMusicRecommender(
            sizes(features),
            config.embedding_dim,
            config.hidden_layers,
            config.dropout,
            sparse=config.optimizer == "rows",
        ).to(device)
    network.mean.fill_(means.mean)
    return Training(
        config=config,
        features=features,
        means=means,
        shrink=shrink,
        rows=rows,
        tables=Tables.of(features, means, device),
        heard=Heard(rows.user_N, rows.track_N, *table_rows),
        network=network,
        optimizer=RowAdam(
            network, config.learning_rate, config.weight_decay, config.optimizer == "dense"
        ),
        device=device,
    )


def train_epoch(training: Training, epoch: int) -> Epoch:
    """Train the network for one pass over its rows, in a seeded order; return what it did."""
    config, rows, network = training.config, training.rows, training.network
    started = time.perf_counter()
    network.train()
    generator = torch.Generator().manual_seed(config.seed * PRIME + epoch)
    order = torch.randperm(len(rows), generator=generator).to(training.device)
    sums = torch.zeros(3, dtype=torch.float64)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed * PRIME + epoch)  # dropout draws from the global stream
        for batch in order.split(config.batch_size):
            if len(batch) < 2:  # BatchNorm needs two rows
                continue
            plays, rank = _batch_losses(training, rows.at(batch), generator)
            loss = plays + config.rank_weight * rank
            training.optimizer.zero_grad()
            loss.backward()
            training.optimizer.step(config.max_grad_norm)
            sums += torch.stack([loss, plays, rank]).detach().cpu() * len(batch)
    if not bool(torch.isfinite(sums).all()):
        raise EncoreError(
            f"epoch {epoch}: the loss is not finite; lower learning_rate ({config.learning_rate})"
        )
    loss_mean, plays_mean, rank_mean = (sums / max(len(rows), 1)).tolist()
    return Epoch(
        epoch,
        loss_mean,
        plays_mean,
        rank_mean,
        learning_rate=training.optimizer.learning_rate,
        samples_per_second=len(rows) / (time.perf_counter() - started),
    )


def _batch_losses(
    training: Training, batch: Rows, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return (plays loss, rank loss) of a batch; the rank loss is 0 without negatives.

    Each listener and track of the batch is embedded once, however many rows it stands in; the S
    drawn tracks are shared by all rows.

    Legend: L distinct listeners, K distinct tracks of the batch, the drawn ones among them.
    """
    config, network, tables = training.config, training.network, training.tables
    user_L, at_B = torch.unique(batch.user_N, return_inverse=True)
    drawn_S = torch.randint(
        1, training.features.tracks.rows, (config.negatives,), generator=generator
    )
    drawn_S = drawn_S.unique().to(training.device)
    wanted = torch.cat([batch.track_N.long(), drawn_S])
    track_K, at_BS = torch.unique(wanted, return_inverse=True)
    played_B, column_S = at_BS.split([len(batch), len(drawn_S)])
    listeners, tracks = tables.listeners_at(user_L), tables.tracks_at(track_K)
    listeners.user_L = _dropped(listeners.user_L, config.id_dropout, generator)
    tracks.music_K = _dropped(tracks.music_K, config.id_dropout, generator)
    x_LI, x_KI = network.embed_listeners(listeners), network.embed_tracks(tracks)
    plays = network.plays(
        network.listener_part(x_LI, listeners.mean_L).at(at_B)._replace(mean_N=batch.b_user_N),
        network.track_part(x_KI, tracks.mean_K).at(played_B)._replace(mean_N=batch.b_track_N),
    )
    plays_mse = plays_loss(plays, batch.target_N)
    liked = torch.nonzero(batch.target_N > 0).squeeze(1)  # what was only skipped is no example
    if not config.negatives or not len(liked):
        return plays_mse, plays.new_zeros(())
    at_B, played_B = at_B[liked], played_B[liked]
    return plays_mse, rank_loss(
        network.rank_pairs(x_LI.index_select(0, at_B), x_KI.index_select(0, played_B)),
        network.rank(x_LI, x_KI.index_select(0, column_S)),
        training.heard.among(user_L.long(), drawn_S),
        at_B,
    )


def _dropped(ids: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Return `ids` with a random share replaced by the unknown, 0."""
    if not share:
        return ids
    keep = torch.rand(len(ids), generator=generator) >= share
    return ids * keep.to(ids.device)


def fit(
    train: Dataset,
    validation: Dataset,
    config: TrainConfig,
    *,
    on_epoch: OnEpoch | None = None,
    checkpoint_at: Path | None = None,
) -> Training:
    """Train with early stopping on `validation`; return the training with its best weights.

    With `checkpoint_at`, every whole epoch is written there, and a training found there that had
    the same settings and rows is resumed: `on_epoch` is called once for all its past.

    Raises `InputError` where the checkpoint belongs to another training, `EncoreError` where the
    loss is no longer finite.
    """
    features = Features.fit(train, times=config.time_features)
    table_rows = (features.listeners.rows, features.tracks.rows)
    held = encode(validation, features)
    shrink = choose_shrink(encode(train, features), held, table_rows)
    training = prepare(train, features, config, shrink)
    schedulers = training.optimizer.schedulers(config.scheduler_factor, config.scheduler_patience)
    checker = Validation(training, held)
    training.fingerprint = checkpoint.fingerprint(training, held)
    if checkpoint_at is not None:
        checkpoint.resume(checkpoint_at, training, schedulers)
    if not training.best_state:
        training.best_state = copy.deepcopy(training.network.state_dict())
    done = len(training.history)
    if done and on_epoch is not None:
        on_epoch(training)
    for number in range(done + 1, config.max_epochs + 1):
        if _exhausted(training):
            break
        epoch = checker(train_epoch(training, number))
        epoch = replace(
            epoch, best=_merit(epoch) > max(map(_merit, training.history), default=-np.inf)
        )
        if epoch.best:
            training.best_state = copy.deepcopy(training.network.state_dict())
        for scheduler in schedulers:
            scheduler.step(epoch.val_loss or 0.0)
        training.history.append(epoch)
        if checkpoint_at is not None:
            checkpoint.save(checkpoint_at, training, schedulers)
        if on_epoch is not None:
            on_epoch(training)
    training.network.load_state_dict(training.best_state)
    training.network.confidence.fill_(checker.confidence())
    return training


def refit(train: Dataset, tried: Training, *, on_epoch: OnEpoch | None = None) -> Training:
    """Train afresh on all rows of `train`, as many epochs and as fast as `tried` found best."""
    config = tried.config
    features = Features.fit(train, times=config.time_features)
    training = prepare(train, features, config, tried.shrink)
    for past in tried.history[: tried.best_epoch]:
        training.optimizer.learning_rate = past.learning_rate
        training.history.append(replace(train_epoch(training, past.epoch), phase=REFIT))
        if on_epoch is not None:
            on_epoch(training)
    training.network.confidence.copy_(tried.network.confidence)
    return training


def _merit(epoch: Epoch) -> float:
    """Return what early stopping maximises: ranking quality, else the validation loss's negative.

    The loss of the rank head goes on rising from overconfidence while its order still improves.
    """
    if epoch.val_loss is None:
        return -np.inf
    return -epoch.val_loss if epoch.val_ndcg is None else epoch.val_ndcg


def _exhausted(training: Training) -> bool:
    return len(training.history) - training.best_epoch >= training.config.early_stopping_patience
