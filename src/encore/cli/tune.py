"""`encore tune`: search settings on validation rows, the held-out side never read."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from encore import recipes
from encore.cli import show
from encore.cli.train import ConfigFile, Device, Epochs, Recipe, Seed

if TYPE_CHECKING:
    from encore.tuning import Tuning


def tune(
    dataset: Annotated[Path, typer.Argument(help="A Dataset folder (see encore import).")],
    out: Annotated[Path, typer.Option(help="The folder of the search; one begun goes on.")],
    what: Annotated[
        list[str] | None,
        typer.Option(help="A channel, network, or all (the default); repeat for one by one."),
    ] = None,
    trials: Annotated[int, typer.Option(help="Trials of each --what.")] = 30,
    minutes: Annotated[
        float, typer.Option(help="After these, of all trials together, none begins.")
    ] = 20.0,
    by: Annotated[
        str, typer.Option(help="Hold out by listener, time or last, as evaluate will.")
    ] = "listener",
    held_out: Annotated[float, typer.Option(help="Share of rows held out.")] = 0.2,
    last: Annotated[int, typer.Option(help="Rows of each listener held out by last.")] = 1,
    jobs: Annotated[
        int, typer.Option(help="Trials at once; with more than 1, no two searches are alike.")
    ] = 1,
    recipe: Recipe = "default",
    config: ConfigFile = None,
    seed: Seed = None,
    epochs: Epochs = None,
    device: Device = None,
    json_: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Search the settings that validation rows prefer; write them to OUT/best.toml.

    The dataset is split as encore evaluate splits it with the same --seed, --by, --held-out and
    --last, and the held-out side is dropped before anything is tried: what encore evaluate --config
    OUT/best.toml then says is honest. Needs the extra tune: pip install 'encore-music[tune]'.
    """
    from encore import pipeline
    from encore.data.dataset import Dataset
    from encore.tuning import tune as search

    settings = show.settings(recipe, config, seed=seed, max_epochs=epochs, device=device)
    train_side, _ = pipeline.split(Dataset.load(dataset), by, held_out, settings.seed, last=last)
    show.say(f"tuning on the training side: {train_side}")
    found = search(
        train_side,
        what or ("all",),
        settings,
        trials=trials,
        minutes=minutes,
        by=by,
        last=last,
        jobs=jobs,
        out=out,
        beneath=recipes.RECIPES[recipe](),
        say=show.say,
    )
    best = out / "best.toml"
    if json_:
        told = [each.to_json() for each in found.found]
        show.print_json({"best": str(best), "settings": found.changes, "found": told})
        return
    show.out.print(_table(found))
    for each in found.found:
        won = ", ".join(f"{name} {value}" for name, value in each.changes.items())
        show.out.print(f"{each.what}: {won or 'nothing beats the default'}", soft_wrap=True)
    show.out.print(str(best), markup=False, soft_wrap=True)


def _table(tuning: "Tuning") -> Table:
    """Return a row for each study: validation NDCG@10 of what it began with and of the best."""
    table = Table(title="validation NDCG@10", title_justify="left", title_style="bold", box=None)
    for name in ("", "default", "best", "gain", "trials", "pruned", "failed"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for each in tuning.found:
        default, best = each.default, each.best.value if each.best else None
        gain = f"{best / default - 1:+.1%}" if best and default else "-"
        states = [trial.state for trial in each.trials]
        table.add_row(
            each.what,
            *("-" if value is None else f"{value:.4f}" for value in (default, best)),
            gain,
            *(
                str(count)
                for count in (len(states), states.count("pruned"), states.count("failed"))
            ),
        )
    return table
