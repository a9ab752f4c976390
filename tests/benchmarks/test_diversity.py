"""The bench of diversity: its arithmetic, and that the page shows what was measured."""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest

from encore import Dataset, Recommender, Rules
from encore.evaluation import questions
from encore.evaluation.questions import Known
from encore.schema import conform

ROOT = Path(__file__).parents[2]
MODULES = ("_bench", "datasets", "diversity")


@pytest.fixture(scope="module")
def bench() -> Iterator[ModuleType]:
    before = {name: sys.modules.pop(name, None) for name in MODULES}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        yield importlib.import_module("diversity")
    for name, module in before.items():
        sys.modules.pop(name, None)
        if module:
            sys.modules[name] = module


def test_figures_are_of_the_half_that_did_not_choose(bench: ModuleType) -> None:
    plain = {name: np.ones(8) for name in ("ndcg", "ndcg_whole", "content", "listening")}
    varied = {name: np.tile([3.0, 2.0], 4) for name in plain}
    (figure,) = bench.figures_of("mmr", 0.5, 10, varied, plain)
    assert (figure.name, figure.ours, figure.peer) == ("hetrec_mmr_0.5_of_10", 2, 1)
    assert figure.beside["content_ratio"] == figure.ratio == 2
    assert figure.beside["content_chosen_by"] == 3
    assert (figure.beside["ratio_low"], figure.beside["ratio_high"]) == (2, 2)
    assert figure.beside["listeners"] == 4


def test_lists_are_those_of_recommend(
    bench: ModuleType, small_model: Recommender, small_world: Dataset
) -> None:
    users = small_world.plays["user_id"].unique(maintain_order=True)[:6]
    every = users.to_frame().join(small_world.tracks.select("track_id"), how="cross")
    test = small_world.with_tables(plays=conform(every.with_columns(plays=pl.lit(1.0)), "plays"))
    asked = questions.discovery(Known.to(small_model), test)
    found = bench.lists(small_model, bench.asked(small_model, asked), 5, Rules())
    tracks = small_model.bundle.features.tracks
    assert len(found) == 6
    for user_id, top_n in zip(asked.listeners, found, strict=True):
        single = small_model.recommend(str(user_id), 5)
        assert tracks.decode(top_n).to_list() == [slot.track_id for slot in single.slots]


def test_the_page_shows_what_was_measured(bench: ModuleType) -> None:
    measured = json.loads((ROOT / "benchmarks/measured/diversity.json").read_text("utf-8"))
    page = (ROOT / "docs/recommending.md").read_text("utf-8")
    assert bench.markdown(measured["figures"]) in page
    of_twenty = measured["figures"][f"hetrec_pairs_{Rules().lambda_div:g}_of_20"]
    assert of_twenty["ratio"] >= bench.FLOOR
    assert of_twenty["content_ratio"] >= bench.GOAL
    assert bench.drawn(measured["figures"]).axes
