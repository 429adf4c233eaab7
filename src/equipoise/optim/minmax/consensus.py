"""Both players also lower the norm of the gradient."""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.minmax.geometry import Geometry
from equipoise.optim.minmax.method import MinMaxOptimizer, require_positive
from equipoise.optim.minmax.player import Closure
from equipoise.optim.minmax.second_derivatives import SecondDerivatives, detached
from equipoise.optim.vectors import plus


class Consensus(MinMaxOptimizer):
    r"""Consensus optimisation: descent-ascent on f, and descent on gamma \|grad f\|^2 / 2.

    Mescheder, Nowozin and Geiger (NIPS 2017, arXiv 1705.10461, algorithm 2). A large gamma draws it
    to any point without gradient, a maximum for the minimizer among them.

    Parameters
    ----------
    minimizer, maximizer : torch.optim.Optimizer
    gamma : float
        In units of squared parameter per unit of value.
    min_geometry, max_geometry : Geometry, optional
    """

    def __init__(
        self,
        minimizer: torch.optim.Optimizer,
        maximizer: torch.optim.Optimizer,
        *,
        gamma: float,
        min_geometry: Geometry | None = None,
        max_geometry: Geometry | None = None,
    ) -> None:
        require_positive("gamma", gamma)
        super().__init__(minimizer, maximizer, min_geometry=min_geometry, max_geometry=max_geometry)
        self.gamma = gamma

    @override
    def _advance(self, closure: Closure) -> Tensor:
        at = SecondDerivatives(closure, self._min, self._max)
        x, y = at.half_squared_norm()
        self._min.move(plus(detached(at.x), self.gamma, x))
        self._max.move(plus(detached(at.y), -self.gamma, y))
        return at.value
