"""The mixed second derivative of the inner loss, times a vector of parameters."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor
from torch.autograd import forward_ad

from equipoise.optim.bilevel.closures import Loss, checked_scalar
from equipoise.optim.bilevel.problem import Problem
from equipoise.optim.passes import assign, buffers_kept, kept, move
from equipoise.optim.vectors import Vector, along, gradient, mean, plus, scaled


def mixed_product(problem: Problem, p: Sequence[Tensor]) -> Vector:
    r"""d/d(alpha) of <dL_T/d(theta), p>.

    Where closures return pairs, alpha enters through the outputs z alone, and ::

        <d2L_T / d(alpha) d(theta), p> = d/d(alpha) <dl/dz, J p>

    needs J p, one forward-mode pass, and no graph through the network. Otherwise it is a double
    backward pass, or with ``problem.differences`` the two gradients in alpha of DARTS (Liu,
    Simonyan, Yang, arXiv 1806.09055, equation 8).

    Weight decay does not depend on alpha and has no part in this.

    Parameters
    ----------
    problem : Problem
    p : sequence of Tensor
        Shaped as the parameters.

    Returns
    -------
    list of Tensor
        Shaped as the outer variables.

    Raises
    ------
    ValueError
        If no outer variable enters the inner loss.
    """
    if not problem.paired and problem.differences:
        return _difference(problem, p)

    def product(i: int) -> Vector:
        if problem.paired:
            return through_outputs(*linearised(problem, i, p), problem.variables)
        slope = gradient(problem.inner_loss(i), problem.parameters, create_graph=True)
        return _entering(along(slope, p), problem.variables)

    return mean((product(i) for i in range(problem.n_inner)), problem.n_inner)


def through_outputs(
    outputs: Tensor, tangent: Tensor, loss: Loss, variables: Sequence[Tensor]
) -> Vector:
    """d/d(alpha) of <dl/dz, tangent>.

    Parameters
    ----------
    outputs : Tensor
        z, without a graph.
    tangent : Tensor
        Of the same shape.
    loss : callable
        l, in which alpha is.
    variables : sequence of Tensor
        alpha.

    Returns
    -------
    list of Tensor

    Raises
    ------
    ValueError
        If no outer variable enters.
    """
    z = outputs.detach().requires_grad_()
    (slope,) = gradient(checked_scalar("inner", loss(z)), [z], create_graph=True)
    return _entering((slope * tangent).sum(), variables)


def linearised(problem: Problem, i: int, p: Sequence[Tensor]) -> tuple[Tensor, Tensor, Loss]:
    """Outputs z of the i-th closure, J p, and the loss of outputs, without any graph.

    One forward-mode pass; differences of the outputs where ``problem.differences`` or an operation
    of the model has no forward rule: central ones by two forward passes, or a forward one by a
    single pass where the outputs at the present parameters are known.

    Parameters
    ----------
    problem : Problem
    i : int
    p : sequence of Tensor

    Returns
    -------
    outputs, tangent : Tensor
    loss : callable
    """
    if not problem.differences:
        try:
            return _forward_mode(problem, i, p)
        except NotImplementedError:  # what torch raises for an operation without a forward rule
            # Nobody has seen whether outputs of an earlier pass are those of the same function.
            problem.differences, problem.known_outputs = True, None
    known = None if problem.known_outputs is None else problem.known_outputs[i]
    with torch.no_grad(), kept(problem.parameters) as at:
        step = problem.difference_step(p)
        move(problem.parameters, step, p)
        with buffers_kept():  # of which outputs may be functions, as under spectral norms
            ahead, loss = problem.outputs(i)
        if known is None:
            assign(problem.parameters, at)
            move(problem.parameters, -step, p)
            with buffers_kept():
                behind, _ = problem.outputs(i)
    if not step:
        return ahead, torch.zeros_like(ahead), loss
    if known is not None:
        return known, (ahead - known) / step, loss
    # Their middle is z up to the square of the step, which saves a third pass.
    return (ahead + behind) / 2, (ahead - behind) / (2 * step), loss


@cache
def _load_forward_rules() -> None:
    # torch compiles some rules as the first dual tensor is made, and says on the way that the
    # compiler that it uses for that is deprecated, which is no affair of the caller's.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with forward_ad.dual_level():
            forward_ad.make_dual(torch.zeros(1), torch.zeros(1))


def _forward_mode(problem: Problem, i: int, p: Sequence[Tensor]) -> tuple[Tensor, Tensor, Loss]:
    _load_forward_rules()
    with torch.no_grad(), forward_ad.dual_level():
        for q, d in zip(problem.parameters, p, strict=True):
            # A copy onto itself changes no bit and gives the parameter a tangent, which it loses
            # as the level ends: whatever model the closure calls need not be known here.
            q.copy_(forward_ad.make_dual(q.detach(), d))
        outputs, loss = problem.outputs(i)
        primal, tangent = forward_ad.unpack_dual(outputs)
        if tangent is None:  # outputs that do not depend on the parameters
            tangent = torch.zeros_like(primal)
    return primal, tangent, loss


def _difference(problem: Problem, p: Sequence[Tensor]) -> Vector:
    step = problem.difference_step(p)
    if not step:
        return [torch.zeros_like(a) for a in problem.variables]
    with kept(problem.parameters) as at:
        move(problem.parameters, step, p)
        with buffers_kept():
            ahead = problem.inner_variable_gradient()
        assign(problem.parameters, at)
        move(problem.parameters, -step, p)
        with buffers_kept():
            behind = problem.inner_variable_gradient()
    return scaled(1 / (2 * step), plus(ahead, -1.0, behind))


def _entering(value: Tensor, variables: Sequence[Tensor]) -> Vector:
    found: Sequence[Tensor | None] = [None]
    if value.requires_grad:
        found = torch.autograd.grad(value, list(variables), allow_unused=True)
    if all(g is None for g in found):
        raise ValueError(
            "none of the outer variables enters the gradient of the inner loss. Where the inner "
            "closure returns (outputs, loss), they must enter through loss(outputs)."
        )
    return [torch.zeros_like(a) if g is None else g for a, g in zip(variables, found, strict=True)]
