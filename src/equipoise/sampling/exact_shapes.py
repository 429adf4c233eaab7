"""Independent draws from polytopes whose shape is recognised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from equipoise.sampling.body import Body
from equipoise.sampling.polytope import Polytope
from equipoise.sampling.redundant_rows import needed, surely_needed

Array = NDArray[Any]

_WORTH = 2e8  # rows in doubt times numbers of the program that settles one


class Shape(NamedTuple):
    """A shape that is sampled without a chain.

    Attributes
    ----------
    name : str
        ``box`` or ``simplex``.
    draw : callable
        Takes a generator and a number, gives so many points, shape (number, n).
    dimension : int
    log_volume : float
        Of that dimension, in the coordinates of the points.
    """

    name: str
    draw: Callable[[np.random.Generator, int], Array]
    dimension: int
    log_volume: float


def recognise(polytope: Polytope) -> Shape | None:
    """A box, or a simplex cut from the positive corner, read off without linear algebra.

    Parameters
    ----------
    polytope : Polytope

    Returns
    -------
    Shape or None
        None if it is neither, or not seen to be.
    """
    lower, upper = polytope.lower, polytope.upper
    equal = polytope.A_eq.shape[0] == 1 and not polytope.A_ub.shape[0]
    below = polytope.A_ub.shape[0] == 1 and not polytope.A_eq.shape[0]
    if not polytope.A_eq.shape[0] and not polytope.A_ub.shape[0]:
        if not np.isfinite(upper - lower).all() or (lower == upper).all():
            return None
        wide = upper > lower
        return Shape(
            "box",
            lambda rng, number: lower + (upper - lower) * rng.random((number, polytope.n)),
            int(wide.sum()),
            float(np.log((upper - lower)[wide]).sum()),
        )
    if not (equal or below) or not np.isfinite(lower).all():
        return None
    row = (polytope.A_eq if equal else polytope.A_ub).toarray()[0]
    right = (polytope.b_eq if equal else polytope.b_ub)[0] - row @ lower
    if not (row > 0).all() or not right > 0 or (lower + right / row > upper).any():
        return None
    if equal and polytope.n == 1:
        return None
    sides = right / row

    def corner(rng: np.random.Generator, number: int) -> Array:
        weights = rng.standard_exponential((number, polytope.n + (not equal)))
        weights /= weights.sum(axis=1, keepdims=True)
        return lower + sides * weights[:, : polytope.n]

    log_volume = float(np.log(sides).sum()) - special.gammaln(polytope.n + 1)
    if equal:
        # That of the cone over it from the corner, times n over the corner's distance from it.
        log_volume += np.log(polytope.n * np.linalg.norm(1 / sides))
    return Shape("simplex", corner, polytope.n - equal, float(log_volume))


def recognise_body(body: Body) -> Shape | None:
    """A simplex in any position: one facet more than dimensions.

    Parameters
    ----------
    body : Body

    Returns
    -------
    Shape or None
        None if it has more facets.
    """
    d = body.dimension
    A, b = body.A, body.b
    if len(b) > d + 1:
        # Few rays tell most bodies apart; who is left is worth a linear program a row.
        met = surely_needed(A, b, body.centre, d + 2)
        if met.sum() > d + 1 or (~met).sum() * A.size > _WORTH:
            return None
        keep = needed(A, b, body.centre)
        A, b = A[keep], b[keep]
    if len(b) != d + 1:
        return None
    # The rows have one relation, sum of weight times row = 0, so weighted slacks add up to one
    # number everywhere; at a vertex one slack is all of it, and the others are zero.
    slack = b - A @ body.centre
    Q, R = linalg.qr(A)
    relation = Q[:, -1] * np.sign(Q[:, -1].sum())
    if not (relation > 0).all():
        return None
    at_vertex = slack[:, None] - np.diag(relation @ slack / relation)
    vertices = body.centre + linalg.solve_triangular(R[:d], Q[:, :d].T @ at_vertex).T

    def mixture(rng: np.random.Generator, number: int) -> Array:
        weights = rng.standard_exponential((number, d + 1))
        weights /= weights.sum(axis=1, keepdims=True)
        return body.to_x(weights @ vertices)

    log_det = float(np.linalg.slogdet(vertices[1:] - vertices[0])[1])
    log_volume = log_det - float(special.gammaln(d + 1)) + body.log_det
    return Shape("simplex", mixture, d, log_volume)
