"""`encore train`: from a Dataset folder to a Bundle folder."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from encore.cli import show
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
    json_: Annotated[bool, typer.Option("--json", help="Print what was chosen as JSON.")] = False,
) -> None:
    """Train on a dataset: early stopping on a validation slice, then a fit on all rows.

    Each whole epoch is kept in OUT.checkpoint until training ends, and told in OUT.history.jsonl.
    """
    from encore import pipeline
    from encore.data.dataset import Dataset
    from encore.models.training import Epoch

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
    checkpoint, history = Path(f"{out}.checkpoint"), Path(f"{out}.history.jsonl")
    if not resume:
        shutil.rmtree(checkpoint, ignore_errors=True)
    elif not checkpoint.is_dir():
        raise InputError(f"{checkpoint}: no interrupted training there; leave out --resume")
    told: list[dict[str, Any]] = []

    def on_epoch(epoch: Epoch) -> None:
        show.epoch_line(epoch)
        told.append(asdict(epoch))
        history.write_text("".join(f"{json.dumps(line)}\n" for line in told), "utf-8")

    show.say(str(data))
    model = pipeline.train(
        data, settings, say=show.say, on_epoch=on_epoch, checkpoint_at=checkpoint
    )
    history.write_text("".join(f"{json.dumps(line)}\n" for line in model.history), "utf-8")
    model.save(out)
    choice = model.bundle.choice
    if json_:
        show.print_json({"bundle": str(out), **asdict(choice), "list": choice.name})
    else:
        show.out.print(f"{out}: {pipeline.why(choice)}", markup=False, soft_wrap=True)
