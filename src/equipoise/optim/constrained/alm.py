"""The augmented Lagrangian for inequalities, with slacks eliminated in closed form."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.constrained.estimators import Batch, Estimator
from equipoise.optim.constrained.method import ConstrainedOptimizer


class ALM(ConstrainedOptimizer):
    r"""Stochastic augmented Lagrangian method.

    With a slack s >= 0 an inequality is the equation c(x) + s = 0, and the augmented Lagrangian
    is ::

        f + y^T (c + s) + (rho / 2) sum_j (c_j + s_j)^2 .

    Its minimum over the slack is at s = [-c - y / rho]_+, where it becomes the form of Hestenes,
    Powell and Rockafellar (Bertsekas, Constrained Optimization and Lagrange Multiplier Methods,
    section 3.1), ::

        f + sum_j ([y_j + rho c_j]_+^2 - y_j^2) / (2 rho) .

    Its gradient weighs that of c by [y + rho c]_+ : a constraint that holds with room to spare
    pulls at nothing. The multipliers follow y <- [y + eta (c + s)]_+ after the step.

    The weight is computed from the estimated value and held fixed in the gradient. The square of
    a batch value would add the variance of the batch to the objective, which drives networks to
    constant outputs.

    Parameters
    ----------
    base : torch.optim.Optimizer
    n_constraints : int
        m.
    n_replicates : int, optional
        r, where independent problems are trained as one.
    penalty : float
        rho > 0, in units of the objective per squared unit of constraint.
    multiplier_rate : float
        eta > 0, the step size of the multipliers.
    estimator : Estimator, optional
        The batch's own value by default.
    """

    def __init__(
        self,
        base: torch.optim.Optimizer,
        n_constraints: int,
        n_replicates: int | None = None,
        *,
        penalty: float = 1.0,
        multiplier_rate: float = 0.05,
        estimator: Estimator | None = None,
    ) -> None:
        for name, value in (("penalty", penalty), ("multiplier_rate", multiplier_rate)):
            if not 0 < value < math.inf:
                raise ValueError(f"{name} must be positive and finite, not {value}.")
        super().__init__(base, estimator or Batch())
        self.penalty = penalty
        self.multiplier_rate = multiplier_rate
        example = base.param_groups[0]["params"][0]
        shape = (n_constraints,) if n_replicates is None else (n_replicates, n_constraints)
        # In half precision the small steps of a multiplier would soon be rounded away.
        dtype = torch.promote_types(example.dtype, torch.float32)
        self._multipliers = torch.zeros(shape, dtype=dtype, device=example.device)

    @property
    @override
    def multipliers(self) -> Tensor:
        return self._multipliers

    @override
    def lagrangian(self, objective: Tensor, constraints: Tensor) -> Tensor:
        weight = (self._multipliers + self.penalty * constraints.detach()).clamp(min=0)
        return objective + (weight * constraints).sum(-1)

    @override
    def ascend(self, constraints: Tensor) -> None:
        slack = (-constraints - self._multipliers / self.penalty).clamp(min=0)
        self._multipliers.add_(constraints + slack, alpha=self.multiplier_rate).clamp_(min=0)

    def _own_tensors(self) -> dict[str, Tensor]:
        return {"multipliers": self._multipliers}
