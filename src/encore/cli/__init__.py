"""The command line: one verb a stage, each a thin skin over the library.

Exit codes: 0 done, 1 failed (the message says what, where and what to do), 2 wrong usage,
130 interrupted. Results go to standard output, everything else to standard error.
"""

import os
import sys
from collections.abc import Callable

import typer
from rich.console import Console

from encore.cli import (
    compare,
    demo,
    evaluate,
    explain,
    export,
    import_,
    inspect,
    match,
    models,
    playlist,
    recommend,
    report,
    similar,
    train,
    tune,
)
from encore.errors import EncoreError

# Threads that spin long while they wait are ruinous where another process wants the core; threads
# that never spin are slow where none does. OpenMP reads this when torch loads it, which is later.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

app = typer.Typer(
    name="encore",
    help="A hybrid music recommender: learn from listening and from the music, rank, explain.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

COMMANDS: dict[str, Callable[..., None]] = {
    "demo": demo.demo,
    "import": import_.import_,
    "match": match.match,
    "inspect": inspect.inspect,
    "train": train.train,
    "tune": tune.tune,
    "evaluate": evaluate.evaluate,
    "recommend": recommend.recommend,
    "explain": explain.explain,
    "similar": similar.similar,
    "playlist": playlist.playlist,
    "report": report.report,
    "compare": compare.compare,
    "export": export.export,
}
#: Commands with commands of their own.
GROUPS: dict[str, typer.Typer] = {"models": models.app}
for name, command in COMMANDS.items():
    app.command(name)(command)
for name, group in GROUPS.items():
    app.add_typer(group, name=name)


def main() -> None:
    """Run the command line; turn deliberate errors into a message and an exit code."""
    try:
        app()
    except EncoreError as error:
        Console(stderr=True, highlight=False).print(
            f"encore: {error}", style="bold red", markup=False
        )
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        Console(stderr=True).print("encore: interrupted", style="bold red")
        sys.exit(130)
