"""The Hessian taken for the identity: one backward pass and one forward-mode pass."""

from __future__ import annotations

import math

from typing_extensions import override

from equipoise.optim.bilevel.hypergradient import Estimate, HyperGradient, implicit
from equipoise.optim.bilevel.problem import Problem
from equipoise.optim.bilevel.vectors import scaled


class Identity(HyperGradient):
    """dL_V/d(alpha) - scale * <d2L_T/d(alpha)d(theta), v>.

    T1-T2 (Luketina et al., arXiv 1511.06727). DARTS has the inner learning rate for its scale
    (arXiv 1806.09055, equation 7). Here it is 1 by default: a schedule or the momentum of the inner
    optimizer should not change the outer rate behind the user's back, a Neumann series of one term
    and unit step is the same estimate, and Adam does not see the scale unless there is a direct
    derivative too.

    After interpolation H is nearly a multiple of the identity in the directions that matter, and
    a few Neumann terms point the same way. Far from it, look at the diagnostics' residual.

    Decoupled weight decay (AdamW) makes no difference to it.

    Parameters
    ----------
    scale : float
        Stands for H^-1, in units of squared parameter per unit of loss.
    """

    def __init__(self, scale: float = 1.0) -> None:
        if not 0 < scale < math.inf:
            raise ValueError(f"scale must be positive and finite, not {scale}.")
        self.scale = scale

    @override
    def __call__(self, problem: Problem, *, diagnose: bool = False) -> Estimate:
        outer = problem.outer_gradient()
        p = outer.parameters if self.scale == 1 else scaled(self.scale, outer.parameters)
        return implicit(problem, outer, p, diagnose=diagnose, compare=False)
