"""The verb `tune`: study after study over a training side, each from the best found so far."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from encore.config import TrainConfig
from encore.data.dataset import Dataset
from encore.errors import InputError, UsageError
from encore.tuning import keep
from encore.tuning.objectives import capped, objective_of
from encore.tuning.spaces import ALL, NETWORK, space_of
from encore.tuning.study import Budget, Study, Trial, require_optuna

Say = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """What one study found: its trials, and the settings of the best one that completed.

    `changes` are the settings in which the best differs from `base`: none where no trial did
    better than `base` itself, which is the first.
    """

    what: str
    base: TrainConfig
    trials: list[Trial]

    @property
    def default(self) -> float | None:
        """The mean NDCG@10 of `base`, trial 0, over the folds; None where it failed."""
        return next((trial.value for trial in self.trials if trial.number == 0), None)

    @property
    def best(self) -> Trial | None:
        """The best trial, the earliest of equals; None where none completed."""
        complete = [trial for trial in self.trials if trial.value is not None]
        return max(complete, key=lambda trial: trial.value or 0.0, default=None)

    @property
    def changes(self) -> dict[str, Any]:
        """The settings that won."""
        best = self.best
        return {
            name: value
            for name, value in (best.settings if best else {}).items()
            if value != getattr(self.base, name)
        }

    def to_json(self) -> dict[str, Any]:
        """Return what was found, without the trials one by one."""
        best = self.best
        states = [trial.state for trial in self.trials]
        return {
            "what": self.what,
            "default": self.default,
            "best": best.value if best else None,
            "changes": self.changes,
            "trials": {state: states.count(state) for state in ("complete", "pruned", "failed")},
            "seconds": round(sum(trial.seconds for trial in self.trials), 1),
        }


@dataclass(frozen=True)
class Tuning:
    """All that was found. `config` is the configuration with everything that won."""

    base: TrainConfig
    found: list[Found]

    @property
    def changes(self) -> dict[str, Any]:
        """The settings that won, of all studies."""
        return {name: value for each in self.found for name, value in each.changes.items()}

    @property
    def config(self) -> TrainConfig:
        """The base with what won."""
        return self.base.replaced(**self.changes)


def tune(
    train_side: Dataset,
    what: str | Sequence[str] = ALL,
    config: TrainConfig | None = None,
    *,
    trials: int = 30,
    minutes: float | None = None,
    by: str = "listener",
    last: int = 1,
    jobs: int = 1,
    out: str | Path | None = None,
    beneath: TrainConfig | None = None,
    say: Say | None = None,
) -> Tuning:
    """Search settings for `what` on validation rows of `train_side`; return the best found.

    `what` names a channel, "network" or "all" (every fitted channel and the network), or several:
    each is searched from the best that those before it found, and a setting is searched once.
    `train_side` must be a training side: whatever it holds is read. `by` and `last` say how
    validation rows of a channel are held out, as in `encore.split`; of network and all they are
    those that `encore.train` chooses on.

    Each of `what` gets `trials`, the settings of `config` being the first; all of them together get
    `minutes`, after which no trial begins, save each one's first. With `out`, a folder, everything
    is kept there and a call that was interrupted goes on; its best.toml holds what differs from
    `beneath` (by default `config`). The same seed in `config` and one job give the same trials.

    Raises `UsageError` on what has no settings, `InputError` where optuna is missing, `out` belongs
    to another data set or other settings, or every trial of a study failed.
    """
    version = require_optuna()
    tell = say or (lambda _: None)
    config = config or TrainConfig()
    asked = list(dict.fromkeys([what] if isinstance(what, str) else what))
    for name, value in (("trials", trials), ("jobs", jobs)):
        if value < 1:
            raise UsageError(f"{name} = {value}: expected 1 or more")
    if minutes is not None and minutes <= 0:
        raise UsageError(f"minutes = {minutes}: expected more than 0")
    dated = train_side.plays["last_played"].null_count() == 0
    decided: list[str] = []
    for name in asked:  # before anything is tried
        decided += space_of(name, config, dated, decided)[0]
    folder = None if out is None else Path(out)
    if folder is not None:
        facts = keep.facts(train_side, config, asked, by, last, version)
        keep.begin(folder, facts)
    data = capped(train_side, config.seed)
    if data is not train_side:
        tell(
            f"each trial reads {data.plays.height:,} of {train_side.plays.height:,} rows, those of "
            "a seeded draw of listeners"
        )
    found: list[Found] = []
    decided = []

    def kept(study: Study, ended: list[Trial]) -> Tuning:
        now = Tuning(config, [*found, Found(study.what, study.base, ended)])
        if folder is not None:
            keep.write(folder, [t for each in now.found for t in each.trials], _toml(now, beneath))
        return now

    for place, name in enumerate(asked):
        _warn(name, config, tell)
        base = Tuning(config, found).config
        space, here = space_of(name, base, dated, decided)
        decided += space
        study = Study(name, base, space, here, folder and folder / keep.JOURNAL)
        spent = sum(trial.seconds for each in found for trial in each.trials) / jobs
        left = float("inf") if minutes is None else max(minutes * 60 - spent, 0)
        budget = Budget(trials, left / (len(asked) - place))

        def ended(trial: Trial, so_far: list[Trial], study: Study = study) -> None:
            tell(_line(trial, so_far))
            kept(study, so_far)

        objective = objective_of(name, data, base, by, last)
        done = study.search(objective, budget, jobs, ended)
        found = kept(study, done).found
        if found[-1].best is None:
            raise InputError(f"{name}: no trial completed; the first: {done[0].error}")
    return Tuning(config, found)


def _warn(name: str, config: TrainConfig, tell: Say) -> None:
    if name not in (NETWORK, ALL, *config.channels):
        tell(f"{name}: is not among the settings' channels, so no list will use it")


def _line(now: Trial, trials: list[Trial]) -> str:
    """Return in a line how a trial ended, and what is best so far."""
    best = max((trial.value for trial in trials if trial.value is not None), default=None)
    worth = now.error or " ".join(f"{value:.4f}" for value in now.folds)
    told = ", ".join(f"{name} {value}" for name, value in now.settings.items())
    so_far = "" if best is None else f", best {best:.4f}"
    return f"{now.what} {now.number}: {now.state} {worth}{so_far} ({told}; {now.seconds:.1f} s)"


def _toml(tuning: Tuning, beneath: TrainConfig | None) -> str:
    """Return best.toml: first what was set beside the recipe, then what won."""
    given = {
        name: value
        for name, value in tuning.base.model_dump().items()
        if beneath is not None
        and value != getattr(beneath, name)
        and name not in ("seed", "device", *tuning.changes)
    }
    lines = [
        "# Settings that `encore tune` found on validation rows inside the training side of "
        f"seed {tuning.base.seed}."
    ]
    for each in tuning.found:
        best, default = each.best, each.default
        if best is None or best.value is None:
            lines.append(f"# {each.what}: no trial completed.")
        elif not each.changes:
            lines.append(
                f"# {each.what}: no trial of {len(each.trials)} beats the settings it began with "
                f"(NDCG@10 {best.value:.4f})."
            )
        else:
            began = "failed" if default is None else f"{default:.4f}"
            lines.append(
                f"# {each.what}: NDCG@10 {best.value:.4f} in trial {best.number} of "
                f"{len(each.trials)}; what it began with: {began}."
            )
    lines += keep.settings_lines("given, and kept", given)
    lines += keep.settings_lines("found", tuning.changes)
    return "\n".join(lines) + "\n"
