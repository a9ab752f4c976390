"""Typed settings of a training: the seed's keys and defaults, and what encore adds.

A recipe (`encore.recipes`) is a function that returns a whole `TrainConfig`.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from encore.errors import InputError

PlayWeights = Literal["auto", "played", "log1p", "tfidf", "bm25"]


class TrainConfig(BaseModel):
    """Everything that a training depends on besides its data; the bundle keeps it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    # The network, as the seed has it.
    embedding_dim: int = Field(64, ge=1, le=1024)
    """Width of each embedding and of each feature branch."""
    hidden_layers: tuple[int, ...] = Field((256, 128, 64), min_length=1)
    """Widths of the residual MLP's layers."""
    dropout: float = Field(0.2, ge=0, lt=1)
    """Dropout after each layer of the MLP."""

    # Its training, as the seed has it.
    learning_rate: float = Field(1e-3, gt=0)
    """Adam's step size at the start; halved when the validation loss stalls."""
    weight_decay: float = Field(1e-5, ge=0)
    """L2 penalty; on embeddings it is applied to the rows that a batch touches."""
    batch_size: int = Field(1024, ge=2)
    """Rows of plays in a step. The seed's 256 costs two cores more time for the same result."""
    early_stopping_patience: int = Field(10, ge=1)
    """Epochs without a better validation loss before training stops; the best weights return."""
    max_grad_norm: float = Field(1.0, gt=0)
    """Gradients are scaled down to this norm where they exceed it."""
    max_epochs: int = Field(40, ge=1)
    """Upper bound on epochs."""
    scheduler_patience: int = Field(5, ge=0)
    """Epochs without improvement before the learning rate is halved (ReduceLROnPlateau)."""
    scheduler_factor: float = Field(0.5, gt=0, lt=1)
    """Factor on the learning rate at a plateau."""

    # What encore adds.
    optimizer: Literal["rows", "dense"] = "rows"
    """`rows`: an Adam step costs what the batch costs. `dense`: it touches every embedding row."""
    negatives: int = Field(2048, ge=0)
    """Tracks drawn for each batch to train the rank head against; 0 trains the plays head alone."""
    id_dropout: float = Field(0.1, ge=0, lt=1)
    """Share of ids replaced by "unknown" in training, so that the unknown is a trained vector."""
    rank_weight: float = Field(10.0, ge=0)
    """Weight of the ranking loss beside the plays loss, in what shapes the embeddings."""
    time_features: bool = False
    """Whether network and predicted plays read the columns from times: hours, weekdays, sessions,
    tenure, trend. Off, as on synthetic listening they took a tenth of the rank head's quality."""
    validation_share: float = Field(0.1, gt=0, lt=0.5)
    """Share of each listener's training rows that choosing (epochs, list, weights) reads."""
    channels: tuple[str, ...] = (
        "popularity",
        "item-knn",
        "user-knn",
        "als",
        "ease",
        "hybrid",
        "content",
        "tag-popularity",
        "friends",
    )
    """Channels to fit, of those in `encore.models.channels`; who needs what is not there rests."""
    ranker_folds: int = Field(0, ge=0, le=20)
    """Splits that the ranker learns from, each with channels of its own; 0 does without one."""
    neighbours: int = Field(200, ge=1)
    """Neighbours kept for each track by the item-kNN channel."""
    user_neighbours: int = Field(100, ge=1)
    """Listeners asked by the user-kNN channel."""
    play_weights: PlayWeights = "auto"
    """What a pair counts in item-kNN, user-kNN and EASE: 1 where played, log1p(plays), or either of
    two that count the rare for more; `auto` is which of the first two serves item-kNN better on
    validation rows."""
    als_factors: int = Field(256, ge=1)
    """Factors of the ALS channel."""
    als_regularization: float = Field(50.0, ge=0)
    """L2 penalty of the ALS channel."""
    als_alpha: float = Field(10.0, gt=0)
    """Confidence of a played pair in the ALS channel, where an unplayed one has 1."""
    bpr_factors: int = Field(64, ge=1)
    """Factors of the BPR channel."""
    bpr_iterations: int = Field(200, ge=1)
    """Passes over the pairs of the BPR channel."""
    bpr_learning_rate: float = Field(0.02, gt=0)
    """Step size of the BPR channel."""
    bpr_regularization: float = Field(0.01, ge=0)
    """L2 penalty of the BPR channel."""
    ease_l2: float = Field(20.0, gt=0)
    """L2 penalty of the EASE channel, the same for every track."""
    ease_l2_popular: float = Field(20.0, ge=0)
    """L2 penalty of the EASE channel for each root of a track's number of listeners."""
    ease_content: float = Field(1.0, ge=0)
    """What a genre, tag or artist weighs in the EASE channel, where a listener weighs 1."""
    ease_discount: float = Field(0.15, ge=0, le=1)
    """Power of a track's number of listeners that the EASE channel divides its scores by."""
    ease_kept: int = Field(500, ge=1)
    """Weights kept for each track by the EASE channel, the largest ones."""
    hybrid_dimension: int = Field(256, ge=1)
    """Width of the track vectors of the hybrid autoencoder."""
    hybrid_epochs: int = Field(5, ge=1)
    """Passes over the listeners of the hybrid autoencoder, which overfits within a few."""
    hybrid_learning_rate: float = Field(2e-3, gt=0)
    """Adam's step size of the hybrid autoencoder."""
    popularity_half_life_days: float | None = Field(None, gt=0)
    """Days after which a play counts half in the popularity channel; unset, all count alike."""
    repeat_decay: float = Field(0.5, ge=0, le=3)
    """How fast the repeat channel forgets: a play counts (1 + its age in days) to minus this."""
    seed: int = Field(0, ge=0)
    """Seed of every random draw; the same seed gives the same bits."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where tensors live; `auto` takes CUDA where there is one."""

    def replaced(self, **changes: Any) -> "TrainConfig":
        """Return a copy with `changes`, validated.

        >>> TrainConfig().replaced(batch_size=256).batch_size
        256
        """
        return validated({**self.model_dump(), **changes}, "settings")


def validated(values: dict[str, Any], where: str) -> TrainConfig:
    """Return `values` as a TrainConfig; raise `InputError` naming setting, value and remedy.

    >>> validated({"dropuot": 0.1}, "encore.toml")
    Traceback (most recent call last):
    encore.errors.InputError: encore.toml: dropuot = 0.1: no such setting
    """
    try:
        return TrainConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        told = "no such setting" if first["type"] == "extra_forbidden" else first["msg"].lower()
        raise InputError(f"{where}: {name} = {first['input']!r}: {told}") from None


def resolve(
    base: TrainConfig,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> TrainConfig:
    """Return `base` with what a file, the environment and flags set; the later wins.

    `file` is TOML with settings at its top level or under `[train]`. In the environment a setting
    is `ENCORE_` and its name in capitals. Flags that are None are not set.

    >>> resolve(TrainConfig(), None, {"ENCORE_BATCH_SIZE": "256"}, {"seed": 3}).batch_size
    256
    """
    config = base
    if file is not None:
        config = validated({**config.model_dump(), **_read_toml(file)}, str(file))
    for name in TrainConfig.model_fields:
        variable = f"ENCORE_{name.upper()}"
        if environment and variable in environment:
            value = _parsed(environment[variable])
            config = validated({**config.model_dump(), name: value}, variable)
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    return config.replaced(**given) if given else config


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: cannot be read as TOML: {error}") from error
    return dict(values.get("train", values))


def _parsed(text: str) -> Any:
    """Return an environment variable's text as a TOML value where it is one, else as itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
