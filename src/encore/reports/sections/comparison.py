"""Sections of a comparison: ratios, who gains and who pays, what differs, how it was asked."""

import math
from collections.abc import Iterable, Mapping, Sequence

from encore.evaluation.gains import Gains
from encore.evaluation.names import is_baseline
from encore.evaluation.runs import listed, place_of
from encore.evaluation.setups import Difference
from encore.evaluation.significance import Comparison, headline, less_is_better
from encore.reports import plots
from encore.reports.naming import RUNG, SHIPPED, number, percent
from encore.reports.page import whole
from encore.reports.parts import Cell, Drawn, Row, Section, Table, count_cell
from encore.reports.sentences import SAME_SETUP, p_text, setting_text

HOW_RATIOS = (
    "The mean of the first over the other's, with its 95 % interval, listener by listener; errors "
    "are turned over, so that right of the line is always better for the first. A filled arrow is "
    "a verdict and points to its side; a ring is none."
)
HOW_GAINS = (
    "Every listener's change, from the greatest gain to the greatest loss: above the line they are "
    "served better by the first, below it worse. Less error counts as a gain. The outermost 1 % of "
    "changes are cut off. Flat means the same in both, often because neither finds anything."
)
HOW_TEST = (
    "A listener's values are averaged over the seeds in which both sides have one, then compared "
    "in pairs. p is Wilcoxon's signed-rank test, two-sided, corrected by Holm over all rows of "
    "this page.",
    "Better or worse is said only where that p is below 0.05, the interval is on one side of 1, "
    "and most listeners lean the way of the means.",
    "It misleads where few listeners were asked (unclear is then no proof of equal), where a "
    "difference is certain but too small to matter, and where one training is not like another: "
    "listeners are drawn, seeds are only averaged.",
)
HOW_MEANS = (
    "Means over all listeners who have a value, averaged over the shared seeds. ● is the better, "
    "be it by luck: intervals are in the reports of the runs."
)


def ratios_section(found: Sequence[Comparison], *, one_run: bool) -> Section:
    """Return every comparison as a dot with its interval, and all of them as a table."""
    by_board = one_run or len({each.other for each in found}) > 1
    panels: dict[str, list[tuple[str, Comparison]]] = {}
    for each in _whole_boards(found) if by_board else found:
        title, name = (_where(each), each.other) if by_board else ("", _where(each))
        panels.setdefault(title, []).append((name, each))
    if by_board:
        panels = {title: sorted(rows, key=_standing) for title, rows in panels.items()}
    figure = plots.plot_ratios(panels)
    alt = "Ratio of the means of each comparison with its interval, better to the right"
    return Section("Ratios", [[_table(found), Drawn("ratios", figure, alt, HOW_RATIOS)]])


def gains_section(found: Sequence[Comparison], gains: Sequence[Gains], *, one_run: bool) -> Section:
    """Return how many listeners gain, lose and stay, and their changes as curves.

    Curves are of whole boards, not of single rungs; between models, against the strongest alone.
    """
    both = [*zip(found, gains, strict=True)]
    rows = _rows([(each, _shares(of, each.listeners)) for each, of in both])
    table = Table("gains", "against", ["gain", "stay", "lose"], rows, note="Small, the listeners.")
    whole_boards = _whole_boards(found)
    drawn = {
        (_where(each), each.other): of
        for each, of in both
        if each in whole_boards and (not one_run or each is _strongest(each, found))
    }
    figure = plots.plot_gains(drawn)
    alt = "Each listener's change, sorted, a panel each comparison"
    return Section("Listener by listener", [[table, Drawn("gains", figure, alt, HOW_GAINS)]])


