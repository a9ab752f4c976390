"""A bundle is the model again, is refused where it is damaged, and can leave listeners out."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import safetensors

from encore import (
    Dataset,
    IntegrityError,
    Recommender,
    Rules,
    TrainConfig,
    evaluate,
    load,
    split,
    train,
)
from encore.folder import MANIFEST
from encore.models import bundle as bundles
from encore.models.channels import CHANNELS
from encore.models.network_rank import NETWORK
from encore.recommend.fold_in import FOLDED_IN, POPULAR

NEW = "a new listener"


@pytest.fixture(scope="module")
def saved(small_model: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "bundle"
    small_model.save(path)
    return path


@pytest.fixture(scope="module")
def without_listeners(small_model: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("without") / "bundle"
    small_model.save(path, listeners=False)
    return path


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "bundle"))


def files_of(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file())


def some_history(data: Dataset) -> dict[str, float]:
    return dict(data.plays.head(9).select("track_id", "plays").iter_rows())


def lists(model: Recommender, data: Dataset) -> list[dict]:
    """What the model answers to everybody known, to a history, and to nobody."""
    asked = [model.recommend(user_id) for user_id in data.listeners["user_id"]]
    asked += [model.recommend(history=some_history(data)), model.recommend(NEW)]
    return [found.to_json() for found in asked]


def test_loaded_it_recommends_and_predicts_the_same(
    small_model: Recommender, saved: Path, small_world: Dataset
) -> None:
    again = load(saved)
    assert lists(again, small_world) == lists(small_model, small_world)
    for user_id in [*small_world.listeners["user_id"][:5], NEW]:
        for track_id in [*small_world.tracks["track_id"][:5], "a new track"]:
            expected = small_model.predict_interval(user_id, track_id)
            assert again.predict_interval(user_id, track_id) == expected
            assert again.predict(user_id, track_id) == small_model.predict(user_id, track_id)
    assert again.bundle.config == small_model.bundle.config
    assert again.bundle.choice == small_model.bundle.choice
    assert again.bundle.facts == small_model.bundle.facts
    assert again.bundle.card == small_model.bundle.card != ""


def test_saved_again_it_is_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    load(saved).save(tmp_path / "again")
    assert [f.relative_to(saved) for f in files_of(saved)] == [
        f.relative_to(tmp_path / "again") for f in files_of(tmp_path / "again")
    ]
    for file in files_of(saved):
        assert file.read_bytes() == (tmp_path / "again" / file.relative_to(saved)).read_bytes()


def test_one_flipped_byte_in_any_file_is_refused_by_name(copied: Path) -> None:
    flipped = 0
    for file in files_of(copied):
        whole = file.read_bytes()
        for position in {0, len(whole) // 3, len(whole) // 2, len(whole) - 1}:
            for bit in (0x01, 0x80):
                damaged = bytearray(whole)
                damaged[position] ^= bit
                file.write_bytes(damaged)
                with pytest.raises(IntegrityError) as refused:
                    load(copied)
                assert str(file) in str(refused.value)
                flipped += 1
        file.write_bytes(whole)
    load(copied)
    assert flipped >= 8 * 10


def test_a_file_cut_short_or_grown_is_refused_by_name(copied: Path) -> None:
    for file in files_of(copied):
        whole = file.read_bytes()
        for damaged in (whole[:-1], b"", whole + b"\n"):
            file.write_bytes(damaged)
            with pytest.raises(IntegrityError) as refused:
                load(copied)
            assert str(file) in str(refused.value)
        file.write_bytes(whole)


def test_a_missing_file_is_named(copied: Path) -> None:
    needed = [file for file in files_of(copied) if file.parent.name != "listeners"]
    assert len(needed) > 8
    for file in needed:
        whole = file.read_bytes()
        file.unlink()
        with pytest.raises(IntegrityError) as refused:
            load(copied)
        assert str(file) in str(refused.value)
        file.write_bytes(whole)


def test_a_foreign_schema_version_is_refused(
    small_model: Recommender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(bundles, "VERSION", bundles.VERSION + 1)
        small_model.save(tmp_path / "bundle")
    with pytest.raises(IntegrityError, match=rf"{MANIFEST}: schema version 3.*reads 1 and 2"):
        load(tmp_path / "bundle")


def test_a_bundle_is_replaced_whole(saved: Path, without_listeners: Path, tmp_path: Path) -> None:
    load(saved).save(tmp_path / "bundle")
    load(saved).save(tmp_path / "bundle", listeners=False)
    names = [f.relative_to(tmp_path / "bundle") for f in files_of(tmp_path / "bundle")]
    assert names == [f.relative_to(without_listeners) for f in files_of(without_listeners)]
    assert [entry.name for entry in tmp_path.iterdir()] == ["bundle"]


# Listeners left out or erased


def asking_nobody(model: Recommender) -> Recommender:
    """The model without the channels that score from other listeners' histories."""
    names = [name for name in model.bundle.choice.weights if name == NETWORK]
    names += [name for name in model.bundle.scorers.channels if not CHANNELS[name].asks_others]
    return Recommender(dataclasses.replace(model.bundle, choice=model.bundle.choice.of(names)))


