"""A training that is watched: in a terminal, in TensorBoard, in the browser while it is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from encore import TrainConfig, pipeline, protocol
from encore.cli import show
from encore.cli.watching import sparkline, watching
from encore.data.dataset import Dataset
from encore.errors import InputError
from encore.models.epochs import REFIT, Epoch
from encore.reports.events import SCALARS
from encore.reports.live import LiveReport

REFRESH = 'http-equiv="refresh"'
FEW = TrainConfig(max_epochs=20, early_stopping_patience=5)


def epochs(count: int) -> list[Epoch]:
    return [
        Epoch(i, 3.0 / i, 1.0, 1.0, 1e-3, 5000.0 + i, 2.0, 0.8, 0.1, 0.5, 0.1 * i, best=i <= 2)
        for i in range(1, count + 1)
    ]


def shown_to(console: Console, told: list[Epoch]) -> str:
    with watching(FEW, console) as on_epoch:
        for epoch in told:
            on_epoch(epoch)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_terminal_shows_curves_under_the_lines() -> None:
    console = Console(force_terminal=True, file=StringIO(), width=120)
    text = shown_to(console, epochs(4))
    for name in ("training loss", "validation loss", "NDCG@10", "learning rate", "samples/s"):
        assert name in text
    assert "█▃▂▁" in text, "losses of 3, 1.5, 1 and 0.75"
    assert "▁▃▆█" in text, "NDCG of 0.1, 0.2, 0.3, 0.4"
    assert "epoch 4 of at most 20, best 2, 3 left without a better one" in text
    assert text.count("samples/s  best") == 2, "the lines of the epochs stay"


def test_the_second_pass_has_curves_of_its_own() -> None:
    console = Console(force_terminal=True, file=StringIO(), width=120)
    again = [
        replace(e, phase=REFIT, val_loss=None, val_ndcg=None, best=False, train_loss=e.train_loss)
        for e in epochs(2)
    ]
    text = shown_to(console, [*epochs(4), *again])
    last = text[text.rindex("training loss") :]
    assert "fitting again on all rows: epoch 2" in last
    assert "validation loss" not in last
    assert "█▁" in last


def test_where_nobody_watches_there_are_lines_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=StringIO(), width=200)
    monkeypatch.setattr(show, "err", console)
    with watching(FEW) as on_epoch:
        for epoch in epochs(2):
            on_epoch(epoch)
    assert isinstance(console.file, StringIO)
    lines = console.file.getvalue().splitlines()
    assert [line.split()[:2] for line in lines] == [["epoch", "1"], ["epoch", "2"]]


def test_a_long_curve_is_as_wide_as_a_short_one() -> None:
    assert sparkline(range(1000), 8) == "▁▂▃▄▅▆▇█"
    assert len(sparkline(range(41))) == 40


# TensorBoard


def test_event_files_hold_what_the_history_holds(
    tmp_path: Path, small_world: Dataset, small_config: TrainConfig
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    facts = {"title": "w", **pipeline.known(small_world, small_config)}
    with LiveReport(tmp_path, facts, tensorboard=True) as live:
        pipeline.train(small_world, small_config, say=live.say, on_epoch=live.epoch)
    history = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    for phase in ("try-out", "refit"):
        read = EventAccumulator(str(tmp_path / "tensorboard" / phase))
        read.Reload()
        rows = [row for row in history if row["phase"] == phase]
        names = {name for key, name in SCALARS.items() if rows[0][key] is not None}
        assert set(read.Tags()["scalars"]) == names
        for key, name in SCALARS.items():
            found = [(one.step, one.value) for one in read.Scalars(name)] if name in names else []
            wanted = [(row["epoch"], row[key]) for row in rows if row[key] is not None]
            assert [step for step, _ in found] == [step for step, _ in wanted]
            assert [x for _, x in found] == pytest.approx([x for _, x in wanted], rel=1e-6)
        text = read.Tensors("hparams/text_summary")[0].tensor_proto.string_val[0].decode()
        assert f"| embedding_dim | {small_config.embedding_dim} |" in text


def test_without_tensorboard_the_extra_is_named_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match=r"encore-music\[tensorboard\]"):
        LiveReport(tmp_path / "run", {}, tensorboard=True)
    assert not (tmp_path / "run").exists()


# A run


def test_a_run_keeps_each_trainings_epochs_in_its_own_folder(
    tmp_path: Path, small_world: Dataset, small_config: TrainConfig
) -> None:
    pages: dict[str, str] = {}

    def say(words: str) -> None:
        pages[words] = (tmp_path / "report.html").read_text() if pages else ""

    asked = protocol.Protocol(kinds=("main", "cold_track"))
    config = small_config.replaced(max_epochs=2)
    protocol.run_seed(small_world, tmp_path, config, asked, "a world", say=say)
    for folder in (tmp_path, tmp_path / "cold-tracks"):
        text, facts = (folder / "report.html").read_text(), (folder / "results.json").read_text()
        assert REFRESH not in text
        assert "status" not in json.loads(facts)
        history = (folder / "history.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in history]
        assert [row["epoch"] for row in rows if row["phase"] == "try-out"] == [1, 2]
        assert {row["phase"] for row in rows} == {"try-out", "refit"}
    during = [text for words, text in pages.items() if words.startswith("watch:")][-1]
    assert REFRESH in during
    assert "a training of its own: cold-tracks/report.html; written" in during


def test_an_interrupted_run_leaves_its_epochs(
    tmp_path: Path, small_world: Dataset, small_config: TrainConfig
) -> None:
    def interrupt(epoch: Epoch) -> None:
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        protocol.run_seed(
            small_world,
            tmp_path,
            small_config,
            protocol.Protocol(kinds=("main",)),
            "a world",
            say=lambda _: None,
            on_epoch=interrupt,
        )
    facts = json.loads((tmp_path / "results.json").read_text())
    assert facts["status"] == "interrupted"
    assert facts["split"]["held_out"] == 0.2
    assert facts["data"]["listeners"] == small_world.listeners.height
    text = (tmp_path / "report.html").read_text()
    assert REFRESH not in text
    assert "It had come to this: training: epoch 2 of at most 3." in text


# A process that is killed

SETTINGS = """
embedding_dim = 8
hidden_layers = [16, 8]
batch_size = 16
max_epochs = 30
early_stopping_patience = 30
negatives = 32
neighbours = 20
ranker_folds = 1
"""


def encore(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", "from encore.cli import main; main()", *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )


def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not come to pass"
        time.sleep(0.01)


def test_a_killed_training_is_watched_reported_and_resumed(
    tmp_path: Path, small_world: Dataset
) -> None:
    small_world.save(tmp_path / "data")
    (tmp_path / "encore.toml").write_text(SETTINGS)
    run = tmp_path / "bundle.training"
    train = ("train", "data", "--out", "bundle")

    def lines() -> int:
        file = run / "history.jsonl"
        return file.read_text().count("\n") if file.exists() else 0

    def page() -> str:
        return (run / "report.html").read_text()

    training = encore(tmp_path, *train)
    until(lambda: lines() >= 1)
    until(lambda: "training: epoch 1 of at most 30; written" in page(), seconds=5)
    assert REFRESH in page()
    assert "data:image/svg+xml" in page()
    until(lambda: lines() >= 2)
    training.send_signal(signal.SIGKILL)
    _, told = training.communicate()
    assert f"watch: {(run / 'report.html').as_uri()}" in told
    assert not (tmp_path / "bundle").exists()
    done = lines()
    assert 2 <= done < 30

    report = encore(tmp_path, "report", "bundle.training")
    report.communicate()
    assert report.returncode == 0
    assert REFRESH not in page()
    assert "The training did not finish: it last wrote at " in page()
    assert f"training: epoch {done} of at most 30" in page()
    assert "encore train data --out bundle --resume" in page()

    resumed = encore(tmp_path, *train, "--resume")
    _, told = resumed.communicate()
    assert resumed.returncode == 0, told
    rows = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    tried = [row["epoch"] for row in rows if row["phase"] == "try-out"]
    assert tried == list(range(1, 31))
    assert rows[-1]["phase"] == "refit"
    assert REFRESH not in page()
    assert "Not finished" not in page()
    assert not (run / "checkpoint").exists()
    assert (tmp_path / "bundle").is_dir()
