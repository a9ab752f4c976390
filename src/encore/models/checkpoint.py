"""The state of a training after a whole epoch, as a folder: what a resumed one needs, no more."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import safetensors.torch
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from encore import folder
from encore.errors import InputError
from encore.models.epochs import Epoch

if TYPE_CHECKING:
    from encore.models.training import Training

KIND = "checkpoint"
VERSION = 1


def fingerprint(training: "Training", held: Sequence[npt.NDArray[np.generic]]) -> str:
    """Return a digest of all that a training depends on: settings, rows, tables, validation."""
    digest = hashlib.sha256(training.config.model_dump_json().encode())
    tables = (training.tables.listeners, training.tables.tracks, training.rows)
    for part in (part for table in tables for part in vars(table).values()):
        digest.update(part.cpu().numpy().tobytes())
    for values in held:
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def save(path: Path, training: "Training", schedulers: Sequence[ReduceLROnPlateau]) -> None:
    """Write the training's state; the folder is whole or the previous epoch's stays."""
    tensors: dict[str, Tensor] = {}
    plain = {
        "network": _parted(training.network.state_dict(), "network", tensors),
        "best": _parted(training.best_state, "best", tensors),
        "optimizer": _parted(training.optimizer.state_dict(), "optimizer", tensors),
        "schedulers": [scheduler.state_dict() for scheduler in schedulers],
        "history": [asdict(epoch) for epoch in training.history],
    }

    def fill(target: Path) -> dict[str, Any]:
        safetensors.torch.save_file(tensors, target / "state.safetensors")
        (target / "state.json").write_text(json.dumps(plain), "utf-8")
        return {"belongs_to": training.fingerprint}

    folder.write(path, KIND, VERSION, fill)


def resume(path: Path, training: "Training", schedulers: Sequence[ReduceLROnPlateau]) -> None:
    """Put `training` into the state at `path`; nothing happens where there is none.

    Raises `InputError` where the state is of other settings or rows.
    """
    if not path.exists():
        return
    manifest = folder.verify(path, KIND, VERSION)
    if manifest["belongs_to"] != training.fingerprint:
        raise InputError(
            f"{path}: the interrupted training there had other settings or other data; "
            "remove the folder to begin anew"
        )
    tensors = safetensors.torch.load_file(path / "state.safetensors")
    plain = json.loads((path / "state.json").read_text("utf-8"))
    training.network.load_state_dict(_joined(plain["network"], tensors))
    training.best_state = _joined(plain["best"], tensors)
    training.optimizer.load_state_dict(_joined(plain["optimizer"], tensors))
    for scheduler, state in zip(schedulers, plain["schedulers"], strict=True):
        scheduler.load_state_dict(state)
    training.history = [Epoch(**epoch) for epoch in plain["history"]]


def _parted(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """Return `value` as JSON, its tensors moved to `tensors` under their path and named there."""
    if isinstance(value, Tensor):
        tensors[name] = value.detach().clone().contiguous()
        return {"tensor": name}
    if isinstance(value, dict):
        items = [[key, _parted(item, f"{name}.{key}", tensors)] for key, item in value.items()]
        return {"items": items}
    if isinstance(value, list | tuple):
        return [_parted(item, f"{name}.{place}", tensors) for place, item in enumerate(value)]
    return value


def _joined(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, dict):
        if "tensor" in value:
            return tensors[value["tensor"]]
        return {key: _joined(item, tensors) for key, item in value["items"]}
    if isinstance(value, list):
        return [_joined(item, tensors) for item in value]
    return value
