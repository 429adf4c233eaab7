"""All solutions of linear equations: one of them, and a basis of the rest."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from equipoise.sampling.polytope_errors import EmptyPolytopeError

Array = NDArray[Any]

_RANK = 1e-10  # of the largest pivot: below, a row follows from the others
_CONSISTENT = 1e-7
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
    dense = A.toarray()
    lengths = np.linalg.norm(dense, axis=1)
    lengths[lengths == 0] = 1.0
    dense, right = dense / lengths[:, None], b / lengths
    Q, R, order = scipy.linalg.qr(dense, mode="economic", pivoting=True)
    pivots = np.abs(np.diag(R))
    rank = int((pivots > _RANK * max(pivots[0], 1e-300)).sum())
    point = _nearest(Q[:, :rank].T @ dense, Q[:, :rank].T @ right, near)
    short = np.abs(dense @ point - right).max(initial=0.0)
    if short > _CONSISTENT * max(1.0, np.abs(right).max(), np.abs(point).max()):
        raise EmptyPolytopeError("A_eq x = b_eq has no solution: the equations contradict")
    if rank == n:
        return Solutions(point, np.zeros((n, 0)), 0.0)
    solved = scipy.linalg.solve_triangular(R[:rank, :rank], R[:rank, rank:])
    solved[np.abs(solved) < 1e-12 * max(1.0, np.abs(solved).max(initial=0.0))] = 0.0
    basis = np.zeros((n, n - rank))
    basis[order[:rank]] = -solved
    basis[order[rank:], np.arange(n - rank)] = 1.0
    if np.count_nonzero(basis) <= _SPARSE * basis.size:
        gram = basis.T @ basis
        return Solutions(
            point, scipy.sparse.csr_array(basis), float(np.linalg.slogdet(gram)[1] / 2)
        )
    return Solutions(point, scipy.linalg.qr(basis, mode="economic")[0], 0.0)


def _nearest(A: Array, b: Array, near: Array) -> Array:
    """Project onto independent equations, twice since the first time rounds."""
    gram = scipy.linalg.cho_factor(A @ A.T) if len(A) else None
    for _ in range(2):
        if gram is not None:
            near = near + A.T @ scipy.linalg.cho_solve(gram, b - A @ near)
    return near
