"""The exact penalty: what is violated is added to the objective."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.constrained.estimator import Batch, Estimator
from equipoise.optim.constrained.method import ConstrainedOptimizer


class Penalty(ConstrainedOptimizer):
    r"""min f(x) + strength * sum_j [c_j(x)]_+ , with the absolute value for equations.

    The penalty is exact: with a strength above the largest Lagrange multiplier its minimum is
    the constrained one (Nocedal and Wright, Numerical Optimization, theorem 17.3). A weaker one
    leaves the constraint violated, which no run tells beforehand; that is what multipliers are
    for.

    With an estimator that tracks the constraints, such as :class:`MovingAverage` or
    :class:`Storm`, it is the single-loop hinge penalty of Yang et al. (2025, arXiv 2504.15243):
    the sign of the tracked value switches each constraint's gradient on and off.

    Parameters
    ----------
    base : torch.optim.Optimizer
    n_constraints : int or mapping from str to int
        m, or how many constraints there are under each name.
    n_replicates : int, optional
    strength : float
        In units of the objective per unit of constraint.
    equalities : collection of str
    estimator : Estimator, optional
        Decides which constraints count as violated; the batch's own value by default.
    """

    def __init__(
        self,
        base: torch.optim.Optimizer,
        n_constraints: int | Mapping[str, int],
        n_replicates: int | None = None,
        *,
        strength: float = 1.0,
        equalities: Collection[str] = (),
        estimator: Estimator | None = None,
    ) -> None:
        if not 0 <= strength < math.inf:
            raise ValueError(f"strength must be at least 0 and finite, not {strength}.")
        super().__init__(
            base, n_constraints, n_replicates, equalities=equalities, estimator=estimator or Batch()
        )
        self.strength = strength
        self._lower = self.layout.lower_bound(self._parameters()[0])

    @override
    def lagrangian(self, objective: Tensor, constraints: Tensor) -> Tensor:
        if isinstance(self._lower, float) and self._lower == 0:
            violation = constraints.clamp(min=0)
        else:
            inequality = torch.as_tensor(self._lower) == 0
            violation = torch.where(inequality, constraints.clamp(min=0), constraints.abs())
        return objective + self.strength * violation.sum(-1)
