"""What a report tells beyond the boards, in plain sentences: whom it fails, what it leans to.

Each function reads one part of results["analysis"] (see `encore.evaluation.analysis`) and returns a
sentence, or None where that part says nothing. Every word of judgement hangs on a number.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from encore.reports.naming import SHIPPED, finite, percent
from encore.reports.verdict import BETTER, UNCLEAR, WORSE, apart, span, standing
from encore.wording import counted, listed

Results = Mapping[str, Any]

LEAN = 1.05  # times as much as listening has, from which lists are said to lean
NOMINAL = 0.9  # the level of intervals that is told of


def findings(results: Results) -> list[str]:
    """Return a sentence for each part of the analysis that has something to say."""
    return [said for tell in FINDINGS if (said := tell(results))]


def groups_of_listeners(results: Results) -> str | None:
    """Say for which listeners the list is no better than the best baseline, and for which worse."""
    groupings = _part(results, "listeners") or []
    told = []
    for grouping in groupings:
        found: dict[str, list[str]] = {BETTER: [], UNCLEAR: [], WORSE: []}
        for group in grouping["groups"]:
            if finite(group["ratio"]):
                found[standing(group["ratio"])].append(group["label"])
        peer, by = grouping["baseline"], f"by {grouping['grouping']}"
        words = {WORSE: "worse than", UNCLEAR: "no better than", BETTER: "better than"}
        alone = [said for said in found if found[said]]
        if len(alone) == 1:
            told.append(f"{by}, {words[alone[0]]} {peer} in every group")
            continue
        told += [
            f"{by}, {words[said]} {peer} for {listed(found[said])}"
            for said in (WORSE, UNCLEAR)
            if found[said]
        ]
    return f"Listeners {'; '.join(told)}." if told else None


def without_a_hit(results: Results) -> str | None:
    """Say how many listeners find nothing of theirs, beside the baselines."""
    served = _part(results, "served")
    if not served:
        return None
    ours = served["none_found"][SHIPPED]
    others = ", ".join(
        f"{name} {percent(share)}"
        for name, share in served["none_found"].items()
        if name != SHIPPED
    )
    beside = f" ({others})" if others else ""
    return (
        f"{percent(ours)} of {counted(served['listeners'], 'listener')} find none of their own "
        f"among the first {served['cut']}{beside}."
    )


def popularity(results: Results) -> str | None:
    """Say whether lists lean to what is popular more than listening does."""
    exposure = _part(results, "exposure")
    if not exposure:
        return None
    deciles = exposure["deciles"]
    slots, played = deciles["models"][SHIPPED][-1], deciles["played"][-1]
    if not played or not math.isfinite(slots / played):
        return None
    lean = "are as popular as listening"
    if slots > LEAN * played:
        lean = "lean to the popular"
    elif played > LEAN * slots:
        lean = "lean away from the popular"
    return (
        f"Lists {lean}: the most played tenth of the catalogue has {percent(slots)} of the slots "
        f"and {percent(played)} of the listening."
    )


def catalogue(results: Results) -> str | None:
    """Say how much of the catalogue anybody is shown."""
    coverage = _part(results, "coverage")
    if not coverage or not coverage["k"]:
        return None
    shares = {name: shares[-1] for name, shares in coverage["models"].items()}
    others = ", ".join(f"{name} {percent(s)}" for name, s in shares.items() if name != SHIPPED)
    beside = f" ({others})" if others else ""
    return (
        f"{percent(shares[SHIPPED])} of the catalogue stands in somebody's list of "
        f"{coverage['k'][-1]}{beside}."
    )


def tail(results: Results) -> str | None:
    """Say what is found of the least played third of listening, beside the best baseline."""
    groups = (_part(results, "tiers") or {}).get("groups", [])
    found: Mapping[str, Any] = next((one["found"] for one in groups if one["label"] == "tail"), {})
    ours = found.get(SHIPPED)
    if not finite(ours):
        return None
    others = {n: value for n, value in found.items() if n != SHIPPED and finite(value)}
    if not others:
        return None
    rival = max(others, key=lambda name: others[name]["mean"])
    theirs, word = others[rival], "about as much as"
    if apart(ours, theirs):
        word = "more than" if ours["mean"] > theirs["mean"] else "less than"
    return (
        f"Of right answers by artists of the tail it lists {percent(ours['mean'])}, {word} {rival} "
        f"({percent(theirs['mean'])})."
    )


def bias(results: Results) -> str | None:
    """Say which way the fewest and the most plays are mispredicted."""
    errors = _part(results, "errors") or []
    groups: list[Any] = next((one["groups"] for one in errors if one["grouping"] == "plays"), [])
    if len(groups) < 2:
        return None
    told = []
    for group in (groups[0], groups[-1]):
        value = group["models"][SHIPPED]["bias"]
        if not finite(value):
            return None
        told.append(f"{_bias(value)} where they are {group['label']}")
    return f"Plays are {told[0]}, {told[1]}."


def intervals(results: Results) -> str | None:
    """Say whether the intervals of plays hold what they promise."""
    levels = (_part(results, "calibration") or {}).get("levels", [])
    held = next((one["held"] for one in levels if one["level"] == NOMINAL), None)
    if not finite(held):
        return None
    low, high = held.get("low"), held.get("high")
    if low is None or high is None or low <= NOMINAL <= high:
        judged = "as they promise"
    else:
        judged = "too wide" if low > NOMINAL else "too narrow"
    return (
        f"Of the {NOMINAL:.0%} intervals of plays {percent(held['mean'])} hold the true value: "
        f"{judged}."
    ).replace("%", " %", 1)


def cold_and_warm(results: Results) -> str | None:
    """Say what knowing little of a listener or a track costs the prediction of plays."""
    told, level = [], []
    groups = {group["group"]: group["metrics"] for group in results.get("cold_start", [])}
    for who in ("listeners", "tracks"):
        cold, warm = (
            groups.get(f"{state} {who}", {}).get(SHIPPED, {}).get("rmse")
            for state in ("cold", "warm")
        )
        if not finite(cold) or not finite(warm) or warm["mean"] <= 0:
            continue
        if apart(cold, warm):
            more = 100 * (cold["mean"] / warm["mean"] - 1)
            told.append(f"{abs(more):.0f} % {'larger' if more > 0 else 'smaller'} for cold {who}")
        else:
            level.append(f"cold {who}")
    if told:
        rest = f"; for {listed(level)} no difference can be told" if level else ""
        return f"Errors of plays are {listed(told)} than for warm ones{rest}."
    if level:
        return f"Errors of plays for {listed(level)} cannot be told from those for warm ones."
    return None


def parts_of_the_list(results: Results) -> str | None:
    """Say which part of the list is missed most, and which add nothing that can be told."""
    gains = [gain for gain in _part(results, "channels") or [] if finite(gain["ratio"])]
    if not gains:
        return None
    needed = [gain for gain in gains if standing(gain["ratio"]) == WORSE]
    idle = [gain["channel"] for gain in gains if standing(gain["ratio"]) == UNCLEAR]
    harm = [gain["channel"] for gain in gains if standing(gain["ratio"]) == BETTER]
    told = []
    if needed:
        first = needed[0]
        told.append(
            f"without {first['channel']} it loses {span(first['ratio'], unsigned=True)} of NDCG@10"
        )
    if idle:
        told.append(f"{listed(idle)} {_adds(idle)} nothing here that can be told")
    if harm:
        told.append(f"without {listed(harm)} it would do better here")
    return f"The list: {'; '.join(told)}."


def variety(results: Results) -> str | None:
    """Say what the variety of the default list costs."""
    points = (_part(results, "frontier") or {}).get("points", [])
    plain = next((point for point in points if point["weight"] == 0), None)
    ships = next((point for point in points if point["ships"]), None)
    if not plain or not ships or not finite(ships["ratio"]):
        return None
    one, other = (point["diversity"] for point in (ships, plain))
    if not finite(one) or not finite(other) or other["mean"] <= 0:
        return None
    change = 100 * (one["mean"] / other["mean"] - 1)
    cost = {
        WORSE: f"for {span(ships['ratio'], unsigned=True)} less NDCG",
        BETTER: f"and has {span(ships['ratio'], unsigned=True)} more NDCG",
        UNCLEAR: "at no cost in NDCG that can be told",
    }[standing(ships["ratio"])]
    return (
        f"The default list is {abs(change):.0f} % {'more' if change > 0 else 'less'} varied than "
        f"the plain ranking, {cost}."
    )


def training(results: Results) -> str | None:
    """Say whether the training had come to its end."""
    trained = results.get("training")
    if not trained or not trained.get("epochs"):
        return None
    if trained["best"] == trained["most"]:
        return (
            f"The last epoch allowed, {trained['most']}, was the best: more (max_epochs) may be "
            "better."
        )
    return (
        f"Training was best at epoch {trained['best']}; {counted(trained['epochs'], 'epoch')} were "
        "tried."
    )


FINDINGS: Sequence[Callable[[Results], str | None]] = (
    groups_of_listeners,
    without_a_hit,
    tail,
    popularity,
    catalogue,
    variety,
    parts_of_the_list,
    bias,
    intervals,
    cold_and_warm,
    training,
)


def _part(results: Results, name: str) -> Any:
    return results.get("analysis", {}).get(name)


def _bias(value: Mapping[str, float]) -> str:
    """Return a mean error of log1p as people say it: how many times too high or too low."""
    low, high = value.get("low"), value.get("high")
    if low is None or high is None or low <= 0 <= high:
        return "predicted without bias"
    times = math.exp(abs(value["mean"]))
    return f"predicted {times:.1f} times too {'high' if value['mean'] > 0 else 'low'}"


def _adds(names: Sequence[str]) -> str:
    return "adds" if len(names) == 1 else "add"
