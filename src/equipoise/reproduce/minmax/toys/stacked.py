"""Accept/reject on a game of two numbers, many seeds at once.

What :class:`equipoise.optim.minmax.AcceptReject` does with normal proposals and plain gradient
ascent, with a seed in every coordinate: the ascent of all is one of vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from equipoise.optim.minmax import Box, Euclidean, StopRule
from equipoise.optim.minmax.games import Game


@dataclass(frozen=True)
class Play:
    """How accept/reject plays.

    Attributes
    ----------
    scale : float
        Standard deviation of proposals.
    rate : float
        Step of the ascent.
    delta : float
        What a move must gain.
    tolerance : float or None
        Gradient mapping at which y is at rest; None for answers of ``limit`` steps.
    limit : int
        Steps of an answer, or most of them.
    counterfactual : bool
        For answers of a number of steps: compare with what as many would have gained without the
        move, and not with the value before.
    omega : float or None
        Of the stop rule; None to go on to the end.
    n_proposals : int
        At most.
    """

    scale: float = 0.5
    rate: float = 0.05
    delta: float = 0.03
    tolerance: float | None = 1e-3
    limit: int = 1000
    counterfactual: bool = False
    omega: float | None = 0.14
    n_proposals: int = 200


@dataclass(frozen=True, eq=False)
class Played:
    """Where each of r seeds went.

    Attributes
    ----------
    x, y : Tensor, shape (n + 1, r)
        After every proposal, from the start on.
    accepted, unanswered : Tensor, shape (r,)
        How many proposals were kept; of how many the answer had no end within the limit.
    stopped : Tensor of bool, shape (r,)
    n_ascent : int
        Steps of the ascent, all seeds together.
    """

    x: Tensor
    y: Tensor
    accepted: Tensor
    unanswered: Tensor
    stopped: Tensor
    n_ascent: int = field(default=0)


class Stack:
    """A game in which every coordinate is a game of its own.

    Parameters
    ----------
    game : Game
        Of two numbers, its value a sum over coordinates.
    play : Play
    """

    def __init__(self, game: Game, play: Play) -> None:
        self._value = torch.vmap(lambda a, b: game.value(a[None], b[None]))
        self._game = game
        self._set = Euclidean() if game.box is None else Box(-game.box, game.box)
        self._play = play
        self.n_ascent = 0

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        """The values, shape (r,)."""
        with torch.no_grad():
            return self._value(x, y)

    def within(self, point: Tensor) -> Tensor:
        """The nearest point of the players' set."""
        return self._set.project([point])[0]

    def climb(self, x: Tensor, y: Tensor, going: Tensor) -> tuple[Tensor, Tensor]:
        """Answer x from y.

        Parameters
        ----------
        x, y : Tensor, shape (r,)
        going : Tensor of bool, shape (r,)
            Whose answer is asked for; the others stay.

        Returns
        -------
        (Tensor, Tensor of bool)
            Where y ends, and whether it came to its end.
        """
        play, y = self._play, y.clone()
        for step in range(play.limit + 1):
            gradient = self._gradient(x, y)
            if play.tolerance is not None:
                length = (self.within(y + gradient) - y if self._game.box else gradient).abs()
                going = going & ~(length <= play.tolerance)
            if step == play.limit or not going.any():
                break
            self.n_ascent += int(going.sum())
            y = torch.where(going, self.within(y + play.rate * gradient), y)
        reached = torch.ones_like(going) if play.tolerance is None else ~going
        return y, reached

    def _gradient(self, x: Tensor, y: Tensor) -> Tensor:
        y = y.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self._game.value(x, y), y)
        return gradient


def play_stacked(game: Game, play: Play, seeds: Sequence[int]) -> Played:
    """Let accept/reject play a game from its start, once for each seed.

    Parameters
    ----------
    game : Game
        Of two numbers.
    play : Play
    seeds : sequence of int, length r

    Returns
    -------
    Played
    """
    streams = [torch.Generator().manual_seed(seed) for seed in seeds]
    stack = Stack(game, play)
    x, y = (torch.full((len(seeds),), part[0], dtype=torch.float64) for part in game.start)
    running = torch.ones(len(seeds), dtype=torch.bool)
    accepted, unanswered, in_a_row = (torch.zeros(len(seeds), dtype=torch.int64) for _ in range(3))
    most = None if play.omega is None else StopRule(play.omega).n_rejections
    xs, ys = [x], [y]
    for _ in range(play.n_proposals):
        settled = running
        if play.tolerance is not None:
            y, reached = stack.climb(x, y, running)
            settled = running & reached
        before = stack.value(x, stack.climb(x, y, settled)[0] if play.counterfactual else y)
        drawn = [torch.randn(1, generator=one, dtype=torch.float64) for one in streams]
        proposed = stack.within(x + play.scale * torch.cat(drawn))
        answer, reached = stack.climb(proposed, y, settled)
        fall = before - stack.value(proposed, answer)
        kept = settled & reached & (fall > 0) & (fall >= play.delta)
        x, y = torch.where(kept, proposed, x), torch.where(kept, answer, y)
        accepted += kept
        unanswered += running & ~(settled & reached)
        in_a_row = torch.where(kept, 0, in_a_row + (settled & reached))
        xs.append(x)
        ys.append(y)
        if most is not None:
            running = in_a_row < most
            if not running.any():
                break
    return Played(torch.stack(xs), torch.stack(ys), accepted, unanswered, ~running, stack.n_ascent)
