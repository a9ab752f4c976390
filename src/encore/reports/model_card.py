"""The model card that a bundle carries, in the form that the Hugging Face Hub reads."""

import json
from collections.abc import Mapping
from typing import Any

from encore.reports.findings import findings
from encore.reports.naming import SHIPPED, finite, label
from encore.reports.parts import Table, flat
from encore.reports.sections.plays import cold_section
from encore.reports.tables import board_table, metrics_of
from encore.reports.verdict import verdict

INTENDED = (
    "Recommending tracks (or artists) to listeners of one service, and predicting how often a "
    "listener plays a track. New listeners are folded in from their history, their friends or a "
    "few seeds; new tracks are scored from their content."
)
LIMITS = (
    "It knows only the listening it was trained on and repeats its skews: what that audience plays "
    "much is recommended more, and what is rare in it is served worse. Counts of plays are not "
    "liking. The figures below hold for the data and split named here and for no other."
)
PRIVACY = (
    "`listeners/` in the bundle holds histories and friends of the listeners it was trained on. It "
    "can be left out or erased; what the weights have learned from these listeners stays."
)
USE = """```python
import encore

model = encore.load("bundle/")
model.recommend("some listener", n=10)
```"""


def model_card(facts: Mapping[str, Any]) -> str:
    """Return MODEL_CARD.md from the facts of results.json, any part of which may be missing.

    >>> "# Demo" in model_card({"title": "Demo"})
    True
    """
    title = _plain(facts.get("title", "An encore model"))
    parts = [_front_matter(facts), f"# {title}", "A hybrid music recommender, made with encore."]
    if sentences := [*verdict(facts), *findings(facts)]:
        parts.append("\n".join(f"- {_plain(sentence)}" for sentence in sentences))
    parts += [
        "## Use",
        USE,
        "## Intended use",
        INTENDED,
        "## Limits",
        LIMITS,
        "## Privacy",
        PRIVACY,
    ]
    data = facts.get("data", {})
    if data:
        parts += ["## Training data", _facts(data | {"sources": _sources(data)})]
    for heading, key in (("Split", "split"), ("Training configuration", "config")):
        if facts.get(key):
            parts += [f"## {heading}", _facts(facts[key])]
    for name, board in facts.get("boards", {}).items():
        if metrics := metrics_of(board):
            parts += [f"## Evaluation: {_plain(name)}", _table(board_table(name, board, metrics))]
    if cold := cold_section(facts.get("cold_start", [])):
        tables = [part for part in cold.parts if isinstance(part, Table)]
        parts += ["## Evaluation: cold and warm", *map(_table, tables)]
    made = {key: facts[key] for key in ("machine", "versions", "seconds") if facts.get(key)}
    if made:
        parts += ["## Made with", _facts(made)]
    return "\n\n".join(parts) + "\n"


def _front_matter(facts: Mapping[str, Any]) -> str:
    """Return the YAML head; JSON strings are YAML strings, so that no title can break it."""
    title = _quoted(str(facts.get("title", "An encore model")))
    lines = [
        "---",
        "library_name: encore",
        "tags:",
        *(f"- {tag}" for tag in ("recommender-system", "music", "implicit-feedback", "hybrid")),
    ]
    results = []
    for name, board in facts.get("boards", {}).items():
        shown = {m: value for m, value in board.get(SHIPPED, {}).items() if finite(value)}
        if not shown:
            continue
        results += ["  - task:", "      type: recommendation", f"      name: {_quoted(name)}"]
        results += ["    dataset:", f"      name: {title}", "      type: listening"]
        results += ["    metrics:"]
        for metric, value in shown.items():
            results += [f"    - type: {_quoted(metric)}", f"      name: {_quoted(label(metric))}"]
            results += [f"      value: {value['mean']:.6g}"]
    if results:
        lines += ["model-index:", f"- name: {title}", "  results:", *results]
    return "\n".join([*lines, "---"])


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _table(table: Table) -> str:
    rows = [[table.corner, *table.columns], ["---"] * (1 + len(table.columns))]
    for row in table.rows:
        if row.over:
            rows.append([f"*{_plain(row.over)}*", *[""] * len(table.columns)])
        cells = (
            (f"**{cell.text}**" if cell.best else cell.text)
            + (f" ({cell.small})" if cell.small else "")
            for cell in row.cells
        )
        rows.append([_plain(row.name), *map(_plain, cells)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _facts(values: Mapping[str, Any]) -> str:
    return "\n".join(f"- {_plain(name)}: {_plain(value)}" for name, value in flat(values))


def _sources(data: Mapping[str, Any]) -> list[str]:
    return [f"{source['name']} (sha256 {source['sha256']})" for source in data.get("sources", [])]


def _plain(text: object) -> str:
    """Return `text` on one line and without a meaning in Markdown or HTML."""
    line = " ".join(str(text).split())
    for sign, harmless in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("`", "\\`"), ("[", "\\[")):
        line = line.replace(sign, harmless)
    return line
