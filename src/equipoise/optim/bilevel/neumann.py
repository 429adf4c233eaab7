"""The inverse Hessian as a truncated Neumann series."""

from __future__ import annotations

import math
from typing import Any

from typing_extensions import override

from equipoise.optim.bilevel.curvature import (
    Curvature,
    CurvatureError,
    Operator,
    curvature,
    largest_eigenvalue,
)
from equipoise.optim.bilevel.hypergradient import Estimate, HyperGradient, implicit
from equipoise.optim.bilevel.problem import Problem
from equipoise.optim.vectors import Vector, norm, plus, scaled


class Neumann(HyperGradient):
    """H^-1 v as a * sum over j < terms of (I - a H)^j v.

    Lorraine, Vicol, Duvenaud, Optimizing Millions of Hyperparameters by Implicit Differentiation
    (arXiv 1911.02590), algorithm 3; AutoBalance runs it with a = 1 and six terms. It leaves the
    relative error (I - a H)^terms, if 0 < a lambda_max < 2 and H is positive definite.

    Otherwise its terms grow, which is found out: of a symmetric matrix the lengths of
    (I - a H)^j v are log-convex in j, so once one is longer than the one before, all that follow
    are longer still. A step size that was estimated on an earlier batch is then estimated anew;
    if the terms still grow it is an error.

    Decoupled weight decay (AdamW) is in no loss and left out of H.

    Parameters
    ----------
    terms : int
        How many; the products with H are one fewer.
    step_size : float, optional
        a. By default 1 over the largest eigenvalue, estimated by power iteration (at most twenty
        products) on the batches at hand.
    damping : float
        Added to the eigenvalues of H.
    curvature : {"hessian", "gauss-newton"}, optional
        What H is; by default the Gauss-Newton matrix where the inner closure returns a pair.
    refresh : int
        Every how many hyper-gradients the step size is estimated anew.
    """

    def __init__(
        self,
        terms: int = 6,
        step_size: float | None = None,
        *,
        damping: float = 0.0,
        curvature: Curvature | None = None,
        refresh: int = 10,
    ) -> None:
        if terms < 1 or refresh < 1:
            raise ValueError(f"terms and refresh must be at least 1, not {terms} and {refresh}.")
        if step_size is not None and not 0 < step_size < math.inf:
            raise ValueError(f"step_size must be positive and finite, not {step_size}.")
        if not 0 <= damping < math.inf:
            raise ValueError(f"damping must be at least 0 and finite, not {damping}.")
        self.terms = terms
        self.step_size = step_size
        self.damping = damping
        self.curvature = curvature
        self.refresh = refresh
        self._estimated: float | None = None
        self._age = 0

    @override
    def __call__(self, problem: Problem, *, diagnose: bool = False) -> Estimate:
        outer = problem.outer_gradient()
        product = curvature(problem, self.curvature, self.damping)
        p = self._solve(problem, product, outer.parameters)
        undamped = None
        if diagnose:
            undamped = curvature(problem, self.curvature) if self.damping else product
        return implicit(problem, outer, p, diagnose=diagnose, product=undamped)

    def _solve(self, problem: Problem, product: Operator, v: Vector) -> Vector:
        if self.terms == 1 and self.step_size is not None:
            return scaled(self.step_size, v)
        fresh = self.step_size is None and (
            self._estimated is None or self._age % self.refresh == 0
        )
        if fresh:
            self._estimate(problem, product)
        p = self._sum(product, v)
        if p is None and self.step_size is None and not fresh:
            self._estimate(problem, product)
            p = self._sum(product, v)
        if p is None:
            raise CurvatureError(self._diverged(problem, product))
        self._age += 1
        return p

    def _estimate(self, problem: Problem, product: Operator) -> None:
        largest = largest_eigenvalue(product, problem.parameters)
        if not largest > 0:
            raise CurvatureError(
                f"the eigenvalue of largest magnitude is {largest:.3g}, and 1 over it is no step "
                'size: add damping or weight decay, ask for curvature="gauss-newton", or start '
                "hyper-gradients later (warmup)."
            )
        self._estimated, self._age = 1 / largest, 0

    def _sum(self, product: Operator, v: Vector) -> Vector | None:
        step = self.step_size if self.step_size is not None else self._estimated
        assert step is not None
        term, total, length = v, v, norm(v)
        for _ in range(self.terms - 1):
            term = plus(term, -step, product(term))
            before, length = length, norm(term)
            # Rounding may lengthen a term that has converged to what the series cannot shrink.
            if not length <= before * (1 + 1e-4):
                return None
            total = plus(total, 1.0, term)
        return scaled(step, total)

    def _diverged(self, problem: Problem, product: Operator) -> str:
        largest = largest_eigenvalue(product, problem.parameters)
        step = self.step_size or self._estimated
        if step is not None and largest * step >= 2:
            return (
                f"the Neumann series diverges: its step size {step:.3g} is to be below 2 over the "
                f"largest eigenvalue, which is about {largest:.3g}. Leave step_size out to have it "
                "estimated."
            )
        return (
            f"the Neumann series diverges at the step size {step:.3g}, though the largest "
            f"eigenvalue is about {largest:.3g}: the Hessian has negative eigenvalues. Add "
            'damping, ask for curvature="gauss-newton", or start hyper-gradients later (warmup).'
        )

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"step_size": self._estimated, "age": self._age}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._estimated, self._age = state_dict["step_size"], state_dict["age"]
