"""Directions along the gradient, or along its sign."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from equipoise.optim.stacked.rule import State, kept, unit_length


@dataclass(frozen=True)
class SGD:
    """Descent, with a moving sum where there is momentum, as torch has it.

    Parameters
    ----------
    momentum : float
    nesterov : bool
    normalised : bool
        Whether each replicate's gradient, over all of its parameters, has length 1.
    """

    momentum: float = 0.0
    nesterov: bool = False
    normalised: bool = False

    def directions(
        self,
        gradients: list[Tensor],
        parameters: list[Tensor],
        states: list[State],
        step: int,
        rates: Tensor,
    ) -> list[Tensor]:
        """The gradient, or its moving sum."""
        if self.normalised:
            gradients = unit_length(gradients)
        if not self.momentum:
            return gradients
        found = []
        for g, state in zip(gradients, states, strict=True):
            moving = kept(state, "momentum", g).mul_(self.momentum).add_(g)
            found.append(torch.add(g, moving, alpha=self.momentum) if self.nesterov else moving)
        return found


@dataclass(frozen=True)
class SignSGD:
    """The sign of the gradient, Bernstein et al. 2018 (arXiv 1802.04434)."""

    def directions(
        self,
        gradients: list[Tensor],
        parameters: list[Tensor],
        states: list[State],
        step: int,
        rates: Tensor,
    ) -> list[Tensor]:
        """One number of -1, 0 and 1 a coordinate."""
        return [g.sign() for g in gradients]


@dataclass(frozen=True)
class Lion:
    """The sign of a moving mean, Chen et al. 2023 (arXiv 2302.06675), algorithm 2.

    Parameters
    ----------
    betas : tuple of two float
        Of the mean that the step is the sign of, and of the one that is kept.
    """

    betas: tuple[float, float] = (0.9, 0.99)

    def directions(
        self,
        gradients: list[Tensor],
        parameters: list[Tensor],
        states: list[State],
        step: int,
        rates: Tensor,
    ) -> list[Tensor]:
        """One number of -1, 0 and 1 a coordinate."""
        found = []
        for g, state in zip(gradients, states, strict=True):
            mean = kept(state, "mean", g)
            found.append(mean.lerp(g, 1 - self.betas[0]).sign_())
            mean.lerp_(g, 1 - self.betas[1])
        return found
