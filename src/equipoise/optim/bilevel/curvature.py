"""The Hessian of the inner loss as an operator, and its largest eigenvalue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from equipoise.optim.bilevel.mixed import linearised
from equipoise.optim.bilevel.problem import Problem
from equipoise.optim.vectors import Vector, along, dot, gradient, mean, norm, plus, scaled

Curvature = Literal["hessian", "gauss-newton"]
Operator = Callable[[Sequence[Tensor]], Vector]


class CurvatureError(ArithmeticError):
    """The curvature of the inner loss does not allow what a method needs.

    Nothing has been changed: catch it to go on with the inner problem alone.
    """


def curvature(problem: Problem, kind: Curvature | None = None, damping: float = 0.0) -> Operator:
    """The map p -> (H + damping I) p, weight decay included in H.

    Parameters
    ----------
    problem : Problem
    kind : {"hessian", "gauss-newton"}, optional
        The Hessian by double backward passes, or the Gauss-Newton matrix J^T (d2l/dz2) J by a
        forward-mode and a backward pass, which is positive semi-definite wherever the loss is
        convex in the outputs (Schraudolph, Neural Computation 2002). By default the latter
        where closures return pairs.
    damping : float

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        If the Gauss-Newton matrix is asked for and closures do not return pairs.
    """
    if kind is None:
        kind = "gauss-newton" if problem.paired else "hessian"
    if kind == "gauss-newton" and not problem.paired:
        raise ValueError(
            "the Gauss-Newton matrix needs an inner closure that returns (outputs, loss); return "
            'that pair, or ask for curvature="hessian".'
        )
    product = _hessian(problem) if kind == "hessian" else _gauss_newton(problem)

    def damped(p: Sequence[Tensor]) -> Vector:
        found = problem.decayed(product(p), p)
        return plus(found, damping, p) if damping else found

    return damped


def largest_eigenvalue(
    product: Operator, like: Sequence[Tensor], *, iterations: int = 20, tolerance: float = 1e-2
) -> float:
    """Estimate of the eigenvalue of largest magnitude, by power iteration.

    The estimate is a Rayleigh quotient, so that it never is above the largest eigenvalue of a
    positive semi-definite matrix.

    Parameters
    ----------
    product : callable
    like : sequence of Tensor
        Of the shapes, dtypes and devices of a vector.
    iterations : int
        At most as many products.
    tolerance : float
        Relative change at which it ends.

    Returns
    -------
    float
    """
    # A stream of its own: the caller's is left alone, and a resumed run finds the same.
    streams = {x.device: torch.Generator(x.device).manual_seed(0) for x in like}
    p = [
        torch.randn(x.shape, generator=streams[x.device], dtype=x.dtype, device=x.device)
        for x in like
    ]
    p = scaled(1 / norm(p), p)
    estimate = 0.0
    for _ in range(iterations):
        image = product(p)
        before, estimate = estimate, dot(p, image)
        length = norm(image)
        if not length:
            return 0.0
        if abs(estimate - before) <= tolerance * abs(estimate):
            break
        p = scaled(1 / length, image)
    return estimate


def _hessian(problem: Problem) -> Operator:
    # One graph serves all products where there is one closure; of several, each has to be made
    # anew for every product, or memory would be that of all of them.
    graph: dict[tuple[int, ...], Vector] = {}

    def slope(i: int) -> Vector:
        if problem.n_inner > 1:
            return gradient(problem.inner_loss(i), problem.parameters, create_graph=True)
        # A graph cannot be used again once a parameter has been written to, be it the same value.
        versions = tuple(p._version for p in problem.parameters)
        if versions not in graph:
            graph.clear()
            graph[versions] = gradient(problem.inner_loss(i), problem.parameters, create_graph=True)
        return graph[versions]

    def product(i: int, p: Sequence[Tensor]) -> Vector:
        return gradient(along(slope(i), p), problem.parameters, retain_graph=True)

    return lambda p: mean((product(i, p) for i in range(problem.n_inner)), problem.n_inner)


def _gauss_newton(problem: Problem) -> Operator:
    def product(i: int, p: Sequence[Tensor]) -> Vector:
        outputs, tangent, loss = linearised(problem, i, p)
        z = outputs.detach().requires_grad_()
        (slope,) = gradient(loss(z), [z], create_graph=True)
        (pull,) = gradient(slope, [z], tangent)
        # After the forward-mode pass, which writes to the parameters that this graph needs.
        again, _ = problem.outputs(i)
        return gradient(again, problem.parameters, pull)

    return lambda p: mean((product(i, p) for i in range(problem.n_inner)), problem.n_inner)
