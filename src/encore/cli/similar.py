"""`encore similar`: what is like a track or an artist."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from encore.cli import show
from encore.cli.recommend import write_frame


def similar(
    bundle: Annotated[Path, typer.Argument(help="A Bundle folder (see encore train).")],
    name: Annotated[str, typer.Argument(help="An id, a title, 'artist - title' or an artist.")],
    n: Annotated[int, typer.Option("-n", help="How many.")] = 10,
    by: Annotated[
        str, typer.Option(help="content (what they are), listening (who plays both) or both.")
    ] = "both",
    kind: Annotated[
        str | None, typer.Option(help="track or artist; else what the model lists.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A file: .json .jsonl .csv .parquet")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Find what is most like a track or an artist, and say in what."""
    import polars as pl

    import encore

    found = encore.load(bundle).similar(name, n, by=by, kind=kind)
    rows = [neighbour.to_json() for neighbour in found]
    if output is not None:
        listed = pl.DataFrame(rows, schema_overrides={"artist": pl.String})
        if output.suffix == ".csv":
            listed = listed.with_columns(pl.col("genres").list.join(";"))
        write_frame(listed, output)
    if json_:
        show.print_json(rows)
    elif output is None:
        table = Table(box=None, pad_edge=False)
        for column in ("", "name", "artist", "content", "listening", "listeners", "genres"):
            right = column not in ("name", "artist", "genres")
            table.add_column(column, justify="right" if right else "left")
        for one in found:
            table.add_row(
                str(one.rank),
                show.plain(one.name),
                show.plain(one.artist or ""),
                f"{one.content:.2f}",
                f"{one.listening:.2f}",
                f"{one.listeners:,}",
                show.plain(", ".join(one.genres)),
            )
        show.out.print(table)
