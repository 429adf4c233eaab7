"""All solutions of linear equations: one of them, and a basis of the rest."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from equipoise.sampling.peeling import peel
from equipoise.sampling.polytope_errors import EmptyPolytopeError

Array = NDArray[Any]

_RANK = 1e-10  # of the largest pivot: below, a row follows from the others
_CONSISTENT = 1e-7
_ZERO = 1e-12  # of the largest entry: below, it is what rounding has left
_SMALL = 1e-10  # beside the squared length of a row
_TURNS = 10
_SPARSE = 0.3  # share of non-zeros up to which a basis that is not orthonormal is worth keeping


class Solutions(NamedTuple):
    """{point + basis z}.

    Attributes
    ----------
    point : ndarray, shape (n,)
    basis : scipy.sparse.csr_array or ndarray, shape (n, d)
        Orthonormal if dense.
    log_det : float
        Half the log-determinant of basis' basis: log of a volume here over that of z.
    """

    point: Array
    basis: Any
    log_det: float


def solutions(A: Any, b: Array, near: Array) -> Solutions:
    """Solve A x = b.

    Elimination keeps sparse equations sparse, and with them the columns of the body that is left,
    on which the fast walks live; where it does not, the basis is orthonormal.

    Parameters
    ----------
    A : sparse matrix, shape (k, n)
    b : ndarray, shape (k,)
    near : ndarray, shape (n,)
        A point that almost solves it; the solution given is the nearest.

    Returns
    -------
    Solutions

    Raises
    ------
    EmptyPolytopeError
        If the equations contradict one another.
    """
    n = A.shape[1]
    if not A.shape[0]:
        return Solutions(near, scipy.sparse.csr_array(scipy.sparse.eye(n)), 0.0)
    rows, right = _unit_rows(A, b)
    point = _nearest(rows, right, near)
    short = np.abs(rows @ point - right).max(initial=0.0)
    if short > _CONSISTENT * max(1.0, np.abs(right).max(), np.abs(point).max()):
        raise EmptyPolytopeError("A_eq x = b_eq has no solution: the equations contradict")
    basis = _null_space(rows)
    if not basis.shape[1]:
        return Solutions(point, basis, 0.0)
    if np.count_nonzero(basis) <= _SPARSE * basis.size:
        thin = scipy.sparse.csr_array(basis)
        gram = (thin.T @ thin).toarray()
        return Solutions(point, thin, float(np.linalg.slogdet(gram)[1] / 2))
    return Solutions(point, scipy.linalg.qr(basis, mode="economic")[0], 0.0)


def _unit_rows(A: Any, b: Array) -> tuple[scipy.sparse.csr_array, Array]:
    rows = scipy.sparse.csr_array(A)
    rows.eliminate_zeros()
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    lengths[lengths == 0] = 1.0
    return scipy.sparse.csr_array(scipy.sparse.diags_array(1 / lengths) @ rows), b / lengths


def _null_space(rows: scipy.sparse.csr_array) -> Array:
    """Easy equations are peeled off, and the core that is left is factored."""
    peeling = peel(rows)
    width = len(peeling.variables)
    core = rows[peeling.rows][:, peeling.variables].toarray()
    rank, solved, order = 0, np.empty((0, width)), np.arange(width)
    if core.size:
        R, order = scipy.linalg.qr(core, mode="r", pivoting=True)
        pivots = np.abs(np.diag(R))
        rank = int((pivots > _RANK * max(pivots[0], 1e-300)).sum())
        solved = scipy.linalg.solve_triangular(R[:rank, :rank], R[:rank, rank:])
        solved[np.abs(solved) < _ZERO * max(1.0, np.abs(solved).max(initial=0.0))] = 0.0
    basis = np.zeros((rows.shape[1], width - rank))
    basis[peeling.variables[order[:rank]]] = -solved
    basis[peeling.variables[order[rank:]], np.arange(width - rank)] = 1.0
    for row, variable in reversed(peeling.solved):
        entries = slice(rows.indptr[row], rows.indptr[row + 1])
        at, values = rows.indices[entries], rows.data[entries]
        own = at == variable
        value = -(values[~own] @ basis[at[~own]]) / values[own][0]
        value[np.abs(value) < _ZERO * max(1.0, np.abs(value).max(initial=0.0))] = 0.0
        basis[variable] = value
    return basis


def _nearest(A: scipy.sparse.csr_array, b: Array, near: Array) -> Array:
    """Project onto equations, some of which may follow from others.

    The shift is A' y with (A A' + small) y = what is missing, solved as one sparse system; what
    the small term and rounding leave is missing in the next turn.
    """
    k, n = A.shape
    both = scipy.sparse.block_array(
        [[scipy.sparse.eye(n), A.T], [A, -_SMALL * scipy.sparse.eye(k)]], format="csc"
    )
    solver = scipy.sparse.linalg.splu(both)
    missing = b - A @ near
    for _ in range(_TURNS):
        closer = near + solver.solve(np.concatenate([np.zeros(n), missing]))[:n]
        left = b - A @ closer
        if not np.linalg.norm(left) < np.linalg.norm(missing):
            break
        near, missing = closer, left
    return near
