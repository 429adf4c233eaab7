"""Games that the theorems speak of, besides the well-known ones."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from equipoise.optim.minmax.games import Game

# How many waves to a dimension, and by how many radians a unit of length they turn. With fewer than
# there are dimensions, y alone could have all of them as high as they go, whatever x does.
_N_WAVES, _RUGGED = 6, 1.5


def waves(d: int, seed: int) -> Game:
    """Six sine waves to a dimension, in random directions of (x, y).

    Bounded and smooth, neither convex nor concave: what the theorem of existence asks
    for, and nothing more.

    Parameters
    ----------
    d : int
        Dimension of each player.
    seed : int

    Returns
    -------
    Game
        Nobody knows where its equilibria are: distances are 0.
    """
    stream = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=stream, dtype=torch.float64)

    u, v = (_RUGGED * draw(_N_WAVES * d, d) / math.sqrt(d) for _ in range(2))
    phase = 2 * math.pi * torch.rand(_N_WAVES * d, generator=stream, dtype=torch.float64)
    height = draw(_N_WAVES * d) / math.sqrt(_N_WAVES)
    return Game(
        f"waves {seed}",
        lambda x, y: (height * torch.sin(u @ x + v @ y + phase)).sum(),
        ((0.0,) * d, (0.0,) * d),
        lambda x, y: 0.0,
        "unknown",
    )


# Tilted by this much, the lower of two peaks of -(y^2 - 1)^2 is no peak any more: the largest value
# of 4 y (y^2 - 1) on (-1, 0).
_LOST = 8 / (3 * math.sqrt(3))


def two_peaks() -> Game:
    """-(y^2 - 1)^2 + (c + x) y + x^2 / 4: the valley between two peaks closes where x reaches 0.

    A greedy maximizer on the lower peak stays there for x < 0, and goes over to the higher one for
    x > 0: its value jumps up where it was lowest.

    Returns
    -------
    Game
        It starts on the lower peak.
    """
    return Game(
        "two peaks",
        lambda x, y: (-((y**2 - 1) ** 2) + (_LOST + x) * y + x**2 / 4).sum(),
        ((-0.5,), (-0.9,)),
        lambda x, y: float(x.norm()),
        "x = 0 from below",
    )


def step_down(x: Tensor) -> Tensor:
    """The counter-example of the paper, x - 3 x 1(x <= 0) + 1(x <= 0).

    It falls towards 0 from both sides and has its infimum, 0, to the right of a jump by 1.

    Parameters
    ----------
    x : Tensor

    Returns
    -------
    Tensor
    """
    left = (x <= 0).to(x)
    return x - 3 * x * left + left
