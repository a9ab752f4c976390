"""What the commands share: how things look in a terminal, and settings from flags."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from encore import recipes
from encore.config import TrainConfig, resolve
from encore.errors import UsageError

if TYPE_CHECKING:
    from encore.models.epochs import Epoch
    from encore.recommend.recommender import RankedList

SETTINGS_FILE = Path("encore.toml")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def say(message: str, console: Console | None = None) -> None:
    """Tell the user what goes on, on standard error, if `console` is none other."""
    (console or err).print(message, style="dim", markup=False, soft_wrap=True)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows how many of all are done; silent where nobody watches."""
    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )
    with shown:
        task = shown.add_task(what, total=None)
        yield lambda done, every: shown.update(task, completed=done, total=every)


def print_json(value: Any) -> None:
    """Print a result that machines read."""
    print(json.dumps(value, indent=1, ensure_ascii=False))


def settings(recipe: str, file: Path | None, **flags: Any) -> TrainConfig:
    """Return the settings: flag over environment over file over recipe.

    Without `file`, `encore.toml` in the working folder is read where it is.
    """
    if recipe not in recipes.RECIPES:
        raise UsageError(f"recipe {recipe!r}: expected one of {', '.join(recipes.RECIPES)}")
    if file is None and SETTINGS_FILE.is_file():
        file = SETTINGS_FILE
    return resolve(recipes.RECIPES[recipe](), file, os.environ, flags)


def epoch_line(epoch: "Epoch", console: Console | None = None) -> None:
    """Print what an epoch did, as it ends; on standard error, if `console` is none other."""
    parts = [f"epoch {epoch.epoch:3d}", f"loss {epoch.train_loss:8.4f}"]
    if epoch.val_loss is not None:
        parts.append(f"validation loss {epoch.val_loss:8.4f}  RMSE {epoch.val_rmse:.4f}")
    if epoch.val_r2 is not None:
        parts.append(f"R² {epoch.val_r2:.4f}")
    if epoch.val_ndcg is not None:
        parts.append(f"NDCG@10 {epoch.val_ndcg:.4f}")
    parts.append(f"{epoch.samples_per_second:9,.0f} samples/s")
    say("  ".join(parts) + ("  best" if epoch.best else ""), console)


def board_table(
    title: str,
    board: dict[str, dict[str, dict[str, float | None]]],
    metrics: list[str],
) -> Table:
    """Return one board as a table: a row a model, a column a metric, intervals beside means."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for metric in metrics:
        table.add_column(metric, justify="right", no_wrap=True)
    first = metrics[0]
    order = sorted(board, key=lambda model: -(board[model][first]["mean"] or 0))
    if first in ("rmse", "mae"):
        order.reverse()
    for model in order:
        cells = [_cell(board[model].get(metric)) for metric in metrics]
        table.add_row(model, *cells, style="bold" if model == "encore" else "")
    return table


def _cell(figure: dict[str, float | None] | None) -> str:
    """Return a mean, with half the width of its 95 % interval."""
    if figure is None or figure["mean"] is None:
        return "-"
    if figure["low"] is None or figure["high"] is None:
        return f"{figure['mean']:.3f}      "
    half = (figure["high"] - figure["low"]) / 2
    return f"{figure['mean']:.3f} ±{half:.3f}".replace("±0.", "±.")


def figures(title: str, head: list[str], rows: list[list[str]]) -> Table:
    """Return rows of text as a table: the first column to the left, figures to the right."""
    table = Table(title=title or None, title_justify="left", title_style="bold", box=None)
    table.pad_edge = False
    for i, name in enumerate(head):
        table.add_column(name, justify="right" if i else "left", no_wrap=True)
    table.show_header = any(head)
    for row in rows:
        table.add_row(*row)
    return table


def list_table(found: "RankedList") -> Table:
    """Return a ranked list as a table, a reason in each row."""
    table = Table(title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.title = f"for {found.user_id} ({found.answer})" if found.user_id else found.answer
    artists = any(slot.artist for slot in found.slots)
    for name in ("", "title", *(["artist"] if artists else []), "score", "why"):
        table.add_column(name, justify="right" if name in ("", "score") else "left")
    for slot in found.slots:
        table.add_row(
            str(slot.rank),
            plain(slot.title),
            *([plain(slot.artist or "")] if artists else []),
            f"{slot.score:.2f}",
            plain(slot.reason),
        )
    return table


def plain(text: str) -> str:
    """Return text that rich does not read as markup."""
    return text.replace("[", "\\[")
