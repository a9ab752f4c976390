"""Where folds are measured: here, one after the other, or in processes of their own.

Processes and not threads: the network's seeded draws come from torch's one generator, which
threads would share. Both ways call the same function.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager

from encore.config import TrainConfig
from encore.tuning.objectives import Objective

Measure = Callable[[TrainConfig, int], Future[float]]

_objective: Objective | None = None  # of this process, where it is a job's


@contextmanager
def measuring(objective: Objective, jobs: int) -> Iterator[Measure]:
    """Yield the function that measures settings on a fold, in at most `jobs` processes at once."""
    if jobs == 1:
        yield lambda config, fold: _at_once(objective, config, fold)
        return
    pool = ProcessPoolExecutor(
        jobs,
        multiprocessing.get_context("spawn"),  # forks of a process with threads may hang
        _begin,
        (objective, max((os.cpu_count() or 1) // jobs, 1)),
    )
    try:
        yield lambda config, fold: pool.submit(_measure, config, fold)
    finally:
        pool.shutdown(cancel_futures=True)


def _at_once(objective: Objective, config: TrainConfig, fold: int) -> Future[float]:
    """Return what a fold said; an interruption is not kept for later but raised."""
    future: Future[float] = Future()
    try:
        future.set_result(objective.measure(config, fold))
    except Exception as error:
        future.set_exception(error)
    return future


def _begin(objective: Objective, threads: int) -> None:
    global _objective
    import torch
    from threadpoolctl import threadpool_limits

    threading.Thread(target=_leave_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    threadpool_limits(limits=threads)
    _objective = objective


def _leave_with_parent() -> None:
    """End this process when the one that began it is gone: killed, it cannot tell its jobs."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _measure(config: TrainConfig, fold: int) -> float:
    if _objective is None:
        raise RuntimeError("a job was asked before it was told of what")
    return _objective.measure(config, fold)
