"""The best assignment where the masses of each kind of points are known: a flow for each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.coresets.assignment.certify import certified
from equipoise.coresets.assignment.flow_loops import transport
from equipoise.coresets.assignment.inputs import Array, Points
from equipoise.coresets.assignment.limits import Limits
from equipoise.coresets.assignment.result import Assignment


def is_rigid(points: Points) -> bool:
    """Whether masses of groups leave the masses of each kind that is in a group no choice."""
    inside = points.members[points.members.any(axis=1)]
    return not len(inside) or bool(np.linalg.matrix_rank(inside.astype(np.float64)) == len(inside))


def by_flow(points: Points, masses: Array) -> Assignment:
    """Give each centre its mass of each kind, as cheaply as can be.

    Parameters
    ----------
    points : Points
    masses : ndarray, shape (kinds, k)
        That add up to the masses of kinds; a kind that is in no group goes where it likes.

    Returns
    -------
    Assignment
    """
    bound = np.asarray(points.members.any(axis=1))
    table, prices = flow(points, masses, np.zeros_like(masses), bound)
    who, where = np.nonzero(table)
    rows = np.diag(bound.astype(np.float64))
    limits = Limits(rows, rows @ masses, np.ones(len(rows), bool))
    multipliers = prices * points.spread
    return certified(points, limits, multipliers, (who, where, table[who, where]), "flow")


def flow(
    points: Points, masses: Array, start: Array, bound: NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Move mass of each kind from where prices send it.

    Parameters
    ----------
    points : Points
    masses : ndarray, shape (kinds, k)
    start : ndarray, shape (kinds, k)
        Prices, in units of the spread.
    bound : ndarray of bool, shape (kinds,)
        Whether masses of a kind are asked for.

    Returns
    -------
    table : ndarray, shape (n, k)
        Who has what.
    prices : ndarray, shape (kinds, k)
        With which all of it is where it is cheapest.
    """
    prices = start.copy()
    sizes = np.bincount(points.kinds, minlength=len(masses))
    order = np.argsort(points.kinds, kind="stable")
    table = np.zeros_like(points.costs)
    for g, rows in enumerate(np.split(order, np.cumsum(sizes)[:-1])):
        costs, weights = points.scaled[rows], points.weights[rows]
        labels = (costs + prices[g]).argmin(axis=1)
        if bound[g] and weights.any():
            table[rows], _, _ = transport(costs, weights, labels, prices[g], masses[g])
            prices[g] -= prices[g].mean()
        else:
            table[rows, labels] = weights
    return table, prices
