"""A fully first-order hyper-gradient: the inner problem pulled a little either way."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.bilevel.hypergradient import Estimate, HyperGradient, without_system
from equipoise.optim.bilevel.problem import OuterGradient, Problem
from equipoise.optim.passes import assign, kept
from equipoise.optim.vectors import Vector, plus, scaled


class F2SA(HyperGradient):
    """Central difference of the penalised inner problem, by gradients alone.

    With y(s) = argmin of L_T + s L_V over the parameters, dL_V(theta*(alpha), alpha)/d(alpha) is
    the derivative of dL_T/d(alpha) + s dL_V/d(alpha) at y(s) by s, at 0. F2SA (Kwon et al., arXiv
    2301.10945) takes it as a forward difference, with the penalty lambda = 1 / s; F2SA-p (Chen et
    al., arXiv 2509.02937) as one of order p. Here p is 2, ::

        (dL_T/d(alpha)(y+) - dL_T/d(alpha)(y-)) / (2 s)
            + (dL_V/d(alpha)(y+) + dL_V/d(alpha)(y-)) / 2

    with an error of order s^2 and no need of the solution itself. There is no second derivative
    anywhere, so any operation will do.

    Where the papers carry the two points along as iterates of their own, this keeps their half
    distance and starts at theta +- that: what they move together by cancels in the difference, and
    theta has moved further than they have.

    Decoupled weight decay (AdamW) is in no loss and left out of L_T.

    Parameters
    ----------
    steps : int
        Of gradient descent on each of the two, for each hyper-gradient; two inner and two outer
        gradients a step.
    step_size : float, optional
        Of that; by default the learning rate of the inner optimizer, which then must be SGD. It
        has to be below 2 over the largest eigenvalue.
    pull : float
        s. It has to be well below the smallest eigenvalue of H: the relative error is about the
        square of their ratio. In single precision below 1e-3 the difference is lost in rounding.
    """

    def __init__(
        self, steps: int = 5, *, step_size: float | None = None, pull: float = 1e-2
    ) -> None:
        if steps < 1:
            raise ValueError(f"steps must be at least 1, not {steps}.")
        if step_size is not None and not 0 < step_size < math.inf:
            raise ValueError(f"step_size must be positive and finite, not {step_size}.")
        if not 0 < pull < math.inf:
            raise ValueError(f"pull must be positive and finite, not {pull}.")
        self.steps = steps
        self.step_size = step_size
        self.pull = pull
        self._half: Vector | None = None

    @override
    def __call__(self, problem: Problem, *, diagnose: bool = False) -> Estimate:
        rates = self._rates(problem)
        half = self._half
        # Parameters may have been frozen or thawed since.
        if half is None or [x.shape for x in half] != [p.shape for p in problem.parameters]:
            half = [torch.zeros_like(p) for p in problem.parameters]
        with kept(problem.parameters) as at:
            ends, slopes, outers = [], [], []
            for side in (1.0, -1.0):
                assign(problem.parameters, plus(at, side, half))
                self._descend(problem, side * self.pull, rates)
                ends.append([p.detach().clone() for p in problem.parameters])
                slopes.append(problem.inner_variable_gradient())
                outers.append(problem.outer_gradient())
        if not all(x.isfinite().all() for end in ends for x in end):
            raise FloatingPointError(
                "the descent of F2SA diverged: give it a smaller step_size or pull."
            )
        self._half = scaled(0.5, plus(ends[0], -1.0, ends[1]))
        found = self._difference(slopes, outers)
        objective = (outers[0].objective + outers[1].objective) / 2
        return without_system(problem, found, objective, diagnose)

    def _difference(self, slopes: list[Vector], outers: list[OuterGradient]) -> Vector:
        through = scaled(1 / (2 * self.pull), plus(slopes[0], -1.0, slopes[1]))
        direct = scaled(0.5, plus(outers[0].variables, 1.0, outers[1].variables))
        return plus(through, 1.0, direct)

    def _descend(self, problem: Problem, pull: float, rates: list[float]) -> None:
        for _ in range(self.steps):
            slope = plus(problem.inner_gradient(), pull, problem.outer_gradient().parameters)
            moved: list[Tensor] = [
                p.detach() - rate * g
                for p, rate, g in zip(problem.parameters, rates, slope, strict=True)
            ]
            assign(problem.parameters, moved)

    def _rates(self, problem: Problem) -> list[float]:
        if self.step_size is not None:
            return [self.step_size] * len(problem.parameters)
        optimizer = problem.optimizer
        if not isinstance(optimizer, torch.optim.SGD):
            raise ValueError(
                f"the learning rate of {type(optimizer).__name__} is not one of gradient descent: "
                "give F2SA a step_size."
            )
        return [
            float(group["lr"])
            for group in optimizer.param_groups
            for p in group["params"]
            if p.requires_grad
        ]

    @override
    def state_dict(self) -> dict[str, Any]:
        half = self._half
        return {"half": None if half is None else [x.clone() for x in half]}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        half = state_dict["half"]
        self._half = None if half is None else [x.clone() for x in half]
