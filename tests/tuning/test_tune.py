"""`encore.tune` on a training side: what it reads, what it keeps, and what it refuses."""

import json
import re
import sys

import polars as pl
import pytest

import encore
from encore import TrainConfig, pipeline
from encore.config import resolve
from encore.errors import InputError, UsageError
from encore.tuning import objectives
from encore.tuning.objectives import ChannelAlone, capped

CONFIG = TrainConfig(als_factors=16, seed=0)
QUICK = {"config": CONFIG, "trials": 4}


def settings_of(found):
    return [trial.settings for trial in found.trials]


def test_the_same_seed_gives_the_same_trials_and_another_seed_others(train_side, timeless):
    one, two = (encore.tune(train_side, "als", **QUICK).found[0] for _ in range(2))
    assert timeless(one.trials) == timeless(two.trials)
    other = encore.tune(train_side, "als", CONFIG.replaced(seed=1), trials=4).found[0]
    assert settings_of(other)[0] == settings_of(one)[0]
    assert settings_of(other)[1:] != settings_of(one)[1:]


def test_each_begins_with_what_those_before_found(train_side):
    found = encore.tune(train_side, ["als", "ease"], CONFIG, trials=6)
    als, ease = found.found
    assert als.changes
    assert ease.base == CONFIG.replaced(**als.changes)
    assert found.config == CONFIG.replaced(**als.changes, **ease.changes)
    assert als.best.value > als.default
    assert len(als.trials) == len(ease.trials) == 6


@pytest.mark.parametrize("what", ["network", "all"])
def test_the_whole_is_judged_by_the_list_that_would_ship(train_side, small_config, what):
    config = small_config.replaced(max_epochs=1)
    (found,) = encore.tune(train_side, what, config, trials=1).found
    for fold, value in enumerate(found.trials[0].folds):
        seeded = config.replaced(seed=config.seed + fold)
        choice = encore.train(train_side, seeded).bundle.choice
        assert value == choice.validation[choice.name]
    assert len(found.trials[0].folds) == objectives.WHOLE_FOLDS


def test_interrupted_it_leaves_a_folder_that_goes_on(train_side, timeless, tmp_path, monkeypatch):
    measure, asked = ChannelAlone.measure, []

    def interrupted(self, config, fold):
        asked.append(fold)
        if len(asked) == 8:
            raise KeyboardInterrupt
        return measure(self, config, fold)

    with monkeypatch.context() as patch:
        patch.setattr(ChannelAlone, "measure", interrupted)
        with pytest.raises(KeyboardInterrupt):
            encore.tune(train_side, ["ease", "als"], out=tmp_path / "t", **QUICK)
    kept = (tmp_path / "t/trials.jsonl").read_text().splitlines()
    assert 0 < len(kept) < 4
    again = encore.tune(train_side, ["ease", "als"], out=tmp_path / "t", **QUICK)
    whole = encore.tune(train_side, ["ease", "als"], **QUICK)
    for one, other in zip(again.found, whole.found, strict=True):
        assert timeless(one.trials) == timeless(other.trials)
        assert len(one.trials) == 4
    lines = (tmp_path / "t/trials.jsonl").read_text().splitlines()
    assert [json.loads(line)["what"] for line in lines] == ["ease"] * 4 + ["als"] * 4


def test_best_toml_holds_what_won_and_nothing_else(train_side, tmp_path):
    found = encore.tune(train_side, "als", CONFIG, trials=6, out=tmp_path / "t")
    best = tmp_path / "t/best.toml"
    assert resolve(CONFIG, best) == found.config != CONFIG
    assert re.search(r"^# als: NDCG@10 \.?\d.* in trial \d of 6", best.read_text(), re.MULTILINE)
    names = re.findall(r"^(\w+) =", best.read_text(), re.MULTILINE)
    assert {*names} == {*found.changes} <= {"als_factors", "als_regularization", "als_alpha"}


def test_best_toml_keeps_what_was_set_beside_the_recipe(train_side, tmp_path):
    config = CONFIG.replaced(channels=("als", "content"), seed=3)
    found = encore.tune(
        train_side, "als", config, trials=5, out=tmp_path / "t", beneath=TrainConfig()
    )
    text = (tmp_path / "t/best.toml").read_text()
    assert 'channels = ["als", "content"]' in text
    assert "seed =" not in text
    assert resolve(TrainConfig(seed=3), tmp_path / "t/best.toml") == found.config


def test_where_nothing_beats_the_default_best_toml_is_empty(train_side, tmp_path):
    found = encore.tune(train_side, "ease", trials=1, out=tmp_path / "t")
    text = (tmp_path / "t/best.toml").read_text()
    assert found.changes == {}
    assert "# ease: no trial of 1 beats the settings it began with" in text
    assert all(line.startswith("#") for line in text.splitlines())


def test_failed_trials_are_recorded_and_where_all_fail_it_says_so(
    train_side, tmp_path, monkeypatch
):
    def out_of_memory(self, config, fold):
        raise MemoryError("no room")

    monkeypatch.setattr(ChannelAlone, "measure", out_of_memory)
    with pytest.raises(InputError, match="als: no trial completed; the first: MemoryError: no"):
        encore.tune(train_side, "als", out=tmp_path / "t", **QUICK)
    lines = map(json.loads, (tmp_path / "t/trials.jsonl").read_text().splitlines())
    assert [(line["state"], line["error"]) for line in lines] == [
        ("failed", "MemoryError: no room")
    ] * 4
    assert "# als: no trial completed." in (tmp_path / "t/best.toml").read_text()


