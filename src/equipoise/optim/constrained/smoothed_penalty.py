"""The exact penalty with its kink rounded, so that a tracked value tells how strongly to pull."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.constrained.estimator import Batch, Estimator
from equipoise.optim.constrained.method import ConstrainedOptimizer


class SmoothedPenalty(ConstrainedOptimizer):
    r"""min f(x) + strength * sum_j h(c_j(x)), where h is a hinge rounded over a width nu.

    ::

        h(u) = 0 for u <= 0,  u^2 / (2 nu) for 0 <= u <= nu,  u - nu / 2 for u >= nu

    The gradient of each constraint is weighed by strength * clip(u / nu, 0, 1) where u is its
    estimated value. With ``FullPass(..., recursive=True)`` for estimator it is the SPIDER-type
    stochastic subgradient method of Liu and Xu (2025, arXiv 2501.19214), stated there for one
    constraint; of several the penalties are added up, as in the exact penalty function. The weight
    is a Lipschitz function of the tracked value, which the hinge's own 0 or 1 is not: that is what
    carries the accuracy of the estimate over to the direction.

    Of an equation h is taken of the absolute value, whose weight is strength * clip(u / nu, -1, 1).

    With a strength above the largest multiplier y the constraints are met up to nu: a minimum has
    c = nu * y / strength where it binds.

    Parameters
    ----------
    base : torch.optim.Optimizer
        SGD in the paper.
    n_constraints : int or mapping from str to int
        m, or how many constraints there are under each name.
    n_replicates : int, optional
    strength : float
        beta >= 0 in the paper, in units of the objective per unit of constraint.
    smoothing : float
        nu > 0, in units of the constraints.
    equalities : collection of str
    estimator : Estimator, optional
        The batch's own value by default.
    """

    def __init__(
        self,
        base: torch.optim.Optimizer,
        n_constraints: int | Mapping[str, int],
        n_replicates: int | None = None,
        *,
        strength: float = 1.0,
        smoothing: float = 0.01,
        equalities: Collection[str] = (),
        estimator: Estimator | None = None,
    ) -> None:
        if not 0 <= strength < math.inf:
            raise ValueError(f"strength must be at least 0 and finite, not {strength}.")
        if not 0 < smoothing < math.inf:
            raise ValueError(f"smoothing must be positive and finite, not {smoothing}.")
        super().__init__(
            base, n_constraints, n_replicates, equalities=equalities, estimator=estimator or Batch()
        )
        self.strength = strength
        self.smoothing = smoothing
        like = self._parameters()[0]
        lower = torch.as_tensor(self.layout.lower_bound(like), dtype=like.dtype, device=like.device)
        self._least = lower.clamp(min=-1)

    @override
    def lagrangian(self, objective: Tensor, constraints: Tensor) -> Tensor:
        share = (constraints.detach() / self.smoothing).clamp(max=1)
        share = torch.maximum(share, self._least.to(share.dtype))
        # h(u) is the largest w u - nu w^2 / 2 over the weights w that are allowed, so that its
        # gradient is that of w u with the best w held fixed.
        penalty = share * constraints - self.smoothing / 2 * share.square()
        return objective + self.strength * penalty.sum(-1)
