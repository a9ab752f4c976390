"""`encore tune` as its users meet it; the library's own tests are beside it."""

import json
import subprocess
import sys

import polars as pl
import pytest

from encore import load
from encore.cli import main
from encore.data import split as splitting
from encore.data.dataset import Dataset


@pytest.fixture
def command(capsys, monkeypatch):
    """Run the command line; return (exit code, standard output, standard error)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["encore", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        code = 0
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code or 0
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err + shown.out
        return code, shown.out, shown.err

    return run


@pytest.fixture
def data(small_world, tmp_path):
    small_world.save(tmp_path / "data")
    return tmp_path / "data"


def trials_of(folder):
    trials = [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]
    return [{name: v for name, v in trial.items() if name != "seconds"} for trial in trials]


def test_it_tells_what_won_and_train_takes_it(command, data, tmp_path):
    tuning = tmp_path / "t"
    ask = ["tune", data, "--out", tuning, "--what", "ease", "--what", "als", "--trials", 5]
    code, out, err = command(*ask)
    assert code == 0
    assert "validation NDCG@10" in out
    assert str(tuning / "best.toml") in out
    assert err.count("ease ") >= 5
    code, out, _ = command(*ask, "--json")
    told = json.loads(out)
    assert [each["what"] for each in told["found"]] == ["ease", "als"]
    assert told["found"][1]["trials"]["complete"] == 5
    assert told["settings"]
    code, _, _ = command(
        *("train", data, "--out", tmp_path / "b", "--epochs", 1),
        *("--config", told["best"]),
    )
    assert code == 0
    config = load(tmp_path / "b").bundle.config
    assert {name: getattr(config, name) for name in told["settings"]} == told["settings"]


@pytest.mark.parametrize("by", ["listener", "last"])
def test_what_evaluate_will_hold_out_is_never_read(command, small_world, data, tmp_path, by):
    sides = splitting.split(small_world, by, 0.2, 4)
    held = sides.test.plays.select("user_id", "track_id")
    other = small_world.plays.join(
        held.with_columns(held=True), on=["user_id", "track_id"], how="left", maintain_order="left"
    ).with_columns(plays=pl.when("held").then(pl.col("plays") * 7 + 1).otherwise("plays"))
    corrupted = small_world.with_tables(plays=other.drop("held"))
    assert not corrupted.plays.equals(small_world.plays)
    corrupted.save(tmp_path / "corrupted")
    for name, place in (("clean", data), ("dirty", tmp_path / "corrupted")):
        code, _, _ = command(
            *("tune", place, "--out", tmp_path / name, "--seed", 4, "--by", by),
            *("--what", "item-knn", "--what", "hybrid", "--trials", 3),
        )
        assert code == 0
    assert trials_of(tmp_path / "clean") == trials_of(tmp_path / "dirty")
    manifests = [
        json.loads((tmp_path / n / "manifest.json").read_text()) for n in ("clean", "dirty")
    ]
    assert manifests[0] == manifests[1]


def test_the_training_side_is_evaluates(command, data, tmp_path):
    command("tune", data, "--out", tmp_path / "t", "--what", "ease", "--trials", 1, "--seed", 2)
    code, _, _ = command(
        *("evaluate", data, "--out", tmp_path / "run", "--seed", 2, "--board", "discovery"),
        *("--epochs", 1, "--config", tmp_path / "t/best.toml"),
    )
    assert code == 0
    from encore.tuning.keep import fingerprint

    told = json.loads((tmp_path / "t/manifest.json").read_text())
    assert told["data"] == fingerprint(Dataset.load(tmp_path / "run/2/train"))


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--what", "content"], 2, "what 'content': has no settings"),
        (["--trials", "0"], 2, "trials = 0"),
        (["--by", "moon"], 1, "split by 'moon'"),
        (["--recipe", "slow"], 2, "recipe 'slow'"),
    ],
)
def test_a_wrong_call_tells_what_and_exits(command, data, tmp_path, arguments, code, told):
    found, _, err = command("tune", data, "--out", tmp_path / "t", *arguments)
    assert (found, told in err) == (code, True)
    assert not (tmp_path / "t").exists()


def test_other_data_is_refused(command, small_world, data, tmp_path):
    ask = ["--out", tmp_path / "t", "--what", "ease", "--trials", 1]
    assert command("tune", data, *ask)[0] == 0
    small_world.with_tables(plays=small_world.plays[:-9]).save(tmp_path / "less")
    code, _, err = command("tune", tmp_path / "less", *ask)
    assert code == 1
    assert "was begun with other data" in err


def test_without_optuna_the_extra_is_named(command, data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    code, _, err = command("tune", data, "--out", tmp_path / "t")
    assert code == 1
    assert "pip install 'encore-music[tune]'" in err


def test_nothing_else_imports_optuna():
    code = "import encore.cli, encore.tuning, sys; sys.exit('optuna' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
