"""A billiard that is wrong in a way that is hard to see: a control."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def shrunk_billiard(
    n: int, n_draws: int, length: float, share: float, rng: np.random.Generator
) -> NDArray[Any]:
    """Billiard on [-1, 1]^n that flies only a share of the way to a wall, and turns back there.

    So some published code keeps clear of walls. With a share of one it is right.

    Parameters
    ----------
    n, n_draws : int
    length : float
        Mean of a trajectory.
    share : float
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (n_draws, n)
    """
    x = np.zeros(n)
    v = np.empty(n)
    draws = np.empty((n_draws, n))
    for k in range(n_draws):
        for i in range(n):
            v[i] = rng.standard_normal()
        v /= np.sqrt((v**2).sum())
        left = length * rng.standard_exponential()
        last = -1
        while True:
            wall, nearest = -1, np.inf
            for i in range(n):
                gap = (1 - x[i] if v[i] > 0 else -1 - x[i]) / v[i]
                # Rounding may leave a point on the wall that it has just left.
                if (i != last and gap < nearest) or (i == last and 1e-9 < gap < nearest):
                    wall, nearest = i, gap
            if left <= share * nearest:
                x += left * v
                break
            x += share * nearest * v
            left -= share * nearest
            v[wall] = -v[wall]
            last = wall
        draws[k] = x
    return draws
