"""Sections of what is recommended overall beside what is played, and the map of artists."""

from collections.abc import Mapping, Sequence
from typing import Any

from encore.reports import plots
from encore.reports.naming import SHIPPED, label
from encore.reports.parts import (
    Cell,
    Drawn,
    Part,
    Row,
    Section,
    Table,
    count_cell,
    figure_cell,
    share_cell,
)

SHOWN = 20  # of the map's artists, on the page

HOW_CONCENTRATION = (
    "How much the first n of the catalogue take, each curve by its own order. A curve above that "
    "of plays puts more on fewer. Lists of a fixed length cannot be as uneven as plays, so that a "
    "curve below says little by itself."
)
HOW_DECILES = (
    "The catalogue in ten equal parts by its training listeners: above the line a part has more of "
    "the slots than of the plays. Where most of a catalogue is hardly played, nine parts have "
    "nearly nothing on both sides."
)
HOW_GENRES = (
    "Vermilion right of the other dot: the genre is recommended more than it is played. What has "
    "several genres counts for each in part; heard tracks are not listed, so that even a fair list "
    "differs."
)
HOW_COVERAGE = (
    "The share of the catalogue that stands in anybody's list. It grows with the number of "
    "listeners and slots, and chance covers most: read it beside accuracy."
)
HOW_TIERS = (
    "The catalogue in tiers of as many plays each; what nobody plays in training stands apart. "
    "Above, who gets the slots; below, what share of the right answers of a tier is found. A model "
    "that lists more of a tier finds more of it, and what is rare is harder to find for any: "
    "compare models within a tier."
)
HOW_MAP = (
    "Near one another is what the same listeners play; a dot's area is its listeners. Only "
    "neighbourhoods mean something: distances across the map, its axes and its turn do not."
)


def catalogue_section(analysis: Mapping[str, Any], kind: str) -> Section | None:
    """Return what is recommended: most listed and most played, spread, genres, coverage, tiers."""
    blocks: list[list[Part]] = []
    more: list[Part] = []
    exposure = analysis.get("exposure") or {}
    if exposure:
        blocks += [
            [
                _leaders("most_listed", exposure["most_listed"], f"Most listed {kind}s"),
                _leaders("most_played", exposure["most_played"], f"Most played {kind}s"),
            ],
            [
                Drawn(
                    "concentration",
                    plots.plot_concentration(exposure),
                    "Share of slots and of plays by the number of the catalogue that take it",
                    HOW_CONCENTRATION,
                    [_curves("concentration", "most frequent", exposure["concentration"])],
                ),
                Drawn(
                    "deciles",
                    plots.plot_deciles(exposure),
                    "Slots more or less than plays, by tenth of popularity",
                    HOW_DECILES,
                    [_tenths(exposure["deciles"])],
                ),
            ],
        ]
        if genres := exposure["genres"]:
            figure = plots.plot_genres(exposure)
            alt = "Share of each genre in plays and in lists"
            more.append(Drawn("genres", figure, alt, HOW_GENRES, [_genres(genres)]))
    if coverage := analysis.get("coverage"):
        figure = plots.plot_coverage(coverage)
        alt = "Share of the catalogue in some list, by the length of lists"
        more.append(Drawn("coverage", figure, alt, HOW_COVERAGE, [_coverage(coverage)]))
    if (tiers := analysis.get("tiers")) and tiers["groups"]:
        figure = plots.plot_tiers(tiers)
        alt = "Slots and found answers by tier of popularity"
        more.append(Drawn("tiers", figure, alt, HOW_TIERS, [_tiers(tiers)]))
    blocks += [more[i : i + 2] for i in range(0, len(more), 2)]
    return Section("What is recommended", blocks) if blocks else None


def map_section(found: Mapping[str, Any]) -> Section | None:
    """Return the map of artists from an analysis' "map"; None where there is none."""
    if not found:
        return None
    rows = [
        Row(
            one["name"],
            [
                _plain(one["genre"] or "—"),
                count_cell(one["listeners"]),
                _at(one["x"]),
                _at(one["y"]),
            ],
        )
        for one in sorted(found["artists"], key=lambda one: -one["listeners"])
    ]
    figure = plots.plot_map(found)
    coloured = ", coloured by genre" if found["genres"] else ""
    alt = f"Map of {len(rows):,} {found['what']}s{coloured}"
    table = Table("map", found["what"], ["genre", "listeners", "x", "y"], rows, shown=SHOWN)
    return Section("A map", [[Drawn("map", figure, alt, HOW_MAP, [table])]])


def _leaders(name: str, tracks: Sequence[Mapping[str, Any]], title: str) -> Table:
    rows = [
        Row(
            f"{one['title']} – {one['artist']}" if one["artist"] else one["title"],
            [share_cell(one["listed"]), share_cell(one["played"])],
        )
        for one in tracks
    ]
    return Table(name, "", ["of lists", "of listeners"], rows, title)


def _curves(name: str, corner: str, found: Mapping[str, Any]) -> Table:
    models = found["models"]
    rows = [
        Row(
            f"{step:,}",
            [
                share_cell(found["played"][i]),
                *(share_cell(models[model][i]) for model in models),
            ],
        )
        for i, step in enumerate(found["tracks"])
    ]
    return Table(name, corner, ["plays", *models], rows)


def _tenths(deciles: Mapping[str, Any]) -> Table:
    tenths = {"tracks": list(range(1, 1 + len(deciles["played"]))), **deciles}
    return _curves("deciles", "tenth, least played first", tenths)


def _genres(genres: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        Row(one["genre"], [share_cell(one["listed"]), share_cell(one["played"])]) for one in genres
    ]
    return Table("genres", "genre", ["of slots", "of plays"], rows)


def _coverage(coverage: Mapping[str, Any]) -> Table:
    rows = [
        Row(model, [share_cell(share) for share in shares], model == SHIPPED)
        for model, shares in coverage["models"].items()
    ]
    columns = [f"lists of {k}" for k in coverage["k"]]
    return Table("coverage", "model", columns, rows)


def _tiers(tiers: Mapping[str, Any]) -> Table:
    rows: list[Row] = []
    for group in tiers["groups"]:
        over = ", ".join(filter(None, [group["label"], group.get("what")]))
        rows += [
            Row("plays", [share_cell(group["played"]), _plain("")], over=over),
            Row("right answers", [share_cell(group["held_out"]), _plain("")]),
            *(
                Row(model, [share_cell(share), figure_cell(group["found"].get(model))])
                for model, share in group["listed"].items()
            ),
        ]
    columns = ["share", label(tiers["metric"])]
    return Table("tiers", tiers["what"], columns, rows)


def _plain(text: str) -> Cell:
    return Cell(text or None, text)


def _at(value: float) -> Cell:
    return Cell(value, f"{value:.1f}")
