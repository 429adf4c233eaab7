"""The nearest of k centres, by differences: no bits are lost where data lie far from the origin."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from equipoise.coresets.threads import over_rows

Array = NDArray[Any]


def nearest(points: Array, centres: Array) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """The nearest centre of each point.

    Parameters
    ----------
    points : ndarray of float64, shape (n, d)
    centres : ndarray of float64, shape (k, d)
        At least one.

    Returns
    -------
    labels : ndarray of int32, shape (n,)
        The first of those that are equally near.
    squares : ndarray of float64, shape (n,)
        Squared distances. Each depends on its point and the centres only, so the bits are the
        same however the points are cut into blocks, and with any number of threads.
    """
    labels = np.zeros(len(points), np.int32)
    squares = np.full(len(points), np.inf)
    nearer(points, centres, 0, labels, squares)
    return labels, squares


def nearer(points: Array, centres: Array, first: int, labels: Array, squares: Array) -> None:
    """Take centres into account that come after those that were looked at.

    Parameters
    ----------
    points : ndarray of float64, shape (n, d)
    centres : ndarray of float64, shape (k, d)
    first : int
        The number of the first of them.
    labels : ndarray of int32, shape (n,)
        Of the nearest so far; written to.
    squares : ndarray of float64, shape (n,)
        Squared distances to it; written to.
    """
    # The centres' columns side by side: the innermost loop runs over centres, whose sums do not
    # wait for one another.
    columns = np.ascontiguousarray(centres.T)

    def work(rows: slice) -> None:
        _nearer(points[rows], columns, first, labels[rows], squares[rows])

    over_rows(work, len(points), columns.size)


@numba.njit(cache=True, nogil=True)
def _nearer(points: Array, columns: Array, first: int, labels: Array, squares: Array) -> None:
    n, d = points.shape
    k = columns.shape[1]
    found = np.empty(k)
    for i in range(n):
        x = points[i, 0]
        column = columns[0]
        for j in range(k):
            difference = x - column[j]
            found[j] = difference * difference
        for t in range(1, d):
            x = points[i, t]
            column = columns[t]
            for j in range(k):
                difference = x - column[j]
                found[j] += difference * difference
        best = squares[i]
        label = labels[i]
        for j in range(k):
            if found[j] < best:
                best = found[j]
                label = first + j
        squares[i] = best
        labels[i] = label


def all_costs(points: Array, centres: Array, power: float) -> NDArray[np.float64]:
    """What each point costs at each centre.

    Parameters
    ----------
    points : ndarray of float64, shape (n, d)
    centres : ndarray of float64, shape (k, d)
    power : float
        z, at least 1.

    Returns
    -------
    ndarray of float64, shape (n, k)
        Distances to the power of z.
    """
    out = np.empty((len(points), len(centres)))
    columns = np.ascontiguousarray(centres.T)
    over_rows(
        lambda rows: _all_squares(points[rows], columns, out[rows]), len(points), columns.size
    )
    return to_power(out, power)


@numba.njit(cache=True, nogil=True)
def _all_squares(points: Array, columns: Array, out: Array) -> None:
    n, d = points.shape
    k = columns.shape[1]
    for i in range(n):
        found = out[i]
        found[:] = 0.0
        for t in range(d):
            x = points[i, t]
            column = columns[t]
            for j in range(k):
                difference = x - column[j]
                found[j] += difference * difference


def to_power(squares: Array, power: float) -> NDArray[np.float64]:
    """From squared distances to distances to the power of z.

    Parameters
    ----------
    squares : ndarray of float64
    power : float
        z.

    Returns
    -------
    ndarray of float64, of the same shape
        `squares` itself for z = 2.
    """
    if power == 2:
        return squares
    if power == 1:
        return np.sqrt(squares)
    return squares ** (power / 2)
