"""Boards as tables."""

import math
from collections.abc import Iterable, Sequence

from encore.reports.naming import SHIPPED, Board, best, finite, label, lower_is_better
from encore.reports.parts import Row, Table, figure_cell

MARKED = "● is the best of its {}; small, the 95 % interval."


def metrics_of(board: Board) -> list[str]:
    """Return the metrics that some model of the board has a value for, in their order."""
    named = dict.fromkeys(metric for row in board.values() for metric in row)
    return [metric for metric in named if best(board, metric)]


def board_table(
    name: str, board: Board, metrics: Sequence[str], corner: str = "model", title: str = ""
) -> Table:
    """Return a board as a table, the best model by the first metric first.

    Where metrics are many and models few, a row is a metric and a column a model.
    """
    board = best_first(board, metrics[0])
    rows = board_rows(board, metrics)
    if len(metrics) <= max(len(board), 5):
        named = [label(metric) for metric in metrics]
        return Table(name, corner, named, rows, title, MARKED.format("column"))
    turned = [
        Row(label(metric), [row.cells[i] for row in rows]) for i, metric in enumerate(metrics)
    ]
    return Table(name, "metric", [*board], turned, title, MARKED.format("row"))


def board_rows(board: Board, metrics: Iterable[str], over: str = "") -> list[Row]:
    """Return a row for each model; the first stands under the heading `over`.

    >>> board_rows({"als": {"ndcg@10": {"mean": 0.2}}}, ["ndcg@10"])[0].cells[0].best
    True
    """
    top = {metric: _value(board, best(board, metric), metric) for metric in metrics}
    rows: list[Row] = []
    for model, values in board.items():
        cells = [
            figure_cell(value, best=finite(value) and value["mean"] == top[metric])
            for metric in top
            for value in [values.get(metric) or {}]
        ]
        rows.append(Row(model, cells, model == SHIPPED, "" if rows else over))
    return rows


def best_first(board: Board, metric: str) -> Board:
    """Return the board with its models ordered by a metric."""
    sign = 1 if lower_is_better(metric) else -1

    def worth(model: str) -> float:
        value = board[model].get(metric)
        return sign * value["mean"] if finite(value) else math.inf

    return {model: board[model] for model in sorted(board, key=worth)}


def _value(board: Board, model: str | None, metric: str) -> float | None:
    return board[model][metric]["mean"] if model else None
