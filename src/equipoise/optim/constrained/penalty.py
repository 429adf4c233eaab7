"""The exact penalty: what is violated is added to the objective."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.constrained.estimators import Batch, Estimator
from equipoise.optim.constrained.method import ConstrainedOptimizer


class Penalty(ConstrainedOptimizer):
    r"""min f(x) + strength * sum_j [c_j(x)]_+ .

    The penalty is exact: with a strength above the largest Lagrange multiplier its minimum is
    the constrained one (Nocedal and Wright, Numerical Optimization, theorem 17.3). A weaker one
    leaves the constraint violated, which no run tells beforehand; that is what multipliers are
    for.

    Parameters
    ----------
    base : torch.optim.Optimizer
    strength : float
        In units of the objective per unit of constraint.
    estimator : Estimator, optional
        Decides which constraints count as violated; the batch's own value by default.
    """

    def __init__(
        self,
        base: torch.optim.Optimizer,
        strength: float = 1.0,
        estimator: Estimator | None = None,
    ) -> None:
        if not 0 <= strength < math.inf:
            raise ValueError(f"strength must be at least 0 and finite, not {strength}.")
        super().__init__(base, estimator or Batch())
        self.strength = strength

    @override
    def lagrangian(self, objective: Tensor, constraints: Tensor) -> Tensor:
        return objective + self.strength * constraints.clamp(min=0).sum(-1)
