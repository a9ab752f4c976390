"""An Adam whose step costs what the batch costs, not what the embedding tables cost.

Dense Adam reads and writes every row of every table at every step; at a million listeners that is
all the time there is. Here tables receive sparse gradients: only rows that a batch touched move
(torch's SparseAdam), and weight decay is applied to those rows alone. Everything else is Adam.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau


class RowAdam:
    """Adam for dense parameters and SparseAdam for embedding tables, under one learning rate.

    With `dense` true one Adam holds all parameters (the network must then be built with
    `sparse=False`).
    """

    def __init__(
        self, network: nn.Module, learning_rate: float, weight_decay: float, dense: bool
    ) -> None:
        tables = [] if dense else _sparse_tables(network)
        known = {id(table) for table in tables}
        others = [p for p in network.parameters() if id(p) not in known]
        self._tables, self._parameters = tables, [*others, *tables]
        self._weight_decay = weight_decay
        self._optimizers: list[torch.optim.Optimizer] = [
            torch.optim.Adam(others, lr=learning_rate, weight_decay=weight_decay, fused=True)
        ]
        if tables:
            self._optimizers.append(torch.optim.SparseAdam(tables, lr=learning_rate))

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, max_grad_norm: float) -> None:
        """Scale gradients down to `max_grad_norm`, decay what they touch, and step."""
        for table in self._tables:
            if table.grad is not None:
                table.grad = table.grad.coalesce()
        values = [_values(p.grad) for p in self._parameters if p.grad is not None]
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(values)))
        scale = torch.clamp(max_grad_norm / (norm + 1e-6), max=1.0)
        torch._foreach_mul_(values, scale)
        if self._weight_decay:
            for table in self._tables:
                if table.grad is not None:
                    rows = table.grad.indices()[0]
                    table.grad.values().add_(table[rows], alpha=self._weight_decay)
        for optimizer in self._optimizers:
            optimizer.step()

    def schedulers(self, factor: float, patience: int) -> list[ReduceLROnPlateau]:
        """Return a ReduceLROnPlateau for each part; step them with the same validation loss."""
        return [
            ReduceLROnPlateau(optimizer, mode="min", factor=factor, patience=patience)
            for optimizer in self._optimizers
        ]

    @property
    def learning_rate(self) -> float:
        """The step size now."""
        return float(self._optimizers[0].param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = value

    def state_dict(self) -> list[dict[str, Any]]:
        """Return the state of all parts, as torch's optimizers give it."""
        return [optimizer.state_dict() for optimizer in self._optimizers]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Take the state that `state_dict` gave."""
        for optimizer, state in zip(self._optimizers, states, strict=True):
            optimizer.load_state_dict(state)


def _sparse_tables(network: nn.Module) -> list[Tensor]:
    embeddings = [module for module in network.modules() if isinstance(module, nn.Embedding)]
    return [embedding.weight for embedding in embeddings if embedding.sparse]


def _values(gradient: Tensor) -> Tensor:
    return gradient.values() if gradient.is_sparse else gradient
