"""Accepting and rejecting with a decision for each seed, its players rolled back alone.

The library's :class:`equipoise.optim.minmax.AcceptReject` decides for one game. Here every
replicate of a stack has a decision of its own; draws, comparisons and roll-backs are those that the
library would have made for it alone, in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from equipoise.optim.minmax import Counterfactual, KeepResponse, Stationary
from equipoise.reproduce.minmax.stack.players import Players


class StackedAcceptReject:
    """One proposal a step for each replicate.

    Proposals are steps of Adam. Every evaluation of a step is on a batch of its own, but for those
    that are compared; a response to stationarity is on one batch a step, as no gradient of fresh
    batches would ever be small.

    Parameters
    ----------
    players : Players
    draws : callable
        Gives the next batch.
    response : Counterfactual, KeepResponse or Stationary
        The library's.
    free_pass : float
        Probability that what did not fall is kept even so.
    seeds : sequence of int, length r
        Of the free passes.
    """

    def __init__(
        self,
        players: Players,
        draws: Callable[[], Any],
        response: Counterfactual | KeepResponse | Stationary,
        free_pass: float,
        seeds: Sequence[int],
    ) -> None:
        self.players = players
        self._draws = draws
        self._response = response
        self._free_pass = free_pass
        self._coins = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.n_fell = torch.zeros_like(players.gradients)
        self.n_without_response = torch.zeros_like(players.gradients)

    @property
    def gradients(self) -> Tensor:
        """What each replicate has needed so far, shape (r,)."""
        return self.players.gradients

    @property
    def moves(self) -> Tensor:
        """How many moves of the generator stayed, free passes included, shape (r,)."""
        return self.players.moves

    def step(self) -> Tensor:
        """Propose, answer, compare, and go back where the value did not fall.

        Returns
        -------
        Tensor of bool, shape (r,)
            Which proposals stayed.
        """
        response = self._response
        if isinstance(response, Counterfactual):
            return self._counterfactual(response.k)
        if isinstance(response, KeepResponse):
            return self._kept(response.k)
        return self._stationary(response)

    def _counterfactual(self, k: int) -> Tensor:
        players = self.players
        climbs = [self._draws() for _ in range(k)]
        test, proposal = self._draws(), self._draws()
        x, y = players.min.snapshot(), players.max.snapshot()
        players.climb(climbs)
        before = players.value(test)
        players.max.restore(y, players.every)
        players.descend(proposal)
        players.climb(climbs)
        stays = self._decide(before, players.value(test), players.every)
        players.min.restore(x, ~stays)
        players.max.restore(y, ~stays)
        return stays

    def _kept(self, k: int) -> Tensor:
        players = self.players
        test, proposal = self._draws(), self._draws()
        before = players.value(test)
        x = players.min.snapshot()
        players.descend(proposal)
        players.climb([self._draws() for _ in range(k)])
        stays = self._decide(before, players.value(test), players.every)
        players.min.restore(x, ~stays)
        return stays

    def _stationary(self, response: Stationary) -> Tensor:
        players, batch = self.players, self._draws()
        settled = self._rest(response, batch, players.every)
        before = players.value(batch)
        x, y = players.min.snapshot(), players.max.snapshot()
        players.descend(batch, settled)
        answered = self._rest(response, batch, settled)
        self.n_without_response += ~answered
        stays = self._decide(before, players.value(batch), answered)
        players.min.restore(x, ~stays)
        players.max.restore(y, ~stays)
        return stays

    def _rest(self, response: Stationary, batch: Any, which: Tensor) -> Tensor:
        # Which of them come to rest within the limit.
        players, waiting = self.players, which.clone()
        for n in range(response.limit + 1):
            gradients = players.game.climb(batch)
            players.gradients += waiting
            steep = torch.stack([g.flatten(1).square().sum(1) for g in gradients]).sum(0).sqrt()
            waiting = waiting & (steep > response.tolerance)
            if not waiting.any() or n == response.limit:
                break
            players.max.step(gradients, waiting)
        return which & ~waiting

    def _decide(self, before: Tensor, after: Tensor, answered: Tensor) -> Tensor:
        fell = answered & (before - after > 0)
        self.n_fell += fell
        # A free pass is thrown for only where it is needed, as the library does.
        needed = (answered & ~fell & after.isfinite()).tolist()
        passes = [
            need and bool(torch.rand((), generator=coin, dtype=torch.float64) < self._free_pass)
            for need, coin in zip(needed, self._coins, strict=True)
        ]
        stays = fell | torch.tensor(passes, device=fell.device)
        self.players.moves += stays
        return stays
