"""Distributionally robust training over groups, as one more constrained optimizer."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.constrained import Batch, ConstrainedOptimizer


class GroupDRO(ConstrainedOptimizer):
    r"""Online group DRO (Sagawa, Koh, Hashimoto, Liang 2020, arXiv 1911.08731, algorithm 1).

    Given the losses of the groups as constraints, which ``worst("loss") <= 0`` states, a step
    goes along the gradient of their weighted sum, ::

        q_g <- q_g exp(eta l_g) / sum_h q_h exp(eta l_h) ,    direction: sum_g q_g grad l_g .

    It minimises the loss of the group that is worst off; there is no level that it could keep,
    and the objective is not looked at. In the paper the weights move before the step and on one
    group's loss a time; here all groups are in a batch, and they move after it.

    Parameters
    ----------
    base : torch.optim.Optimizer
    n_constraints : int
        How many groups.
    n_replicates : int, optional
    rate : float
        eta > 0, per unit of loss.
    """

    def __init__(
        self,
        base: torch.optim.Optimizer,
        n_constraints: int,
        n_replicates: int | None = None,
        *,
        rate: float = 0.01,
    ) -> None:
        if not 0 < rate < math.inf:
            raise ValueError(f"rate must be positive and finite, not {rate}.")
        super().__init__(base, n_constraints, n_replicates, estimator=Batch())
        self.rate = rate
        like = self._parameters()[0]
        shape = (n_constraints,) if n_replicates is None else (n_replicates, n_constraints)
        self._logits = torch.zeros(shape, device=like.device)

    @property
    @override
    def multipliers(self) -> Tensor:
        """The weights q of the groups, shape (m,) or (r, m)."""
        return torch.softmax(self._logits, -1)

    @override
    def lagrangian(self, objective: Tensor, constraints: Tensor) -> Tensor:
        return (self.multipliers * constraints).sum(-1)

    @override
    def ascend(self, constraints: Tensor) -> None:
        raised = self._logits + self.rate * constraints
        self._logits = raised - raised.amax(-1, keepdim=True)

    @override
    def _own_state(self) -> dict[str, Any]:
        return {"logits": self._logits.clone()}

    @override
    def _load_own_state(self, state: dict[str, Any]) -> None:
        self._logits = state["logits"].to(self._logits, copy=True)
