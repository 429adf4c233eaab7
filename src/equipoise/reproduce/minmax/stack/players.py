"""Both players with their optimizers, and what each of their moves has cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from equipoise.reproduce.minmax.stack.adam import StackedAdam
from equipoise.reproduce.minmax.stack.playable import Playable


class Players:
    """Generators and discriminators that step by Adam, replicate by replicate.

    Parameters
    ----------
    game : Playable
    min_rate, max_rate : float
        Learning rates of generators and of discriminators.

    Attributes
    ----------
    gradients : Tensor, shape (r,)
        How many gradients of one player on one batch each replicate has needed so far.
    moves : Tensor, shape (r,)
        How many moves of the generator stayed.
    """

    def __init__(self, game: Playable, min_rate: float, max_rate: float) -> None:
        self.game = game
        self.min = StackedAdam(list(game.generator.parameters()), min_rate)
        self.max = StackedAdam(list(game.discriminator.parameters()), max_rate)
        first = self.min.parameters[0]
        self.gradients = torch.zeros(len(first), dtype=torch.float64, device=first.device)
        self.moves = torch.zeros_like(self.gradients)

    @property
    def every(self) -> Tensor:
        """All replicates, as a mask of shape (r,)."""
        return torch.ones_like(self.gradients, dtype=torch.bool)

    def descend(self, batch: Any, which: Tensor | None = None) -> None:
        """A step of some generators.

        Parameters
        ----------
        batch : as the game's draws give it
        which : Tensor of bool, shape (r,), optional
        """
        self.min.step(self.game.descend(batch), which)
        self.gradients += 1.0 if which is None else which

    def climb(self, batches: Sequence[Any], which: Tensor | None = None) -> None:
        """Steps of some discriminators, one a batch.

        Parameters
        ----------
        batches : sequence
        which : Tensor of bool, shape (r,), optional
        """
        for batch in batches:
            self.max.step(self.game.climb(batch), which)
            self.gradients += 1.0 if which is None else which

    @torch.no_grad()
    def value(self, batch: Any) -> Tensor:
        """f, shape (r,).

        Parameters
        ----------
        batch : as the game's draws give it

        Returns
        -------
        Tensor, shape (r,)
        """
        return self.game.value(batch)
