"""`encore match`: how much of a history a dataset or a model knows."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from encore.cli import show
from encore.wording import counted, noun

if TYPE_CHECKING:
    from encore.data.matching import Match


def match(
    history: Annotated[Path, typer.Argument(help="A history, of any form import reads.")],
    target: Annotated[
        Path, typer.Argument(help="A Dataset or Bundle folder, or what import reads.")
    ],
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
    _print(found, brought.item_kind, top)


def _print(found: "Match", kind: str, top: int) -> None:
    from encore.data.matching import NAMED
    from encore.reports.naming import percent

    rows = [
        [name, f"{rate['tracks']:,.0f}", percent(rate["rows"]), percent(rate["plays"])]
        for name, rate in zip([*NAMED.values(), "in all"], found.rates().values(), strict=True)
        if rate["tracks"] or name == "in all"
    ]
    show.out.print(f"{counted(found.tracks.height, kind)} of the history, matched by")
    show.out.print(show.figures("", ["", f"{kind}s", "of rows", "of plays"], rows))
    unknown = found.unmatched
    if top and unknown.height:
        show.out.print(f"\n{counted(unknown.height, kind)} not known, most played first:")
    for row in unknown.head(top).iter_rows(named=True):
        named = f"{row['artist']}: {row['title']}" if row["artist"] else row["title"]
        plays = f"{row['plays']:8,.0f} {noun(row['plays'], 'play'):5s}"
        show.out.print(f"  {plays}  {named}", markup=False, soft_wrap=True)
