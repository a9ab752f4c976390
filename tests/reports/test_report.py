"""The page is whole, needs nothing else, escapes what it is given and omits what is missing."""

import json
import re
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from encore.errors import InputError
from encore.reports.page import written
from encore.reports.plots import plot_training
from encore.reports.report import render, write_report
from encore.reports.sections.boards import HOW_BOARD, HOW_LADDER
from encore.reports.sections.making import HOW_TRAINING
from encore.reports.sections.plays import HOW_COLD, HOW_PREDICTIONS
from encore.reports.style import DARK, PAPER
from encore.reports.verdict import verdict

MEGABYTE = 1_000_000


class Outline(HTMLParser):
    """Collects headings and embedded sources, and checks that tags are closed in order."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.headings: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        self.sources += [facts[name] or "" for name in ("src", "href", "srcset") if name in facts]
        if tag == "img":
            assert facts["alt"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    assert found.open == []
    return found


def test_the_page_has_every_part(run: Path) -> None:
    path = write_report(run)
    assert path == run / "report.html"
    page = path.read_text()
    found = outline(page)
    assert found.headings == [
        "Verdict",
        "Discovery",
        "Plays",
        "Predicted plays",
        "Cold and warm",
        "Recommended to one listener",
        "Training",
        "Data",
        "How it was made",
    ]
    assert sum(source.startswith("data:image/svg") for source in found.sources) == 5
    for text in (HOW_BOARD, HOW_COLD, HOW_PREDICTIONS, HOW_TRAINING):
        assert text in page
    assert HOW_LADDER not in page  # this run asked no new listeners
    for text in ("New Order", "because you play Duran Duran", "13,883", "negative plays", "2.13.0"):
        assert text in page


def test_rungs_of_new_listeners_are_told_together(run: Path) -> None:
    results = json.loads((run / "results.json").read_text())
    board = results["boards"]["discovery"]
    for k in (0, 1, 20):
        results["boards"][f"cold_listener_{k}"] = board
    (run / "results.json").write_text(json.dumps(results))
    page = write_report(run).read_text()
    assert "New listeners" in outline(page).headings
    assert HOW_LADDER in page
    assert all(rung in page for rung in ("0 rows", "1 row", "20 rows"))
    assert "Cold listener 1" not in page
    assert "cold listener 1" not in page


def test_the_page_needs_nothing_beside_itself(run: Path) -> None:
    path = write_report(run)
    page = path.read_text()
    assert all(source.startswith(("data:", "#")) for source in outline(page).sources)
    assert not re.search(r"https?://|<script|<link|@import|url\(", page)
    assert path.stat().st_size < 5 * MEGABYTE
    assert [file.name for file in run.iterdir() if file.name.startswith(".")] == []


def test_the_same_run_gives_the_same_page(results, history) -> None:
    assert render(results, history) == render(results, history)


def test_all_text_is_escaped(results) -> None:
    evil = "<script>alert('&')</script>"
    results["title"] = evil
    results["example"]["slots"][0]["title"] = evil
    results["example"]["history"][0]["artist"] = evil
    results["chosen"]["why"] = evil
    results["config"][evil] = evil
    results["boards"]["discovery"][evil] = results["boards"]["discovery"].pop("als")
    page = render(results)
    assert "<script" not in page
    outline(page)


def test_missing_parts_are_absent() -> None:
    assert outline(render({})).headings == []
    only = {"boards": {"discovery": {"encore": {"ndcg@10": {"mean": 0.2}}, "als": {}}}}
    assert outline(render(only)).headings == ["Discovery"]
    assert outline(render({"data": {"notes": ["a note"]}, "cold_start": []})).headings == ["Data"]


def test_the_best_of_each_column_is_marked(results) -> None:
    page = render({"boards": {"discovery": results["boards"]["discovery"]}})
    assert page.count('class="best"') == 3
    assert "<b>0.231</b>" in page
    results["boards"]["discovery"]["als"]["ndcg@10"]["mean"] = 0.9
    assert "<b>0.900</b>" in render({"boards": {"discovery": results["boards"]["discovery"]}})


def test_history_and_predictions_are_optional(run: Path) -> None:
    (run / "history.jsonl").unlink()
    (run / "predictions.npz").unlink()
    headings = outline(write_report(run).read_text()).headings
    assert "Training" not in headings
    assert "Predicted plays" not in headings


def test_a_run_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"results\.json: missing"):
        write_report(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("results.json", "{", "not JSON"),
        ("results.json", "[]", "expected an object"),
        ("history.jsonl", '{"epoch": 1}\n{', r"history\.jsonl:2"),
        ("predictions.npz", "no archive", "without pickle"),
    ],
)
def test_a_damaged_file_is_named(run: Path, name: str, text: str, message: str) -> None:
    (run / name).write_text(text)
    with pytest.raises(InputError, match=message):
        write_report(run)
    assert not (run / "report.html").exists()


def test_pickled_predictions_are_refused(run: Path) -> None:
    np.savez(run / "predictions.npz", predictions=np.array([{}], dtype=object), targets=np.ones(1))
    with pytest.raises(InputError, match="without pickle"):
        write_report(run)


def test_results_with_not_a_number_are_read(run: Path, results) -> None:
    results["boards"]["plays"]["mean"]["r2_raw"] = {"mean": float("nan")}
    (run / "results.json").write_text(json.dumps(results))
    assert "—" in write_report(run).read_text()


def test_every_table_has_a_twin_in_json(run: Path) -> None:
    page = write_report(run).read_text()
    kind = "data:application/json;base64,"
    found = [source for source in outline(page).sources if source.startswith(kind)]
    assert len(found) == page.count("<table>") == 11
    discovery = json.loads(b64decode(found[0].removeprefix(kind)))
    assert discovery["columns"] == ["model", "NDCG@10", "Recall@10", "Coverage@20"]
    encore = next(row for row in discovery["rows"] if row[0] == "encore")
    assert encore[1] == pytest.approx({"mean": 0.231, "low": 0.224, "high": 0.238})


def test_links_lead_to_sections_that_are_there(run: Path) -> None:
    page = write_report(run).read_text()
    anchors = [source[1:] for source in outline(page).sources if source.startswith("#")]
    assert len(anchors) > 3
    assert all(f'<section id="{anchor}">' in page for anchor in anchors)


def test_figures_have_colours_for_dark_paper(run: Path) -> None:
    page = write_report(run).read_text()
    kind = "data:image/svg+xml;base64,"
    pictures = [source for source in outline(page).sources if source.startswith(kind)]
    for picture in pictures:
        text = b64decode(picture.removeprefix(kind)).decode()
        body = text.partition("</style>")[2]
        assert "prefers-color-scheme:dark" in text
        assert "var(--" in body
        left = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", body))
        assert left == set(), "a colour that the palette does not have stays as it is on dark paper"


def test_tables_and_figures_stand_beside_the_page(run: Path) -> None:
    page = write_report(run).read_text()
    told = json.loads((run / "report.json").read_text())
    assert told["verdict"] == verdict(json.loads((run / "results.json").read_text()))
    assert len(told["tables"]) == page.count("<table>")  # so that no two have the same name
    names = {file.stem for file in (run / "figures").iterdir()}
    assert len(names) == 2 * page.count("<img ")
    for light in (name for name in names if not name.endswith("-dark")):
        text = (run / "figures" / f"{light}.svg").read_text()
        dark = (run / "figures" / f"{light}-dark.svg").read_text()
        assert PAPER in text
        assert PAPER not in dark
        assert DARK[PAPER] in dark
        assert len(text) == len(dark)


def test_a_written_figure_has_places_to_a_hundredth_and_scales_as_they_are(history) -> None:
    text = written(plot_training(history))
    scales = "".join(re.findall(r"scale\([^)]*\)", text))
    assert "0.015625" in scales
    assert not re.search(r"\d\.\d{3}", re.sub(r"scale\([^)]*\)", "", text).partition("<g")[2])
