"""The import benchmark: what it writes, that both sides do the same work, its arithmetic."""

import sys
from pathlib import Path

import polars as pl
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.delitem(sys.modules, "data", raising=False)
    import data

    yield data
    sys.modules.pop("data", None)


def test_both_sides_keep_the_same_pairs(bench, tmp_path) -> None:
    file = tmp_path / "listens.csv"
    bench.write_listens(file, 20_000)
    listens = pl.read_csv(file, infer_schema=False)
    assert listens.height == 20_000
    assert "yesterday" in listens["listened_at"]
    kept = bench.ours(file, tmp_path / "ours")
    assert kept == bench.peer(file, tmp_path / "peer") > 1000
    bench.write_listens(tmp_path / "again.csv", 20_000)
    assert (tmp_path / "again.csv").read_bytes() == file.read_bytes()


def test_figures_are_medians_of_time_and_the_worst_of_memory(bench) -> None:
    def rounds(seconds: list[float], peak: float) -> list[dict[str, float]]:
        return [{"seconds": s, "peak_gib": peak * s, "pairs": 7} for s in seconds]

    found = {"ours": rounds([1.0, 2.0, 9.0], 0.5), "peer": rounds([8.0, 6.0, 4.0], 1.0)}
    speed, memory = bench.figures(found, 5_000_000)
    assert (speed.name, speed.ours, speed.peer, speed.ratio) == ("import_5M_vs_pandas", 2, 6, 3)
    assert (memory.name, memory.ours, memory.peer) == ("import_5M_memory_vs_pandas", 4.5, 8.0)
    found["peer"][0]["pairs"] = 8
    with pytest.raises(ValueError, match="different pairs"):
        bench.figures(found, 5_000_000)
