"""The Bundle: a trained model as a folder, and everything in it that recommending needs.

::

    manifest.json            sha256 of every file
    config.json              settings, sizes, the chosen list and what validation said
    network.safetensors      the network's weights
    tracks.parquet           the catalogue in vocabulary order
    artists.parquet  genres.parquet
    features.npz             what the network is told of tracks
    norms.npz                what further tracks are described by
    ranker.json              the channels it hears and its trees, as LightGBM's text; where it ships
    plays.npz                what predictions of plays learned of tracks, and how far they err
    channels/NAME.npz        what each channel learned; those that ask other listeners rest without
    listeners/               listeners' ids, histories, ages, friends: may be left out or erased
    MODEL_CARD.md

No pickle: weights are safetensors, arrays npz, tables Parquet.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import safetensors.torch
import scipy.sparse as sp

from encore import folder
from encore.config import TrainConfig, validated
from encore.data.dataset import ItemKind
from encore.data.features import Features, Norms
from encore.data.imputing import Means
from encore.data.reception import Reception
from encore.data.scaling import StandardScaler
from encore.data.vocabulary import Vocabulary
from encore.errors import IntegrityError
from encore.models.batches import Tables
from encore.models.channels import named
from encore.models.ensemble import Choice, Scorers
from encore.models.inputs import Inputs, content_matrix, friends_matrix
from encore.models.means import ShrunkMeans
from encore.models.network import HybridMusicRecommender, Sizes
from encore.models.network_rank import NETWORK
from encore.models.ranker import Ranker
from encore.models.ranking import TieOrder
from encore.models.residuals import OF_LISTENERS, Material, Residuals
from encore.models.training import device_of

KIND = "bundle"
VERSION = 2
OLDEST = 1  # without what further tracks need: read, but no track can be added
LISTENERS = "listeners/"
ADDED = "added"  # the fact that tracks came after training: a record each time

_TRACK_ARRAYS = (
    "heard_T",
    "artist_T",
    "genres_TG",
    "genre_weight_TG",
    "numeric_TF",
    "binary_TB",
)
_LISTENER_ARRAYS = ("heard_U", "numeric_UF")
_AGES = ("age_days", "first_age_days")  # where times are known
_LISTENER_FILES = ("listeners.npz", "listeners.parquet", "friends.parquet")


@dataclass
class Bundle:
    """A trained model: scorers, the chosen list, the catalogue, and the listeners it knows."""

    config: TrainConfig
    item_kind: ItemKind
    scorers: Scorers
    means: ShrunkMeans
    residuals: Residuals  # predicts plays
    choice: Choice
    tracks: pl.DataFrame  # display columns, in vocabulary order
    listeners_T: npt.NDArray[np.integer]  # how many played each track
    friends: pl.DataFrame
    card: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def features(self) -> Features:
        """Vocabularies and feature arrays."""
        return self.scorers.features

    @property
    def history_UT(self) -> sp.csr_array:
        """Plays of the training rows."""
        return self.scorers.inputs.plays_UT

    def save(self, path: str | Path, listeners: bool = True) -> None:
        """Write the bundle folder; without `listeners`, no listener's data is in it.

        Written to a temporary sibling and renamed, so the folder is whole or absent.
        """
        folder.write(Path(path), KIND, VERSION, lambda target: self._fill(target, listeners))

    def _fill(self, target: Path, listeners: bool) -> dict[str, Any]:
        features, network = self.features, self.scorers.network
        # safetensors wants contiguous tensors on the CPU that share no memory.
        weights = {k: v.detach().cpu().clone() for k, v in network.state_dict().items()}
        if not listeners:
            weights["user_embedding.weight"] = weights["user_embedding.weight"][:1].clone()
        safetensors.torch.save_file(weights, target / "network.safetensors")
        channels = {
            name: channel
            for name, channel in self.scorers.channels.items()
            if listeners or not channel.asks_others
        }
        config = {
            "train": self.config.model_dump(mode="json"),
            "item_kind": self.item_kind,
            "sizes": {**asdict(network.sizes), "users": len(weights["user_embedding.weight"])},
            "choice": asdict(self.choice.of([*channels, NETWORK])),
            "channels": list(channels),
            "mean": self.means.mean,
            "facts": self.facts,
        }
        (target / "config.json").write_text(json.dumps(config, indent=1), "utf-8")
        (target / "MODEL_CARD.md").write_text(self.card, "utf-8")
        self.tracks.write_parquet(target / "tracks.parquet")
        _write_ids(target / "artists.parquet", features.artists)
        _write_ids(target / "genres.parquet", features.genres)
        arrays = {name: getattr(features, name) for name in _TRACK_ARRAYS}
        arrays |= {"b_T": self.means.b_T, "listeners_T": self.listeners_T}
        _write_arrays(target / "features.npz", arrays)
        if features.norms is not None:
            _write_arrays(target / "norms.npz", _norms_arrays(features.norms))
        if self.scorers.ranker is not None:
            ranker = json.dumps(asdict(self.scorers.ranker), indent=1)
            (target / "ranker.json").write_text(ranker, "utf-8")
        _write_arrays(target / "plays.npz", self.residuals.arrays())
        (target / "channels").mkdir()
        for name, channel in channels.items():
            _write_arrays(target / "channels" / f"{name}.npz", channel.arrays())
        if listeners:
            self._fill_listeners(target / LISTENERS)
        told = {"item_kind": self.item_kind, "list": self.choice.name}
        return told | {name: self.facts[name] for name in (ADDED,) if name in self.facts}

    def _fill_listeners(self, target: Path) -> None:
        target.mkdir()
        history = self.history_UT
        _write_ids(target / "listeners.parquet", self.features.listeners)
        self.friends.write_parquet(target / "friends.parquet")
        arrays = {name: getattr(self.features, name) for name in _LISTENER_ARRAYS}
        arrays |= {"b_U": self.means.b_U, "data": history.data}
        arrays |= {"indices": history.indices, "indptr": history.indptr}
        ages = {name: getattr(self.scorers.inputs, name) for name in _AGES}
        arrays |= {name: days for name, days in ages.items() if days is not None}
        arrays |= self.residuals.listener_arrays()
        _write_arrays(target / "listeners.npz", arrays)

    @classmethod
    def load(cls, path: str | Path) -> "Bundle":
        """Read and verify a bundle folder.

        Raises `InputError` where there is none, or where it names a channel that is not registered;
        `IntegrityError` naming the file that fails.
        """
        path = Path(path)
        folder.verify(path, KIND, VERSION, optional=LISTENERS, oldest=OLDEST)
        try:
            return cls._read(path)
        except (OSError, KeyError, ValueError, RuntimeError, pl.exceptions.PolarsError) as error:
            raise IntegrityError(f"{path}: not a whole bundle: {error}") from error

    @classmethod
    def _read(cls, path: Path) -> "Bundle":
        config = json.loads((path / "config.json").read_text("utf-8"))
        settings = validated(config["train"], str(path / "config.json"))
        tracks = pl.read_parquet(path / "tracks.parquet")
        arrays = _read_arrays(path / "features.npz")
        catalogue = len(arrays["heard_T"])
        known = _Listeners.read(path / LISTENERS, catalogue, config["sizes"]["user_numerical"])
        features = Features(
            listeners=known.vocabulary,
            tracks=Vocabulary(tracks["track_id"]),
            artists=_read_ids(path / "artists.parquet"),
            genres=_read_ids(path / "genres.parquet"),
            **known.arrays,
            **{name: arrays[name] for name in _TRACK_ARRAYS},
            norms=_read_norms(path / "norms.npz"),
        )
        means = ShrunkMeans(config["mean"], known.b_U, arrays["b_T"])
        sizes = Sizes(**config["sizes"])
        weights = safetensors.torch.load_file(path / "network.safetensors")
        if len(known.vocabulary) == 0 and sizes.users > 1:
            weights["user_embedding.weight"] = weights["user_embedding.weight"][:1].clone()
            sizes = Sizes(**{**config["sizes"], "users": 1})
        device = device_of(settings)
        network = HybridMusicRecommender(
            sizes, settings.embedding_dim, settings.hidden_layers, settings.dropout, sparse=False
        )
        network.load_state_dict(weights)
        inputs = Inputs(
            known.history_UT,
            content_matrix(features),
            friends_matrix(known.friends, known.vocabulary),
            **known.ages,
        )
        kinds = {name: named(name, f"{path}: channels") for name in config["channels"]}
        channels = {
            name: kind.from_arrays(_read_arrays(path / "channels" / f"{name}.npz"), inputs)
            for name, kind in kinds.items()
            if len(known.vocabulary) or not kind.asks_others
        }
        return cls(
            config=settings,
            item_kind=config["item_kind"],
            scorers=Scorers(
                features,
                Tables.of(features, means, device, sizes.genres - 1),
                network.to(device).eval(),
                channels,
                inputs,
                TieOrder.of(arrays["listeners_T"]),
                _read_ranker(path / "ranker.json"),
                standing=sizes.music,
            ),
            means=means,
            residuals=Residuals.from_arrays(
                Material.of(inputs, features.numeric_TF, channels),
                means,
                _read_arrays(path / "plays.npz"),
                known.residuals,
            ),
            choice=Choice(**config["choice"]).of([*channels, NETWORK]),
            tracks=tracks,
            listeners_T=arrays["listeners_T"],
            friends=known.friends,
            card=(path / "MODEL_CARD.md").read_text("utf-8"),
            facts=config["facts"],
        )


@dataclass
class _Listeners:
    """The part of a bundle that belongs to listeners; nobody where it was left out."""

    vocabulary: Vocabulary
    arrays: dict[str, npt.NDArray[Any]]
    b_U: npt.NDArray[np.float64]
    history_UT: sp.csr_array
    friends: pl.DataFrame
    ages: dict[str, npt.NDArray[np.float32]]
    residuals: dict[str, npt.NDArray[Any]]

    @classmethod
    def read(cls, path: Path, tracks: int, width: int) -> "_Listeners":
        missing = [name for name in _LISTENER_FILES if not (path / name).is_file()]
        if missing and len(missing) < len(_LISTENER_FILES):
            raise IntegrityError(
                f"{path / missing[0]}: missing; restore it, "
                f"or remove {path} whole to erase listeners"
            )
        if missing:
            return cls(
                Vocabulary(pl.Series("id", [], pl.String)),
                {"heard_U": np.zeros(1, np.bool_), "numeric_UF": np.zeros((1, width), np.float32)},
                np.zeros(1),
                sp.csr_array((1, tracks), dtype=np.float32),
                pl.DataFrame(schema={"user_id": pl.String, "friend_id": pl.String}),
                {},
                {},
            )
        arrays = _read_arrays(path / "listeners.npz")
        rows = len(arrays["heard_U"])
        history = (arrays["data"], arrays["indices"], arrays["indptr"])
        return cls(
            _read_ids(path / "listeners.parquet"),
            {name: arrays[name] for name in _LISTENER_ARRAYS},
            arrays["b_U"],
            sp.csr_array(history, shape=(rows, tracks)),
            pl.read_parquet(path / "friends.parquet"),
            {name: arrays[name] for name in _AGES if name in arrays},
            {name: arrays[name] for name in OF_LISTENERS},
        )


def _read_ranker(path: Path) -> Ranker | None:
    if not path.is_file():
        return None
    values = json.loads(path.read_text("utf-8"))
    return Ranker(tuple(values["channels"]), values["model"])


def _norms_arrays(norms: Norms) -> Mapping[str, npt.NDArray[Any]]:
    return norms.acoustics._asdict() | norms.reception._asdict() | vars(norms.scaler)


def _read_norms(path: Path) -> Norms | None:
    if not path.is_file():
        return None
    arrays = _read_arrays(path)
    return Norms(
        Means(*(arrays[name] for name in Means._fields)),
        Reception(*(arrays[name] for name in Reception._fields)),
        StandardScaler(arrays["mean"], arrays["scale"]),
    )


def _write_ids(path: Path, vocabulary: Vocabulary) -> None:
    pl.DataFrame({"id": vocabulary.ids.cast(pl.String)}).write_parquet(path)


def _read_ids(path: Path) -> Vocabulary:
    return Vocabulary(pl.read_parquet(path)["id"])


def _write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    np.savez(path, allow_pickle=False, **dict(arrays))


def _read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
