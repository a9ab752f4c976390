"""`encore evaluate`: split, train, and score beside baselines, leaving everything to recount."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from encore.cli import show
from encore.cli.train import (
    BatchSize,
    ConfigFile,
    Device,
    Epochs,
    Optimizer,
    Recipe,
    Seed,
    Tensorboard,
)
from encore.cli.watching import watching
from encore.errors import UsageError
from encore.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from encore.evaluation.boards import Board

RANKING = ["ndcg@10", "recall@10", "ndcg@20", "coverage@20", "novelty@20"]
PLAYS = ["r2", "rmse", "mae", "skill"]
LADDER = "cold_listener_"
RUNGS_ABREAST = 3  # with their intervals; more are wider than a terminal
SCALED = ["rmse_scaled", "mae_scaled", "r2_raw", "seed_ndcg"]


def evaluate(
    dataset: Annotated[Path, typer.Argument(help="A Dataset folder (see encore import).")],
    out: Annotated[Path, typer.Option(help="The run folder to write.")],
    board: Annotated[
        list[str] | None,
        typer.Option(
            help="discovery, familiar, plays, cold_track or cold_listener; repeat for several. "
            "By default all that the data supports."
        ),
    ] = None,
    by: Annotated[
        str, typer.Option(help="Hold out by listener (at random), time or last (rows).")
    ] = "listener",
    held_out: Annotated[float, typer.Option(help="Share of rows held out.")] = 0.2,
    last: Annotated[int, typer.Option(help="Rows of each listener held out by last.")] = 1,
    seeds: Annotated[int, typer.Option(help="Seeds to run, counted up from --seed.")] = 1,
    recipe: Recipe = "default",
    config: ConfigFile = None,
    seed: Seed = None,
    batch_size: BatchSize = None,
    optimizer: Optimizer = None,
    epochs: Epochs = None,
    device: Device = None,
    tensorboard: Tensorboard = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the boards as JSON.")] = False,
) -> None:
    """Split a dataset, train on one side, score the model and the baselines on the other.

    Leaves OUT/SEED/{bundle, train, test, results.json, report.html} and every board's per-listener
    values behind, so that anybody can recount; the cold boards' own trainings stand in
    OUT/SEED/cold-tracks and OUT/SEED/cold-listeners. OUT/boards.json is the mean over the seeds.
    Each report.html is there from the first moment and shows how the training goes.
    """
    from encore import protocol
    from encore.data.dataset import Dataset

    settings = show.settings(
        recipe,
        config,
        seed=seed,
        batch_size=batch_size,
        optimizer=optimizer,
        max_epochs=epochs,
        device=device,
    )
    if seeds < 1:
        raise UsageError(f"seeds {seeds}: expected 1 or more")
    asked = protocol.Protocol(by, held_out, last, protocol.kinds_of(board or []))
    data = Dataset.load(dataset)
    found = {}
    for number in range(settings.seed, settings.seed + seeds):
        with watching(settings) as on_epoch:
            evaluation, report = protocol.run_seed(
                data,
                out / str(number),
                settings.replaced(seed=number),
                asked,
                dataset.name,
                say=show.say,
                on_epoch=on_epoch,
                tensorboard=tensorboard,
            )
        found[number] = evaluation.boards
        show.say(f"report: {report}")
    boards = protocol.over_seeds(out, found, dataset.name)
    if board:
        boards = {name: table for name, table in boards.items() if name.startswith(tuple(board))}
    if json_:
        show.print_json({"boards": {name: table.to_json() for name, table in boards.items()}})
    else:
        print_boards(boards)
        print_said(out if seeds > 1 else out / str(settings.seed))


def print_boards(boards: "Mapping[str, Board]") -> None:
    """Print a table for each board, and one for all rungs of the cold listeners' ladder."""
    rungs = {}
    for name, board in boards.items():
        figures = board.to_json()
        if name.startswith(LADDER):
            rungs[counted(int(name[len(LADDER) :]), "row")] = figures
        elif name == "plays":
            show.out.print(show.board_table("plays, as log1p", figures, PLAYS))
            show.out.print()
            show.out.print(show.board_table("plays, scaled to 0..1 and raw", figures, SCALED))
            show.out.print()
        else:
            show.out.print(show.board_table(name.replace("_", " "), figures, RANKING))
            show.out.print()
    if rungs:
        metric, models = RANKING[0], next(iter(rungs.values()))
        climbed = {m: {rung: scored[m][metric] for rung, scored in rungs.items()} for m in models}
        title = f"cold listener, {metric} by the rows that are revealed"
        for some in batched([*rungs], RUNGS_ABREAST):
            show.out.print(show.board_table(title, climbed, some))
            show.out.print()


def batched(names: list[str], size: int) -> list[list[str]]:
    """Return names in rows of `size`.

    >>> batched(["a", "b", "c"], 2)
    [['a', 'b'], ['c']]
    """
    return [names[at : at + size] for at in range(0, len(names), size)]


def print_said(run: Path) -> None:
    """Print the sentences of a run's report: the verdict, and what else there is to know."""
    told = json.loads((run / "report.json").read_bytes())
    for sentence in told["verdict"]:
        show.out.print(sentence, markup=False, soft_wrap=True)
    for sentence in told["findings"]:
        show.out.print(f"- {sentence}", markup=False, soft_wrap=True)
