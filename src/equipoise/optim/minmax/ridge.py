"""The maximizer is carried along the ridge of its best answers as the minimizer moves."""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.minmax.geometry import Geometry
from equipoise.optim.minmax.method import MinMaxOptimizer, require_whole
from equipoise.optim.minmax.player import Closure
from equipoise.optim.minmax.second_derivatives import SecondDerivatives, detached, solve
from equipoise.optim.passes import Replay, assign
from equipoise.optim.vectors import scaled


class FollowTheRidge(MinMaxOptimizer):
    """Descent-ascent, with y also moved by -f_yy^-1 f_yx dx where x moves by dx.

    Wang, Zhang and Ba (ICLR 2020, arXiv 1910.07512, algorithm 1): it settles at local min-max
    points alone. For SGD, dx is -rate f_x and the correction that of the paper; here it follows
    whatever move the optimizer makes. The system is solved by conjugate gradients on its normal
    equations, since f_yy has no definite sign away from the ridge; where it is singular, as in a
    bilinear game, the correction is the shortest, and the method is no better than descent-ascent.
    Two evaluations a step, on the same random numbers of torch's.

    Parameters
    ----------
    minimizer, maximizer : torch.optim.Optimizer
    n_solver_steps : int
        At most as many steps of conjugate gradients, of two Hessian products each.
    min_geometry, max_geometry : Geometry, optional
    """

    def __init__(
        self,
        minimizer: torch.optim.Optimizer,
        maximizer: torch.optim.Optimizer,
        *,
        n_solver_steps: int = 10,
        min_geometry: Geometry | None = None,
        max_geometry: Geometry | None = None,
    ) -> None:
        require_whole("n_solver_steps", n_solver_steps, 1)
        super().__init__(minimizer, maximizer, min_geometry=min_geometry, max_geometry=max_geometry)
        self.n_solver_steps = n_solver_steps

    @override
    def _advance(self, closure: Closure) -> Tensor:
        devices = {p.device for p in self._min.parameters + self._max.parameters}
        same = Replay(closure, devices)
        x, y = self._min.parameters, self._max.parameters
        start = [p.detach().clone() for p in x]
        self._min.move(self._min.gradient(same))
        end = [p.detach().clone() for p in x]
        # The graph is that of the start, and so x must be there until the products are made.
        assign(x, start)
        at = SecondDerivatives(same, self._min, self._max)
        moved = [b - a for a, b in zip(start, end, strict=True)]
        tilt = at.yy(at.yx(moved))
        correction = scaled(-1.0, solve(lambda v: at.yy(at.yy(v)), tilt, self.n_solver_steps, 1e-6))
        climb = detached(at.y)
        assign(x, end)
        with torch.no_grad():
            for p, c in zip(y, correction, strict=True):
                p.add_(c)
        self._max.move(climb)
        return at.value
