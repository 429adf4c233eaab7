"""What a mini-batch says of a constraint's value, with the noise kept out of the multipliers.

A method multiplies the gradient of the constraints by weights that depend on their values. The
gradient of one batch is good enough; its value is not, since the positive part of a noisy
estimate is biased upwards. An estimator therefore returns constraints whose *value* is its best
estimate and whose *gradient* is the batch's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override


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
        Maps ratios (..., k) to constraint values (..., m).
    """

    statistic: Tensor
    proxy: Tensor
    function: Callable[[Tensor], Tensor]

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
        return torch.cat([self.statistic.detach(), self.proxy.detach()])


Constraints = Tensor | Ratios


class Estimator(ABC):
    """Turns the constraints of a batch into constraints to act on."""

    @abstractmethod
    def estimate(self, constraints: Constraints) -> Tensor:
        """Take one batch into account.

        Parameters
        ----------
        constraints : Tensor, shape (..., m), or Ratios

        Returns
        -------
        Tensor, shape (..., m)
            Its value is the estimate; its gradient is that of the batch.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """A snapshot of what has been tracked."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a snapshot.

        Parameters
        ----------
        state : dict
            From :meth:`state_dict`.
        """


class Batch(Estimator):
    """The batch's own value: right for deterministic constraints and for large batches."""

    @override
    def estimate(self, constraints: Constraints) -> Tensor:
        if isinstance(constraints, Tensor):
            return constraints
        if not bool((constraints.statistic[1] > 0).all()):
            raise ValueError(
                "a ratio has denominator 0 in this batch, so the batch alone says nothing of it: "
                "use MovingAverage, or larger batches."
            )
        return _with_gradient_of_batch(constraints, constraints.values)

    @override
    def state_dict(self) -> dict[str, Any]:
        return {}

    @override
    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state:
            raise ValueError(f"Batch tracks nothing, but the state has {sorted(state)}.")


class MovingAverage(Estimator):
    """Exponential moving averages over batches, of numerators and denominators apart.

    Parameters
    ----------
    decay : float
        What share of the average is kept at each batch, in [0, 1). The average looks back about
        1 / (1 - decay) batches. Early averages are corrected for having started from nothing.
    """

    def __init__(self, decay: float = 0.95) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be in [0, 1), not {decay}.")
        self.decay = decay
        self._tracked: Tensor | None = None
        self._mass = 0.0

    @override
    def estimate(self, constraints: Constraints) -> Tensor:
        if isinstance(constraints, Tensor):
            return self._update(constraints.detach()) + (constraints - constraints.detach())
        return _with_gradient_of_batch(constraints, self._update(constraints.values))

    def _update(self, seen: Tensor) -> Tensor:
        if self._tracked is None:
            self._tracked = torch.zeros_like(seen)
        self._tracked.lerp_(seen, 1 - self.decay)
        self._mass = self.decay * self._mass + (1 - self.decay)
        return self._tracked / self._mass

    @override
    def state_dict(self) -> dict[str, Any]:
        tracked = None if self._tracked is None else self._tracked.clone()
        return {"tracked": tracked, "mass": self._mass}

    @override
    def load_state_dict(self, state: dict[str, Any]) -> None:
        if set(state) != {"tracked", "mass"}:
            raise ValueError(
                f"MovingAverage keeps 'tracked' and 'mass', but the state has {sorted(state)}."
            )
        tracked = state["tracked"]
        self._tracked = None if tracked is None else tracked.clone()
        self._mass = float(state["mass"])


def _with_gradient_of_batch(batch: Ratios, averages: Tensor) -> Tensor:
    denominators = averages[1::2]
    if float(denominators.amin()) > 0:
        ratio, proxy = (averages[::2] / denominators).unbind()
        return batch.function(_CarryGradient.apply(ratio, batch.proxy, proxy, denominators[1]))
    defined = denominators > 0
    safe = torch.where(defined, denominators, 1.0)
    ratio, proxy = (averages[::2] / safe).unbind()
    ratio = torch.where(defined[0], ratio, _middle_of_seen(ratio, defined[0]))
    # Dividing by infinity: what is not defined carries no gradient.
    scale = torch.where(defined.all(0), safe[1], torch.inf)
    return batch.function(_CarryGradient.apply(ratio, batch.proxy, proxy, scale))


class _CarryGradient(torch.autograd.Function):
    """A ratio's value as it is, with the gradient of the batch's proxy.

    d(N/D) = (dN - (N/D) dD) / D with N and D from the averages is linear in what the batch adds,
    so its gradient is unbiased for given N and D, and a ratio that the batch says nothing of
    contributes nothing instead of NaN. All of it is the proxy's, since a denominator that counts
    decisions can vanish, and would be divided by.
    """

    @staticmethod
    def forward(
        ctx: Any, ratio: Tensor, _batch_proxy: Tensor, proxy: Tensor, denominator: Tensor
    ) -> Tensor:
        ctx.save_for_backward(proxy, denominator)
        return ratio.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        proxy, denominator = ctx.saved_tensors
        numerator = gradient / denominator
        return None, torch.stack([numerator, -numerator * proxy]), None, None


def _middle_of_seen(ratio: Tensor, seen: Tensor) -> Tensor:
    # A ratio never seen so far is taken to be like the others, so that it drives nothing.
    infinity = torch.full_like(ratio, torch.inf)
    low = torch.where(seen, ratio, infinity).amin(-1, keepdim=True)
    high = torch.where(seen, ratio, -infinity).amax(-1, keepdim=True)
    return torch.where(low <= high, (low + high) / 2, torch.zeros_like(low))
