"""A run's folder while it is in training: whoever opens its page sees how it goes.

::

    RUN/results.json   what is known, and "status" as long as the run is not finished
    RUN/history.jsonl  a line an epoch, written as it ends
    RUN/report.html    the report so far, which renews itself in the browser
    RUN/tensorboard/   the same epochs as event files, where asked for
"""

import json
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from encore import folder
from encore.models.epochs import REFIT, TRY_OUT, Epoch
from encore.reports import unfinished
from encore.reports.events import EventFiles
from encore.reports.parts import Section
from encore.reports.report import read_history, write_report
from encore.reports.sections.making import training_section

SHARE = 0.1  # of the time since the start that drawing may take


def _silent(_: object) -> None:
    pass


class LiveReport:
    """Tells a folder, and whoever else listens, what a training says and each of its epochs.

    ::

        with LiveReport(run, facts) as live:
            model = train(data, config, say=live.say, on_epoch=live.epoch)
            live.done(chosen(model))

    The page is drawn after an epoch, unless that would bring the time spent on drawing above a
    tenth of the time since the start, judged by what the last one cost. It is drawn in any case
    after the first epoch and the last of each pass, when something is said, and at the end.

    Left by an exception, the page says how the run ended and what to do, and the exception goes on.
    `facts` are those of results.json, `resumed` keeps the try-out's epochs that the folder has.

    Raises `InputError` where `tensorboard` is asked for and missing.
    """

    def __init__(
        self,
        run: Path,
        facts: Mapping[str, Any],
        *,
        say: Callable[[str], None] = _silent,
        on_epoch: Callable[[Epoch], None] = _silent,
        resumed: bool = False,
        tensorboard: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run = run
        self.page, self.history = run / "report.html", run / "history.jsonl"
        self.results = {**facts, "status": unfinished.TRAINING}
        self.drawings = 0
        self._say, self._on_epoch, self._clock = say, on_epoch, clock
        before = read_history(self.history, whole_lines=True) if resumed else []
        self._rows = [row for row in before if row["phase"] == TRY_OUT]  # a refit begins anew
        self._section: Section | None = None
        self._spent = self._cost = 0.0
        self._started = clock()
        settings = facts.get("config", {})
        self._events = EventFiles(run / "tensorboard", settings) if tensorboard else None

    def __enter__(self) -> Self:
        """Write the folder's first state, and say where the page is."""
        self.run.mkdir(parents=True, exist_ok=True)
        # A resumed training tells of all its epochs again.
        shutil.rmtree(self.run / "tensorboard", ignore_errors=True)
        with folder.replacing(self.history) as temporary:
            lines = "".join(f"{json.dumps(row)}\n" for row in self._rows)
            temporary.write_text(lines, encoding="utf-8")
        self._draw()
        self._say(f"watch: {self.page.absolute().as_uri()}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Say how the run ended, where it did not end well."""
        if self._events is not None:
            self._events.close()
        if error is None:
            return
        if isinstance(error, Exception):
            self.results |= {"status": unfinished.FAILED}
            self.results |= {"error": str(error) or type(error).__name__}
        else:
            self.results |= {"status": unfinished.INTERRUPTED}
        with suppress(OSError):  # what stopped the run is what must be told
            self._draw()

    def say(self, words: str) -> None:
        """Pass on what is said; the page shows it until the next epoch."""
        self._say(words)
        self.results["stage"] = words
        self._draw()

    def epoch(self, epoch: Epoch) -> None:
        """Add an epoch to the history and pass it on; one that is known is only passed on."""
        row = asdict(epoch)
        known = row in self._rows
        if not known:
            self._rows, self._section = [*self._rows, row], None
            self.results.pop("stage", None)
            with self.history.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(row)}\n")
        if self._events is not None:
            self._events.add(row)
        self._on_epoch(epoch)
        affordable = self._spent + self._cost <= SHARE * (self._clock() - self._started)
        if not known and (affordable or len(self._rows) == 1 or self._is_last(epoch)):
            self._draw()

    def done(self, facts: Mapping[str, Any]) -> Path:
        """Write the finished report, with more `facts`; return its path."""
        self.results |= facts
        for name in ("status", "stage", "resume"):
            self.results.pop(name, None)
        self._write_results()
        return write_report(self.run)

    def _is_last(self, epoch: Epoch) -> bool:
        if epoch.phase == REFIT:
            return epoch.epoch == unfinished.best_epoch(self._rows)
        return not unfinished.patience_left(self.results["config"], self._rows)

    def _draw(self) -> None:
        """Write results.json, unless it is finished, and the page."""
        began = self._clock()
        if self.results["status"] == unfinished.TRAINING or self._is_unfinished():
            self._write_results()
        anew = self._section is None and bool(self._rows)
        if anew:
            self._section = training_section(self._rows)
        now, live = datetime.now(UTC), self.results["status"] == unfinished.TRAINING
        if live:
            sentences = unfinished.how_it_goes(self.results, self._rows, now)
        else:
            resumable = (self.run / unfinished.CHECKPOINT).is_dir()
            sentences = unfinished.how_it_ended(self.results, self._rows, now, resumable)
        text = unfinished.unfinished_page(self.results, sentences, self._section, live=live)
        with folder.replacing(self.page) as temporary:
            temporary.write_text(text, encoding="utf-8")
        self.drawings += 1
        took = self._clock() - began
        self._spent += took
        if anew:  # else the figure of the last page served again
            self._cost = took

    def _is_unfinished(self) -> bool:
        return "status" in json.loads((self.run / "results.json").read_bytes())

    def _write_results(self) -> None:
        with folder.replacing(self.run / "results.json") as temporary:
            temporary.write_text(json.dumps(self.results, indent=1), encoding="utf-8")
