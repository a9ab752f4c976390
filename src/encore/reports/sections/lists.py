"""Sections of lists: what one listener is recommended, beside what they play."""

from collections.abc import Mapping, Sequence
from typing import Any

from encore.reports.naming import number
from encore.reports.page import whole
from encore.reports.parts import Listing, Section, Slot
from encore.wording import noun

HELD_OUT = "● the listener plays it: it is among the rows that were held out."


def example_section(example: Mapping[str, Any]) -> Section:
    """Return a listener's list with what made it, beside what they play most."""
    slots = [
        Slot(
            slot["rank"],
            slot["title"],
            slot["artist"] or "",
            (slot["reason"], _sum(slot)),
            found=slot.get("held_out", False),
        )
        for slot in example["slots"]
    ]
    note = HELD_OUT if any(slot.found for slot in slots) else ""
    return Section(
        "Recommended to one listener",
        [[Listing("Recommended", slots, note), most_played(example["history"])]],
        [f"Listener {example['user_id']}, {example['answer']}."],
    )


def most_played(history: Sequence[Mapping[str, Any]], title: str = "Most played") -> Listing:
    """Return a history as a list, its plays beside it."""
    slots = [
        Slot(i, item["title"], item["artist"] or "", [plays_of(item["plays"])])
        for i, item in enumerate(history, start=1)
    ]
    return Listing(title, slots)


def plays_of(plays: float) -> str:
    """Return a count of plays as a list tells it."""
    return f"{whole(plays)} {noun(plays, 'play')}"


def _sum(slot: Mapping[str, Any]) -> str:
    told = ((channel, number(part)) for channel, part in slot["contributions"].items())
    parts = (f"{channel} {part}" for channel, part in told if part.strip("-0.") or part == "—")
    return " · ".join([number(slot["score"]), *parts])
