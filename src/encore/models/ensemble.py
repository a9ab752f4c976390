"""Scorers side by side, and the blend of them; `encore.models.choosing` finds its weights.

Each scorer's row is standardised for its listener, so that weights mean the same everywhere:

    blend(l, t) = sum over scorers s of  weight_s x standardised_s(l, t)

with weights of their own for tracks that no training row names.

Legend: B listeners scored together, T tracks with the unknown in column 0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch

from encore.data.features import Features
from encore.data.vocabulary import UNKNOWN, Indices
from encore.models.batches import Tables
from encore.models.channels import Channel
from encore.models.index import Index
from encore.models.inputs import Audience, Inputs
from encore.models.network import HybridMusicRecommender
from encore.models.ranker import Candidates, Ranker
from encore.models.ranking import Floats, TieOrder, standardised
from encore.models.rows import Row, Same, Vectors, Whole

INDEXED_FROM = 50_000  # tracks; below, a product with all vectors costs half a millisecond or less
FITTED_TO = 64  # listeners, by whose vectors an index is fitted
NETWORK = "network-rank"  # the network's rank head, as a scorer among the channels
BLEND = "blend"
RANKER = "ranker"  # the blend in the ranker's order

PAIRS_AT_ONCE = 8192


class Weights(NamedTuple):
    """What each scorer weighs: for tracks that training rows name, and for those that none does.

    An unheard track is only told apart by what it is; weights made for heard ones would drown that.
    """

    heard: dict[str, float]
    unheard: dict[str, float]

    @property
    def used(self) -> list[str]:
        """The scorers that weigh anything."""
        return [
            name
            for name in dict.fromkeys([*self.heard, *self.unheard])
            if self.heard.get(name) or self.unheard.get(name)
        ]

    def among(self, names: Iterable[str]) -> "Weights":
        """Return the weights of these scorers only."""
        kept = set(names)
        heard, unheard = ({n: w for n, w in side.items() if n in kept} for side in self)
        return Weights(heard, unheard)


@dataclass
class Scorers:
    """The fitted channels and the network over one vocabulary of tracks.

    `silent` are those that no blend may use: how much a scorer adds is asked by leaving it out.
    `indexed_from` is the size of catalogue from which the best tracks by a scorer of vectors are
    asked of an index. `standing` are the columns over which scores are standardised, by default
    all: tracks that came after training are scored on its scale, and leave other scores alone.
    """

    features: Features
    tables: Tables
    network: HybridMusicRecommender
    channels: dict[str, Channel]
    inputs: Inputs
    ties: TieOrder
    ranker: Ranker | None = None
    silent: frozenset[str] = frozenset()
    indexed_from: int = INDEXED_FROM
    standing: int | None = None
    _same: dict[str, Row] = field(default_factory=dict, init=False, repr=False)
    _indexed: set[str] = field(default_factory=set, init=False, repr=False)

    @property
    def names(self) -> list[str]:
        """The scorers that a blend may use, the network last."""
        return [name for name in (*self.channels, NETWORK) if name not in self.silent]

    @property
    def indexed(self) -> bool:
        """Whether the catalogue is of a size for an index."""
        return self.features.tracks.rows >= self.indexed_from

    def score(self, name: str, audience: Audience) -> Floats:
        """Return raw scores (B, T) of one scorer. The network knows listeners by `user_B`."""
        if name == NETWORK:
            queries_BD = self._network_queries(audience.user_B)
            scores_BT: Floats = queries_BD @ self._network_vectors.vectors_TD.T
            return scores_BT
        channel = self.channels[name]
        return channel.score(channel.fold_in(audience))

    def row(self, name: str, asking: Audience) -> Row:
        """Return the scores of one listener by one scorer, in the form that is cheapest to ask."""
        self._index(name)
        row = self._row(name, asking)
        row.standing = self.standing
        return row

    def _row(self, name: str, asking: Audience) -> Row:
        if name == NETWORK:
            return self._network_vectors.row(self._network_queries(asking.user_B)[0])
        channel = self.channels[name]
        if not channel.same_for_all:
            return channel.row(channel.fold_in(asking))
        if name not in self._same:
            self._same[name] = Same(channel.score(channel.fold_in(asking))[0])
        return self._same[name]

    def parts(
        self,
        weights: Weights,
        audience: Audience,
        raw: Mapping[str, Floats] | None = None,
        ranked: bool = True,
    ) -> dict[str, Floats]:
        """Return each scorer's weighted, standardised scores (B, T), and what the ranker changes.

        They sum to the scores that ship; not `ranked`, to the blend's. `raw` may hold scores of
        this audience that were computed already.
        """
        ranker = self.serving_ranker if ranked else None
        raw = dict(raw or {})
        for name in ranker.channels if ranker else ():
            if name not in raw:
                raw[name] = self.score(name, audience)
        parts = {}
        for name in weights.used:
            known = raw.get(name)
            scores = self.score(name, audience) if known is None else known
            scores = standardised(scores, self.standing)
            if name == NETWORK:
                scores[audience.user_B == UNKNOWN] = 0
            weight_T = np.where(
                self.features.heard_T, weights.heard.get(name, 0.0), weights.unheard.get(name, 0.0)
            )
            parts[name] = scores * weight_T.astype(np.float32)
        if ranker:
            blend_BT: Floats = np.sum([*parts.values()], axis=0, dtype=np.float32)
            parts[RANKER] = np.zeros_like(blend_BT)
            for b, blend_T in enumerate(blend_BT):
                rows = {name: Whole(raw[name][b], self.standing) for name in ranker.channels}
                asking = audience.at(slice(b, b + 1))
                found = Candidates.of(rows, asking, self.features.heard_T, self.ties)
                column_K = found.column_K
                parts[RANKER][b, column_K] = ranker.correction(blend_T[column_K], found, self.ties)
        return parts

    @property
    def serving_ranker(self) -> Ranker | None:
        """The ranker where all its channels are there."""
        if self.ranker is None or not set(self.ranker.channels) <= set(self.channels):
            return None
        return self.ranker

    def _index(self, name: str) -> None:
        """Fit the index over a scorer's vectors, when it is first asked in a large catalogue."""
        if name in self._indexed or not self.indexed:
            return
        self._indexed.add(name)
        heard = np.flatnonzero(self.features.heard_U)
        some = heard[np.linspace(0, len(heard) - 1, min(FITTED_TO, len(heard))).astype(np.int64)]
        vectors = self._network_vectors if name == NETWORK else self.channels[name].vectors
        if vectors is None or not len(some):
            return
        asking = Audience.known(self.inputs, some.astype(np.int32))
        if name == NETWORK:
            queries_QD = self._network_queries(asking.user_B)
        else:
            queries_QD = self.channels[name].fold_in(asking)
        vectors.index = Index.fitted(vectors.vectors_TD, queries_QD)

    @cached_property
    def _network_vectors(self) -> Vectors:
        """The tracks' side of the rank head, computed once: each track's vector, then its bias."""
        with torch.inference_mode():
            self.network.eval()
            parts = [
                torch.cat([self.network.track_vector(x_TI), self.network.track_bias(x_TI)], 1)
                for x_TI in map(self.network.embed_tracks, self.tables.tracks_in_parts())
            ]
            return Vectors(torch.cat(parts).cpu().numpy())

    @torch.inference_mode()
    def _network_queries(self, user_B: Indices) -> Floats:
        """Return the listeners' side of the rank head (B, D + 1), 1 for the bias."""
        self.network.eval()
        rows = torch.from_numpy(user_B.astype(np.int64)).to(self.tables.listeners.user_L.device)
        x_BI = self.network.embed_listeners(self.tables.listeners_at(rows))
        vector_BD = self.network.listener_vector(x_BI)
        queries: Floats = torch.nn.functional.pad(vector_BD, (0, 1), value=1.0).cpu().numpy()
        return queries

    @torch.inference_mode()
    def plays(self, user_B: Indices) -> Floats:
        """Return the plays head's log1p(plays) of each listener with every track: (B, T)."""
        self.network.eval()
        rows = torch.from_numpy(user_B.astype(np.int64)).to(self.tables.listeners.user_L.device)
        listeners = self.tables.listeners_at(rows)
        part_B = self.network.listener_part(
            self.network.embed_listeners(listeners), listeners.mean_L
        )
        tracks = self.tables.tracks
        part_T = self.network.track_part(self.network.embed_tracks(tracks), tracks.mean_K)
        scored = [
            self.network.plays(part_B.at(one).as_rows(), part_T)
            for one in torch.arange(len(user_B), device=rows.device).split(1)
        ]
        scores: Floats = torch.cat(scored).cpu().numpy()
        return scores

    @torch.inference_mode()
    def predict(self, user_N: Indices, track_N: Indices) -> Floats:
        """Return the predicted log1p(plays) of N pairs."""
        self.network.eval()
        device = self.tables.listeners.user_L.device
        users = torch.from_numpy(user_N.astype(np.int64)).to(device).split(PAIRS_AT_ONCE)
        tracks = torch.from_numpy(track_N.astype(np.int64)).to(device).split(PAIRS_AT_ONCE)
        predicted = [
            self.network(self.tables.listeners_at(user), self.tables.tracks_at(track))
            for user, track in zip(users, tracks, strict=True)
            if len(user)
        ]
        return torch.cat(predicted).cpu().numpy() if predicted else np.zeros(0, np.float32)


@dataclass(frozen=True)
class Choice:
    """The list that ships: its weights, and what validation said of it and of each alone.

    `unheard` are the weights on tracks that no training row names.
    """

    weights: dict[str, float]
    validation: dict[str, float]  # mean NDCG@10 on validation rows
    unheard: dict[str, float] = field(default_factory=dict)
    ranked: bool = False  # whether the ranker orders the best

    @property
    def name(self) -> str:
        """What ships: "ranker", else the one scorer with all the weight, or "blend"."""
        if self.ranked:
            return RANKER
        used = [name for name, weight in self.weights.items() if weight]
        return used[0] if len(used) == 1 else BLEND

    @property
    def both(self) -> Weights:
        """The weights on heard and on unheard tracks."""
        return Weights(self.weights, self.unheard or self.weights)

    def of(self, names: Iterable[str]) -> "Choice":
        """Return the choice among these scorers only."""
        heard, unheard = Weights(self.weights, self.unheard).among(names)
        return Choice(heard, self.validation, unheard, self.ranked)
