"""`encore compare`: whether one run beats another, or one model of a run, by more than luck."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from encore.cli import show
from encore.errors import InputError, UsageError
from encore.evaluation.runs import (
    Run,
    boards_of,
    check_test_sides,
    figures_of,
    listed,
    models_of,
    place_of,
    run_at,
    shared_seeds,
    values_of,
)
from encore.reports.naming import SHIPPED, number
from encore.wording import counted, noun

if TYPE_CHECKING:
    from encore.evaluation.significance import Comparison, Contrast


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

    first, *others = [run_at(path) for path in runs]
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
) -> list["Contrast"]:
    """Return what to ask of the first run and each other, once their test sides are the same."""
    questions = []
    for other in others:
        seeds = shared_seeds(first, other, show.say)
        boards = _chosen(only, boards_of(first, seeds), boards_of(other, seeds), first, other)
        check_test_sides(first, other, seeds, boards, show.say)
        one, two = Side(first, model), Side(other, model)
        asked = [_question(board, metric, one, two, seeds) for board in boards]
        questions += _answerable(asked, only, first, model)
    return questions


def _between_models(
    run: Run, model: str, against: list[str] | None, only: list[str] | None, metric: str | None
) -> list["Contrast"]:
    """Return what to ask of a run's model and its others, board by board."""
    seeds = sorted(run.seeds)
    known = boards_of(run, seeds)
    boards = _chosen(only, known, known, run, run)
    models = {board: models_of(run, board, seeds) for board in boards}
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
) -> "Contrast":
    """Return the question with the values of the seeds in which both have them, be it none."""
    from encore.evaluation.significance import Contrast, headline

    metric = metric or headline(board)
    found = {}
    for seed in seeds:
        values = values_of(one.run.seeds[seed], board, one.model, metric)
        others = values_of(other.run.seeds[seed], board, other.model, metric)
        if values is not None and others is not None:
            found[seed] = (values, others)
    if one.run is other.run:
        return Contrast(board, metric, one.model, other.model, found)
    return Contrast(board, metric, one.run.name, other.run.name, found)


def _answerable(
    asked: list["Contrast"], only: list[str] | None, run: Run, model: str
) -> list["Contrast"]:
    """Return the questions that have values, and tell which have none.

    Raises `InputError` where none has, or none of a board that the user named.
    """
    answered = [question for question in asked if question.seeds]
    boards = {question.board for question in answered}
    for question in asked:
        what = f"{question.metric} that both {question.one} and {question.other} have"
        if not answered or (only and question.board not in boards):
            there = set().union(*(figures_of(at, question.board) for at in run.seeds.values()))
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
    if alone := sorted({*ours, *theirs} - {*shared}, key=place_of):
        show.say(f"left out: {', '.join(alone)}, which only one of {one.name}, {other.name} has")
    return shared


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
    seeds = f"{noun(len(found.seeds), 'seed')} {listed(found.seeds)}"
    who = f"{counted(found.listeners, 'listener')}, {seeds}"
    if found.left_out:
        have = noun(found.left_out, "has", "have")
        who += f", {found.left_out:,} left out who {have} a value in only one"
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
