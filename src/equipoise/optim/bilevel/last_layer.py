"""A linear last layer on frozen features: solved, and its hyper-gradient exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.bilevel.closures import Loss
from equipoise.optim.bilevel.head import Head
from equipoise.optim.bilevel.hypergradient import Estimate, HyperGradient, implicit
from equipoise.optim.bilevel.mixed import through_outputs
from equipoise.optim.bilevel.newton import HessianSolver, minimise
from equipoise.optim.bilevel.problem import Problem
from equipoise.optim.passes import assign
from equipoise.optim.vectors import Vector, mean


class LastLayer(HyperGradient):
    """Solve the inner problem over a linear head by Newton's method, then differentiate exactly.

    The outputs are z = X W^T + b with features X that no trained parameter enters, so all that is
    needed of the network are the features: they are read off the head's input in one pass without
    a graph, and the rest is algebra on logits. The rows of a batch must not see each other in the
    loss, which is checked. The head's parameters are left at the solution, so inner steps may be
    left out: call ``outer_step`` alone.

    Linear systems are solved by conjugate gradients with the Cholesky factor of an earlier Hessian
    for a preconditioner, which is made anew once they take long. The factor and the last solution
    are kept, and are part of the state: they are in the last bits of what is found.

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
        self._solver = HessianSolver()
        self._solution: Tensor | None = None

    @override
    def __call__(self, problem: Problem, *, diagnose: bool = False) -> Estimate:
        problem.require_coupled_decay("LastLayer")
        layout = _Layout(self.head, problem, self.max_parameters)
        terms = [_features(problem, self.head, i) for i in range(problem.n_inner)]
        decays = zip(problem.parameters, problem.decays, strict=True)
        head = Head(terms, layout.matrix([torch.full_like(p.detach(), d) for p, d in decays]))
        start = layout.matrix([p.detach() for p in problem.parameters])
        eps = torch.finfo(start.dtype).eps
        tolerance = eps ** (2 / 3) if self.tolerance is None else self.tolerance
        at, curved = minimise(head, start, self._solver, tolerance, self.max_iterations)
        assign(problem.parameters, layout.parts(at))
        outer = problem.outer_gradient()
        v = layout.matrix(outer.parameters)
        self._solution = self._solver.solve(head, curved, v, eps**0.75, self._solution)

        def mixed(p: Sequence[Tensor]) -> Vector:
            # J p is the head's own outputs at p.
            q = layout.matrix(p)
            found = (
                through_outputs(X @ at.T, X @ q.T, loss, problem.variables) for X, loss in terms
            )
            return mean(found, len(terms))

        return implicit(
            problem,
            outer,
            layout.parts(self._solution),
            diagnose=diagnose,
            product=lambda q: layout.parts(head.product(curved, layout.matrix(q))),
            mix=mixed,
        )

    @override
    def state_dict(self) -> dict[str, Any]:
        kept = {"factor": self._solver.factor, "solution": self._solution}
        return {name: None if x is None else x.clone() for name, x in kept.items()}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        factor, solution = state_dict["factor"], state_dict["solution"]
        # By columns, as the factorisation makes it, whatever it was stored in between: the order
        # of a sum depends on that.
        by_columns = torch.contiguous_format
        self._solver.factor = (
            None if factor is None else factor.mT.clone(memory_format=by_columns).mT
        )
        self._solution = None if solution is None else solution.clone()


class _Layout:
    """The head's parameters as one matrix (K, d [+ 1]), and back."""

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
        self._weight_first = problem.parameters[0] is head.weight
        self._has_bias = head.bias is not None

    def matrix(self, vector: Sequence[Tensor]) -> Tensor:
        """A vector like the parameters as a matrix."""
        parts = list(vector) if self._weight_first else list(reversed(vector))
        return torch.cat([x.reshape(len(x), -1) for x in parts], 1)

    def parts(self, matrix: Tensor) -> Vector:
        """The inverse of :meth:`matrix`."""
        if not self._has_bias:
            return [matrix]
        found = [matrix[:, :-1], matrix[:, -1]]
        return found if self._weight_first else found[::-1]


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
    # What is not finite is the solver's to say.
    if outputs.shape != expected.shape or not torch.allclose(outputs, expected, equal_nan=True):
        raise ValueError(
            "the outputs in the inner closure's pair (outputs, loss) must be those of the head; "
            "whatever follows belongs into loss."
        )
    return X, loss
