"""Compiled loops over rows of levels."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@numba.njit(cache=True, nogil=True)
def scores(levels: Array, starts: Array, of_level: Array) -> Array:
    """Add up, for each row, what its levels have.

    Parameters
    ----------
    levels : ndarray of int, shape (n, d)
    starts : ndarray of int, shape (d,)
        Where the levels of each attribute begin.
    of_level : ndarray of float64, shape (all levels,)

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    n, d = levels.shape
    out = np.empty(n)
    for i in range(n):
        total = 0.0
        for j in range(d):
            total += of_level[starts[j] + np.int64(levels[i, j])]
        out[i] = total
    return out


@numba.njit(cache=True, nogil=True)
def level_sums(levels: Array, starts: Array, weights: Array, n_levels: int) -> Array:
    """Add up the weights of the rows that have each level.

    Parameters
    ----------
    levels : ndarray of int, shape (n, d)
    starts : ndarray of int, shape (d,)
    weights : ndarray of float64, shape (n,)
    n_levels : int

    Returns
    -------
    ndarray of float64, shape (n_levels,)
    """
    n, d = levels.shape
    out = np.zeros(n_levels)
    for i in range(n):
        w = weights[i]
        if w != 0.0:
            for j in range(d):
                out[starts[j] + np.int64(levels[i, j])] += w
    return out


@numba.njit(cache=True, nogil=True)
def expand(
    levels: Array, starts: Array, table: Array, offsets: Array, factor: Array, out: Array
) -> None:
    """Write the coordinates of rows, each times a factor.

    Parameters
    ----------
    levels : ndarray of int, shape (b, d)
    starts : ndarray of int, shape (d,)
    table : ndarray, shape (all levels, most coordinates of an attribute)
    offsets : ndarray of int, shape (d + 1,)
        Where the coordinates of each attribute begin.
    factor : ndarray, shape (b,)
    out : ndarray, shape (b, coordinates)
    """
    b, d = levels.shape
    if table.shape[1] == 1 and offsets[-1] == d:  # one each: five times as fast without a loop
        column = table[:, 0].copy()
        for i in range(b):
            times = factor[i]
            for j in range(d):
                out[i, j] = times * column[starts[j] + np.int64(levels[i, j])]
        return
    for i in range(b):
        times = factor[i]
        for j in range(d):
            level = starts[j] + np.int64(levels[i, j])
            at = offsets[j]
            for c in range(offsets[j + 1] - at):
                out[i, at + c] = times * table[level, c]


@numba.njit(cache=True, nogil=True)
def hashes(levels: Array) -> Array:
    """A number for each row that is the same for equal rows, and hardly ever for others.

    Parameters
    ----------
    levels : ndarray of int, shape (n, d)

    Returns
    -------
    ndarray of uint64, shape (n,)
    """
    n, d = levels.shape
    out = np.empty(n, np.uint64)
    for i in range(n):
        h = np.uint64(0x9E3779B97F4A7C15)
        for j in range(d):
            h = (h ^ np.uint64(levels[i, j])) * np.uint64(0xFF51AFD7ED558CCD)
            h ^= h >> np.uint64(32)
        out[i] = h
    return out


@numba.njit(cache=True, nogil=True)
def all_equal(levels: Array, distinct: Array, place: Array) -> bool:
    """Whether each row is the distinct row that it is said to be.

    Parameters
    ----------
    levels : ndarray of int, shape (n, d)
    distinct : ndarray of int, shape (u, d)
    place : ndarray of int, shape (n,)

    Returns
    -------
    bool
    """
    for i in range(len(levels)):
        at = place[i]
        for j in range(levels.shape[1]):
            if levels[i, j] != distinct[at, j]:
                return False
    return True


@numba.njit(cache=True, nogil=True)
def draw(
    out: Array,
    row: Array,
    rows: Array,
    starts: Array,
    sizes: Array,
    ends: Array,
    rng: np.random.Generator,
) -> None:
    """Write the levels of points: of their row, or else drawn from a product law.

    Parameters
    ----------
    out : ndarray of int, shape (n, d)
    row : ndarray of int, shape (n,)
        -1 for a point of the product law.
    rows : ndarray of int, shape (u, d)
    starts, sizes : ndarray of int, shape (d,)
        Where the levels of each attribute begin, and how many there are.
    ends : ndarray, shape (all levels,)
        The distribution function of each attribute, which is 1 from its last possible level on.
    rng : Generator
    """
    n, d = out.shape
    for i in range(n):
        if row[i] >= 0:
            for j in range(d):
                out[i, j] = rows[row[i], j]
            continue
        for j in range(d):
            u = rng.random()
            if sizes[j] == 2:  # without a branch that cannot be foreseen
                out[i, j] = u >= ends[starts[j]]
                continue
            low, high = starts[j], starts[j] + sizes[j] - 1
            while low < high:
                middle = (low + high) // 2
                if u < ends[middle]:
                    high = middle
                else:
                    low = middle + 1
            out[i, j] = low - starts[j]


@numba.njit(cache=True, nogil=True)
def outcomes(ends: Array, uniform: Array) -> Array:
    """Find the outcomes at uniform numbers, each in a few looks whatever their number.

    A guide (Chen and Asau 1974) says where to begin: a bisection would look all over a long
    distribution function, and wait for memory at each look.

    Parameters
    ----------
    ends : ndarray, shape (k,)
        The distribution function, not scaled; it rises in every step.
    uniform : ndarray, shape (n,)
        In [0, 1).

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    k = len(ends)
    total = ends[-1]
    guide = np.empty(k, np.int64)
    at = 0
    for b in range(k):
        while at < k - 1 and ends[at] <= total * b / k:
            at += 1
        guide[b] = at
    out = np.empty(len(uniform), np.int64)
    for i in range(len(uniform)):
        u = uniform[i] * total
        at = guide[min(int(uniform[i] * k), k - 1)]
        while at > 0 and ends[at - 1] > u:  # products are rounded
            at -= 1
        while at < k - 1 and ends[at] <= u:
            at += 1
        out[i] = at
    return out
