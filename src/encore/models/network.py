"""The network: HybridMusicRecommender, a bare module. Its loop is in `encore.models.training`.

Legend: B pairs, L listeners, K candidates of a listener, D embedding_dim, H the first hidden layer.

Listener side (2 D): user embedding, listener branch.  Track side (5 D): music, artist and genre
embeddings, numerical branch, binary branch. Neither side sees the other before the MLP's first
layer, which is linear; so that layer is the sum of a listener part and a track part, and each part
is computed once for a listener or a track however many pairs it stands in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

EMBEDDING_STD = (
    0.05  # of the initial vectors: small beside 1, so that the inner product starts small
)


@dataclass(frozen=True)
class Sizes:
    """Rows of the embedding tables (unknown and padding included) and widths of the features."""

    users: int
    music: int
    artists: int
    genres: int
    user_numerical: int
    numerical: int
    binary: int


@dataclass
class ListenerInputs:
    """What the network reads of L listeners: id (0 unknown), features, mean deviation b_u."""

    user_L: Tensor
    numerical_LF: Tensor
    mean_L: Tensor


@dataclass
class TrackInputs:
    """What the network reads of K tracks: ids (0 unknown), padded genres, features, mean b_t."""

    music_K: Tensor
    artist_K: Tensor
    genres_KG: Tensor
    numerical_KF: Tensor
    binary_KB: Tensor
    mean_K: Tensor


class Part(NamedTuple):
    """What one side (N listeners or N tracks) brings to the plays head of any pair."""

    first_NH: Tensor  # its share of the MLP's first layer and, behind it, of the path beside
    mean_N: Tensor  # its deviation from the overall mean of log1p(plays)

    def at(self, rows: Tensor) -> "Part":
        """Return the rows at an index tensor (N',)."""
        return Part(*(part.index_select(0, rows) for part in self))

    def as_rows(self) -> "Part":
        """Return (L, ...) as (L, 1, ...): each listener against a whole list of tracks."""
        return Part(*(part.unsqueeze(1) for part in self))


class ResidualBlock(nn.Module):
    """A layer of the MLP: Linear, ReLU, BatchNorm, Dropout, and a residual path beside them.

    The residual path is the input itself where the widths agree and `project` is false.
    """

    def __init__(self, width_in: int, width_out: int, dropout: float, project: bool) -> None:
        super().__init__()
        self.main = nn.Linear(width_in, width_out)
        same = width_in == width_out and not project
        self.residual = nn.Identity() if same else nn.Linear(width_in, width_out, bias=False)
        self.norm = nn.BatchNorm1d(width_out)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BI: Tensor) -> Tensor:
        """Return (B, width_out)."""
        if isinstance(self.residual, nn.Identity):
            return self.combine(self.main(x_BI), x_BI)
        return self.combine(*linear(x_BI, *self.maps()).chunk(2, 1))

    def maps(self) -> tuple[Tensor, Tensor]:
        """Return both linear maps of the input as one: one matrix product costs less than two."""
        residual = cast(nn.Linear, self.residual)
        weight = torch.cat([self.main.weight, residual.weight])
        return weight, torch.cat([self.main.bias, torch.zeros_like(self.main.bias)])

    def combine(self, main_BO: Tensor, residual_BO: Tensor) -> Tensor:
        """Return the block's output from the two linear maps of its input."""
        out: Tensor = self.dropout(self.norm(torch.relu(main_BO))) + residual_BO
        return out


