"""A linear last layer on frozen features: solved, and its hyper-gradient exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.bilevel.closures import Loss, checked_scalar
from equipoise.optim.bilevel.curvature import CurvatureError
from equipoise.optim.bilevel.hypergradient import Estimate, HyperGradient, implicit
from equipoise.optim.bilevel.mixed import through_outputs
from equipoise.optim.bilevel.passes import assign
from equipoise.optim.bilevel.problem import Problem
from equipoise.optim.bilevel.vectors import Vector, gradient, mean


class LastLayer(HyperGradient):
    r"""Solve the inner problem over a linear head by Newton's method, then differentiate exactly.

    The outputs are z = X W^T + b with features X that no trained parameter enters, so all that is
    needed of the network are the features: they are read off the head's input in one pass without
    a graph, and the rest is algebra on logits. The Hessian is ::

        H_(kl) = X^T diag(d2l/dz_k dz_l) X + decay

    since the rows of a batch do not see each other in the loss, which is checked. The head's
    parameters are left at the solution, so inner steps may be left out: call ``outer_step`` alone.

    It is exact, so decoupled weight decay (AdamW) is refused. Without weight decay a softmax head
    has no unique solution, and separable classes have none at all.

    Parameters
    ----------
    head : torch.nn.Linear
        Its parameters are those of the inner optimizer, all of them.
    tolerance : float, optional
        The largest entry of the inner gradient at the solution; by default eps^(2/3) of the dtype.
    max_iterations : int
        Newton steps.
    max_parameters : int
        The largest head to accept: n parameters take 8 n^2 bytes.
    """

    def __init__(
        self,
        head: torch.nn.Linear,
        *,
        tolerance: float | None = None,
        max_iterations: int = 50,
        max_parameters: int = 10_000,
    ) -> None:
        if not isinstance(head, torch.nn.Linear):
            raise TypeError(f"head must be a torch.nn.Linear, not {type(head).__name__}.")
        if tolerance is not None and not tolerance > 0:
            raise ValueError(f"tolerance must be positive, not {tolerance}.")
        if max_iterations < 1:
            raise ValueError(f"max_iterations must be at least 1, not {max_iterations}.")
        self.head = head
        self.tolerance = tolerance
        self.max_iterations = max_iterations
        self.max_parameters = max_parameters

    @override
    def __call__(self, problem: Problem, *, diagnose: bool = False) -> Estimate:
        problem.require_coupled_decay("LastLayer")
        layer = _Head(self.head, problem, self.max_parameters)
        H = self._solve(layer)
        layer.write(problem.parameters)
        outer = problem.outer_gradient()
        p = layer.unflat(torch.cholesky_solve(layer.flat(outer.parameters), _factor(H)))
        return implicit(
            problem,
            outer,
            p,
            diagnose=diagnose,
            product=lambda q: layer.unflat(H @ layer.flat(q)),
            mix=layer.mixed,
        )

    def _solve(self, layer: _Head) -> Tensor:
        eps = torch.finfo(layer.at.dtype).eps
        tolerance = eps ** (2 / 3) if self.tolerance is None else self.tolerance
        value, slope = layer.value_and_gradient(layer.at)
        for _ in range(self.max_iterations):
            # One more step than the tolerance asks for would be spent on rounding.
            if slope.abs().max() <= tolerance:
                return layer.hessian(layer.at)
            move = torch.cholesky_solve(slope[:, None], _factor(layer.hessian(layer.at)))[:, 0]
            length = 1.0
            while True:
                there = layer.at - length * move
                new, new_slope = layer.value_and_gradient(there)
                # Near the solution the decrease is below rounding: the gradient decides there.
                rounding = 10 * eps * value.abs()
                if new <= value + rounding - 1e-4 * length * (slope @ move):
                    break
                length /= 2
                if length < 1e-10:
                    raise _unsolved(slope, tolerance)
            layer.at, value, slope = there, new, new_slope
        raise _unsolved(slope, tolerance)


class _Head:
    """The inner problem as a function of the head's parameters laid out flat, (K, d [+ 1])."""

    def __init__(self, head: torch.nn.Linear, problem: Problem, max_parameters: int) -> None:
        own = [p for p in (head.weight, head.bias) if p is not None]
        if {id(p) for p in own} != {id(p) for p in problem.parameters}:
            raise ValueError(
                "LastLayer needs an inner optimizer of the head's weight and bias, both trainable, "
                "and of nothing else."
            )
        if sum(p.numel() for p in own) > max_parameters:
            raise ValueError(
                f"the head has {sum(p.numel() for p in own)} parameters and max_parameters is "
                f"{max_parameters}: use ConjugateGradient, or raise max_parameters."
            )
        self.problem = problem
        self._weight_first = problem.parameters[0] is head.weight
        self._has_bias = head.bias is not None
        self.at = self.flat([p.detach() for p in problem.parameters])[:, 0]
        self.decay = self.flat(
            [
                torch.full_like(p, decay, requires_grad=False)
                for p, decay in zip(problem.parameters, problem.decays, strict=True)
            ]
        )[:, 0]
        self.terms = [_features(problem, head, i) for i in range(problem.n_inner)]

    def flat(self, vector: Sequence[Tensor]) -> Tensor:
        """A vector like the parameters as a column, classes one after the other."""
        parts = list(vector) if self._weight_first else list(reversed(vector))
        return torch.cat([x.reshape(len(parts[0]), -1) for x in parts], 1).reshape(-1, 1)

    def unflat(self, column: Tensor) -> Vector:
        """The inverse of :meth:`flat`."""
        both = column.reshape(self._n_classes, -1)
        if not self._has_bias:
            return [both]
        parts = [both[:, :-1], both[:, -1]]
        return parts if self._weight_first else parts[::-1]

    @property
    def _n_classes(self) -> int:
        return len(self.problem.parameters[0])

    def write(self, parameters: Vector) -> None:
        """Put the solution into the head."""
        assign(parameters, self.unflat(self.at))

    def value_and_gradient(self, at: Tensor) -> tuple[Tensor, Tensor]:
        """The inner loss and its gradient, decay included."""
        value, slope = (self.decay * at * at).sum() / 2, self.decay * at
        for X, loss in self.terms:
            z = self._outputs(X, at).requires_grad_()
            found = checked_scalar("inner", loss(z))
            (dz,) = gradient(found, [z])
            value = value + found.detach() / len(self.terms)
            slope = slope + (dz.T @ X).reshape(-1) / len(self.terms)
        return value, slope

    def hessian(self, at: Tensor) -> Tensor:
        """The Hessian, decay included, shape (n, n)."""
        K = self._n_classes
        H = torch.diag(self.decay)
        blocks = H.view(K, -1, K, H.shape[0] // K)
        for X, loss in self.terms:
            curved = _row_hessians(self._outputs(X, at), loss)
            for k in range(K):
                for j in range(k, K):
                    block = X.T @ (curved[:, k, j, None] * X) / len(self.terms)
                    blocks[k, :, j] += block
                    if j > k:
                        blocks[j, :, k] += block
        return H

    def mixed(self, p: Sequence[Tensor]) -> Vector:
        """The mixed second derivative times a vector; J p is the head's own outputs at p."""

        def product(X: Tensor, loss: Loss) -> Vector:
            z, tangent = self._outputs(X, self.at), self._outputs(X, self.flat(p))
            return through_outputs(z, tangent, loss, self.problem.variables)

        return mean((product(*term) for term in self.terms), len(self.terms))

    def _outputs(self, X: Tensor, at: Tensor) -> Tensor:
        return X @ at.reshape(self._n_classes, -1).T


def _features(problem: Problem, head: torch.nn.Linear, i: int) -> tuple[Tensor, Loss]:
    """What the head is given in the i-th closure, with a column of ones for the bias."""
    given: list[Tensor] = []

    def note(_: Any, inputs: tuple[Tensor, ...]) -> None:
        given.append(inputs[0])

    handle = head.register_forward_pre_hook(note)
    try:
        with torch.no_grad():
            outputs, loss = problem.outputs(i)
    finally:
        handle.remove()
    if len(given) != 1 or given[0].dim() != 2:
        raise ValueError(
            "the inner closure must call the head once, on features of shape (n, d); it called it "
            f"on {[tuple(x.shape) for x in given]}."
        )
    X = given[0].detach()
    if head.bias is not None:
        X = torch.cat([X, torch.ones_like(X[:, :1])], 1)
    with torch.no_grad():
        expected = head(given[0])
    if outputs.shape != expected.shape or not torch.allclose(outputs, expected):
        raise ValueError(
            "the outputs in the inner closure's pair (outputs, loss) must be those of the head; "
            "whatever follows belongs into loss."
        )
    return X, loss


def _row_hessians(outputs: Tensor, loss: Loss) -> Tensor:
    """d2l/dz2 of each row, shape (n, K, K), for a loss in which rows do not see each other."""
    z = outputs.detach().requires_grad_()
    (slope,) = gradient(loss(z), [z], create_graph=True)
    K = z.shape[1]
    columns = []
    for k in range(K):
        unit = torch.zeros_like(z)
        unit[:, k] = 1
        columns.append(gradient(slope, [z], unit, retain_graph=True)[0])
    curved = torch.stack(columns, 2)
    # Signs that differ from row to row come out of any product between rows.
    # They differ within a row too: a softmax does not see what is added to all of its logits.
    signs = torch.ones_like(z)
    signs[::2] = -1
    signs[:, ::2] *= -1
    (whole,) = gradient(slope, [z], signs)
    by_row = (curved * signs[:, None, :]).sum(2)
    if not torch.allclose(whole, by_row, rtol=1e-3, atol=1e-4 * curved.abs().max().item()):
        raise ValueError(
            "the inner loss must be a sum over the rows of outputs: in this one, rows depend on "
            "each other. Use ConjugateGradient or Dense."
        )
    return curved


def _factor(H: Tensor) -> Tensor:
    factor, info = torch.linalg.cholesky_ex(H)
    if info.item():
        raise CurvatureError(
            "the Hessian of the head is not positive definite: add weight decay to the inner "
            "optimizer, bias included, and see that the loss is convex in the outputs."
        )
    return factor


def _unsolved(slope: Tensor, tolerance: float) -> RuntimeError:
    return RuntimeError(
        f"the head is not solved: an entry of the inner gradient is {slope.abs().max().item():.3g} "
        f"and tolerance is {tolerance:.3g}. Add weight decay, raise tolerance, or use float64."
    )
