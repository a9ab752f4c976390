"""What the numbers say, in plain sentences.

A sentence is computed, never written by hand: where the shipped list is worse than a baseline, it
says so.
"""

import math
from collections.abc import Mapping
from typing import Any

from encore.evaluation.names import is_baseline
from encore.reports.naming import (
    HEADLINE,
    RUNG,
    SHIPPED,
    Board,
    Value,
    best,
    finite,
    label,
    lower_is_better,
    number,
)


def compare(board: Board, metric: str, ratios: Mapping[str, Value] | None = None) -> str | None:
    """Return how the shipped list stands against the best baseline; None where either is missing.

    `ratios` holds, by baseline, the ratio of ours to theirs with its paired interval; it tells more
    than two intervals side by side, as it compares listener by listener.

    >>> compare({"encore": {"ndcg@10": {"mean": 0.3, "low": 0.28, "high": 0.32}},
    ...          "als": {"ndcg@10": {"mean": 0.2, "low": 0.18, "high": 0.22}}}, "ndcg@10")
    'NDCG@10 0.300, 1.50 times the best baseline (als, 0.200); the intervals do not overlap'
    """
    baselines = {model: metrics for model, metrics in board.items() if is_baseline(model)}
    rival = best(baselines, metric)
    ours = board.get(SHIPPED, {}).get(metric)
    if rival is None or not finite(ours):
        return None
    theirs = board[rival][metric]
    less = " (less is better)" if lower_is_better(metric) else ""
    score = f"{label(metric)} {number(ours['mean'])}{less}"
    named = f"the best baseline ({rival}, {number(theirs['mean'])})"
    ratio = f"{ours['mean'] / theirs['mean']:.2f} times" if theirs["mean"] > 0 else "against"
    if finite(paired := (ratios or {}).get(rival)):
        return f"{score}, {_paired(paired, named, lower_is_better(metric))}"
    apart = _apart(ours, theirs)
    if apart is False:
        return (
            f"{score}, {ratio} {named}; the intervals overlap, so it is not distinguishable from it"
        )
    worse = (ours["mean"] > theirs["mean"]) == lower_is_better(metric)
    if ours["mean"] == theirs["mean"]:
        return f"{score}, equal to {named}"
    reserve = "the intervals do not overlap" if apart else "no intervals are known"
    return f"{score}, {'which is worse: ' if worse else ''}{ratio} {named}; {reserve}"


def verdict(results: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each board of `results`, and one on which list ships."""
    sentences = []
    for name, board in results.get("boards", {}).items():
        if name.startswith(RUNG):
            continue
        metric = next(
            (m for m in HEADLINE if any(finite(row.get(m)) for row in board.values())), ""
        )
        if found := compare(board, metric, results.get("ratios", {}).get(name)):
            who = "the prediction has" if lower_is_better(metric) else "the shipped list scores"
            sentences.append(f"On {name.replace('_', ' ')} {who} {found}.")
    chosen = results.get("chosen", {})
    if chosen.get("list"):
        why = f": {chosen['why']}" if chosen.get("why") else ""
        sentences.append(f"The list that ships is {chosen['list']}{why}".rstrip(".") + ".")
    return sentences


def _paired(ratio: Value, named: str, less_is_better: bool) -> str:
    """Return what a paired ratio and its interval say."""
    times = f"{ratio['mean']:.3f} times {named}"
    low, high = ratio.get("low"), ratio.get("high")
    if low is None or high is None:
        return times
    between = f"listener by listener, {low:.3f} to {high:.3f} times"
    if low <= 1 <= high:
        return f"{times}; {between}, so it is not distinguishable from it"
    better = (low > 1) != less_is_better
    return f"{times}; {between}, so it is {'better' if better else 'worse'}"


def _apart(one: Value, other: Value) -> bool | None:
    """Say whether two intervals lie apart; None where either is unknown."""
    ends = [value.get(end) for value in (one, other) for end in ("low", "high")]
    if any(end is None or not math.isfinite(end) for end in ends):
        return None
    return one["low"] > other["high"] or one["high"] < other["low"]
