"""The best assignment where the masses of each kind of points are known: a flow for each."""

from __future__ import annotations

import numpy as np

from equipoise.coresets.assignment.certify import certified
from equipoise.coresets.assignment.flow_loops import transport
from equipoise.coresets.assignment.inputs import Array, Points
from equipoise.coresets.assignment.limits import Limits
from equipoise.coresets.assignment.result import Assignment


def is_rigid(points: Points) -> bool:
    """Whether masses of groups leave the masses of each kind that is in a group no choice."""
    inside = points.members[points.members.any(axis=1)]
    return not len(inside) or bool(np.linalg.matrix_rank(inside.astype(np.float64)) == len(inside))


def by_flow(points: Points, masses: Array, start: Array | None = None) -> Assignment:
    """Give each centre its mass of each kind, as cheaply as can be.

    Parameters
    ----------
    points : Points
    masses : ndarray, shape (kinds, k)
        That add up to the masses of kinds; a kind that is in no group goes where it likes.
    start : ndarray, shape (kinds, k), optional
        Prices near the best, in units of cost.

    Returns
    -------
    Assignment
    """
    n_kinds, k = masses.shape
    prices = np.zeros((n_kinds, k)) if start is None else start.copy()
    bound = points.members.any(axis=1)
    prices[~bound] = 0.0
    by_kind = np.argsort(points.kinds, kind="stable")
    ends = np.cumsum(np.bincount(points.kinds, minlength=n_kinds))
    table = np.zeros((len(points.weights), k))
    for g, rows in enumerate(np.split(by_kind, ends[:-1])):
        if not len(rows):
            continue
        costs, weights = points.scaled[rows], points.weights[rows]
        own = prices[g] / points.spread
        labels = (costs + own).argmin(axis=1)
        if bound[g] and weights.any():
            table[rows], _, _ = transport(costs, weights, labels, own, masses[g])
            own -= own.mean()
            prices[g] = own * points.spread
        else:
            table[rows, labels] = weights
    who, where = np.nonzero(table)
    limits = Limits(
        np.diag(bound.astype(np.float64)), masses * bound[:, None], np.ones(n_kinds, bool)
    )
    return certified(points, limits, prices, (who, where, table[who, where]), "flow")
