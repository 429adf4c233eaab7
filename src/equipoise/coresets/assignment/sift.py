"""The exact assignment from prices near the best, by a program of the points in doubt alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equipoise.coresets.assignment.certify import lower_bound
from equipoise.coresets.assignment.inputs import Array, Points, Whole
from equipoise.coresets.assignment.limits import Limits
from equipoise.coresets.assignment.loops import least, margins, near_best

_SOME = 40  # points of each kind that are always in doubt
_FIRST = 4000  # moves in the first program, at most
_MORE = 500  # moves that may be added at once, at least
_NOTHING = 1e-7  # of the mean weight
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


def sift(
    points: Points,
    limits: Limits,
    prices: Array,
    slack: float,
    tolerance: float,
    base: Whole | None = None,
    known: Array | None = None,
    patience: float = np.inf,
) -> Sifted | None:
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
    base : ndarray of int64, shape (n,), optional
        Where points begin, if not where prices send them.
    known : ndarray, shape (q, k), optional
        Multipliers, in units of cost.
    patience : float
        Moves in the program with which to give up.

    Returns
    -------
    Sifted or None
        None if it gave up: the prices were not so near the best.
    """
    k = points.n_centres
    if base is None:
        base, _, _ = least(points.scaled, points.weights, points.kinds, prices)
    slacks = _slacks(points, prices, slack)
    edges = _likeliest(points, prices, _edges(points, prices, base, slacks), _FIRST)
    penalty = 10 * (1 + float(np.ptp(prices, axis=1).max(initial=0.0)))
    best = -np.inf if known is None else lower_bound(points, limits, known)
    while True:
        solved = _program(points, limits, base, edges, penalty)
        v = solved.multipliers * points.spread
        lower = lower_bound(points, limits, v)
        if known is None or lower > best:
            best, known, prices = lower, v, limits.prices(solved.multipliers)
        found = Sifted(base, edges // k, edges % k, solved.moved, known)
        value = total_cost(points, found)
        if solved.missing == 0 and value - best <= tolerance * value:
            return found
        new = limits.prices(solved.multipliers)
        slacks /= 4
        wanted = np.setdiff1d(_edges(points, new, base, slacks), edges, assume_unique=True)
        if len(wanted):
            # Prices may be far off where limits were missed; the best ones known say which of
            # the moves that they ask for are likely.
            likely = _likeliest(points, prices, wanted, max(_MORE, len(edges)))
            edges = np.union1d(edges, likely)
            if len(edges) > patience:
                return None
        elif solved.missing == 0:
            return found  # what is left of the gap is rounding
        else:
            penalty *= 100


def total_cost(points: Points, sifted: Sifted) -> float:
    """What an assignment costs, in units of cost."""
    rows = np.arange(len(sifted.base))
    stays = points.costs[rows, sifted.base]
    more = points.costs[sifted.points, sifted.centres] - stays[sifted.points]
    return float(points.weights @ stays + sifted.moved @ more)


def _slacks(points: Points, prices: Array, slack: float) -> Array:
    """How far to look in each kind, so that some points of each are in doubt."""
    # Prices of a kind with few points are less certain, as these are further from each other.
    by = margins(points.scaled, points.kinds, prices)
    order = np.argsort(points.kinds, kind="stable")
    sizes = np.bincount(points.kinds, minlength=len(points.members))
    slacks = np.full(len(sizes), slack)
    for g, rows in enumerate(np.split(order, np.cumsum(sizes)[:-1])):
        if len(rows):
            at = min(_SOME, len(rows)) - 1
            slacks[g] = max(slack, float(np.partition(by[rows], at)[at]))
    return slacks


def _edges(points: Points, prices: Array, base: Whole, slacks: Array) -> Whole:
    """Moves that cost hardly more than the best, as point times k plus centre."""
    who, where = near_best(points.scaled, points.kinds, prices, base, slacks)
    has = points.weights[who] > 0
    return who[has] * points.n_centres + where[has]


def _likeliest(points: Points, prices: Array, edges: Whole, most: int) -> Whole:
    """The moves to the centres that are least dearer than the best, not more than so many."""
    if len(edges) <= most:
        return edges
    who, where = edges // points.n_centres, edges % points.n_centres
    there = points.scaled[who] + prices[points.kinds[who]]
    above = there[np.arange(len(who)), where] - there.min(axis=1)
    return np.sort(edges[np.argsort(above, kind="stable")[:most]])


@dataclass(frozen=True, eq=False)
class _Solved:
    """Masses moved (edges,), multipliers (q, k), and what limits are missed by in all."""

    moved: Array
    multipliers: Array
    missing: float


def _program(points: Points, limits: Limits, base: Whole, edges: Whole, penalty: float) -> _Solved:
    """Solve the program whose columns are some moves.

    Variables are moves, bounded by what a point has, and the masses M (kinds, k): points with one
    alternative need no row, so that there are hardly more rows than limits. Limits may be missed
    at a price, as these moves may be too few to keep them; multipliers then say which are wanted.
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
    each = sparse.eye_array(len(equal))
    asked = sparse.hstack([nothing, rows, -each, each], format="csr")
    missing = 2 * len(equal)
    # Who has several alternatives must not move more than there is.
    _, first, times = np.unique(who, return_inverse=True, return_counts=True)
    many = times > 1
    row_of = np.cumsum(many) - 1
    shared = many[first]
    whole = sparse.csr_array(
        (np.ones(shared.sum()), (row_of[first[shared]], column[shared])),
        shape=(int(many.sum()), e + cells + missing),
    )
    most = np.zeros(int(many.sum()))
    most[row_of[first[shared]]] = weights[shared]
    # Masses are free: that they are not negative follows, and a bound would take over a part of
    # the multipliers.
    solved = linprog(
        np.concatenate([cost, np.zeros(cells), np.full(missing, penalty)]),
        A_eq=sparse.vstack(
            [
                sparse.hstack([moves, sparse.eye_array(cells), sparse.csr_array((cells, missing))]),
                asked[equal],
            ],
            format="csr",
        ),
        b_eq=np.concatenate([here, right[equal]]),
        A_ub=sparse.vstack([asked[~equal], whole], format="csr"),
        b_ub=np.concatenate([right[~equal], most]),
        bounds=np.column_stack(
            [
                np.concatenate([np.zeros(e), np.full(cells, -np.inf), np.zeros(missing)]),
                np.concatenate([weights, np.full(cells + missing, np.inf)]),
            ]
        ),
        method="highs",
        options=_EXACT,
    )
    if solved.x is None:
        raise RuntimeError(f"the program of moves was not solved: {solved.message}")
    v = np.empty(len(equal))
    v[equal] = -solved.eqlin.marginals[cells:]
    v[~equal] = np.maximum(-solved.ineqlin.marginals[: int((~equal).sum())], 0.0)
    moved = np.clip(solved.x[:e], 0.0, weights) * unit
    short = float(solved.x[e + cells :].sum())
    return _Solved(moved, v.reshape(limits.right.shape), short if short > _NOTHING else 0.0)
