"""`encore compare`: whether one run beats another, or one model of a run, by more than luck."""

import math
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from encore import folder
from encore.cli import show
from encore.errors import InputError, UsageError
from encore.reports.verdict import SHIPPED, number

if TYPE_CHECKING:
    from encore.evaluation.significance import Comparison, Question, Values

BOARDS = ("discovery", "familiar", "cold_track", "cold_track_full", "cold_listener", "plays")
HEADLINE = {"plays": "squared_error"}  # of other boards it is:
NDCG = "ndcg@10"
LISTENERS = "listeners"  # the array of user ids, which makes an npz file a board
DAMAGED = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Run:
    """A run that `encore evaluate` wrote, as the user named it, and its folder of each seed."""

    name: str
    seeds: dict[int, Path]


@dataclass(frozen=True)
class Side:
    """One of two: a model of a run."""

    run: Run
    model: str


def compare(
    runs: Annotated[
        list[Path], typer.Argument(help="Run folders (see encore evaluate), or RUN/SEED of one.")
    ],
    board: Annotated[list[str] | None, typer.Option(help="Only this board; repeatable.")] = None,
    metric: Annotated[
        str | None, typer.Option(help="A metric; else ndcg@10, and squared_error of plays.")
    ] = None,
    model: Annotated[str, typer.Option(help="The model that is compared.")] = SHIPPED,
    against: Annotated[
        list[str] | None,
        typer.Option(help="Of one RUN: a model to compare with, else each; repeatable."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the comparisons as JSON.")] = False,
) -> None:
    """Compare the first run with each further one, or the models of one run, listener by listener.

    Both must have held out the same rows: the seeds they share, with the same test side. A ratio
    above 1 says that the first has more; p is Wilcoxon's, corrected by Holm over all comparisons of
    the call; better and worse are said only where interval and p agree.

    --json prints {"model", "comparisons": [{"board", "metric", "one", "other", "seeds",
    "listeners", "left_out", "mean_one", "mean_other", "ratio": {"mean", "low", "high"}, "lean",
    "p", "p_holm", "verdict": "better" | "worse" | "equal" | "unclear" | "none"}]}.
    """
    if against and len(runs) > 1:
        raise UsageError("--against compares models of one RUN; expected no further RUN")
    if against and model in against:
        raise UsageError(f"--against {model}: is the model that is compared; name another one")

    from encore.evaluation import significance

    first, *others = [_run(path) for path in runs]
    if others:
        questions = _between_runs(first, others, model, board, metric)
    else:
        questions = _between_models(first, model, against, board, metric)
    found = significance.compare(questions)
    if json_:
        comparisons = [comparison.to_json() for comparison in found]
        show.print_json({"model": model, "comparisons": comparisons})
    else:
        _print(found, model if others else None)


def _between_runs(
    first: Run, others: list[Run], model: str, only: list[str] | None, metric: str | None
) -> list["Question"]:
    """Return what to ask of the first run and each other, once their test sides are the same."""
    questions = []
    for other in others:
        seeds = _shared_seeds(first, other)
        boards = _chosen(only, _boards(first, seeds), _boards(other, seeds), first, other)
        _check_test_sides(first, other, seeds, boards)
        one, two = Side(first, model), Side(other, model)
        asked = [_question(board, metric, one, two, seeds) for board in boards]
        questions += _answerable(asked, only, first, model)
    return questions


def _between_models(
    run: Run, model: str, against: list[str] | None, only: list[str] | None, metric: str | None
) -> list["Question"]:
    """Return what to ask of a run's model and its others, board by board."""
    seeds = sorted(run.seeds)
    known = _boards(run, seeds)
    boards = _chosen(only, known, known, run, run)
    models = {board: _models(run, board, seeds) for board in boards}
    every = sorted(set().union(*models.values()))
    for name in [model, *(against or [])]:
        if name not in every:
            raise InputError(
                f"{run.name}: no model {name!r} on {', '.join(boards)}; "
                f"expected one of {', '.join(every)}"
            )
    asked = [
        _question(board, metric, Side(run, model), Side(run, name), seeds)
        for board in boards
        for name in against or models[board]
        if name != model
    ]
    return _answerable(asked, only, run, model)


def _question(
    board: str, metric: str | None, one: Side, other: Side, seeds: Sequence[int]
) -> "Question":
    """Return the question with the values of the seeds in which both have them, be it none."""
    from encore.evaluation.significance import Question

    metric = metric or HEADLINE.get(board, NDCG)
    found = {}
    for seed in seeds:
        values = _values(one.run.seeds[seed], board, one.model, metric)
        others = _values(other.run.seeds[seed], board, other.model, metric)
        if values is not None and others is not None:
            found[seed] = (values, others)
    if one.run is other.run:
        return Question(board, metric, one.model, other.model, found)
    return Question(board, metric, one.run.name, other.run.name, found)


def _answerable(
    asked: list["Question"], only: list[str] | None, run: Run, model: str
) -> list["Question"]:
    """Return the questions that have values, and tell which have none.

    Raises `InputError` where none has, or none of a board that the user named.
    """
    answered = [question for question in asked if question.seeds]
    boards = {question.board for question in answered}
    for question in asked:
        what = f"{question.metric} that both {question.one} and {question.other} have"
        if not answered or (only and question.board not in boards):
            there = set().union(*(_figures(at, question.board) for at in run.seeds.values()))
            raise InputError(
                f"{run.name}, board {question.board}: no {what} (model {model}); expected a model "
                f"and a metric of {', '.join(sorted(there))} (--model, --metric)"
            )
        if not question.seeds:
            show.say(f"left out: {question.board}, no {what}")
    if not asked:
        raise InputError(
            f"{run.name}: no model beside {model}; expected another one, or a second RUN"
        )
    return answered


def _run(path: Path) -> Run:
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


def _whole(name: str) -> bool:
    return name.isascii() and name.isdecimal()


def _shared_seeds(one: Run, other: Run) -> list[int]:
    """Return the seeds of both; raise where there is none, tell where some are of one only."""
    shared = sorted(one.seeds.keys() & other.seeds.keys())
    told = " and ".join(f"{run.name} (seeds {_listed(run.seeds)})" for run in (one, other))
    if not shared:
        raise InputError(
            f"{told}: no seed in common, and a seed is a split; expected the same held-out rows: "
            "evaluate one of them with a seed of the other (--seed)"
        )
    if len(shared) < max(len(one.seeds), len(other.seeds)):
        show.say(f"{told}: compared on seeds {_listed(shared)}")
    return shared


def _check_test_sides(one: Run, other: Run, seeds: list[int], boards: list[str]) -> None:
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
        show.say(f"not verified that both held out the same rows: no {', '.join(absent)}")


def _test_side(board: str) -> str:
    """Return where, in a seed's folder, the held-out rows of a board are."""
    if board.startswith("cold_track"):
        return "cold-tracks/test"
    return "cold-listeners/test" if board.startswith("cold_listener") else "test"


def _plays_digest(test: Path) -> str:
    return str(folder.read_manifest(test, "dataset")["files"]["plays.parquet"])


def _boards(run: Run, seeds: Sequence[int]) -> list[str]:
    """Return the boards that a run has in any of `seeds`, in their usual order."""
    found = set().union(*(_files(run.seeds[seed]) for seed in seeds))
    return sorted(found, key=_place)


def _place(board: str) -> tuple[int, int, str]:
    """Return the sort key of a board: those known first, a ladder's rungs by their number."""
    stem, _, rung = board.rpartition("_")
    if not _whole(rung):
        stem, rung = board, "-1"
    return (BOARDS.index(stem) if stem in BOARDS else len(BOARDS), int(rung), board)


def _chosen(
    only: list[str] | None, ours: list[str], theirs: list[str], one: Run, other: Run
) -> list[str]:
    """Return the boards to compare: those asked for, else all that both have."""
    for board in only or []:
        for run, boards in ((one, ours), (other, theirs)):
            if board not in boards:
                raise InputError(
                    f"{run.name}: no board {board!r}; expected one of {', '.join(boards)} (--board)"
                )
    if only:
        return list(dict.fromkeys(only))
    shared = [board for board in ours if board in theirs]
    if not shared:
        raise InputError(
            f"{one.name} has boards {', '.join(ours)}, {other.name} {', '.join(theirs)}; expected "
            "one in common: evaluate both with the same --board"
        )
    if alone := sorted({*ours, *theirs} - {*shared}, key=_place):
        show.say(f"left out: {', '.join(alone)}, which only one of {one.name}, {other.name} has")
    return shared


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


def _figures(seed: Path, board: str) -> set[str]:
    """Return every model/metric of a board; none where the seed lacks it."""
    file = seed / f"{board}.npz"
    return {name for name in _names(file) if "/" in name} if file.is_file() else set()


def _models(run: Run, board: str, seeds: Sequence[int]) -> list[str]:
    figures = set().union(*(_figures(run.seeds[seed], board) for seed in seeds))
    return sorted({name.rpartition("/")[0] for name in figures})


def _values(seed: Path, board: str, model: str, metric: str) -> "Values | None":
    """Return a model's value of each listener; None where the seed's board has no such figure."""
    import numpy as np

    from encore.evaluation.significance import Values

    key = f"{model}/{metric}"
    if key not in _figures(seed, board):
        return None
    file = seed / f"{board}.npz"
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return Values(arrays[LISTENERS], arrays[key])
    except InputError as error:
        raise InputError(f"{file}, {key}: {error}") from error
    except DAMAGED as error:
        raise InputError(f"{file}, {key}: damaged ({error}); evaluate again") from error


def _print(found: list["Comparison"], model: str | None) -> None:
    """Print a table for each pair of runs (by `model`) or board of one run, then sentences."""
    tables: dict[str, list[tuple[str, Comparison]]] = {}
    for each in found:
        where = f"{each.board}, {each.metric}"
        if model is None:
            tables.setdefault(f"{where}: {each.one} against", []).append((each.other, each))
        else:
            title = f"{model}: {each.one} against {each.other}"
            tables.setdefault(title, []).append((where, each))
    for title, rows in tables.items():
        show.out.print(title, style="bold", markup=False, soft_wrap=True)
        show.out.print(_table(rows))
        show.out.print()
    for each in found:
        show.out.print(sentence(each), markup=False, soft_wrap=True)


def _table(rows: list[tuple[str, "Comparison"]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for name in ("one", "other", "ratio (95 %)", "p, Holm", "one is"):
        table.add_column(name, justify="right", no_wrap=True)
    for label, each in rows:
        means = number(each.mean_one), number(each.mean_other)
        table.add_row(escape(label), *means, _ratio(each), _p(each.p_holm), each.verdict)
    return table


def sentence(found: "Comparison") -> str:
    """Return in words what a comparison says, computed from its numbers."""
    from encore.evaluation import significance as told

    where = f"{found.board}, {found.metric}"
    if found.verdict == told.NONE:
        return f"{where}: {found.one} and {found.other} have no listener in common."
    plural = "s" if len(found.seeds) > 1 else ""
    who = f"{found.listeners:,} listeners, seed{plural} {_listed(found.seeds)}"
    if found.left_out:
        who += f", {found.left_out:,} left out who have a value in only one"
    less = " (less is better)" if told.less_is_better(found.metric) else ""
    scores = f"{found.one} {number(found.mean_one)}, {found.other} {number(found.mean_other)}{less}"
    if found.verdict == told.EQUAL:
        return f"{where}: {scores}; the same for every listener ({who})."
    facts = f"{_times(found)}; p {_p(found.p)}, {_p(found.p_holm)} after Holm; {who}"
    if found.verdict != told.UNCLEAR:
        return f"{where}: {scores}; {facts}: {found.one} is {found.verdict}."
    interval, ranks = told.apart(found.ratio), found.p_holm < told.ALPHA
    if interval and ranks:
        why = "means and most listeners point opposite ways, so neither is better"
    elif interval != ranks:
        sees, blind = ("interval", "p") if interval else ("p", "interval")
        why = f"the {sees} tells them apart, the {blind} does not, so it stays unclear"
    else:
        why = "they cannot be told apart"
    return f"{where}: {scores}; {facts}: {why}."


def _times(found: "Comparison") -> str:
    """Return the ratio in words; of sums of squared errors also what it is of RMSE: the root."""
    if math.isnan(found.ratio.mean):
        return f"no ratio to {number(found.mean_other)}"
    times = f"{_ratio(found)} times"
    if found.metric == "squared_error":
        times += f", {number(found.ratio.mean**0.5)} times the RMSE"
    return times


def _ratio(found: "Comparison") -> str:
    mean, low, high = (number(value) for value in found.ratio)
    return mean if math.isnan(found.ratio.low) else f"{mean} ({low} to {high})"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else number(value)


def _listed(seeds: Iterable[int]) -> str:
    return ", ".join(str(seed) for seed in sorted(seeds))
