"""What a comparison says, in words computed from its numbers: the same in a terminal and on a page.

Light to import, as `encore.evaluation.runs` is.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from encore.evaluation.runs import listed
from encore.reports.naming import number
from encore.wording import counted, noun

if TYPE_CHECKING:
    from encore.evaluation.significance import Comparison

SAME_SETUP = "Both were made with the same settings and versions, from the same data and split."


def sentence(found: "Comparison") -> str:
    """Return in words what a comparison says, computed from its numbers."""
    from encore.evaluation import significance as told

    where = f"{found.board}, {found.metric}"
    if found.verdict == told.NONE:
        return f"{where}: {found.one} and {found.other} have no listener in common."
    seeds = f"{noun(len(found.seeds), 'seed')} {listed(found.seeds)}"
    who = f"{counted(found.listeners, 'listener')}, {seeds}"
    if found.left_out:
        have = noun(found.left_out, "has", "have")
        who += f", {found.left_out:,} left out who {have} a value in only one"
    less = " (less is better)" if told.less_is_better(found.metric) else ""
    scores = f"{found.one} {number(found.mean_one)}, {found.other} {number(found.mean_other)}{less}"
    if found.verdict == told.EQUAL:
        return f"{where}: {scores}; the same for every listener ({who})."
    facts = f"{_times(found)}; p {p_text(found.p)}, {p_text(found.p_holm)} after Holm; {who}"
    if found.verdict != told.UNCLEAR:
        return f"{where}: {scores}; {facts}: {found.one} is {found.verdict}."
    interval, ranks = told.apart(found.ratio), found.p_holm < told.ALPHA
    if interval and ranks:
        why = "means and most listeners point opposite ways, so neither is better"
    elif interval != ranks:
        sees, blind = ("interval", "p") if interval else ("p", "interval")
        why = f"the {sees} tells them apart, the {blind} does not, so it stays unclear"
    else:
        why = "they cannot be told apart"
    return f"{where}: {scores}; {facts}: {why}."


def ratio_text(found: "Comparison") -> str:
    """Return the ratio of the means with its interval, where there is one."""
    mean, low, high = (number(value) for value in found.ratio)
    return mean if math.isnan(found.ratio.low) else f"{mean} ({low} to {high})"


def p_text(value: float) -> str:
    """Return a p-value; one below a thousandth is not told further.

    >>> p_text(0.0004), p_text(0.0312)
    ('< 0.001', '0.031')
    """
    return "< 0.001" if value < 0.001 else number(value)


def setting_text(value: Any) -> str:
    """Return a setting's value for people.

    >>> setting_text(0.2), setting_text([256, 128]), setting_text("rows"), setting_text(None)
    ('0.2', '256, 128', 'rows', '—')
    """
    if value is None:
        return "—"
    return ", ".join(map(setting_text, value)) if isinstance(value, list) else str(value)


def summary(found: Sequence["Comparison"]) -> list[str]:
    """Return a sentence for each board and who is compared on it: the verdicts, without figures."""
    told: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for each in found:
        by = told.setdefault((each.board, each.metric, each.one), {})
        by.setdefault(each.verdict, []).append(each.other)
    sentences = []
    for (board, metric, one), by in told.items():
        parts = [f"{words} {', '.join(by[word])}" for word, words in _STANDS.items() if word in by]
        sentences.append(f"{board}, {metric}: {one} is {'; '.join(parts)}.")
    return sentences


_STANDS = {
    "better": "better than",
    "worse": "worse than",
    "equal": "equal to",
    "unclear": "not told apart from",
    "none": "without a listener in common with",
}


def _times(found: "Comparison") -> str:
    """Return the ratio in words; of sums of squared errors also what it is of RMSE: the root."""
    if math.isnan(found.ratio.mean):
        return f"no ratio to {number(found.mean_other)}"
    times = f"{ratio_text(found)} times"
    if found.metric == "squared_error":
        times += f", {number(found.ratio.mean**0.5)} times the RMSE"
    return times
