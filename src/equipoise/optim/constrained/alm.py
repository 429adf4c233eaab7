"""The augmented Lagrangian, with the slacks of inequalities eliminated in closed form."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.constrained.estimator import Batch, Estimator
from equipoise.optim.constrained.method import ConstrainedOptimizer
from equipoise.optim.constrained.multipliers import (
    Dual,
    Multipliers,
    gradient_ascent,
    weighted_sum,
)


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
    pulls at nothing. The multipliers follow y <- [y + eta (c + s)]_+ after the step. An equation
    has neither slack nor positive part.

    The weight is computed from the estimated value and held fixed in the gradient. The square of
    a batch value would add the variance of the batch to the objective, which drives networks to
    constant outputs.

    Parameters
    ----------
    base : torch.optim.Optimizer
    n_constraints : int or mapping from str to int
        m, or how many constraints there are under each name.
    n_replicates : int, optional
        r, where independent problems are trained as one.
    penalty : float
        rho > 0, in units of the objective per squared unit of constraint.
    multiplier_rate : float
        eta > 0, the step size of the multipliers.
    multiplier_bound : float
        The largest that a multiplier may become.
    dual : callable, optional
        Makes another torch optimizer for the multipliers than gradient ascent at that rate.
    equalities : collection of str
        Names of constraints that are to be 0.
    estimator : Estimator, optional
        The batch's own value by default.
    """

    def __init__(
        self,
        base: torch.optim.Optimizer,
        n_constraints: int | Mapping[str, int],
        n_replicates: int | None = None,
        *,
        penalty: float = 1.0,
        multiplier_rate: float = 0.05,
        multiplier_bound: float = 100.0,
        dual: Dual | None = None,
        equalities: Collection[str] = (),
        estimator: Estimator | None = None,
    ) -> None:
        super().__init__(
            base, n_constraints, n_replicates, equalities=equalities, estimator=estimator or Batch()
        )
        self._multipliers = Multipliers(
            self.layout,
            n_replicates,
            self._parameters()[0],
            dual or gradient_ascent(multiplier_rate),
            multiplier_bound,
        )
        self.penalty = penalty

    @property
    def penalty(self) -> float:
        """rho, which may be changed as a run goes on."""
        return self._penalty

    @penalty.setter
    def penalty(self, penalty: float) -> None:
        if not 0 < penalty < math.inf:
            raise ValueError(f"penalty must be positive and finite, not {penalty}.")
        assert self._multipliers is not None
        self._penalty = penalty
        # To divide by a number takes torch several times as long as by a tensor.
        self._minus_penalty = self._multipliers.value.new_tensor(-penalty)

    @override
    def lagrangian(self, objective: Tensor, constraints: Tensor) -> Tensor:
        assert self._multipliers is not None
        y = self._multipliers
        weight = torch.add(y.value, constraints.detach(), alpha=self._penalty)
        return objective + weighted_sum(y.positive_part(weight), constraints)

    @override
    def ascend(self, constraints: Tensor) -> None:
        assert self._multipliers is not None
        y = self._multipliers
        # c + s, where the slack of an inequality is [-c - y / rho]_+.
        y.ascend(y.raised(constraints, y.value / self._minus_penalty))
