"""encore: a hybrid music recommender.

>>> import encore
>>> sorted(encore.__all__)[:4]
['Channel', 'Dataset', 'EncoreError', 'Evaluation']
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from encore import recipes
    from encore.config import TrainConfig
    from encore.data import world
    from encore.data.dataset import Dataset
    from encore.data.inspection import Inspection, inspect
    from encore.errors import EncoreError, InputError, IntegrityError, UsageError
    from encore.models.channels import register
    from encore.models.channels.contract import Channel
    from encore.models.network import HybridMusicRecommender
    from encore.pipeline import Evaluation, evaluate, load, read, split, train
    from encore.recommend.explain import Explanation
    from encore.recommend.recommender import RankedList, Recommender, Slot
    from encore.recommend.rules import Rules
    from encore.recommend.seeds import Seeds
    from encore.tuning import tune

# Name -> module that holds it: imported on first use, so that `encore --help` answers at once.
_HOMES = {
    "Channel": "encore.models.channels.contract",
    "Dataset": "encore.data.dataset",
    "EncoreError": "encore.errors",
    "Evaluation": "encore.pipeline",
    "Explanation": "encore.recommend.explain",
    "HybridMusicRecommender": "encore.models.network",
    "InputError": "encore.errors",
    "Inspection": "encore.data.inspection",
    "IntegrityError": "encore.errors",
    "RankedList": "encore.recommend.recommender",
    "Recommender": "encore.recommend.recommender",
    "Rules": "encore.recommend.rules",
    "Seeds": "encore.recommend.seeds",
    "Slot": "encore.recommend.recommender",
    "TrainConfig": "encore.config",
    "UsageError": "encore.errors",
    "evaluate": "encore.pipeline",
    "inspect": "encore.data.inspection",
    "load": "encore.pipeline",
    "read": "encore.pipeline",
    "recipes": "encore.recipes",
    "register": "encore.models.channels",
    "split": "encore.pipeline",
    "train": "encore.pipeline",
    "tune": "encore.tuning",
    "world": "encore.data.world",
}

__all__ = [
    "Channel",
    "Dataset",
    "EncoreError",
    "Evaluation",
    "Explanation",
    "HybridMusicRecommender",
    "InputError",
    "Inspection",
    "IntegrityError",
    "RankedList",
    "Recommender",
    "Rules",
    "Seeds",
    "Slot",
    "TrainConfig",
    "UsageError",
    "evaluate",
    "inspect",
    "load",
    "read",
    "recipes",
    "register",
    "split",
    "train",
    "tune",
    "world",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'encore' has no attribute {name!r}")
    module = import_module(_HOMES[name])
    return (
        module
        if _HOMES[name].endswith(f".{name}") and name in ("recipes", "world")
        else getattr(module, name)
    )


def __dir__() -> list[str]:
    return __all__
