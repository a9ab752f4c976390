"""A run's page tells how far it is, as long as it goes on, and how it ended where it did not."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from encore import TrainConfig
from encore.errors import InputError
from encore.models.epochs import REFIT, Epoch
from encore.reports import unfinished
from encore.reports.live import SHARE, LiveReport
from encore.reports.report import write_report

REFRESH = '<meta http-equiv="refresh" content="2">'
CONFIG = TrainConfig(max_epochs=100, early_stopping_patience=100)
FACTS = {
    "title": "a world <here>",
    "config": CONFIG.model_dump(mode="json"),
    "split": {"seed": 3},
    "resume": "encore train D --out B --resume",
}


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def epoch(number: int, *, best: bool = True, **more: Any) -> Epoch:
    return Epoch(number, 2 / number, 1.0, 1.0, 1e-3, 1000.0, 1.0, 0.8, 0.1, 0.5, 0.2, best, **more)


def refitted(number: int) -> Epoch:
    return Epoch(number, 1.5, 1.0, 1.0, 1e-3, 1000.0, phase=REFIT)


def told(run: Path) -> list[tuple[str, int]]:
    lines = (run / "history.jsonl").read_text().splitlines()
    return [(row["phase"], row["epoch"]) for row in map(json.loads, lines)]


def page(run: Path) -> str:
    return (run / "report.html").read_text()


def results(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / "results.json").read_text()))


def test_the_folder_is_there_before_the_first_epoch(tmp_path: Path) -> None:
    said: list[str] = []
    with LiveReport(tmp_path / "run", FACTS, say=said.append):
        assert results(tmp_path / "run") == {**FACTS, "status": "training"}
        assert told(tmp_path / "run") == []
        assert REFRESH in page(tmp_path / "run")
        assert "preparing the first epoch; written" in page(tmp_path / "run")
        assert "a world &lt;here&gt;" in page(tmp_path / "run")
    assert said == [f"watch: {(tmp_path / 'run/report.html').as_uri()}"]


def test_each_epoch_is_in_the_history_and_on_the_page(tmp_path: Path) -> None:
    clock, heard = Clock(), []
    with LiveReport(tmp_path, FACTS, on_epoch=heard.append, clock=clock) as live:
        for number in (1, 2, 3):
            clock.now += 60
            live.epoch(epoch(number, best=number < 3))
            assert [row["epoch"] for row in map(asdict, heard)] == list(range(1, number + 1))
            assert told(tmp_path) == [("try-out", i) for i in range(1, number + 1)]
            assert REFRESH in page(tmp_path)
            assert re.search(
                rf"training: epoch {number} of at most 100; written \d\d:\d\d:\d\d UTC",
                page(tmp_path),
            )
            headings = re.findall("<h2>(.*?)</h2>", page(tmp_path))
            assert headings == ["In training", "Training", "How it was made"]
        assert "The best so far is epoch 2; without a better one, 97 more." in page(tmp_path)
        live.say("discovery: ranking")
        assert "discovery: ranking; written" in page(tmp_path)
        live.epoch(refitted(1))
        assert "fitting again on all rows: epoch 1 of 2; written" in page(tmp_path)
        live.done({"chosen": {"list": "blend"}})
    assert set(results(tmp_path)) == {"title", "config", "split", "chosen"}
    assert REFRESH not in page(tmp_path)
    assert "Not finished" not in page(tmp_path)
    assert told(tmp_path) == [("try-out", 1), ("try-out", 2), ("try-out", 3), ("refit", 1)]


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (KeyboardInterrupt(), "interrupted", "The run was interrupted at "),
        (InputError("no <rows>"), "failed", "UTC: no &lt;rows&gt;"),
        (ZeroDivisionError(), "failed", "UTC: ZeroDivisionError"),
    ],
)
def test_a_run_that_stops_says_so_and_how_to_go_on(
    tmp_path: Path, error: BaseException, status: str, sentence: str
) -> None:
    (tmp_path / "checkpoint").mkdir()

    def stopped() -> None:
        with LiveReport(tmp_path, FACTS) as live:
            live.epoch(epoch(1))
            live.epoch(epoch(2))
            raise error

    with pytest.raises(type(error)):
        stopped()
    assert results(tmp_path)["status"] == status
    for _ in range(2):  # as it was left, and as `encore report` makes it again
        assert REFRESH not in page(tmp_path)
        assert sentence in page(tmp_path)
        assert "It had come to this: training: epoch 2 of at most 100." in page(tmp_path)
        assert "To go on after its last epoch: encore train D --out B --resume" in page(tmp_path)
        assert "data:image/svg+xml" in page(tmp_path)
        write_report(tmp_path)
    (tmp_path / "checkpoint").rmdir()
    write_report(tmp_path)
    assert "To begin anew, give the same command again." in page(tmp_path)


def test_what_was_finished_is_not_called_a_failure(tmp_path: Path) -> None:
    def failing_late() -> None:
        with LiveReport(tmp_path, FACTS):
            (tmp_path / "results.json").write_text('{"title": "whole"}')
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        failing_late()
    assert results(tmp_path) == {"title": "whole"}
    assert REFRESH not in page(tmp_path)


def test_a_run_killed_in_the_middle_of_a_line_is_readable(tmp_path: Path) -> None:
    live = LiveReport(tmp_path, FACTS)
    live.__enter__()
    live.epoch(epoch(1))
    live.epoch(epoch(2))
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write('{"epoch": 3, "tra')
    write_report(tmp_path)
    assert REFRESH not in page(tmp_path)
    assert "The training did not finish: it last wrote at 2" in page(tmp_path)
    assert "epoch 2 of at most 100" in page(tmp_path)


def test_a_resumed_run_has_each_epoch_once(tmp_path: Path) -> None:
    with LiveReport(tmp_path, FACTS) as live:
        for one in (epoch(1), epoch(2), epoch(3), refitted(1)):
            live.epoch(one)
    with LiveReport(tmp_path, FACTS, resumed=True) as live:
        before = [("try-out", 1), ("try-out", 2), ("try-out", 3)]
        assert told(tmp_path) == before, "a refit begins anew"
        for one in (epoch(1), epoch(2), epoch(3)):
            live.epoch(one)
            assert told(tmp_path) == before
            assert "training: epoch 3 of at most 100" in page(tmp_path)
        live.epoch(epoch(4))
        live.epoch(refitted(1))
        assert told(tmp_path) == [*before, ("try-out", 4), ("refit", 1)]
    with LiveReport(tmp_path, FACTS):
        assert told(tmp_path) == []


@pytest.mark.parametrize("seconds", [0.1, 1.0, 30.0])
def test_drawing_takes_a_tenth_of_the_time_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    clock, cost = Clock(), 0.5

    def drawn(_results: object, sentences: list[str], _training: object, *, live: bool) -> str:
        clock.now += cost
        return f"{live} {sentences}"

    monkeypatch.setattr(unfinished, "unfinished_page", drawn)
    monkeypatch.setattr("encore.reports.live.training_section", lambda _: None)
    with LiveReport(tmp_path, FACTS, clock=clock) as live:
        for number in range(1, 101):
            clock.now += seconds
            live.epoch(epoch(number))
        assert "epoch 100 of at most 100" in page(tmp_path), "the last is drawn in any case"
    anyway = 3  # the start, the first epoch, the last
    assert live.drawings <= anyway + SHARE * clock.now / cost
    assert live.drawings >= min(101, SHARE * clock.now / cost - 1)
