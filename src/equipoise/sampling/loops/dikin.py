"""The compiled loop of the Dikin walk."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

STEPS, ACCEPTED = 0, 1


@numba.njit(cache=True, nogil=True)
def _factor(A: Array, slack: Array, scaled: Array, factor: Array) -> bool:
    """Write the lower Cholesky factor of the log-barrier's Hessian, if there is one."""
    m, n = A.shape
    for j in range(m):
        inverse = 1.0 / slack[j]
        for i in range(n):
            scaled[j, i] = A[j, i] * inverse
    np.dot(scaled.T, scaled, factor)
    for i in range(n):
        for k in range(i + 1):
            total = factor[i, k]
            for h in range(k):
                total -= factor[i, h] * factor[k, h]
            if k < i:
                factor[i, k] = total / factor[k, k]
            elif total > 0:
                factor[i, i] = np.sqrt(total)
            else:
                return False
    return True


@numba.njit(cache=True, nogil=True)
def dikin(
    A: Array,
    b: Array,
    x: Array,
    rng: np.random.Generator,
    size: float,
    thin: int,
    positions: Array,
    counts: Array,
) -> bool:
    """Propose from the Dikin ellipsoid, and correct.

    Parameters
    ----------
    A : ndarray, shape (m, n)
    b : ndarray, shape (m,)
    x : ndarray, shape (n,)
        Strictly inside; written to.
    rng : numpy.random.Generator
    size : float
        Deviation of a step along an axis of the ellipsoid, as a share of that axis.
    thin : int
        Steps a draw.
    positions : ndarray, shape (draws, n)
        Written to.
    counts : ndarray of int64, shape (2,)
        Written to: steps, accepted.

    Returns
    -------
    bool
        False if the Hessian where the chain stands is not positive definite in floating point.
    """
    m, n = A.shape
    y, noise, step = np.empty(n), np.empty(n), np.empty(n)
    slack, scaled = np.empty(m), np.empty((m, n))
    here, there = np.empty((n, n)), np.empty((n, n))
    slack[:] = b - np.dot(A, x)
    if not _factor(A, slack, scaled, here):
        return False
    for draw in range(len(positions)):
        for _ in range(thin):
            square = 0.0
            for i in range(n):
                noise[i] = rng.standard_normal()
                square += noise[i] * noise[i]
            for i in range(n - 1, -1, -1):  # solves here' step = size noise
                total = size * noise[i]
                for k in range(i + 1, n):
                    total -= here[k, i] * step[k]
                step[i] = total / here[i, i]
            for i in range(n):
                y[i] = x[i] + step[i]
            chance = rng.random()
            counts[STEPS] += 1
            slack[:] = b - np.dot(A, y)
            if not (slack > 0).all():
                continue
            # Where the Hessian cannot be factored the density is taken for zero.
            if not _factor(A, slack, scaled, there):
                continue
            # What is proposed here may be likelier or less likely to be proposed back from there.
            odds, back = 0.0, 0.0
            for i in range(n):
                odds += np.log(there[i, i]) - np.log(here[i, i])
                total = 0.0
                for k in range(i, n):
                    total += there[k, i] * (y[k] - x[k])
                back += total * total
            odds -= (back / (size * size) - square) / 2
            if np.log(chance) < odds:
                counts[ACCEPTED] += 1
                x[:] = y
                here, there = there, here
        positions[draw] = x
    return True
