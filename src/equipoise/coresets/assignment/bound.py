"""What no assignment can cost less than, from multipliers alone."""

from __future__ import annotations

import numpy as np

from equipoise.coresets.assignment.inputs import Array, Points
from equipoise.coresets.assignment.limits import Limits
from equipoise.coresets.assignment.loops import least

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
    return total - paid - _ROUNDINGS * rounding
