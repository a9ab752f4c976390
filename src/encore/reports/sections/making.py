"""Sections of how a model came about: its training, its data, its settings, its machine."""

from collections.abc import Mapping, Sequence
from typing import Any

from encore.reports import plots
from encore.reports.parts import Cell, Drawn, Row, Section, Table, count_cell, flat

HOW_TRAINING = (
    "The dashed upright is the best epoch, whose weights are kept; a validation loss that rises "
    "after it is what early stopping is for. Dashed curves: the fit on all rows, which validates "
    "nothing."
)
FOLDED = ("config", "chosen")  # long, and of interest to few
FACTS = {
    "split": "Split",
    "config": "Configuration",
    "chosen": "Chosen on validation",
    "seconds": "Seconds",
    "machine": "Machine",
    "versions": "Versions",
}


def training_section(history: Sequence[Mapping[str, Any]]) -> Section:
    """Return the curves of a training."""
    figure = plots.plot_training(history)
    alt = "Losses, validation metrics, learning rate and throughput by epoch"
    return Section("Training", [[Drawn("training", figure, alt, HOW_TRAINING)]])


def data_section(data: Mapping[str, Any]) -> Section:
    """Return what was read, kept and dropped, and the digests of its sources."""
    counts = {"rows read": data.get("read"), "kept": data.get("kept")} if data.get("read") else {}
    for reason, rows in (data.get("dropped") or {}).items():
        counts[f"dropped: {reason.replace('_', ' ')}"] = rows
    sources = [
        Row(
            source["name"],
            [count_cell(source["bytes"]), Cell(source["sha256"], f"{source['sha256'][:16]}…")],
        )
        for source in data.get("sources") or []
    ]
    tables = [
        Table("data", "rows", ["count"], [Row(n, [count_cell(c)]) for n, c in counts.items()]),
        Table("sources", "file", ["bytes", "sha256"], sources),
    ]
    return Section("Data", [[table for table in tables if table.rows]], data.get("notes") or [])


def facts_section(results: Mapping[str, Any]) -> Section | None:
    """Return settings, machine and versions; None where nothing of it is known."""
    tables = [
        Table(
            key,
            "",
            ["value"],
            [Row(n, [_words(text)]) for n, text in flat(results[key])],
            title,
            folded=key in FOLDED,
        )
        for key, title in FACTS.items()
        if results.get(key)
    ]
    return Section("How it was made", [tables]) if tables else None


def _words(text: str) -> Cell:
    return Cell(text, text)
