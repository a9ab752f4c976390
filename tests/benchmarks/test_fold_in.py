"""The fold-in benchmark: what is asked for at a cut, and its arithmetic."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from encore import Dataset, Recommender

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CUT = datetime(2021, 1, 1, tzinfo=UTC)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import fold_in

    yield fold_in
    sys.modules.pop("fold_in", None)


def test_listens_of_a_window_are_counted_and_skips_are_not(bench, small_world: Dataset) -> None:
    times = small_world.events["listened_at"]
    cut = times.median()
    before = bench.plays_between(small_world, None, cut)
    after = bench.plays_between(small_world, cut, datetime(2100, 1, 1, tzinfo=UTC))
    counted = small_world.events.filter(~pl.col("skipped").fill_null(False)).height
    assert before.plays["plays"].sum() + after.plays["plays"].sum() == counted
    assert before.events["listened_at"].max() < cut <= after.events["listened_at"].min()


def test_new_artists_are_those_of_the_window_alone(
    bench, small_model: Recommender, small_world: Dataset
) -> None:
    mine = small_world.events.filter(pl.col("user_id") == small_world.events["user_id"][0])
    cut = mine["listened_at"].median()
    found = bench.window(small_model, small_world.with_tables(events=mine), cut)
    plays = mine.filter(~pl.col("skipped").fill_null(False))
    end = pl.select(pl.lit(cut).dt.offset_by(bench.WINDOW)).item()
    before = set(plays.filter(pl.col("listened_at") < cut)["track_id"])
    window = plays.filter(pl.col("listened_at").is_between(cut, end, closed="left"))
    assert len(found.ranks) == len(set(window["track_id"]) - before) > 0
    assert (found.artists, found.plays_matched) == (len(before), 1)
    most = small_world.tracks.height - len(before)
    assert all(1 <= place <= most for pair in found.ranks for place in pair)


def test_figures_leave_out_a_window_in_which_neither_list_finds_any(bench) -> None:
    windows = [
        bench.Window(CUT, 0.2, 0.1, [(3, 9), (40, 4)], 5, 0.5),
        bench.Window(CUT.replace(month=3), 0.0, 0.0, [(10, 30)], 6, 0.5),
    ]
    whole, places = bench.figures(windows)
    assert (whole.name, whole.ours, whole.peer) == ("fold_in_new_artists_all_windows", 0.1, 0.05)
    assert whole.beside["better_in"] == 1
    assert whole.beside["windows"]["2021-03-01"]["ours"] == 0
    assert (places.ours, places.peer, places.ratio) == (10, 9, 0.9)
    assert (places.beside["placed_better"], places.beside["new_artists"]) == (2, 3)
    assert bench.ndcg(["a", "b"], {"a"}) == 1
