"""A channel of one's own: registered, fitted, weighed, saved and loaded like the built-in ones."""

import ast
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pytest

import encore
from encore import Dataset, InputError, TrainConfig, UsageError
from encore.evaluation.names import CHANCE, ENCORE, ENCORE_LIST, NETWORK_PLAYS
from encore.folder import MANIFEST
from encore.models.channels import CHANNELS, TAKEN, ItemKnn, Popularity, fit_channels
from encore.models.ensemble import BLEND
from encore.models.inputs import Inputs
from encore.models.network_rank import NETWORK
from encore.testing import check_channel, example_inputs

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/own_channel.py"


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """What a test registers is gone after it."""
    before = dict(CHANNELS)
    yield
    CHANNELS.clear()
    CHANNELS.update(before)


class Loud(encore.Channel):
    """Plays of a track by everybody, and the listener's own; with a setting that it keeps."""

    name: ClassVar[str] = "loud"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.plays_T = np.zeros(0, np.float32)

    @classmethod
    def of(cls, config: TrainConfig) -> Self:
        return cls(config.seed)

    def fit(self, inputs: Inputs) -> Self:
        self.plays_T = np.log1p(inputs.plays_UT.sum(axis=0)).astype(np.float32)
        return self

    def score(self, history_BT: Any) -> Any:
        return history_BT.toarray() + self.plays_T


def named(name: Any) -> type[Loud]:
    return type("Named", (Loud,), {"name": name})


# What the contract gives to who inherits it


def test_three_parts_are_enough_for_every_law() -> None:
    check_channel(Loud)


def test_the_defaults_keep_the_attributes_numbers_included() -> None:
    channel = Loud(seed=7).fit(example_inputs())
    kept = channel.arrays()
    assert kept.keys() == {"seed", "plays_T"}
    again = Loud.from_arrays(kept, example_inputs())
    assert again.seed == 7
    assert isinstance(again.seed, int)
    assert np.array_equal(again.plays_T, channel.plays_T)
    history = example_inputs().plays_UT[[1]]
    nothing_NH = channel.attribute(history, np.array([5, 7]))
    assert nothing_NH.shape == (2, len(history.indices))
    assert not nothing_NH.any()
    assert (Loud.needs, Loud.asks_others) == ("plays", False)


def test_what_the_defaults_cannot_keep_is_named_with_the_remedy() -> None:
    channel = Loud().fit(example_inputs())
    channel.rows = [1, 2]
    with pytest.raises(UsageError, match=r"'loud': its rows is a list: .*write arrays and from_a"):
        channel.arrays()


# Registering


def test_registered_it_is_fitted_where_the_settings_name_it() -> None:
    with pytest.raises(InputError, match=r"channels: 'loud' is none of popularity.*encore\.regis"):
        fit_channels(TrainConfig(channels=("loud",)), example_inputs())
    assert encore.register(Loud) is Loud
    found = fit_channels(TrainConfig(channels=("item-knn", "loud"), seed=5), example_inputs())
    assert [*found] == ["popularity", "item-knn", "loud"]
    assert isinstance(found["loud"], Loud)
    assert found["loud"].seed == 5


def test_a_channel_need_not_inherit_anything() -> None:
    given = {"needs": "plays", "asks_others": False, "same_for_all": False, "vectors": None}
    own = type("Own", (), {**vars(ItemKnn), **given, "name": "own"})
    encore.register(own)
    assert [*fit_channels(TrainConfig(channels=("own",)), example_inputs())] == [
        "popularity",
        "own",
    ]


def test_a_class_defined_anew_takes_its_old_place_and_another_does_not() -> None:
    encore.register(Loud)
    again = type("Loud", (Loud,), {"__module__": Loud.__module__})
    assert CHANNELS[encore.register(again).name] is again
    with pytest.raises(UsageError, match=r"^Named: name = 'loud' is taken by .*Loud; choose ano"):
        encore.register(named("loud"))
    with pytest.raises(UsageError, match=r"'popularity' is taken by .*popularity\.Popularity"):
        encore.register(named("popularity"))
    assert CHANNELS["popularity"] is Popularity


