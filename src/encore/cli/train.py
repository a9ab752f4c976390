"""`encore train`: from a Dataset folder to a Bundle folder."""

import shutil
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from encore.cli import show
from encore.cli.watching import watching
from encore.errors import InputError

# The options that `train`, `evaluate` and `demo` share.
Recipe = Annotated[str, typer.Option(help="Settings to start from: default or quick.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="TOML file of settings; else encore.toml here.")
]
Seed = Annotated[int | None, typer.Option(help="Seed of every random draw.")]
BatchSize = Annotated[int | None, typer.Option(help="Rows of plays in a step (the seed: 256).")]
Optimizer = Annotated[
    str | None, typer.Option(help="rows (cost of a batch) or dense (plain Adam).")
]
Epochs = Annotated[int | None, typer.Option(help="Most epochs.")]
Device = Annotated[str | None, typer.Option(help="auto, cpu or cuda.")]
Tensorboard = Annotated[
    bool, typer.Option("--tensorboard", help="Write event files, too (extra: tensorboard).")
]


def train(
    dataset: Annotated[Path, typer.Argument(help="A Dataset folder (see encore import).")],
    out: Annotated[Path, typer.Option(help="The Bundle folder to write.")],
    recipe: Recipe = "default",
    config: ConfigFile = None,
    seed: Seed = None,
    batch_size: BatchSize = None,
    optimizer: Optimizer = None,
    epochs: Epochs = None,
    device: Device = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an interrupted training stopped.")
    ] = False,
    tensorboard: Tensorboard = False,
    json_: Annotated[bool, typer.Option("--json", help="Print what was chosen as JSON.")] = False,
) -> None:
    """Train on a dataset: early stopping on a validation slice, then a fit on all rows.

    OUT.training/report.html shows how it goes, epoch by epoch; history.jsonl beside it has the
    figures, and checkpoint/ what --resume goes on from, until training ends.
    """
    from encore import pipeline
    from encore.data.dataset import Dataset
    from encore.reports.live import LiveReport
    from encore.reports.unfinished import CHECKPOINT

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
    run = Path(f"{out}.training")
    checkpoint = run / CHECKPOINT
    if not resume:
        shutil.rmtree(checkpoint, ignore_errors=True)
    elif not checkpoint.is_dir():
        raise InputError(f"{checkpoint}: no interrupted training there; leave out --resume")
    facts = {
        "title": out.name,
        "resume": f"encore train {quote(str(dataset))} --out {quote(str(out))} --resume, with the "
        "same settings",
        **pipeline.known(data, settings),
    }
    show.say(str(data))
    with (
        watching(settings) as on_epoch,
        LiveReport(
            run, facts, say=show.say, on_epoch=on_epoch, resumed=resume, tensorboard=tensorboard
        ) as live,
    ):
        model = pipeline.train(
            data, settings, say=live.say, on_epoch=live.epoch, checkpoint_at=checkpoint
        )
        model.save(out)
        live.done(pipeline.chosen(model))
    choice = model.bundle.choice
    if json_:
        show.print_json({"bundle": str(out), **asdict(choice), "list": choice.name})
    else:
        show.out.print(f"{out}: {pipeline.why(choice)}", markup=False, soft_wrap=True)
