"""Centres made better in turns: points go to the nearest centre, centres amid their points.

Lloyd's algorithm for z = 2; for other z a centre has no closed form, and goes there in Weiszfeld's
steps: to the mean of its points with weights w |x - c|^(z-2), which is never worse for z <= 2
[1]_. Where a centre lies on a point that weight is infinite, and the plain iteration stays for
good; as in [2]_ the step is that of the other points, shortened by what the point pulls back.

References
----------
.. [1] E. Weiszfeld (1937), "Sur le point pour lequel la somme des distances de n points donnés
   est minimum", Tohoku Mathematical Journal 43.
.. [2] Y. Vardi, C.-H. Zhang (2000), "The multivariate L1-median and associated data depth", PNAS
   97(4), equations 2.4-2.6.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.coresets.checks import as_centres, as_points, as_power, as_weights, check_total
from equipoise.coresets.distances import nearest, to_power

Array = NDArray[Any]
Floats = NDArray[np.float64]

# Steps of all centres for each time that points are assigned, which costs as much as k/2 steps.
_STEPS = 10
# Nearer than this, in units of a cluster's typical distance, a centre lies on a point.
_ON_A_POINT = 1e-9


def refine(
    points: ArrayLike,
    weights: ArrayLike | None,
    centres: ArrayLike,
    power: float = 2.0,
    *,
    max_iter: int = 100,
    tol: float = 1e-5,
) -> tuple[Floats, NDArray[np.int32], float]:
    """Move centres to where weighted points cost less, until no more is gained.

    Parameters
    ----------
    points : array-like of float, shape (n, d)
    weights : array-like of float, shape (n,), optional
        By default 1. A weight of 3 is three copies of a point.
    centres : array-like of float, shape (k, d)
        Where they begin.
    power : float
        z, at least 1: 1 for k-median, 2 for k-means.
    max_iter : int
        Times that points are assigned anew, at most. With 0 centres stay where they are.
    tol : float
        It ends when the cost falls by no more than this share of itself.

    Returns
    -------
    centres : ndarray of float64, shape (k, d)
    labels : ndarray of int32, shape (n,)
        The nearest of these centres.
    cost : float
        ``sum_i w_i |x_i - c|^z`` at the nearest centre: no more than where they began. A centre
        that has no points goes to the point that costs most.

    Raises
    ------
    ValueError
        If shapes differ, something is not finite, all weights are 0, `power` is less than 1,
        `max_iter` or `tol` negative, or costs are too large for floating point.
    """
    X = as_points(points)
    w = np.ones(len(X)) if weights is None else as_weights(weights, len(X))
    C = as_centres(centres, X.shape[1]).copy()
    if not (w > 0).any():
        raise ValueError("there must be a point of positive weight, or nothing is to be clustered.")
    z = as_power(power)
    if max_iter < 0 or not tol >= 0:
        raise ValueError(
            f"max_iter and tol must not be negative, not max_iter={max_iter!r} and tol={tol!r}."
        )
    return lloyd(X, w, C, z, max_iter, tol)[:3]


def lloyd(
    X: Floats, w: Floats, C: Floats, power: float, max_iter: int, tol: float
) -> tuple[Floats, NDArray[np.int32], float, int]:
    """What :func:`refine` does, without its checks, and after how many rounds it ended.

    Parameters
    ----------
    X, w, C, power, max_iter, tol
        As :func:`refine` has checked them.

    Returns
    -------
    centres, labels, cost
        As :func:`refine` gives them.
    rounds : int
        Times that points were assigned anew.

    Raises
    ------
    ValueError
        If costs are too large for floating point.
    """
    labels, costs = _assigned(X, w, C, power)
    check_total(costs.sum())
    rounds = 0
    while rounds < max_iter:
        rounds += 1
        before = costs.sum()
        _fill_empty(X, w, C, labels, costs)
        C = move_centres(X, w, labels, C, power, tol)
        labels, costs = _assigned(X, w, C, power)
        if not before - costs.sum() > tol * before:
            break
    return C, labels, float(costs.sum()), rounds


def move_centres(
    X: Floats, w: Floats, labels: Array, C: Floats, power: float, tol: float = 0.0
) -> Floats:
    """Move centres to where the points that they have cost less, whoever they were given to.

    Parameters
    ----------
    X : ndarray of float64, shape (n, d)
    w : ndarray of float64, shape (n,)
    labels : ndarray of int, shape (n,)
        The centre that has each point. A point that several share is there once for each.
    C : ndarray of float64, shape (k, d)
        Where centres are; one without points stays.
    power : float
        z.
    tol : float
        Weiszfeld's steps end when they gain no more than this share of the cost.

    Returns
    -------
    ndarray of float64, shape (k, d)
        For z = 2 the means, else ten steps towards where points cost least.
    """
    return _descend(X, w, labels, C, float(power), 1 if power == 2 else _STEPS, tol)


def _assigned(X: Floats, w: Floats, C: Floats, power: float) -> tuple[NDArray[np.int32], Floats]:
    labels, squares = nearest(X, C)
    return labels, w * to_power(squares, power)


def _fill_empty(X: Floats, w: Floats, C: Floats, labels: Array, costs: Floats) -> None:
    # Nobody pays for a centre that leaves, and the point that it goes to pays nothing any more.
    for j in np.flatnonzero(np.bincount(labels, w, len(C)) == 0):
        costliest = int(costs.argmax())
        if costs[costliest] == 0:
            return
        C[j] = X[costliest]
        labels[costliest] = j
        costs[costliest] = 0.0


@numba.njit(cache=True, nogil=True)
def _descend(
    X: Array, w: Array, labels: Array, start: Array, power: float, steps: int, tol: float
) -> Array:
    """Steps of all centres at once, each passing through the points in their order.

    A pass at the centres that are tried says what they cost and where they would go next. A step
    that costs more is halved: rounding, steps from a point, and z > 2 can ask for it.
    """
    k, d = start.shape
    tried, kept = start.copy(), start.copy()
    least = np.full(k, np.inf)
    way = np.zeros((k, d))
    scale = np.zeros(k)
    near = np.zeros(k)
    mass = np.zeros(k)
    for i in range(len(X)):
        mass[labels[i]] += w[i]
    for _ in range(steps):
        cost, pull, far, at = _at(X, w, labels, tried, power, near)
        gained = total = 0.0
        for j in range(k):
            if cost[j] <= least[j]:
                gained += least[j] - cost[j]
                least[j] = cost[j]
                kept[j] = tried[j]
                scale[j] = 1.0 if power <= 2.0 else 1.0 / (power - 1.0)
                if mass[j] > 0:
                    near[j] = _ON_A_POINT * (cost[j] / mass[j]) ** (1.0 / power)
                if far[j] > 0:
                    way[j] = pull[j] / far[j]
                    if power == 1.0 and at[j] > 0:
                        strength = np.sqrt((pull[j] ** 2).sum())
                        way[j] *= max(0.0, 1.0 - at[j] / strength) if strength > 0 else 0.0
                else:
                    way[j] = 0.0
            else:
                scale[j] *= 0.5
            total += least[j]
            tried[j] = kept[j] + scale[j] * way[j]
        if gained <= tol * total and gained < np.inf:
            break
    if steps > 1:
        # The last steps have not been looked at.
        cost = _at(X, w, labels, tried, power, near)[0]
        for j in range(k):
            if cost[j] > least[j]:
                tried[j] = kept[j]
    return tried


@numba.njit(cache=True, nogil=True)
def _at(
    X: Array, w: Array, labels: Array, C: Array, power: float, near: Array
) -> tuple[Array, Array, Array, Array]:
    """Each centre's cost, the sum of f (x - c) and of f = w |x - c|^(z-2), and the weight on it."""
    k, d = C.shape
    cost, far, at = np.zeros(k), np.zeros(k), np.zeros(k)
    pull = np.zeros((k, d))
    for i in range(len(X)):
        j = labels[i]
        c = C[j]
        square = 0.0
        for t in range(d):
            difference = X[i, t] - c[t]
            square += difference * difference
        if power == 2.0:
            cost[j] += w[i] * square
            factor = w[i]
        else:
            r = np.sqrt(square)
            if power == 1.0:
                cost[j] += w[i] * r
            else:
                cost[j] += w[i] * r**power
            if r <= near[j]:
                at[j] += w[i]
                continue
            factor = w[i] / r if power == 1.0 else w[i] * r ** (power - 2.0)
        far[j] += factor
        for t in range(d):
            pull[j, t] += factor * (X[i, t] - c[t])
    return cost, pull, far, at
