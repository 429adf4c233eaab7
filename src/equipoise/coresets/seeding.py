"""Rows that start a clustering: drawn in proportion to what they cost at the rows drawn before."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from equipoise.coresets.distances import nearer, nearest, to_power

Array = NDArray[Any]

# Up to so many distances one centre after the other is at least as fast as rounds.
_SMALL = 200_000
_ROUNDS = 4
# Points of a sample, at least; if there are four times as many it is taken first.
_SAMPLE = 10_000
_SAMPLE_PER_SEED = 50


class Seeds(NamedTuple):
    """Rows that were drawn as centres, and where the others are seen from them."""

    rows: NDArray[np.int64]
    """Row numbers of the seeds, shape (k,): fewer than asked where fewer points are distinct."""
    labels: NDArray[np.int32]
    """The nearest seed of each point, shape (n,)."""
    squares: NDArray[np.float64]
    """Squared distance to it, shape (n,)."""


def draw_seeds(
    points: Array, weights: Array, n_seeds: int, power: float, random: np.random.Generator
) -> Seeds:
    """Rows in proportion to weight times distance^z from the rows drawn before.

    Few points: k-means++ [1]_, with as many trials a seed as scikit-learn makes. More points:
    k-means|| [2]_, four rounds over all points that each draw as many candidates as seeds are
    wanted; k-means++ keeps as many of them as are wanted, each weighing as much as the points
    that are nearest to it. Still more points: the first candidates are the seeds of a sample, and
    one round over all points adds half as many. That round is what finds a small cluster far
    away, which a sample misses, and costs least.

    Parameters
    ----------
    points : ndarray of float64, shape (n, d)
        At least one.
    weights : ndarray of float64, shape (n,)
        Positive.
    n_seeds : int
        k, at least 1.
    power : float
        z: for z = 1 points are drawn in proportion to distances, not their squares.
    random : numpy.random.Generator

    Returns
    -------
    Seeds
        Distinct points.

    Raises
    ------
    ValueError
        If squared distances are too large for floating point.

    Notes
    -----
    A round of k-means|| draws each point by itself, and so a random number of points. Here it
    draws systematically, with one random offset: the same probabilities, and a known number.

    References
    ----------
    .. [1] D. Arthur, S. Vassilvitskii. k-means++: the advantages of careful seeding. SODA 2007.
    .. [2] B. Bahmani, B. Moseley, A. Vattani, R. Kumar, S. Vassilvitskii. Scalable k-means++.
       VLDB 2012, Algorithm 2.
    """
    n = len(points)
    if n * n_seeds <= _SMALL or n <= 2 * _ROUNDS * n_seeds:
        rows = _one_by_one(points, weights, n_seeds, power, random)
        return Seeds(rows, *nearest(points, points[rows]))
    sample_size = max(_SAMPLE, _SAMPLE_PER_SEED * n_seeds)
    if n >= 4 * sample_size:
        sample = systematic(weights, sample_size, random)
        # Points that weigh more than a step are drawn once: they keep what they weigh.
        weighs = np.maximum(weights[sample], weights.sum() / sample_size)
        rows = sample[draw_seeds(points[sample], weighs, n_seeds, power, random).rows]
        rounds, draws = 1, -(-n_seeds // 2)
    else:
        rows = _draw(np.cumsum(weights), random.random(1))
        rounds, draws = _ROUNDS, n_seeds
    labels, squares = nearest(points, points[rows])
    for _ in range(rounds):
        new = systematic(_masses(weights, squares, power), draws, random)
        if not len(new):  # every point is a seed
            break
        nearer(points, points[new], len(rows), labels, squares)
        rows = np.concatenate([rows, new])
    return _fewer(points, weights, n_seeds, power, random, Seeds(rows, labels, squares))


def _fewer(
    points: Array,
    weights: Array,
    n_seeds: int,
    power: float,
    random: np.random.Generator,
    candidates: Seeds,
) -> Seeds:
    """Candidates that k-means++ keeps, each weighing as much as the points nearest to it."""
    masses = np.bincount(candidates.labels, weights, len(candidates.rows))
    # A candidate that another one is equal to has no points of its own.
    own = np.flatnonzero(masses > 0)
    rows = candidates.rows[own]
    if len(own) > n_seeds:
        kept = np.sort(_one_by_one(points[rows], masses[own], n_seeds, power, random))
        own, rows = own[kept], rows[kept]
    number = np.full(len(candidates.rows), -1, np.int32)
    number[own] = np.arange(len(own))
    labels, squares = number[candidates.labels], candidates.squares
    # The nearest candidate, if it is kept, is the nearest of those that are kept.
    orphans = np.flatnonzero(labels < 0)
    labels[orphans], squares[orphans] = nearest(points[orphans], points[rows])
    return Seeds(rows, labels, squares)


def systematic(masses: Array, n_draws: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Places that have equal steps along the masses, from a random offset on.

    Parameters
    ----------
    masses : ndarray of float64, shape (n,)
        Not negative.
    n_draws : int
        m.
    random : numpy.random.Generator

    Returns
    -------
    ndarray of int64, shape (at most m,)
        Distinct, ascending: place i with probability min(1, m masses_i / sum). None if all masses
        are zero.
    """
    sums = np.cumsum(masses)
    if not sums[-1] > 0:
        return np.empty(0, np.int64)
    return np.unique(_draw(sums, (np.arange(n_draws) + random.random()) / n_draws))