def means_section(means: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Section:
    """Return the means of all models of both runs side by side; `means` is board, model, run."""
    every = (run for models in means.values() for of in models.values() for run in of)
    runs = list(dict.fromkeys(every))
    rows: list[Row] = []
    for board in sorted(means, key=place_of):
        metric = headline(board)
        top = min if less_is_better(metric) else max
        for i, (model, of) in enumerate(means[board].items()):
            told = {run: number(of.get(run)) for run in runs}
            best = number(top(of.values()))
            apart = len({told[run] for run in of}) > 1
            cells = [Cell(of.get(run), told[run], best=apart and told[run] == best) for run in runs]
            rows.append(Row(model, cells, model == SHIPPED, f"{board}, {metric}" if not i else ""))
    return Section("Side by side", [[Table("means", "model", runs, rows, note=HOW_MEANS)]])


def setup_section(one: str, other: str, differences: Sequence[Difference] | None) -> Section:
    """Return what differs between how two runs were made; `differences` None: not known."""
    title = f"What differs from {other}"
    if differences is None:
        return Section(title, [], ["Not known: a results.json is missing."])
    if not differences:
        return Section(title, [], [SAME_SETUP])
    rows = [
        Row(name, [Cell(value, setting_text(value)) for value in values])
        for name, *values in differences
    ]
    return Section(title, [[Table("differences", "setting", [one, other], rows)]])


def asked_section(found: Sequence[Comparison]) -> Section:
    """Return who was asked, and what the test is and is not."""
    same: dict[tuple[str, tuple[int, ...], int, int], list[str]] = {}
    for each in found:
        asked = each.board, each.seeds, each.listeners, each.left_out
        same.setdefault(asked, []).append(each.other)
    rows = [
        Row(
            f"{board}: {', '.join(others)}",
            [Cell(list(seeds), listed(seeds)), count_cell(listeners), count_cell(left_out)],
        )
        for (board, seeds, listeners, left_out), others in same.items()
    ]
    note = "Left out is who has a value in only one of the two."
    table = Table("asked", "against", ["seeds", "listeners", "left out"], rows, note=note)
    return Section("How it was asked", [[table]], HOW_TEST)


def _table(found: Sequence[Comparison]) -> Table:
    one = found[0].one
    rows = _rows((each, _facts(each)) for each in found)
    columns = ["verdict", "first", "other", "ratio", "p", "p, Holm"]
    note = f"First is {one}. Small, the 95 % interval of the ratio; less of an error is better."
    return Table("comparisons", "against", columns, rows, note=note)


def _rows(found: Iterable[tuple[Comparison, Sequence[Cell]]]) -> list[Row]:
    """Return a row for each comparison, those of a board together under its name."""
    rows: list[Row] = []
    over = ""
    for each, cells in sorted(found, key=lambda pair: place_of(pair[0].board)):
        where = _where(each)
        rows.append(Row(each.other, cells, over="" if where == over else where))
        over = where
    return rows


def _facts(found: Comparison) -> list[Cell]:
    facts = found.to_json()
    ratio = facts["ratio"]
    small = "" if ratio["low"] is None else f"{number(ratio['low'])} to {number(ratio['high'])}"
    return [
        Cell(found.verdict, found.verdict),
        *(Cell(facts[side], number(facts[side])) for side in ("mean_one", "mean_other")),
        Cell(ratio, number(ratio["mean"]), small),
        *(Cell(facts[p], p_text(getattr(found, p)).replace(" ", "\xa0")) for p in ("p", "p_holm")),
    ]


def _shares(of: Gains, listeners: int) -> list[Cell]:
    counts = of.gain, of.stay, of.lose
    if not listeners:
        return [Cell(count, "—") for count in counts]
    return [Cell(count, percent(count / listeners), whole(count)) for count in counts]


def _where(found: Comparison) -> str:
    return f"{found.board}, {found.metric}"


def _standing(row: tuple[str, Comparison]) -> float:
    """Return the sort key of a comparison: the most better first, those without a ratio last."""
    found = row[1]
    if math.isnan(found.ratio.mean):
        return math.inf
    return found.ratio.mean if less_is_better(found.metric) else -found.ratio.mean


def _strongest(each: Comparison, found: Sequence[Comparison]) -> Comparison:
    """Return the comparison with the best of the others on the same board, a baseline if any."""
    rivals = [rival for rival in found if rival.board == each.board and rival.listeners]
    baselines = [rival for rival in rivals if is_baseline(rival.other)]
    sign = 1 if less_is_better(each.metric) else -1
    return min(baselines or rivals, key=lambda rival: sign * rival.mean_other, default=each)


def _whole_boards(found: Sequence[Comparison]) -> list[Comparison]:
    """Return the comparisons without those of single rungs, where the ladder has a board."""
    ladder = RUNG.rstrip("_") in {each.board for each in found}
    return [each for each in found if not (ladder and each.board.startswith(RUNG))]
