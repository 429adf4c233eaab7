"""Multiplicative steps, for weights on a simplex."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.optim.optimizer import ParamsT


class ExponentiatedGradient(torch.optim.Optimizer):
    """w <- w exp(-lr g), scaled to sum to 1 along the last axis.

    Mirror descent with the entropy (Kivinen and Warmuth, Information and Computation 1997). Weights
    that are 0 stay 0, so start inside the simplex.

    Parameters
    ----------
    params : iterable of Tensor or of dict
        Of at least one axis each, not negative, summing to 1 along the last.
    lr : float
        In inverse units of the objective.
    maximize : bool
        Whether to go up instead.
    """

    def __init__(self, params: ParamsT, lr: float = 0.01, *, maximize: bool = False) -> None:
        if not 0 <= lr < math.inf:
            raise ValueError(f"lr must be finite and not negative, not {lr}.")
        super().__init__(params, {"lr": lr, "maximize": maximize})
        for group in self.param_groups:
            for p in group["params"]:
                if not p.dim():
                    raise ValueError("weights on a simplex have an axis; a scalar is none.")
                if (p < 0).any() or not torch.allclose(p.sum(-1), torch.ones_like(p.sum(-1))):
                    raise ValueError("the weights must not be negative and sum to 1 at the start.")

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step.

        Parameters
        ----------
        closure : callable, optional
            Evaluates the objective and its gradient.

        Returns
        -------
        object
            What the closure returned.
        """
        value = None
        if closure is not None:
            with torch.enable_grad():
                value = closure()
        for group in self.param_groups:
            rate = group["lr"] if group["maximize"] else -group["lr"]
            for p in group["params"]:
                if p.grad is not None:
                    # The largest factor is 1, so none overflows.
                    p.copy_(torch.softmax(p.log() + rate * p.grad, dim=-1))
        return value
