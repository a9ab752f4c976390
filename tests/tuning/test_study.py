"""A study, on objectives with a known answer."""

import json
import logging

import pytest

from encore import TrainConfig
from encore.errors import IntegrityError
from encore.tuning.spaces import SPACES, space_of
from encore.tuning.study import Budget, Study

FOREVER = float("inf")
BASE = TrainConfig(ease_l2=900.0)
BEST_L2 = 60.0


class Peak:
    """Best at an l2 of `BEST_L2`; each fold says the same, a little apart."""

    folds = 3

    def __init__(self, fails_at=None, error=RuntimeError):
        self.asked, self.fails_at, self.error = [], fails_at, error

    def measure(self, config, fold):
        self.asked.append((config.ease_l2, fold))
        if len(self.asked) == self.fails_at:
            raise self.error("too much")
        return 1 - abs(config.ease_l2 - BEST_L2) / 1000 - fold / 100


def study(journal=None, base=BASE):
    space, here = space_of("ease", base, dated=False)
    return Study("ease", base, space, here, journal)


def test_the_base_is_trial_0_and_the_peak_is_found():
    trials = study().search(Peak(), Budget(40, FOREVER))
    assert [trial.number for trial in trials] == [*range(40)]
    assert trials[0].settings == {name: getattr(BASE, name) for name in SPACES["ease"]}
    assert trials[0].settings["ease_l2"] == 900
    best = max(trials, key=lambda trial: trial.value or 0)
    assert abs(best.settings["ease_l2"] - BEST_L2) < 20


def test_poor_trials_are_pruned_after_a_fold():
    objective = Peak()
    trials = study().search(objective, Budget(30, FOREVER))
    pruned = [trial for trial in trials if trial.state == "pruned"]
    assert pruned
    assert all(len(trial.folds) < 3 and trial.value is None for trial in pruned)
    assert len(objective.asked) == sum(len(trial.folds) for trial in trials)
    assert all(len(trial.folds) == 3 for trial in trials if trial.state == "complete")


@pytest.mark.parametrize("error", [MemoryError, RuntimeError])
def test_a_failed_trial_is_kept_and_ends_nothing(error):
    trials = study().search(Peak(fails_at=5, error=error), Budget(6, FOREVER))
    assert [trial.state for trial in trials].count("failed") == 1
    assert trials[1].error == f"{error.__name__}: too much"
    assert trials[1].folds == trials[1].folds[:1]
    assert trials[1].value is None
    assert len(trials) == 6


def test_a_value_that_is_no_number_fails():
    nothing = Peak()
    nothing.measure = lambda *_: float("nan")
    (trial,) = study().search(nothing, Budget(1, FOREVER))
    assert (trial.state, trial.error) == ("failed", "InputError: NDCG@10 is nan")


@pytest.mark.parametrize("fails_at", [1, 2, 9, 20])
def test_after_an_interruption_it_goes_on_as_if_there_had_been_none(tmp_path, timeless, fails_at):
    journal = tmp_path / "journal"
    with pytest.raises(KeyboardInterrupt):
        study(journal).search(Peak(fails_at, KeyboardInterrupt), Budget(14, FOREVER))
    again = study(journal).search(Peak(), Budget(14, FOREVER))
    assert timeless(again) == timeless(study().search(Peak(), Budget(14, FOREVER)))


def test_what_ended_is_not_tried_again_and_more_budget_goes_on(tmp_path, timeless):
    journal = tmp_path / "journal"
    first = study(journal).search(Peak(), Budget(7, FOREVER))
    idle = Peak()
    assert study(journal).search(idle, Budget(7, FOREVER)) == first
    assert not idle.asked
    longer = study(journal).search(Peak(), Budget(12, FOREVER))
    assert longer[:7] == first
    assert timeless(longer) == timeless(study().search(Peak(), Budget(12, FOREVER)))


def test_time_that_is_over_leaves_the_base_alone():
    (trial,) = study().search(Peak(), Budget(9, 0.0))
    assert trial.settings["ease_l2"] == BASE.ease_l2


def test_other_settings_to_begin_with_are_another_study(tmp_path):
    study(tmp_path / "journal").search(Peak(), Budget(3, FOREVER))
    other = TrainConfig(ease_l2=300.0)
    trials = study(tmp_path / "journal", other).search(Peak(), Budget(2, FOREVER))
    assert trials[0].settings["ease_l2"] == 300.0
    assert len(trials) == 2


def test_the_journal_is_lines_of_json_and_survives_a_torn_one(tmp_path):
    journal = tmp_path / "journal"
    first = study(journal).search(Peak(), Budget(4, FOREVER))
    for line in journal.read_text().splitlines():
        json.loads(line)
    with journal.open("a") as file:
        file.write('{"op_code":5,"wor')
    assert study(journal).search(Peak(), Budget(5, FOREVER))[:4] == first


def test_a_damaged_journal_is_refused_by_name(tmp_path):
    journal = tmp_path / "journal"
    study(journal).search(Peak(), Budget(2, FOREVER))
    journal.write_text("not json\n" + journal.read_text())
    with pytest.raises(IntegrityError, match="journal: damaged"):
        study(journal).search(Peak(), Budget(3, FOREVER))


def test_optunas_log_stays_as_it_was():
    import optuna

    before = optuna.logging.get_verbosity()
    study().search(Peak(), Budget(1, FOREVER))
    assert optuna.logging.get_verbosity() == before == logging.INFO
