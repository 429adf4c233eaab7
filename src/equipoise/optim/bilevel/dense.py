"""The Hessian written out and solved with: exact, for small problems."""

from __future__ import annotations

import math

import torch
from typing_extensions import override

from equipoise.optim.bilevel.curvature import CurvatureError, curvature
from equipoise.optim.bilevel.hypergradient import Estimate, HyperGradient, implicit
from equipoise.optim.bilevel.problem import Problem
from equipoise.optim.vectors import Vector


class Dense(HyperGradient):
    """The implicit function theorem as it stands, with every column of the Hessian computed.

    It is exact, so decoupled weight decay (AdamW) is refused.

    Parameters
    ----------
    damping : float
        Added to the eigenvalues of H.
    max_parameters : int
        The largest problem to accept: n parameters take n products and 8 n^2 bytes.
    """

    def __init__(self, *, damping: float = 0.0, max_parameters: int = 2000) -> None:
        if not 0 <= damping < math.inf:
            raise ValueError(f"damping must be at least 0 and finite, not {damping}.")
        self.damping = damping
        self.max_parameters = max_parameters

    @override
    def __call__(self, problem: Problem, *, diagnose: bool = False) -> Estimate:
        problem.require_coupled_decay("Dense")
        n = sum(p.numel() for p in problem.parameters)
        if n > self.max_parameters:
            raise ValueError(
                f"Dense would write out a Hessian of {n} by {n}; max_parameters is "
                f"{self.max_parameters}. Use ConjugateGradient, or raise max_parameters."
            )
        outer = problem.outer_gradient()
        product = curvature(problem, "hessian")
        like = problem.parameters
        # A parameter's rows are worked with on its own device, and solved on the first one's.
        columns = [
            _flat(product(_unflat(unit, like)))
            for unit in torch.eye(n, dtype=_flat(like).dtype, device=like[0].device)
        ]
        H = torch.stack(columns, 1)
        H.diagonal().add_(self.damping)
        solution, info = torch.linalg.solve_ex(H, _flat(outer.parameters))
        if info.item() or not solution.isfinite().all():
            raise CurvatureError(
                "the Hessian of the inner loss is singular: add weight decay to the inner "
                "optimizer, or damping."
            )
        p = _unflat(solution, like)
        return implicit(problem, outer, p, diagnose=diagnose, product=product)


def _flat(vector: Vector) -> torch.Tensor:
    return torch.cat([x.detach().reshape(-1).to(vector[0].device) for x in vector])


def _unflat(flat: torch.Tensor, like: Vector) -> Vector:
    parts = flat.split([x.numel() for x in like])
    return [part.view_as(x).to(x) for part, x in zip(parts, like, strict=True)]
