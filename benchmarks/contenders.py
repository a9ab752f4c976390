"""Who competes on the quality bench: each is fitted on training rows and then scores an audience.

The shipped baselines are encore's own channels, each alone; peers are other people's methods
(`peers`). `space` holds the values that a random search draws settings from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

import encore
from encore import Dataset, TrainConfig
from encore.evaluation.names import MEANS
from encore.evaluation.questions import Known
from encore.models.channels import CHANNELS
from encore.models.inputs import Audience
from encore.models.means import ShrunkMeans
from encore.models.ranking import Floats
from encore.models.training import encode
from encore.recommend.recommender import Recommender
from peers import lightgbm
from peers.lightfm import LightFm
from peers.lightgcn import LightGcn

OURS = "encore"

Settings = Mapping[str, Any]
Scorer = Callable[[Audience], Floats]


@dataclass(frozen=True)
class Contender:
    """A ranker under the name it has in every table."""

    name: str
    fit: Callable[[Known, Settings, int], Scorer]
    space: Mapping[str, list[Any]] = field(default_factory=dict)
    ranks_cold_tracks: bool = False


def _channel(
    name: str, cold: bool = False, published: Settings | None = None, **space: list[Any]
) -> Contender:
    """Return a channel as a contender; `published` turns off what encore adds to the method."""

    def fit(known: Known, settings: Settings, seed: int) -> Scorer:
        config = TrainConfig(seed=seed).replaced(**{**(published or {}), **settings})
        channel = CHANNELS[name].of(config)
        channel.fit(known.inputs)
        return lambda audience: channel.score(channel.fold_in(audience))

    return Contender(name, fit, space, cold)


def _peer(kind: type[LightFm] | type[LightGcn], cold: bool = False) -> Contender:
    def fit(known: Known, settings: Settings, seed: int) -> Scorer:
        peer = kind(**settings, seed=seed).fit(known.inputs)
        return lambda audience: peer.score(peer.fold_in(audience))

    return Contender(kind.name, fit, kind.space, cold)


RANKERS: dict[str, Contender] = {
    contender.name: contender
    for contender in (
        _channel("popularity", cold=True),
        _channel(
            "item-knn",
            neighbours=[50, 100, 200, 500, 1000],
            play_weights=["played", "log1p"],
        ),
        _channel(
            "user-knn",
            user_neighbours=[25, 50, 100, 200, 400],
            play_weights=["played", "log1p"],
        ),
        _channel(
            "als",
            als_factors=[64, 128, 256],
            als_regularization=[5.0, 20.0, 50.0, 100.0],
            als_alpha=[2.0, 5.0, 10.0, 20.0],
        ),
        _channel(
            "bpr",
            bpr_factors=[32, 64, 128],
            bpr_learning_rate=[0.01, 0.02, 0.05],
            bpr_regularization=[0.003, 0.01, 0.03],
            bpr_iterations=[100, 200, 400],
        ),
        _channel(
            "ease",
            published={
                "ease_l2": 100.0,
                "ease_l2_popular": 0.0,
                "ease_content": 0.0,
                "ease_discount": 0.0,
                "play_weights": "played",
            },
            ease_l2=[30.0, 100.0],
            ease_kept=[200, 20_000],
        ),
        _channel("content", cold=True),
        _channel("friends"),
        _peer(LightFm, cold=True),
        _peer(LightGcn),
    )
}


def train_ours(train: Dataset, recipe: str, seed: int) -> Recommender:
    """Return encore as it ships: a recipe's own settings, not tuned for the data set."""
    return encore.train(train, encore.recipes.RECIPES[recipe]().replaced(seed=seed))


Predictions = npt.NDArray[np.float64]


def means(
    known: Known, train: Dataset, test: Dataset, settings: Settings, seed: int
) -> Predictions:
    """Return log1p(plays) of the test pairs by shrunk listener and track means; no seed in it."""
    del seed
    shrink = (settings.get("listener_shrink", 0.5), settings.get("track_shrink", 5.0))
    rows = encode(train, known.features)
    fitted = ShrunkMeans.fit(*rows, known.inputs.plays_UT.shape, shrink)
    return fitted.predict(*encode(test, known.features)[:2])


def boosted(
    known: Known, train: Dataset, test: Dataset, settings: Settings, seed: int
) -> Predictions:
    """Return log1p(plays) of the test pairs by LightGBM."""
    test_user, test_track, _ = encode(test, known.features)
    return lightgbm.predict_plays(
        *encode(train, known.features), test_user, test_track, known.features, settings, seed
    )


PREDICTORS = {MEANS: means, "lightgbm": boosted}
PLAYS_SPACE: dict[str, Mapping[str, list[Any]]] = {
    MEANS: {
        "listener_shrink": [0.0, 0.25, 0.5, 1.0, 2.0],
        "track_shrink": [1.0, 2.0, 5.0, 10.0, 20.0],
    },
    "lightgbm": lightgbm.SPACE,
}
