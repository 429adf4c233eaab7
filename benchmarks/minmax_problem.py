"""Four Gaussians on a circle, and the two networks that are played against each other over them."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

BATCH, LATENT = 512, 256
SPREAD = 0.01
RATES = {"generator": 1e-3, "discriminator": 1e-4}
BETAS = (0.5, 0.999)

Closure = Callable[[], Tensor]


class Ring:
    """The game of the Gaussian experiment of arXiv 2006.12376, at its sizes.

    Parameters
    ----------
    width : int
        Of both hidden layers of both networks.
    draws : bool
        Whether the closure draws rows and noise each time it is called, or is of a batch that was
        drawn before.

    Attributes
    ----------
    generator, discriminator : Module
    """

    def __init__(self, width: int = 128, *, draws: bool = False) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.generator = _network(LATENT, width, width, 2)
            self.discriminator = _network(2, width, width, 1)
        self._draws = draws

    def optimizers(self) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
        """Adam for either."""
        g, d = (
            torch.optim.Adam(getattr(self, name).parameters(), lr=rate, betas=BETAS)
            for name, rate in RATES.items()
        )
        return g, d

    @property
    def n_parameters(self) -> int:
        """Of both networks."""
        both = (*self.generator.parameters(), *self.discriminator.parameters())
        return sum(p.numel() for p in both)

    def closure(self) -> Closure:
        """The value on a new batch."""
        if self._draws:
            return lambda: self.value(*batch())
        drawn = batch()
        return lambda: self.value(*drawn)

    def value(self, rows: Tensor, noise: Tensor) -> Tensor:
        """Minus the discriminator's cross-entropy, to be made small by the generator."""
        real = logsigmoid(self.discriminator(rows)).mean()
        return real + logsigmoid(-self.discriminator(self.generator(noise))).mean()


def batch() -> tuple[Tensor, Tensor]:
    """Rows, shape (BATCH, 2), and noise, shape (BATCH, LATENT)."""
    angles = torch.randint(4, (BATCH,)) * (math.pi / 2)
    centres = torch.stack([angles.cos(), angles.sin()], dim=1)
    return centres + SPREAD * torch.randn(BATCH, 2), torch.randn(BATCH, LATENT)


def _network(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layer = nn.Linear(n_in, n_out)
        nn.init.orthogonal_(layer.weight, 0.8)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])
