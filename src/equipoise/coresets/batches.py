"""Points on a line, cut where their errors add up, and the one or two points that replace a batch.

The one-dimensional construction of [1]_, Section 4: from left to right a batch takes points in
while its error is no more than a threshold. Clusters of points on a line are intervals, so all
but a few batches are in one cluster as a whole, and those few are off by no more than the
threshold.

For k-median a batch becomes its mean. For k-means it becomes two points with the same weight,
mean and variance, so that whatever centre the whole batch goes to costs exactly as much. That
leaves one freedom; here the third moment is kept as well. So the two points are the nodes of
Gauss' quadrature for the batch, which lie inside its hull whatever the batch is.

References
----------
.. [1] L. Huang, S. H.-C. Jiang, N. K. Vishnoi. Coresets for clustering with fairness constraints.
   NeurIPS 2019.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def cut(
    positions: Array,
    weights: Array,
    lines: Array,
    thresholds: Array,
    power: float,
    past: bool = False,
) -> NDArray[np.int64]:
    """Where batches begin, each with as many points as its error allows.

    The error of a batch B is delta(B) = sum w |x - mean(B)| for z = 1, with its square for z = 2.

    Parameters
    ----------
    positions : ndarray of float64, shape (n,)
        Ascending within each line.
    weights : ndarray of float64, shape (n,)
        Positive.
    lines : ndarray of int64, shape (l,)
        Where the points of each line begin: the first is 0.
    thresholds : ndarray of float64, shape (l,)
        What the error of a batch on each line may be. With 0 only equal points share one.
    power : float
        z, 1 or 2.
    past : bool
        Whether a batch ends with the first point that takes it past the threshold, instead of
        before it.

    Returns
    -------
    ndarray of int64, shape (b,)
        The first point of each batch.
    """
    n = len(positions)
    starts = np.empty(n, np.int64)
    b = 0
    for line in range(len(lines)):
        end = lines[line + 1] if line + 1 < len(lines) else n
        i = lines[line]
        while i < end:
            starts[b] = i
            b += 1
            first = positions[i]
            mass = moment = error = 0.0
            # Points before `middle` lie below the mean, which only rises: each is passed once.
            middle = i
            below = below_moment = 0.0
            while i < end:
                x = positions[i] - first
                w = weights[i]
                if power == 2.0:
                    away = x - (moment / mass if mass > 0 else 0.0)
                    error += w * mass / (mass + w) * away * away
                mass += w
                moment += w * x
                if power == 1.0:
                    mean = moment / mass
                    while middle < i and positions[middle] - first < mean:
                        below += weights[middle]
                        below_moment += weights[middle] * (positions[middle] - first)
                        middle += 1
                    # As much lies below the mean as above it.
                    error = 2.0 * (mean * below - below_moment)
                if error > thresholds[line] and i > starts[b - 1]:
                    if past:
                        i += 1
                    break
                i += 1
    return starts[:b].copy()


@numba.njit(cache=True, nogil=True)
def means(positions: Array, weights: Array, starts: Array) -> tuple[Floats, Floats]:
    """The mean and the weight of each batch.

    Parameters
    ----------
    positions, weights : ndarray of float64, shape (n,)
        As :func:`cut` takes them.
    starts : ndarray of int64, shape (b,)
        The first point of each batch.

    Returns
    -------
    means, masses : ndarray of float64, shape (b,)
    """
    b = len(starts)
    centres, masses = np.empty(b), np.empty(b)
    for batch in range(b):
        end = starts[batch + 1] if batch + 1 < b else len(positions)
        first = positions[starts[batch]]
        mass = moment = 0.0
        for i in range(starts[batch], end):
            mass += weights[i]
            moment += weights[i] * (positions[i] - first)
        centres[batch] = first + moment / mass
        masses[batch] = mass
    return centres, masses


@numba.njit(cache=True, nogil=True)
def pairs(positions: Array, weights: Array, starts: Array) -> tuple[Floats, Floats, Floats]:
    """Two weighted points for each batch, with its weight, mean, variance and third moment.

    Parameters
    ----------
    positions, weights : ndarray of float64, shape (n,)
        As :func:`cut` takes them.
    starts : ndarray of int64, shape (b,)
        The first point of each batch.

    Returns
    -------
    positions : ndarray of float64, shape (b, 2)
        No less than the first point of the batch and no more than the last.
    weights : ndarray of float64, shape (b, 2)
        The second is 0 for a batch of equal points, which one point replaces.
    movement : ndarray of float64, shape (b,)
        Least sum of w |x - s(x)|^2 where points are moved onto the two, in parts if need be.
    """
    b = len(starts)
    nodes, masses, moved = np.empty((b, 2)), np.zeros((b, 2)), np.zeros(b)
    for batch in range(b):
        start = starts[batch]
        end = starts[batch + 1] if batch + 1 < b else len(positions)
        first = positions[start]
        width = positions[end - 1] - first
        mass = 0.0
        for i in range(start, end):
            mass += weights[i]
        if width == 0.0:
            nodes[batch] = first
            masses[batch, 0] = mass
            continue
        # In units of the hull: powers of what is large or small stay numbers.
        mean = 0.0
        for i in range(start, end):
            mean += weights[i] / mass * ((positions[i] - first) / width)
        variance = third = 0.0
        for i in range(start, end):
            away = (positions[i] - first) / width - mean
            variance += weights[i] / mass * away * away
            third += weights[i] / mass * away * away * away
        if variance == 0.0 or mean >= 1.0 or mean <= 0.0:
            # The rest of the points weigh too little for the mean to show it.
            nodes[batch] = first + width * mean
            masses[batch, 0] = mass
        else:
            deviation = np.sqrt(variance)
            skewness = third / (variance * deviation)
            # Nodes at -t and 1/t deviations with weights 1 and t^2: mean 0 and variance 1, and
            # third moment 1/t - t. The root of t^2 + skewness t - 1 without cancellation.
            root = np.sqrt(skewness * skewness + 4.0)
            t = 2.0 / (skewness + root) if skewness > 0 else (root - skewness) / 2.0
            t = min(max(t, deviation / (1.0 - mean)), mean / deviation)
            share = 1.0 / (1.0 + t * t)
            nodes[batch, 0] = max(first + width * (mean - deviation * t), first)
            nodes[batch, 1] = min(first + width * (mean + deviation / t), positions[end - 1])
            masses[batch, 0] = mass * share
            masses[batch, 1] = mass * (t * t * share)
        # Of what is on a line nothing overtakes: the first points go to the first node.
        left = masses[batch, 0] if masses[batch, 1] > 0 else np.inf
        for i in range(start, end):
            taken = min(weights[i], left)
            left -= taken
            moved[batch] += taken * (positions[i] - nodes[batch, 0]) ** 2
            moved[batch] += (weights[i] - taken) * (positions[i] - nodes[batch, 1]) ** 2
    return nodes, masses, moved
