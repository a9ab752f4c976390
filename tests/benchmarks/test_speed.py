"""The pure parts of the benchmarks. What they measure is never a test: a busy machine is no bug."""

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


bench = load("_bench")


def figure(**changes: object) -> object:
    given = {"ours": 8.0, "peer": 2.0, "unit": "samples/s", "better": "higher"}
    return bench.Figure("train", **(given | changes))


def test_ratio_says_how_many_times_better_ours_is() -> None:
    assert figure().ratio == 4
    assert figure(better="lower").ratio == 0.25
    assert figure(peer=0.0).ratio == math.inf
    assert math.isnan(figure(ours=0.0, peer=0.0).ratio)


def test_json_has_the_promised_form(tmp_path: Path) -> None:
    path = tmp_path / "build" / "speed.json"
    bench.write_json(path, {"cores": 2}, [figure(goal=4.0, beside={"rows": 9, "ours": "hidden"})])
    assert json.loads(path.read_text("utf-8")) == {
        "machine": {"cores": 2},
        "figures": {
            "train": {
                "ours": 8.0,
                "peer": 2.0,
                "ratio": 4.0,
                "unit": "samples/s",
                "better": "higher",
                "goal": 4.0,
                "rows": 9,
            }
        },
    }


def test_json_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one name"):
        bench.write_json(tmp_path / "twice.json", {}, [figure(), figure()])
    with pytest.raises(ValueError, match="JSON"):
        bench.write_json(tmp_path / "infinite.json", {}, [figure(peer=0.0)])
    assert not list(tmp_path.iterdir())


def test_spread_is_of_rounds_side_by_side() -> None:
    # each round is 4 x, though the machine was twice as busy in the second
    assert set(bench.spread([8.0, 4.0], [2.0, 1.0]).values()) == {4.0}


def test_machine_names_versions_and_cores() -> None:
    told = bench.machine(["numpy"])
    assert told["cores"] >= 1
    assert told["versions"]["numpy"]
    json.dumps(told, allow_nan=False)


def test_peak_memory_grows_with_what_is_held() -> None:
    bench.forget_peak()
    before = bench.peak_gib()
    held = bytearray(b"x") * 2**26
    assert bench.peak_gib() - before > 0.9 * len(held) / bench.GIB


def test_a_chunk_fills_its_seconds_within_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setenv("GOMP_SPINCOUNT", "1000")  # which the script would set for good
    speed = load("speed")
    steps = speed.chunk_steps
    assert steps(8000, speed.Setting(1024), 2.0, 400_000) == 16
    assert steps(1, speed.Setting(1024), 2.0, 400_000) == speed.LEAST_STEPS
    assert steps(1e9, speed.Setting(1024), 2.0, 400_000) == 389
    assert {scale.figure for scale in speed.SCALES} == {
        "train_10k_vs_seed_loop",
        "train_1M_vs_seed_loop",
    }


def test_wrong_usage_is_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "speed.py"), "--jsn", "x"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "--jsn" in done.stderr
