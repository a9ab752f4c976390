"""The evaluation protocol on one dataset: split, train and ask, once for each kind of board.

::

    RUN/SEED/                  discovery, plays, and familiar where listeners return to tracks
    RUN/SEED/cold-tracks/      the same data without some tracks' rows
    RUN/SEED/cold-listeners/   the same data without some listeners
    RUN/boards.json            all boards, a listener's values averaged over the seeds
    RUN/report.html            their report, where there are several seeds

Each of the folders holds train/, test/ and bundle/, so that anybody can recount, and the report of
its training, from the first moment on; SEED also holds every board's per-listener values.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from encore import pipeline
from encore.config import TrainConfig
from encore.data import split as splitting
from encore.data.cold import RUNGS, cold_listeners, cold_tracks, ladder
from encore.data.dataset import Dataset
from encore.data.split import Split
from encore.errors import InputError, UsageError
from encore.evaluation import questions
from encore.evaluation.boards import Board, averaged, ranking_board, ratios
from encore.evaluation.runs import PLACES
from encore.models.epochs import Epoch
from encore.pipeline import Evaluation, Say
from encore.recommend.recommender import Recommender
from encore.reports.live import LiveReport
from encore.reports.report import write_report

MAIN = "main"  # discovery, familiar and plays come from one training
KINDS = (MAIN, questions.COLD_TRACK, questions.COLD_LISTENER)
OF_EVERY_SEED = ("item_kind", "data", "config", "machine", "versions")  # the same for all
OF_KIND = {"discovery": MAIN, "familiar": MAIN, "plays": MAIN}


@dataclass(frozen=True)
class Protocol:
    """What a run asks: how rows are held out, and which kinds of boards are wanted.

    `kinds` None: all that the data supports. The main one is always part of a run.
    """

    by: str = "listener"
    held_out: float = 0.2
    last: int = 1
    kinds: tuple[str, ...] | None = None


def kinds_of(names: list[str]) -> tuple[str, ...] | None:
    """Return the kinds that the boards `names` belong to; None for all.

    Raises `UsageError` on a name that no board has.

    >>> kinds_of(["plays", "cold_listener"])
    ('main', 'cold_listener')
    """
    known = [*OF_KIND, *PLACES]
    for name in names:
        if name not in known:
            raise UsageError(f"board {name!r}: expected one of {', '.join(known)}")
    wanted = {MAIN, *(OF_KIND.get(name, name) for name in names)}
    return tuple(kind for kind in KINDS if kind in wanted) if names else None


def run_seed(
    data: Dataset,
    folder: Path,
    config: TrainConfig,
    protocol: Protocol,
    title: str,
    *,
    user: str | None = None,
    say: Say = print,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    tensorboard: bool = False,
) -> tuple[Evaluation, Path]:
    """Split, train and evaluate with the seed of `config`; write everything to `folder`.

    From the first moment on `folder` has a report, which tells of the epochs as they end; with
    `tensorboard` event files, too. Returns the evaluation with all its boards, and the report's
    path.
    """

    def watched(sides: Split, where: Path, title: str) -> LiveReport:
        facts = {
            "title": title,
            "split": {**sides.facts, "seed": config.seed},
            **pipeline.known(sides.train, config),
        }
        return LiveReport(where, facts, say=say, on_epoch=on_epoch, tensorboard=tensorboard)

    def trained(sides: Split, live: LiveReport) -> Recommender:
        model = pipeline.train(sides.train, config, say=live.say, on_epoch=live.epoch)
        sides.train.save(live.run / "train")
        sides.test.save(live.run / "test")
        (live.run / "split.json").write_text(json.dumps(sides.facts, indent=1), "utf-8")
        return model

    sides = splitting.split(data, protocol.by, protocol.held_out, config.seed, last=protocol.last)
    say(f"{data}; {_words(sides.facts)}")
    for stale in folder.glob("*.npz"):  # of a run before: a board of one must not meet another's
        stale.unlink()
    with watched(sides, folder, title) as live:
        started = time.perf_counter()
        model = trained(sides, live)
        train_seconds = time.perf_counter() - started
        found = pipeline.evaluate(model, sides.test, seed=config.seed, say=live.say)
        found.seconds["train"] = train_seconds
        found.split = sides.facts
        for kind, held_apart, ask in (
            (questions.COLD_TRACK, cold_tracks, _ask_cold_tracks),
            (questions.COLD_LISTENER, cold_listeners, _ask_cold_listeners),
        ):
            if protocol.kinds is not None and kind not in protocol.kinds:
                continue
            try:
                sides = held_apart(data, seed=config.seed)
            except InputError as error:
                if protocol.kinds is not None:
                    raise
                live.say(f"{kind}: left out: {error}")
                continue
            where = PLACES[kind]
            live.say(f"{kind}: {_words(sides.facts)}; a training of its own: {where}/report.html")
            with watched(sides, folder / where, f"{title}, {kind}") as apart:
                other = trained(sides, apart)
                other.save(apart.run / "bundle")
                apart.done(pipeline.chosen(other))
            found.boards |= ask(other, sides.test, config.seed)
        report = found.report(folder, title, user)
    model.save(folder / "bundle")  # its card holds the results
    return found, report


def _ask_cold_tracks(model: Recommender, test: Dataset, seed: int) -> dict[str, Board]:
    asked = questions.cold_tracks(questions.Known.to(model), test)
    return {question.board: ranking_board(model, question, seed) for question in asked}


def _ask_cold_listeners(model: Recommender, test: Dataset, seed: int) -> dict[str, Board]:
    known, rows = questions.Known.to(model), ladder(test, RUNGS, seed)
    rungs = [ranking_board(model, questions.cold_listener(known, rows, k), seed) for k in RUNGS]
    climbed = [board for board, k in zip(rungs, RUNGS, strict=True) if k > 0]
    whole = averaged(questions.COLD_LISTENER, climbed, seed)
    return {board.name: board for board in (whole, *rungs)}


def over_seeds(
    run: Path, found: Mapping[int, dict[str, Board]], title: str, seed: int = 0
) -> dict[str, Board]:
    """Return each board averaged over the seeds of `found`; write their intervals to `run`.

    As boards.json, and of several seeds as a report of its own.
    """
    every = [*found.values()]
    shared = [name for name in every[0] if all(name in boards for boards in every)]
    boards = {name: averaged(name, [seeds[name] for seeds in every], seed) for name in shared}
    told = {"boards": {name: board.to_json() for name, board in boards.items()}}
    (run / "boards.json").write_text(json.dumps(told, indent=1), "utf-8")
    if len(found) > 1:
        first = json.loads((run / str(min(found)) / "results.json").read_bytes())
        results = {
            "title": f"{title}, {len(found)} seeds",
            **{name: first[name] for name in OF_EVERY_SEED},
            "split": {"seeds": sorted(found)},
            **told,
            "ratios": {
                name: {peer: ratio.to_json() for peer, ratio in ratios(board, seed).items()}
                for name, board in boards.items()
            },
        }
        (run / "results.json").write_text(json.dumps(results, indent=1), "utf-8")
        write_report(run)
    return boards


def _words(facts: dict[str, Any]) -> str:
    """Return how a split was made, in a line."""
    return "split " + ", ".join(
        f"{name.replace('_', ' ')} {value}" for name, value in facts.items()
    )
