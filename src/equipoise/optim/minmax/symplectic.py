"""Descent-ascent, with the rotating part of the game taken out."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.minmax.geometry import Geometry
from equipoise.optim.minmax.method import MinMaxOptimizer, require_positive
from equipoise.optim.minmax.player import Closure
from equipoise.optim.minmax.second_derivatives import SecondDerivatives, detached
from equipoise.optim.vectors import dot, plus

# Of Balduzzi et al.: how clearly the adjustment must point away from a point without gradient
# before its sign is turned.
_ALIGNMENT = 0.1


class Symplectic(MinMaxOptimizer):
    """Symplectic gradient adjustment: xi + lambda A^T xi, xi = (f_x, -f_y), A = antisym(xi').

    Balduzzi et al. (ICML 2018, arXiv 1802.05642, algorithm 1). In a game of two players with one
    value, A^T xi = (f_xy f_y, f_yx f_x). The sign of lambda is chosen at every step so as to be
    drawn to stable points and to leave unstable ones.

    Parameters
    ----------
    minimizer, maximizer : torch.optim.Optimizer
    strength : float
        lambda > 0.
    min_geometry, max_geometry : Geometry, optional
    """

    def __init__(
        self,
        minimizer: torch.optim.Optimizer,
        maximizer: torch.optim.Optimizer,
        *,
        strength: float = 1.0,
        min_geometry: Geometry | None = None,
        max_geometry: Geometry | None = None,
    ) -> None:
        require_positive("strength", strength)
        super().__init__(minimizer, maximizer, min_geometry=min_geometry, max_geometry=max_geometry)
        self.strength = strength

    @override
    def _advance(self, closure: Closure) -> Tensor:
        at = SecondDerivatives(closure, self._min, self._max)
        x, y = detached(at.x), detached(at.y)
        turned_x, turned_y = at.xy(y), at.yx(x)
        slope_x, slope_y = at.half_squared_norm()
        # Everything in the signs of xi, where the maximizer descends on -f.
        n = sum(part.numel() for part in x) + sum(part.numel() for part in y)
        along_field = dot(x, slope_x) - dot(y, slope_y)
        along_turned = dot(turned_x, slope_x) + dot(turned_y, slope_y)
        strength = math.copysign(self.strength, along_field * along_turned / n + _ALIGNMENT)
        self._min.move(plus(x, strength, turned_x))
        self._max.move(plus(y, -strength, turned_y))
        return at.value
