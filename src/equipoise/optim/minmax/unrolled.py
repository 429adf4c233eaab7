"""The minimizer looks through a few steps of the maximizer."""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.minmax.geometry import Euclidean, Geometry
from equipoise.optim.minmax.method import MinMaxOptimizer, require_positive, require_whole
from equipoise.optim.minmax.player import Closure, evaluate, gradients
from equipoise.optim.passes import Replay, assign, buffers_kept, kept
from equipoise.optim.vectors import along, gradient, plus


class Unrolled(MinMaxOptimizer):
    """x follows the gradient of f(x, y_K(x)), y_K being K steps of ascent from y.

    Metz et al. (ICLR 2017, arXiv 1611.02163). The gradient goes through the K steps: they are
    taken back one at a time, each with products of second derivatives, so that memory is that of
    one step and of K copies of y. y itself then takes one step of its own optimizer. All
    evaluations of a step see the same random numbers of torch's, and those ahead leave buffers
    alone.

    Parameters
    ----------
    minimizer, maximizer : torch.optim.Optimizer
    n_ahead : int
        K.
    rate : float
        Step size of the ascent ahead.
    min_geometry : Geometry, optional
        There is none for the maximizer: the steps ahead are in the whole space.
    """

    def __init__(
        self,
        minimizer: torch.optim.Optimizer,
        maximizer: torch.optim.Optimizer,
        *,
        n_ahead: int,
        rate: float,
        min_geometry: Geometry | None = None,
    ) -> None:
        require_whole("n_ahead", n_ahead, 1)
        require_positive("rate", rate)
        super().__init__(minimizer, maximizer, min_geometry=min_geometry, max_geometry=Euclidean())
        self.n_ahead = n_ahead
        self.rate = rate

    @override
    def _advance(self, closure: Closure) -> Tensor:
        players = (self._min, self._max)
        xs, ys = self._min.parameters, self._max.parameters
        same = Replay(closure, {p.device for p in xs + ys})
        value = evaluate(same)
        (up,) = gradients(value, self._max)
        with buffers_kept(), kept(ys) as start:
            path = [start]
            ascent = up
            for _ in range(self.n_ahead):
                path.append(plus(path[-1], self.rate, ascent))
                assign(ys, path[-1])
                x, ascent = gradients(evaluate(same), *players)
            # The chain rule, from the last step back to the first.
            pull = ascent
            for y in reversed(path[:-1]):
                assign(ys, y)
                (slope,) = gradients(evaluate(same), self._max, create_graph=True)
                found = gradient(along(slope, pull), [*xs, *ys])
                x = plus(x, self.rate, found[: len(xs)])
                pull = plus(pull, self.rate, found[len(xs) :])
        self._min.move(x)
        self._max.move(up)
        return value
