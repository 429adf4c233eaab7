"""What a stack asks of a game."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor, nn


class Playable(Protocol):
    """f(x, y) of several seeds at once, x to make it small and y large.

    Batches are the game's own affair: whatever its draws give.

    Attributes
    ----------
    generator, discriminator : nn.Module
        Of x and of y, their parameters stacked along the first axis.
    """

    @property
    def generator(self) -> nn.Module:
        """Of x."""

    @property
    def discriminator(self) -> nn.Module:
        """Of y."""

    def value(self, batch: Any) -> Tensor:
        """f, shape (r,)."""

    def descend(self, batch: Any) -> list[Tensor]:
        """What x goes against."""

    def climb(self, batch: Any) -> list[Tensor]:
        """What y goes against."""
