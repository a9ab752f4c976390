"""`encore compare`: whether one run beats another, or one model of a run, by more than luck."""

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
    models_of,
    place_of,
    run_at,
    shared_seeds,
    values_of,
)
from encore.evaluation.setups import Difference, differences, results_of
from encore.reports.naming import RUNG, SHIPPED, number
from encore.reports.sentences import SAME_SETUP, p_text, ratio_text, sentence, setting_text

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
    out: Annotated[Path | None, typer.Option(help="A page to write, as comparison.html.")] = None,
    open_: Annotated[
        bool, typer.Option("--open", help="Show the page, RUN/comparison.html without --out.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the comparisons as JSON.")] = False,
) -> None:
    """Compare the first run with each further one, or the models of one run, listener by listener.

    Both must have held out the same rows: the seeds they share, with the same test side. A ratio
    above 1 says that the first has more; p is Wilcoxon's, corrected by Holm over all comparisons of
    the call; better and worse are said only where interval and p agree. Between runs, settings,
    data, split, versions and machine that differ are told too. --out writes all of it as one page,
    with figures and with who gains and who loses.

    --json prints {"model", "comparisons": [{"board", "metric", "one", "other", "seeds",
    "listeners", "left_out", "mean_one", "mean_other", "ratio": {"mean", "low", "high"}, "lean",
    "p", "p_holm", "verdict": "better" | "worse" | "equal" | "unclear" | "none", "gains": {"gain",
    "stay", "lose"}}], "differences": [{"run", "setting", "one", "other"}]}.
    """
    if against and len(runs) > 1:
        raise UsageError("--against compares models of one RUN; expected no further RUN")
    if against and model in against:
        raise UsageError(f"--against {model}: is the model that is compared; name another one")

    from encore.evaluation import significance
    from encore.evaluation.gains import gains

    first, *others = [run_at(path) for path in runs]
    if others:
        questions = _between_runs(first, others, model, board, metric)
    else:
        questions = _between_models(first, model, against, board, metric)
    found, changes = significance.compare(questions), gains(questions)
    differing = {other.name: _differences(first, other) for other in others}
    if json_:
        comparisons = [
            {**comparison.to_json(), "gains": of.to_json()}
            for comparison, of in zip(found, changes, strict=True)
        ]
        flat = [
            {"run": name, **difference._asdict()}
            for name, some in differing.items()
            for difference in some or ()
        ]
        show.print_json({"model": model, "comparisons": comparisons, "differences": flat})
    else:
        _print(found, model if others else None)
        for name, some in differing.items():
            _print_differences(first.name, name, some)
    if out is None and not open_:
        return
    from encore.reports.comparison import Compared, write_comparison

    title = f"{first.name} against {', '.join(differing)}" if others else f"{model} in {first.name}"
    means = _means(first, others, {question.board for question in questions})
    page = out or runs[0] / "comparison.html"
    write_comparison(
        Compared(title, found, changes, model if others else None, means, differing), page
    )
    show.say(f"page: {page}")
    if open_:
        typer.launch(page.absolute().as_uri())


def _differences(one: Run, other: Run) -> list[Difference] | None:
    """Return how two runs were made otherwise at the seeds they share; None where it is unknown."""
    shared = sorted(one.seeds.keys() & other.seeds.keys())
    ours, theirs = ([results_of(run.seeds[seed]) for seed in shared] for run in (one, other))
    known = [[results for results in side if results is not None] for side in (ours, theirs)]
    return differences(*known) if known == [ours, theirs] else None


def _means(
    first: Run, others: list[Run], boards: set[str]
) -> dict[str, dict[str, dict[str, float]]]:
    """Return, of each whole board, every model's mean in each run over the seeds that all share."""
    from encore.evaluation.significance import headline, over_seeds

    if not others:
        return {}
    runs = [first, *others]
    shared = sorted(set.intersection(*(set(run.seeds) for run in runs)))
    found: dict[str, dict[str, dict[str, float]]] = {}
    for board in boards:
        if board.startswith(RUNG) and RUNG.rstrip("_") in boards:
            continue
        for run in runs:
            for model in models_of(run, board, shared) if shared else ():
                asked = [
                    values_of(run.seeds[seed], board, model, headline(board)) for seed in shared
                ]
                values = over_seeds(value for value in asked if value is not None).values_U
                if len(values):
                    of = found.setdefault(board, {}).setdefault(model, {})
                    of[run.name] = float(values.mean())
    return found


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
        table.add_row(escape(label), *means, ratio_text(each), p_text(each.p_holm), each.verdict)
    return table


def _print_differences(one: str, other: str, found: Sequence[Difference] | None) -> None:
    show.out.print()
    if not found:
        unknown = "What differs in how they were made is not known: a results.json is missing."
        told = unknown if found is None else SAME_SETUP
        show.out.print(f"{one}, {other}: {told}", markup=False, soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("setting", no_wrap=True)
    for name in (one, other):
        table.add_column(escape(name), overflow="fold")
    for name, here, there in found:
        table.add_row(escape(name), escape(setting_text(here)), escape(setting_text(there)))
    show.out.print(table)
