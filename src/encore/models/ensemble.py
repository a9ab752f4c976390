"""Scorers side by side, and the blend of them; `encore.models.choosing` finds its weights.

Each scorer's row is standardised for its listener, so that weights mean the same everywhere:

    blend(l, t) = sum over scorers s of  weight_s x standardised_s(l, t)

with weights of their own for tracks that no training row names.

Legend: B listeners scored together, T tracks with the unknown in column 0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch

from encore.data.features import Features
from encore.data.vocabulary import UNKNOWN, Indices
from encore.models.batches import Tables
from encore.models.channels import Channel
from encore.models.index import Index, best_unheard
from encore.models.inputs import Audience, Inputs
from encore.models.network import HybridMusicRecommender
from encore.models.network_rank import NETWORK, NetworkRank
from encore.models.ranker import Candidates, Ranker
from encore.models.ranking import Floats, Integers, TieOrder, standardised
from encore.models.rows import Row, Same, Whole

INDEXED_FROM = 50_000  # tracks; below, a product with all vectors costs half a millisecond or less
FITTED_TO = 64  # listeners, by whose vectors an index is fitted
LISTENERS_AT_ONCE = 1024
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
    `indexed_from` is the size of catalogue from which `warm` fits an index over the vectors of a
    scorer that has them. `standing` are the columns over which scores are standardised, by default
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
    _listeners: dict[str, Floats] = field(default_factory=dict, init=False, repr=False)

    @property
    def names(self) -> list[str]:
        """The scorers that a blend may use, the network last."""
        return [name for name in (*self.channels, NETWORK) if name not in self.silent]

    @cached_property
    def _every(self) -> dict[str, Channel]:
        return {**self.channels, NETWORK: NetworkRank(self.network, self.tables)}

    def score(self, name: str, audience: Audience) -> Floats:
        """Return raw scores (B, T) of one scorer. The network knows listeners by `user_B`."""
        scorer = self._every[name]
        return scorer.score(self._folded(name, audience))

    def row(self, name: str, asking: Audience) -> Row:
        """Return the scores of one listener by one scorer, in the form that is cheapest to ask."""
        row = self._row(name, asking)
        row.standing = self.standing
        return row

    def _row(self, name: str, asking: Audience) -> Row:
        scorer = self._every[name]
        if not scorer.same_for_all:
            return scorer.row(self._folded(name, asking))
        if name not in self._same:
            self._same[name] = Same(scorer.score(scorer.fold_in(asking))[0])
        return self._same[name]

    def warm(self, listeners: bool = True) -> None:
        """Compute ahead what requests share: indexes, and the vectors of all known `listeners`.

        An index over tracks' vectors is fitted to some listeners, in a catalogue of `indexed_from`
        on. Listeners' vectors take 4 bytes a component: with 64, 256 MB a million and scorer.
        """
        everybody = np.arange(self.features.listeners.rows, dtype=np.int32)
        heard = np.flatnonzero(self.features.heard_U).astype(np.int32)
        some = heard[np.linspace(0, len(heard) - 1, min(FITTED_TO, len(heard))).astype(np.int64)]
        large = len(some) and self.features.tracks.rows >= self.indexed_from
        for name, scorer in self._every.items():
            if (vectors := scorer.vectors) is None:
                continue
            if large and vectors.index is None:
                queries_QD = scorer.fold_in(Audience.known(self.inputs, some))
                vectors.index = Index.fitted(vectors.vectors_TD, queries_QD)
            if listeners and name not in self._listeners:
                table_UD = np.empty((len(everybody), vectors.width), np.float32)
                for block in np.array_split(everybody, -(-len(everybody) // LISTENERS_AT_ONCE)):
                    table_UD[block] = scorer.fold_in(Audience.known(self.inputs, block))
                self._listeners[name] = table_UD

    def _folded(self, name: str, audience: Audience) -> Any:
        """Return what a scorer knows of listeners; of known ones, where it was computed ahead."""
        if name in self._listeners and audience.as_trained:
            return self._listeners[name][audience.user_B]
        return self._every[name].fold_in(audience)

    def indexes(self) -> dict[str, Index]:
        """Return the indexes that were fitted, by scorer."""
        tables = {name: scorer.vectors for name, scorer in self._every.items()}
        return {name: table.index for name, table in tables.items() if table and table.index}

    def top_by(self, name: str, audience: Audience, k: int) -> Integers | None:
        """Return the best unheard tracks (B, k) by one scorer; None where it has no vectors."""
        scorer = self._every.get(name)
        if scorer is None or (vectors := scorer.vectors) is None:
            return None
        queries_BD = self._folded(name, audience)
        return best_unheard(vectors.vectors_TD, queries_BD, audience.history_BT, k, self.ties)

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
    def alone(self) -> str | None:
        """The one scorer by whose order heard and unheard tracks are listed; None where several."""
        used = self.both.used
        heard, unheard = (side.get(used[0]) if used else None for side in self.both)
        return used[0] if len(used) == 1 and not self.ranked and heard == unheard else None

    @property
    def both(self) -> Weights:
        """The weights on heard and on unheard tracks."""
        return Weights(self.weights, self.unheard or self.weights)

    def of(self, names: Iterable[str]) -> "Choice":
        """Return the choice among these scorers only."""
        heard, unheard = Weights(self.weights, self.unheard).among(names)
        return Choice(heard, self.validation, unheard, self.ranked)
