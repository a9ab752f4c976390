"""Sections hold the numbers that they were given, each in a table, and are absent without any."""

import re
from pathlib import Path
from typing import Any

import pytest

from encore.reports.parts import Drawn, Listing, Section, Table
from encore.reports.report import render, sections_of
from encore.reports.sections.catalogue import SHOWN, catalogue_section, map_section
from encore.reports.sections.ingredients import ingredients_section
from encore.reports.sections.listeners import listeners_section, worst_section
from encore.reports.sections.lists import HELD_OUT, example_section
from encore.reports.sections.plays import predictions_section

DOCS = Path(__file__).parents[2] / "docs/report.md"


def numbers(value: Any) -> list[float]:
    """Return every number within JSON values."""
    if isinstance(value, dict):
        return [number for inner in value.values() for number in numbers(inner)]
    if isinstance(value, list):
        return [number for inner in value for number in numbers(inner)]
    return [float(value)] if isinstance(value, int | float) and not isinstance(value, bool) else []


def told(section: Section | None) -> set[float]:
    assert section is not None
    tables = [part.to_json() for part in section.parts if isinstance(part, Table)]
    return {number for table in tables for number in numbers(table["rows"])}


def names(section: Section | None, kind: type) -> list[str]:
    assert section is not None
    return [part.name for part in section.parts if isinstance(part, kind)]


def test_each_number_of_the_analysis_stands_in_a_table(analysis: dict[str, Any]) -> None:
    kinds = {
        "listeners": told(listeners_section(analysis["listeners"])),
        "coverage": told(catalogue_section(analysis, "artist")),
        "tiers": told(catalogue_section(analysis, "artist")),
        "exposure": told(catalogue_section(analysis, "artist")),
        "channels": told(ingredients_section(analysis)),
        "map": told(map_section(analysis["map"])),
        "errors": told(predictions_section(None, analysis)),
    }
    # Lengths and sizes are told in words or as the names of rows and columns.
    words = {float(n) for n in (20, 1800, 17632, *analysis["coverage"]["k"])}
    words |= {float(n) for n in analysis["exposure"]["concentration"]["tracks"]}
    words |= {float(group["tracks"]) for group in analysis["tiers"]["groups"]}
    for part, shown in kinds.items():
        missing = set(numbers(analysis[part])) - shown - words
        assert not missing, part


def test_a_figure_stands_for_each_part(analysis: dict[str, Any]) -> None:
    assert names(catalogue_section(analysis, "artist"), Drawn) == [
        "concentration",
        "deciles",
        "genres",
        "coverage",
        "tiers",
    ]
    assert names(ingredients_section(analysis), Drawn) == ["channels", "frontier"]
    assert names(predictions_section(None, analysis), Drawn) == ["calibration", "bias", "errors"]
    assert names(listeners_section(analysis["listeners"]), Drawn) == [
        "listeners_by_activity",
        "listeners_by_mainstreamness",
    ]


def test_the_worst_served_stand_beside_what_they_were_offered_and_played(
    analysis: dict[str, Any],
) -> None:
    section = worst_section(analysis["served"], "artist")
    assert section is not None
    history, offered, played = section.blocks[1]
    assert all(isinstance(one, Listing) for one in (history, offered, played))
    assert isinstance(offered, Listing)
    assert offered.slots[0].lines == ["because you play Can"]
    assert isinstance(played, Listing)
    assert played.slots[0].lines == ["80 plays, place 312"]
    assert played.slots[2].lines == ["78 plays, unknown to the model"]
    assert "10 artists held out" in played.note
    assert "1,800 listeners" in section.sentences[0]


@pytest.mark.parametrize(
    "part",
    [
        "listeners",
        "served",
        "exposure",
        "coverage",
        "tiers",
        "errors",
        "calibration",
        "channels",
        "frontier",
        "map",
    ],
)
def test_what_is_missing_leaves_the_rest(analysis: dict[str, Any], part: str) -> None:
    whole = {one.name for one in _parts(sections_of({"analysis": analysis}))}
    without = {name: inner for name, inner in analysis.items() if name != part}
    left = {one.name for one in _parts(sections_of({"analysis": without}))}
    assert left < whole


def test_what_the_listener_does_play_is_marked(results: dict[str, Any]) -> None:
    listing = example_section(results["example"]).blocks[0][0]
    assert isinstance(listing, Listing)
    assert [slot.found for slot in listing.slots] == [i == 2 for i in range(10)]
    assert listing.note == HELD_OUT
    results["example"]["slots"][2]["held_out"] = False
    listing = example_section(results["example"]).blocks[0][0]
    assert isinstance(listing, Listing)
    assert listing.note == ""


def test_of_nothing_there_is_no_section() -> None:
    assert sections_of({}) == []
    assert sections_of({"analysis": {}}) == []


def test_names_of_tables_and_of_figures_are_each_used_once(
    results: dict[str, Any], analysis: dict[str, Any]
) -> None:
    every = _parts(sections_of(results | {"analysis": analysis}))
    for kind in (Table, Drawn):
        found = [part.name for part in every if isinstance(part, kind)]
        assert len(found) == len(set(found))


def test_each_figure_says_how_it_is_read(results: dict[str, Any], analysis: dict[str, Any]) -> None:
    for part in _parts(sections_of(results | {"analysis": analysis})):
        if isinstance(part, Drawn):
            assert part.alt
            assert part.how.endswith(".")


def test_the_documentation_shows_each_figure_and_says_how_to_read_it(
    full: list[Section],
) -> None:
    page = " ".join(DOCS.read_text("utf-8").split())
    every = [part for part in _parts(full) if isinstance(part, Drawn)]
    for one in every:
        assert f"](figures/{one.name}.svg) `{one.name}`: " in page, one.name
        assert one.how in page, one.name
    shown = re.findall(r"\(figures/(\w+)\.svg\)", page)
    assert shown == [one.name for one in every], "figures in another order, or that are no more"


def test_a_long_table_shows_its_first_rows_and_its_twin_has_all() -> None:
    artists = [
        {"name": f"artist {i}", "x": i, "y": i, "genre": None, "listeners": i} for i in range(30)
    ]
    analysis = {"map": {"what": "artist", "genres": [], "artists": artists}}
    page = render({"analysis": analysis})
    assert page.count('<th scope="row">artist ') == SHOWN < 30
    assert "artist 29<" in page
    assert f"The first {SHOWN} of 30." in page
    (table,) = (
        part
        for part in _parts(sections_of({"analysis": analysis}))
        if part.name == "map" and isinstance(part, Table)
    )
    assert len(table.to_json()["rows"]) == 30


def test_the_page_of_a_whole_run_stays_small(full: list[Section]) -> None:
    drawn = [part for part in _parts(full) if isinstance(part, Drawn)]
    assert sum(len(part.address) for part in drawn) < 2_600_000


def _parts(sections: list[Section]) -> list[Any]:
    found = [part for section in sections for part in section.parts]
    return [part for part in found if not isinstance(part, Listing)]