def test_minutes_are_shared_and_the_default_is_always_tried(train_side):
    found = encore.tune(train_side, ["als", "ease"], CONFIG, trials=5, minutes=1e-9)
    assert [len(each.trials) for each in found.found] == [1, 1]


def test_jobs_measure_the_same(train_side):
    alone = encore.tune(train_side, "ease", CONFIG, trials=1).found[0]
    found = encore.tune(train_side, "ease", CONFIG, trials=3, jobs=2).found[0]
    assert [trial.number for trial in found.trials] == [0, 1, 2]
    assert found.trials[0].folds == alone.trials[0].folds


# What is read


@pytest.mark.parametrize("by", ["time", "last"])
def test_folds_of_time_roll_back(small_world, by):
    asked = ChannelAlone("ease", small_world, by, 2, 0.1, 0)._asked
    rows = [inputs.plays_UT.nnz for inputs, _ in asked]
    assert rows == sorted(rows, reverse=True)
    assert len({*rows}) == 3


def test_folds_by_listener_are_drawn_anew_and_the_same_each_time(train_side):
    one, two = (ChannelAlone("ease", train_side, "listener", 1, 0.1, 0) for _ in range(2))
    values = [one.measure(CONFIG, fold) for fold in range(3)]
    assert len({*values}) == 3
    assert values == [two.measure(CONFIG, fold) for fold in range(3)]


def test_a_channels_value_is_what_its_board_says(train_side, small_config):
    config = small_config.replaced(channels=("ease",), max_epochs=1)
    sides = encore.split(train_side, held_out=config.validation_share, seed=config.seed)
    board = pipeline.evaluate(encore.train(sides[0], config), sides[1]).boards["discovery"]
    fold = ChannelAlone("ease", train_side, "listener", 1, config.validation_share, config.seed)
    assert fold.measure(config, 0) == pytest.approx(board.scores["ease"]["ndcg@10"].mean)


def test_large_data_is_capped_by_whole_listeners(train_side, monkeypatch):
    monkeypatch.setattr(objectives, "MOST_ROWS", 200)
    some = capped(train_side, 0)
    assert 100 < some.plays.height <= 200
    kept = train_side.plays.join(some.plays, on="user_id", how="semi")
    assert kept.height == some.plays.height
    assert capped(train_side, 0).plays.equals(some.plays)
    said = []
    encore.tune(train_side, "ease", CONFIG, trials=1, say=said.append)
    assert f"{some.plays.height} of {train_side.plays.height} rows" in said[0]


def test_few_listeners_are_asked_of_a_large_catalogue(train_side, monkeypatch):
    monkeypatch.setattr(objectives, "MOST_SCORES", 121 * 10)
    for _, question in ChannelAlone("ease", train_side, "listener", 1, 0.1, 0)._asked:
        assert len(question.audience) == 10


# What is refused


def test_a_folder_of_another_search_is_refused(train_side, tmp_path):
    encore.tune(train_side, "ease", CONFIG, trials=1, out=tmp_path / "t")
    other = train_side.with_tables(plays=train_side.plays.with_columns(pl.col("plays") + 1))
    for told, call in {
        "begun with other data": (other, "ease", CONFIG),
        "begun with other what: ['ease'] there, ['als'] here": (train_side, "als", CONFIG),
        "begun with other config: {'dropout': 0.2} there, {'dropout': 0.1} here": (
            train_side,
            "ease",
            CONFIG.replaced(dropout=0.1),
        ),
        "begun with other seed: 0 there, 5 here": (train_side, "ease", CONFIG.replaced(seed=5)),
    }.items():
        with pytest.raises(InputError, match=re.escape(told)):
            encore.tune(*call, trials=1, out=tmp_path / "t")
    manifest = json.loads((tmp_path / "t/manifest.json").read_text())
    manifest["versions"]["torch"] = "1.0"
    (tmp_path / "t/manifest.json").write_text(json.dumps(manifest))
    told = "begun with other versions: {'torch': '1.0'} there"
    with pytest.raises(InputError, match=re.escape(told)):
        encore.tune(train_side, "ease", CONFIG, trials=1, out=tmp_path / "t")


def test_a_folder_that_is_something_else_is_left_alone(train_side, tmp_path):
    (tmp_path / "diary.txt").write_text("dear diary")
    with pytest.raises(InputError, match="exists and is not an encore tuning folder"):
        encore.tune(train_side, "ease", CONFIG, trials=1, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ({"what": "moon"}, "what 'moon'"),
        ({"what": ["als", "content"]}, "what 'content'"),
        ({"trials": 0}, "trials = 0: expected 1 or more"),
        ({"jobs": 0}, "jobs = 0: expected 1 or more"),
        ({"minutes": 0}, "minutes = 0: expected more than 0"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_kept(train_side, tmp_path, call, told):
    with pytest.raises(UsageError, match=told):
        encore.tune(train_side, **{"what": "ease", "out": tmp_path / "t", **call})
    assert not (tmp_path / "t").exists()


def test_without_optuna_the_extra_is_named(train_side, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=re.escape("pip install 'encore-music[tune]'")):
        encore.tune(train_side, "ease")
