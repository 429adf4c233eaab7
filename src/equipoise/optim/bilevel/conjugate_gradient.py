"""The inverse Hessian by conjugate gradients, from where the last ones ended."""

from __future__ import annotations

import math
from typing import Any

import torch
from typing_extensions import override

from equipoise.optim.bilevel.curvature import Curvature, CurvatureError, Operator, curvature
from equipoise.optim.bilevel.hypergradient import Estimate, HyperGradient, implicit
from equipoise.optim.bilevel.problem import Problem
from equipoise.optim.vectors import Vector, dot, norm, plus


class ConjugateGradient(HyperGradient):
    """H^-1 v by conjugate gradients (Hestenes and Stiefel 1952).

    Pedregosa, Hyperparameter optimization with approximate gradient (arXiv 1602.02355). The start
    is the solution of the hyper-gradient before, as in AmIGO (Arbel and Mairal, arXiv 2111.14580):
    from one outer step to the next the system changes little, and one or two steps follow it.

    It is exact in the limit, so decoupled weight decay (AdamW) is refused.

    Parameters
    ----------
    steps : int
        At most as many products with H, besides one for a warm start.
    curvature : {"gauss-newton", "hessian"}
        The former is positive semi-definite where the loss is convex in the outputs, and needs an
        inner closure that returns a pair.
    damping : float
        Added to the eigenvalues of H.
    warm_start : bool
        Whether to start from the solution before; it is kept in the state.
    """

    def __init__(
        self,
        steps: int = 10,
        *,
        curvature: Curvature = "gauss-newton",
        damping: float = 0.0,
        warm_start: bool = True,
    ) -> None:
        if steps < 1:
            raise ValueError(f"steps must be at least 1, not {steps}.")
        if not 0 <= damping < math.inf:
            raise ValueError(f"damping must be at least 0 and finite, not {damping}.")
        self.steps = steps
        self.curvature = curvature
        self.damping = damping
        self.warm_start = warm_start
        self._solution: Vector | None = None

    @override
    def __call__(self, problem: Problem, *, diagnose: bool = False) -> Estimate:
        problem.require_coupled_decay("ConjugateGradient")
        outer = problem.outer_gradient()
        product = curvature(problem, self.curvature, self.damping)
        p = self._solve(product, outer.parameters)
        if self.warm_start:
            self._solution = p
        undamped = None
        if diagnose:
            undamped = curvature(problem, self.curvature) if self.damping else product
        return implicit(problem, outer, p, diagnose=diagnose, product=undamped)

    def _solve(self, product: Operator, v: Vector) -> Vector:
        p, residual = self._start(product, v)
        # Below this, what is left is rounding, and its direction means nothing.
        least = 10 * max(torch.finfo(x.dtype).eps for x in v) * norm(v)
        direction, square = residual, dot(residual, residual)
        for _ in range(self.steps):
            if math.sqrt(square) <= least:
                break
            image = product(direction)
            curved = dot(direction, image)
            if not math.isfinite(curved):
                raise FloatingPointError(
                    "conjugate gradients met a number that is not finite: the outer gradient or a "
                    "product with the Hessian has one."
                )
            if curved <= 0:
                raise CurvatureError(
                    "conjugate gradients met a direction in which the inner loss does not curve "
                    f"upwards (its curvature is {curved / dot(direction, direction):.3g}): add "
                    'damping or weight decay, or ask for curvature="gauss-newton".'
                )
            length = square / curved
            p = plus(p, length, direction)
            residual = plus(residual, -length, image)
            before, square = square, dot(residual, residual)
            direction = plus(residual, square / before, direction)
        return p

    def _start(self, product: Operator, v: Vector) -> tuple[Vector, Vector]:
        last = self._solution if self.warm_start else None
        # Parameters may have been frozen or thawed since.
        if last is None or [x.shape for x in last] != [x.shape for x in v]:
            return [torch.zeros_like(x) for x in v], v
        return last, plus(v, -1.0, product(last))

    @override
    def state_dict(self) -> dict[str, Any]:
        last = self._solution
        return {"solution": None if last is None else [x.clone() for x in last]}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        last = state_dict["solution"]
        self._solution = None if last is None else [x.clone() for x in last]
