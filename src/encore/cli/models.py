"""`encore models`: what becomes of a trained model, a command each."""

from pathlib import Path
from typing import Annotated, Any

import typer

from encore.cli import show
from encore.wording import counted, noun

app = typer.Typer(no_args_is_help=True, help="What becomes of a trained model.")


@app.command("add-tracks")
def add_tracks(
    bundle: Annotated[Path, typer.Argument(help="A Bundle folder (see encore train).")],
    tracks: Annotated[
        Path, typer.Argument(help="A table of tracks, or whatever encore import reads.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="Another Bundle folder; else BUNDLE is replaced.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Let new tracks join a trained model, placed by what they are, without training it again."""
    import encore

    model, data = encore.load(bundle), encore.read(tracks)
    if plays := data.rows("plays"):
        show.say(f"{counted(plays, 'row')} of plays passed over: a model learns them in training")
    grown = model.add_tracks(data)
    # A bundle from which the listeners were erased stays without them.
    grown.save(out or bundle, listeners=len(grown.bundle.features.listeners) > 0)
    record = grown.bundle.facts["added"][-1]
    if json_:
        show.print_json(record)
    else:
        _tell(record, model.bundle.item_kind)


def _tell(record: dict[str, Any], kind: str) -> None:
    parts = [counted(record["added"], kind) + " added"]
    parts += [f"{record[name]:,} {name}" for name in ("updated", "unchanged") if record[name]]
    show.out.print(", ".join(parts))
    for reason, rows in record["refused"].items():
        places = ", ".join(record["examples"].get(reason, []))
        told = f"{counted(rows, 'row')} {noun(rows, 'was', 'were')} refused: {reason} ({places})"
        show.out.print(told, markup=False)
