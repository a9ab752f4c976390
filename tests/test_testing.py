"""The laws of a channel catch channels that break one, and say which."""

# ruff: noqa: ARG003

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import encore
from encore import testing
from encore.config import TrainConfig
from encore.models.channels import Als, Channel, PersonalPopularity
from encore.models.inputs import Audience, Inputs
from encore.models.rows import Row, Whole
from encore.testing import LAWS, check_channel, example_inputs


class Counts(Channel):
    """What the listener plays, plus how many play it: a channel that keeps every law."""

    name = "counts"
    needs = "plays"
    asks_others = False

    def __init__(self) -> None:
        self.listeners_T = np.zeros(0, np.float32)

    @classmethod
    def of(cls, config: TrainConfig) -> "Counts":
        return cls()

    def fit(self, inputs: Inputs) -> "Counts":
        self.listeners_T = (inputs.plays_UT > 0).sum(axis=0).astype(np.float32)
        return self

    def fold_in(self, audience: Audience) -> Any:
        return audience.history_BT

    def score(self, folded: Any) -> Any:
        return (folded.toarray() + self.listeners_T).astype(np.float32)

    def attribute(self, history_1T: Any, tracks_N: Any) -> Any:
        own_NH = tracks_N[:, None] == history_1T.indices
        return (own_NH * history_1T.data).astype(np.float32)

    def arrays(self) -> dict[str, Any]:
        return {"listeners": self.listeners_T}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any], inputs: Inputs) -> "Counts":
        channel = cls()
        channel.listeners_T = arrays["listeners"]
        return channel


class OfNoKind(Counts):
    needs = "luck"


class ForgetsToReturn(Counts):
    def fit(self, inputs: Inputs) -> Any:
        super().fit(inputs)


class Transposed(Counts):
    def score(self, folded: Any) -> Any:
        return super().score(folded).T


class Doubles(Counts):
    def score(self, folded: Any) -> Any:
        return super().score(folded).astype(np.float64)


class DividesByTheHistory(Counts):
    def score(self, folded: Any) -> Any:
        with np.errstate(all="ignore"):
            shares = folded.toarray() / np.asarray(folded.sum(axis=1))[:, None]
        return shares.astype(np.float32)


class ChokesOnNothing(Counts):
    def attribute(self, history_1T: Any, tracks_N: Any) -> Any:
        return super().attribute(history_1T, tracks_N) / history_1T.data.max()


class KnowsItsListenersOnly(Counts):
    def fold_in(self, audience: Audience) -> Any:
        if not audience.user_B.any():
            raise KeyError("no such listener")
        return audience.history_BT


class MeasuresByTheBatch(Counts):
    def score(self, folded: Any) -> Any:
        scores = super().score(folded)
        return scores / max(scores.max(), 1)


class SortsItsListeners(Counts):
    def score(self, folded: Any) -> Any:
        scores = super().score(folded)
        return scores[np.argsort(-scores.sum(1))]


class CountsOneMore(Counts):
    def row(self, folded: Any) -> Row:
        scores_T = self.score(folded)[0]
        scores_T[4] += 1
        return Whole(scores_T)


class HandsOutItsOwn(Counts):
    def fold_in(self, audience: Audience) -> Any:
        return len(audience)

    def fit(self, inputs: Inputs) -> "Counts":
        super().fit(inputs)
        self.answer_BT = np.tile(self.listeners_T, (100, 1))
        return self

    def score(self, folded: Any) -> Any:
        return self.answer_BT[:folded]


class WritesOnItsInputs(Counts):
    def fit(self, inputs: Inputs) -> "Counts":
        inputs.plays_UT.data[:] = inputs.plays_UT.data > 0
        return super().fit(inputs)


class WritesOnTheHistory(Counts):
    def fold_in(self, audience: Audience) -> Any:
        audience.history_BT.data[:] = np.log1p(audience.history_BT.data)
        return audience.history_BT


class Dices(Counts):
    def fit(self, inputs: Inputs) -> "Counts":
        super().fit(inputs)
        self.listeners_T += np.random.default_rng().random(inputs.plays_UT.shape[1], np.float32)
        return self


class SavesObjects(Counts):
    def arrays(self) -> dict[str, Any]:
        return {"listeners": self.listeners_T, "notes": np.array([{}], object)}


class SavesHalf(Counts):
    def arrays(self) -> dict[str, Any]:
        return {"listeners": self.listeners_T.round(-1)}


class KeepsWhoPlayedHowMuch(Counts):
    def fit(self, inputs: Inputs) -> "Counts":
        self.plays_U = inputs.plays_UT.sum(axis=1)
        return super().fit(inputs)

    def arrays(self) -> dict[str, Any]:
        return {"listeners": self.listeners_T, "activity": self.plays_U}


class AsksOthersInSecret(Counts):
    @classmethod
    def from_arrays(cls, arrays: dict[str, Any], inputs: Inputs) -> "Counts":
        return cls().fit(inputs)


class NeedsAges(Counts):
    def fit(self, inputs: Inputs) -> "Counts":
        assert inputs.age_days is not None, "ages are missing"
        return super().fit(inputs)


class NamesOthersTracks(Counts):
    def attribute(self, history_1T: Any, tracks_N: Any) -> Any:
        return np.ones((len(tracks_N), history_1T.shape[1]), np.float32)


class AttributesTheOtherWayRound(Counts):
    def attribute(self, history_1T: Any, tracks_N: Any) -> Any:
        return super().attribute(history_1T, tracks_N).T


