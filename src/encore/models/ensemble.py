"""Scorers side by side, and the blend of them that validation prefers.

Each scorer's row is standardised for its listener, so that weights mean the same everywhere:

    blend(l, t) = sum over scorers s of  weight_s x standardised_s(l, t)

Legend: B listeners scored together, T tracks with the unknown in column 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from encore.data.features import Features
from encore.data.vocabulary import UNKNOWN, Indices
from encore.metrics import ndcg_at_k
from encore.models.batches import Tables
from encore.models.channels import Channel
from encore.models.inputs import Audience, Inputs
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

ROUNDS = 24  # of the greedy search: the finest weight is 1/25
CANDIDATES = 100  # of each scorer, that a blend is tried on
CHOOSING_CUT = 10  # NDCG@10 decides
CHOOSING_SCORES = 40_000_000  # listeners x tracks that choosing reads at most
PAIRS_AT_ONCE = 8192
LISTENERS_AT_ONCE = 256
FAR_BELOW = np.float32(-1e9)  # the score of a place without a candidate


@dataclass
class Scorers:
    """The fitted channels and the network over one vocabulary of tracks."""

    features: Features
    tables: Tables
    network: HybridMusicRecommender
    channels: dict[str, Channel]
    inputs: Inputs
    ties: TieOrder

    @property
    def names(self) -> list[str]:
        """The scorers that a blend may use, the network last."""
        return [*self.channels, NETWORK]

    def score(self, name: str, audience: Audience) -> Floats:
        """Return raw scores (B, T) of one scorer. The network knows listeners by `user_B`."""
        if name == NETWORK:
            return self._network_rank(audience.user_B)
        channel = self.channels[name]
        return channel.score(channel.fold_in(audience))

    def blend(self, weights: Mapping[str, float], audience: Audience) -> Floats:
        """Return blended scores (B, T).

        Listeners that the network does not know (`user_B` 0) are scored by the channels alone.
        """
        total: Floats = np.sum([*self.parts(weights, audience).values()], axis=0, dtype=np.float32)
        return total

    def parts(
        self,
        weights: Mapping[str, float],
        audience: Audience,
        raw: Mapping[str, Floats] | None = None,
    ) -> dict[str, Floats]:
        """Return each scorer's weighted, standardised scores (B, T); they sum to the blend.

        `raw` may hold scores of this audience that were computed already.
        """
        parts = {}
        for name, weight in weights.items():
            if weight:
                known = (raw or {}).get(name)
                scores = standardised(self.score(name, audience) if known is None else known)
                if name == NETWORK:
                    scores[audience.user_B == UNKNOWN] = 0
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

    def of(self, names: list[str]) -> "Choice":
        """Return the choice among these scorers only."""
        return Choice({n: w for n, w in self.weights.items() if n in names}, self.validation)


def choose(
    scorers: Scorers, audience: Audience, held_BT: sp.csr_array, seed: int, mask: bool = True
) -> Choice:
    """Return the weights of the highest mean NDCG@10 on `held_BT` that a greedy search finds.

    All scorers must have been fitted without the held rows. From the best scorer on, each round
    adds one more share of the scorer that helps most; the best of all rounds wins (Caruana et al.,
    "Ensemble Selection from Libraries of Models", ICML 2004, section 2.1). A scorer that never
    helps has weight 0. Reads a seeded sample of listeners where the catalogue is large. Without
    `mask` heard tracks may be recommended too.
    """
    listeners = np.flatnonzero(np.diff(held_BT.indptr))
    sample = max(1, CHOOSING_SCORES // held_BT.shape[1])
    if len(listeners) > sample:
        drawn = np.random.default_rng(seed).choice(listeners, sample, replace=False)
        listeners = np.sort(drawn)
    trials = [
        _Trial.of(scorers, audience.at(block), held_BT[block], mask)
        for block in np.array_split(listeners, -(-len(listeners) // LISTENERS_AT_ONCE))
    ]

    def quality(share_S: Floats) -> float:
        return float(np.nanmean(np.concatenate([trial.ndcg(share_S) for trial in trials])))

    unit_SS = np.eye(len(scorers.names), dtype=np.float32)
    alone_S = [quality(share_S) for share_S in unit_SS]
    share_S = unit_SS[int(np.argmax(alone_S))]
    best, best_S = max(alone_S), share_S
    for _ in range(ROUNDS):
        tried = [quality(share_S + one_S) for one_S in unit_SS]
        share_S = share_S + unit_SS[int(np.argmax(tried))]
        if max(tried) > best:
            best, best_S = max(tried), share_S
    weights = {n: float(w) for n, w in zip(scorers.names, best_S / best_S.sum(), strict=True)}
    alone = dict(zip(scorers.names, alone_S, strict=True))
    return Choice(weights, {**alone, BLEND: best} if max(weights.values()) < 1 else alone)


@dataclass(frozen=True)
class _Trial:
    """Some listeners' candidates with each scorer's score, on which blends are tried.

    What a blend puts first stands high with one of its scorers: the rest need not be blended.
    Legend: S scorers, K candidates, H held-out tracks that are candidates.
    """

    parts_SBK: Floats
    place_BK: Integers
    row_H: Integers
    column_H: Integers
    relevant_B: Integers

    @classmethod
    def of(
        cls, scorers: Scorers, audience: Audience, held_BT: sp.csr_array, mask: bool
    ) -> "_Trial":
        rows = []
        for name in scorers.names:
            scores_BT = standardised(scorers.score(name, audience))
            if mask:
                mask_heard(scores_BT, audience.history_BT)
            rows.append(scores_BT)
        column_BK = _union([top_k(scores_BT, CANDIDATES, scorers.ties) for scores_BT in rows])
        parts_SBK = np.stack([np.take_along_axis(scores_BT, column_BK, 1) for scores_BT in rows])
        parts_SBK[:, column_BK == UNKNOWN] = FAR_BELOW
        row_H, column_H = np.nonzero(are_held(column_BK, held_BT) & (column_BK != UNKNOWN))
        place_BK = scorers.ties.place_of_column[column_BK]
        return cls(parts_SBK, place_BK, row_H, column_H, np.diff(held_BT.indptr))

    def ndcg(self, share_S: Floats) -> npt.NDArray[np.float64]:
        """Return NDCG@10 of each listener under these weights."""
        used = share_S > 0
        blended_BK = np.tensordot(share_S[used], self.parts_SBK[used], 1)
        other_HK = blended_BK[self.row_H]
        own_H1 = blended_BK[self.row_H, self.column_H][:, None]
        earlier_HK = self.place_BK[self.row_H] < self.place_BK[self.row_H, self.column_H][:, None]
        before_HK = (other_HK > own_H1) | ((other_HK == own_H1) & earlier_HK)
        slot_H = before_HK.sum(1)
        listed = slot_H < CHOOSING_CUT
        hits_BK = np.zeros((len(self.relevant_B), CHOOSING_CUT), np.bool_)
        hits_BK[self.row_H[listed], slot_H[listed]] = True
        return ndcg_at_k(hits_BK, self.relevant_B, CHOOSING_CUT)


def _union(lists: list[Integers]) -> Integers:
    """Return each row's distinct columns of all lists (B, K), the rest filled with the unknown."""
    columns_BK = np.sort(np.concatenate(lists, 1), 1)
    columns_BK[columns_BK == EMPTY] = UNKNOWN
    columns_BK[:, 1:][columns_BK[:, 1:] == columns_BK[:, :-1]] = UNKNOWN
    return columns_BK
