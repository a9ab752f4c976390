"""`encore inspect`: what is in a Dataset folder, in a minute."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from encore.cli import show
from encore.errors import UsageError
from encore.wording import counted

if TYPE_CHECKING:
    from encore.data.inspection import Inspection


def inspect(
    dataset: Annotated[Path, typer.Argument(help="A Dataset folder (see encore import).")],
    out: Annotated[
        Path | None, typer.Option(help="A folder for inspection.html and inspection.json.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print all facts as JSON.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Show the page in the browser.")] = False,
) -> None:
    """Say what a dataset holds, how it is spread, what it allows and what is missing."""
    from encore.data.dataset import Dataset
    from encore.data.inspection import inspect as look
    from encore.reports.inspection import write_page

    if open_ and out is None:
        raise UsageError("--open shows the page of --out: add --out FOLDER")
    found = look(Dataset.load(dataset))
    name = dataset.absolute().name
    if json_:
        show.print_json(found.to_json())
    else:
        _print(found, name)
    if out is None:
        return
    page = write_page(found, name, out / "inspection.html")
    facts = json.dumps(found.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
    (out / "inspection.json").write_text(facts + "\n", encoding="utf-8")
    show.say(f"page: {page}")
    if open_:
        typer.launch(page.absolute().as_uri())


def _print(found: "Inspection", name: str) -> None:
    from encore.reports.inspection import STATES, counts, plain, ranges, spread_name, summary
    from encore.reports.naming import percent

    def tell(line: str, style: str | None = None) -> None:
        show.out.print(line, markup=False, soft_wrap=True, style=style)

    tell(name, "bold")
    for sentence in summary(found):
        tell(f"  {sentence}")
    _show("counts", ["", ""], [[label, f"{count:,}"] for label, count in counts(found)])
    _show(
        "spread",
        ["", "median", "p90", "max", "Gini", "top 1 %", "top 10 %"],
        [
            [
                spread_name(key, found.item_kind),
                *(plain(one[at]) for at in ("median", "p90", "max")),
                "—" if one["gini"] is None else f"{one['gini']:.2f}",
                percent(one["top_1_percent"]),
                percent(one["top_10_percent"]),
            ]
            for key, one in found.spreads.items()
            if one["n"]
        ],
    )
    between = dict(ranges(found))
    _show(
        f"known of the {found.item_kind}s",
        ["", "share", "of plays", "min", "median", "max"],
        [
            [
                row["column"],
                percent(row["share"]),
                percent(row["of_plays"]),
                *between.get(row["column"], ["", "", ""]),
            ]
            for row in found.coverage
            if row["known"]
        ],
    )
    orders = ("plays", "listeners") if found.counts["listeners"] > 1 else ("plays",)
    for kind, lists in found.leaders.items():
        for by in orders:
            rows = lists[f"by_{by}"][:5]
            if rows:
                told = ", ".join(f"{row['name']} {row[by]:,.0f}" for row in rows)
                tell(f"\n{kind} by {by}: {told}" if by == "plays" else f"{kind} by {by}: {told}")
    twice = found.duplicates
    if twice["groups"]:
        tell(
            f"\nthere twice: {twice['tracks']:,} ids share {counted(twice['groups'], 'name')}, "
            f"{percent(twice['share_of_plays'])} of all plays"
        )
    for reason, dropped in found.ledger.dropped.items():
        tell(f"dropped at import: {dropped:,} {reason}")
    tell("\nwhat it allows", "bold")
    for one in sorted(found.capabilities, key=lambda one: list(STATES).index(one.state)):
        tell(f"  {STATES[one.state]} {one.name}: {one.sentence}")


def _show(title: str, head: list[str], rows: list[list[str]]) -> None:
    if rows:
        show.out.print()
        show.out.print(show.figures(title, head, rows))
