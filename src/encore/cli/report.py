"""`encore report`: draw a run's report again from what the run left behind."""

from pathlib import Path
from typing import Annotated

import typer

from encore.cli import show


def report(
    run: Annotated[
        Path,
        typer.Argument(help="A run of one seed, or BUNDLE.training: a folder with results.json."),
    ],
    open_: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Write RUN/report.html: figures, tables and verdicts in one self-contained page.

    Of a training that did not finish, the page shows how far it came.
    """
    from encore.reports.report import write_report

    page = write_report(run)
    show.out.print(str(page), markup=False, soft_wrap=True)
    if open_:
        typer.launch(page.absolute().as_uri())
