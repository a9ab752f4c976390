"""Boards and nested facts as rows of text, for the page and the model card."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from encore.reports.naming import SHIPPED, Board, Value, best, finite, label, number


def metrics_of(board: Board) -> list[str]:
    """Return the metrics that some model of the board has a value for, in their order."""
    named = dict.fromkeys(metric for row in board.values() for metric in row)
    return [metric for metric in named if best(board, metric)]


def table(board: Board, metrics: Iterable[str] = ()) -> dict[str, Any]:
    """Return a board as {"metrics": labels, "rows": [{"model", "ours", "cells"}]}.

    Without `metrics`, all that some model has. A cell is {"text", "interval", "best"}: the mean,
    the interval ("" where unknown), and whether no other of its column is better.

    >>> table({"als": {"ndcg@10": {"mean": 0.2, "low": 0.1, "high": 0.3}}})["rows"][0]["cells"]
    [{'text': '0.200', 'interval': '0.100 to 0.300', 'best': True}]
    """
    metrics = list(metrics) or metrics_of(board)
    leaders = {metric: best(board, metric) for metric in metrics}
    top = {metric: board[model][metric]["mean"] for metric, model in leaders.items() if model}
    rows = []
    for model, values in board.items():
        cells = [
            {
                "text": number(value.get("mean")),
                "interval": _interval(value),
                "best": finite(value) and value["mean"] == top[metric],
            }
            for metric in metrics
            for value in [values.get(metric) or {}]
        ]
        rows.append({"model": model, "ours": model == SHIPPED, "cells": cells})
    return {"metrics": [label(metric) for metric in metrics], "rows": rows}


def flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of nested mappings as dotted names and text.

    >>> list(flat({"als": {"factors": 64}, "hidden": [256, 128]}))
    [('als.factors', '64'), ('hidden', '256, 128')]
    """
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from flat(inner, f"{prefix}{key}.")
        elif isinstance(inner, list):
            yield f"{prefix}{key}", ", ".join(map(str, inner))
        else:
            yield f"{prefix}{key}", str(inner)


def _interval(value: Value) -> str:
    if not finite(value) or value.get("low") is None or value.get("high") is None:
        return ""
    return f"{number(value['low'])} to {number(value['high'])}"
