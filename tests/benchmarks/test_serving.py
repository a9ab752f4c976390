"""The serving benchmark: its sides do what they are said to do."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from encore import Recommender

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    import serving

    yield serving
    sys.modules.pop("serving", None)


def test_sides_take_turns_and_their_medians_are_told(
    bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(np.cumsum([0, 0.001, 0, 0.004, 0, 0.003, 0, 0.008, 0, 0.002, 0, 0.006]))
    monkeypatch.setattr(bench.time, "perf_counter", lambda: next(clock))
    asked: list[tuple[str, int]] = []
    sides = {name: lambda one, name=name: asked.append((name, one)) for name in ("ours", "peer")}
    assert bench.in_turn(sides, [7, 8, 9]) == pytest.approx({"ours": 2, "peer": 6})
    warmed = [("ours", 7), ("peer", 7)]
    assert asked == warmed + [(name, one) for one in (7, 8, 9) for name in ("ours", "peer")]


@torch.inference_mode()
def test_the_whole_catalogue_goes_through_the_network(bench, small_model: Recommender) -> None:
    scorers = small_model.bundle.scorers
    network, tables = scorers.network.eval(), scorers.tables
    x_1I = network.embed_listeners(tables.listeners_at(torch.tensor([3])))
    x_TI = network.embed_tracks(tables.tracks)
    # In two parts, and without the means: what is left is what the last layer says.
    listener = network.listener_part(x_1I, torch.zeros(1)).as_rows()
    scores_T = network.plays(listener, network.track_part(x_TI, torch.zeros(len(x_TI))))[0]
    assert scores_T.std() > 0
    best = bench.whole_catalogue(small_model, 3)
    assert scores_T[best].tolist() == pytest.approx(scores_T.topk(bench.LISTED).values.tolist())


def test_plain_lists_of_many_are_those_of_the_peers(bench, small_model: Recommender) -> None:
    figures = bench.together(small_model, rounds=1)
    assert [figure.name for figure in figures] == ["batch_vs_implicit", "batch_vs_faiss"]
    assert all(figure.ours > 0 < figure.peer for figure in figures)
