"""The mean gradient over an estimate of the curvature, cut where it is large."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from equipoise.optim.stacked.rule import State, kept

SampledLosses = Callable[[], tuple[Tensor, int]]
"""Mean losses of a batch on labels drawn from the model's own outputs, shape (r,), and its size."""


@dataclass(frozen=True)
class Sophia:
    """Sophia-G: a moving mean over the diagonal of the Gauss-Newton matrix, each step cut at 1.

    Liu, Li, Hall, Liang, Ma 2023 (arXiv 2305.14342), algorithm 3 with the estimate of algorithm 2
    (Gauss-Newton-Bartlett). Every ``every`` steps, and in the first one, the mean loss l of a batch
    of b rows is taken on labels that are drawn from the model's own outputs; b times the square of
    its gradient estimates the diagonal, and goes into a moving mean h. The direction is the moving
    mean of gradients over gamma h, cut to [-1, 1] in each coordinate.

    Of the two estimates it is the one that asks no second derivative, and so it goes with any
    gradient, that of a Lagrangian among them; the curvature is that of the loss alone.

    Parameters
    ----------
    sampled_losses : callable
        Draws a batch and labels, without regard to what any other replicate draws, and returns the
        mean losses of the replicates, shape (r,), with a graph, and the batch's number of rows. Of
        rows with weights w in the loss, each counts sqrt(w) here.
    betas : tuple of two float
        Of gradients, and of curvature.
    gamma : float
        The larger, the fewer coordinates are cut.
    eps : float
        What gamma h is at least.
    every : int
        Steps between estimates of the curvature.
    """

    sampled_losses: SampledLosses
    betas: tuple[float, float] = (0.96, 0.99)
    gamma: float = 0.05
    eps: float = 1e-12
    every: int = 10

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every must be at least 1, not {self.every}.")

    def directions(
        self,
        gradients: list[Tensor],
        parameters: list[Tensor],
        states: list[State],
        step: int,
        rates: Tensor,
    ) -> list[Tensor]:
        """The mean gradient over the curvature, cut."""
        first, second = self.betas
        if (step - 1) % self.every == 0:
            for h, p, state in zip(self._curvature(parameters), parameters, states, strict=True):
                kept(state, "curvature", p).lerp_(h, 1 - second)
        found = []
        for g, state in zip(gradients, states, strict=True):
            mean = kept(state, "mean", g).lerp_(g, 1 - first)
            below = (self.gamma * kept(state, "curvature", g)).clamp_(min=self.eps)
            found.append(torch.div(mean, below).clamp_(-1, 1))
        return found

    def _curvature(self, parameters: list[Tensor]) -> list[Tensor]:
        with torch.enable_grad():
            losses, n_rows = self.sampled_losses()
            slopes = torch.autograd.grad(losses.sum(), parameters, allow_unused=True)
        return [
            torch.zeros_like(p) if slope is None else slope.square().mul_(n_rows)
            for slope, p in zip(slopes, parameters, strict=True)
        ]
