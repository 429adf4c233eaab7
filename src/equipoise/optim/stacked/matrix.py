"""Directions that look at a parameter as a matrix."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from equipoise.optim.stacked.adaptive import Adam
from equipoise.optim.stacked.rule import State, kept

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)


@dataclass(frozen=True)
class Muon:
    """Momentum whose singular values are all made about 1, Jordan et al. 2024.

    By five quintic Newton-Schulz iterations, which leave them between 0.7 and 1.2. Of a parameter
    (r, a, b, ...) with b times ... columns; vectors, such as biases of shape (r, a) or (r, 1, a),
    take the step of another rule times ``other_rate``, as its authors do.

    Parameters
    ----------
    momentum : float
        Nesterov's.
    other : Adam
        Of parameters that are no matrices.
    other_rate : float
        Of these, over the rate of matrices.
    iterations : int
    """

    momentum: float = 0.95
    other: Adam = field(default_factory=Adam)
    other_rate: float = 0.1
    iterations: int = 5

    def directions(
        self,
        gradients: list[Tensor],
        parameters: list[Tensor],
        states: list[State],
        step: int,
        rates: Tensor,
    ) -> list[Tensor]:
        """Of each matrix one that is nearly orthogonal."""
        found = []
        for g, p, state in zip(gradients, parameters, states, strict=True):
            if sum(size > 1 for size in g.shape[1:]) < 2:
                (of_other,) = self.other.directions([g], [p], [state], step, rates)
                found.append(of_other * self.other_rate)
                continue
            moving = kept(state, "momentum", g).lerp_(g, 1 - self.momentum)
            ahead = g.lerp(moving, self.momentum).flatten(2)
            a, b = ahead.shape[1:]
            nearly = orthogonalised(ahead, self.iterations)
            found.append(nearly.mul_(max(1.0, a / b) ** 0.5).view_as(g))
        return found


def orthogonalised(matrices: Tensor, iterations: int = 5) -> Tensor:
    """Matrices of the same singular vectors, and singular values of about 1.

    Parameters
    ----------
    matrices : Tensor, shape (r, a, b)
    iterations : int
        Of Newton-Schulz, in the precision of the matrices.

    Returns
    -------
    Tensor, shape (r, a, b)
    """
    first, third, fifth = _COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(iterations):
        gram = x @ x.mT
        x = torch.baddbmm(
            x, torch.baddbmm(gram, gram, gram, beta=third, alpha=fifth), x, beta=first
        )
    return x.mT if tall else x
