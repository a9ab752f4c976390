"""A study: optuna proposes settings, folds say what they are worth, a journal keeps every answer.

The draws of a trial depend on (seed, its number) and on the trials that ended before it, so a study
that was interrupted and taken up again proposes, one job at a time, what it would have proposed in
one go. A trial that an interruption cut off is begun anew under its number.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from encore.config import TrainConfig
from encore.errors import EncoreError, InputError, IntegrityError
from encore.tuning.jobs import Measure, measuring
from encore.tuning.objectives import Objective
from encore.tuning.spaces import Among, Space, Span, rounded

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

State = Literal["complete", "pruned", "failed"]

STARTUP_TRIALS = 6  # drawn at random before TPE learns from them: budgets are small
UNPRUNED_TRIALS = 5  # that complete before any is measured against their median
TOLD = "told"  # the attribute of an optuna trial that says it ended, and how
STATES: dict[str, State] = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


@dataclass(frozen=True)
class Trial:
    """One trial: its settings, what each fold said (NDCG@10), and how it ended."""

    what: str
    number: int
    state: State
    settings: dict[str, Any]
    folds: list[float]
    seconds: float
    error: str | None = None

    @property
    def value(self) -> float | None:
        """The mean over all folds; None where some are missing."""
        return float(np.mean(self.folds)) if self.state == "complete" else None

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain JSON values."""
        return {**asdict(self), "value": self.value}


@dataclass(frozen=True)
class Budget:
    """How much a study may cost, what an earlier call spent included; no trial begins beyond."""

    trials: int
    seconds: float


@dataclass(frozen=True)
class Study:
    """What is searched: the settings of `what` in `space`, from those of `base` (at `here`)."""

    what: str
    base: TrainConfig
    space: Space
    here: dict[str, Any]
    journal: Path | None = None  # in memory without

    def search(
        self,
        objective: Objective,
        budget: Budget,
        jobs: int = 1,
        on_trial: Callable[[Trial, list[Trial]], None] | None = None,
    ) -> list[Trial]:
        """Return all trials, those of earlier calls too, once the budget is spent.

        The settings of `base` are trial 0. `on_trial` hears of each as it ends, and of all so far.
        """
        with _quiet(), measuring(objective, jobs) as measure:
            study = self._open()
            running: dict[Future[float], _Running] = {}
            while True:
                ended = self._ended(study)
                spent = sum(trial.seconds for trial in ended) / jobs
                while len(running) < jobs:
                    taken = {each.number for each in ended}
                    taken |= {each.number for each in running.values()}
                    over = len(taken) >= budget.trials or spent >= budget.seconds
                    if over and 0 in taken:
                        break
                    trial = self._propose(study, min({*range(len(taken) + 1)} - taken))
                    running[trial.measured(measure)] = trial
                if not running:
                    return ended
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    trial = running.pop(future)
                    if trial.goes_on(study, future, objective.folds):
                        running[trial.measured(measure)] = trial
                    elif on_trial is not None:
                        ended = self._ended(study)
                        on_trial(next(t for t in ended if t.number == trial.number), ended)

    def _open(self) -> "optuna.Study":
        """Return the study, what was cut off in it put aside."""
        import optuna
        from optuna.storages.journal import JournalFileBackend, JournalStorage

        told = [self.what, self.base.model_dump(mode="json"), repr(sorted(self.space.items()))]
        digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()
        storage = None
        if self.journal is not None:
            _drop_half_line(self.journal)
            try:
                storage = JournalStorage(JournalFileBackend(str(self.journal)))
            except (ValueError, KeyError) as error:
                raise IntegrityError(
                    f"{self.journal}: damaged ({error}); remove the folder to begin anew"
                ) from error
        study = optuna.create_study(
            storage=storage,
            # Another base is another study: trials of both would not compare.
            study_name=f"{self.what}-{digest[:16]}",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED_TRIALS),
            direction="maximize",
            load_if_exists=True,
        )
        for trial in study.get_trials(deepcopy=False):
            if trial.state == optuna.trial.TrialState.RUNNING:
                study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        return study

    def _propose(self, study: "optuna.Study", number: int) -> "_Running":
        """Return trial `number`, begun; 0 has the settings of the base."""
        import optuna

        seed = int(np.random.SeedSequence((self.base.seed, number)).generate_state(1)[0])
        study.sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=STARTUP_TRIALS, multivariate=True
        )
        waiting = (optuna.trial.TrialState.WAITING,)
        if number == 0 and not study.get_trials(deepcopy=False, states=waiting):
            study.enqueue_trial(self.here)
        asked = study.ask({name: _distribution(span) for name, span in self.space.items()})
        drawn = {
            name: value if value == self.here[name] else rounded(value)
            for name, value in asked.params.items()
        }
        settings = {name: drawn[name] for name in self.space}
        return _Running(number, asked, self.base.replaced(**settings), settings)

    def _ended(self, study: "optuna.Study") -> list[Trial]:
        """Return the trials that ended by themselves, by their numbers."""
        trials = study.get_trials(deepcopy=False)
        told = [(trial.user_attrs.get(TOLD), STATES.get(trial.state.name)) for trial in trials]
        ended = [how for how, state in told if how and how["state"] == state]
        return sorted((Trial(self.what, **how) for how in ended), key=lambda trial: trial.number)


