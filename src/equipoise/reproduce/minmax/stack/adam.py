"""Adam for stacked networks of which some stand still while others move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from equipoise.optim.stacked.rule import over_replicates


@dataclass(frozen=True)
class Snapshot:
    """Parameters, moments and counters, copied.

    Attributes
    ----------
    values : tuple of Tensor, shape (r, ...)
    steps : Tensor, shape (r,)
    """

    values: tuple[Tensor, ...]
    steps: Tensor


class StackedAdam:
    """Adam with a counter for each replicate, so that one can go back and another not.

    ``torch.optim.Adam`` counts the steps of a tensor, and replicates share tensors: after a refusal
    of some, their corrections for bias would be wrong. Otherwise it is the same to the last digits.

    Parameters
    ----------
    parameters : sequence of Tensor, shape (r, ...)
    rate : float
    beta1 : float
    beta2 : float
    """

    def __init__(
        self, parameters: Sequence[Tensor], rate: float, beta1: float = 0.5, beta2: float = 0.999
    ) -> None:
        self.parameters = list(parameters)
        self.rate = rate
        self._betas = (beta1, beta2)
        self._eps = 1e-8
        first = self.parameters[0]
        self._mean = [torch.zeros_like(p) for p in self.parameters]
        self._square = [torch.zeros_like(p) for p in self.parameters]
        self._steps = torch.zeros(len(first), dtype=first.dtype, device=first.device)

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], moves: Tensor | None = None) -> None:
        """Go against gradients.

        Parameters
        ----------
        gradients : sequence of Tensor
            Shaped as the parameters.
        moves : Tensor of bool, shape (r,), optional
            Which replicates do; the others stay as they are, moments included. All by default.
        """
        before = None if moves is None else self.snapshot()
        beta1, beta2 = self._betas
        self._steps += 1
        mean_left, square_left = (1 - beta**self._steps for beta in self._betas)
        for p, m, v, g in zip(self.parameters, self._mean, self._square, gradients, strict=True):
            m.lerp_(g, 1 - beta1)
            v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
            spread = (v.sqrt() / over_replicates(square_left.sqrt(), v)).add_(self._eps)
            p.sub_(m / spread * over_replicates(self.rate / mean_left, m))
        if before is not None:
            self.restore(before, ~moves)  # type: ignore[operator]

    @torch.no_grad()
    def snapshot(self) -> Snapshot:
        """Copy what a step changes.

        Returns
        -------
        Snapshot
        """
        return Snapshot(tuple(t.clone() for t in self._tensors()), self._steps.clone())

    @torch.no_grad()
    def restore(self, kept: Snapshot, which: Tensor) -> None:
        """Give some replicates back as they were.

        Parameters
        ----------
        kept : Snapshot
        which : Tensor of bool, shape (r,)
        """
        for now, then in zip(self._tensors(), kept.values, strict=True):
            now.copy_(torch.where(over_replicates(which, now), then, now))
        self._steps.copy_(torch.where(which, kept.steps, self._steps))

    def _tensors(self) -> list[Tensor]:
        return [p.detach() for p in self.parameters] + self._mean + self._square
