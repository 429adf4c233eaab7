"""The exact assignment from prices near the best, by a program of the points in doubt alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equipoise.coresets.assignment.certify import lower_bound
from equipoise.coresets.assignment.inputs import Array, Points, Whole
from equipoise.coresets.assignment.limits import Limits
from equipoise.coresets.assignment.loops import least, near_best

_EXACT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


@dataclass(frozen=True, eq=False)
class Sifted:
    """An assignment as each point's centre and what moves away from it.

    Attributes
    ----------
    base : ndarray of int64, shape (n,)
        Where each point is.
    points, centres : ndarray of int64, shape (edges,)
    moved : ndarray, shape (edges,)
        How much of these points is at these centres instead.
    multipliers : ndarray, shape (q, k)
        Of the limits, in units of cost.
    """

    base: Whole
    points: Whole
    centres: Whole
    moved: Array
    multipliers: Array


def sift(points: Points, limits: Limits, prices: Array, slack: float, tolerance: float) -> Sifted:
    """Let a linear program move only who could as well go elsewhere, until its prices suit all.

    This is column generation (sifting, Bixby et al. 1992): points begin where prices near the
    best send them, and the columns of the program are moves to centres that are hardly dearer.
    Its own prices then say which moves are missing. It ends with the best assignment of all, or
    within the tolerance of it.

    Parameters
    ----------
    points : Points
    limits : Limits
        That can be kept.
    prices : ndarray, shape (kinds, k)
        In units of the spread.
    slack : float
        In units of the spread.
    tolerance : float
        Relative.

    Returns
    -------
    Sifted
    """
    costs, k = points.scaled, points.n_centres
    base, _, _ = least(costs, points.weights, points.kinds, prices)
    edges = np.empty(0, np.int64)
    new = _edges(points, prices, base, slack)
    while True:
        edges = np.union1d(edges, new)
        solved = _program(points, limits, base, edges)
        if solved is None:  # too few moves to keep the limits: all are enough
            slack = 4 * slack + 1e-9
            new = _edges(points, prices, base, slack)
            continue
        moved, v = solved
        found = Sifted(base, edges // k, edges % k, moved, v * points.spread)
        value = total_cost(points, found)
        if value - lower_bound(points, limits, found.multipliers) <= tolerance * value:
            return found
        new = np.setdiff1d(_edges(points, limits.prices(v), base, 0.0), edges)
        if not len(new):  # what is left is the solver's rounding
            return found


def total_cost(points: Points, sifted: Sifted) -> float:
    """What an assignment costs, in units of cost."""
    rows = np.arange(len(sifted.base))
    stays = points.costs[rows, sifted.base]
    more = points.costs[sifted.points, sifted.centres] - stays[sifted.points]
    return float(points.weights @ stays + sifted.moved @ more)


def _edges(points: Points, prices: Array, base: Whole, slack: float) -> Whole:
    """Moves that cost hardly more than the best, as point times k plus centre."""
    who, where = near_best(points.scaled, points.kinds, prices, base, slack)
    has = points.weights[who] > 0
    return who[has] * points.n_centres + where[has]


def _program(
    points: Points, limits: Limits, base: Whole, edges: Whole
) -> tuple[Array, Array] | None:
    """How much moves along each edge, and multipliers (q, k); None if limits cannot be kept.

    Variables are moves, bounded by what a point has, and the masses M (kinds, k): points with one
    alternative need no row, so that there are hardly more rows than limits.
    """
    from scipy import sparse  # these take a while to load
    from scipy.optimize import linprog

    n_kinds, k = limits.rows.shape[0], points.n_centres
    unit = points.mass / np.count_nonzero(points.weights)
    who, where = edges // k, edges % k
    weights = points.weights[who] / unit
    kinds = points.kinds[who]
    cost = points.scaled[who, where] - points.scaled[who, base[who]]
    e, cells = len(edges), n_kinds * k
    column = np.arange(e)
    here = np.bincount(points.kinds * k + base, points.weights, minlength=cells) / unit
    moves = sparse.csr_array(
        (
            np.concatenate([np.ones(e), -np.ones(e)]),
            (
                np.concatenate([kinds * k + base[who], kinds * k + where]),
                np.concatenate([column, column]),
            ),
        ),
        shape=(cells, e),
    )
    rows = sparse.kron(sparse.csr_array(limits.rows.T), sparse.eye_array(k), format="csr")
    right = limits.right.ravel() / unit
    equal = np.repeat(limits.equal, k)
    nothing = sparse.csr_array((len(equal), e))
    asked = sparse.hstack([nothing, rows], format="csr")
    # Who has several alternatives must not move more than there is.
    _, first, times = np.unique(who, return_inverse=True, return_counts=True)
    many = times > 1
    row_of = np.cumsum(many) - 1
    shared = many[first]
    whole = sparse.csr_array(
        (np.ones(shared.sum()), (row_of[first[shared]], column[shared])),
        shape=(int(many.sum()), e + cells),
    )
    most = np.zeros(int(many.sum()))
    most[row_of[first[shared]]] = weights[shared]
    # Masses are free: that they are not negative follows, and a bound would take over a part of
    # the multipliers.
    solved = linprog(
        np.concatenate([cost, np.zeros(cells)]),
        A_eq=sparse.vstack(
            [sparse.hstack([moves, sparse.eye_array(cells)]), asked[equal]], format="csr"
        ),
        b_eq=np.concatenate([here, right[equal]]),
        A_ub=sparse.vstack([asked[~equal], whole], format="csr"),
        b_ub=np.concatenate([right[~equal], most]),
        bounds=np.column_stack(
            [
                np.concatenate([np.zeros(e), np.full(cells, -np.inf)]),
                np.concatenate([weights, np.full(cells, np.inf)]),
            ]
        ),
        method="highs",
        options=_EXACT,
    )
    if solved.x is None:
        return None
    v = np.empty(len(equal))
    v[equal] = -solved.eqlin.marginals[cells:]
    v[~equal] = np.maximum(-solved.ineqlin.marginals[: int((~equal).sum())], 0.0)
    moved = np.clip(solved.x[:e], 0.0, weights) * unit
    return moved, v.reshape(limits.right.shape)
