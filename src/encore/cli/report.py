"""`encore report`: draw a run's report again from what the run left behind."""

from pathlib import Path
from typing import Annotated

import typer

from encore.cli import show


def report(
    run: Annotated[
        Path,
        typer.Argument(help="A run, RUN/SEED of one, or BUNDLE.training (see encore train)."),
    ],
    open_: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Write RUN/report.html: figures, tables and verdicts in one self-contained page.

    Of a run whose results stand in the folders of its seeds, the page of each. Of a training that
    did not finish, the page shows how far it came.
    """
    from encore.evaluation.runs import run_at
    from encore.reports.report import write_report

    folders = [run] if (run / "results.json").exists() else [*run_at(run).seeds.values()]
    for folder in folders:
        page = write_report(folder)
        show.out.print(str(page), markup=False, soft_wrap=True)
        if open_:
            typer.launch(page.absolute().as_uri())