def served_without_listeners(model: Recommender, whole: Recommender, data: Dataset) -> None:
    """Everybody is new, and a history brought along is answered as the whole model answers it.

    But for the channels that ask other listeners: there are none to ask.
    """
    whole = asking_nobody(whole)
    known = data.plays["user_id"][0]
    assert model.recommend(known).answer == POPULAR
    assert len(model.recommend(known).slots) == 10
    assert np.isfinite(model.predict(known, data.plays["track_id"][0]))
    folded = model.recommend(history=some_history(data))
    assert folded.answer == FOLDED_IN
    assert folded == whole.recommend(history=some_history(data))
    assert model.recommend(NEW) == whole.recommend(NEW)


def test_without_listeners_everybody_is_new_and_served(
    small_model: Recommender, without_listeners: Path, small_world: Dataset
) -> None:
    served_without_listeners(load(without_listeners), small_model, small_world)


def test_erased_listeners_are_new_and_served(
    small_model: Recommender, copied: Path, small_world: Dataset
) -> None:
    shutil.rmtree(copied / "listeners")
    served_without_listeners(load(copied), small_model, small_world)


def test_without_listeners_the_rules_work_as_with_them(
    small_model: Recommender, without_listeners: Path, small_world: Dataset
) -> None:
    history = some_history(small_world)
    rules = Rules(popularity_weight=2.0)
    small_model = asking_nobody(small_model)
    whole = small_model.recommend(history=history, rules=rules)
    assert whole.slots != small_model.recommend(history=history).slots
    assert load(without_listeners).recommend(history=history, rules=rules) == whole


def test_without_listeners_it_can_be_saved_again_unchanged(
    without_listeners: Path, tmp_path: Path
) -> None:
    load(without_listeners).save(tmp_path / "again", listeners=False)
    for file in files_of(without_listeners):
        again = tmp_path / "again" / file.relative_to(without_listeners)
        assert again.read_bytes() == file.read_bytes(), file.name


@pytest.mark.parametrize("name", ["friends.parquet", "listeners.npz", "listeners.parquet"])
def test_a_part_of_the_listeners_missing_is_named_or_done_without(
    copied: Path, small_world: Dataset, name: str
) -> None:
    (copied / "listeners" / name).unlink()
    try:
        found = len(load(copied).recommend(small_world.plays["user_id"][0]).slots)
    except IntegrityError as refused:
        found = str(refused)
    assert found == 10 or f"listeners/{name}" in found


def everything_in(path: Path) -> str:
    """The folder's bytes, and in plain letters what its Parquet, npz and safetensors hold."""
    said = [path.as_posix()]
    for file in files_of(path):
        said += [file.name, file.read_bytes().decode("latin-1")]
        if file.suffix == ".parquet":
            said.append(pl.read_parquet(file).write_json())
        elif file.suffix == ".npz":
            with np.load(file, allow_pickle=False) as arrays:
                said += [f"{key} {arrays[key].tolist()}" for key in arrays.files]
        elif file.suffix == ".safetensors":
            with safetensors.safe_open(file, "np") as tensors:
                names = tensors.keys()
                said += [f"{name} {tensors.get_tensor(name).shape}" for name in names]
    return "\n".join(said)


def test_without_listeners_no_listener_is_in_it_even_after_an_evaluation(
    small_config: TrainConfig, small_world: Dataset, saved: Path, tmp_path: Path
) -> None:
    model = train(split(small_world)[0], small_config)
    evaluate(model, split(small_world)[1]).report(tmp_path / "run")
    model.save(tmp_path / "bundle", listeners=False)
    ids = small_world.listeners["user_id"].to_list()
    with_them, without = everything_in(saved), everything_in(tmp_path / "bundle")
    assert all(user_id in with_them for user_id in ids)
    assert [user_id for user_id in ids if user_id in without] == []


def test_without_listeners_no_array_has_a_row_for_each_of_them(
    without_listeners: Path, small_world: Dataset
) -> None:
    rows = {small_world.listeners.height, small_world.listeners.height + 1}
    for file in files_of(without_listeners):
        if file.suffix == ".npz":
            with np.load(file, allow_pickle=False) as arrays:
                assert not [key for key in arrays.files if rows & set(arrays[key].shape)]
        elif file.suffix == ".safetensors":
            with safetensors.safe_open(file, "np") as tensors:
                names = tensors.keys()
                shapes = {name: tensors.get_tensor(name).shape for name in names}
            assert shapes["user_embedding.weight"][0] == 1
            assert not [key for key, shape in shapes.items() if rows & set(shape)]


# The form


def test_there_is_no_pickle_in_it(saved: Path) -> None:
    suffixes = {file.suffix for file in files_of(saved)}
    assert suffixes == {".json", ".md", ".npz", ".parquet", ".safetensors"}
    for file in files_of(saved):
        if file.suffix == ".npz":
            with np.load(file, allow_pickle=False) as arrays:
                assert all(not arrays[key].dtype.hasobject for key in arrays.files)


def test_the_manifest_names_every_other_file(saved: Path) -> None:
    manifest = json.loads((saved / MANIFEST).read_text("utf-8"))
    names = {file.relative_to(saved).as_posix() for file in files_of(saved)}
    assert set(manifest["files"]) == names - {MANIFEST}
    assert (manifest["kind"], manifest["schema_version"]) == ("bundle", 2)
