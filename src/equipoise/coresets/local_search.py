"""Centres among the points, exchanged one for one while that costs less.

The solver with a constant factor that coresets are built upon: where no exchange of one centre
is worth it, the cost is at most 5 times the least for k-median [1]_. What all k exchanges of a
point cost is found in one pass, from each point's nearest and second nearest centre.

References
----------
.. [1] V. Arya, N. Garg, R. Khandekar, A. Meyerson, K. Munagala, V. Pandit. Local search heuristics
   for k-median and facility location problems. STOC 2001.
.. [2] S. Lattanzi, C. Sohler. A better k-means++ algorithm via local search. ICML 2019.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from equipoise.coresets.distances import to_power

Array = NDArray[Any]
Integers = NDArray[np.int64]


def search_drawn(
    points: Array,
    weights: Array,
    rows: Array,
    power: float,
    n_draws: int,
    random: np.random.Generator,
) -> Integers:
    """Exchange centres for rows that are drawn in proportion to what they cost [2]_.

    Parameters
    ----------
    points : ndarray of float64, shape (n, d)
    weights : ndarray of float64, shape (n,)
        Not negative.
    rows : ndarray of int, shape (k,)
        The centres to begin with, such as those of D^z seeding: then O(k log log k) draws give a
        constant factor in expectation.
    power : float
        z.
    n_draws : int
        Rows that are tried, each in place of each centre.
    random : numpy.random.Generator

    Returns
    -------
    ndarray of int64, shape (k,)
        Centres that cost no more.
    """
    kept = np.array(rows, np.int64)
    near = _two_nearest(points, points[kept])
    for draw in random.random(n_draws):
        costs = weights * to_power(near[1], power)
        sums = np.cumsum(costs)
        if not sums[-1] > 0:
            break
        row = min(np.searchsorted(sums, draw * sums[-1], side="right"), len(points) - 1)
        exchanged = _costs_of_exchanges(points, weights, *near, row, len(kept), power)
        j = int(exchanged.argmin())
        if exchanged[j] < sums[-1]:
            kept[j] = row
            near = _two_nearest(points, points[kept])
    return kept


def search_in_order(
    points: Array, weights: Array, rows: Array, power: float, n_exchanges: int
) -> Integers:
    """Make the first exchange that costs less, going through all rows from the first one on.

    Parameters
    ----------
    points, weights, rows, power
        As in :func:`search_drawn`.
    n_exchanges : int
        It ends after so many.

    Returns
    -------
    ndarray of int64, shape (k,)
        Centres that cost no more.
    """
    kept = np.array(rows, np.int64)
    for _ in range(n_exchanges):
        near = _two_nearest(points, points[kept])
        cost = float((weights * to_power(near[1], power)).sum())
        row, j = _first_better(points, weights, *near, np.sort(kept), kept, power, cost)
        if row < 0:
            break
        kept[j] = row
    return kept


@numba.njit(cache=True, nogil=True)
def _two_nearest(points: Array, centres: Array) -> tuple[Array, Array, Array]:
    """The nearest centre, the squared distance to it, and that to the second nearest."""
    n, d = points.shape
    labels = np.zeros(n, np.int64)
    first, second = np.full(n, np.inf), np.full(n, np.inf)
    for i in range(n):
        for j in range(len(centres)):
            square = 0.0
            for t in range(d):
                difference = points[i, t] - centres[j, t]
                square += difference * difference
            if square < first[i]:
                second[i] = first[i]
                first[i] = square
                labels[i] = j
            elif square < second[i]:
                second[i] = square
    return labels, first, second


@numba.njit(cache=True, nogil=True)
def _costs_of_exchanges(
    points: Array,
    weights: Array,
    labels: Array,
    first: Array,
    second: Array,
    row: int,
    k: int,
    power: float,
) -> Array:
    """What all points cost with a row in place of the j-th centre, for each j."""
    n, d = points.shape
    half = power / 2.0
    together = 0.0
    without = np.zeros(k)
    for i in range(n):
        square = 0.0
        for t in range(d):
            difference = points[i, t] - points[row, t]
            square += difference * difference
        with_all = min(square, first[i])
        with_rest = min(square, second[i])
        if power == 1.0:
            with_all = np.sqrt(with_all)
            with_rest = np.sqrt(with_rest)
        elif power != 2.0:
            with_all = with_all**half
            with_rest = with_rest**half
        together += weights[i] * with_all
        without[labels[i]] += weights[i] * (with_rest - with_all)
    return together + without


@numba.njit(cache=True, nogil=True)
def _first_better(
    points: Array,
    weights: Array,
    labels: Array,
    first: Array,
    second: Array,
    ascending: Array,
    kept: Array,
    power: float,
    cost: float,
) -> tuple[int, int]:
    for row in range(len(points)):
        if (kept == row).any():
            continue
        exchanged = _costs_of_exchanges(
            points, weights, labels, first, second, row, len(kept), power
        )
        for centre in ascending:
            for j in range(len(kept)):
                # Rounding is no gain: it could go round in a circle.
                if kept[j] == centre and exchanged[j] < cost * (1.0 - 1e-12):
                    return row, j
    return -1, -1
