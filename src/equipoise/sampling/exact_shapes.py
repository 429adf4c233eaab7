"""Independent draws from polytopes whose shape is recognised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

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
        ``box``, ``simplex``, ``ordered simplex``, ``point``, or a product of them.
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
    """A box, an ordered simplex, or one cut from the positive corner, without linear algebra.

    Parameters
    ----------
    polytope : Polytope

    Returns
    -------
    Shape or None
        None if it is none of them, or not seen to be.
    """
    return _box(polytope) or _corner(polytope) or _ordered(polytope)


def _box(polytope: Polytope) -> Shape | None:
    lower, upper = polytope.lower, polytope.upper
    if polytope.A_eq.shape[0] or polytope.A_ub.shape[0]:
        return None
    if not np.isfinite(upper - lower).all() or (lower == upper).all():
        return None
    wide = upper > lower
    return Shape(
        "box",
        lambda rng, number: lower + (upper - lower) * rng.random((number, polytope.n)),
        int(wide.sum()),
        float(np.log((upper - lower)[wide]).sum()),
    )


def _corner(polytope: Polytope) -> Shape | None:
    lower, upper = polytope.lower, polytope.upper
    equal = polytope.A_eq.shape[0] == 1 and not polytope.A_ub.shape[0]
    below = polytope.A_ub.shape[0] == 1 and not polytope.A_eq.shape[0]
    if not (equal or below) or not np.isfinite(lower).all():
        return None
    row = (polytope.A_eq if equal else polytope.A_ub).toarray()[0]
    right = (polytope.b_eq if equal else polytope.b_ub)[0] - row @ lower
    if not (row > 0).all() or not right > 0 or (lower + right / row > upper).any():
        return None
    if equal and polytope.n == 1:
        return None
    sides = right / row

    def draw(rng: np.random.Generator, number: int) -> Array:
        weights = rng.standard_exponential((number, polytope.n + (not equal)))
        weights /= weights.sum(axis=1, keepdims=True)
        return lower + sides * weights[:, : polytope.n]

    log_volume = float(np.log(sides).sum()) - scipy.special.gammaln(polytope.n + 1)
    if equal:
        # That of the cone over it from the corner, times n over the corner's distance from it.
        log_volume += np.log(polytope.n * np.linalg.norm(1 / sides))
    return Shape("simplex", draw, polytope.n - equal, float(log_volume))


def _ordered(polytope: Polytope) -> Shape | None:
    """{low <= x_i <= x_j <= ... <= high}, every variable once: sorted uniform numbers."""
    n, rows = polytope.n, polytope.A_ub
    if polytope.A_eq.shape[0] or rows.shape[0] != n - 1 or n < 2 or polytope.b_ub.any():
        return None
    if (np.diff(rows.indptr) != 2).any():
        return None
    pairs, entries = rows.indices.reshape(-1, 2), rows.data.reshape(-1, 2)
    if (entries.sum(axis=1) != 0).any():
        return None
    smaller = np.where(entries[:, 0] > 0, pairs[:, 0], pairs[:, 1])
    larger = pairs.sum(axis=1) - smaller
    following = np.full(n, -1)
    following[smaller] = larger
    first = np.setdiff1d(np.arange(n), larger)
    if len(first) != 1:
        return None
    order = [int(first[0])]
    while following[order[-1]] >= 0 and len(order) < n:
        order.append(int(following[order[-1]]))
    if len(order) < n:
        return None
    low, high = polytope.lower[order[0]], polytope.upper[order[-1]]
    if not -np.inf < low < high < np.inf:
        return None
    if (polytope.lower > low).any() or (polytope.upper < high).any():
        return None

    def draw(rng: np.random.Generator, number: int) -> Array:
        points = np.empty((number, n))
        points[:, order] = np.sort(low + (high - low) * rng.random((number, n)), axis=1)
        return points

    log_volume = n * np.log(high - low) - scipy.special.gammaln(n + 1)
    return Shape("ordered simplex", draw, n, float(log_volume))


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
    Q, R = scipy.linalg.qr(A)
    relation = Q[:, -1] * np.sign(Q[:, -1].sum())
    if not (relation > 0).all():
        return None
    at_vertex = slack[:, None] - np.diag(relation @ slack / relation)
    vertices = body.centre + scipy.linalg.solve_triangular(R[:d], Q[:, :d].T @ at_vertex).T

    def mixture(rng: np.random.Generator, number: int) -> Array:
        weights = rng.standard_exponential((number, d + 1))
        weights /= weights.sum(axis=1, keepdims=True)
        return body.to_x(weights @ vertices)

    log_det = float(np.linalg.slogdet(vertices[1:] - vertices[0])[1])
    log_volume = log_det - float(scipy.special.gammaln(d + 1)) + body.log_det
    return Shape("simplex", mixture, d, log_volume)
