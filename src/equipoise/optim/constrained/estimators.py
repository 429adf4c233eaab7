"""What a mini-batch says of a constraint's value, with the noise kept out of the multipliers.

A method multiplies the gradient of the constraints by weights that depend on their values. The
gradient of one batch is good enough; its value is not, since the positive part of a noisy
estimate is biased upwards. An estimator therefore returns constraints whose *value* is its best
estimate and whose *gradient* is the batch's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    numerator, denominator : Tensor, shape (..., k)
        Batch means of what is constrained. It may be a step function of the parameters.
    proxy_numerator, proxy_denominator : Tensor, shape (..., k)
        Differentiable stand-ins, whose ratio the gradient is that of (the proxy-Lagrangian of
        Cotter, Jiang, Sridharan 2019). Give the same tensors where the statistic
        itself is differentiable.
    function : callable
        Maps ratios (..., k) to constraint values (..., m).
    """

    numerator: Tensor
    denominator: Tensor
    proxy_numerator: Tensor
    proxy_denominator: Tensor
    function: Callable[[Tensor], Tensor]

    @property
    def parts(self) -> dict[str, Tensor]:
        """What is averaged, by name."""
        return {
            "numerator": self.numerator,
            "denominator": self.denominator,
            "proxy numerator": self.proxy_numerator,
            "proxy denominator": self.proxy_denominator,
        }


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
        if not bool((constraints.denominator > 0).all()):
            raise ValueError(
                "a ratio has denominator 0 in this batch, so the batch alone says nothing of it: "
                "use MovingAverage, or larger batches."
            )
        return _with_gradient_of_batch(
            constraints, [x.detach() for x in constraints.parts.values()]
        )

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
        self._tracked: list[Tensor] = []
        self._mass = 0.0

    @override
    def estimate(self, constraints: Constraints) -> Tensor:
        if isinstance(constraints, Tensor):
            (value,) = self._update(constraints.detach())
            return value + (constraints - constraints.detach())
        averages = self._update(*(x.detach() for x in constraints.parts.values()))
        return _with_gradient_of_batch(constraints, averages)

    def _update(self, *seen: Tensor) -> list[Tensor]:
        if not self._tracked:
            self._tracked = [torch.zeros_like(x) for x in seen]
        for average, new in zip(self._tracked, seen, strict=True):
            average.lerp_(new, 1 - self.decay)
        self._mass = self.decay * self._mass + (1 - self.decay)
        return [average / self._mass for average in self._tracked]

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"tracked": [x.clone() for x in self._tracked], "mass": self._mass}

    @override
    def load_state_dict(self, state: dict[str, Any]) -> None:
        if set(state) != {"tracked", "mass"}:
            raise ValueError(
                f"MovingAverage keeps 'tracked' and 'mass', but the state has {sorted(state)}."
            )
        self._tracked = [x.clone() for x in state["tracked"]]
        self._mass = float(state["mass"])


def _with_gradient_of_batch(batch: Ratios, averages: Sequence[Tensor]) -> Tensor:
    # d(N/D) = (dN - (N/D) dD) / D with N and D from the averages: linear in what the batch adds,
    # so its gradient is unbiased for given N and D, and a ratio that the batch says nothing of
    # (numerator and denominator 0) contributes nothing instead of NaN. All of it is the proxies',
    # since a denominator that counts decisions can vanish, and would be divided by.
    numerator, denominator, proxy_numerator, proxy_denominator = averages
    ratio, seen = _divide(numerator, denominator)
    proxy, _ = _divide(proxy_numerator, proxy_denominator)
    change, _ = _divide(batch.proxy_numerator - proxy * batch.proxy_denominator, proxy_denominator)
    value = torch.where(seen, ratio, _middle_of_seen(ratio, seen))
    return batch.function(value + torch.where(seen, change - change.detach(), 0.0))


def _divide(numerator: Tensor, denominator: Tensor) -> tuple[Tensor, Tensor]:
    defined = denominator > 0
    return numerator / torch.where(defined, denominator, torch.ones_like(denominator)), defined


def _middle_of_seen(ratio: Tensor, seen: Tensor) -> Tensor:
    # A ratio never seen so far is taken to be like the others, so that it drives nothing.
    infinity = torch.full_like(ratio, torch.inf)
    low = torch.where(seen, ratio, infinity).amin(-1, keepdim=True)
    high = torch.where(seen, ratio, -infinity).amax(-1, keepdim=True)
    return torch.where(low <= high, (low + high) / 2, torch.zeros_like(low))
