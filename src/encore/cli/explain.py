"""`encore explain`: why a track has its score with a listener."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from encore.cli import rule_flags as flags
from encore.cli import show
from encore.wording import counted, noun

if TYPE_CHECKING:
    from encore.recommend.explain import Carried, Contribution, Explanation
    from encore.recommend.reasons import Nearness

SHOWN = 3  # tracks under each scorer; JSON has all


def explain(
    bundle: Annotated[Path, typer.Argument(help="A Bundle folder (see encore train).")],
    user: Annotated[str, typer.Argument(help="The listener's id; any, with --history.")],
    track: Annotated[str, typer.Argument(help="An id, a title or 'artist - title'.")],
    n: Annotated[int, typer.Option("-n", help="Length of the list that has it or not.")] = 10,
    history: Annotated[
        Path | None, typer.Option(help="A history of one listener, of any form import reads.")
    ] = None,
    rules_file: flags.RulesFile = None,
    plain: flags.Plain = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the explanation as JSON.")] = False,
) -> None:
    """Take a score apart: what each scorer adds, and what of it each track of the history carries.

    Where it stands, and which rules keep it out of the list.
    """
    import encore
    from encore.recommend.brought import of_dataset
    from encore.recommend.rules import Rules

    rules = flags.rules_from(rules_file, plain, dict.fromkeys(Rules.model_fields))
    model = encore.load(bundle)
    brought = None if history is None else of_dataset(model.bundle, encore.read(history))
    found = model.explain(user, track, n, rules=rules, history=brought)
    if json_:
        show.print_json(found.to_json())
        return
    by = f" by {found.artist}" if found.artist else ""
    show.out.print(f"{found.title}{by}, for {user} ({found.answer})", style="bold", markup=False)
    show.out.print(found.reason, markup=False)
    show.out.print(_table(found))
    for line in _lines(found, n, model.bundle.item_kind):
        show.out.print(line, markup=False)


def _table(found: "Explanation") -> Table:
    """Return the score as a table that adds up: the scorers, and under each what carries it."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right", style="dim")
    for one in found.contributions:
        if not one.score:  # it has no weight for this track
            continue
        table.add_row(one.scorer, f"{one.score:+.3f}", "")
        for name, value in _within(one):
            table.add_row(f"  {show.plain(name)}", "", f"{value:+.3f}", style="dim")
    table.add_row("score", f"{found.score:.3f}", "", style="bold")
    return table


def _within(one: "Contribution") -> list[tuple[str, float]]:
    if not (one.tracks or one.friends):
        return []
    rows = [*_carriers(one.tracks, ""), *_carriers(one.friends, " (your friends')")]
    return [*rows, ("the rest: the mean track, taken off", one.rest)]


def _carriers(carried: "list[Carried]", whose: str) -> list[tuple[str, float]]:
    rows = [(f"{track.name}{whose}", track.score) for track in carried[:SHOWN]]
    if more := carried[SHOWN:]:
        rows.append((f"{len(more):,} more{whose}", sum(track.score for track in more)))
    return rows


def _lines(found: "Explanation", n: int, kind: str) -> list[str]:
    """Return what there is to say beside the sum."""
    heard = "heard already; " if found.heard else ""
    place = f"place {found.place:,} of {counted(found.of, kind)} not heard"
    listed = f"slot {found.slot} of {n}" if found.slot else f"not in the list of {n}"
    lines = [f"{heard}{place}; {listed}"]
    costs = [f"{rule} {cost:+.2f}" for rule, cost in (found.costs or {}).items() if cost]
    if costs:
        lines.append(f"rules changed it there by {', '.join(costs)}")
    if found.removed_by:
        rules = [r if how == "refused" else f"{r} ({how})" for r, how in found.removed_by.items()]
        lines.append(f"kept out by {', '.join(rules)}")
    for one in found.contributions:
        if one.kinds:
            kinds = ", ".join(f"{kind} {value:+.3f}" for kind, value in one.kinds.items())
            lines.append(f"{one.scorer}, of what the tracks carry: {kinds}")
    if 0 < found.friends_share < 1:
        lines.append(f"friends' histories have a share of {found.friends_share:.0%} in the score")
    if found.acoustics:
        lines.append(f"beside the history: {_acoustics(found.acoustics)}")
    if found.friends:
        play = noun(len(found.friends), "plays", "play")
        lines.append(f"of the friends {', '.join(found.friends)} {play} it")
    return lines


def _acoustics(every: "list[Nearness]") -> str:
    """Return in which features a track is close to a history, and how it differs in the others."""
    close = [one.feature for one in every if one.word == "close"]
    told = [f"close in {', '.join(close)}"] if close else []
    told += [f"{one.feature} {one.word}" for one in every if one.word in ("lower", "higher")]
    told += [one.word for one in every if one.word not in ("lower", "higher", "close")]
    return "; ".join(told)
