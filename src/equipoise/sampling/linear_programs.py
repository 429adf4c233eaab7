"""The linear programs that a polytope is asked, by HiGHS."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from equipoise.sampling.polytope_errors import EmptyPolytopeError

Array = NDArray[Any]

# HiGHS gives up now and then at its tightest tolerance, which is ten times below what counts as
# zero width in a body of size one (prepare.py).
_TOLERANCES = (1e-10, 1e-9, 1e-7)

_INFEASIBLE, _UNBOUNDED = 2, 3


def solve(
    cost: Array,
    A: Any,
    b: Array,
    bounds: Any = (None, None),
    A_eq: Any = None,
    b_eq: Array | None = None,
) -> Array | None:
    """Where cost is least over A x <= b, A_eq x = b_eq and bounds.

    Parameters
    ----------
    cost : ndarray, shape (n,)
    A, A_eq : matrix, shape (m, n) and (k, n)
    b, b_eq : ndarray, shape (m,) and (k,)
    bounds : as in scipy.optimize.linprog

    Returns
    -------
    ndarray, shape (n,), or None
        None if the cost has no lower bound.

    Raises
    ------
    EmptyPolytopeError
        If nothing satisfies the constraints.
    RuntimeError
        If the solver gives up.
    """
    from scipy.optimize import linprog  # here, since loading it takes longer than all of this room

    if A_eq is not None and not A_eq.shape[0]:
        A_eq, b_eq = None, None
    for tolerance in _TOLERANCES:
        options = {
            "primal_feasibility_tolerance": tolerance,
            "dual_feasibility_tolerance": tolerance,
        }
        found = linprog(cost, A, b, A_eq, b_eq, bounds=bounds, method="highs", options=options)
        if found.x is not None and found.status == 0:
            return np.asarray(found.x)
        if found.status == _INFEASIBLE:
            raise EmptyPolytopeError("no point satisfies all constraints")
        if found.status == _UNBOUNDED:
            return None
    raise RuntimeError(f"HiGHS could not solve a linear program: {found.message}")


def deepest_point(A: Any, b: Array, A_eq: Any, b_eq: Array) -> Array:
    """Where the smallest slack is largest: without equations, the centre of a largest ball.

    Parameters
    ----------
    A, A_eq : sparse matrix, shape (m, n) and (k, n)
        Rows of A of length one.
    b, b_eq : ndarray, shape (m,) and (k,)

    Returns
    -------
    ndarray, shape (n,)
        Some of its slacks are negative if nothing satisfies the inequalities.

    Raises
    ------
    EmptyPolytopeError
        If nothing satisfies the equations.
    """
    m, n = A.shape
    deeper = scipy.sparse.hstack([A, np.ones((m, 1))], format="csr")
    equations = scipy.sparse.hstack([A_eq, np.zeros((A_eq.shape[0], 1))], format="csr")
    cost = np.append(np.zeros(n), -1.0)
    # An unbounded set has no deepest point; this deep is deep enough.
    most = max(1.0, float(np.abs(b).max(initial=0.0)))
    bounds = [*[(None, None)] * n, (None, most)]
    found = solve(cost, deeper, b, bounds, equations, b_eq)
    if found is None:
        raise RuntimeError("HiGHS calls a bounded slack unbounded")
    return found[:n]


def ray(A: Any, A_eq: Any) -> Array | None:
    """A direction in which {A x <= b, A_eq x = b_eq} goes on for ever.

    Parameters
    ----------
    A, A_eq : sparse matrix, shape (m, n) and (k, n)

    Returns
    -------
    ndarray, shape (n,), or None
        None if there is none, unless the rows do not span: lines are not looked for.
    """
    m = A.shape[0]
    # d with A d <= 0 and not A d = 0; no deeper than one, so that there is a best.
    both = scipy.sparse.vstack([A, -A], format="csr")
    right = np.concatenate([np.zeros(m), np.ones(m)])
    cost = np.asarray(A.sum(axis=0)).ravel()
    found = solve(cost, both, right, (None, None), A_eq, np.zeros(A_eq.shape[0]))
    if found is None or (A @ found).min() > -0.5:
        return None
    return found
