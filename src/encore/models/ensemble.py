"""Scorers side by side, and the blend of them that validation prefers.

Each scorer's row is standardised for its listener, so that weights mean the same everywhere:

    blend(l, t) = sum over scorers s of  weight_s x standardised_s(l, t)

with weights of their own for tracks that no training row names.

Legend: B listeners scored together, T tracks with the unknown in column 0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from encore.data.features import Features
from encore.data.vocabulary import UNKNOWN, Indices
from encore.metrics import ndcg_at_k
from encore.models.batches import Tables
from encore.models.channels import Channel, Content, Hybrid
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

CANDIDATES = 100  # of each scorer, that a blend is tried on
UNHEARD_CANDIDATES = 30  # of each scorer, among the tracks that no training row names
LEAST_UNHEARD = 50  # held-out pairs with such tracks, below which validation says nothing of them
UNHEARD_SHARE = 1 / 16  # of the weight on heard tracks, where validation says nothing
LEAST_SHARE = 0.01  # of all weights: what is below comes from the rounding of the search
UNLIKE = 1e-4  # deviations by which scores must differ to count as unlike
STEPS = 100  # of the search for the likeliest weights, at most
CHOOSING_CUT = 10  # NDCG@10 decides
CHOOSING_SCORES = 40_000_000  # listeners x tracks that choosing reads at most
PAIRS_AT_ONCE = 8192
LISTENERS_AT_ONCE = 256
FAR_BELOW = np.float32(-1e9)  # the score of a place without a candidate


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

    def blend(self, weights: Weights, audience: Audience) -> Floats:
        """Return blended scores (B, T).

        Listeners that the network does not know (`user_B` 0) are scored by the channels alone.
        """
        total: Floats = np.sum([*self.parts(weights, audience).values()], axis=0, dtype=np.float32)
        return total

    def parts(
        self, weights: Weights, audience: Audience, raw: Mapping[str, Floats] | None = None
    ) -> dict[str, Floats]:
        """Return each scorer's weighted, standardised scores (B, T); they sum to the blend.

        `raw` may hold scores of this audience that were computed already.
        """
        parts = {}
        for name in weights.used:
            known = (raw or {}).get(name)
            scores = standardised(self.score(name, audience) if known is None else known)
            if name == NETWORK:
                scores[audience.user_B == UNKNOWN] = 0
            weight_T = np.where(
                self.features.heard_T, weights.heard.get(name, 0.0), weights.unheard.get(name, 0.0)
            )
            parts[name] = scores * weight_T.astype(np.float32)
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
    """The list that ships: its weights, and what validation said of it and of each alone.

    `unheard` are the weights on tracks that no training row names.
    """

    weights: dict[str, float]
    validation: dict[str, float]  # mean NDCG@10 on validation rows
    unheard: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The one scorer with all the weight, or "blend"."""
        used = [name for name, weight in self.weights.items() if weight]
        return used[0] if len(used) == 1 else BLEND

    @property
    def both(self) -> Weights:
        """The weights on heard and on unheard tracks."""
        return Weights(self.weights, self.unheard or self.weights)

    def of(self, names: Iterable[str]) -> "Choice":
        """Return the choice among these scorers only."""
        heard, unheard = Weights(self.weights, self.unheard).among(names)
        return Choice(heard, self.validation, unheard)


