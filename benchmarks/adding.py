"""Tracks that join a trained model, beside ones that stood unheard in its catalogue.

    python benchmarks/adding.py --json build/adding.json [--quick]

The split of the board *cold track* on HetRec: 15 % of the artists with content lose every listen.
Ours is trained without them, catalogue and tags included, and they are added to it afterwards
(`Recommender.add_tracks`); the peer is trained with them in its catalogue, unheard. Both rank them
among themselves, for the same listeners: NDCG@10 of the list, and of ours with the weights of the
peer on unheard tracks, which each training chooses on tracks of its own that it sets aside. Recipe
`quick`, two epochs, the channels that score unheard tracks. Five minutes.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

import _bench
import encore
from datasets import BESIDE, hetrec
from encore import Dataset, Recommender, TrainConfig, metrics
from encore.data.cold import cold_tracks
from encore.evaluation import questions
from encore.evaluation.boards import redrawn
from encore.evaluation.questions import Known
from encore.models.ranking import are_held, top_k

PACKAGES = ("torch", "numpy", "polars")
CHANNELS = ("item-knn", "hybrid", "content", "tag-popularity")
CUT = 10
SEED = 0


def config(quick: bool) -> TrainConfig:
    """Return the settings of both trainings."""
    return encore.recipes.quick().replaced(max_epochs=1 if quick else 2, channels=CHANNELS)


def without(train: Dataset, cold: pl.Series) -> Dataset:
    """Return the training side without the cold tracks: not even their names are there."""
    absent = ~pl.col("track_id").is_in(cold.implode())
    tags = train.tags.filter(absent)
    return train.with_tables(tracks=train.tracks.filter(absent), tags=tags)


def alone(train: Dataset, cold: pl.Series) -> Dataset:
    """Return the cold tracks with what training knows of them, and nothing else."""
    there = pl.col("track_id").is_in(cold.implode())
    nothing = {name: train.table(name).clear() for name in ("plays", "events", "feedback")}
    tags = train.tags.filter(there)
    return train.with_tables(tracks=train.tracks.filter(there), tags=tags, **nothing)


def ndcg(model: Recommender, test: Dataset, *, chance: bool = False) -> npt.NDArray[np.float64]:
    """Return the NDCG@10 of each listener, the cold tracks ranked among themselves."""
    question, _ = questions.cold_tracks(Known.to(model), test)
    scores_BT = model.scores(question.audience)
    question.close(scores_BT, question.audience.history_BT)
    top_BK = top_k(scores_BT, CUT, model.bundle.scorers.ties)
    if chance:
        question = redrawn(question, SEED)
    return metrics.ndcg_at_k(are_held(top_BK, question.held_BT), question.relevant_B, CUT)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train both, add, rank, print, and write the figures."""
    parser = argparse.ArgumentParser(description="tracks that join a trained model")
    parser.add_argument("--json", type=Path, help="write machine and figures to this file")
    parser.add_argument("--data", type=Path, default=BESIDE, help="the folder of listening data")
    parser.add_argument("--quick", action="store_true", help="one epoch")
    given = parser.parse_args(arguments)
    console, machine = _bench.console(), _bench.machine(PACKAGES)
    console.print_json(data=machine)
    sides = cold_tracks(hetrec(given.data), seed=SEED)
    train, test = sides.train, sides.test
    cold = test.plays["track_id"].unique(maintain_order=True)
    stood = encore.train(train, config(given.quick))
    small = encore.train(without(train, cold), config(given.quick))
    started = time.perf_counter()
    grown = small.add_tracks(alone(train, cold))
    seconds = time.perf_counter() - started
    choice = replace(grown.bundle.choice, unheard=stood.bundle.choice.unheard)
    of_peer = Recommender(replace(grown.bundle, choice=choice))
    peer_B, chance_B = ndcg(stood, test), ndcg(stood, test, chance=True)
    told = []
    for name, model in (("added_tracks", grown), ("added_tracks_same_weights", of_peer)):
        ours_B = ndcg(model, test)
        apart = metrics.mean_interval(ours_B - peer_B, SEED)
        beside = {
            "difference": apart.mean,
            "low": apart.low,
            "high": apart.high,
            "chance": float(np.nanmean(chance_B)),
            "tracks": len(cold),
            "listeners": len(ours_B),
            "seconds_to_add": seconds,
        }
        figures = float(np.nanmean(ours_B)), float(np.nanmean(peer_B))
        told.append(_bench.Figure(name, *figures, "NDCG@10", "higher", 1.0, beside))
    for figure in told:
        console.print(f"{figure.name}: {figure.to_json()}")
    if given.json:
        _bench.write_json(given.json, machine, told)


if __name__ == "__main__":
    main()
