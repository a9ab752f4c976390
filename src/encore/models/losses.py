"""The two losses of the network, each a mean over the rows of a batch."""

import torch
from torch import Tensor


def plays_loss(predicted_B: Tensor, target_B: Tensor) -> Tensor:
    """Return the mean squared error on log1p(plays); 0 on an empty batch.

    >>> plays_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0])).item()
    2.0
    """
    if not predicted_B.numel():
        return predicted_B.sum()
    return torch.mean((predicted_B - target_B) ** 2)


def rank_loss(
    played_B: Tensor, drawn_LS: Tensor, is_heard_LS: Tensor, listener_B: Tensor
) -> Tensor:
    """Return the sampled softmax loss: -log of the played track's share beside S drawn ones.

        -log( exp(played) / (exp(played) + sum over drawn and unheard of exp(drawn)) )

    Row b was played by listener `listener_B[b]` of L, whose scores of the drawn tracks are a row of
    `drawn_LS`. A drawn track that the listener has heard (`is_heard_LS`) is no negative.

    >>> drawn, heard = torch.zeros(1, 3), torch.tensor([[False, False, True]])
    >>> loss = rank_loss(torch.zeros(2), drawn, heard, torch.tensor([0, 0]))
    >>> round(loss.exp().item(), 6)
    3.0
    """
    against_L = torch.logsumexp(drawn_LS.masked_fill(is_heard_LS, -torch.inf), 1)
    return torch.mean(torch.logaddexp(played_B, against_L.index_select(0, listener_B)) - played_B)
