"""The network's rank head as a scorer among the channels: an inner product.

    score(u, t) = < (v_u, 1), (v_t, bias_t) >

The first layer of each head reads listener and track apart (`encore.models.network`), so what is
the tracks' is computed once for all listeners.
"""

from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import torch

from encore.models.batches import Tables
from encore.models.channels import Channel
from encore.models.inputs import Audience, Inputs
from encore.models.network import HybridMusicRecommender
from encore.models.ranking import Floats
from encore.models.rows import Vectors

NETWORK = "network-rank"


class NetworkRank(Channel):
    """Scores of the rank head. It knows listeners by who they are, and not by their history."""

    name: ClassVar[str] = NETWORK

    def __init__(self, network: HybridMusicRecommender, tables: Tables) -> None:
        self._network, self._tables = network.eval(), tables

    def fit(self, inputs: Inputs) -> Self:  # noqa: ARG002
        """Learn nothing: the network is trained by `encore.models.training`."""
        return self

    @torch.inference_mode()
    def fold_in(self, audience: Audience) -> Floats:
        """Return the listeners' vectors (B, D + 1), the last component 1."""
        rows = torch.from_numpy(audience.user_B.astype(np.int64))
        inputs = self._tables.listeners_at(rows.to(self._tables.listeners.user_L.device))
        vector_BD = self._network.listener_vector(self._network.embed_listeners(inputs))
        queries: Floats = torch.nn.functional.pad(vector_BD, (0, 1), value=1.0).cpu().numpy()
        return queries

    def score(self, folded: Floats) -> Floats:
        """Return the inner products (B, T)."""
        scores: Floats = folded @ self.vectors.vectors_TD.T
        return scores

    @cached_property
    def vectors(self) -> Vectors:
        """The tracks' vectors and biases."""
        with torch.inference_mode():
            parts = [
                torch.cat([self._network.track_vector(x_TI), self._network.track_bias(x_TI)], 1)
                for x_TI in map(self._network.embed_tracks, self._tables.tracks_in_parts())
            ]
            return Vectors(torch.cat(parts).cpu().numpy())
