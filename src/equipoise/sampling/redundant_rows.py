"""Rows that other rows imply."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.linear_programs import solve

Array = NDArray[Any]

_DIGITS = 12
_RAYS = 1000  # at once


def merge_parallel(A: Array, b: Array) -> Array:
    """Which rows to keep so that of rows with the same normal the tightest stays.

    Parameters
    ----------
    A : ndarray, shape (m, d)
        Rows of length one.
    b : ndarray, shape (m,)

    Returns
    -------
    ndarray of int, in ascending order
    """
    rounded = np.round(A, _DIGITS) + 0.0  # no negative zeros
    _, group = np.unique(rounded, axis=0, return_inverse=True)
    by_group = np.lexsort((b, group.ravel()))
    first = np.append(True, np.diff(group.ravel()[by_group]) != 0)
    return np.sort(by_group[first])


def surely_needed(A: Array, b: Array, inside: Array, enough: int) -> Array:
    """Rows that some ray from inside meets before all others: facets, if not all of them.

    Parameters
    ----------
    A : ndarray, shape (m, d)
    b : ndarray, shape (m,)
    inside : ndarray, shape (d,)
        Strictly.
    enough : int
        Looking stops when so many are found.

    Returns
    -------
    ndarray of bool, shape (m,)
    """
    slack = b - A @ inside
    met = np.zeros(len(b), dtype=bool)

    def shoot(directions: Array) -> None:
        speed = A @ directions
        with np.errstate(divide="ignore"):
            times = np.where(speed > 0, slack[:, None] / speed, np.inf)
        met[times.argmin(axis=0)] = True

    # Fixed, since which rays are tried decides what is spent and not what is found.
    shoot(np.random.default_rng(0).standard_normal((A.shape[1], _RAYS)))
    if met.sum() >= enough:
        return met
    # Towards each row, as the ellipsoid at the point sees it: where it is likeliest to be met.
    scaled = A / slack[:, None]
    towards = np.linalg.solve(scaled.T @ scaled, A.T)
    for first in range(0, len(b), _RAYS):
        shoot(towards[:, first : first + _RAYS])
        if met.sum() >= enough:
            break
    return met


def needed(A: Array, b: Array, inside: Array) -> Array:
    """Which rows are facets.

    A row that a ray from inside meets first is one; of each that none met, a linear program asks
    (Clarkson 1994, without his smaller programs).

    Parameters
    ----------
    A : ndarray, shape (m, d)
        Rows of length one, no two alike.
    b : ndarray, shape (m,)
    inside : ndarray, shape (d,)
        Strictly.

    Returns
    -------
    ndarray of bool, shape (m,)
    """
    slack = b - A @ inside
    met = surely_needed(A, b, inside, len(b))
    keep = np.ones(len(b), dtype=bool)
    for row in np.flatnonzero(~met):
        keep[row] = False
        # One beyond the row, so that the program has an end.
        bound = np.append(slack[keep], slack[row] + 1)
        found = solve(-A[row], np.vstack([A[keep], A[row]]), bound)
        keep[row] = found is None or A[row] @ found > slack[row] + 1e-9 * max(1.0, slack[row])
    return keep
