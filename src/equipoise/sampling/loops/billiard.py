"""The compiled loop of the billiard walk."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.loops.ball_walk import row_dot
from equipoise.sampling.loops.lines import PARALLEL, REFRESH, TINY, go, refresh

Array = NDArray[Any]

STEPS, ACCEPTED, REFLECTIONS = 0, 1, 2


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "nnan", "nsz"})
def _rates(speed: Array, slack: Array, rates: Array) -> float:
    """Write the inverse of the time until each row is met, and give the largest."""
    top = 0.0
    for j in range(len(speed)):
        rates[j] = speed[j] / slack[j] if speed[j] > PARALLEL else 0.0
        top = max(top, rates[j])
    return top


@numba.njit(cache=True, nogil=True)
def _first(rates: Array, top: float) -> int:
    for j in range(len(rates)):
        if rates[j] >= top:
            return j
    return len(rates) - 1


@numba.njit(cache=True, nogil=True)
def go_by(speed: Array, twice: float, products: Array) -> None:
    """Turn the speeds towards all rows by a reflection at one."""
    for j in range(len(speed)):
        speed[j] -= twice * products[j]


@numba.njit(cache=True, nogil=True)
def billiard(
    A: Array,
    b: Array,
    products: Array,
    x: Array,
    slack: Array,
    rng: np.random.Generator,
    length: float,
    most: int,
    done: int,
    thin: int,
    positions: Array,
    counts: Array,
) -> None:
    """Go straight for an exponential time, reflected by the rows.

    The body is met exactly where it ends: to turn before the wall would not preserve volume.

    Parameters
    ----------
    A : ndarray, shape (m, n)
        Rows of length one.
    b : ndarray, shape (m,)
    products : ndarray, shape (m, m) or (0, 0)
        Of the rows with one another, or none to compute those needed.
    x, slack : ndarray, shape (n,) and (m,)
        Where the chain is, and how far from the rows; written to.
    rng : numpy.random.Generator
    length : float
        Mean length of a trajectory.
    most : int
        Reflections, beyond which the chain stays where it was.
    done : int
        Steps since the start.
    thin : int
    positions : ndarray, shape (draws, n)
        Written to.
    counts : ndarray of int64, shape (3,)
        Added to: steps, accepted, reflections.
    """
    m, n = A.shape
    direction = np.empty(n)
    speed = np.empty(m)
    rates = np.empty(m)
    old_x, old_slack = np.empty(n), np.empty(m)
    for draw in range(len(positions)):
        for _ in range(thin):
            if done % REFRESH == 0:
                refresh(A, b, x, slack)
            done += 1
            square = 0.0
            for i in range(n):
                direction[i] = rng.standard_normal()
                square += direction[i] * direction[i]
            scale = 1.0 / np.sqrt(square)
            for i in range(n):
                direction[i] *= scale
            for j in range(m):
                speed[j] = row_dot(A, j, direction)
            left = -length * np.log(1.0 - rng.random())
            old_x[:] = x
            old_slack[:] = slack
            arrived = False
            for _ in range(most + 1):
                top = _rates(speed, slack, rates)
                if top * left <= 1.0:
                    for i in range(n):
                        x[i] += left * direction[i]
                    go(slack, left, speed)
                    arrived = True
                    break
                time = 1.0 / top
                wall = _first(rates, top)
                left -= time
                for i in range(n):
                    x[i] += time * direction[i]
                go(slack, time, speed)
                slack[wall] = TINY
                twice = 2.0 * speed[wall]
                for i in range(n):
                    direction[i] -= twice * A[wall, i]
                if len(products):
                    go_by(speed, twice, products[wall])
                else:
                    for j in range(m):
                        speed[j] = row_dot(A, j, direction)
                counts[REFLECTIONS] += 1
            counts[STEPS] += 1
            if arrived:
                counts[ACCEPTED] += 1
            else:
                x[:] = old_x
                slack[:] = old_slack
        positions[draw] = x
