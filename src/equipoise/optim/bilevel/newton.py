"""Newton's method for a linear head, its systems solved with the factor of an earlier Hessian."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from equipoise.optim.bilevel.curvature import CurvatureError
from equipoise.optim.bilevel.head import Head

# Relative error of a Newton step, in the norm of the Hessian: steps that are solved further than
# the model of the loss is good for are no better, and cruder ones need more gradients.
_FORCING = 1e-3
# Writing out a Hessian and factoring it takes as long as some tens of iterations.
_PATIENCE = 30


class HessianSolver:
    """H p = v by conjugate gradients, preconditioned by the factor of an earlier Hessian.

    From one outer step to the next the Hessian changes little, and the product of the inverse of
    an earlier one with it has all of its eigenvalues near 1: conjugate gradients then end after a
    few products, which are much cheaper than the Hessian itself. Once they no longer do, the
    Hessian at hand is written out and factored. What is found is the solution of the system at
    hand up to the tolerance, whatever the factor is of.

    Attributes
    ----------
    factor : Tensor, shape (K d, K d), or None
        A Cholesky factor.
    """

    def __init__(self) -> None:
        self.factor: Tensor | None = None

    def solve(
        self,
        head: Head,
        curved: Sequence[Tensor],
        v: Tensor,
        tolerance: float,
        start: Tensor | None = None,
    ) -> Tensor:
        """Solve a system.

        Parameters
        ----------
        head : Head
        curved : sequence of Tensor
            From ``head.curvature``: of which Hessian.
        v : Tensor, shape (K, d)
        tolerance : float
            Of the error, relative to the solution, both in the norm of the Hessian (approximately:
            that is what the preconditioned residual's length is).
        start : Tensor, shape (K, d), optional
            A guess; one of another shape, dtype or device is none.

        Returns
        -------
        Tensor, shape (K, d)

        Raises
        ------
        CurvatureError
            If the Hessian is found not to be positive definite.
        FloatingPointError
            If an entry of v is not finite.
        """
        if not v.isfinite().all():
            raise FloatingPointError("a gradient that the head is solved for is not finite.")
        p = start if start is not None and start.shape == v.shape and _alike(start, v) else None
        factor = self.factor
        if factor is not None and len(factor) == v.numel() and _alike(factor, v):
            p, ended = self._iterate(head, curved, v, tolerance, p)
            if ended:
                return p
        self._renew(head.hessian(curved))
        # With its own factor, what the tolerance asks beyond rounding is not to be had.
        return self._iterate(head, curved, v, tolerance, p)[0]

    def _renew(self, H: Tensor) -> None:
        factor, info = torch.linalg.cholesky_ex(H)
        if info.item():
            raise CurvatureError(
                "the Hessian of the head is not positive definite: add weight decay to the inner "
                "optimizer, bias included, and see that the loss is convex in the outputs."
            )
        self.factor = factor

    def _conditioned(self, v: Tensor) -> Tensor:
        assert self.factor is not None
        # Several times faster than torch.cholesky_solve, of one right-hand side.
        half = torch.linalg.solve_triangular(self.factor, v.reshape(-1, 1), upper=False)
        return torch.linalg.solve_triangular(self.factor.mT, half, upper=True).view_as(v)

    def _iterate(
        self,
        head: Head,
        curved: Sequence[Tensor],
        v: Tensor,
        tolerance: float,
        start: Tensor | None,
    ) -> tuple[Tensor, bool]:
        """Preconditioned conjugate gradients, and whether they reached the tolerance."""
        p = torch.zeros_like(v) if start is None else start
        residual = v if start is None else v - head.product(curved, start)
        direction = self._conditioned(residual)
        square = (residual * direction).sum()
        whole = square if start is None else (v * self._conditioned(v)).sum()
        least = tolerance**2 * whole
        for _ in range(_PATIENCE):
            if square <= least:
                return p, True
            image = head.product(curved, direction)
            along = (direction * image).sum()
            if not along > 0:
                return p, False
            length = square / along
            p = p + length * direction
            residual = residual - length * image
            moved = self._conditioned(residual)
            before, square = square, (residual * moved).sum()
            direction = moved + square / before * direction
        return p, bool(square <= least)


def _alike(x: Tensor, y: Tensor) -> bool:
    return (x.dtype, x.device) == (y.dtype, y.device)


def minimise(
    head: Head, at: Tensor, solver: HessianSolver, tolerance: float, max_iterations: int
) -> tuple[Tensor, list[Tensor]]:
    """Minimise the loss of a head.

    Parameters
    ----------
    head : Head
        Convex.
    at : Tensor, shape (K, d)
        Where to begin.
    solver : HessianSolver
    tolerance : float
        The largest entry of the gradient at the end.
    max_iterations : int

    Returns
    -------
    at : Tensor, shape (K, d)
    curved : list of Tensor
        The curvature there, for further systems.

    Raises
    ------
    RuntimeError
        If the tolerance is not reached.
    CurvatureError
        If a Hessian is found not to be positive definite.
    FloatingPointError
        If the loss or its gradient is not finite at the start.
    """
    eps = torch.finfo(at.dtype).eps
    value, slope = head.value_and_gradient(at)
    if not (value.isfinite() and slope.isfinite().all()):
        raise FloatingPointError(
            f"the inner loss ({value.item():.3g}) or its gradient is not finite: look for missing "
            "values in the features."
        )
    for _ in range(max_iterations):
        curved = head.curvature(at)
        # One more step than the tolerance asks for would be spent on rounding.
        if slope.abs().max() <= tolerance:
            return at, curved
        move = solver.solve(head, curved, slope, _FORCING)
        length = 1.0
        while True:
            there = at - length * move
            new, new_slope = head.value_and_gradient(there)
            # Near the solution the decrease is below rounding: the gradient decides there.
            rounding = 10 * eps * value.abs()
            if new <= value + rounding - 1e-4 * length * (slope * move).sum():
                break
            length /= 2
            if length < 1e-10:
                raise _unsolved(slope, tolerance)
        at, value, slope = there, new, new_slope
    raise _unsolved(slope, tolerance)


def _unsolved(slope: Tensor, tolerance: float) -> RuntimeError:
    return RuntimeError(
        f"the head is not solved: an entry of the inner gradient is {slope.abs().max().item():.3g} "
        f"and tolerance is {tolerance:.3g}. Add weight decay, raise tolerance, or use float64."
    )
