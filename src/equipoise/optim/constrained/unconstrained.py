"""No method at all: the baseline that every other is compared with."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.constrained.estimator import Batch, Estimator
from equipoise.optim.constrained.method import ConstrainedOptimizer


class Unconstrained(ConstrainedOptimizer):
    """The wrapped optimizer on the objective alone; constraints are estimated and ignored.

    Parameters
    ----------
    base : torch.optim.Optimizer
    n_constraints : int or mapping from str to int
    n_replicates : int, optional
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
        equalities: Collection[str] = (),
        estimator: Estimator | None = None,
    ) -> None:
        super().__init__(
            base, n_constraints, n_replicates, equalities=equalities, estimator=estimator or Batch()
        )

    @override
    def lagrangian(self, objective: Tensor, constraints: Tensor) -> Tensor:
        return objective
