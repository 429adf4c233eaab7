"""From a polytope as stated to a body that can be sampled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from equipoise.sampling.analytic_centre import NoCentreError, analytic_centre
from equipoise.sampling.body import Body
from equipoise.sampling.linear_programs import deepest_point, ray, solve
from equipoise.sampling.null_space import solutions
from equipoise.sampling.polytope import Polytope
from equipoise.sampling.polytope_errors import (
    EmptyPolytopeError,
    SinglePointError,
    UnboundedPolytopeError,
)
from equipoise.sampling.redundant_rows import merge_parallel, needed

Array = NDArray[Any]

_WELL_INSIDE = 1e-6  # least over largest slack
_FLAT = 1e-8  # of the unit below: who is narrower has no width
_CORNERS = 6  # in random directions
_CAPS = (1.0, 1e-2, 1e-4, 1e-6, 1e-6)  # of slacks, in that unit


def prepare(
    polytope: Polytope, *, rounding: Literal["ellipsoid", "none"], remove_redundant: bool
) -> Body:
    """See :meth:`Polytope.prepare`."""
    if rounding not in ("ellipsoid", "none"):
        raise ValueError(f"rounding is 'ellipsoid' or 'none', not {rounding!r}")
    stated = _fixed_as_equations(polytope)
    A, b = _unit_rows(*stated.inequalities())
    tight, inside = _tight_and_inside(stated, A, b)
    equations = scipy.sparse.csr_array(scipy.sparse.vstack([stated.A_eq, A[tight]]))
    solved = solutions(equations, np.concatenate([stated.b_eq, b[tight]]), inside)
    if not solved.basis.shape[1]:
        raise SinglePointError(solved.point)
    if not len(b):
        raise UnboundedPolytopeError("there are no inequalities: give bounds")
    reduced = A[~tight] @ solved.basis
    reduced = reduced.toarray() if scipy.sparse.issparse(reduced) else np.asarray(reduced)
    slack = b[~tight] - A[~tight] @ solved.point
    lengths = np.linalg.norm(reduced, axis=1)
    kept = lengths > 1e-11 * max(float(lengths.max(initial=0.0)), 1e-300)
    reduced, slack = reduced[kept] / lengths[kept, None], slack[kept] / lengths[kept]
    if not (slack > 0).all():
        raise EmptyPolytopeError("the set is too thin for its numbers: rescale the constraints")
    unique = merge_parallel(reduced, slack)
    reduced, slack = reduced[unique], slack[unique]
    try:
        centre, _ = analytic_centre(reduced, slack, np.zeros(reduced.shape[1]))
    except NoCentreError:
        _must_be_bounded(stated, A, equations, reduced)
        raise
    if remove_redundant:
        keep = needed(reduced, slack, centre)
        reduced, slack = reduced[keep], slack[keep]
        centre, _ = analytic_centre(reduced, slack, centre)
    body = Body(reduced, slack, centre, solved.basis, solved.point, solved.log_det, polytope.names)
    return body if rounding == "none" else rounded(body)


def rounded(body: Body) -> Body:
    """Map the ellipsoid at the analytic centre to a ball.

    Parameters
    ----------
    body : Body

    Returns
    -------
    Body
        With its centre at the origin.
    """
    centre, factor = analytic_centre(body.A, body.b, body.centre)
    return replace(body, centre=centre).mapped(np.linalg.inv(factor.T), centre)


def _unit_rows(A: scipy.sparse.csr_array, b: Array) -> tuple[scipy.sparse.csr_array, Array]:
    lengths = np.sqrt(np.asarray(A.multiply(A).sum(axis=1)).ravel())
    empty = lengths == 0
    if (b[empty] < 0).any():
        raise EmptyPolytopeError("a row of zeros in A_ub has a negative entry in b_ub")
    scale = scipy.sparse.diags_array(1 / lengths[~empty])
    return scipy.sparse.csr_array(scale @ A[~empty]), b[~empty] / lengths[~empty]


def _fixed_as_equations(polytope: Polytope) -> Polytope:
    fixed = polytope.lower == polytope.upper
    if not fixed.any():
        return polytope
    identity = scipy.sparse.csr_array(scipy.sparse.eye(polytope.n))[fixed]
    return Polytope(
        polytope.A_ub,
        polytope.b_ub,
        scipy.sparse.vstack([polytope.A_eq, identity]),
        np.concatenate([polytope.b_eq, polytope.lower[fixed]]),
        np.column_stack(
            [
                np.where(fixed, -np.inf, polytope.lower),
                np.where(fixed, np.inf, polytope.upper),
            ]
        ),
        names=polytope.names,
    )


def _tight_and_inside(stated: Polytope, A: scipy.sparse.csr_array, b: Array) -> tuple[Array, Array]:
    """Rows that hold with equality at every feasible point, and a point with slack in the rest."""
    nothing = np.zeros(len(b), dtype=bool)
    if not len(b):
        return nothing, np.zeros(stated.n)
    if not len(stated.b_eq):
        # The origin, or the middle of the bounds, spares a large program where it is well inside.
        with np.errstate(invalid="ignore"):
            middle = (stated.lower + stated.upper) / 2
        middle[~np.isfinite(middle)] = 0.0
        slack = b - A @ middle
        if slack.min() > _WELL_INSIDE * slack.max():
            return nothing, middle
    inside = deepest_point(A, b, stated.A_eq, stated.b_eq)
    slack = b - A @ inside
    unit = _unit(slack)
    if slack.min() > _FLAT * unit:
        return nothing, inside
    if slack.min() < -_FLAT * max(unit, 1.0):
        raise EmptyPolytopeError("no point satisfies all constraints")
    return _always_tight(A, b, stated.A_eq, stated.b_eq, inside)


def _unit(slack: Array) -> float:
    """What widths are measured by.

    One, as in the solver's own tolerances; less for a body that is smaller than one, and more
    where rounding of its numbers would be taken for width.
    """
    size = float(np.max(slack, initial=0.0))
    return max(min(size, 1.0), 1e-9 * size) if size > 0 else 1.0


def _always_tight(
    A: scipy.sparse.csr_array, b: Array, A_eq: Any, b_eq: Array, inside: Array
) -> tuple[Array, Array]:
    """The same where there may be such rows.

    Corners in random directions show most rows that are not always tight, by programs as small as
    the polytope. Then each round asks for the largest sum of the other rows' slacks, each counted
    up to a cap; a row that got some is not always tight, and the next round asks of the others
    alone, with a lower cap, so that one row's slack is not bought with another's. The average of
    all points has slack wherever one of them had.
    """
    m, n = A.shape
    slack = b - A @ inside
    unit = _unit(slack)
    right, equal = slack / unit, (b_eq - A_eq @ inside) / unit
    points = []
    wide = np.zeros(m)
    rng = np.random.default_rng(0)  # which corners are tried decides what is spent
    for _ in range(_CORNERS):
        corner = solve(rng.standard_normal(n), A, right, (None, None), A_eq, equal)
        if corner is not None:  # otherwise the set is unbounded, which is for later to say
            points.append(corner)
            wide = np.maximum(wide, right - A @ corner)
    for cap in _CAPS:
        open_rows = np.flatnonzero(wide <= _FLAT)
        k = len(open_rows)
        if not k:
            break
        picks = scipy.sparse.csr_array((np.ones(k), (open_rows, np.arange(k))), shape=(m, k))
        cost = np.concatenate([np.zeros(n), -np.ones(k)])
        bounds = [*[(None, None)] * n, *[(0, cap)] * k]
        wider = scipy.sparse.hstack([A, picks], format="csr")
        equations = scipy.sparse.hstack(
            [A_eq, scipy.sparse.csr_array((A_eq.shape[0], k))], format="csr"
        )
        found = solve(cost, wider, right, bounds, equations, equal)
        if found is None:
            raise RuntimeError("HiGHS calls a bounded sum of slacks unbounded")
        points.append(found[:n])
        wide = np.maximum(wide, right - A @ found[:n])
        # Nobody's slack can be more than the largest sum of all.
        if found[n:].sum() <= _FLAT:
            break
    average = np.mean(points, axis=0)
    return wide <= _FLAT, inside + unit * average


def _must_be_bounded(
    stated: Polytope, A: scipy.sparse.csr_array, A_eq: Any, reduced: Array
) -> None:
    if np.linalg.matrix_rank(reduced) < reduced.shape[1]:
        raise UnboundedPolytopeError(
            "the rows do not span: along some line every constraint is constant; give bounds"
        )
    direction = ray(A, A_eq)
    if direction is not None:
        free = stated.names[int(np.abs(direction).argmax())]
        raise UnboundedPolytopeError(
            f"the polytope goes on for ever, {free} among others: give bounds"
        )
