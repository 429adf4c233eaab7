"""The game of a generator and a discriminator, for several seeds at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Batch(NamedTuple):
    """What one evaluation sees.

    Attributes
    ----------
    real : Tensor, shape (r, b, ...)
    noise : Tensor, shape (r, b, z)
    """

    real: Tensor
    noise: Tensor


DrawReal = Callable[[int, torch.Generator], Tensor]
"""From the size of a batch and a stream to real examples, shape (b, ...)."""


class Draws:
    """Batches, of which each seed has its own stream: they do not depend on what is stacked.

    Parameters
    ----------
    draw_real : callable
    batch_size : int
    n_noise : int
        z, the dimension of the generator's input.
    seeds : sequence of int, length r
    device : torch.device
    dtype : torch.dtype
    """

    def __init__(
        self,
        draw_real: DrawReal,
        batch_size: int,
        n_noise: int,
        seeds: Sequence[int],
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._draw_real = draw_real
        self._size = (batch_size, n_noise)
        self._device = device or torch.device("cpu")
        self._dtype = dtype
        self._streams = [torch.Generator(self._device).manual_seed(seed) for seed in seeds]

    def __call__(self) -> Batch:
        """Draw the next batch of every seed."""
        real, noise = [], []
        for stream in self._streams:
            real.append(self._draw_real(self._size[0], stream).to(self._dtype))
            noise.append(self.noise(stream))
        return Batch(torch.stack(real), torch.stack(noise))

    def noise(self, stream: torch.Generator) -> Tensor:
        """Inputs of the generator.

        Parameters
        ----------
        stream : torch.Generator

        Returns
        -------
        Tensor, shape (b, z)
        """
        return torch.randn(self._size, generator=stream, dtype=self._dtype, device=self._device)


@dataclass(frozen=True, eq=False)
class Game:
    """f(x, y) of generators x and discriminators y, one of each a seed.

    Attributes
    ----------
    generator, discriminator : nn.Module
        Of stacked inputs, (r, b, ...), to stacked outputs.
    bounded : bool
        Whether what the generator makes goes through tanh.
    saturating : bool
        Whether generators follow the value itself, or the steeper -log D(G(z)), as is usual for
        images. What moves are judged by is the value in either case.
    """

    generator: nn.Module
    discriminator: nn.Module
    bounded: bool = False
    saturating: bool = True

    def make(self, noise: Tensor) -> Tensor:
        """What generators make of noise.

        Parameters
        ----------
        noise : Tensor, shape (r, b, z)

        Returns
        -------
        Tensor, shape (r, b, ...)
        """
        made: Tensor = self.generator(noise)
        return torch.tanh(made) if self.bounded else made

    def value(self, batch: Batch) -> Tensor:
        """E log D(real) + E log(1 - D(made)), which x is to make small and y large.

        Parameters
        ----------
        batch : Batch

        Returns
        -------
        Tensor, shape (r,)
        """
        real = functional.logsigmoid(self.discriminator(batch.real))
        made = functional.logsigmoid(-self.discriminator(self.make(batch.noise)))
        return real.flatten(1).mean(1) + made.flatten(1).mean(1)

    def loss(self, batch: Batch) -> Tensor:
        """What generators descend on, up to terms that do not depend on them.

        Parameters
        ----------
        batch : Batch

        Returns
        -------
        Tensor, shape (r,)
        """
        sign = -1 if self.saturating else 1
        judged = functional.logsigmoid(sign * self.discriminator(self.make(batch.noise)))
        return -sign * judged.flatten(1).mean(1)

    def climb(self, batch: Batch) -> list[Tensor]:
        """Gradient of -f in y: what discriminators go against.

        Parameters
        ----------
        batch : Batch

        Returns
        -------
        list of Tensor
        """
        with torch.no_grad():
            made = self.make(batch.noise)
        real = functional.logsigmoid(self.discriminator(batch.real))
        fake = functional.logsigmoid(-self.discriminator(made))
        value = real.flatten(1).mean(1) + fake.flatten(1).mean(1)
        return list(torch.autograd.grad(-value.sum(), list(self.discriminator.parameters())))

    def descend(self, batch: Batch) -> list[Tensor]:
        """Gradient in x of the generators' loss.

        Parameters
        ----------
        batch : Batch

        Returns
        -------
        list of Tensor
        """
        return list(torch.autograd.grad(self.loss(batch).sum(), list(self.generator.parameters())))
