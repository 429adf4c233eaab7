"""The hyper-gradient of what some steps of the inner optimizer would lead to."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.bilevel.hypergradient import Estimate, HyperGradient, without_system
from equipoise.optim.bilevel.problem import Problem
from equipoise.optim.passes import assign, kept
from equipoise.optim.vectors import Vector, along, gradient, mean, plus, scaled


class Unrolled(HyperGradient):
    """d/d(alpha) of the outer loss after ``steps`` further steps of the inner optimizer's rule.

    Reverse-hypergradient (Franceschi et al., arXiv 1703.01785, algorithm 1). The steps start at the
    present parameters and momentum, which are given back bit for bit, on the batches at hand. Only
    the parameters of each step are held, not a graph through all of them: each is differentiated by
    itself on the way back, so that memory is that of one step plus ``steps`` copies. From a
    solution of the inner problem and without momentum it equals a Neumann series of as many terms
    with the learning rate for a step size (Lorraine et al., arXiv 1911.02590, theorem 2); elsewhere
    it tends to the implicit gradient as (1 - lr * lambda_min)^steps.

    Parameters
    ----------
    steps : int
        Two backward passes and a double one each.
    """

    def __init__(self, steps: int = 5) -> None:
        if steps < 1:
            raise ValueError(f"steps must be at least 1, not {steps}.")
        self.steps = steps

    @override
    def __call__(self, problem: Problem, *, diagnose: bool = False) -> Estimate:
        rules = _rules(problem)
        with kept(problem.parameters):
            points, first = self._forward(problem, rules)
            outer = problem.outer_gradient()
            found = self._backward(problem, rules, points, first, outer.parameters)
        total = plus(outer.variables, 1.0, found)
        return without_system(problem, total, outer.objective, diagnose)

    def _forward(self, problem: Problem, rules: list[_Rule]) -> tuple[list[Vector], list[bool]]:
        points: list[Vector] = []
        buffers = [rule.buffer for rule in rules]
        for _ in range(self.steps):
            points.append([p.detach().clone() for p in problem.parameters])
            moved = []
            slope = problem.inner_gradient()
            for k, (rule, at, g) in enumerate(zip(rules, points[-1], slope, strict=True)):
                buffer = buffers[k]
                # torch's first step takes the gradient itself for its momentum, undamped.
                m = g if buffer is None else rule.momentum * buffer + (1 - rule.dampening) * g
                buffers[k] = m if rule.momentum else None
                moved.append(at - rule.lr * (g + rule.momentum * m if rule.nesterov else m))
            assign(problem.parameters, moved)
        # Which rules take that first step in the unrolling, at its first step alone.
        return points, [rule.buffer is None for rule in rules]

    def _backward(
        self,
        problem: Problem,
        rules: list[_Rule],
        points: list[Vector],
        first: list[bool],
        adjoint: Vector,
    ) -> Vector:
        total = [torch.zeros_like(a) for a in problem.variables]
        momentum = [torch.zeros_like(x) for x in adjoint]
        for t in reversed(range(self.steps)):
            assign(problem.parameters, points[t])
            slope = []
            for k, rule in enumerate(rules):
                starts = not rule.momentum or (t == 0 and first[k])
                direct = scaled(-rule.lr, [adjoint[k]])[0]
                m = momentum[k] + (rule.momentum if rule.nesterov else 1.0) * direct
                g = m if starts else (1 - rule.dampening) * m
                slope.append(g + direct if rule.nesterov else g)
                momentum[k] = torch.zeros_like(m) if starts else rule.momentum * m
            curved, mixed = _second_products(problem, slope)
            adjoint = plus(adjoint, 1.0, curved)
            total = plus(total, 1.0, mixed)
        return total


@dataclass(frozen=True)
class _Rule:
    """One parameter's step of SGD."""

    lr: float
    momentum: float
    dampening: float
    nesterov: bool
    buffer: Tensor | None


def _rules(problem: Problem) -> list[_Rule]:
    optimizer = problem.optimizer
    if not isinstance(optimizer, torch.optim.SGD):
        raise TypeError(
            "Unrolled differentiates the steps of torch.optim.SGD, with momentum or without, not "
            f"those of {type(optimizer).__name__}: use an implicit hyper-gradient."
        )
    return [
        _Rule(
            float(group["lr"]),
            float(group["momentum"]),
            float(group["dampening"]),
            bool(group["nesterov"]),
            optimizer.state[p].get("momentum_buffer") if group["momentum"] else None,
        )
        for group in optimizer.param_groups
        for p in group["params"]
        if p.requires_grad
    ]


def _second_products(problem: Problem, q: Vector) -> tuple[Vector, Vector]:
    """H q, decay included, and the mixed second derivative times q, from one graph."""
    of = [*problem.parameters, *problem.variables]

    def product(i: int) -> Vector:
        slope = gradient(problem.inner_loss(i), problem.parameters, create_graph=True)
        return gradient(along(slope, q), of)

    total = mean((product(i) for i in range(problem.n_inner)), problem.n_inner)
    n = len(q)
    return problem.decayed(total[:n], q), total[n:]
