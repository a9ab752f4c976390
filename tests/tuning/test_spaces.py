"""The declared spaces agree with the settings that exist and with the channels that read them."""

import pytest

from encore import TrainConfig
from encore.errors import InputError, UsageError
from encore.models.channels import CHANNELS
from encore.tuning.spaces import ALL, NETWORK, OF_TIMES, SPACES, Among, Range, space_of

EVERYWHERE = {"seed", "device"}  # settings that are nobody's own
EVERY = [(what, name) for what, space in SPACES.items() for name in space]


class Recording:
    """Settings that remember which of them were read."""

    def __init__(self):
        self.read = set()

    def __getattr__(self, name):
        value = getattr(TrainConfig(), name)
        self.read.add(name)
        return value


@pytest.mark.parametrize(("what", "name"), EVERY)
def test_every_name_is_a_setting_and_both_ends_are_allowed(what, name):
    assert name in TrainConfig.model_fields
    span = SPACES[what][name]
    ends = span.values if isinstance(span, Among) else (span.low, span.high)
    for value in ends:
        assert getattr(TrainConfig().replaced(**{name: value}), name) == value


@pytest.mark.parametrize(("what", "name"), EVERY)
def test_the_default_lies_within(what, name):
    span, default = SPACES[what][name], getattr(TrainConfig(), name)
    if isinstance(span, Range):
        assert span.low <= default <= span.high
        assert span.low < span.high
        assert isinstance(default, int) == span.whole
    else:
        assert default in span.values


@pytest.mark.parametrize("name", CHANNELS)
def test_every_setting_of_a_channel_has_a_space(name):
    config = Recording()
    CHANNELS[name].of(config)
    for setting in config.read - EVERYWHERE:
        assert setting in SPACES.get(name, {}), f"setting {setting} of {name} has no space"


def test_what_is_set_already_can_be_tried():
    assert Range(1.0, 10.0).holding(50.0) == Range(1.0, 50.0)
    assert Range(1.0, 10.0).holding(0.0) == Range(0.0, 10.0, log=False)
    # Unset cannot be written to a settings file: it stays only where it is what is set.
    assert Among((None, 7.0)).holding(None) == Among((None, 7.0))
    assert Among((None, 7.0)).holding(5.0) == Among((5.0, 7.0))


def test_all_is_the_fitted_channels_and_the_network():
    config = TrainConfig(channels=("als", "content"))
    space, here = space_of(ALL, config, dated=True)
    assert {*space} == {*SPACES["als"], *SPACES[NETWORK]} == {*here}
    assert not {*OF_TIMES} & {*space_of(ALL, TrainConfig(), dated=False)[0]}


def test_a_setting_is_searched_once():
    first, _ = space_of("item-knn", TrainConfig(), dated=True)
    assert {*space_of("user-knn", TrainConfig(), True, first)[0]} == {"user_neighbours"}
    with pytest.raises(UsageError, match="'item-knn': all its settings were tuned already"):
        space_of("item-knn", TrainConfig(), True, first)


@pytest.mark.parametrize(
    ("what", "error", "told"),
    [
        ("content", UsageError, "what 'content': has no settings; expected one of popularity, "),
        ("moon", UsageError, "what 'moon': expected one of popularity, "),
        ("popularity", InputError, "popularity_half_life_days needs plays with times"),
    ],
)
def test_what_cannot_be_tuned_is_refused(what, error, told):
    with pytest.raises(error, match=told):
        space_of(what, TrainConfig(), dated=False)
