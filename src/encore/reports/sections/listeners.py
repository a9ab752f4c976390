"""Sections of who is served how well: groups of listeners side by side, the worst served."""

from collections.abc import Mapping, Sequence
from typing import Any

from encore.reports import plots
from encore.reports.naming import label
from encore.reports.page import whole
from encore.reports.parts import (
    Drawn,
    Listing,
    Part,
    Row,
    Section,
    Slot,
    Table,
    count_cell,
    figure_cell,
    share_cell,
)
from encore.reports.sections.lists import most_played, plays_of
from encore.wording import counted

SHOWN = 6  # of each list, of those that stand side by side

HOW_GROUPS = (
    "Above, means over the listeners of a group; below, what ships to the best baseline, listener "
    "by listener: above the line it is better. Groups differ in how many tracks there are to find, "
    "so compare models within a group, not groups with one another."
)


def listeners_section(groupings: Sequence[Mapping[str, Any]]) -> Section | None:
    """Return the groupings of an analysis' "listeners"; None where there are none."""
    figures = [_groups_figure(one) for one in groupings if one["groups"]]
    return Section("Who is served how well", [figures]) if figures else None


def worst_section(served: Mapping[str, Any], kind: str) -> Section | None:
    """Return how many find nothing, and the worst served one by one, from "served"."""
    if not served:
        return None
    cut = served["cut"]
    found = Table(
        "none_found",
        "model",
        [f"listeners with none of theirs among the first {cut}"],
        [
            Row(name, [share_cell(share)], name == "encore")
            for name, share in served["none_found"].items()
        ],
    )
    blocks: list[list[Part]] = [[found]]
    for one in served["worst"]:
        who = f"Listener {one['user_id']}"
        blocks.append(
            [
                most_played(one["history"][:SHOWN], f"{who} plays most"),
                Listing(
                    f"{who} was offered",
                    [
                        Slot(i, slot["title"], slot["artist"] or "", [slot["reason"]])
                        for i, slot in enumerate(one["offered"][:SHOWN], start=1)
                    ],
                ),
                Listing(
                    f"{who} played instead",
                    [
                        Slot(i, slot["title"], slot["artist"] or "", [_place(slot)])
                        for i, slot in enumerate(one["played"][:SHOWN], start=1)
                    ],
                    f"of {counted(one['held_out'], kind)} held out; "
                    f"{counted(one['training_rows'], 'training row')}",
                ),
            ]
        )
    sentences = [
        f"Of {counted(served['listeners'], 'listener')}, those of whom the first {cut} held "
        f"nothing though they had most to find. A place is that in the ranking of all {kind}s."
    ]
    return Section("Worst served", blocks, sentences)


def _groups_table(grouping: Mapping[str, Any]) -> Table:
    models = list(dict.fromkeys(m for group in grouping["groups"] for m in group["models"]))
    rows = [
        Row(
            group["label"],
            [
                count_cell(group["listeners"]),
                *(figure_cell(group["models"].get(model)) for model in models),
                figure_cell(group["ratio"]),
            ],
        )
        for group in grouping["groups"]
    ]
    columns = ["listeners", *models, f"encore / {grouping['baseline']}"]
    name, metric = f"listeners_by_{grouping['grouping']}", label(grouping["metric"])
    note = f"{metric} on {grouping['board']}; small, the 95 % interval."
    return Table(name, grouping["what"], columns, rows, note=note)


def _groups_figure(grouping: Mapping[str, Any]) -> Drawn:
    name = f"listeners_by_{grouping['grouping']}"
    alt = f"{label(grouping['metric'])} of each model by {grouping['what']}"
    figure, table = plots.plot_listener_groups(grouping), _groups_table(grouping)
    return Drawn(name, figure, alt, HOW_GROUPS, [table])


def _place(slot: Mapping[str, Any]) -> str:
    place = slot["place"]
    where = "unknown to the model" if place is None else f"place {whole(place)}"
    return f"{plays_of(slot['plays'])}, {where}"
