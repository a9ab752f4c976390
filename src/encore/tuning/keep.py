"""What `encore tune` leaves in its folder, and whether a folder belongs to this very search.

::

    TUNING/manifest.json    what is tuned, on which data, from which settings, by which versions
    TUNING/study.journal    optuna's studies, a JSON object a line: what resuming reads
    TUNING/trials.jsonl     every trial, a JSON object a line
    TUNING/best.toml        what won, for --config
"""

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from encore import folder, schema
from encore.config import TrainConfig
from encore.data.dataset import Dataset
from encore.errors import InputError
from encore.tuning.study import Trial

KIND = "tuning"
JOURNAL = "study.journal"
TRIALS = "trials.jsonl"
BEST = "best.toml"
PACKAGES = ("encore-music", "implicit", "numpy", "torch")  # whose versions move figures
ROWS_AT_ONCE = 100_000


def facts(
    data: Dataset, config: TrainConfig, what: Sequence[str], by: str, last: int, optuna: str
) -> dict[str, Any]:
    """Return all that trials must agree in to be compared, as plain JSON values."""
    return {
        "kind": KIND,
        "data": fingerprint(data),
        "what": [*what],
        "seed": config.seed,
        "by": by,
        "last": last,
        "config": config.model_dump(mode="json"),
        "versions": {**{name: version(name) for name in PACKAGES}, "optuna": optuna},
    }


def fingerprint(data: Dataset) -> str:
    """Return the sha256 of every table's rows: of the training side, so of data and split."""
    digest = hashlib.sha256(data.item_kind.encode())
    for name in schema.TABLES:
        digest.update(name.encode())
        for rows in data.table(name).iter_slices(ROWS_AT_ONCE):
            digest.update(rows.write_ndjson().encode())
    return digest.hexdigest()


def begin(path: Path, expected: dict[str, Any]) -> None:
    """Make the folder, or find it begun by a call with the very same facts.

    Raises `InputError` where it belongs to another search, or is something else.
    """
    manifest = path / folder.MANIFEST
    if folder.is_kind(path, KIND):
        found = json.loads(manifest.read_text("utf-8"))
        for name, value in expected.items():
            if found.get(name) != value:
                there, here = _difference(found.get(name), value)
                raise InputError(
                    f"{path}: was begun with other {name}: {there} there, {here} here; "
                    "choose another --out, or remove it to begin anew"
                )
        return
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise InputError(f"{path}: exists and is not an encore {KIND} folder; choose another --out")
    path.mkdir(parents=True, exist_ok=True)
    with folder.replacing(manifest) as temporary:
        temporary.write_text(json.dumps(expected, indent=1) + "\n", "utf-8")


def write(path: Path, trials: list[Trial], best: str) -> None:
    """Write trials.jsonl and best.toml anew."""
    lines = "".join(f"{json.dumps(trial.to_json())}\n" for trial in trials)
    for name, text in ((TRIALS, lines), (BEST, best)):
        with folder.replacing(path / name) as temporary:
            temporary.write_text(text, "utf-8")


def settings_lines(title: str, settings: dict[str, Any]) -> list[str]:
    """Return settings as TOML under a comment; JSON writes text, numbers and lists as TOML does."""
    if not settings:
        return []
    return ["", f"# {title}", *(f"{name} = {json.dumps(v)}" for name, v in settings.items())]


def _difference(there: Any, here: Any) -> tuple[Any, Any]:
    """Return two facts, of tables only what differs."""
    if isinstance(there, dict) and isinstance(here, dict):
        names = [name for name in {**there, **here} if there.get(name) != here.get(name)]
        return {n: there.get(n) for n in names}, {n: here.get(n) for n in names}
    return there, here
