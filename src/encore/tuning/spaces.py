"""Where to look for each setting: the one place in which `encore tune`'s ranges are declared."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from encore.config import TrainConfig
from encore.errors import InputError, UsageError
from encore.models.channels import CHANNELS

NETWORK = "network"
ALL = "all"  # every channel that is fitted, and the network
HALF_LIFE = "popularity_half_life_days"
OF_TIMES = (HALF_LIFE, "time_features")  # say nothing where plays have no times
DIGITS = 3  # that a drawn number keeps: more would claim a precision that validation has not


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both possible; drawn evenly in their logarithm by default."""

    low: float
    high: float
    log: bool = True

    @property
    def whole(self) -> bool:
        """Whether the numbers are integers: where both ends are."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def holding(self, value: float) -> "Range":
        """Return the range, widened to hold `value`: what is set already can be tried too."""
        return Range(min(self.low, value), max(self.high, value), self.log and value > 0)


@dataclass(frozen=True)
class Among:
    """One of a few values, without an order. An unset one (None) is tried where it is set so."""

    values: tuple[str | float | None, ...]

    def holding(self, value: str | float | None) -> "Among":
        """Return the values that can be written to a settings file, and `value`."""
        return Among((value, *(v for v in self.values if v not in (value, None))))


Span = Range | Among
Space = dict[str, Span]

# What a pair counts serves both kNN channels and EASE: the first that is tuned decides for all.
PLAY_WEIGHTS = Among(("auto", "played", "log1p", "tfidf", "bm25"))

SPACES: dict[str, Space] = {
    "popularity": {HALF_LIFE: Among((None, 7.0, 30.0, 90.0, 180.0, 365.0, 1000.0))},
    "item-knn": {"neighbours": Range(20, 1000), "play_weights": PLAY_WEIGHTS},
    "user-knn": {"user_neighbours": Range(20, 800), "play_weights": PLAY_WEIGHTS},
    "als": {
        "als_factors": Range(32, 512),
        "als_regularization": Range(1.0, 300.0),
        "als_alpha": Range(1.0, 50.0),
    },
    "bpr": {
        "bpr_factors": Range(16, 256),
        "bpr_iterations": Range(50, 500),
        "bpr_learning_rate": Range(0.003, 0.2),
        "bpr_regularization": Range(0.001, 0.1),
    },
    "ease": {
        "ease_l2": Range(3.0, 1000.0),
        "ease_l2_popular": Range(0.0, 100.0, log=False),
        "ease_content": Range(0.0, 3.0, log=False),
        "ease_discount": Range(0.0, 0.4, log=False),
        "ease_kept": Range(50, 2000),
        "play_weights": PLAY_WEIGHTS,
    },
    "hybrid": {
        "hybrid_dimension": Range(32, 512),
        "hybrid_epochs": Range(2, 20),
        "hybrid_learning_rate": Range(2e-4, 2e-2),
    },
    "repeat": {"repeat_decay": Range(0.0, 1.5, log=False)},
    NETWORK: {
        "embedding_dim": Range(16, 256),
        "dropout": Range(0.0, 0.5, log=False),
        "learning_rate": Range(2e-4, 1e-2),
        "weight_decay": Range(1e-7, 1e-3),
        "batch_size": Range(256, 4096),
        "negatives": Range(256, 8192),
        "id_dropout": Range(0.0, 0.3, log=False),
        "rank_weight": Range(1.0, 100.0),
        "time_features": Among((False, True)),
    },
}


def space_of(
    what: str, config: TrainConfig, dated: bool, decided: Collection[str] = ()
) -> tuple[Space, dict[str, Any]]:
    """Return the space of `what`, and where `config` stands in it.

    `dated` says whether plays have times. Settings that are `decided` already are left out.

    Raises `UsageError` on a name without settings to tune, `InputError` where the data has no say.

    >>> space, here = space_of("ease", TrainConfig(ease_l2=5000.0), dated=False)
    >>> space["ease_l2"], here["ease_l2"]
    (Range(low=3.0, high=5000.0, log=True), 5000.0)
    """
    if what in CHANNELS and what not in SPACES:
        raise UsageError(f"what {what!r}: has no settings; {_expected()}")
    if what != ALL and what not in SPACES:
        raise UsageError(f"what {what!r}: {_expected()}")
    names = [what] if what != ALL else [n for n in SPACES if n in (*config.channels, NETWORK)]
    spans = {name: span for part in names for name, span in SPACES[part].items()}
    if not dated:
        spans = {name: span for name, span in spans.items() if name not in OF_TIMES}
    if not spans:
        raise InputError(f"{what}: {HALF_LIFE} needs plays with times (last_played) in every row")
    open_ = {name: span for name, span in spans.items() if name not in decided}
    if not open_:
        raise UsageError(f"what {what!r}: all its settings were tuned already; leave it out")
    here = {name: getattr(config, name) for name in open_}
    return {name: span.holding(here[name]) for name, span in open_.items()}, here


def rounded(value: Any) -> Any:
    """Return a drawn number with a few digits; whole numbers and words as they are.

    >>> rounded(0.0123456), rounded(128), rounded("played")
    (0.0123, 128, 'played')
    """
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _expected() -> str:
    return f"expected one of {', '.join([*SPACES, ALL])}"
