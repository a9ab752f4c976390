"""`encore export`: a Dataset folder in a form that other programs read."""

from pathlib import Path
from typing import Annotated

import typer

from encore.cli import show
from encore.errors import UsageError

FORMS = ("recbole",)


def export(
    dataset: Annotated[Path, typer.Argument(help="The Dataset folder to read.")],
    to: Annotated[str, typer.Option(help="The form to write: recbole.")],
    out: Annotated[Path, typer.Option(help="The folder to write; its name names the files.")],
    listens: Annotated[
        bool, typer.Option("--listens", help="A row a listen, not a row a listener and track.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Write a Dataset folder in another program's form."""
    from encore.data.dataset import Dataset
    from encore.data.writers import recbole

    if to not in FORMS:
        raise UsageError(f"--to {to!r}: expected one of {', '.join(FORMS)}")
    written = recbole.write(Dataset.load(dataset), out, listens=listens)
    if json_:
        show.print_json({"files": [str(path) for path in written]})
        return
    for path in written:
        show.out.print(str(path), markup=False, soft_wrap=True)
