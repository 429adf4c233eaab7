"""The smoothed and linearised augmented Lagrangian, with slacks and two independent batches."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.constrained.estimator import Estimator, SecondBatch
from equipoise.optim.constrained.layout import Layout
from equipoise.optim.constrained.method import ConstrainedOptimizer
from equipoise.optim.constrained.moreau import Moreau
from equipoise.optim.constrained.multipliers import (
    InfeasibleWarning,
    Multipliers,
    gradient_ascent,
)


class SSLALM(ConstrainedOptimizer):
    r"""Stochastic smoothed and linearised augmented Lagrangian method.

    Algorithm 2 of Huang, Zhang, Alacaoglu (2025, arXiv 2504.07607), whose proof is for linear
    constraints; here they may be any. An inequality is the equation c(x) + s = 0 with a slack
    s >= 0 that is a variable as x is. With c_1 and c_2 from two independent batches a step is ::

        y+ = y + eta (c_2 + s),  or 0 if its norm reaches the bound
        G  = grad f + grad c_1^T (y+ + rho (c_2 + s)) + mu (x - z)
        x+ = x - tau G
        s+ = [s - tau (y+ + rho (c_2 + s) + mu (s - z_s))]_+
        z+ = z + beta (x - z)

    The product of the two batches is an unbiased estimate of the gradient of the augmented
    Lagrangian, where the square of one batch would add the variance of the batch. The proximal
    term with the moving centre z is :class:`Moreau` around the optimizer that takes the step; tau
    is its learning rate, and for the slacks that of its first parameter group.

    ``smoothing=0`` with ``averaging=1`` is the stochastic linearised ALM that the method is
    usually compared with. The step on a large batch that the paper ends with (equation 9) is one
    more ``step``, on all rows.

    Parameters
    ----------
    base : torch.optim.Optimizer
        SGD in the paper.
    n_constraints : int or mapping from str to int
        m, or how many constraints there are under each name.
    n_replicates : int, optional
        r, where independent problems are trained as one.
    penalty : float
        rho >= 0, in units of the objective per squared unit of constraint.
    multiplier_rate : float
        eta > 0, the step size of the multipliers.
    smoothing : float
        mu >= 0, as of :class:`Moreau`.
    averaging : float
        beta in (0, 1], as of :class:`Moreau`.
    multiplier_bound : float
        The Euclidean norm at which the multipliers, of each replicate, are set back to 0.
    equalities : collection of str
        Names of constraints that are to be 0; they have no slack.
    estimator : Estimator, optional
        What c_2 is; the second batch by default. A tracked value is no longer the paper's method,
        and :class:`Batch` has the bias that is spoken of above.

    Warns
    -----
    InfeasibleWarning
        When multipliers are set back to 0 for the first time.

    Notes
    -----
    Where the paper leaves a choice:

    - It draws the batch that moves y apart from the two of G. Here c_2 is both, so that two
      batches a step do: G keeps its mean, the gradient at the mean of y+. If y followed c_1, G
      would not: (eta / 2) Var(c_1) would be added to the objective.
    - Any s >= 0 may be the first slack. It is the [-c_2]_+ of the first step, from which nothing
      pulls a constraint that holds back to its bound.
    - The slacks take plain gradient steps whatever the base is.

    Complementarity comes of the slacks: the multiplier of an inequality may be negative on its
    way, and ends at 0 where the constraint has room.
    """

    def __init__(
        self,
        base: torch.optim.Optimizer,
        n_constraints: int | Mapping[str, int],
        n_replicates: int | None = None,
        *,
        penalty: float = 1.0,
        multiplier_rate: float = 0.01,
        smoothing: float = 2.0,
        averaging: float = 0.5,
        multiplier_bound: float = 50.0,
        equalities: Collection[str] = (),
        estimator: Estimator | None = None,
    ) -> None:
        if not 0 <= penalty < math.inf:
            raise ValueError(f"penalty must be at least 0 and finite, not {penalty}.")
        if not multiplier_bound > 0:
            raise ValueError(f"multiplier_bound must be positive, not {multiplier_bound}.")
        smoothed = Moreau(base, smoothing=smoothing, averaging=averaging)
        super().__init__(
            smoothed,
            n_constraints,
            n_replicates,
            equalities=equalities,
            estimator=estimator or SecondBatch(),
        )
        self.penalty = penalty
        self.smoothing = smoothing
        self.averaging = averaging
        self.multiplier_bound = multiplier_bound
        # With slacks there are equations only, whose multipliers have no sign.
        equations = Layout(self.layout.sizes, self.layout.sizes)
        self._multipliers = Multipliers(
            equations,
            n_replicates,
            self._parameters()[0],
            gradient_ascent(multiplier_rate),
            math.inf,
        )
        y = self._multipliers.value
        lower = self.layout.lower_bound(y)
        self._has_slack = (torch.as_tensor(lower, dtype=y.dtype, device=y.device) == 0).to(y.dtype)
        self._slack: Tensor | None = None
        self._centre: Tensor | None = None
        self._said = False

    @override
    def lagrangian(self, objective: Tensor, constraints: Tensor) -> Tensor:
        assert self._multipliers is not None
        residual = self._residual(constraints.detach())
        y = self._multipliers.value
        # The multipliers themselves move in `ascend`, once nothing can fail any more.
        y = self._safeguarded(torch.add(y, residual, alpha=self.dual.param_groups[0]["lr"]))
        return objective + ((y + self.penalty * residual) * constraints).sum(-1)

    @override
    def ascend(self, constraints: Tensor) -> None:
        assert self._multipliers is not None
        y = self._multipliers
        residual = self._residual(constraints)
        y.ascend(residual)
        raised = y.value.clone()
        y.value.copy_(self._safeguarded(raised))
        slack = self._slack_for(constraints)
        centre = slack if self._centre is None else self._centre
        away = slack - centre
        gradient = y.value + self.penalty * residual + self.smoothing * away
        self._slack = (slack - self.param_groups[0]["lr"] * gradient).clamp(min=0) * self._has_slack
        self._centre = centre + self.averaging * away
        if not self._said and not torch.equal(raised, y.value):
            self._tell_of_reset()

    @property
    def slacks(self) -> Tensor | None:
        """The s, shape (m,) or (r, m), 0 for equations; None before the first step."""
        return self._slack

    def _slack_for(self, constraints: Tensor) -> Tensor:
        if self._slack is None:
            return (-constraints).to(self._has_slack.dtype).clamp(min=0) * self._has_slack
        return self._slack

    def _residual(self, constraints: Tensor) -> Tensor:
        return constraints + self._slack_for(constraints)

    def _safeguarded(self, multipliers: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(multipliers, dim=-1, keepdim=True)
        return torch.where(norm >= self.multiplier_bound, 0.0, multipliers)

    def _tell_of_reset(self) -> None:
        warnings.warn(
            f"the multipliers have reached the norm {self.multiplier_bound:g} and start again "
            "from 0: the constraints cannot be met, or not by this model, or it takes larger "
            "multipliers. Ask for less, or raise multiplier_bound.",
            InfeasibleWarning,
            stacklevel=4,
        )
        self._said = True

    @override
    def _own_state(self) -> dict[str, Any]:
        own = {"slack": self._slack, "slack_centre": self._centre}
        return {name: None if x is None else x.clone() for name, x in own.items()}

    @override
    def _load_own_state(self, state: dict[str, Any]) -> None:
        slack, centre = (
            None if x is None else x.to(self._has_slack, copy=True)
            for x in (state["slack"], state["slack_centre"])
        )
        self._slack, self._centre = slack, centre
