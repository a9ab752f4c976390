"""Lists for all: in parts, whole after an interruption, the same as each alone."""

from pathlib import Path

import polars as pl
import pytest

from encore.data.vocabulary import Indices
from encore.recommend import batch
from encore.recommend.batch import Task, lists_of_all
from encore.recommend.recommender import Recommender
from encore.recommend.rules import Ranked, Rules

RULES = Rules(per_artist=1)


@pytest.fixture
def saved(small_model: Recommender, tmp_path: Path) -> Path:
    small_model.save(tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "LISTENERS_A_PART", 7)
    monkeypatch.setattr(batch, "LISTENERS_AT_ONCE", 3)


def lists(model: Recommender, bundle: Path, output: Path, rules: Rules = RULES) -> pl.DataFrame:
    with lists_of_all(model, Task.of(bundle, rules, 4), rules, output) as rows:
        return rows.collect()


def test_each_listener_has_the_list_that_they_have_alone(
    small_model: Recommender, saved: Path, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    output = tmp_path / "all.parquet"
    task = Task.of(saved, RULES, 4)
    with lists_of_all(small_model, task, RULES, output, lambda *at: told.append(at)) as rows:
        found = rows.collect()
    heard = small_model.bundle.features.heard_U.sum()
    assert found["user_id"].n_unique() == heard
    assert told[0] == (7, heard)
    assert told[-1] == (heard, heard)
    for (user,), rows_of_user in found.group_by("user_id"):
        alone = small_model.recommend(str(user), 4, rules=RULES)
        assert rows_of_user["track_id"].to_list() == [slot.track_id for slot in alone.slots]
        assert rows_of_user["rank"].to_list() == [1, 2, 3, 4][: len(alone.slots)]
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_what_was_interrupted_goes_on_where_it_was(
    small_model: Recommender, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = lists(small_model, saved, tmp_path / "whole.parquet")
    asked: list[int] = []
    of_some = small_model.lists

    def counting(user_B: Indices, n: int, rules: Rules) -> list[Ranked]:
        asked.extend(user_B)
        if len(asked) == fails_at:
            raise KeyboardInterrupt
        return of_some(user_B, n, rules)

    monkeypatch.setattr(small_model, "lists", counting)
    fails_at = 17  # in the third part of seven listeners
    with pytest.raises(KeyboardInterrupt):
        lists(small_model, saved, tmp_path / "a.parquet")
    done = set(asked[:14])
    fails_at = 0
    asked.clear()
    assert lists(small_model, saved, tmp_path / "a.parquet").equals(whole)
    assert done.isdisjoint(asked)


def test_parts_of_another_task_are_thrown_away(
    small_model: Recommender, saved: Path, tmp_path: Path
) -> None:
    output = tmp_path / "a.parquet"
    with (
        pytest.raises(ZeroDivisionError),
        lists_of_all(small_model, Task.of(saved, RULES, 4), RULES, output),
    ):
        raise ZeroDivisionError
    assert (tmp_path / ".a.parquet.parts").is_dir()  # whoever could not write may try again
    plain = Rules.plain()
    assert lists(small_model, saved, output, plain).equals(
        lists(small_model, saved, tmp_path / "b.parquet", plain)
    )