class DividesByThePart(Counts):
    def attribute(self, history_1T: Any, tracks_N: Any) -> Any:
        with np.errstate(all="ignore"):
            return 1 / super().attribute(history_1T, tracks_N)


class CountsWhatWasSkipped(Counts):
    def attribute(self, history_1T: Any, tracks_N: Any) -> Any:
        return super().attribute(history_1T, tracks_N) + 1


class SharesAmongTheAsked(Counts):
    def attribute(self, history_1T: Any, tracks_N: Any) -> Any:
        return super().attribute(history_1T, tracks_N) / len(tracks_N)


class ForgetsItsParts(Counts):
    @classmethod
    def from_arrays(cls, arrays: dict[str, Any], inputs: Inputs) -> "Counts":
        channel = super().from_arrays(arrays, inputs)
        channel.attribute = partial(encore.Channel.attribute, channel)  # type: ignore[method-assign]
        return channel


class LinearAndDoesNotSum(PersonalPopularity):
    def attribute(self, history_1T: sp.csr_array, tracks_N: Any) -> Any:
        return 2 * super().attribute(history_1T, tracks_N)


BROKEN = [
    (OfNoKind, "it has what the contract names", "needs = 'luck'"),
    (ForgetsToReturn, "fit returns the channel", "None returned by fit"),
    (Transposed, "scores are one finite row for each listener", "shape (25, 43)"),
    (Doubles, "scores are one finite row for each listener", "float64"),
    (DividesByTheHistory, "scores are one finite row for each listener", "found nan"),
    (ChokesOnNothing, "an empty history is answered", "ValueError"),
    (KnowsItsListenersOnly, "scores are one finite row for each listener", "no such listener"),
    (KnowsItsListenersOnly, "a new listener is served", "no such listener"),
    (MeasuresByTheBatch, "a batch scores as each listener alone", "expected"),
    (SortsItsListeners, "a batch scores as each listener alone", "listener 0"),
    (CountsOneMore, "a row tells what its scores are", "in a row"),
    (SortsItsListeners, "who else asks changes nothing", "in other company"),
    (HandsOutItsOwn, "scores may be overwritten", "found -inf"),
    (WritesOnItsInputs, "what is handed in stays as it was", "the inputs changed, in plays_UT"),
    (WritesOnTheHistory, "what is handed in stays as it was", "the audience changed, in history"),
    (Dices, "the same data and seed give the same bits", "when fitted again"),
    (SavesObjects, "what is saved is plain arrays", "arrays()['notes'] of object"),
    (SavesHalf, "saved and loaded it scores the same", "after loading"),
    (KeepsWhoPlayedHowMuch, "what is saved holds no listener", "arrays()['activity']"),
    (AsksOthersInSecret, "without listeners it answers histories the same", "asks_others"),
    (NeedsAges, "what it says it needs is enough", "ages are missing"),
    (NamesOthersTracks, "attributions are parts of the history", "parts of shape (25, 25)"),
    (AttributesTheOtherWayRound, "an empty history is answered", "parts of shape (0, 25)"),
    (DividesByThePart, "attributions are parts of the history", "parts that are not finite"),
    (CountsWhatWasSkipped, "attributions are parts of the history", "that was only skipped"),
    (SharesAmongTheAsked, "attributions are parts of the history", "for a few tracks"),
    (ForgetsItsParts, "saved and loaded it scores the same", "other attributions after loading"),
    (LinearAndDoesNotSum, "attributions are parts of the history", "in a linear channel"),
]


def test_a_channel_that_keeps_every_law_passes() -> None:
    check_channel(Counts)
    check_channel(partial(Als, factors=4))


@pytest.mark.parametrize(("channel", "law", "found"), BROKEN, ids=lambda case: str(case)[:60])
def test_a_channel_that_breaks_a_law_is_told_which(
    channel: type[Channel], law: str, found: str
) -> None:
    with pytest.raises(AssertionError, match=rf"^{channel.__name__} breaks the law '") as told:
        check_channel(channel)
    assert "expected" in str(told.value)
    with pytest.raises(AssertionError, match=re.escape(law)) as told:
        check_channel(channel, [law])
    assert found in str(told.value)


def test_every_law_is_broken_by_some_channel_above() -> None:
    assert {law for _, law, _ in BROKEN} == set(LAWS)


def test_a_maker_is_called_for_each_channel_anew() -> None:
    made: list[Channel] = []

    def make() -> Channel:
        made.append(Counts())
        return made[-1]

    maker: Callable[[], Channel] = make
    check_channel(maker)
    assert len(made) > len(LAWS)


def test_the_example_has_what_a_channel_may_meet() -> None:
    inputs = example_inputs()
    plays_UT = inputs.plays_UT
    assert (plays_UT.data == 0).sum() > 20  # only skipped
    assert not np.diff(plays_UT.indptr)[[0, -1]].any()  # the unknown, and one without history
    assert not plays_UT[:, [0, -1]].nnz  # the unknown, and a track that nobody played
    assert inputs.content_TC.nnz
    assert inputs.friends_UU.nnz
    assert inputs.age_days is not None
    assert inputs.first_age_days is not None
    assert len(inputs.age_days) == len(plays_UT.data)
    assert (inputs.first_age_days >= inputs.age_days).all()
    assert (example_inputs(seed=1).plays_UT != plays_UT).nnz


def test_the_public_surface_is_this() -> None:
    assert testing.__all__ == ["LAWS", "check_channel", "example_inputs"]
