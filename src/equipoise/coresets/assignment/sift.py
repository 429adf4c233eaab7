"""The exact assignment from prices near the best, by a program of the points in doubt alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equipoise.coresets.assignment.certify import lower_bound
from equipoise.coresets.assignment.inputs import Array, Points, Whole
from equipoise.coresets.assignment.limits import Limits
from equipoise.coresets.assignment.loops import least, margins, near_best
from equipoise.coresets.assignment.moves import solve_moves

_DEAREST = 1e12  # spreads, for a unit of mass that limits are missed by
_SOME = 40  # points of each kind that are always in doubt
_FIRST = 4000  # moves in the first program, at most
_MORE = 500  # moves that may be added at once, at least


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

    Raises
    ------
    RuntimeError
        If the solver fails at numbers too far apart.
    """
    k = points.n_centres
    if base is None:
        base, _, _ = least(points.scaled, points.weights, points.kinds, prices)
    slacks = _slacks(points, prices, slack)
    edges = _likeliest(points, prices, _edges(points, prices, base, slacks), _FIRST)
    penalty = 10 * (1 + float(np.ptp(prices, axis=1).max(initial=0.0)))
    best = -np.inf if known is None else lower_bound(points, limits, known)
    while True:
        solved = solve_moves(points, limits, base, edges, penalty)
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
        elif penalty < _DEAREST:
            penalty *= 100
        else:
            raise RuntimeError("the limits can be kept, but the solver of programs cannot see how.")


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
