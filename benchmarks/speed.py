"""How fast the network trains, beside the training loop that one would write first.

    python benchmarks/speed.py --json build/speed.json [--quick]

Both sides train the same network (plays head alone) from the same weights on the same rows of one
synthetic world. Only the loop differs:

- ours: `encore.models.training.train_epoch` as `encore train` runs it. A batch is indexed whole
  from tensors, and embedding tables receive sparse gradients.
- peer: a Dataset that builds a dict of tensors for each sample, a DataLoader that collates them,
  dense gradients, `torch.optim.Adam` over all parameters. The loop of countless tutorials.
- tuned peer, beside the figure at the small size: the same, but its columns are tensors already
  and a sample indexes them, which is several times quicker than making tensors from numbers.

Each side first looks for its best batch size among the same ones (the peer for its DataLoader's
workers too); then the two run in turn, A B A B, so that a busy machine slows both. Peak memory is
measured in a process of each side's own.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, Protocol

# Threads that spin while they wait slow each other tenfold where other programs want the cores too.
# OpenMP reads this when torch is loaded; it holds for both sides.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils import data as torch_data

import _bench
from encore.config import TrainConfig
from encore.data import world
from encore.data.dataset import Dataset
from encore.data.features import Features
from encore.models import training
from encore.models.losses import plays_loss
from encore.models.network import ListenerInputs, TrackInputs

PACKAGES = ("torch", "numpy", "polars")
SHRINK = (2.0, 5.0)  # of the means, in rows; any value serves, both sides read the same means
SEED_BATCH = 256  # the batch size of the loop's original
WARM_UP = 2  # steps before anything is timed: lazy set-up, the optimiser's state
LEAST_STEPS = 3
PREFETCHED = 2  # batches that a DataLoader's worker prepares ahead: torch's default
CONTROL_ROWS = 65_536  # after which both sides' losses are compared
CONTROL_BATCH = 1024
MEMORY_STEPS = 5


class Setting(NamedTuple):
    """What a side may choose; `workers` are the DataLoader's, our side has none."""

    batch_size: int
    workers: int = 0

    def __str__(self) -> str:
        return f"batch {self.batch_size}" + (f", {self.workers} workers" if self.workers else "")


@dataclass(frozen=True)
class Scale:
    """A size of world, and what is tried on it."""

    figure: str
    listeners: int
    tracks: int
    plays_per_listener: float
    goal: float  # least ratio
    rounds: int  # of A B
    thorough: bool  # whether the tuned peer runs too, and the control of equal loss
    ours: tuple[Setting, ...]
    peer: tuple[Setting, ...]


@dataclass(frozen=True)
class Effort:
    """How long to measure: seconds of a chunk (or LEAST_STEPS), and at most so many rounds."""

    seconds: float
    rounds: int


# The same batch sizes for both: a larger batch spreads a dense step's cost over more rows.
SIZES = (256, 1024, 4096, 16384)
OURS = tuple(Setting(size) for size in SIZES)
PEER = tuple(Setting(size, workers) for workers in (0, 2) for size in SIZES)
# A step of dense Adam on these tables takes seconds: there is little for workers to hide behind it.
PEER_1M = (*(Setting(size) for size in SIZES), Setting(SIZES[-1], 2))
QUICK_SIZES = (1024, 4096)
QUICK_WORKERS = (0, 2)
SCALES = (
    Scale("train_10k_vs_seed_loop", 10_000, 10_000, 40, 4.0, 5, True, OURS, PEER),
    # few plays for each listener: a step's cost does not depend on how many rows lie outside it
    Scale("train_1M_vs_seed_loop", 1_000_000, 380_000, 5, 50.0, 3, False, OURS, PEER_1M),
)
FULL = Effort(seconds=2.0, rounds=5)
QUICK = Effort(seconds=0.5, rounds=3)
QUICK_SCALE = replace(
    SCALES[0],
    thorough=False,
    ours=tuple(Setting(size) for size in QUICK_SIZES),
    peer=tuple(Setting(size, workers) for workers in QUICK_WORKERS for size in QUICK_SIZES),
)


class Side(Protocol):
    """A way to train: runs so many steps, and returns the samples/s of them."""

    def run(self, setting: Setting, steps: int) -> float:
        """Train for `steps` batches."""

    def loss(self, rows: Tensor) -> float:
        """Return the plays loss on rows of plays, not in training."""


def prepared(data: Dataset, features: Features, optimizer: str) -> training.Training:
    """Return a training at its start: the plays head alone, no id dropped, as in the peer."""
    config = TrainConfig(negatives=0, id_dropout=0.0, device="cpu").replaced(optimizer=optimizer)
    return training.prepare(data, features, config, SHRINK)


