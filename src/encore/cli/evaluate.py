"""`encore evaluate`: split, train, and score beside baselines, leaving everything to recount."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from encore.cli import show
from encore.cli.train import BatchSize, ConfigFile, Device, Epochs, Optimizer, Recipe, Seed

if TYPE_CHECKING:
    from encore.config import TrainConfig
    from encore.data.dataset import Dataset
    from encore.pipeline import Evaluation

RANKING = ["ndcg@10", "recall@10", "ndcg@20", "coverage@20"]
PLAYS = ["r2", "rmse", "mae", "skill"]
SCALED = ["rmse_scaled", "mae_scaled", "r2_raw", "seed_ndcg"]


def evaluate(
    dataset: Annotated[Path, typer.Argument(help="A Dataset folder (see encore import).")],
    out: Annotated[Path, typer.Option(help="The run folder to write.")],
    by: Annotated[str, typer.Option(help="Split by listener or by time.")] = "listener",
    held_out: Annotated[float, typer.Option(help="Share of rows held out.")] = 0.2,
    recipe: Recipe = "default",
    config: ConfigFile = None,
    seed: Seed = None,
    batch_size: BatchSize = None,
    optimizer: Optimizer = None,
    epochs: Epochs = None,
    device: Device = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the boards as JSON.")] = False,
) -> None:
    """Split a dataset, train on one side, score the model and the baselines on the other.

    Leaves OUT/SEED/{bundle, train, test, results.json, report.html} behind, so that anybody can
    recount.
    """
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
    data = Dataset.load(dataset)
    found, report = run(data, out / str(settings.seed), settings, dataset.name, by, held_out)
    if json_:
        show.print_json(found.to_json())
    else:
        print_boards(found)
        show.out.print(f"\nreport: {report}", soft_wrap=True)


def run(
    data: "Dataset",
    folder: Path,
    settings: "TrainConfig",
    title: str,
    by: str = "listener",
    held_out: float = 0.2,
    user: str | None = None,
) -> tuple["Evaluation", Path]:
    """Split, train, evaluate and write everything to `folder`; return the figures, the report."""
    from encore import pipeline

    show.say(f"{data}; split by {by}, {held_out:.0%} held out, seed {settings.seed}")
    train_side, test_side = pipeline.split(data, by, held_out, settings.seed)
    started = time.perf_counter()
    model = pipeline.train(train_side, settings, say=show.say, on_epoch=show.epoch_line)
    trained = time.perf_counter() - started
    found = pipeline.evaluate(model, test_side, seed=settings.seed, say=show.say)
    found.seconds["train"] = trained
    folder.mkdir(parents=True, exist_ok=True)
    report = found.report(folder, title, user)
    train_side.save(folder / "train")
    test_side.save(folder / "test")
    model.save(folder / "bundle")
    return found, report


def print_boards(found: "Evaluation") -> None:
    """Print the tables."""
    boards = found.to_json()["boards"]
    show.out.print(show.board_table("discovery", boards["discovery"], RANKING))
    show.out.print()
    show.out.print(show.board_table("plays, as log1p", boards["plays"], PLAYS))
    show.out.print()
    show.out.print(show.board_table("plays, scaled to 0..1 and raw", boards["plays"], SCALED))
