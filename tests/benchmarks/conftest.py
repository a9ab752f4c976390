"""What tests of the benches share: their modules, which live beside the package."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SHARED_BY_BENCHES = ("_bench", "contenders", "datasets", "quality", "channels")


@pytest.fixture(scope="module")
def quality() -> Iterator[ModuleType]:
    with _beside_peers("quality") as module:
        yield module


@pytest.fixture(scope="module")
def channels() -> Iterator[ModuleType]:
    with _beside_peers("channels") as module:
        yield module


@contextmanager
def _beside_peers(name: str) -> Iterator[ModuleType]:
    pytest.importorskip("lightfm", reason="the peers are not installed: pip install '.[peers]'")
    pytest.importorskip("lightgbm", reason="the peers are not installed: pip install '.[peers]'")
    before = {other: sys.modules.pop(other, None) for other in SHARED_BY_BENCHES}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module(name)
    sys.modules.update({other: module for other, module in before.items() if module})
