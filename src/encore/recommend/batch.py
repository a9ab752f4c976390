"""Lists for every listener, a part at a time: in bounded memory, and resumed where it was stopped.

Parts stand in a hidden folder beside the output until all are there. The folder says of what they
are parts (`Task`): those of another model, other rules or another length are thrown away.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl

from encore import folder
from encore.data.vocabulary import Indices
from encore.recommend.recommender import Recommender
from encore.recommend.rules import Rules

LISTENERS_AT_ONCE = 256
LISTENERS_A_PART = 16 * LISTENERS_AT_ONCE

_TASK = "task.json"


@dataclass(frozen=True)
class Task:
    """What lists are made of: the digest of the model, the rules and the length."""

    model: str
    rules: str
    n: int

    @classmethod
    def of(cls, bundle: Path, rules: Rules, n: int) -> "Task":
        """Return the task of a Bundle folder under rules."""
        return cls(folder.sha256(bundle / folder.MANIFEST), rules.model_dump_json(), n)


@contextmanager
def lists_of_all(
    model: Recommender,
    task: Task,
    rules: Rules,
    output: Path,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[pl.LazyFrame]:
    """Give (user_id, rank, track_id, score) of every known listener with a history.

    The rows can be read within the context; where it ends without an exception, the parts beside
    `output` that hold them go. After an interruption the same call goes on where it was.
    `progress(done, all)` is called with counts of listeners.
    """
    model.warm(listeners=False)  # each asks once
    listeners = np.flatnonzero(model.bundle.features.heard_U).astype(np.int32)
    parts = output.with_name(f".{output.name}.parts")
    _begin(parts, task)
    files = []
    for start in range(0, len(listeners), LISTENERS_A_PART):
        files.append(parts / f"{start // LISTENERS_A_PART:06d}.parquet")
        users = listeners[start : start + LISTENERS_A_PART]
        if not files[-1].exists():
            rows = _lists(model, users, task.n, rules)
            with folder.replacing(files[-1]) as temporary:
                rows.write_parquet(temporary)
        if progress is not None:
            progress(start + len(users), len(listeners))
    yield pl.scan_parquet(files, glob=False)
    shutil.rmtree(parts)


def _begin(parts: Path, task: Task) -> None:
    """Make the folder of parts, or keep it where it is of the same task."""
    told = json.dumps(asdict(task), indent=1)
    if not (parts / _TASK).is_file() or (parts / _TASK).read_text("utf-8") != told:
        shutil.rmtree(parts, ignore_errors=True)
        with folder.replacing(parts / _TASK) as temporary:
            temporary.write_text(told, "utf-8")


def _lists(model: Recommender, users: Indices, n: int, rules: Rules) -> pl.DataFrame:
    features = model.bundle.features
    frames = []
    for start in range(0, len(users), LISTENERS_AT_ONCE):
        some = users[start : start + LISTENERS_AT_ONCE]
        lists = model.lists(some, n, rules)
        each = [len(found.tracks_n) for found in lists]
        frames.append(
            pl.DataFrame(
                {
                    "user_id": features.listeners.decode(np.repeat(some, each)),
                    "rank": np.concatenate([np.arange(1, k + 1, dtype=np.int32) for k in each]),
                    "track_id": features.tracks.decode(
                        np.concatenate([found.tracks_n for found in lists])
                    ),
                    "score": np.concatenate([found.scores_n for found in lists]),
                }
            )
        )
    return pl.concat(frames)
