"""Run folders: where a run leaves its boards and their sides, and how they are read back.

::

    RUN/SEED/BOARD.npz                    `listeners` (user ids) and an array MODEL/METRIC for each
    RUN/SEED/test                         the held-out rows of discovery, familiar and plays
    RUN/SEED/{cold-tracks,cold-listeners}/test

Light to import: the command line names these before it needs any array.
"""

import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from encore import folder
from encore.errors import InputError

if TYPE_CHECKING:
    from encore.evaluation.significance import Values

BOARDS = ("discovery", "familiar", "cold_track", "cold_track_full", "cold_listener", "plays")
#: Boards that have a training of their own, by the beginning of their name, and its folder.
PLACES = {"cold_track": "cold-tracks", "cold_listener": "cold-listeners"}
LISTENERS = "listeners"  # the array of user ids, which makes an npz file a board
DAMAGED = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """A run that `encore evaluate` wrote, as the user named it, and its folder of each seed."""

    name: str
    seeds: dict[int, Path]


def run_at(path: Path) -> Run:
    """Return the run at `path`: a folder of seeds, or one seed's own folder."""
    if not path.is_dir():
        raise InputError(
            f"{path}: no such folder; expected a run that `encore evaluate --out` wrote"
        )
    name = path.resolve().name
    if _whole(name) and _files(path):
        return Run(str(path), {int(name): path})
    seeds = {int(at.name): at for at in path.iterdir() if _whole(at.name) and _files(at)}
    if not seeds:
        inside = ", ".join(sorted(at.name for at in path.iterdir())[:8]) or "nothing"
        raise InputError(
            f"{path}: found {inside}; expected a folder for each seed, as {path}/0, with boards as "
            "discovery.npz in it; write one by `encore evaluate DATASET --out RUN`"
        )
    return Run(str(path), dict(sorted(seeds.items())))


def shared_seeds(one: Run, other: Run, say: Say) -> list[int]:
    """Return the seeds of both; raise where there is none, tell where some are of one only."""
    shared = sorted(one.seeds.keys() & other.seeds.keys())
    told = " and ".join(f"{run.name} (seeds {listed(run.seeds)})" for run in (one, other))
    if not shared:
        raise InputError(
            f"{told}: no seed in common, and a seed is a split; expected the same held-out rows: "
            "evaluate one of them with a seed of the other (--seed)"
        )
    if len(shared) < max(len(one.seeds), len(other.seeds)):
        say(f"{told}: compared on seeds {listed(shared)}")
    return shared


def check_test_sides(one: Run, other: Run, seeds: list[int], boards: list[str], say: Say) -> None:
    """Raise `InputError` where the two held out different rows, told by their manifests."""
    absent = []
    for seed in seeds:
        ours, theirs = one.seeds[seed], other.seeds[seed]
        shared = _files(ours).keys() & _files(theirs).keys()
        for place in sorted({_test_side(board) for board in boards if board in shared}):
            sides = [ours / place, theirs / place]
            if missing := [str(side) for side in sides if not side.is_dir()]:
                absent += missing
                continue
            found = [_plays_digest(side) for side in sides]
            if found[0] != found[1]:
                raise InputError(
                    f"{sides[0]} and {sides[1]} hold different plays (sha256 {found[0][:8]} and "
                    f"{found[1][:8]}); expected the same held-out rows: evaluate both on the same "
                    "dataset with the same --seed, --by and --held-out"
                )
    if absent:
        say(f"not verified that both held out the same rows: no {', '.join(absent)}")


def boards_of(run: Run, seeds: Sequence[int]) -> list[str]:
    """Return the boards that a run has in any of `seeds`, in their usual order."""
    found = set().union(*(_files(run.seeds[seed]) for seed in seeds))
    return sorted(found, key=place_of)


def models_of(run: Run, board: str, seeds: Sequence[int]) -> list[str]:
    """Return the models that a board has in any of `seeds`."""
    figures = set().union(*(figures_of(run.seeds[seed], board) for seed in seeds))
    return sorted({name.rpartition("/")[0] for name in figures})


def figures_of(seed: Path, board: str) -> set[str]:
    """Return every model/metric of a board; none where the seed lacks it."""
    file = seed / f"{board}.npz"
    return {name for name in _names(file) if "/" in name} if file.is_file() else set()


def values_of(seed: Path, board: str, model: str, metric: str) -> "Values | None":
    """Return a model's value of each listener; None where the seed's board has no such figure."""
    import numpy as np

    from encore.evaluation.significance import Values

    key = f"{model}/{metric}"
    if key not in figures_of(seed, board):
        return None
    file = seed / f"{board}.npz"
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return Values(arrays[LISTENERS], arrays[key])
    except InputError as error:
        raise InputError(f"{file}, {key}: {error}") from error
    except DAMAGED as error:
        raise InputError(f"{file}, {key}: damaged ({error}); evaluate again") from error


def listed(seeds: Iterable[int]) -> str:
    """Return seeds as text."""
    return ", ".join(str(seed) for seed in sorted(seeds))


def _whole(name: str) -> bool:
    return name.isascii() and name.isdecimal()


def _test_side(board: str) -> str:
    """Return where, in a seed's folder, the held-out rows of a board are."""
    for stem, place in PLACES.items():
        if board.startswith(stem):
            return f"{place}/test"
    return "test"


def _plays_digest(test: Path) -> str:
    return str(folder.read_manifest(test, "dataset")["files"]["plays.parquet"])


def place_of(board: str) -> tuple[int, int, str]:
    """Return the sort key of a board: those known first, a ladder's rungs by their number."""
    stem, _, rung = board.rpartition("_")
    if not _whole(rung):
        stem, rung = board, "-1"
    return (BOARDS.index(stem) if stem in BOARDS else len(BOARDS), int(rung), board)


def _files(seed: Path) -> dict[str, Path]:
    """Return a seed's boards: its npz files that hold listeners."""
    files = sorted(seed.glob("*.npz"))
    return {file.stem: file for file in files if LISTENERS in _names(file)}


def _names(file: Path) -> set[str]:
    try:
        with zipfile.ZipFile(file) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except DAMAGED as error:
        raise InputError(
            f"{file}: damaged ({error}); expected arrays of a board; evaluate again"
        ) from error
