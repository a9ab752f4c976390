"""What is told of an epoch: a row of the history. Light: reports read it without torch."""

from dataclasses import dataclass

# The two passes of a training: with a validation slice held out, and again on all rows.
TRY_OUT, REFIT = "try-out", "refit"


@dataclass(frozen=True)
class Epoch:
    """What one epoch did: losses (means over rows), validation figures, speed; of which pass."""

    epoch: int
    train_loss: float
    train_plays_loss: float
    train_rank_loss: float
    learning_rate: float
    samples_per_second: float
    val_loss: float | None = None
    val_rmse: float | None = None
    val_r2: float | None = None
    val_rank_loss: float | None = None
    val_ndcg: float | None = None
    best: bool = False
    phase: str = TRY_OUT
