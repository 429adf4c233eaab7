"""Masses of kinds at centres that keep limits and are near to given ones."""

from __future__ import annotations

import numpy as np

from equipoise.coresets.assignment.inputs import Array
from equipoise.coresets.assignment.limits import Limits

_NODES = 200  # of a search for whole numbers: a count, as a time would not give equal answers


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
    found = _solve(scaled, near / unit, whole=False, allowed=np.inf)
    if found is None:
        return near
    masses = np.maximum(found, 0.0)
    total = masses.sum(axis=1, keepdims=True)
    wanted = near.sum(axis=1, keepdims=True)
    return masses * np.divide(wanted, total, out=np.ones_like(total), where=total > 0)


def whole_masses(limits: Limits, near: Array) -> Array:
    """Find whole numbers near to masses that keep limits, and hardly break these.

    Limits may be broken by less than one row. To ask for more would let the smallest groups rule:
    of three rows in three clusters each would have one, and all clusters would have to be equal.
    With one partition into groups such numbers always exist (a flow has whole solutions); with
    several that overlap they are searched for, and where a short search finds none, the worst
    limit is broken by as little as it finds.

    Parameters
    ----------
    limits : Limits
    near : ndarray, shape (kinds, k)
        That keeps them; of which the rows have whole sums.

    Returns
    -------
    ndarray, shape (kinds, k)
        With the same sums of rows.
    """
    for allowed in (1.0, np.inf):
        found = _solve(limits, near, whole=True, allowed=allowed)
        if found is not None:
            return np.rint(found)
    return np.array([_rounded(row) for row in near])


def _solve(limits: Limits, near: Array, *, whole: bool, allowed: float) -> Array | None:
    """The program, in which the worst limit may be broken by so much at a price."""
    from scipy import sparse  # these take a while to load
    from scipy.optimize import Bounds, LinearConstraint, milp

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
    lowest = np.zeros(3 * cells + 1)
    highest = np.full(3 * cells + 1, np.inf)
    highest[-1] = allowed
    if whole:  # a box of four numbers for each makes the search short
        lowest[:cells] = np.maximum(np.floor(near.ravel()) - 1, 0)
        highest[:cells] = np.ceil(near.ravel()) + 1
    price = 1.0 if np.isfinite(allowed) else 1000.0
    solved = milp(
        np.concatenate([np.zeros(cells), np.ones(2 * cells), [price]]),
        integrality=np.concatenate([np.full(cells, int(whole)), np.zeros(2 * cells + 1)]),
        bounds=Bounds(lowest, highest),
        constraints=constraints,
        options={"node_limit": _NODES} if whole else {},
    )
    return None if solved.x is None else solved.x[:cells].reshape(near.shape)


def _rounded(parts: Array) -> Array:
    """Whole numbers with the same whole sum, by largest remainders."""
    down = np.floor(parts)
    short = round(float(parts.sum() - down.sum()))
    down[np.argsort(down - parts, kind="stable")[:short]] += 1
    return down
