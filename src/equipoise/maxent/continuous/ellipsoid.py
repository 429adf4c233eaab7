"""The published method: a bound of the parameter, and ellipsoids that shrink around it."""

from __future__ import annotations

from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.maxent.continuous.box import Box, BoxVertices
from equipoise.maxent.continuous.domain import Domain
from equipoise.maxent.continuous.errors import MeanOnBoundaryError, NoConvergenceError
from equipoise.maxent.continuous.simplex import Simplex

Array = NDArray[Any]


class EllipsoidSolution(NamedTuple):
    """Where the ellipsoids led to.

    Attributes
    ----------
    parameter : ndarray, shape (n,)
        The best centre; its entries sum to zero where only their differences matter.
    value : float
        Of the dual there.
    gap : float
        A proved bound of how far that is above the minimum.
    steps : int
    """

    parameter: Array
    value: float
    gap: float
    steps: int


def parameter_bound(domain: Domain, mean: ArrayLike) -> float:
    """A bound of the Euclidean norm of the dual's minimiser (Leake and Vishnoi 2020).

    If the ball of radius eta around the mean, in the plane of the domain, is inside the hull, and
    every ball of radius r around a point of the domain has prior probability exp(-L(r)) or more,
    then the norm is at most (2 / eta) L(eta / 2): some point of the domain is further along y than
    the mean by eta times the norm of y, all points of the ball of radius eta / 2 around it by half
    of that, so that the dual at y is that half less L(eta / 2), or more, and at zero it is zero.

    It is about ten to a thousand times the norm: good for a proof, and for starting ellipsoids.

    Parameters
    ----------
    domain : Simplex (of concentration 1), Box or BoxVertices
        For rank-one projections take the simplex and the eigenvalues: Frobenius norms are
        Euclidean ones of eigenvalues.
    mean : array_like, shape (n,)

    Returns
    -------
    float
        Of the parameter whose entries sum to zero, where only their differences matter.

    Raises
    ------
    TypeError
        If the balls of the domain are not known.
    MeanOnBoundaryError
        If the mean is on the boundary.
    """
    inside = np.array(mean, dtype=float)
    margin = domain.margin(inside)
    if not (margin > 0).all():
        raise MeanOnBoundaryError("mean is on the boundary or outside: move it inside the hull")
    radius, cost = _balls(domain, margin)
    return 2 / radius * cost


def ellipsoid_method(
    domain: Domain, mean: ArrayLike, tolerance: float = 1e-8, max_steps: int = 100_000
) -> EllipsoidSolution:
    """Minimise the dual by the ellipsoid method, begun with the ball of :func:`parameter_bound`.

    It is the method whose running time the paper proves to be polynomial, kept to be compared
    with: it takes hundreds of steps where Newton's takes five.

    Parameters
    ----------
    domain : Domain
        One that :func:`parameter_bound` knows.
    mean : array_like, shape (n,)
    tolerance : float
        Of the dual's value.
    max_steps : int

    Returns
    -------
    EllipsoidSolution

    Raises
    ------
    NoConvergenceError
        If the steps do not do.
    """
    inside = domain.checked(np.array(mean, dtype=float))
    radius = parameter_bound(domain, inside)
    basis = np.eye(domain.n)
    if not domain.free(inside).all():
        # Orthonormal, and orthogonal to adding a constant.
        basis = np.linalg.qr(np.column_stack([np.ones(domain.n), basis[:, 1:]]))[0][:, 1:]
    d = basis.shape[1]
    if d == 1:
        raise ValueError("ellipsoids have two dimensions or more: there is one parameter here")
    centre, shape = np.zeros(d), radius**2 * np.eye(d)
    best, least, lower = centre, np.inf, -np.inf
    for step in range(1, max_steps + 1):
        moments = domain.moments(basis @ centre)
        value = moments.log_normaliser - float(basis @ centre @ inside)
        slope = basis.T @ (moments.mean - inside)
        length = float(np.sqrt(max(slope @ shape @ slope, 0.0)))
        if value < least:
            best, least = centre, value
        lower = max(lower, value - length)  # the dual is convex, and its minimiser in the ellipsoid
        if least - lower <= tolerance:
            return EllipsoidSolution(basis @ best, least, least - lower, step)
        push = shape @ slope / length
        centre = centre - push / (d + 1)
        shape = d**2 / (d**2 - 1) * (shape - 2 / (d + 1) * np.outer(push, push))
        shape = (shape + shape.T) / 2
    raise NoConvergenceError(f"the gap is {least - lower:.3g} after {max_steps} steps: give more")


@singledispatch
def _balls(domain: Domain, margin: Array) -> tuple[float, float]:
    """Radius of a ball around the mean, and L of half of it."""
    raise TypeError(
        f"no bound is known for {type(domain).__name__}: take Simplex, Box, BoxVertices"
    )


@_balls.register
def _(domain: Simplex, margin: Array) -> tuple[float, float]:
    # Under Haar measure a ball of radius r < sqrt 2 around a projection on a line has
    # probability (r^2 / 2)^(n - 1) exactly, and taking diagonals brings points no further apart.
    if domain.concentration != 1:
        raise TypeError("no bound is known for a Simplex of another concentration than 1")
    n = domain.n
    radius = float(margin.min()) * np.sqrt(n / (n - 1))
    return radius, (n - 1) * float(np.log(8 / radius**2))


@_balls.register
def _(domain: Box, margin: Array) -> tuple[float, float]:
    # A ball of radius r around any point contains a box of sides r / sqrt n or more within the box.
    radius = float(margin.min())
    sides = np.minimum(radius / (2 * np.sqrt(domain.n)) / (domain.high - domain.low), 1)
    return radius, -float(np.log(sides).sum())


@_balls.register
def _(domain: BoxVertices, margin: Array) -> tuple[float, float]:
    return float(margin.min()), domain.log_size
