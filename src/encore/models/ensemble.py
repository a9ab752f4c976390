"""Scorers side by side, and the blend of them that validation prefers.

Each scorer's row is standardised for its listener, so that weights mean the same everywhere:

    blend(l, t) = sum over scorers s of  weight_s x standardised_s(l, t)

Legend: B listeners scored together, T tracks with the unknown in column 0.
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch

from encore.data.features import Features
from encore.data.vocabulary import UNKNOWN, Indices
from encore.metrics import ndcg_at_k
from encore.models.batches import Tables
from encore.models.channels import Channel
from encore.models.network import HybridMusicRecommender
from encore.models.ranking import (
    EMPTY,
    Floats,
    Integers,
    TieOrder,
    are_held,
    mask_heard,
    standardised,
    top_k,
)

NETWORK = "network-rank"  # the network's rank head, as a scorer among the channels
BLEND = "blend"

WEIGHT_STEPS = 8  # the grid of weights has steps of 1/8
CANDIDATES = 100  # of each scorer, that a blend is tried on
CHOOSING_CUT = 10  # NDCG@10 decides
CHOOSING_SCORES = 40_000_000  # listeners x tracks that choosing reads at most
PAIRS_AT_ONCE = 8192


@dataclass
class Scorers:
    """The fitted channels and the network over one vocabulary of tracks."""

    features: Features
    tables: Tables
    network: HybridMusicRecommender
    channels: dict[str, Channel]
    ties: TieOrder

    @property
    def names(self) -> list[str]:
        """The scorers that a blend may use, the network last."""
        return [*self.channels, NETWORK]

    def score(self, name: str, user_B: Indices, history_BT: sp.csr_array) -> Floats:
        """Return raw scores (B, T) of one scorer. The network knows listeners by `user_B`."""
        if name == NETWORK:
            return self._network_rank(user_B)
        channel = self.channels[name]
        return channel.score(channel.fold_in(history_BT))

    def blend(
        self, weights: Mapping[str, float], user_B: Indices, history_BT: sp.csr_array
    ) -> Floats:
        """Return blended scores (B, T).

        Listeners that the network does not know (`user_B` 0) are scored by the channels alone.
        """
        parts = self.parts(weights, user_B, history_BT)
        total: Floats = np.sum([*parts.values()], axis=0, dtype=np.float32)
        return total

    def parts(
        self, weights: Mapping[str, float], user_B: Indices, history_BT: sp.csr_array
    ) -> dict[str, Floats]:
        """Return each scorer's weighted, standardised scores (B, T); they sum to the blend."""
        parts = {}
        for name, weight in weights.items():
            if weight:
                scores = standardised(self.score(name, user_B, history_BT))
                if name == NETWORK:
                    scores[user_B == UNKNOWN] = 0
                parts[name] = scores * np.float32(weight)
        return parts

    @torch.inference_mode()
    def _network_rank(self, user_B: Indices) -> Floats:
        self.network.eval()
        rows = torch.from_numpy(user_B.astype(np.int64)).to(self.tables.listeners.user_L.device)
        x_BI = self.network.embed_listeners(self.tables.listeners_at(rows))
        x_TI = self.network.embed_tracks(self.tables.tracks)
        scores: Floats = self.network.rank(x_BI, x_TI).cpu().numpy()
        return scores

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
    """The list that ships: its weights, and what validation said of it and of each alone."""

    weights: dict[str, float]
    validation: dict[str, float]  # mean NDCG@10 on validation rows

    @property
    def name(self) -> str:
        """The one scorer with all the weight, or "blend"."""
        used = [name for name, weight in self.weights.items() if weight]
        return used[0] if len(used) == 1 else BLEND


def choose(scorers: Scorers, history_UT: sp.csr_array, held_UT: sp.csr_array, seed: int) -> Choice:
    """Return the weights with the highest mean NDCG@10 on `held_UT`, of a grid that sums to 1.

    All scorers must have been fitted without the held rows. Reads a seeded sample of listeners
    where the catalogue is large.
    """
    listeners = np.flatnonzero(np.diff(held_UT.indptr))
    sample = max(1, CHOOSING_SCORES // history_UT.shape[1])
    if len(listeners) > sample:
        drawn = np.random.default_rng(seed).choice(listeners, sample, replace=False)
        listeners = np.sort(drawn)
    history_BT, held_BT = history_UT[listeners], held_UT[listeners]
    user_B = listeners.astype(np.int32)
    rows = []
    for name in scorers.names:
        scores_BT = standardised(scorers.score(name, user_B, history_BT))
        mask_heard(scores_BT, history_BT)
        rows.append(scores_BT)
    # What a blend puts first stands high with one of its scorers: the rest need not be blended.
    column_BK = _union([top_k(scores_BT, CANDIDATES, scorers.ties) for scores_BT in rows])
    parts_SBK = np.stack([np.take_along_axis(scores_BT, column_BK, 1) for scores_BT in rows])
    held_BK = are_held(column_BK, held_BT)
    place_BK = scorers.ties.place_of_column[column_BK]
    relevant_B = np.diff(held_BT.indptr)

    def quality(weights: dict[str, float]) -> float:
        weight_S = np.array([*weights.values()], np.float32)
        used = weight_S > 0  # a weight of 0 times -inf would be no number
        blended_BK = np.tensordot(weight_S[used], parts_SBK[used], 1)
        best_BK = np.lexsort((place_BK, -blended_BK), axis=1)[:, :CHOOSING_CUT]
        hits_BK = np.take_along_axis(held_BK, best_BK, 1)
        return float(np.nanmean(ndcg_at_k(hits_BK, relevant_B, CHOOSING_CUT)))

    tried = [(quality(weights), weights) for weights in _simplex(scorers.names, WEIGHT_STEPS)]
    best, chosen = max(tried, key=lambda pair: pair[0])
    alone = {
        name: value for value, weights in tried for name, weight in weights.items() if weight == 1
    }
    return Choice(chosen, {**alone, BLEND: best} if max(chosen.values()) < 1 else alone)


def _union(lists: list[Integers]) -> Integers:
    """Return each row's distinct columns of all lists (B, K), the rest filled with the unknown."""
    columns_BK = np.sort(np.concatenate(lists, 1), 1)
    columns_BK[columns_BK == EMPTY] = UNKNOWN
    columns_BK[:, 1:][columns_BK[:, 1:] == columns_BK[:, :-1]] = UNKNOWN
    return columns_BK


def _simplex(names: list[str], steps: int) -> Iterable[dict[str, float]]:
    """Yield all weights in steps of 1/steps that sum to 1, single scorers before blends."""
    grid = itertools.product(range(steps + 1), repeat=len(names))
    whole = [parts for parts in grid if sum(parts) == steps]
    for parts in sorted(whole, key=lambda parts: -max(parts)):
        yield {name: part / steps for name, part in zip(names, parts, strict=True)}
