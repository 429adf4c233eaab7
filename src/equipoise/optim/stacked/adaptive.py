"""Directions whose coordinates are divided by the size that gradients have had there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from equipoise.optim.stacked.rule import State, kept, over_replicates


@dataclass(frozen=True)
class Adagrad:
    """Gradients over the root of the sum of their squares, as torch has it.

    Parameters
    ----------
    eps : float
    """

    eps: float = 1e-10

    def directions(
        self,
        gradients: list[Tensor],
        parameters: list[Tensor],
        states: list[State],
        step: int,
        rates: Tensor,
    ) -> list[Tensor]:
        """The gradient, rescaled."""
        found = []
        for g, state in zip(gradients, states, strict=True):
            total = kept(state, "sum", g).addcmul_(g, g)
            found.append(g / total.sqrt().add_(self.eps))
        return found


@dataclass(frozen=True)
class RMSProp:
    """Gradients over the root of a moving mean of their squares, as torch has it.

    There is no correction for the mean's start at 0: the first step is 1 / sqrt(1 - beta) times the
    rate in each coordinate.

    Parameters
    ----------
    beta : float
    eps : float
    momentum : float
    """

    beta: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0

    def directions(
        self,
        gradients: list[Tensor],
        parameters: list[Tensor],
        states: list[State],
        step: int,
        rates: Tensor,
    ) -> list[Tensor]:
        """The gradient, rescaled."""
        found = []
        for g, state in zip(gradients, states, strict=True):
            square = kept(state, "square", g).mul_(self.beta).addcmul_(g, g, value=1 - self.beta)
            root = square.sqrt().add_(self.eps)
            scaled = torch.div(g, root, out=root)
            if self.momentum:
                scaled = kept(state, "momentum", g).mul_(self.momentum).add_(scaled)
            found.append(scaled)
        return found


@dataclass(frozen=True)
class Adam:
    """Moving means of gradients and squares, both corrected for their start at 0.

    Kingma, Ba 2014 (arXiv 1412.6980). AdamW is this with decoupled weight decay.

    Parameters
    ----------
    betas : tuple of two float
    eps : float
    """

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8

    def directions(
        self,
        gradients: list[Tensor],
        parameters: list[Tensor],
        states: list[State],
        step: int,
        rates: Tensor,
    ) -> list[Tensor]:
        """The mean gradient, rescaled."""
        first, second = self.betas
        corrected = (1 - second**step) ** 0.5
        found = []
        for g, state in zip(gradients, states, strict=True):
            mean = kept(state, "mean", g).lerp_(g, 1 - first)
            square = kept(state, "square", g).mul_(second).addcmul_(g, g, value=1 - second)
            # Both corrections in one factor: a pass over the numbers fewer.
            root = square.sqrt().add_(self.eps * corrected)
            found.append(torch.div(mean, root, out=root).mul_(corrected / (1 - first**step)))
        return found


@dataclass(frozen=True)
class NAdam:
    """Adam with Nesterov's momentum, Dozat 2016, as torch has it.

    Parameters
    ----------
    betas : tuple of two float
    eps : float
    momentum_decay : float
    """

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    momentum_decay: float = 4e-3

    def directions(
        self,
        gradients: list[Tensor],
        parameters: list[Tensor],
        states: list[State],
        step: int,
        rates: Tensor,
    ) -> list[Tensor]:
        """Of the mean gradient and the gradient, rescaled."""
        first, second = self.betas
        now, ahead = (
            first * (1 - 0.5 * 0.96 ** (n * self.momentum_decay)) for n in (step, step + 1)
        )
        found = []
        for g, state in zip(gradients, states, strict=True):
            product = state.get("product", 1.0) * now
            state["product"] = product
            mean = kept(state, "mean", g).lerp_(g, 1 - first)
            square = kept(state, "square", g).mul_(second).addcmul_(g, g, value=1 - second)
            root = square.sqrt().div_((1 - second**step) ** 0.5).add_(self.eps)
            of_mean = mean * (ahead / (1 - product * ahead))
            found.append(of_mean.add_(g, alpha=(1 - now) / (1 - product)).div_(root))
        return found


@dataclass(frozen=True)
class Adafactor:
    """Squares kept as an outer product of means of rows and of columns, as torch has it.

    Shazeer, Stern 2018 (arXiv 1804.04235): steps in proportion to a parameter's own size, and at
    most 1 / sqrt(step) of that.

    Parameters
    ----------
    decay : float
        The moving mean takes in step^decay of the newest.
    smallest : float
        That a parameter's root mean square is taken to be at least.
    largest : float
        Root mean square of what gradients are rescaled to, at most.
    """

    decay: float = -0.8
    smallest: float = 1e-3
    largest: float = 1.0

    def directions(
        self,
        gradients: list[Tensor],
        parameters: list[Tensor],
        states: list[State],
        step: int,
        rates: Tensor,
    ) -> list[Tensor]:
        """The gradient, rescaled."""
        weight = float(step) ** self.decay
        # The wrapper multiplies by the rate, which is to be cut.
        # A rate of 0, as of a schedule's first step, is not cut.
        cut = (step**-0.5 / rates).clamp(max=1)
        found = []
        for g, p, state in zip(gradients, parameters, states, strict=True):
            eps = torch.finfo(p.dtype).eps
            if g.dim() > 2:
                squares = g.square()
                rows = squares.mean(-1, keepdim=True)
                columns = squares.mean(-2, keepdim=True)
                of_rows = kept(state, "rows", rows).lerp_(rows, weight)
                of_columns = kept(state, "columns", columns).lerp_(columns, weight)
                scale = of_rows.mean(-2, keepdim=True).clamp_(min=eps)
                estimate = (of_rows @ of_columns).div_(scale)
            else:
                estimate = kept(state, "square", g).lerp_(g.square(), weight).clone()
            update = estimate.clamp_(min=eps * eps).rsqrt_().mul_(g)
            size = _root_mean_square(p).clamp(min=self.smallest)
            over = (_root_mean_square(update) / self.largest).clamp(min=1)
            factor = cut * size / over
            found.append(update * over_replicates(factor, g))
        return found


def _root_mean_square(x: Tensor) -> Tensor:
    """Of each replicate."""
    return x.flatten(1).square().mean(1).sqrt()
