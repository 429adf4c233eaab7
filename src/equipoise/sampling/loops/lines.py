"""The compiled loops of hit-and-run, along any line and along coordinates."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.loops.ball_walk import row_dot

Array = NDArray[Any]

TINY = 1e-300  # what is left of a slack that rounding has made negative
PARALLEL = 1e-14  # of a unit direction along a unit row: below, the row does not end the line
REFRESH = 16_384  # steps, after which slacks are computed anew: sums drift


@numba.njit(cache=True, nogil=True)
def refresh(A: Array, b: Array, x: Array, slack: Array) -> None:
    """Write the slacks anew."""
    for j in range(len(b)):
        slack[j] = max(b[j] - row_dot(A, j, x), TINY)


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "nnan", "nsz"})
def steepest(column: Array, slack: Array) -> tuple[float, float]:
    """Largest and smallest of the ratios, whose inverses end the chord."""
    top, bottom = 0.0, 0.0
    for j in range(len(column)):
        ratio = column[j] / slack[j] if abs(column[j]) > PARALLEL else 0.0
        top = max(top, ratio)
        bottom = min(bottom, ratio)
    return top, bottom


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "nnan", "nsz", "contract"})
def go(slack: Array, t: float, column: Array) -> None:
    """Take from the slacks what a move costs."""
    for j in range(len(slack)):
        slack[j] = max(slack[j] - t * column[j], TINY)


@numba.njit(cache=True, nogil=True)
def hit_and_run(
    A: Array,
    b: Array,
    x: Array,
    slack: Array,
    rng: np.random.Generator,
    done: int,
    thin: int,
    positions: Array,
) -> None:
    """Draw uniformly from the chord along a uniform direction, again and again.

    Parameters
    ----------
    A : ndarray, shape (m, n)
        Rows of length one.
    b : ndarray, shape (m,)
    x, slack : ndarray, shape (n,) and (m,)
        Where the chain is, and how far from the rows; written to.
    rng : numpy.random.Generator
    done : int
        Steps since the start.
    thin : int
    positions : ndarray, shape (draws, n)
        Written to.
    """
    m, n = A.shape
    direction = np.empty(n)
    speed = np.empty(m)
    for draw in range(len(positions)):
        for _ in range(thin):
            if done % REFRESH == 0:
                refresh(A, b, x, slack)
            done += 1
            square = 0.0
            for i in range(n):
                direction[i] = rng.standard_normal()
                square += direction[i] * direction[i]
            length = 1.0 / np.sqrt(square)
            for i in range(n):
                direction[i] *= length
            for j in range(m):
                speed[j] = row_dot(A, j, direction)
            top, bottom = steepest(speed, slack)
            low, high = 1.0 / bottom, 1.0 / top
            t = low + rng.random() * (high - low)
            for i in range(n):
                x[i] += t * direction[i]
            go(slack, t, speed)
        positions[draw] = x


@numba.njit(cache=True, nogil=True)
def coordinates_dense(
    A: Array,
    b: Array,
    columns: Array,
    x: Array,
    slack: Array,
    rng: np.random.Generator,
    in_turn: bool,
    done: int,
    thin: int,
    positions: Array,
) -> None:
    """Draw one coordinate uniformly from its chord, again and again.

    Parameters
    ----------
    A : ndarray, shape (m, n)
    b : ndarray, shape (m,)
    columns : ndarray, shape (n, m)
        A's.
    x, slack : ndarray, shape (n,) and (m,)
        Where the chain is, and how far from the rows; written to.
    rng : numpy.random.Generator
    in_turn : bool
        Whether coordinates are taken in turn; otherwise at random.
    done : int
        Steps since the start.
    thin : int
    positions : ndarray, shape (draws, n)
        Written to.
    """
    n = A.shape[1]
    for draw in range(len(positions)):
        for _ in range(thin):
            if done % REFRESH == 0:
                refresh(A, b, x, slack)
            i = done % n if in_turn else int(rng.random() * n)
            done += 1
            column = columns[i]
            top, bottom = steepest(column, slack)
            low, high = 1.0 / bottom, 1.0 / top
            t = low + rng.random() * (high - low)
            x[i] += t
            go(slack, t, column)
        positions[draw] = x


@numba.njit(cache=True, nogil=True)
def coordinates_sparse(
    A: Array,
    b: Array,
    starts: Array,
    rows: Array,
    entries: Array,
    x: Array,
    slack: Array,
    rng: np.random.Generator,
    in_turn: bool,
    done: int,
    thin: int,
    positions: Array,
) -> None:
    """The same from columns without their zeros.

    Parameters
    ----------
    A : ndarray, shape (m, n)
    b : ndarray, shape (m,)
    starts, rows, entries : ndarray
        A's columns: indptr, indices and data of CSC.
    x, slack : ndarray, shape (n,) and (m,)
        Where the chain is, and how far from the rows; written to.
    rng : numpy.random.Generator
    in_turn : bool
    done : int
    thin : int
    positions : ndarray, shape (draws, n)
        Written to.
    """
    n = A.shape[1]
    i = done % n
    for draw in range(len(positions)):
        for _ in range(thin):
            if done % REFRESH == 0:
                refresh(A, b, x, slack)
            done += 1
            if not in_turn:
                i = int(rng.random() * n)
            first, last = starts[i], starts[i + 1]
            top, bottom = 0.0, 0.0
            for k in range(first, last):
                ratio = entries[k] / slack[rows[k]]
                top = max(top, ratio)
                bottom = min(bottom, ratio)
            low, high = 1.0 / bottom, 1.0 / top
            t = low + rng.random() * (high - low)
            x[i] += t
            for k in range(first, last):
                j = rows[k]
                slack[j] = max(slack[j] - t * entries[k], TINY)
            if in_turn:
                i = i + 1 if i + 1 < n else 0
        positions[draw] = x
