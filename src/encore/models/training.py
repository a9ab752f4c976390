"""The training loop of the network: one pass, one epoch, early stopping, exact resume.

Data flow: training Dataset ─ Features, cross-fitted means ─ Rows and Tables ─ epochs ─ best weights.

The draws of an epoch depend on (seed, epoch) alone. Therefore a training that was interrupted and
resumed from its last whole epoch gives the same bits as one that ran through.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import numpy as np
import torch

from encore.config import TrainConfig
from encore.data.dataset import Dataset
from encore.data.features import Features
from encore.models.batches import Heard, Rows, Tables, sizes
from encore.models.losses import plays_loss, rank_loss
from encore.models.means import ShrunkMeans, cross_fit
from encore.models.network import HybridMusicRecommender
from encore.models.optimizer import RowAdam

VALIDATION_NEGATIVES = 20  # drawn once for each validation row; ranks it among them


@dataclass(frozen=True)
class Epoch:
    """What one epoch did: losses (means over rows), validation metrics, speed."""

    epoch: int
    train_loss: float
    train_plays_loss: float
    train_rank_loss: float
    learning_rate: float
    samples_per_second: float
    val_loss: float | None = None
    val_rmse: float | None = None
    val_r2: float | None = None
    val_rank_loss: float | None = None
    best: bool = False


@dataclass
class Training:
    """A network in training: everything that an epoch reads and changes."""

    config: TrainConfig
    features: Features
    means: ShrunkMeans
    rows: Rows
    tables: Tables
    heard: Heard
    network: HybridMusicRecommender
    optimizer: RowAdam
    device: torch.device
    history: list[Epoch] = field(default_factory=list)


def device_of(config: TrainConfig) -> torch.device:
    """Return the device that the setting names; `auto` is CUDA where there is one."""
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


def prepare(train: Dataset, config: TrainConfig, shrink: tuple[float, float]) -> Training:
    """Return a training at its start: features and means from `train`, a seeded network."""
    device = device_of(config)
    features = Features.fit(train)
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
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
    order = torch.randperm(len(rows), generator=generator).to(training.device)
    sums = torch.zeros(3, dtype=torch.float64)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed * 1_000_003 + epoch)  # dropout draws from the global stream
        for batch in order.split(config.batch_size):
            if len(batch) < 2:  # BatchNorm needs two rows
                continue
            plays, rank = _batch_losses(training, rows.at(batch), generator)
            loss = plays + config.rank_weight * rank
            training.optimizer.zero_grad()
            loss.backward()
            training.optimizer.step(config.max_grad_norm)
            sums += torch.stack([loss, plays, rank]).detach().cpu() * len(batch)
    means = (sums / max(len(rows), 1)).tolist()
    if not all(map(math.isfinite, means)):
        raise FloatingPointError
    return Epoch(
        epoch,
        *means,
        learning_rate=training.optimizer.learning_rate,
        samples_per_second=len(rows) / (time.perf_counter() - started),
    )


def _batch_losses(
    training: Training, batch: Rows, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (plays loss, rank loss) of a batch; the rank loss is 0 without negatives.

    The S drawn tracks are shared by the batch, so the track side costs B + S and not B x S.
    """
    config, network, tables = training.config, training.network, training.tables
    B, S = len(batch), config.negatives
    listeners = tables.listeners_at(batch.user_N)
    listeners.user_L = _dropped(listeners.user_L, config.id_dropout, generator)
    catalogue = training.features.tracks.rows
    drawn_S = torch.randint(1, catalogue, (S,), generator=generator).unique().to(training.device)
    tracks = tables.tracks_at(torch.cat([batch.track_N.long(), drawn_S]))
    tracks.music_K = _dropped(tracks.music_K, config.id_dropout, generator)
    x_BI, x_KI = network.embed_listeners(listeners), network.embed_tracks(tracks)
    plays = network.plays(
        network.listener_part(x_BI, batch.b_user_N), network.track_part(x_KI[:B], batch.b_track_N)
    )
    plays_mse = plays_loss(plays, batch.target_N)
    if not S:
        return plays_mse, plays.new_zeros(())
    played_BI, drawn_SI = x_KI.split([B, len(drawn_S)])
    return plays_mse, rank_loss(
        network.rank_pairs(x_BI, played_BI),
        network.rank(x_BI, drawn_SI),
        training.heard.among(batch.user_N.long(), drawn_S),
    )


def _dropped(ids: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Return `ids` with a random share replaced by the unknown, 0."""
    if not share:
        return ids
    keep = torch.rand(len(ids), generator=generator) >= share
    return ids * keep.to(ids.device)