def _draw(sums: Array, at: Array) -> NDArray[np.int64]:
    """Places in cumulative sums, never one of mass zero."""
    last = np.searchsorted(sums, sums[-1])
    return np.minimum(np.searchsorted(sums, at * sums[-1], side="right"), last)


def _masses(weights: Array, squares: Array, power: float) -> NDArray[np.float64]:
    masses = weights * to_power(squares, power)
    if not np.isfinite(masses.sum()):
        raise ValueError(
            "points are so far apart that their distances to the power of z are no numbers any "
            "more; divide the features by what is typical of them."
        )
    return masses


def _one_by_one(
    points: Array, weights: Array, n_seeds: int, power: float, random: np.random.Generator
) -> NDArray[np.int64]:
    trials = 2 + int(math.log(n_seeds))
    first = _draw(np.cumsum(weights), random.random(1))[0]
    draws = random.random((n_seeds - 1, trials))
    rows, finite = _greedy(points, weights, first, draws, power)
    if not finite:
        _masses(weights, np.full(len(points), np.inf), power)
    return rows


@numba.njit(cache=True, nogil=True)
def _greedy(
    points: Array, weights: Array, first: int, draws: Array, power: float
) -> tuple[Array, bool]:
    """Of the rows tried for each seed, keep the one after which all cost least."""
    n = len(points)
    n_more, trials = draws.shape
    rows = np.empty(n_more + 1, np.int64)
    rows[0] = first
    costs = np.full(n, np.inf)
    tried = np.empty(n)
    best = np.empty(n)
    sums = np.empty(n)
    total = _costs_with(points, weights, first, costs, power, costs)
    for s in range(n_more):
        if not np.isfinite(total):
            return rows[: s + 1], False
        if total == 0.0:
            return rows[: s + 1], True
        running = 0.0
        last = 0
        for i in range(n):
            running += weights[i] * costs[i]
            sums[i] = running
            if costs[i] * weights[i] > 0.0:
                last = i
        least = np.inf
        for t in range(trials):
            row = min(np.searchsorted(sums, draws[s, t] * running, side="right"), last)
            cost = _costs_with(points, weights, row, costs, power, tried)
            if cost < least:
                least = cost
                rows[s + 1] = row
                best, tried = tried, best
        costs, best = best, costs
        total = least
    return rows, np.isfinite(total)


@numba.njit(cache=True, nogil=True)
def _costs_with(
    points: Array, weights: Array, row: int, costs: Array, power: float, out: Array
) -> float:
    """Write what points cost once a row is a centre too; return the sum."""
    n, d = points.shape
    total = 0.0
    for i in range(n):
        square = 0.0
        for t in range(d):
            difference = points[i, t] - points[row, t]
            square += difference * difference
        if power == 2.0:
            cost = square
        elif power == 1.0:
            cost = math.sqrt(square)
        else:
            cost = square ** (power / 2)
        out[i] = min(costs[i], cost)
        total += weights[i] * out[i]
    return total
