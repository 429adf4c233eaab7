"""The linear program of who moves, of those who could as well be elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from equipoise.coresets.assignment.inputs import Array, Points, Whole
from equipoise.coresets.assignment.limits import Limits

_NOTHING = 1e-7  # of the mean weight
_EXACT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


@dataclass(frozen=True, eq=False)
class Moved:
    """What a program of moves says.

    Attributes
    ----------
    moved : ndarray, shape (edges,)
        Mass.
    multipliers : ndarray, shape (q, k)
        Of the limits, in units of the spread.
    missing : float
        What limits are missed by in all, in units of the mean weight.
    """

    moved: Array
    multipliers: Array
    missing: float


def solve_moves(points: Points, limits: Limits, base: Whole, edges: Whole, penalty: float) -> Moved:
    """Solve the program whose columns are some moves.

    Variables are moves, bounded by what a point has, and the masses M (kinds, k): points with one
    alternative need no row, so that there are hardly more rows than limits. Limits may be missed
    at a price, as these moves may be too few to keep them; multipliers then say which are wanted.

    Parameters
    ----------
    points : Points
    limits : Limits
    base : ndarray of int64, shape (n,)
        Where points are.
    edges : ndarray of int64, shape (e,)
        Where they may move: point times k plus centre, sorted.
    penalty : float
        For a unit of mass by which a limit is missed, in units of the spread.

    Returns
    -------
    Moved

    Raises
    ------
    RuntimeError
        If the solver fails; the program always has a solution.
    """
    from scipy import sparse  # these take a while to load
    from scipy.optimize import linprog

    n_kinds, k = limits.rows.shape[0], points.n_centres
    e, cells, q = len(edges), n_kinds * k, limits.right.size
    unit = points.mass / np.count_nonzero(points.weights)
    who, where = edges // k, edges % k
    weights = points.weights[who] / unit
    here = np.bincount(points.kinds * k + base, points.weights, minlength=cells) / unit
    right = limits.right.ravel() / unit
    equal = np.repeat(limits.equal, k)

    # Columns are moves, masses, what limits are missed by from above, and from below.
    cell = points.kinds[who] * k
    moves = _ones(cell + base[who], cells) - _ones(cell + where, cells)
    balance = [moves, sparse.eye_array(cells), sparse.csr_array((cells, 2 * q))]
    held = sparse.kron(sparse.csr_array(limits.rows.T), sparse.eye_array(k), format="csr")
    either = sparse.eye_array(q)
    asked = sparse.hstack([sparse.csr_array((q, e)), held, -either, either], format="csr")
    # Who has several alternatives must not move more than there is.
    _, first, of_edge, times = np.unique(
        who, return_index=True, return_inverse=True, return_counts=True
    )
    many = np.flatnonzero(times > 1)
    each = _ones(of_edge, len(times))[many]
    shared = sparse.hstack([each, sparse.csr_array((len(many), cells + 2 * q))], format="csr")
    cost = points.scaled[who, where] - points.scaled[who, base[who]]
    # Masses are free: that they are not negative follows, and a bound would take over a part of
    # the multipliers.
    lowest = np.concatenate([np.zeros(e), np.full(cells, -np.inf), np.zeros(2 * q)])
    highest = np.concatenate([weights, np.full(cells + 2 * q, np.inf)])
    solved = linprog(
        np.concatenate([cost, np.zeros(cells), np.full(2 * q, penalty)]),
        A_eq=sparse.vstack([sparse.hstack(balance), asked[equal]], format="csr"),
        b_eq=np.concatenate([here, right[equal]]),
        A_ub=sparse.vstack([asked[~equal], shared], format="csr"),
        b_ub=np.concatenate([right[~equal], weights[first[many]]]),
        bounds=np.column_stack([lowest, highest]),
        method="highs",
        options=_EXACT,
    )
    if solved.x is None:
        raise RuntimeError(f"the program of moves was not solved: {solved.message}")
    v = np.empty(q)
    v[equal] = -solved.eqlin.marginals[cells:]
    v[~equal] = np.maximum(-solved.ineqlin.marginals[: q - int(equal.sum())], 0.0)
    # The solver keeps rows up to its tolerance; here no point moves more than it has.
    moved = np.clip(solved.x[:e], 0.0, weights)
    away = np.bincount(of_edge, moved, minlength=len(times))
    moved *= np.minimum(1.0, weights[first] / np.maximum(away, weights[first]))[of_edge]
    missing = float(solved.x[e + cells :].sum())
    missing = missing if missing > _NOTHING else 0.0
    return Moved(moved * unit, v.reshape(limits.right.shape), missing)


def _ones(rows: Whole, n_rows: int) -> Any:
    """A sparse matrix with one 1 in each column."""
    from scipy import sparse

    at = (np.ones(len(rows)), (rows, np.arange(len(rows))))
    return sparse.csr_array(at, shape=(n_rows, len(rows)))
