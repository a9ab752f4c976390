"""The report of a run: one HTML page that needs nothing beside itself.

`results.json` in, `report.html` out. The page is made from `report.html.j2` with every text
escaped; figures are embedded, so that it can be sent by mail and opened years later.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from encore import folder
from encore.errors import InputError
from encore.evaluation.setups import results_of
from encore.reports.findings import findings
from encore.reports.page import fill, in_dark
from encore.reports.parts import Drawn, Section, Table
from encore.reports.sections.boards import board_sections
from encore.reports.sections.catalogue import catalogue_section, map_section
from encore.reports.sections.ingredients import ingredients_section
from encore.reports.sections.listeners import listeners_section, worst_section
from encore.reports.sections.lists import example_section
from encore.reports.sections.making import data_section, facts_section, training_section
from encore.reports.sections.plays import cold_section, predictions_section
from encore.reports.unfinished import left_page
from encore.reports.verdict import verdict


def write_report(run: Path) -> Path:
    """Write `run`/report.html from what `run` holds and return its path.

    Beside it report.json, which has all of its sentences and tables, and figures/.

    Reads results.json and, where they are, history.jsonl and predictions.npz (arrays "predictions"
    and "targets" of log1p plays). A part that is missing has no section. Of a run that is not
    finished, the page says how far it came (see `encore.reports.unfinished`).

    Raises `InputError` where results.json is missing or a file cannot be read.
    """
    results = results_of(run)
    if results is None:
        raise InputError(f"{run / 'results.json'}: missing; `encore evaluate` writes it")
    page = run / "report.html"
    finished = "status" not in results
    history = read_history(run / "history.jsonl", whole_lines=not finished)
    if finished:
        sections = sections_of(results, history, _read_predictions(run / "predictions.npz"))
        _write_parts(run, results, sections)
        text = _page(results, sections)
    else:
        text = left_page(run, results, history)
    with folder.replacing(page) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return page


def render(
    results: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]] = (),
    predictions: Mapping[str, Any] | None = None,
) -> str:
    """Return the page as text. `predictions` holds the arrays "predictions" and "targets"."""
    return _page(results, sections_of(results, history, predictions))


def _write_parts(run: Path, results: Mapping[str, Any], sections: Sequence[Section]) -> None:
    """Write what the page says as report.json, and its figures, light and dark, to figures/."""
    told = {
        "title": results.get("title"),
        "verdict": verdict(results),
        "findings": findings(results),
        "tables": {
            part.name: part.to_json()
            for section in sections
            for part in section.parts
            if isinstance(part, Table)
        },
    }
    (run / "report.json").write_text(json.dumps(told, indent=1, ensure_ascii=False), "utf-8")
    figures = run / "figures"
    figures.mkdir(exist_ok=True)
    for section in sections:
        for part in section.parts:
            if isinstance(part, Drawn):
                (figures / f"{part.name}.svg").write_text(part.text, "utf-8")
                (figures / f"{part.name}-dark.svg").write_text(in_dark(part.text), "utf-8")


def _page(results: Mapping[str, Any], sections: Sequence[Section]) -> str:
    return fill(
        "report.html.j2",
        title=results.get("title", "A run of encore"),
        item=results.get("item_kind", "track"),
        data=results.get("data", {}),
        verdict=verdict(results),
        findings=findings(results),
        sections=sections,
    )


def sections_of(
    results: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]] = (),
    predictions: Mapping[str, Any] | None = None,
) -> list[Section]:
    """Return the sections that a run has something for, in the order of the page."""
    analysis, kind = results.get("analysis", {}), results.get("item_kind", "track")
    every = [
        *board_sections(results.get("boards", {})),
        listeners_section(analysis.get("listeners", [])),
        worst_section(analysis.get("served", {}), kind),
        catalogue_section(analysis, kind),
        map_section(analysis.get("map", {})),
        ingredients_section(analysis),
        predictions_section(predictions, analysis),
        cold_section(results.get("cold_start", [])),
        example_section(results["example"]) if results.get("example") else None,
        training_section(history) if history else None,
        data_section(results["data"]) if results.get("data") else None,
        facts_section(results),
    ]
    return [section for section in every if section]


def read_history(path: Path, *, whole_lines: bool = False) -> list[dict[str, Any]]:
    """Return the rows of a history, none where there is no such file.

    With `whole_lines`, a last line that has no end is left out: whoever wrote it was stopped there.
    """
    rows = []
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for i, line in enumerate((text.rpartition("\n")[0] if whole_lines else text).splitlines(), 1):
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise InputError(f"{path}:{i}: not JSON: {error}") from error
    return rows


def _read_predictions(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in ("predictions", "targets")}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: expected arrays 'predictions' and 'targets' without pickle: {error}"
        ) from error
