"""How a training looks in a terminal: a line an epoch, and under them curves of all so far."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from encore.cli import show
from encore.config import TrainConfig

if TYPE_CHECKING:
    from encore.models.epochs import Epoch

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 40  # characters of a curve
CURVES = {
    "train_loss": ("training loss", "{:.4f}"),
    "val_loss": ("validation loss", "{:.4f}"),
    "val_ndcg": ("NDCG@10", "{:.4f}"),
    "learning_rate": ("learning rate", "{:.2g}"),
    "samples_per_second": ("samples/s", "{:,.0f}"),
}


@contextmanager
def watching(
    config: TrainConfig, console: Console | None = None
) -> Iterator[Callable[["Epoch"], None]]:
    """Give a function that shows an epoch: its line, and where a terminal watches the curves.

    The curves stay at the bottom while what is said scrolls above, and go when the block is left.
    """
    console = console or show.err
    if not console.is_terminal:
        yield show.epoch_line
        return
    rows: list[Mapping[str, Any]] = []
    with Live(
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as shown:

        def on_epoch(epoch: "Epoch") -> None:
            show.epoch_line(epoch, console)
            row = asdict(epoch)
            if rows and (row["phase"] != rows[-1]["phase"] or row["epoch"] <= rows[-1]["epoch"]):
                rows.clear()
            rows.append(row)
            shown.update(curves(rows, config), refresh=True)

        yield on_epoch


def curves(rows: Sequence[Mapping[str, Any]], config: TrainConfig) -> Group:
    """Return the curves of one pass of a training, and how much of it may be left."""
    from encore.models.epochs import REFIT
    from encore.reports.unfinished import best_epoch, patience_left

    table = Table.grid(padding=(0, 2))
    for key, (name, form) in CURVES.items():
        values = [row[key] for row in rows if row[key] is not None]
        if values:
            table.add_row(name, Text(sparkline(values), style="cyan"), form.format(values[-1]))
    done = rows[-1]["epoch"]
    if rows[-1]["phase"] == REFIT:
        return Group(table, Text(f"fitting again on all rows: epoch {done}"))
    best, left = best_epoch(rows), patience_left(config.model_dump(), rows)
    bar = Table.grid(padding=(0, 2))
    bar.add_row(
        ProgressBar(config.max_epochs, done, WIDTH, complete_style="cyan"),
        f"epoch {done} of at most {config.max_epochs}, best {best or 'none yet'}, "
        f"{left} left without a better one",
    )
    return Group(table, bar)


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """Return numbers as blocks from the least to the greatest; beyond `width` each is a mean.

    >>> sparkline([1.0, 2.0, 8.0]), sparkline([3.0, 3.0])
    ('▁▂█', '▁▁')
    """
    parts = min(width, len(values))
    edges = [len(values) * part // parts for part in range(parts + 1)]
    means = [sum(values[start:end]) / (end - start) for start, end in pairwise(edges)]
    low, span = min(means), max(means) - min(means)
    top = len(BLOCKS) - 1
    return "".join(BLOCKS[round((mean - low) / span * top) if span else 0] for mean in means)