def test_the_names_of_other_scorers_and_rows_are_taken() -> None:
    assert set(TAKEN) == {NETWORK, NETWORK_PLAYS, BLEND, ENCORE, ENCORE_LIST, CHANCE}
    for name in TAKEN:
        with pytest.raises(UsageError, match=f"'{name}' is taken by encore itself"):
            encore.register(named(name))


@pytest.mark.parametrize(
    "name",
    ["", "Loud", "my channel", "../loud", "a/b", "a--b", "-a", "9", "loud\n", "häh", 3, None],
)
def test_a_name_of_odd_characters_is_refused(name: Any) -> None:
    with pytest.raises(UsageError, match=r"^Named: name = .*: expected small letters"):
        encore.register(named(name))


@pytest.mark.parametrize("part", ["name", "fit", "score"])
def test_a_class_that_lacks_a_part_is_told_which(part: str) -> None:
    parts = {key: value for key, value in vars(Loud).items() if key != part}
    lacking = type("Lacking", (encore.Channel,), parts)
    with pytest.raises(UsageError, match=f"^Lacking lacks {part}: "):
        encore.register(lacking)


def test_what_is_no_channel_is_refused() -> None:
    with pytest.raises(UsageError, match="is no class"):
        encore.register(Loud())  # type: ignore[type-var]
    with pytest.raises(UsageError, match="int lacks name"):
        encore.register(int)  # type: ignore[type-var]
    with pytest.raises(UsageError, match="needs = 'luck': expected one of plays, content, friends"):
        encore.register(type("Odd", (Loud,), {"needs": "luck"}))


# In a model


def test_the_blend_weighs_it_and_a_bundle_brings_it_back(
    small_world: Dataset, small_config: TrainConfig, tmp_path: Path
) -> None:
    encore.register(Loud)
    model = encore.train(small_world, small_config.replaced(channels=("loud",), seed=4))
    assert "loud" in model.bundle.choice.weights
    model.save(tmp_path / "bundle")
    again = encore.load(tmp_path / "bundle")
    asked = small_world.plays["user_id"][0]
    assert again.recommend(asked) == model.recommend(asked)
    assert again.bundle.scorers.channels["loud"].seed == 4
    again.save(tmp_path / "again")
    for name in ("channels/loud.npz", MANIFEST):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "bundle" / name).read_bytes()
    with (tmp_path / "bundle/channels/loud.npz").open("ab") as file:
        file.write(b"\n")
    with pytest.raises(encore.IntegrityError, match=r"loud\.npz"):
        encore.load(tmp_path / "bundle")


def test_a_bundle_whose_channel_is_not_registered_says_what_to_do(
    small_world: Dataset, small_config: TrainConfig, tmp_path: Path
) -> None:
    encore.register(Loud)
    encore.train(small_world, small_config.replaced(channels=("loud",))).save(tmp_path / "bundle")
    del CHANNELS["loud"]
    with pytest.raises(
        InputError, match=r"'loud' is none of popularity.*import the module"
    ) as told:
        encore.load(tmp_path / "bundle")
    assert str(tmp_path / "bundle") in str(told.value)


# The example and the page


def test_the_example_runs_and_the_blend_uses_its_channel(
    capsys: pytest.CaptureFixture[str],
) -> None:
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    told = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert told.keys() == {"popularity", "content", "walk", "network-rank"}
    assert float(told["walk"]) > 0


def test_the_examples_channel_has_ten_lines() -> None:
    source = EXAMPLE.read_text("utf-8")
    (channel,) = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    channel.body = channel.body[1:]  # without its docstring, and its methods' own
    for part in channel.body:
        if isinstance(part, ast.FunctionDef):
            part.body = part.body[1:]
    assert len(ast.unparse(channel).replace("\n\n", "\n").splitlines()) <= 10


def test_the_pages_channel_is_the_examples_and_runs() -> None:
    page = (ROOT / "docs/models.md").read_text("utf-8")
    every = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (code,) = (code for code in every if "@encore.register" in code)
    found: dict[str, Any] = {"__name__": "page"}
    exec(compile(code, "docs/models.md", "exec"), found)  # noqa: S102
    example = EXAMPLE.read_text("utf-8")
    assert CHANNELS["walk"] is found["Walk"]
    assert all(line in example for line in code.split("check_channel(")[0].splitlines())
