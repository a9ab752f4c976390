"""Choosing the list: the weights of the blend that held-out rows make likeliest.

::

    scorers ─ candidates of each listener ─ conditional logit ─ weights ─ Choice

Legend: B listeners scored together, T tracks with the unknown in column 0, S scorers, K candidates.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from encore.data.vocabulary import UNKNOWN
from encore.metrics import ndcg_at_k
from encore.models.channels import Content, Hybrid
from encore.models.ensemble import BLEND, Choice, Scorers
from encore.models.inputs import Audience
from encore.models.network_rank import NETWORK
from encore.models.quality import CUT, blocks
from encore.models.ranking import (
    Floats,
    Integers,
    are_held,
    mask_heard,
    standardised,
    top_k,
    union,
)

CANDIDATES = 100  # of each scorer, that a blend is tried on
UNHEARD_CANDIDATES = 30  # of each scorer, among the tracks that no training row names
LEAST_UNHEARD = 50  # held-out pairs with such tracks, below which validation says nothing of them
UNHEARD_SHARE = 1 / 16  # of the weight on heard tracks, where validation says nothing
LEAST_SHARE = 0.01  # of all weights: what is below comes from the rounding of the search
UNLIKE = 1e-4  # deviations by which scores must differ to count as unlike
STEPS = 100  # of the search for the likeliest weights, at most
FAR_BELOW = np.float32(-1e9)  # the score of a place without a candidate


def choose(
    scorers: Scorers,
    audience: Audience,
    held_BT: sp.csr_array,
    seed: int,
    new_BT: sp.csr_array | None = None,
) -> Choice:
    """Return the weights under which the held-out tracks `held_BT` are likeliest to be chosen.

    Of a listener's candidates each is chosen with probability softmax(blend): the conditional logit
    of McFadden, "Conditional logit analysis of qualitative choice behavior", 1974. The weights, 0
    or more, maximise the likelihood of the held-out tracks; unlike NDCG it hears all of them and
    moves smoothly, so that a few hundred listeners tell weights apart. Those that the scorers have
    no row of are weighted on their own, in the same likelihood. A weight below `LEAST_SHARE` of all
    is none. Should a scorer alone have the better NDCG@10, it ships alone.

    Tracks without a row are mostly those that hardly anybody plays. What to trust in new ones that
    will be liked is learned from `new_BT`, rows of tracks that were taken out whole: they decide
    how the weights on unheard tracks are shared out, `held_BT` how much they are in all.

    All scorers must have been fitted without the held rows. Reads a seeded sample of listeners
    where the catalogue is large.
    """
    trials = [
        _Trial.of(scorers, audience.at(block), held_BT[block]) for block in _some(held_BT, seed)
    ]

    def quality(heard_S: Floats, unheard_S: Floats) -> float:
        return float(np.nanmean(np.concatenate([t.ndcg(heard_S, unheard_S) for t in trials])))

    names = scorers.names
    heard_S, unheard_S = _likeliest(trials, len(names))
    if sum(trial.relevant_unheard_B.sum() for trial in trials) < LEAST_UNHEARD:
        told_by = next((n for n in (Hybrid.name, Content.name, NETWORK) if n in names), names[0])
        unheard_S = np.array([name == told_by for name in names], np.float32) * UNHEARD_SHARE
    if new_BT is not None and new_BT.nnz:
        share_S = _for_new(scorers, audience, new_BT, seed)
        if share_S.any():  # a single new track tells no scorer from another
            unheard_S = share_S * max(unheard_S.sum(), UNHEARD_SHARE)
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


def _some(held_BT: sp.csr_array, seed: int) -> list[Integers]:
    return blocks(np.flatnonzero(np.diff(held_BT.indptr)), held_BT.shape[1], seed)


def _for_new(scorers: Scorers, audience: Audience, new_BT: sp.csr_array, seed: int) -> Floats:
    """Return the likeliest weights (S,), summing to 1, where only the tracks of `new_BT` compete.

    N of them.
    """
    column_N = np.unique(new_BT.indices)
    found = []
    for block in _some(new_BT, seed):
        asking = audience.at(block)
        parts = [standardised(scorers.score(name, asking))[:, column_N] for name in scorers.names]
        chosen_BN = new_BT[block][:, column_N].toarray() > 0
        found.append((torch.from_numpy(np.stack(parts)), torch.from_numpy(chosen_BN)))
    told_S = np.any([((p.amax(2) - p.amin(2)) > UNLIKE).any(1).numpy() for p, _ in found], axis=0)

    def surprise(weight_S: torch.Tensor) -> torch.Tensor:
        logs = [torch.tensordot(weight_S, p, 1).log_softmax(1)[chosen].sum() for p, chosen in found]
        total: torch.Tensor = -torch.stack(logs).sum() / new_BT.nnz
        return total

    weight_S: Floats = _minimised(surprise, told_S.astype(np.float32))
    weight_S /= max(weight_S.sum(), np.finfo(np.float32).tiny)
    weight_S[weight_S < LEAST_SHARE] = 0
    return weight_S


def _minimised(loss: Callable[[torch.Tensor], torch.Tensor], may: Floats) -> Floats:
    """Return the weights, 0 or more and 0 where they may not be more, of the least loss."""
    raw, allowed = torch.zeros(may.shape, requires_grad=True), torch.from_numpy(may)
    optimizer = torch.optim.LBFGS([raw], max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss(torch.nn.functional.softplus(raw) * allowed)
        value.backward()
        return value

    optimizer.step(closure)
    weights: Floats = (torch.nn.functional.softplus(raw) * allowed).detach().numpy()
    return weights


def _likeliest(trials: "list[_Trial]", scorers: int) -> tuple[Floats, Floats]:
    """Return the likeliest weights on heard and on unheard tracks; those on heard sum to 1."""
    rows = sum(len(trial.row_H) for trial in trials)
    # A scorer to which all unheard tracks are alike says nothing of them.
    tells_S = np.any([trial.tells_unheard_apart() for trial in trials], axis=0)
    may_2S = np.stack([np.ones(scorers), tells_S]).astype(np.float32)

    def surprise(weight_2S: torch.Tensor) -> torch.Tensor:
        return torch.stack([trial.surprise(weight_2S) for trial in trials]).sum() / max(rows, 1)

    weight_2S = _minimised(surprise, may_2S)
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
    def of(cls, scorers: Scorers, audience: Audience, held_BT: sp.csr_array) -> "_Trial":
        heard_T = scorers.features.heard_T
        rows, best = [], []
        for name in scorers.names:
            scores_BT = standardised(scorers.score(name, audience))
            mask_heard(scores_BT, audience.history_BT)
            rows.append(scores_BT)
            best.append(top_k(scores_BT, CANDIDATES, scorers.ties))
            of_unheard_BT = np.where(heard_T, -np.inf, scores_BT)
            best.append(top_k(of_unheard_BT, UNHEARD_CANDIDATES, scorers.ties))
        column_BK = union(best)
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
        listed = slot_H < CUT
        hits_BK = np.zeros((len(self.relevant_B), CUT), np.bool_)
        hits_BK[self.row_H[listed], slot_H[listed]] = True
        return ndcg_at_k(hits_BK, self.relevant_B, CUT)

    def _blended(self, share_S: Floats) -> Floats:
        used = share_S > 0
        blended: Floats = np.tensordot(share_S[used], self.parts_SBK[used], 1)
        return blended