class Ours:
    """encore's training step."""

    def __init__(self, data: Dataset, features: Features) -> None:
        self._training = prepared(data, features, "rows")
        self._generator = torch.Generator().manual_seed(1)
        self._epochs = 0

    def run(self, setting: Setting, steps: int) -> float:
        """Train for one epoch of so many rows as make `steps` batches."""
        rows = self._training.rows
        some = torch.randperm(len(rows), generator=self._generator)[: steps * setting.batch_size]
        chunk = replace(
            self._training,
            config=self._training.config.replaced(batch_size=setting.batch_size),
            rows=rows.at(some),
        )
        self._epochs += 1
        started = time.perf_counter()
        training.train_epoch(chunk, self._epochs)
        return len(some) / (time.perf_counter() - started)

    def loss(self, rows: Tensor) -> float:
        """Return the plays loss on rows of plays, not in training."""
        return evaluated(self._training, rows)


class Samples(torch_data.Dataset[dict[str, Tensor]]):
    """Rows of plays as samples, each a dict of tensors built from arrays, as a tutorial does it."""

    def __init__(self, prepared: training.Training) -> None:
        rows, listeners, tracks = prepared.rows, prepared.tables.listeners, prepared.tables.tracks
        self._user, self._track = rows.user_N.numpy(), rows.track_N.numpy()
        self._of_row = _arrays(
            user_mean=rows.b_user_N, track_mean=rows.b_track_N, plays=rows.target_N
        )
        self._of_user = _arrays(user=listeners.user_L, user_numerical=listeners.numerical_LF)
        self._of_track = _arrays(
            music=tracks.music_K,
            artist=tracks.artist_K,
            genres=tracks.genres_KG,
            numerical=tracks.numerical_KF,
            binary=tracks.binary_KB,
        )

    def __len__(self) -> int:
        return len(self._user)

    def __getitem__(self, place: int) -> dict[str, Tensor]:
        user, track = self._user[place], self._track[place]
        sample = {name: torch.tensor(values[place]) for name, values in self._of_row.items()}
        sample |= {name: torch.tensor(values[user]) for name, values in self._of_user.items()}
        sample |= {name: torch.tensor(values[track]) for name, values in self._of_track.items()}
        return sample


def _arrays(**columns: Tensor) -> dict[str, npt.NDArray[Any]]:
    return {name: column.numpy() for name, column in columns.items()}


class IndexedSamples(torch_data.Dataset[dict[str, Tensor]]):
    """The same samples, indexed from tensors: about as quick as one sample at a time can be."""

    def __init__(self, prepared: training.Training) -> None:
        self._rows, self._tables = prepared.rows, prepared.tables
        self._user, self._track = prepared.rows.user_N.numpy(), prepared.rows.track_N.numpy()

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: int) -> dict[str, Tensor]:
        rows, listeners, tracks = self._rows, self._tables.listeners, self._tables.tracks
        user, track = self._user[place], self._track[place]
        return {
            "user": listeners.user_L[user],
            "user_numerical": listeners.numerical_LF[user],
            "user_mean": rows.b_user_N[place],
            "music": tracks.music_K[track],
            "artist": tracks.artist_K[track],
            "genres": tracks.genres_KG[track],
            "numerical": tracks.numerical_KF[track],
            "binary": tracks.binary_KB[track],
            "track_mean": rows.b_track_N[place],
            "plays": rows.target_N[place],
        }


class Peer:
    """The loop that one would write first, on the same network with dense gradients."""

    samples: type[Samples] | type[IndexedSamples] = Samples

    def __init__(self, data: Dataset, features: Features) -> None:
        self._training = prepared(data, features, "dense")
        config, self._network = self._training.config, self._training.network
        self._samples = self.samples(self._training)
        self._optimizer = torch.optim.Adam(
            self._network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )

    def run(self, setting: Setting, steps: int) -> float:
        """Train for `steps` batches, timed from when what the workers prepared ahead is used up."""
        self._network.train()
        loader = torch_data.DataLoader(
            self._samples,
            batch_size=setting.batch_size,
            shuffle=True,
            drop_last=True,
            num_workers=setting.workers,
        )
        batches = iter(loader)
        for _ in range(1 + PREFETCHED * setting.workers):
            self._step(next(batches))
        total_loss = 0.0
        started = time.perf_counter()
        for _ in range(steps):
            total_loss += self._step(next(batches))
        return steps * setting.batch_size / (time.perf_counter() - started)

    def _step(self, batch: dict[str, Tensor]) -> float:
        predicted = self._network(
            ListenerInputs(batch["user"], batch["user_numerical"], batch["user_mean"]),
            TrackInputs(
                batch["music"],
                batch["artist"],
                batch["genres"],
                batch["numerical"],
                batch["binary"],
                batch["track_mean"],
            ),
        )
        loss = torch.nn.functional.mse_loss(predicted, batch["plays"])
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(
            self._network.parameters(), self._training.config.max_grad_norm
        )
        self._optimizer.step()
        return loss.item()

    def loss(self, rows: Tensor) -> float:
        """Return the plays loss on rows of plays, not in training."""
        return evaluated(self._training, rows)