class HybridMusicRecommender(nn.Module):
    """Four embeddings, feature branches and a residual MLP; heads for plays and for rank.

    - Plays head, on log1p(plays):  mu + b_u + b_t + c (s_u b_u + s_t b_t + delta), where b are the
      shrunk means of listener and track, and the MLP gives delta (`final_layer`) and s
      (`trust_layer`: how far each mean is to be trusted here). Both layers are zero at the start,
      so the untrained network equals the listener + track mean. `confidence` c in 0..1 is 1 in
      training and set on validation rows after it.
    - Rank head:  <v_listener, v_track> + bias_track, each a linear map of the embeddings and
      branches that the MLP reads too. An inner product learns "who with what" from fewer rows than
      an MLP (Rendle et al., "Neural Collaborative Filtering vs. Matrix Factorization Revisited",
      RecSys 2020), and ranks a whole catalogue in one matrix product.

    Embedding gradients of users, music and artists are sparse where `sparse` is true.
    """

    def __init__(
        self,
        sizes: Sizes,
        embedding_dim: int = 64,
        hidden_layers: Sequence[int] = (256, 128, 64),
        dropout: float = 0.2,
        sparse: bool = True,
    ) -> None:
        super().__init__()
        D = embedding_dim
        self.sizes = sizes
        self.mean: Tensor
        self.confidence: Tensor
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("confidence", torch.ones(()))
        self.user_embedding = nn.Embedding(sizes.users, D, sparse=sparse)
        self.music_embedding = nn.Embedding(sizes.music, D, sparse=sparse)
        self.artist_embedding = nn.Embedding(sizes.artists, D, sparse=sparse)
        padding = sizes.genres - 1
        self.genre_embedding = nn.EmbeddingBag(sizes.genres, D, mode="mean", padding_idx=padding)
        self.listener_layer = _branch(sizes.user_numerical, D)
        self.numerical_layer = _branch(sizes.numerical, D)
        self.binary_layer = _branch(sizes.binary, D)
        self.listener_width, self.track_width = 2 * D, 5 * D
        widths = [self.listener_width + self.track_width, *hidden_layers]
        self.fc_layers = nn.ModuleList(
            ResidualBlock(before, after, dropout, project=layer == 0)
            for layer, (before, after) in enumerate(pairwise(widths))
        )
        self.listener_vector = nn.Linear(self.listener_width, D)
        self.track_vector = nn.Linear(self.track_width, D)
        self.track_bias = nn.Linear(self.track_width, 1)
        self.final_layer = nn.Linear(hidden_layers[-1], 1)
        self.trust_layer = nn.Linear(hidden_layers[-1], 2)
        self._initialise()

    def _initialise(self) -> None:
        tables = (self.user_embedding, self.music_embedding, self.artist_embedding)
        for table in (*tables, self.genre_embedding):
            nn.init.normal_(table.weight, std=EMBEDDING_STD)
        with torch.no_grad():
            self.genre_embedding.weight[-1] = 0
        for head in (self.final_layer, self.trust_layer):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def embed_listeners(self, listeners: ListenerInputs) -> Tensor:
        """Return the listener side (L, 2 D) of the MLP's input."""
        user = self.user_embedding(listeners.user_L)
        return torch.cat([user, self.listener_layer(listeners.numerical_LF)], 1)

    def embed_tracks(self, tracks: TrackInputs) -> Tensor:
        """Return the track side (K, 5 D) of the MLP's input."""
        parts = [
            self.music_embedding(tracks.music_K),
            self.artist_embedding(tracks.artist_K),
            self.genre_embedding(tracks.genres_KG),
            self.numerical_layer(tracks.numerical_KF),
            self.binary_layer(tracks.binary_KB),
        ]
        return torch.cat(parts, 1)

    def listener_part(self, x_LI: Tensor, mean_L: Tensor) -> Part:
        """Return what embedded listeners bring to the plays head; the layer's constant term too."""
        weight, bias = self._first.maps()
        return Part(linear(x_LI, weight[:, : self.listener_width], bias), mean_L)

    def track_part(self, x_KI: Tensor, mean_K: Tensor) -> Part:
        """Return what embedded tracks bring to the plays head."""
        weight, _ = self._first.maps()
        return Part(linear(x_KI, weight[:, self.listener_width :]), mean_K)

    @property
    def _first(self) -> ResidualBlock:
        return cast(ResidualBlock, self.fc_layers[0])

    def plays(self, listener: Part, track: Part) -> Tensor:
        """Return the predicted log1p(plays) of pairs.

        The parts broadcast: (B, ...) with (B, ...) gives (B,); `listener.as_rows()` with K tracks
        gives (L, K).
        """
        first = listener.first_NH + track.first_NH
        shape = first.shape[:-1]
        h_BH = self._first.combine(*first.flatten(0, -2).chunk(2, 1))
        for block in self.fc_layers[1:]:
            h_BH = block(h_BH)
        delta = self.final_layer(h_BH).view(shape)
        trust = self.trust_layer(h_BH).view(*shape, 2)
        correction = trust[..., 0] * listener.mean_N + trust[..., 1] * track.mean_N + delta
        plays: Tensor = self.mean + listener.mean_N + track.mean_N + self.confidence * correction
        return plays

    def rank(self, x_LI: Tensor, x_KI: Tensor) -> Tensor:
        """Return the rank score of each of L embedded listeners with each of K tracks: (L, K)."""
        bias_K = self.track_bias(x_KI).squeeze(-1)
        return torch.addmm(bias_K, self.listener_vector(x_LI), self.track_vector(x_KI).T)

    def rank_pairs(self, x_BI: Tensor, x_BJ: Tensor) -> Tensor:
        """Return the rank score (B,) of embedded listeners with embedded tracks, side by side."""
        inner_B = torch.linalg.vecdot(self.listener_vector(x_BI), self.track_vector(x_BJ))
        scores_B: Tensor = inner_B + self.track_bias(x_BJ).squeeze(-1)
        return scores_B

    def forward(self, listeners: ListenerInputs, tracks: TrackInputs) -> Tensor:
        """Return the predicted log1p(plays), (B,), of B pairs given side by side."""
        return self.plays(
            self.listener_part(self.embed_listeners(listeners), listeners.mean_L),
            self.track_part(self.embed_tracks(tracks), tracks.mean_K),
        )


def _branch(width_in: int, width_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width_in, width_out), nn.ReLU(), nn.BatchNorm1d(width_out))
