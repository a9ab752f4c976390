"""Recipes: whole configurations by name. Durations are of HetRec Last.fm."""

from encore.config import TrainConfig


def default() -> TrainConfig:
    """Return the seed's settings and encore's additions: early stopping with patience 10.

    Stops by itself where ten epochs bring nothing, at 40 at the latest.
    """
    return TrainConfig()


def quick() -> TrainConfig:
    """Return a shorter schedule for a first look: larger steps, at most 10 epochs, patience 3.

    HetRec (74,266 training rows), everything fitted twice: about three minutes on one core.
    """
    return TrainConfig(learning_rate=2e-3, max_epochs=10, early_stopping_patience=3)


RECIPES = {"default": default, "quick": quick}
