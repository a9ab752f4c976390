"""The ranker learns from rows that its channels have not seen; it is checked on other listeners."""

import dataclasses

import numpy as np
import pytest

from encore import Dataset, Recommender, TrainConfig, load, stacking
from encore.data.split import split
from encore.models import ranker as rankers
from encore.models.ensemble import RANKER
from encore.models.inputs import Audience
from encore.models.ranker import Ranker, Sample


@pytest.fixture
def config(small_config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> TrainConfig:
    # Trees that a few hundred candidates can grow.
    monkeypatch.setattr(rankers, "TREES", {**rankers.TREES, "min_data_in_leaf": 5})
    monkeypatch.setattr(rankers, "ROUNDS", 20)
    return small_config.replaced(ranker_folds=2, hybrid_epochs=1)


def listeners(samples: list[Sample]) -> int:
    return len(samples)


def test_the_checked_ranker_has_not_learned_from_those_it_is_checked_on(
    small_world: Dataset, config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[Sample]] = []
    fit = Ranker.fit

    def noted(channels: list[str], samples: list[Sample], seed: int) -> Ranker:
        asked.append(samples)
        return fit(channels, samples, seed)

    monkeypatch.setattr(Ranker, "fit", noted)
    some = small_world.listeners["user_id"].gather_every(2)
    held = small_world.with_tables(plays=small_world.plays.join(some.to_frame(), on="user_id"))
    nobody = small_world.with_tables(plays=small_world.plays.clear())
    assert stacking.stack(small_world, config, held) is not None
    assert stacking.stack(small_world, config, nobody) is not None
    every, others, every_again, all_others = map(listeners, asked)
    assert 0 < others < every == every_again == all_others


def test_there_is_none_where_nobody_is_left_to_learn_from(
    small_world: Dataset, config: TrainConfig
) -> None:
    assert stacking.stack(small_world, config, small_world) is None
    assert stacking.stack(small_world, config.replaced(ranker_folds=0), small_world) is None


def test_new_listeners_are_asked_with_few_rows(small_world: Dataset, config: TrainConfig) -> None:
    fitted, held, new = stacking._sides(small_world, 0.1, seed=5)
    assert new is not None
    known = stacking.Known.from_training(fitted)
    lengths = [
        np.diff(question.audience.history_BT.indptr)
        for question in stacking._questions(known, held, new, seed=0)
    ]
    assert lengths[0].max() > stacking.REVEALED[0]  # known listeners, with all their rows
    for rung, length_B in zip(stacking.REVEALED, lengths[1:], strict=False):
        assert length_B.max() == rung
    strangers = set(new.plays["user_id"])
    assert strangers
    assert strangers.isdisjoint(fitted.plays["user_id"])


def with_ranker(model: Recommender, data: Dataset, config: TrainConfig) -> Recommender:
    sides = split(data, held_out=0.1)
    stacked = stacking.stack(sides.train, config, sides.test.with_tables(plays=data.plays.clear()))
    assert stacked is not None
    scorers = dataclasses.replace(model.bundle.scorers, ranker=stacked.ranker)
    choice = dataclasses.replace(model.bundle.choice, ranked=True)
    return Recommender(dataclasses.replace(model.bundle, scorers=scorers, choice=choice))


def test_a_bundle_keeps_its_ranker(
    small_model: Recommender, small_world: Dataset, config: TrainConfig, tmp_path
) -> None:
    model = with_ranker(small_model, small_world, config)
    model.save(tmp_path / "bundle")
    again = load(tmp_path / "bundle")
    user = np.arange(1, 20, dtype=np.int32)
    audience = Audience.known(model.bundle.scorers.inputs, user)
    assert again.bundle.choice.name == RANKER
    assert np.array_equal(again.scores(audience), model.scores(audience))
    assert not np.array_equal(small_model.scores(audience), model.scores(audience))
    listed = again.recommend(model.bundle.features.listeners.id(5)).slots
    assert [slot.score for slot in listed] == sorted((s.score for s in listed), reverse=True)
    for slot in listed:
        assert sum(slot.contributions.values()) == pytest.approx(slot.score, abs=1e-5)
    model.save(tmp_path / "strangers", listeners=False)  # channels that ask listeners are gone
    alone = load(tmp_path / "strangers").recommend(history={listed[0].track_id: 3.0})
    assert all(RANKER not in slot.contributions for slot in alone.slots)
