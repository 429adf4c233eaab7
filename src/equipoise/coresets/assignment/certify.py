"""An assignment with its price, and what none can cost less than, from multipliers alone."""

from __future__ import annotations

import numpy as np

from equipoise.coresets.assignment.inputs import Array, Points, Whole
from equipoise.coresets.assignment.limits import Limits
from equipoise.coresets.assignment.loops import least
from equipoise.coresets.assignment.result import Assignment

_ROUNDINGS = 4 * np.finfo(np.float64).eps


def lower_bound(points: Points, limits: Limits, multipliers: Array) -> float:
    """The dual's value, less what rounding may have added to it.

    For multipliers v of the limits, not negative where these are inequalities, every assignment
    costs at least ``sum_x w_x min_j (costs + rows @ v) - <right, v>`` (weak duality). Nothing is
    taken from a solver on trust but v, and every v gives such a bound.

    Parameters
    ----------
    points : Points
    limits : Limits
    multipliers : ndarray, shape (q, k)
        In units of cost.

    Returns
    -------
    float
    """
    # What all multipliers of a row have in common does not change the dual; without it they are
    # small, and so is their rounding. Inequalities must keep their sign.
    v = multipliers - np.where(limits.equal, multipliers.mean(axis=1), 0.0)[:, None]
    prices = limits.prices(v)
    _, total, size = least(points.costs, points.weights, points.kinds, prices)
    paid = float((limits.right * v).sum())
    terms = limits.rows.shape[1] + 2
    worth = np.abs(limits.rows) @ np.abs(v)
    rounding = size + terms * float((np.abs(limits.right) * np.abs(v)).sum())
    rounding += terms * float(points.kind_masses @ worth.max(axis=1, initial=0.0))
    return float(total - paid - _ROUNDINGS * rounding)


def certified(
    points: Points,
    limits: Limits,
    multipliers: Array,
    entries: tuple[Whole, Whole, Array],
    method: str,
) -> Assignment:
    """Put an assignment in order and say how good it is.

    Parameters
    ----------
    points : Points
    limits : Limits
    multipliers : ndarray, shape (q, k)
        Of these limits, in units of cost.
    entries : tuple of ndarray, shape (a,) each
        Points, centres and masses, of points that have weight.
    method : str

    Returns
    -------
    Assignment
    """
    prices = limits.prices(multipliers)
    who, where, masses = entries
    idle = np.flatnonzero(points.weights == 0)
    if len(idle):
        wants = (points.costs[idle] + prices[points.kinds[idle]]).argmin(axis=1)
        who, where = np.concatenate([who, idle]), np.concatenate([where, wants])
        masses = np.concatenate([masses, np.zeros(len(idle))])
    key = who * points.n_centres + where
    if (key[1:] < key[:-1]).any():
        order = np.argsort(key, kind="stable")
        who, where, masses = who[order], where[order], masses[order]
    value = float(points.costs[who, where] @ masses)
    # Costs are not negative, so that 0 is a bound too.
    lower = min(max(lower_bound(points, limits, multipliers), 0.0), value)
    shape = (len(points.kind_of), points.n_centres)
    cell = points.collections[who] * shape[1] + where
    held = np.bincount(cell, masses, minlength=shape[0] * shape[1])
    cells = np.asarray(held, np.float64).reshape(shape)
    return Assignment(value, lower, who, where, masses, prices[points.kind_of], cells, method)
