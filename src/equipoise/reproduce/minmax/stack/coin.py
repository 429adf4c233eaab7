"""Moves that nothing judges: descent-ascent, and the controls in which a coin decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from equipoise.reproduce.minmax.stack.players import Players


class CoinMoves:
    """A step of the generator and k of the discriminator, where a coin says so.

    With rates of 1 it is alternating gradient descent-ascent.

    Parameters
    ----------
    players : Players
    draws : callable
        Gives the next batch.
    k : int
    rates : sequence of float, length r
        Probability that a replicate's generator moves.
    skips : bool
        What a replicate does whose coin says no: skip the generator's move and let the
        discriminator take its k steps, or else nothing at all, as if both had been rolled back.
    seeds : sequence of int, length r
        Of the coins.
    """

    def __init__(
        self,
        players: Players,
        draws: Callable[[], Any],
        k: int,
        rates: Sequence[float],
        skips: bool,
        seeds: Sequence[int],
    ) -> None:
        self.players = players
        self._draws = draws
        self._k = k
        self._rates = list(rates)
        self._skips = skips
        self._coins = [torch.Generator().manual_seed(seed) for seed in seeds]

    @property
    def gradients(self) -> Tensor:
        """What each replicate has needed so far, shape (r,)."""
        return self.players.gradients

    @property
    def moves(self) -> Tensor:
        """How many moves of the generator stayed, shape (r,)."""
        return self.players.moves

    def step(self) -> Tensor:
        """Throw the coins and move.

        Returns
        -------
        Tensor of bool, shape (r,)
            Which generators moved.
        """
        players = self.players
        thrown = [
            bool(torch.rand((), generator=coin, dtype=torch.float64) < rate)
            for coin, rate in zip(self._coins, self._rates, strict=True)
        ]
        moved = torch.tensor(thrown, device=players.moves.device)
        moves = None if all(thrown) else moved
        # Drawn whatever the coins say: a replicate's draws are not to hang on the others'.
        proposal, climbs = self._draws(), [self._draws() for _ in range(self._k)]
        players.descend(proposal, moves)
        players.climb(climbs, None if self._skips else moves)
        players.moves += moved
        return moved
