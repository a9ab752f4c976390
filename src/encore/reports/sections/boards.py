"""Sections of the boards: models side by side, and new listeners by what is known of them."""

from collections.abc import Mapping

from encore.reports import plots
from encore.reports.naming import RUNG, SHIPPED, Board, best, label
from encore.reports.parts import Drawn, Part, Section, Table
from encore.reports.tables import MARKED, best_first, board_rows, board_table
from encore.wording import counted

#: Of a ranking board, in its table, where it has them; results.json has all.
SHOWN = ("ndcg@10", "recall@10", "mrr@10", "coverage@20", "novelty@20")
DRAWN = ("ndcg@10", "coverage@20", "rmse", "r2")
LADDER_METRIC = "ndcg@10"

HOW_BOARD = (
    "Dots are means over listeners, lines their 95 % intervals; what ships is vermilion. Intervals "
    "that overlap can still differ: the verdict compares listener by listener."
)
HOW_LADDER = (
    "Listeners whom the model never saw, with a few of their tracks revealed; the same tracks are "
    "to be found at each step. At 0, only friends can tell. The band and the thin uprights are "
    "95 % intervals. These are fewer listeners than the other boards have: compare a rung with a "
    "rung, not with a board."
)


def board_sections(boards: Mapping[str, Board]) -> list[Section]:
    """Return a section for each board but the ladder's rungs, which have one together."""
    found = [board_section(name, board) for name, board in boards.items() if not _rung(name)]
    rungs = {int(name.removeprefix(RUNG)): boards[name] for name in boards if _rung(name)}
    return [*found, *([ladder_section(rungs)] if rungs else [])]


def board_section(name: str, board: Board) -> Section:
    """Return a board's table and its dots."""
    every = list(dict.fromkeys(metric for row in board.values() for metric in row))
    known = [metric for metric in every if best(board, metric)]
    shown = [metric for metric in SHOWN if metric in known] or known or every[:1]
    title = name.replace("_", " ").capitalize()
    parts: list[Part] = [board_table(name, board, shown)] if shown else []
    if drawn := [metric for metric in DRAWN if metric in known]:
        figure = plots.plot_metric_comparison(board, drawn, SHIPPED)
        parts.append(Drawn(name, figure, f"{title}: each model with its interval", HOW_BOARD))
    return Section(title, [parts])


def ladder_section(rungs: Mapping[int, Board]) -> Section:
    """Return all rungs of the cold listeners' ladder as one board: a column a rung."""
    names = {k: counted(k, "row") for k in sorted(rungs)}
    models = dict.fromkeys(model for board in rungs.values() for model in board)
    climbed: Board = {
        model: {name: rungs[k].get(model, {}).get(LADDER_METRIC) or {} for k, name in names.items()}
        for model in models
    }
    climbed = best_first(climbed, names[max(names)])
    table = Table(
        "new_listeners",
        label(LADDER_METRIC),
        [*names.values()],
        board_rows(climbed, names.values()),
        note=MARKED.format("column"),
    )
    figure = plots.plot_ladder(rungs, LADDER_METRIC, SHIPPED)
    drawn = Drawn("new_listeners", figure, "Ladder of new listeners", HOW_LADDER)
    return Section("New listeners", [[drawn], [table]])


def _rung(name: str) -> bool:
    return name.startswith(RUNG)