class TunedPeer(Peer):
    """The same loop over samples that cost as little as samples can."""

    samples = IndexedSamples


SIDES: dict[str, type[Ours] | type[Peer]] = {"ours": Ours, "peer": Peer}
TUNED = "tuned peer"


@torch.no_grad()
def evaluated(prepared: training.Training, at: Tensor) -> float:
    """Return the plays loss of a training's network on some of its rows."""
    rows, tables, network = prepared.rows.at(at), prepared.tables, prepared.network
    network.eval()
    listeners = replace(tables.listeners_at(rows.user_N), mean_L=rows.b_user_N)
    tracks = replace(tables.tracks_at(rows.track_N), mean_K=rows.b_track_N)
    return plays_loss(network(listeners, tracks), rows.target_N).item()


def chunk_steps(samples_per_second: float, setting: Setting, seconds: float, rows: int) -> int:
    """Return how many steps fill `seconds`, within one pass over the rows.

    >>> chunk_steps(8000, Setting(1024), 2.0, 400_000)
    16
    >>> chunk_steps(100, Setting(4096), 2.0, 400_000)
    3
    """
    wanted = max(LEAST_STEPS, round(seconds * samples_per_second / setting.batch_size))
    ahead = 1 + PREFETCHED * setting.workers  # the peer's untimed batches
    return max(1, min(wanted, rows // setting.batch_size - ahead))


def rated(side: Side, setting: Setting, seconds: float, rows: int) -> float:
    """Return a side's samples/s at a setting, after a warm-up."""
    first = side.run(setting, WARM_UP)
    return side.run(setting, chunk_steps(first, setting, seconds, rows))


def in_turn(
    sides: dict[str, Side], settings: dict[str, Setting], effort: Effort, rows: int
) -> dict[str, list[float]]:
    """Return each side's samples/s in every round, the sides measured in turn."""
    steps = {}
    for name, side in sides.items():
        rate = side.run(settings[name], WARM_UP)
        steps[name] = chunk_steps(rate, settings[name], effort.seconds, rows)
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(effort.rounds):
        for name, side in sides.items():
            rates[name].append(side.run(settings[name], steps[name]))
    return rates


def control(data: Dataset, features: Features) -> dict[str, float]:
    """Return both sides' loss after the same number of rows, from the same start.

    A quick loop that learns less would be no gain.
    """
    steps = CONTROL_ROWS // CONTROL_BATCH
    judged = torch.randperm(data.plays.height, generator=torch.Generator().manual_seed(2))[:16_384]
    found = {}
    for name, make in SIDES.items():
        side = make(data, features)
        found["untrained_loss"] = side.loss(judged)
        side.run(Setting(CONTROL_BATCH), steps)
        found[f"{name}_loss"] = side.loss(judged)
    return found


def peak_of(name: str, setting: Setting, folder: Path) -> float:
    """Return the peak memory (GiB) of a side that trains alone in a process of its own."""
    command = [sys.executable, __file__, "--side", name, "--data", str(folder)]
    command += ["--batch-size", str(setting.batch_size)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(answer.stdout)["peak_gib"])


def tell_peak(name: str, batch_size: int, folder: Path) -> None:
    """Train a few steps and print the peak memory, as the child of `peak_of`.

    Without workers: theirs would be memory of other processes, shared in part.
    """
    data = Dataset.load(folder)
    side: Side = SIDES[name](data, Features.fit(data))
    del data
    _bench.forget_peak()
    side.run(Setting(batch_size), MEMORY_STEPS)
    sys.stdout.write(json.dumps({"peak_gib": _bench.peak_gib()}))


def measure(scale: Scale, effort: Effort, folder: Path, *, whole: bool) -> _bench.Figure:
    """Return the figure of one scale; with `whole`, the seed's batch size and the control too."""
    console = _bench.console()
    made = world.make(
        scale.listeners,
        scale.tracks,
        plays_per_listener=scale.plays_per_listener,
        events=False,
    ).data
    made.save(folder)
    features, rows = Features.fit(made), made.plays.height
    console.print(f"\n[bold]{scale.figure}[/bold]: a synthetic world, {made}")
    sides: dict[str, Side] = {name: make(made, features) for name, make in SIDES.items()}
    candidates = {"ours": scale.ours, "peer": scale.peer}
    if scale.thorough:
        sides[TUNED], candidates[TUNED] = TunedPeer(made, features), scale.peer
    beside: dict[str, Any] = {"rows": rows}

    best = {}
    for name, tried in candidates.items():
        rates = {setting: rated(sides[name], setting, effort.seconds, rows) for setting in tried}
        for setting, rate in rates.items():
            console.print(f"  {name}: {setting}: {rate:,.0f} samples/s")
        best[name] = max(rates, key=lambda setting: rates[setting])
        beside[f"{_key(name)}_batch_size"] = best[name].batch_size
        beside[f"{_key(name)}_workers"] = best[name].workers
        beside[f"{_key(name)}_tried"] = {str(setting): rate for setting, rate in rates.items()}

    effort = replace(effort, rounds=min(effort.rounds, scale.rounds))
    found = in_turn(sides, best, effort, rows)
    beside |= _bench.spread(found["ours"], found["peer"])
    figure = _bench.Figure(
        scale.figure,
        ours=median(found["ours"]),
        peer=median(found["peer"]),
        unit="samples/s",
        better="higher",
        goal=scale.goal,
    )
    tell(console, "each at its best", best, found)
    if scale.thorough:
        beside["tuned_peer"] = median(found[TUNED])
        beside["ratio_to_tuned_peer"] = figure.ours / beside["tuned_peer"]
    if whole:
        settings = dict.fromkeys(sides, Setting(SEED_BATCH))
        at_seed = in_turn(sides, settings, effort, rows)
        tell(console, "both at the seed's batch size", settings, at_seed)
        beside[f"at_{SEED_BATCH}"] = _bench.spread(at_seed["ours"], at_seed["peer"]) | {
            _key(name): median(values) for name, values in at_seed.items()
        }
    del sides
    for name in SIDES:
        beside[f"{name}_peak_gib"] = round(peak_of(name, best[name], folder), 2)
        console.print(f"  {name}: peak memory {beside[f'{name}_peak_gib']:.2f} GiB")
    if whole and scale.thorough:
        beside |= control(made, features)
        console.print(
            f"  plays loss: {beside['untrained_loss']:.4f} untrained, after {CONTROL_ROWS:,} rows "
            f"at batch {CONTROL_BATCH}: ours {beside['ours_loss']:.4f}, "
            f"peer {beside['peer_loss']:.4f}"
        )
    return replace(figure, beside=beside)


def tell(
    console: Any, what: str, settings: dict[str, Setting], rates: dict[str, list[float]]
) -> None:
    """Print medians and ratios of rounds measured in turn."""
    for name, values in rates.items():
        console.print(
            f"  {what}: {name} ({settings[name]}): median {median(values):,.0f} samples/s "
            f"of {', '.join(f'{value:,.0f}' for value in values)}"
        )
    for name in rates.keys() - {"ours"}:
        ratios = _bench.spread(rates["ours"], rates[name])
        console.print(
            f"  {what}: ours over {name}: {median(rates['ours']) / median(rates[name]):.1f} "
            f"of medians, {ratios['ratio_low']:.1f} to {ratios['ratio_high']:.1f} in the rounds"
        )


def _key(side: str) -> str:
    return side.replace(" ", "_")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the figures."""
    parser = argparse.ArgumentParser(description="training speed beside a per-sample loop")
    parser.add_argument("--json", type=Path, help="write machine and figures to this file")
    parser.add_argument("--quick", action="store_true", help="the small world only, few steps")
    # for the child processes that measure peak memory
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--batch-size", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.side:
        tell_peak(given.side, given.batch_size, given.data)
        return
    console = _bench.console()
    machine = _bench.machine(PACKAGES) | {"torch_threads": torch.get_num_threads()}
    console.print_json(data=machine)
    effort, scales = (QUICK, (QUICK_SCALE,)) if given.quick else (FULL, SCALES)
    with tempfile.TemporaryDirectory() as folder:
        figures = [
            measure(scale, effort, Path(folder) / scale.figure, whole=not given.quick)
            for scale in scales
        ]
    console.print(_bench.table(figures))
    if given.json:
        _bench.write_json(given.json, machine, figures)


if __name__ == "__main__":
    main()
