"""Both players move to the equilibrium of the game's bilinear approximation."""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.minmax.geometry import Geometry
from equipoise.optim.minmax.method import MinMaxOptimizer, require_whole
from equipoise.optim.minmax.player import Closure
from equipoise.optim.minmax.second_derivatives import SecondDerivatives, detached, solve
from equipoise.optim.vectors import plus


class Competitive(MinMaxOptimizer):
    """Competitive gradient descent, at the learning rates of the two optimizers.

    Schaefer and Anandkumar (NeurIPS 2019, arXiv 1905.12103, equation 4), for one value and two
    rates r and s: the minimizer moves by -r p, (I + r s f_xy f_yx) p = f_x + s f_xy f_y, and the
    maximizer by s (f_y - r f_yx p). The matrix is positive definite, so there always is such a
    move. The directions are handed to the optimizers; with others than plain SGD, their moves are
    no longer an equilibrium.

    Parameters
    ----------
    minimizer, maximizer : torch.optim.Optimizer
        Of one learning rate each.
    n_solver_steps : int
        At most as many steps of conjugate gradients, of two products each.
    min_geometry, max_geometry : Geometry, optional
    """

    def __init__(
        self,
        minimizer: torch.optim.Optimizer,
        maximizer: torch.optim.Optimizer,
        *,
        n_solver_steps: int = 20,
        min_geometry: Geometry | None = None,
        max_geometry: Geometry | None = None,
    ) -> None:
        require_whole("n_solver_steps", n_solver_steps, 1)
        super().__init__(minimizer, maximizer, min_geometry=min_geometry, max_geometry=max_geometry)
        self.n_solver_steps = n_solver_steps

    @override
    def _advance(self, closure: Closure) -> Tensor:
        r, s = self._min.rate, self._max.rate
        at = SecondDerivatives(closure, self._min, self._max)
        x, y = detached(at.x), detached(at.y)
        direction = solve(
            lambda p: plus(p, r * s, at.xy(at.yx(p))),
            plus(x, s, at.xy(y)),
            self.n_solver_steps,
            1e-6,
        )
        answer = plus(y, -r, at.yx(direction))
        self._min.move(direction)
        self._max.move(answer)
        return at.value
