"""Where the minimizer might move: distributions of proposals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch

from equipoise.optim.minmax.method import require_positive
from equipoise.optim.minmax.player import Closure, Player

#: Moves the parameters of the minimizer, given as a Player, in place. It may use the closure, the
#: optimizer and torch's random numbers as it likes. One whose ``looks_first`` is true calls the
#: closure before it does anything else: that value may save an evaluation.
Proposal = Callable[[Player, Closure], None]


@dataclass(frozen=True)
class OptimizerStep:
    """A step of the minimizer's optimizer along the gradient of the batch.

    At a stationary y, the value that the minimizer may hope for can fall only where f itself does,
    and so the gradient of f is a fair guess. The batch is all the randomness that there is. Where
    every step is on the same batch, a refused proposal is proposed again and again: then there must
    be noise.

    Parameters
    ----------
    noise : float
        Standard deviation of what is added to every coordinate.
    """

    looks_first: ClassVar[bool] = True
    noise: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.noise < math.inf:
            raise ValueError(f"noise must be finite and not negative, not {self.noise}.")

    def __call__(self, player: Player, closure: Closure) -> None:
        """Move."""
        player.move(player.gradient(closure))
        if self.noise:
            _jitter(player, self.noise)


@dataclass(frozen=True)
class Gaussian:
    """A normal step, whatever the gradient: none is computed.

    In d dimensions its length is scale times sqrt(d), and the share of proposals that lead down
    falls with d.

    Parameters
    ----------
    scale : float
        Standard deviation of every coordinate.
    """

    scale: float

    def __post_init__(self) -> None:
        require_positive("scale", self.scale)

    def __call__(self, player: Player, closure: Closure) -> None:
        """Move."""
        _jitter(player, self.scale)


@dataclass(frozen=True)
class Langevin:
    """x - rate * gradient + sqrt(2 rate temperature) * noise, at the rate of the optimizer.

    The optimizer itself takes no step.

    Parameters
    ----------
    temperature : float
        In units of the value.
    """

    looks_first: ClassVar[bool] = True
    temperature: float

    def __post_init__(self) -> None:
        require_positive("temperature", self.temperature)

    def __call__(self, player: Player, closure: Closure) -> None:
        """Move."""
        rate, gradient = player.rate, player.gradient(closure)
        with torch.no_grad():
            for p, g in zip(player.parameters, gradient, strict=True):
                p.sub_(g, alpha=rate)
        _jitter(player, math.sqrt(2 * rate * self.temperature))


@torch.no_grad()
def _jitter(player: Player, scale: float) -> None:
    for p in player.parameters:
        p.add_(torch.randn_like(p), alpha=scale)
