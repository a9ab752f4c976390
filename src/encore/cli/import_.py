"""`encore import`: from raw files to a Dataset folder, with what was dropped and why."""

from pathlib import Path
from typing import Annotated, Any

import typer

from encore.cli import show
from encore.errors import UsageError


def import_(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders to read.")],
    out: Annotated[Path, typer.Option(help="The Dataset folder to write.")],
    format_: Annotated[
        str, typer.Option("--format", help="auto, or a name of the list in docs/data.md.")
    ] = "auto",
    columns: Annotated[
        str, typer.Option(help="Other column names: user_id=user_index,plays=play_count")
    ] = "",
    acoustics: Annotated[
        Path | None, typer.Option(help="A table of acoustic features to join by track id.")
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(help="Whose history it is, where the file does not say. Else: me."),
    ] = None,
    tz: Annotated[
        str | None,
        typer.Option(help="The zone of times that carry none, as Europe/Paris. Else: UTC."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Read listening data of any supported form and write a clean Dataset folder."""
    from encore.data.readers import read

    data = read(
        list(paths),
        format=format_,
        columns=mapping(columns),
        acoustics=acoustics,
        user=user,
        tz=tz,
    )
    data.save(out)
    ledger = data.ledger
    report: dict[str, Any] = {
        "read": ledger.read,
        "kept": ledger.kept,
        "dropped": ledger.dropped,
        "listeners": data.listeners.height,
        "tracks": data.tracks.height,
        "plays": data.plays.height,
        "tables": {name: vars(counts) for name, counts in ledger.tables.items()},
        "notes": ledger.notes,
    }
    if json_:
        show.print_json(report)
        return
    show.out.print(f"{out}: {data}", markup=False, soft_wrap=True)
    for name, counts in ledger.tables.items():
        show.out.print(f"  {name}: read {counts.read:,}, kept {counts.kept:,}")
        for reason, rows in counts.dropped.items():
            places = "; ".join(counts.examples.get(reason, []))
            line = f"    dropped {rows:,}: {reason}" + (f" ({places})" if places else "")
            show.out.print(line, markup=False, soft_wrap=True)
    for note in ledger.notes:
        show.out.print(f"  note: {note}", markup=False, soft_wrap=True)


def mapping(columns: str) -> dict[str, str] | None:
    """Return `ours=theirs,…` as a mapping; None where nothing is given.

    >>> mapping("user_id=user_index,plays=play_count")
    {'user_id': 'user_index', 'plays': 'play_count'}
    """
    if not columns:
        return None
    pairs = [part.partition("=") for part in columns.split(",")]
    if not all(ours.strip() and theirs.strip() for ours, _, theirs in pairs):
        raise UsageError(f"--columns {columns!r}: expected user_id=THEIR_NAME,track_id=THEIR_NAME")
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}
