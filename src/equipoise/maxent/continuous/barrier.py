"""The entropic barrier of a convex body."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.maxent.continuous.box import Box
from equipoise.maxent.continuous.cross_polytope import CrossPolytope
from equipoise.maxent.continuous.fit import fit
from equipoise.maxent.continuous.simplex import SolidSimplex
from equipoise.maxent.continuous.sphere import Ball

Array = NDArray[Any]
Body = Box | SolidSimplex | CrossPolytope | Ball


class Barrier(NamedTuple):
    """Value and derivatives at a point.

    Attributes
    ----------
    value : float
    gradient : ndarray, shape (n,)
        The parameter of the maximum-entropy law with this mean.
    hessian : ndarray, shape (n, n)
        Inverse of the covariance of that law.
    gap : float
        A proved bound of by how much the value may be too small.
    """

    value: float
    gradient: Array
    hessian: Array
    gap: float


def entropic_barrier(domain: Body, x: ArrayLike) -> Barrier:
    """The convex conjugate of log int exp<y, z> dz over a convex body K (Bubeck and Eldan 2015).

    That is minus the largest differential entropy of a law on K with mean x, with respect to
    *Lebesgue* measure: :attr:`MaxEntropy.entropy` is with respect to the uniform probability, and
    larger by minus log vol K. It is a self-concordant barrier whose parameter is the dimension:
    the gradient's square in the inverse Hessian's norm is at most n (Chewi 2021).

    Parameters
    ----------
    domain : Box, SolidSimplex, CrossPolytope or Ball
        For any polytope see :func:`fit_polytope`.
    x : array_like, shape (n,)
        In the interior.

    Returns
    -------
    Barrier

    Raises
    ------
    TypeError
        If the domain is no convex body of full dimension.
    MeanOutsideError, MeanOnBoundaryError
        If x is not in its interior.
    """
    point = np.array(x, dtype=float)
    if not isinstance(domain, Body):
        raise TypeError(
            f"{type(domain).__name__} is no convex body of full dimension: take Box, SolidSimplex, "
            "CrossPolytope or Ball"
        )
    law = fit(domain, point)
    scale = np.sqrt(np.diag(law.moments.covariance))
    correlation = law.moments.covariance / np.outer(scale, scale)
    return Barrier(
        -law.entropy - domain.log_size,
        law.parameter,
        np.linalg.inv(correlation) / np.outer(scale, scale),
        law.gap,
    )
