"""Both players step at once."""

from __future__ import annotations

from torch import Tensor
from typing_extensions import override

from equipoise.optim.minmax.method import MinMaxOptimizer
from equipoise.optim.minmax.player import Closure, evaluate, gradients


class Simultaneous(MinMaxOptimizer):
    """Simultaneous gradient descent-ascent: one evaluation a step.

    On the bilinear game x y it spirals outwards at any rate.

    Parameters
    ----------
    minimizer, maximizer : torch.optim.Optimizer
    min_geometry, max_geometry : Geometry, optional
    """

    @override
    def _advance(self, closure: Closure) -> Tensor:
        value = evaluate(closure)
        x, y = gradients(value, self._min, self._max)
        self._min.move(x)
        self._max.move(y)
        return value
