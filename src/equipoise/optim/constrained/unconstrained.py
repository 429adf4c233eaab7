"""No method at all: the baseline that every other is compared with."""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.constrained.estimators import Batch, Estimator
from equipoise.optim.constrained.method import ConstrainedOptimizer


class Unconstrained(ConstrainedOptimizer):
    """The wrapped optimizer on the objective alone; constraints are estimated and ignored.

    Parameters
    ----------
    base : torch.optim.Optimizer
    estimator : Estimator, optional
    """

    def __init__(self, base: torch.optim.Optimizer, estimator: Estimator | None = None) -> None:
        super().__init__(base, estimator or Batch())

    @override
    def lagrangian(self, objective: Tensor, constraints: Tensor) -> Tensor:
        return objective
