"""The library's own drivers on a stack: those that decide nothing need no copy of their own."""

from __future__ import annotations

import torch
from torch import Tensor

from equipoise.optim.minmax import MinMaxOptimizer, Optimistic, Unrolled
from equipoise.reproduce.minmax.stack.game import Draws, Game

_BETAS = (0.5, 0.999)


class Wrapped:
    """A driver that plays the sum of the games, of which each has its own players.

    The gradient of the sum in a replicate's parameters is that of its own game, and Adam works
    entry by entry, so every replicate is trained as it would be alone.

    Parameters
    ----------
    driver : MinMaxOptimizer
    game : Game
    draws : Draws
    cost : float
        Gradients of one player on one batch that a step needs; a product of second derivatives
        counts as two.
    """

    def __init__(self, driver: MinMaxOptimizer, game: Game, draws: Draws, cost: float) -> None:
        self._driver, self._game, self._draws, self._cost = driver, game, draws, cost
        first = next(game.generator.parameters())
        self.gradients = torch.zeros(len(first), dtype=torch.float64, device=first.device)
        self.moves = torch.zeros_like(self.gradients)

    def step(self) -> Tensor:
        """Take one step of all replicates.

        Returns
        -------
        Tensor of bool, shape (r,)
            All true.
        """
        batch = self._draws()
        self._driver.step(lambda: self._game.value(batch).sum())
        self.gradients += self._cost
        self.moves += 1
        return torch.ones_like(self.moves, dtype=torch.bool)


def optimistic(game: Game, draws: Draws, min_rate: float, max_rate: float) -> Wrapped:
    """Optimistic Adam on the same value as everybody.

    Parameters
    ----------
    game : Game
    draws : Draws
    min_rate, max_rate : float

    Returns
    -------
    Wrapped
    """
    return Wrapped(Optimistic(*_adams(game, min_rate, max_rate)), game, draws, 2)


def unrolled(
    game: Game, draws: Draws, min_rate: float, max_rate: float, n_ahead: int, rate: float
) -> Wrapped:
    """Generators that look through some steps of plain ascent.

    Parameters
    ----------
    game : Game
    draws : Draws
    min_rate, max_rate : float
    n_ahead : int
    rate : float
        Of the ascent ahead.

    Returns
    -------
    Wrapped
    """
    driver = Unrolled(*_adams(game, min_rate, max_rate), n_ahead=n_ahead, rate=rate)
    # One ascent, then both gradients of each step ahead, then the way back through each.
    return Wrapped(driver, game, draws, 1 + 2 * n_ahead + 3 * n_ahead)


def _adams(
    game: Game, min_rate: float, max_rate: float
) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
    players = ((game.generator, min_rate), (game.discriminator, max_rate))
    one, other = (
        torch.optim.Adam(list(module.parameters()), lr=rate, betas=_BETAS)
        for module, rate in players
    )
    return one, other
