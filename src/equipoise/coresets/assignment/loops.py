"""Compiled loops over points that choose between centres by cost and price."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@numba.njit(cache=True, nogil=True)
def least(costs: Array, weights: Array, codes: Array, prices: Array) -> tuple[Array, float, float]:
    """Let every point take what is cheapest for it.

    Parameters
    ----------
    costs : ndarray of float64, shape (n, k)
    weights : ndarray of float64, shape (n,)
    codes : ndarray of int64, shape (n,)
        The collection of each point.
    prices : ndarray of float64, shape (collections, k)
        What a centre costs more.

    Returns
    -------
    labels : ndarray of int64, shape (n,)
        Of equal centres the first.
    total : float
        Of costs and prices, times weights, summed with Neumaier's correction: it is right to a
        few roundings of single terms.
    size : float
        The same sum of absolute costs and prices, from which roundings can be bounded.
    """
    n, k = costs.shape
    labels = np.empty(n, np.int64)
    total, lost, size = 0.0, 0.0, 0.0
    for x in range(n):
        g = codes[x]
        best, at = np.inf, 0
        for j in range(k):
            z = costs[x, j] + prices[g, j]
            if z < best:
                best, at = z, j
        labels[x] = at
        term = weights[x] * best
        size += weights[x] * (abs(costs[x, at]) + abs(prices[g, at]))
        before = total
        total = before + term
        if abs(before) >= abs(term):
            lost += (before - total) + term
        else:
            lost += (term - total) + before
    return labels, total + lost, size


@numba.njit(cache=True, nogil=True)
def soft_least(
    costs: Array, weights: Array, codes: Array, prices: Array, temperature: float, reach: float
) -> tuple[float, Array, Array, int]:
    """Let every point divide itself over centres by Gibbs' law.

    Parameters
    ----------
    costs : ndarray of float64, shape (n, k)
    weights : ndarray of float64, shape (n,)
    codes : ndarray of int64, shape (n,)
    prices : ndarray of float64, shape (collections, k)
    temperature : float
        T, positive.
    reach : float
        In units of T.

    Returns
    -------
    value : float
        Sum of ``-T log sum_j exp(-(costs + prices) / T)`` times weights.
    masses : ndarray, shape (collections, k)
        Its gradient in the prices: what each centre has of each collection.
    curvature : ndarray, shape (collections, k, k)
        Minus its second derivative.
    undecided : int
        Points for which a second centre is less than `reach` dearer than the best.
    """
    n, k = costs.shape
    n_cells = prices.shape[0]
    masses = np.zeros((n_cells, k))
    curvature = np.zeros((n_cells, k, k))
    share = np.empty(k)
    near = np.empty(k, np.int64)
    value = 0.0
    undecided = 0
    far = 36.0 * temperature  # what has less of a point than a rounding of it
    for x in range(n):
        w = weights[x]
        if w == 0.0:
            continue
        g = codes[x]
        best = np.inf
        for j in range(k):
            share[j] = costs[x, j] + prices[g, j]
            best = min(best, share[j])
        total = 0.0
        found = 0
        within = 0
        for j in range(k):
            above = share[j] - best
            if above < far:
                within += above < reach * temperature
                share[found] = np.exp(-above / temperature)
                total += share[found]
                near[found] = j
                found += 1
        undecided += within > 1
        value += w * (best - temperature * np.log(total))
        for a in range(found):
            share[a] /= total
            masses[g, near[a]] += w * share[a]
        if found > 1:
            steep = w / temperature
            for a in range(found):
                p = steep * share[a]
                curvature[g, near[a], near[a]] += p
                for b in range(found):
                    curvature[g, near[a], near[b]] -= p * share[b]
    return value, masses, curvature, undecided


@numba.njit(cache=True, nogil=True)
def near_best(
    costs: Array, codes: Array, prices: Array, base: Array, slack: Array
) -> tuple[Array, Array]:
    """List who could as well go elsewhere.

    Parameters
    ----------
    costs : ndarray of float64, shape (n, k)
    codes : ndarray of int64, shape (n,)
    prices : ndarray of float64, shape (collections, k)
    base : ndarray of int64, shape (n,)
        Where each point is.
    slack : ndarray of float64, shape (collections,)

    Returns
    -------
    points, centres : ndarray of int64, shape (edges,)
        Other centres that are at most `slack` dearer than the best one, sorted.
    """
    n, k = costs.shape
    counted = 0
    points = np.empty(0, np.int64)
    centres = np.empty(0, np.int64)
    for writing in range(2):
        counted = 0
        for x in range(n):
            g = codes[x]
            best = np.inf
            for j in range(k):
                best = min(best, costs[x, j] + prices[g, j])
            for j in range(k):
                if j != base[x] and costs[x, j] + prices[g, j] <= best + slack[g]:
                    if writing:
                        points[counted] = x
                        centres[counted] = j
                    counted += 1
        if not writing:
            points = np.empty(counted, np.int64)
            centres = np.empty(counted, np.int64)
    return points, centres


@numba.njit(cache=True, nogil=True)
def margins(costs: Array, codes: Array, prices: Array) -> Array:
    """How much dearer the second best centre of each point is than the best.

    Parameters
    ----------
    costs : ndarray of float64, shape (n, k)
    codes : ndarray of int64, shape (n,)
    prices : ndarray of float64, shape (collections, k)

    Returns
    -------
    ndarray, shape (n,)
        Infinite where there is one centre.
    """
    n, k = costs.shape
    out = np.empty(n)
    for x in range(n):
        g = codes[x]
        best, second = np.inf, np.inf
        for j in range(k):
            z = costs[x, j] + prices[g, j]
            if z < best:
                best, second = z, best
            elif z < second:
                second = z
        out[x] = second - best
    return out
