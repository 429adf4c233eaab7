"""The Hessian taken for the identity: one backward pass and one or two forward passes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.bilevel.hypergradient import Estimate, HyperGradient, implicit
from equipoise.optim.bilevel.mixed import mixed_product
from equipoise.optim.bilevel.problem import Problem
from equipoise.optim.vectors import Vector, norm, plus, scaled

# Beside what taking the Hessian for the identity is off by, this is nothing.
_AGREE = 0.02
_CHECK_EVERY = 50


class Identity(HyperGradient):
    """dL_V/d(alpha) - scale * <d2L_T/d(alpha)d(theta), v>.

    T1-T2 (Luketina et al., arXiv 1511.06727). DARTS has the inner learning rate for its scale
    (arXiv 1806.09055, equation 7). Here it is 1 by default: a schedule or the momentum of the inner
    optimizer should not change the outer rate behind the user's back, a Neumann series of one term
    and unit step is the same estimate, and Adam does not see the scale unless there is a direct
    derivative too.

    After interpolation H is nearly a multiple of the identity in the directions that matter, and
    a few Neumann terms point the same way. Far from it, look at the diagnostics' residual.

    The mixed derivative of pairs is computed both by a forward-mode pass and by differences every
    fiftieth time, the first included. Where they agree to two percent and parameters are not in
    double precision, differences serve in between. They cost two forward passes rather than three,
    and one where :meth:`Bilevel.step` takes both steps, since the inner step makes the other.
    Rounded arithmetic (autocast, TF32) and kinks are found out that way, and forward mode stays.
    ``differences`` of :class:`Bilevel` is there to say one or the other.

    Decoupled weight decay (AdamW) makes no difference to it.

    Parameters
    ----------
    scale : float
        Stands for H^-1, in units of squared parameter per unit of loss.
    """

    uses_outputs = True

    def __init__(self, scale: float = 1.0) -> None:
        if not 0 < scale < math.inf:
            raise ValueError(f"scale must be positive and finite, not {scale}.")
        self.scale = scale
        self._agree = False
        self._age = 0

    @override
    def __call__(self, problem: Problem, *, diagnose: bool = False) -> Estimate:
        outer = problem.outer_gradient()
        p = outer.parameters if self.scale == 1 else scaled(self.scale, outer.parameters)
        return implicit(
            problem,
            outer,
            p,
            diagnose=diagnose,
            mix=lambda q: self._mixed(problem, q),
            compare=False,
        )

    def _mixed(self, problem: Problem, p: Sequence[Tensor]) -> Vector:
        exact = any(x.dtype == torch.float64 for x in p)
        if problem.differences is not None or not problem.paired or exact:
            return mixed_product(problem, p)
        if self._age % _CHECK_EVERY:
            found = _by(self._agree, problem, p)
        else:
            found = _by(False, problem, p)
            apart = norm(plus(_by(True, problem, p), -1.0, found))
            self._agree = apart <= _AGREE * norm(found)
        self._age += 1
        return found

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"agree": self._agree, "age": self._age}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._agree, self._age = state_dict["agree"], state_dict["age"]


def _by(differences: bool, problem: Problem, p: Sequence[Tensor]) -> Vector:
    known = problem.known_outputs
    problem.differences = differences
    try:
        return mixed_product(problem, p)
    finally:
        problem.differences, problem.known_outputs = None, known
