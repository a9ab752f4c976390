"""Sections of what the list is made of: what each part adds, and what variety costs."""

from collections.abc import Mapping, Sequence
from typing import Any

from encore.reports import plots
from encore.reports.naming import label
from encore.reports.parts import Drawn, Part, Row, Section, Table, figure_cell, number_cell

HOW_CHANNELS = (
    "Left, what the list loses without a part, the weights of all others as they are; right, what "
    "the part is worth alone. Parts that know the same stand in for one another: each is missed "
    "little, together they would be. The ranker is compared with the blend that it reorders."
)
HOW_FRONTIER = (
    "Each dot is a weight of diversity: right is more varied, up more accurate; the vermilion one "
    "ships. Diversity is of artist, genres and tags: what people find varied can be something "
    "else."
)
METRIC = "ndcg@10"


def ingredients_section(analysis: Mapping[str, Any]) -> Section | None:
    """Return what an analysis' "channels" and "frontier" tell; None where neither is there."""
    blocks: list[list[Part]] = []
    if channels := analysis.get("channels"):
        alt = "What the list loses without each part, and what the part is worth alone"
        figure = plots.plot_channels(channels, METRIC)
        blocks.append([_channels(channels), Drawn("channels", figure, alt, HOW_CHANNELS)])
    if (frontier := analysis.get("frontier")) and frontier["points"]:
        alt = "Accuracy against diversity for each weight of diversity"
        figure = plots.plot_frontier(frontier)
        blocks.append([_frontier(frontier), Drawn("frontier", figure, alt, HOW_FRONTIER)])
    return Section("What the list is made of", blocks) if blocks else None


def _channels(channels: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        Row(
            one["channel"],
            [
                number_cell(one["weight"]),
                figure_cell(one["alone"]),
                figure_cell(one["without"]),
                figure_cell(one["ratio"]),
            ],
        )
        for one in channels
    ]
    columns = ["weight", "alone", "list without it", "without / with"]
    return Table("channels", "part", columns, rows, note=f"{label(METRIC)}, a sample of listeners.")


def _frontier(frontier: Mapping[str, Any]) -> Table:
    rows = [
        Row(
            f"{point['weight']:g}",
            [figure_cell(point[name]) for name in ("ndcg", "ratio", "diversity")],
            point["ships"],
        )
        for point in frontier["points"]
    ]
    columns = [label(f"ndcg@{frontier['n']}"), "to that of weight 0", "Diversity"]
    note = f"Lists of {frontier['n']} for {frontier['listeners']:,} listeners."
    return Table("frontier", "weight", columns, rows, "Accuracy and variety", note)
