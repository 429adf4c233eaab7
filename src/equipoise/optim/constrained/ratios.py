"""Constraints that are functions of ratios of expectations, such as rates of groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor


@dataclass
class Ratios:
    """Constraints that are a function of ratios of expectations, as one batch sees them.

    The mean of a ratio is not the ratio of the means, so numerators and denominators travel
    apart and are divided only after averaging.

    Attributes
    ----------
    statistic : Tensor, shape (2, ..., k)
        Batch means of numerators, and of denominators, of what is constrained. It may be a step
        function of the parameters.
    proxy : Tensor, shape (2, ..., k)
        A differentiable stand-in, whose ratio the gradient is that of (the proxy-Lagrangian of
        Cotter, Jiang, Sridharan 2019). Give the same where the statistic is differentiable.
    function : callable
        Maps ratios (..., k) to constraint values (..., m). Where it has a method ``pull_back``,
        which maps ratios and weights (..., m) to the gradient of the weighted sum of values,
        that is called in place of autograd.
    together : Tensor, shape (4, ..., k), optional
        Statistic and proxy without gradient, where they are at hand as one tensor.
    """

    statistic: Tensor
    proxy: Tensor
    function: Callable[[Tensor], Tensor]
    together: Tensor | None = None

    @classmethod
    def of(
        cls,
        numerator: Tensor,
        denominator: Tensor,
        proxy_numerator: Tensor,
        proxy_denominator: Tensor,
        function: Callable[[Tensor], Tensor],
    ) -> Ratios:
        """Put numerators and denominators together.

        Parameters
        ----------
        numerator, denominator, proxy_numerator, proxy_denominator : Tensor, shape (..., k)
        function : callable

        Returns
        -------
        Ratios
        """
        return cls(
            torch.stack([numerator, denominator]),
            torch.stack([proxy_numerator, proxy_denominator]),
            function,
        )

    @property
    def parts(self) -> dict[str, Tensor]:
        """What is averaged, by name."""
        names = ("numerator", "denominator", "proxy numerator", "proxy denominator")
        return dict(zip(names, self.values, strict=True))

    @cached_property
    def values(self) -> Tensor:
        """The parts without gradient, shape (4, ..., k)."""
        if self.together is not None:
            return self.together
        return torch.cat([self.statistic.detach(), self.proxy.detach()])


Constraints = Tensor | Ratios


def averages_of(seen: Constraints) -> Tensor:
    """What an estimator averages: everything in it is a mean over the rows of the batch.

    Parameters
    ----------
    seen : Tensor, shape (..., m), or Ratios

    Returns
    -------
    Tensor, shape (..., m) or (4, ..., k)
        Without gradient.
    """
    return seen.values if isinstance(seen, Ratios) else seen.detach()


def constraints_at(averages: Tensor, seen: Constraints) -> Tensor:
    """The constraints at given averages, with the gradient of a batch.

    Parameters
    ----------
    averages : Tensor
        As :func:`averages_of` gives them.
    seen : Tensor, shape (..., m), or Ratios
        Whose gradient it has.

    Returns
    -------
    Tensor, shape (..., m)
    """
    if isinstance(seen, Ratios):
        return _ratios_at(averages, seen)
    return averages + (seen - seen.detach())


def deviation(seen: Constraints, averages: Tensor) -> Tensor:
    """By how much a batch's constraints differ from those at given averages, to first order.

    Parameters
    ----------
    seen : Tensor, shape (..., m), or Ratios
    averages : Tensor
        As :func:`averages_of` gives them.

    Returns
    -------
    Tensor, shape (..., m)
        (N' - (N / D) D') / D for a ratio; 0 where it is not defined.
    """
    if not isinstance(seen, Ratios):
        return seen.detach() - averages
    top, bottom = averages[:2]
    safe = torch.where(bottom > 0, bottom, torch.inf)
    ratio, seen_top, seen_bottom = top / safe, *seen.statistic.detach()
    away = (seen_top - ratio * seen_bottom) / safe
    return seen.function(ratio + away) - seen.function(ratio)


def _ratios_at(averages: Tensor, batch: Ratios) -> Tensor:
    denominators = averages[1::2]
    if denominators.amin().item() > 0:
        ratio, proxy = (averages[::2] / denominators).unbind()
        return _AtRatios.apply(batch.proxy, ratio, proxy, denominators[1], batch.function)
    defined = denominators > 0
    safe = torch.where(defined, denominators, 1.0)
    ratio, proxy = (averages[::2] / safe).unbind()
    ratio = torch.where(defined[0], ratio, _middle_of_seen(ratio, defined[0]))
    # Dividing by infinity: what is not defined carries no gradient.
    scale = torch.where(defined.all(0), safe[1], torch.inf)
    return _AtRatios.apply(batch.proxy, ratio, proxy, scale, batch.function)


class _AtRatios(torch.autograd.Function):
    """A function of ratios as they are, with the gradient of the batch's proxy.

    d(N/D) = (dN - (N/D) dD) / D with N and D from the averages is linear in what the batch adds,
    so its gradient is unbiased for given N and D, and a ratio that the batch says nothing of
    contributes nothing instead of NaN. All of it is the proxy's, since a denominator that counts
    decisions can vanish, and would be divided by.
    """

    @staticmethod
    def forward(
        ctx: Any,
        _batch_proxy: Tensor,
        ratio: Tensor,
        proxy: Tensor,
        denominator: Tensor,
        function: Callable[[Tensor], Tensor],
    ) -> Tensor:
        ctx.save_for_backward(ratio, proxy, denominator)
        ctx.function = function
        return function(ratio)

    @staticmethod
    def backward(ctx: Any, by_constraint: Tensor) -> tuple[Tensor | None, ...]:
        ratio, proxy, denominator = ctx.saved_tensors
        by_numerator = _pull_back(ctx.function, ratio, by_constraint) / denominator
        return torch.stack([by_numerator, -by_numerator * proxy]), None, None, None, None


def _pull_back(function: Any, ratio: Tensor, by_constraint: Tensor) -> Tensor:
    if hasattr(function, "pull_back"):
        return function.pull_back(ratio, by_constraint)
    with torch.enable_grad():
        ratio = ratio.requires_grad_()
        return torch.autograd.grad(function(ratio), ratio, by_constraint)[0]


def _middle_of_seen(ratio: Tensor, seen: Tensor) -> Tensor:
    # A ratio never seen so far is taken to be like the others, so that it drives nothing.
    infinity = torch.full_like(ratio, torch.inf)
    low = torch.where(seen, ratio, infinity).amin(-1, keepdim=True)
    high = torch.where(seen, ratio, -infinity).amax(-1, keepdim=True)
    return torch.where(low <= high, (low + high) / 2, torch.zeros_like(low))