def choose(
    scorers: Scorers, audience: Audience, held_BT: sp.csr_array, seed: int, mask: bool = True
) -> Choice:
    """Return the weights under which the held-out tracks `held_BT` are likeliest to be chosen.

    Of a listener's candidates each is chosen with probability softmax(blend): the conditional logit
    of McFadden, "Conditional logit analysis of qualitative choice behavior", 1974. The weights, 0
    or more, maximise the likelihood of the held-out tracks; unlike NDCG it hears all of them and
    moves smoothly, so that a few hundred listeners tell weights apart. Those that the scorers have
    no row of are weighted on their own, in the same likelihood. A weight below `LEAST_SHARE` of all
    is none. Should a scorer alone have the better NDCG@10, it ships alone.

    All scorers must have been fitted without the held rows. Reads a seeded sample of listeners
    where the catalogue is large. Without `mask` heard tracks may be recommended too.
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

    def quality(heard_S: Floats, unheard_S: Floats) -> float:
        return float(np.nanmean(np.concatenate([t.ndcg(heard_S, unheard_S) for t in trials])))

    names = scorers.names
    heard_S, unheard_S = _likeliest(trials, len(names))
    if sum(trial.relevant_unheard_B.sum() for trial in trials) < LEAST_UNHEARD:
        told_by = next(name for name in (Hybrid.name, Content.name, NETWORK) if name in names)
        unheard_S = np.array([name == told_by for name in names], np.float32) * UNHEARD_SHARE
    unit_SS = np.eye(len(names), dtype=np.float32)
    alone_S = [quality(one_S, one_S) for one_S in unit_SS]
    blended = quality(heard_S, unheard_S)
    alone = dict(zip(names, alone_S, strict=True))
    if blended <= max(alone_S):
        heard_S = unit_SS[int(np.argmax(alone_S))]
    if np.count_nonzero(heard_S) > 1:
        alone[BLEND] = blended
    weights, unheard = (
        {name: round(float(w), 4) for name, w in zip(names, side_S, strict=True)}
        for side_S in (heard_S, unheard_S)
    )
    return Choice(weights, alone, unheard)


def _likeliest(trials: "list[_Trial]", scorers: int) -> tuple[Floats, Floats]:
    """Return the likeliest weights on heard and on unheard tracks; those on heard sum to 1."""
    raw_2S = torch.full((2, scorers), 0.0, requires_grad=True)
    optimizer = torch.optim.LBFGS([raw_2S], max_iter=STEPS, line_search_fn="strong_wolfe")
    rows = sum(len(trial.row_H) for trial in trials)
    # A scorer to which all unheard tracks are alike says nothing of them.
    tells_S = np.any([trial.tells_unheard_apart() for trial in trials], axis=0)
    may_2S = torch.from_numpy(np.stack([np.ones(scorers), tells_S]).astype(np.float32))

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        weight_2S = torch.nn.functional.softplus(raw_2S) * may_2S
        loss = torch.stack([trial.surprise(weight_2S) for trial in trials]).sum() / max(rows, 1)
        loss.backward()
        return loss

    optimizer.step(closure)
    weight_2S: Floats = (torch.nn.functional.softplus(raw_2S) * may_2S).detach().numpy()
    weight_2S = weight_2S / weight_2S[0].sum()
    weight_2S[weight_2S < LEAST_SHARE * weight_2S.sum(1, keepdims=True)] = 0
    return weight_2S[0], weight_2S[1]


@dataclass(frozen=True)
class _Trial:
    """Some listeners' candidates with each scorer's score, on which blends are tried.

    What a blend puts first stands high with one of its scorers: the rest need not be blended.
    Legend: S scorers, K candidates, H held-out tracks that are candidates.
    """

    parts_SBK: Floats
    place_BK: Integers
    unheard_BK: npt.NDArray[np.bool_]
    row_H: Integers
    column_H: Integers
    relevant_B: Integers
    relevant_unheard_B: Integers

    @classmethod
    def of(
        cls, scorers: Scorers, audience: Audience, held_BT: sp.csr_array, mask: bool
    ) -> "_Trial":
        heard_T = scorers.features.heard_T
        rows, best = [], []
        for name in scorers.names:
            scores_BT = standardised(scorers.score(name, audience))
            if mask:
                mask_heard(scores_BT, audience.history_BT)
            rows.append(scores_BT)
            best.append(top_k(scores_BT, CANDIDATES, scorers.ties))
            of_unheard_BT = np.where(heard_T, -np.inf, scores_BT)
            best.append(top_k(of_unheard_BT, UNHEARD_CANDIDATES, scorers.ties))
        column_BK = _union(best)
        parts_SBK = np.stack([np.take_along_axis(scores_BT, column_BK, 1) for scores_BT in rows])
        parts_SBK[:, column_BK == UNKNOWN] = FAR_BELOW
        unheard_BK = ~heard_T[column_BK] & (column_BK != UNKNOWN)
        held_BK = are_held(column_BK, held_BT) & (column_BK != UNKNOWN)
        row_H, column_H = held_BK.nonzero()
        unheard_BT = held_BT @ sp.diags_array((~heard_T).astype(np.float32))
        return cls(
            parts_SBK,
            scorers.ties.place_of_column[column_BK],
            unheard_BK,
            row_H,
            column_H,
            np.diff(held_BT.indptr),
            np.asarray((unheard_BT > 0).sum(axis=1)).ravel(),
        )

    def tells_unheard_apart(self) -> npt.NDArray[np.bool_]:
        """Return which scorers (S,) give unheard candidates of some listener unlike scores."""
        open_BK = self.unheard_BK & (self.parts_SBK[0] > FAR_BELOW)
        highest_SB = np.where(open_BK, self.parts_SBK, -np.inf).max(2)
        lowest_SB = np.where(open_BK, self.parts_SBK, np.inf).min(2)
        return np.asarray((highest_SB > lowest_SB + UNLIKE).any(1))

    def surprise(self, weight_2S: torch.Tensor) -> torch.Tensor:
        """Return the sum of -log of each held-out candidate's probability to be chosen."""
        parts_SBK = torch.from_numpy(self.parts_SBK)
        open_BK = torch.from_numpy(self.parts_SBK[0] > FAR_BELOW)
        parts_SBK = parts_SBK.where(open_BK, 0.0)
        heard_BK, unheard_BK = (torch.tensordot(weight_S, parts_SBK, 1) for weight_S in weight_2S)
        blended_BK = torch.where(torch.from_numpy(self.unheard_BK), unheard_BK, heard_BK)
        blended_BK = blended_BK.masked_fill(~open_BK, float(FAR_BELOW))
        row_H, column_H = torch.from_numpy(self.row_H), torch.from_numpy(self.column_H)
        return (torch.logsumexp(blended_BK, 1)[row_H] - blended_BK[row_H, column_H]).sum()

    def ndcg(self, heard_S: Floats, unheard_S: Floats) -> npt.NDArray[np.float64]:
        """Return NDCG@10 of each listener under these weights."""
        heard_BK, unheard_BK = self._blended(heard_S), self._blended(unheard_S)
        blended_BK = np.where(self.unheard_BK, unheard_BK, heard_BK)
        other_HK = blended_BK[self.row_H]
        own_H1 = blended_BK[self.row_H, self.column_H][:, None]
        earlier_HK = self.place_BK[self.row_H] < self.place_BK[self.row_H, self.column_H][:, None]
        slot_H = ((other_HK > own_H1) | ((other_HK == own_H1) & earlier_HK)).sum(1)
        listed = slot_H < CHOOSING_CUT
        hits_BK = np.zeros((len(self.relevant_B), CHOOSING_CUT), np.bool_)
        hits_BK[self.row_H[listed], slot_H[listed]] = True
        return ndcg_at_k(hits_BK, self.relevant_B, CHOOSING_CUT)

    def _blended(self, share_S: Floats) -> Floats:
        used = share_S > 0
        blended: Floats = np.tensordot(share_S[used], self.parts_SBK[used], 1)
        return blended


def _union(lists: list[Integers]) -> Integers:
    """Return each row's distinct columns of all lists (B, K), the rest filled with the unknown."""
    columns_BK = np.sort(np.concatenate(lists, 1), 1)
    columns_BK[columns_BK == EMPTY] = UNKNOWN
    columns_BK[:, 1:][columns_BK[:, 1:] == columns_BK[:, :-1]] = UNKNOWN
    return columns_BK
