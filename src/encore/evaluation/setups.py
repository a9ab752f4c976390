"""How two runs were set up: what differs between them in settings, data, split, machine, versions.

Told from the results.json of each seed that is compared. Light to import, as
`encore.evaluation.runs` is.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from encore.errors import InputError

#: Parts of results.json that say what went in; what came out is on the boards.
PARTS = ("config", "data", "split", "versions", "machine")


class Difference(NamedTuple):
    """A setting by its dotted name in results.json, and both its values; None where there is none.

    A value that is not the same at all seeds is the list of theirs.
    """

    setting: str
    one: Any
    other: Any


def results_of(seed: Path) -> dict[str, Any] | None:
    """Return what a seed's results.json holds; None where there is no such file.

    Raises `InputError` where it is not a JSON object.
    """
    file = seed / "results.json"
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_bytes())
    except ValueError as error:
        raise InputError(f"{file}: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{file}: {type(found).__name__}, expected an object")
    return found


def differences(
    one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]
) -> list[Difference]:
    """Return what differs between two runs, each given by its results at the same seeds, in order.

    >>> differences([{"config": {"dropout": 0.2, "seed": 0}}], [{"config": {"dropout": 0.1}}])
    [Difference(setting='config.dropout', one=0.2, other=0.1), \
Difference(setting='config.seed', one=0, other=None)]
    """
    ours, theirs = ([_leaves_of(results) for results in side] for side in (one, other))
    every = dict.fromkeys(name for leaves in (*ours, *theirs) for name in leaves)
    found = []
    for name in sorted(every, key=lambda name: PARTS.index(name.partition(".")[0])):
        values = [[leaves.get(name) for leaves in side] for side in (ours, theirs)]
        if values[0] != values[1]:
            found.append(Difference(name, *map(_one_if_same, values)))
    return found


def leaves(value: Any, name: str = "") -> dict[str, Any]:
    """Return what nested objects hold, by dotted names; objects of a list by their name or number.

    >>> leaves({"als": {"factors": 64}, "hidden": [256, 128], "sources": [{"name": "a", "n": 1}]})
    {'als.factors': 64, 'hidden': [256, 128], 'sources.a.name': 'a', 'sources.a.n': 1}
    """
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        value = {str(item.get("name", i)): item for i, item in enumerate(value)}
    if not isinstance(value, Mapping):
        return {name: value}
    within = [leaves(item, f"{name}.{key}" if name else str(key)) for key, item in value.items()]
    return {key: leaf for found in within for key, leaf in found.items()}


def _leaves_of(results: Mapping[str, Any]) -> dict[str, Any]:
    return leaves({part: results[part] for part in PARTS if results.get(part)})


def _one_if_same(values: list[Any]) -> Any:
    return values[0] if all(value == values[0] for value in values) else values
