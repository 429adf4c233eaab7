"""The compiled loop of the ball walk."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

FULL, EXACT, LINEAR, QUADRATIC = 0, 1, 2, 3

STEPS, ACCEPTED, CHECKED = 0, 1, 2

# Of one plus a row's right-hand side: by less, a sum in another order puts outside what is inside.
ROUNDING = 1e-12

_LATER = 2**62


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def row_dot(A: Array, j: int, x: Array) -> float:
    """Inner product of a row and a point, in whatever order is fast."""
    total = 0.0
    for i in range(len(x)):
        total += A[j, i] * x[i]
    return total


@numba.njit(cache=True, nogil=True)
def _delay(rule: int, slack: float, reach: float) -> int:
    """In how many steps a row at this distance must be looked at again."""
    ratio = slack / reach
    if rule == QUADRATIC:
        ratio *= ratio
    if ratio >= _LATER:
        return _LATER
    return max(1, int(ratio))


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _within(shape: Array, origin: Array, most: float, y: Array) -> bool:
    """Whether |shape y + origin| is no more than most."""
    left = most * most
    for i in range(len(shape)):
        total = origin[i]
        for k in range(i + 1):
            total += shape[i, k] * y[k]
        left -= total * total
        if left < 0:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def ball_walk(
    A: Array,
    b: Array,
    x: Array,
    rng: np.random.Generator,
    size: float,
    in_ball: bool,
    rule: int,
    zeta: Array,
    look_at_all: Array,
    shape: Array,
    origin: Array,
    most: float,
    thin: int,
    positions: Array,
    counts: Array,
) -> int:
    """Walk, and look at all rows whenever a position is kept.

    Between two looks at all rows, a row waits in a timing wheel, a list for each step to come,
    until it could be reached. A wheel of thin slots suffices: who would wait longer waits for the
    look at all.

    Parameters
    ----------
    A : ndarray, shape (m, n)
        Rows of length one.
    b : ndarray, shape (m,)
    x : ndarray, shape (n,)
        Inside; written to.
    rng : numpy.random.Generator
    size : float
        Radius of the ball, or standard deviation of a step along a coordinate.
    in_ball : bool
        Whether steps are uniform in a ball; otherwise Gaussian.
    rule : int
        How long a row waits.
    zeta : ndarray, shape (draws,)
        Of each draw: how many standard deviations a step is taken to be at most.
    look_at_all : ndarray of bool, shape (draws,)
        In which draws every row is looked at in every step, whatever the rule.
    shape : ndarray, shape (n, n) or (0, n)
        Lower triangular. A step whose |shape y + origin| exceeds ``most`` is refused; without
        rows, none is for that.
    origin : ndarray, shape (n,)
    most : float
    thin : int
        Steps a draw.
    positions : ndarray, shape (draws, n)
        Written to.
    counts : ndarray of int64, shape (draws, 3)
        Written to: steps, accepted, rows looked at.

    Returns
    -------
    int
        The first draw that ended outside, where it stopped; otherwise -1.
    """
    m, n = A.shape
    y = np.empty(n)
    slack = np.empty(m)
    seen = np.empty(m)
    due = np.empty(m, dtype=np.int64)
    following = np.empty(m, dtype=np.int64)
    head = np.full(thin + 1, -1, dtype=np.int64)
    for j in range(m):
        slack[j] = b[j] - row_dot(A, j, x)
    for draw in range(len(positions)):
        full = rule == FULL or look_at_all[draw]
        reach = size if rule == EXACT else size * zeta[draw]
        accepted, checked = 0, 0
        if not full:
            head[:] = -1
            for j in range(m):
                at = _delay(rule, slack[j], reach)
                if at <= thin:
                    following[j] = head[at]
                    head[at] = j
        for now in range(1, thin + 1):
            square = 0.0
            for i in range(n):
                y[i] = rng.standard_normal()
                square += y[i] * y[i]
            scale = size
            if in_ball:
                scale = size * rng.random() ** (1.0 / n) / np.sqrt(square)
            for i in range(n):
                y[i] = x[i] + scale * y[i]
            waiting = 0
            if full:
                waiting = m
            else:
                j = head[now]
                while j >= 0:
                    due[waiting] = j
                    waiting += 1
                    j = following[j]
            inside = True
            looked = 0
            while inside and looked < waiting:
                j = looked if full else due[looked]
                # The one place that decides, for the lazy walk and the full one: how the compiler
                # orders a sum may differ from place to place, and with it the last bit.
                seen[looked] = b[j] - row_dot(A, j, y)
                inside = seen[looked] >= 0
                looked += 1
            checked += looked
            # Last, since it costs as much as half n rows.
            if inside:
                inside = _within(shape, origin, most, y)
            if not full:
                for k in range(waiting):
                    at = 1
                    if inside:
                        at = _delay(rule, seen[k], reach)
                    elif k < looked and seen[k] > reach:
                        # The chain stays, and is nearer than the refused point by a step at most.
                        at = _delay(rule, seen[k] - reach, reach)
                    if at <= thin - now:
                        following[due[k]] = head[now + at]
                        head[now + at] = due[k]
            if inside:
                accepted += 1
                for i in range(n):
                    x[i] = y[i]
        outside = False
        for j in range(m):
            slack[j] = b[j] - row_dot(A, j, x)
            if slack[j] < -ROUNDING * (1 + abs(b[j])):
                outside = True
        counts[draw, STEPS] = thin
        counts[draw, ACCEPTED] = accepted
        counts[draw, CHECKED] = checked + m
        if outside:
            return draw
        for i in range(n):
            positions[draw, i] = x[i]
    return -1
