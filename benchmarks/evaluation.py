"""What an evaluation costs beside producing the recommendations alone, at 10 k x 100 k.

    python benchmarks/evaluation.py --json build/evaluation.json [--quick]

Both sides rank all tracks for the same listeners of a synthetic world with the same trained model,
in turn. The peer is `Recommender.top`: lists and nothing else. Ours is the discovery board of the
shipped list: the same lists, then every metric of it with intervals. The whole board, with each
scorer as a row of its own, is timed once beside.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

import _bench
import encore
from encore import Recommender, TrainConfig
from encore.data import world
from encore.evaluation.boards import DEPTH, SCORES_AT_ONCE, ranking_board
from encore.evaluation.questions import Known, discovery

PACKAGES = ("torch", "numpy", "scipy", "implicit")
GOAL = 1 / 1.5  # an evaluation may cost 1.5 times the recommendations


@dataclass(frozen=True)
class Scale:
    """How many listeners and tracks, and how often each side is timed."""

    listeners: int
    tracks: int
    rounds: int


FULL = Scale(10_000, 100_000, 3)
QUICK = Scale(1_000, 10_000, 3)


def trained(scale: Scale) -> tuple[Recommender, encore.Dataset]:
    """Return a model of a synthetic world, and its held-out side."""
    data = world.make(listeners=scale.listeners, tracks=scale.tracks, seed=0).data
    train, test = encore.split(data)
    config = TrainConfig(
        max_epochs=1, channels=("popularity", "item-knn", "als", "content"), als_factors=64
    )
    return encore.train(train, config), test


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of `work`, and the GiB that its peak lies above what was there before."""
    _bench.forget_peak()
    before, started = _bench.peak_gib(), time.perf_counter()
    work()
    return time.perf_counter() - started, _bench.peak_gib() - before


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the figure."""
    parser = argparse.ArgumentParser(description="evaluating beside recommending alone")
    parser.add_argument("--json", type=Path, help="write machine and figures to this file")
    parser.add_argument("--quick", action="store_true", help="a tenth of listeners and tracks")
    given = parser.parse_args(arguments)
    scale = QUICK if given.quick else FULL
    console = _bench.console()
    machine = _bench.machine(PACKAGES)
    console.print_json(data=machine)
    model, test = trained(scale)
    question = discovery(Known.to(model), test)
    blocks = np.array_split(
        question.audience.user_B,
        max(1, len(question.audience) * question.held_BT.shape[1] // SCORES_AT_ONCE),
    )
    sides = {
        "ours": lambda: ranking_board(model, question, baselines=False),
        "peer": lambda: [model.top(block, DEPTH) for block in blocks],
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for _ in range(scale.rounds):
        for name, work in sides.items():
            found[name].append(timed(work))
    seconds = {name: [second for second, _ in rounds] for name, rounds in found.items()}
    peaks = {f"{name}_peak_gib": max(gib for _, gib in rounds) for name, rounds in found.items()}
    whole, whole_peak = timed(lambda: ranking_board(model, question))
    figure = _bench.Figure(
        "evaluate_vs_recommend",
        median(seconds["ours"]),
        median(seconds["peer"]),
        "s",
        "lower",
        GOAL,
        {
            **_bench.spread(seconds["peer"], seconds["ours"]),
            **peaks,
            "listeners": len(question.audience),
            "tracks": scale.tracks,
            "whole_board_seconds": whole,
            "whole_board_peak_gib": whole_peak,
            "whole_board_models": len(model.bundle.scorers.names) + 2,
        },
    )
    console.print(_bench.table([figure]))
    console.print(
        f"an evaluation costs {1 / figure.ratio:.2f} times the recommendations "
        f"(at most 1.5 is the goal); the whole board of {figure.beside['whole_board_models']} "
        f"models {whole:.0f} s, peak {whole_peak:.2f} GiB"
    )
    if given.json:
        _bench.write_json(given.json, machine, [figure])


if __name__ == "__main__":
    main()
