"""Training rows and feature tables as tensors, indexed a whole batch at a time.

Legend: N rows of plays, B rows of a batch; U, T, F, G as in `encore.data.features`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from encore.data.features import Features
from encore.data.vocabulary import UNKNOWN
from encore.models.means import ShrunkMeans
from encore.models.network import ListenerInputs, Sizes, TrackInputs

TRACKS_AT_ONCE = 65_536


@dataclass(frozen=True)
class Tables:
    """The features of all listeners and tracks on the device; row 0 is the unknown."""

    listeners: ListenerInputs
    tracks: TrackInputs

    @classmethod
    def of(
        cls,
        features: Features,
        means: ShrunkMeans,
        device: torch.device,
        padding: int | None = None,
    ) -> "Tables":
        """Return the tables; ids that no training row names read the unknown's vector.

        `padding` is the network's, where the features have got genres since it was trained.
        """
        genres_TG = features.main_genres_TG
        if padding is not None:
            genres_TG = np.minimum(genres_TG, padding)
            genres_TG[(genres_TG == padding).all(1), 0] = UNKNOWN

        def tensor(values: npt.NDArray[np.generic]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).to(device)

        def trained(heard: npt.NDArray[np.bool_]) -> Tensor:
            return tensor(np.where(heard, np.arange(len(heard)), UNKNOWN).astype(np.int32))

        heard_A = np.zeros(features.artists.rows, np.bool_)
        heard_A[features.artist_T[features.heard_T]] = True
        return cls(
            ListenerInputs(
                trained(features.heard_U),
                tensor(features.numeric_UF),
                tensor(means.b_U.astype(np.float32)),
            ),
            TrackInputs(
                trained(features.heard_T),
                tensor(np.where(heard_A[features.artist_T], features.artist_T, UNKNOWN)),
                tensor(genres_TG),
                tensor(features.numeric_TF),
                tensor(features.binary_TB),
                tensor(means.b_T.astype(np.float32)),
            ),
        )

    def listeners_at(self, rows: Tensor) -> ListenerInputs:
        """Return the inputs of the listeners at `rows`."""
        return ListenerInputs(
            *(part.index_select(0, rows) for part in vars(self.listeners).values())
        )

    def tracks_at(self, rows: Tensor) -> TrackInputs:
        """Return the inputs of the tracks at `rows`."""
        return TrackInputs(*(part.index_select(0, rows) for part in vars(self.tracks).values()))

    def tracks_in_parts(self) -> Iterator[TrackInputs]:
        """Yield the inputs of all tracks, some at a time: embedded they are many times as large."""
        columns = [part.split(TRACKS_AT_ONCE) for part in vars(self.tracks).values()]
        yield from (TrackInputs(*parts) for parts in zip(*columns, strict=True))


def sizes(features: Features) -> Sizes:
    """Return the network's sizes for these features."""
    return Sizes(
        users=features.listeners.rows,
        music=features.tracks.rows,
        artists=features.artists.rows,
        genres=features.padding + 1,
        user_numerical=features.numeric_UF.shape[1],
        numerical=features.numeric_TF.shape[1],
        binary=features.binary_TB.shape[1],
    )


@dataclass(frozen=True)
class Rows:
    """N rows of plays: who, what, log1p(plays), and the means b_u, b_t that did not see the row."""

    user_N: Tensor
    track_N: Tensor
    target_N: Tensor
    b_user_N: Tensor
    b_track_N: Tensor

    def __len__(self) -> int:
        return len(self.user_N)

    def at(self, rows: Tensor) -> "Rows":
        """Return the rows at an index tensor."""
        return Rows(*(part.index_select(0, rows) for part in vars(self).values()))

    def to(self, device: torch.device) -> "Rows":
        """Return the rows on `device`."""
        return Rows(*(part.to(device) for part in vars(self).values()))


class Heard:
    """The tracks that each listener has heard, for looking up whole batches at once."""

    def __init__(self, user_N: Tensor, track_N: Tensor, users: int, tracks: int) -> None:
        order = torch.argsort(user_N, stable=True)
        self._track_N = track_N[order].long()
        count_U = torch.bincount(user_N, minlength=users)
        self._count_U, self._start_U = count_U, count_U.cumsum(0) - count_U
        self._column_T = torch.full((tracks,), -1, device=user_N.device)

    def among(self, user_B: Tensor, drawn_S: Tensor) -> Tensor:
        """Return (B, S): whether each listener has heard each of S different tracks.

        Costs the length of the histories, not B x S look-ups.
        """
        count_B = self._count_U[user_B]
        row = torch.repeat_interleave(torch.arange(len(user_B), device=user_B.device), count_B)
        before_B = count_B.cumsum(0) - count_B
        place = torch.arange(len(row), device=row.device) + (self._start_U[user_B] - before_B)[row]
        self._column_T[drawn_S] = torch.arange(len(drawn_S), device=row.device)
        column = self._column_T[self._track_N[place]]
        self._column_T[drawn_S] = -1
        found = column >= 0
        is_heard_BS = torch.zeros(len(user_B), len(drawn_S), dtype=torch.bool, device=row.device)
        is_heard_BS[row[found], column[found]] = True
        return is_heard_BS
