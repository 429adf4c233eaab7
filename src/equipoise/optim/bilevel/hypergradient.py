"""What every hyper-gradient is: a map from a bilevel problem to d/d(alpha), and what it says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from equipoise.optim.bilevel.curvature import Operator, curvature, largest_eigenvalue
from equipoise.optim.bilevel.mixed import mixed_product
from equipoise.optim.bilevel.problem import OuterGradient, Problem
from equipoise.optim.vectors import Vector, cosine, norm, plus


@dataclass(frozen=True)
class Diagnostics:
    """How far a hyper-gradient is to be trusted, on the batches that it was computed from.

    Attributes
    ----------
    residual : float or None
        norm(H p - v) / norm(v) of the linear system, 0 where it is solved. H is the undamped
        curvature that the method uses; None where a method solves no such system.
    inner_gradient_norm : float
        norm(dL_T/d(theta)), decay included: the implicit function theorem speaks of points where
        it is 0.
    largest_eigenvalue : float
        Estimated largest eigenvalue of H: a Neumann series needs a step size below 2 over it.
    cosine : float or None
        Cosine to the estimate of :class:`Identity`, which costs next to nothing: near 1, the
        cheaper one would have done. None for that one itself and where one of them is 0.
    """

    residual: float | None
    inner_gradient_norm: float
    largest_eigenvalue: float
    cosine: float | None


class Estimate(NamedTuple):
    """A hyper-gradient.

    Attributes
    ----------
    gradient : list of Tensor
        d/d(alpha) of the outer loss at the inner solution, shaped as the outer variables; the
        direct derivative is included.
    objective : Tensor, shape ()
        The outer loss where it was evaluated, detached.
    diagnostics : Diagnostics or None
        None where they were not asked for.
    """

    gradient: Vector
    objective: Tensor
    diagnostics: Diagnostics | None


class HyperGradient(ABC):
    """An estimate of dL_V(theta*(alpha), alpha)/d(alpha).

    The implicit function theorem has it as dL_V/d(alpha) - <d2L_T/d(alpha)d(theta), H^-1 v> with
    v = dL_V/d(theta) and H = d2L_T/d(theta)2. The displayed formula of AutoBalance (Li et al.,
    arXiv 2201.01212) lacks the minus sign; their code has it.

    Attributes
    ----------
    uses_outputs : bool
        Whether it is cheaper where the outputs of pairs are known, and leaves parameters as they
        are.
    """

    uses_outputs = False

    @abstractmethod
    def __call__(self, problem: Problem, *, diagnose: bool = False) -> Estimate:
        """Estimate the hyper-gradient at the present parameters.

        Parameters
        ----------
        problem : Problem
        diagnose : bool
            Whether to compute the diagnostics too, at some twenty products with H.

        Returns
        -------
        Estimate
        """

    def state_dict(self) -> dict[str, Any]:
        """Copies of what is kept from one hyper-gradient to the next.

        Returns
        -------
        dict
            Of tensors, numbers, lists and None alone.
        """
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go back to a state.

        Parameters
        ----------
        state_dict : dict
            From :meth:`state_dict`.
        """
        if state_dict:
            raise ValueError(f"{type(self).__name__} keeps nothing, but the state is {state_dict}.")


def implicit(
    problem: Problem,
    outer: OuterGradient,
    p: Sequence[Tensor],
    *,
    diagnose: bool,
    product: Operator | None = None,
    mix: Callable[[Sequence[Tensor]], Vector] | None = None,
    compare: bool = True,
) -> Estimate:
    """The hyper-gradient that p, for H^-1 v, leads to.

    Parameters
    ----------
    problem : Problem
    outer : OuterGradient
    p : sequence of Tensor
        Shaped as the parameters.
    diagnose : bool
    product : callable, optional
        The undamped curvature, for the diagnostics.
    mix : callable, optional
        The mixed second derivative times a vector, where there is a shorter way to it than
        :func:`mixed_product`.
    compare : bool
        Whether the cosine to the identity's estimate says anything.

    Returns
    -------
    Estimate
    """
    mix = mix or (lambda q: mixed_product(problem, q))
    if not diagnose:
        found = plus(outer.variables, -1.0, mix(p))
        return Estimate(found, outer.objective, None)
    # All products with H first: the mixed derivative may write to the parameters of its graph.
    product = product or curvature(problem)
    length = norm(outer.parameters)
    residual = norm(plus(product(p), -1.0, outer.parameters)) / length if length else None
    largest = largest_eigenvalue(product, problem.parameters)
    found = plus(outer.variables, -1.0, mix(p))
    cheap = plus(outer.variables, -1.0, mix(outer.parameters)) if compare else None
    return Estimate(
        found,
        outer.objective,
        Diagnostics(
            residual,
            norm(problem.inner_gradient()),
            largest,
            None if cheap is None else cosine(found, cheap),
        ),
    )


def without_system(problem: Problem, found: Vector, objective: Tensor, diagnose: bool) -> Estimate:
    """A hyper-gradient that was not found by solving H p = v, with its diagnostics.

    Parameters
    ----------
    problem : Problem
    found : list of Tensor
        The hyper-gradient.
    objective : Tensor, shape ()
    diagnose : bool

    Returns
    -------
    Estimate
    """
    if not diagnose:
        return Estimate(found, objective, None)
    outer = problem.outer_gradient()
    cheap = plus(outer.variables, -1.0, mixed_product(problem, outer.parameters))
    return Estimate(
        found,
        objective,
        Diagnostics(
            None,
            norm(problem.inner_gradient()),
            largest_eigenvalue(curvature(problem), problem.parameters),
            cosine(found, cheap),
        ),
    )
