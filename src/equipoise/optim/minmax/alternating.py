"""The minimizer steps, then the maximizer a few times."""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.minmax.geometry import Geometry
from equipoise.optim.minmax.method import MinMaxOptimizer, require_whole
from equipoise.optim.minmax.player import Closure, evaluate, gradients


class Alternating(MinMaxOptimizer):
    """Alternating gradient descent-ascent: 1 + k evaluations a step.

    On the bilinear game x y it circles at a distance for k = 1.

    Parameters
    ----------
    minimizer, maximizer : torch.optim.Optimizer
    k : int
        Steps of the maximizer that answer one of the minimizer.
    min_geometry, max_geometry : Geometry, optional
    """

    def __init__(
        self,
        minimizer: torch.optim.Optimizer,
        maximizer: torch.optim.Optimizer,
        *,
        k: int = 1,
        min_geometry: Geometry | None = None,
        max_geometry: Geometry | None = None,
    ) -> None:
        require_whole("k", k, 1)
        super().__init__(minimizer, maximizer, min_geometry=min_geometry, max_geometry=max_geometry)
        self.k = k

    @override
    def _advance(self, closure: Closure) -> Tensor:
        value = evaluate(closure)
        (x,) = gradients(value, self._min)
        # What only the maximizer's gradient would need hangs on the value's graph.
        value = value.detach()
        self._min.move(x)
        for _ in range(self.k):
            (y,) = gradients(evaluate(closure), self._max)
            self._max.move(y)
        return value
