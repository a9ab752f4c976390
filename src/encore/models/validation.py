"""Judging a network on validation rows, for early stopping and for the plays head's confidence."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from encore.errors import EncoreError
from encore.metrics import ndcg_at_k
from encore.models.losses import plays_loss, rank_loss
from encore.models.ranking import TieOrder, are_held, history_matrix, mask_heard, top_k

if TYPE_CHECKING:
    from encore.models.epochs import Epoch
    from encore.models.training import Training

ROWS_AT_ONCE = 8192  # rows scored together
CUT = 10  # early stopping reads NDCG@10
SCORES = 20_000_000  # listeners x tracks that an epoch's NDCG reads at most


class Validation:
    """Judges a network on validation rows: the plays head on plays, the rank head against draws."""

    def __init__(
        self, training: "Training", held: tuple[np.ndarray, np.ndarray, np.ndarray]
    ) -> None:
        self._training = training
        user, track, target = (torch.from_numpy(values).to(training.device) for values in held)
        known = track > 0
        self._user, self._track, self._target = user[known], track[known], target[known].float()
        generator = torch.Generator().manual_seed(training.config.seed)
        catalogue, drawn = training.features.tracks.rows, training.config.negatives
        self._drawn = torch.randint(1, catalogue, (drawn,), generator=generator).unique()
        self._drawn = self._drawn.to(training.device)
        liked = held[2] > 0
        self._board = _RankBoard(training, held[0][liked], held[1][liked]) if drawn else None

    @torch.inference_mode()
    def __call__(self, epoch: "Epoch") -> "Epoch":
        """Return `epoch` with its validation figures."""
        if not len(self._target):
            raise EncoreError(
                "no validation rows: every listener has too few; raise validation_share"
            )
        predicted, rank = self._judge()
        mse = plays_loss(predicted, self._target).item()
        variance = self._target.var(correction=0).item()
        return replace(
            epoch,
            val_loss=mse + self._training.config.rank_weight * rank,
            val_rmse=mse**0.5,
            val_r2=1 - mse / variance if variance else None,
            val_rank_loss=rank,
            val_ndcg=self._board() if self._board else None,
        )

    @torch.inference_mode()
    def confidence(self) -> float:
        """Return the share of the plays head's correction that serves validation best, in 0..1.

        The least-squares answer for c in  target ~ baseline + c x correction.
        """
        network = self._training.network
        network.confidence.fill_(1.0)
        corrected, _ = self._judge()
        network.confidence.fill_(0.0)
        baseline, _ = self._judge()
        correction = (corrected - baseline).double()
        wanted = torch.dot(correction, (self._target - baseline).double())
        return float(torch.clamp(wanted / correction.square().sum().clamp(min=1e-12), 0, 1))

    def _judge(self) -> tuple[Tensor, float]:
        training, network = self._training, self._training.network
        network.eval()
        predicted, losses = [], [0.0]
        drawn_SI = network.embed_tracks(training.tables.tracks_at(self._drawn))
        for at in torch.arange(len(self._target), device=training.device).split(ROWS_AT_ONCE):
            user = self._user[at].long()
            listeners = training.tables.listeners_at(user)
            tracks = training.tables.tracks_at(self._track[at])
            x_BI, x_BJ = network.embed_listeners(listeners), network.embed_tracks(tracks)
            predicted.append(
                network.plays(
                    network.listener_part(x_BI, listeners.mean_L),
                    network.track_part(x_BJ, tracks.mean_K),
                )
            )
            liked = torch.nonzero(self._target[at] > 0).squeeze(1)
            if len(self._drawn) and len(liked):
                loss = rank_loss(
                    network.rank_pairs(x_BI[liked], x_BJ[liked]),
                    network.rank(x_BI[liked], drawn_SI),
                    training.heard.among(user[liked], self._drawn),
                    torch.arange(len(liked), device=user.device),
                )
                losses.append(loss.item() * len(liked))
        return torch.cat(predicted), sum(losses) / max(int((self._target > 0).sum()), 1)


class _RankBoard:
    """NDCG@10 of the rank head over the whole catalogue, for a seeded sample of listeners."""

    def __init__(self, training: "Training", user: np.ndarray, track: np.ndarray) -> None:
        self._training = training
        shape = (training.features.listeners.rows, training.features.tracks.rows)
        listeners = np.unique(user)
        size = max(1, SCORES // shape[1])
        if len(listeners) > size:
            generator = np.random.default_rng(training.config.seed)
            listeners = np.sort(generator.choice(listeners, size, replace=False))
        rows = training.rows
        trained = (rows.user_N.cpu().numpy(), rows.track_N.cpu().numpy())
        history_UT = history_matrix(*trained, np.ones(len(rows)), shape)
        self._ties = TieOrder.of(np.bincount(trained[1], minlength=shape[1]))
        self._history_BT = history_UT[listeners]
        self._held_BT = history_matrix(user, track, np.ones(len(user)), shape)[listeners]
        self._users = torch.from_numpy(listeners.astype(np.int64)).to(training.device)

    def __call__(self) -> float:
        network, tables = self._training.network, self._training.tables
        x_TI = network.embed_tracks(tables.tracks)
        x_BI = network.embed_listeners(tables.listeners_at(self._users))
        scores_BT = network.rank(x_BI, x_TI).cpu().numpy()
        mask_heard(scores_BT, self._history_BT)
        hits_BK = are_held(top_k(scores_BT, CUT, self._ties), self._held_BT)
        relevant_B = np.diff(self._held_BT.indptr)
        return float(np.nanmean(ndcg_at_k(hits_BK, relevant_B, CUT)))
