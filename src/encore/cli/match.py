"""`encore match`: how much of a history a dataset or a model knows."""

from pathlib import Path
from typing import Annotated

import typer

from encore.cli import show


def match(
    history: Annotated[Path, typer.Argument(help="A history, of any form import reads.")],
    target: Annotated[Path, typer.Argument(help="A Dataset or a Bundle folder.")],
    top: Annotated[int, typer.Option(min=0, help="How many unmatched tracks to show.")] = 20,
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Match the tracks of a history, by id, by name, then by artist; show what is not known."""
    from encore import folder
    from encore.data import matching
    from encore.data.readers import read

    brought = read(history)
    if folder.is_kind(target, "bundle"):
        import polars as pl

        from encore.models.bundle import Bundle

        bundle = Bundle.load(target)
        listeners = pl.Series("listeners", bundle.listeners_T[1:])
        known = bundle.tracks.with_columns(listeners)
        known = known.sort("listeners", descending=True, maintain_order=True)
        found = matching.match(brought, known, item_kind=bundle.item_kind)
    else:
        found = matching.match(brought, read(target))
    if json_:
        show.print_json(found.to_json(top))
        return
    show.out.print(f"{found.tracks.height:,} tracks of the history; matched by")
    for level, rate in found.rates().items():
        show.out.print(
            f"  {level:15s} {rate['tracks']:7,.0f} tracks  {rate['rows']:6.1%} of rows  "
            f"{rate['plays']:6.1%} of plays"
        )
    if top and found.unmatched.height:
        show.out.print("not known, most played first:")
    for row in found.unmatched.head(top).iter_rows(named=True):
        named = f"{row['artist'] or '?'}: {row['title']}"
        show.out.print(f"  {row['plays']:8,.0f} plays  {named}", markup=False, soft_wrap=True)
