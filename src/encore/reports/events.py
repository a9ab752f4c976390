"""Event files for TensorBoard: each pass of a training a run of its own, a step an epoch."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encore.errors import InputError
from encore.reports.parts import flat

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

#: What is written of a row of the history, and under which name.
SCALARS = {
    "train_loss": "loss/train",
    "val_loss": "loss/validation",
    "train_plays_loss": "loss/train_plays",
    "train_rank_loss": "loss/train_rank",
    "val_rank_loss": "loss/validation_rank",
    "val_ndcg": "validation/ndcg@10",
    "val_rmse": "validation/rmse",
    "val_r2": "validation/r2",
    "learning_rate": "learning_rate",
    "samples_per_second": "samples_per_second",
}


class EventFiles:
    """Writes epochs to `place`/try-out and `place`/refit, the settings beside them as text.

    Raises `InputError` naming the extra where tensorboard is missing.
    """

    def __init__(self, place: Path, settings: Mapping[str, Any]) -> None:
        self._place, self._settings = place, settings
        self._open = _writer()
        self._writers: dict[str, SummaryWriter] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        """Write what a row of the history has a value for, and flush it."""
        phase = row["phase"]
        if phase not in self._writers:
            self._writers[phase] = self._open(str(self._place / phase))
            lines = [f"| {name} | {value} |" for name, value in flat(self._settings)]
            table = "\n".join(["| setting | value |", "| --- | --- |", *lines])
            self._writers[phase].add_text("hparams", table)
        for key, name in SCALARS.items():
            if row.get(key) is not None:
                self._writers[phase].add_scalar(name, row[key], row["epoch"])
        self._writers[phase].flush()

    def close(self) -> None:
        """Close all files."""
        for writer in self._writers.values():
            writer.close()


def _writer() -> "type[SummaryWriter]":
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise InputError(
            "event files need tensorboard, which is not installed: "
            "pip install 'encore-music[tensorboard]'; or leave out --tensorboard"
        ) from None
    return SummaryWriter