@dataclass
class _Running:
    """A trial between its first fold and its end."""

    number: int
    asked: "optuna.Trial"
    config: TrainConfig
    settings: dict[str, Any]
    folds: list[float] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def measured(self, measure: Measure) -> Future[float]:
        """Return what the next fold will say."""
        return measure(self.config, len(self.folds))

    def goes_on(self, study: "optuna.Study", future: Future[float], folds: int) -> bool:
        """Take what a fold said; return whether another one is to be asked, else end the trial."""
        error = future.exception()
        if isinstance(error, BrokenProcessPool):
            raise EncoreError(
                "a job was killed, perhaps for want of memory: what ended is kept; run again with "
                "fewer --jobs to go on"
            ) from error
        if error is not None:
            return self._end(study, "failed", f"{type(error).__name__}: {error}")
        value = future.result()
        if not np.isfinite(value):
            return self._end(study, "failed", f"InputError: NDCG@10 is {value}")
        self.folds.append(value)
        # The mean so far: steadier than the fold's own value, and of the same rows in each trial.
        self.asked.report(float(np.mean(self.folds)), len(self.folds))
        if len(self.folds) == folds:
            return self._end(study, "complete")
        return not self.asked.should_prune() or self._end(study, "pruned")

    def _end(self, study: "optuna.Study", state: State, error: str | None = None) -> bool:
        from optuna.trial import TrialState

        told = {
            "number": self.number,
            "state": state,
            "settings": self.settings,
            "folds": self.folds,
            "seconds": round(time.monotonic() - self.started, 3),
            "error": error,
        }
        self.asked.set_user_attr(TOLD, told)
        if state == "complete":
            study.tell(self.asked, float(np.mean(self.folds)))
        else:
            study.tell(
                self.asked, state=TrialState.PRUNED if state == "pruned" else TrialState.FAIL
            )
        return False


def require_optuna() -> str:
    """Return optuna's version; raise `InputError` naming the extra where it is missing."""
    try:
        import optuna
    except ImportError:
        raise InputError(
            "tuning needs optuna, which is not installed: pip install 'encore-music[tune]'"
        ) from None
    return str(optuna.__version__)


def _distribution(span: Span) -> "BaseDistribution":
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(span, Among):
        return CategoricalDistribution(span.values)
    if span.whole:
        return IntDistribution(int(span.low), int(span.high), log=span.log)
    return FloatDistribution(span.low, span.high, log=span.log)


def _drop_half_line(journal: Path) -> None:
    """Cut what a killed process wrote of a last line: optuna refuses a journal that holds it."""
    if journal.exists() and not (body := journal.read_bytes()).endswith(b"\n"):
        with journal.open("r+b") as file:
            file.truncate(body.rfind(b"\n") + 1)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep optuna from telling of every study: its log is the caller's as before afterwards."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
