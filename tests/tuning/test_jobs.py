"""Jobs are processes: they measure what is measured here, and never outlive who began them."""

import multiprocessing
import signal
import subprocess
import sys

import pytest

from encore import TrainConfig
from encore.tuning.jobs import measuring

BEGINS_AND_IS_KILLED = """
import os, signal
from encore import TrainConfig, world
from encore.tuning.jobs import measuring
from encore.tuning.objectives import ChannelAlone

if __name__ == "__main__":
    data = world.make(listeners=30, tracks=60, seed=1).data
    with measuring(ChannelAlone("ease", data, "listener", 1, 0.1, 0), 2) as measure:
        measure(TrainConfig(), 0).result()
        print("measured", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


class Squares:
    folds = 1

    def measure(self, config, fold):
        if fold > 1:
            raise MemoryError("no room")
        return float(config.seed**2 + fold)


@pytest.mark.parametrize("jobs", [1, 2])
def test_values_and_errors_come_back(jobs):
    with measuring(Squares(), jobs) as measure:
        assert measure(TrainConfig(seed=3), 1).result() == 10.0
        assert isinstance(measure(TrainConfig(), 2).exception(), MemoryError)
    assert not multiprocessing.active_children()


def test_jobs_end_with_who_began_them(tmp_path):
    script = tmp_path / "begins.py"
    script.write_text(BEGINS_AND_IS_KILLED)
    # The jobs hold the other end of standard output: it ends when the last of them does.
    done = subprocess.run(
        [sys.executable, script], stdout=subprocess.PIPE, text=True, timeout=100, check=False
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "measured\n")
