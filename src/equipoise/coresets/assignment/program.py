"""The whole assignment as one linear program: slow, simple, and there to compare with."""

from __future__ import annotations

import numpy as np

from equipoise.coresets.assignment.certify import certified
from equipoise.coresets.assignment.inputs import Points
from equipoise.coresets.assignment.limits import InfeasibleError, Limits
from equipoise.coresets.assignment.result import Assignment


def by_program(points: Points, limits: Limits) -> Assignment:
    """Solve ``min sum y costs`` with all n k masses y as variables.

    Parameters
    ----------
    points : Points
    limits : Limits

    Returns
    -------
    Assignment

    Raises
    ------
    InfeasibleError
        If the solver says that limits cannot be kept.
    """
    from scipy import sparse  # these take a while to load
    from scipy.optimize import linprog

    some = np.flatnonzero(points.weights > 0)
    n, k = len(some), points.n_centres
    unit = points.mass / n
    weights = points.weights[some] / unit
    by_point = sparse.kron(sparse.eye_array(n), np.ones((1, k)), format="csr")
    # Row (i, j) has what points at centre j have in row i of the limits.
    of_point = sparse.csr_array(limits.rows[points.kinds[some]].T)
    by_limit = sparse.kron(of_point, sparse.eye_array(k), format="csr")
    right = limits.right.ravel() / unit
    equal = np.repeat(limits.equal, k)
    solved = linprog(
        points.scaled[some].ravel(),
        A_eq=sparse.vstack([by_point, by_limit[equal]], format="csr"),
        b_eq=np.concatenate([weights, right[equal]]),
        A_ub=by_limit[~equal],
        b_ub=right[~equal],
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if solved.x is None:
        raise InfeasibleError(f"no assignment keeps what is asked ({solved.message.strip()}).")
    v = np.empty(len(equal))
    v[equal] = -solved.eqlin.marginals[n:]
    v[~equal] = np.maximum(-solved.ineqlin.marginals, 0.0)
    masses = np.maximum(solved.x.reshape(n, k), 0.0)
    masses[masses < 1e-13 * weights[:, None]] = 0.0
    masses *= (points.weights[some] / masses.sum(axis=1))[:, None]
    at, where = np.nonzero(masses)
    multipliers = v.reshape(limits.right.shape) * points.spread
    return certified(points, limits, multipliers, (some[at], where, masses[at, where]), "program")
