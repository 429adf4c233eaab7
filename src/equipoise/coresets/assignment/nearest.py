"""Masses of kinds at centres that keep limits and are near to given ones."""

from __future__ import annotations

import numpy as np

from equipoise.coresets.assignment.inputs import Array
from equipoise.coresets.assignment.limits import Limits

_BROKEN = 1000.0  # what breaking a limit costs, next to moving mass


def nearest_masses(limits: Limits, near: Array) -> Array:
    """Find masses that keep limits and differ in as little as possible in all.

    Parameters
    ----------
    limits : Limits
        That can be kept by masses with these sums.
    near : ndarray, shape (kinds, k)

    Returns
    -------
    ndarray, shape (kinds, k)
        With the same sums of rows.
    """
    unit = float(near.sum()) / near.size
    scaled = Limits(limits.rows, limits.right / unit, limits.equal)
    found = _solve(scaled, near / unit)
    if found is None:
        return near
    masses = np.maximum(found, 0.0)
    total = masses.sum(axis=1, keepdims=True)
    wanted = near.sum(axis=1, keepdims=True)
    return masses * np.divide(wanted, total, out=np.ones_like(total), where=total > 0)


def _solve(limits: Limits, near: Array) -> Array | None:
    """The program, in which the worst limit may be broken at a price."""
    from scipy import sparse  # these take a while to load
    from scipy.optimize import LinearConstraint, milp

    n_kinds, k = near.shape
    cells = near.size
    eye = sparse.eye_array(cells)
    total = sparse.kron(sparse.eye_array(n_kinds), np.ones((1, k)))
    rows = sparse.kron(sparse.csr_array(limits.rows.T), sparse.eye_array(k), format="csr")
    equal = np.repeat(limits.equal, k)
    right = limits.right.ravel()
    # Masses, what they are above and below those given, and the worst miss.
    miss = sparse.csr_array(np.ones((len(equal), 1)))
    constraints = [
        LinearConstraint(
            sparse.hstack([eye, -eye, eye, sparse.csr_array((cells, 1))]),
            near.ravel(),
            near.ravel(),
        ),
        LinearConstraint(
            sparse.hstack([total, sparse.csr_array((n_kinds, 2 * cells + 1))]),
            near.sum(axis=1),
            near.sum(axis=1),
        ),
    ]
    nothing = sparse.csr_array((len(equal), 2 * cells))
    if len(equal):
        constraints.append(LinearConstraint(sparse.hstack([rows, nothing, -miss]), -np.inf, right))
    if equal.any():
        constraints.append(
            LinearConstraint(sparse.hstack([rows, nothing, miss])[equal], right[equal], np.inf)
        )
    solved = milp(
        np.concatenate([np.zeros(cells), np.ones(2 * cells), [_BROKEN]]), constraints=constraints
    )
    return None if solved.x is None else solved.x[:cells].reshape(near.shape)
