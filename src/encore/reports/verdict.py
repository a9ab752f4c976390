"""What the boards say, in plain sentences.

A sentence is computed, never written by hand: where the shipped list is worse than a baseline, it
says so. `encore.reports.findings` tells what else there is to know.
"""

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
from encore.wording import listed

BETTER, WORSE, UNCLEAR = "better", "worse", "unclear"


def verdict(results: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each board of `results`, one on new listeners, one on what ships."""
    sentences = []
    ratios = results.get("ratios", {})
    for name, board in results.get("boards", {}).items():
        metric = headline_of(board)
        if not name.startswith(RUNG) and (said := compare(board, metric, ratios.get(name))):
            subject = "the prediction" if lower_is_better(metric) else "the list"
            sentences.append(f"{name.replace('_', ' ').capitalize()}: {subject} {said}.")
    if said := new_listeners(results):
        sentences.append(said)
    if said := what_ships(results.get("chosen", {})):
        sentences.append(said)
    return sentences


def what_ships(chosen: Mapping[str, Any]) -> str | None:
    """Return what the list is made of, and what validation said of it; None where not known.

    >>> what_ships({"list": "blend", "weights": {"als": 1.0, "ease": 3.0},
    ...             "validation": {"blend": 0.2, "ease": 0.15}}).partition(": ")[2]
    'NDCG@10 0.200 on validation rows, where the best part alone, ease, has 0.150.'
    """
    name, scores = chosen.get("list"), chosen.get("validation") or {}
    if not name:
        return None
    weights = {part: abs(weight) for part, weight in (chosen.get("weights") or {}).items()}
    total = sum(weights.values())
    parts = sorted((part for part in weights if weights[part]), key=lambda part: -weights[part])
    said = f"What ships is {name if name in weights else f'the {name}'}"
    if len(parts) > 1:
        said += f" of {listed([f'{part} ({weights[part] / total:.0%})' for part in parts])}"
        said = said.replace("%)", " %)")
    alone = {part: score for part, score in scores.items() if part in weights and part != name}
    if name in scores:
        said += f": NDCG@10 {number(scores[name])} on validation rows"
        if alone:
            rival = max(alone, key=lambda part: alone[part])
            best_alone = "the next best alone" if name in weights else "the best part alone"
            said += f", where {best_alone}, {rival}, has {number(alone[rival])}"
    return f"{said}."


def compare(board: Board, metric: str, ratios: Mapping[str, Value] | None = None) -> str | None:
    """Return how what ships stands against the best baseline; None where either is missing.

    `ratios` holds, by baseline, the ratio of ours to theirs with its paired interval; it tells more
    than two intervals side by side, as it compares listener by listener.

    >>> compare({"encore": {"ndcg@10": {"mean": 0.3}}, "als": {"ndcg@10": {"mean": 0.2}}},
    ...         "ndcg@10", {"als": {"mean": 1.5, "low": 1.4, "high": 1.61}})
    'beats als, the best baseline, by 50.0 % (40.0 to 61.0): NDCG@10 0.300 against 0.200'
    """
    rival = _best_baseline(board, metric)
    ours = board.get(SHIPPED, {}).get(metric)
    if rival is None or not finite(ours):
        return None
    theirs = board[rival][metric]
    scores = f"{label(metric)} {number(ours['mean'])} against {number(theirs['mean'])}"
    if ours["mean"] == theirs["mean"]:
        return f"equals {rival}, the best baseline: {scores}"
    ratio = (ratios or {}).get(rival)
    less = lower_is_better(metric)
    if not finite(ratio):
        known = apart(ours, theirs)
        better = (ours["mean"] > theirs["mean"]) != less
        if known is False:
            return f"cannot be told apart from {rival}, the best baseline: {scores}"
        how = "the intervals do not overlap" if known else "no interval is known"
        verb = "beats" if better else "is worse than"
        return f"{verb} {rival}, the best baseline: {scores}; {how}"
    said = standing(ratio, less)
    if said == UNCLEAR:
        return f"cannot be told apart from {rival}, the best baseline ({span(ratio)}): {scores}"
    verb = "is worse than" if said == WORSE else "errs less than" if less else "beats"
    return f"{verb} {rival}, the best baseline, by {span(ratio, unsigned=True)}: {scores}"


def new_listeners(results: Mapping[str, Any]) -> str | None:
    """Return from how many rows on the list beats the best baseline of each rung; None without."""
    boards, ratios = results.get("boards", {}), results.get("ratios", {})
    rungs: dict[int, tuple[str, str]] = {}
    for name, board in boards.items():
        if name.startswith(RUNG):
            rival = _best_baseline(board, headline_of(board))
            ratio = ratios.get(name, {}).get(rival)
            if rival and finite(ratio):
                rungs[int(name.removeprefix(RUNG))] = standing(ratio), rival
    if not rungs:
        return None
    better = [k for k in sorted(rungs) if rungs[k][0] == BETTER]
    if len(better) == len(rungs):
        return f"New listeners: the list beats the best baseline at {_rows(better)} revealed."
    others: dict[tuple[str, str], list[int]] = {}
    for k in sorted(rungs.keys() - {*better}):
        others.setdefault(rungs[k], []).append(k)
    rest = "; ".join(
        f"{'worse than' if said == WORSE else 'not told apart from'} {rival} at {_rows(steps)}"
        for (said, rival), steps in others.items()
    )
    if not better:
        return f"New listeners: at no step is the list better than the best baseline ({rest})."
    return f"New listeners: the list beats the best baseline at {_rows(better)} revealed; {rest}."


def standing(ratio: Value, less_is_better: bool = False) -> str:
    """Return whether a paired ratio of ours to theirs says better, worse, or nothing.

    >>> standing({"mean": 1.1, "low": 1.02, "high": 1.2})
    'better'
    """
    low, high = ratio.get("low"), ratio.get("high")
    if low is None or high is None or low <= 1 <= high:
        return UNCLEAR
    return BETTER if (low > 1) != less_is_better else WORSE


def span(ratio: Value, unsigned: bool = False) -> str:
    """Return a ratio as a change in percent, with its interval.

    >>> span({"mean": 1.06, "low": 1.049, "high": 1.072})
    '+6.0 %, +4.9 to +7.2'
    >>> span({"mean": 0.96, "low": 0.95, "high": 0.98}, unsigned=True)
    '4.0 % (2.0 to 5.0)'
    """
    ends = [ratio.get("low"), ratio.get("high")]
    mean, *known = (100 * (end - 1) for end in (ratio["mean"], *ends) if end is not None)
    if unsigned:
        between = " to ".join(f"{abs(end):.1f}" for end in sorted(known, key=abs))
        return f"{abs(mean):.1f} %" + (f" ({between})" if len(known) == 2 else "")
    between = " to ".join(f"{end:+.1f}" for end in known)
    return f"{mean:+.1f} %" + (f", {between}" if len(known) == 2 else "")


def headline_of(board: Board) -> str:
    """Return the metric that a board is judged by: the first of `HEADLINE` that it has."""
    return next((m for m in HEADLINE if any(finite(row.get(m)) for row in board.values())), "")


def _best_baseline(board: Board, metric: str) -> str | None:
    return best({model: row for model, row in board.items() if is_baseline(model)}, metric)


def _rows(steps: list[int]) -> str:
    return f"{listed([str(k) for k in steps])} {'row' if steps == [1] else 'rows'}"


def apart(one: Value, other: Value) -> bool | None:
    """Say whether two intervals lie apart; None where either is unknown."""
    low, high, below, above = (v.get(end) for v in (one, other) for end in ("low", "high"))
    if low is None or high is None or below is None or above is None:
        return None
    return low > above or high < below
