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


def rank_loss(played_B: Tensor, drawn_BS: Tensor, is_heard_BS: Tensor) -> Tensor:
    """Return the sampled softmax loss: -log of the played track's share beside S drawn ones.

        -log( exp(played) / (exp(played) + sum over drawn and unheard of exp(drawn)) )

    A drawn track that the listener has heard (`is_heard_BS`) does not count as a negative.

    >>> drawn, heard = torch.zeros(1, 3), torch.tensor([[False, False, True]])
    >>> round(rank_loss(torch.zeros(1), drawn, heard).exp().item(), 6)
    3.0
    """
    unheard_BS = drawn_BS.masked_fill(is_heard_BS, -torch.inf)
    scores = torch.cat([played_B.unsqueeze(1), unheard_BS], 1)
    return torch.mean(torch.logsumexp(scores, 1) - played_B)
