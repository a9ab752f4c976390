"""The report of a run that is not finished: how far it is, its curves, and how to go on.

A run's results.json then holds "status" beside what is known before the first epoch:

- `training`: it goes on; or it was stopped without a word, if nobody writes there any more
- `interrupted`: by whoever started it
- `failed`: by an error, whose message is "error"

"stage" is what was last told after the last epoch; "resume" the command that goes on, if one can.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from encore.models.epochs import REFIT, TRY_OUT
from encore.reports.page import fill
from encore.reports.parts import Section
from encore.reports.sections.making import data_section, facts_section, training_section

TRAINING, INTERRUPTED, FAILED = "training", "interrupted", "failed"
RENEWED = 2  # seconds after which a browser reads the page again
CHECKPOINT = "checkpoint"  # the folder in a run that a training goes on from

History = Sequence[Mapping[str, Any]]


def unfinished_page(
    results: Mapping[str, Any],
    sentences: Sequence[str],
    training: Section | None,
    *,
    live: bool = False,
) -> str:
    """Return the page of a run that is not finished; one that is `live` renews itself."""
    every = [
        training,
        data_section(results["data"]) if results.get("data") else None,
        facts_section(results),
    ]
    return fill(
        "report.html.j2",
        title=results.get("title", "A run of encore"),
        item=results.get("item_kind", "track"),
        data=results.get("data", {}),
        heading="In training" if live else "Not finished",
        verdict=sentences,
        sections=[section for section in every if section],
        refresh=RENEWED if live else None,
    )


def left_page(run: Path, results: Mapping[str, Any], history: History) -> str:
    """Return the page of the folder `run`, in which nothing is written any more."""
    files = [file for file in (run / "results.json", run / "history.jsonl") if file.exists()]
    at = datetime.fromtimestamp(max(file.stat().st_mtime for file in files), UTC)
    sentences = how_it_ended(results, history, at, (run / CHECKPOINT).is_dir())
    return unfinished_page(results, sentences, training_section(history) if history else None)


def how_far(results: Mapping[str, Any], history: History) -> str:
    """Return where a run is, in a few words.

    >>> how_far({"config": {"max_epochs": 9}}, [{"epoch": 1, "phase": "try-out"}])
    'training: epoch 1 of at most 9'
    """
    if results.get("stage"):
        return str(results["stage"])
    if not history:
        return "preparing the first epoch"
    last = history[-1]
    if last["phase"] == REFIT:
        return f"fitting again on all rows: epoch {last['epoch']} of {best_epoch(history)}"
    most = (results.get("config") or {}).get("max_epochs", "an unknown number")
    return f"training: epoch {last['epoch']} of at most {most}"


def how_it_goes(results: Mapping[str, Any], history: History, at: datetime) -> list[str]:
    """Return the sentences of a page that was written `at` while the run goes on."""
    said = [f"{how_far(results, history)}; written {at:%H:%M:%S} UTC."]
    best, left = best_epoch(history), patience_left(results.get("config") or {}, history)
    if best and history[-1]["phase"] == TRY_OUT and not results.get("stage"):
        said.append(f"The best so far is epoch {best}; without a better one, {left} more.")
    return said


def how_it_ended(
    results: Mapping[str, Any], history: History, at: datetime, resumable: bool
) -> list[str]:
    """Return the sentences of a page whose run was last heard of `at`, and is no more."""
    when = f"{at:%Y-%m-%d %H:%M:%S} UTC"
    said = [
        {
            INTERRUPTED: f"The run was interrupted at {when}.",
            FAILED: f"The run failed at {when}: {results.get('error', 'it is not known why')}",
        }.get(
            str(results["status"]),
            f"The training did not finish: it last wrote at {when}, and has not said why it ended.",
        ),
        f"It had come to this: {how_far(results, history)}.",
    ]
    if resumable and results.get("resume"):
        said.append(f"To go on after its last epoch: {results['resume']}")
    else:
        said.append("To begin anew, give the same command again.")
    return said


def best_epoch(history: History) -> int:
    """Return the epoch whose weights are kept; 0 where none was better than the start."""
    return max((int(row["epoch"]) for row in history if row.get("best")), default=0)


def patience_left(config: Mapping[str, Any], history: History) -> int:
    """Return after how many epochs a try-out ends at the latest, if none of them is better."""
    done = max((row["epoch"] for row in history if row["phase"] == TRY_OUT), default=0)
    without = done - best_epoch(history)
    left = min(config["early_stopping_patience"] - without, config["max_epochs"] - done)
    return max(0, int(left))
