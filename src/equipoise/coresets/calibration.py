"""Weights of a sample that give what is known of all points."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# How much of a mean's misfit is left for the sake of even weights: this, times the square of means
# to be matched per point drawn, which is little where points are many, and much where a few
# points could only match the means by chance. Measured on mixtures with outliers and on tables of
# people; errors change little within a factor of three. That of the costs matters most.
_RIDGE = 0.1
_COST_RIDGE = 0.03
# Of a tilt's exponent: points that do not suit the means are not left without weight.
_LONGEST = 10.0
_STEPS = 50
# What a further step would gain, where the objective is of the order of 1.
_CLOSE = 1e-13


def calibrated(
    points: Array,
    weights: Array,
    costs: Array,
    strata: Array,
    references: Array,
    drawn: Array,
    first: Array,
) -> NDArray[np.float64]:
    """Weights near given ones with the mass of each stratum, and nearly its means.

    Matched are the means of the features and of the costs. If all points of a stratum are nearest
    to the same centre, these and the mass give their cost there exactly for z = 2, wherever the
    centre is.

    Parameters
    ----------
    points : ndarray of float64, shape (n, d)
    weights : ndarray of float64, shape (n,)
        Positive.
    costs : ndarray of float64, shape (n,)
        At the nearest seed.
    strata : ndarray of int64, shape (n,)
        From 0 on; -1 for points that are not represented by others.
    references : ndarray of float64, shape (strata, d)
        A point in the midst of each stratum, from which features are measured.
    drawn : ndarray of int64, shape (m,)
        Points that represent the strata, at least one of each.
    first : ndarray of float64, shape (m,)
        Weights to be changed as little as can be; positive.

    Returns
    -------
    ndarray of float64, shape (m,)
        Positive; those of a stratum sum to its mass.
    """
    moments = _moments(points, weights, costs, strata, references)
    return _calibrated(points, costs, strata, references, drawn, first, *moments)


@numba.njit(cache=True, nogil=True)
def _moments(
    points: Array, weights: Array, costs: Array, strata: Array, references: Array
) -> tuple[Array, Array, Array]:
    """Masses, and means and mean squares of features and costs, of each stratum."""
    n_strata, d = references.shape
    mass = np.zeros(n_strata)
    means = np.zeros((n_strata, d + 1))
    squares = np.zeros((n_strata, d + 1))
    for i in range(len(points)):
        s = strata[i]
        if s < 0:
            continue
        w = weights[i]
        mass[s] += w
        for t in range(d):
            x = points[i, t] - references[s, t]
            means[s, t] += w * x
            squares[s, t] += w * x * x
        means[s, d] += w * costs[i]
        squares[s, d] += w * costs[i] * costs[i]
    for s in range(n_strata):
        means[s] /= mass[s]
        squares[s] /= mass[s]
    return mass, means, squares


@numba.njit(cache=True, nogil=True)
def _calibrated(
    points: Array,
    costs: Array,
    strata: Array,
    references: Array,
    drawn: Array,
    first: Array,
    mass: Array,
    means: Array,
    squares: Array,
) -> Array:
    n_strata, d = references.shape
    starts = np.zeros(n_strata + 1, np.int64)
    for i in drawn:
        starts[strata[i] + 1] += 1
    starts = np.cumsum(starts)
    members = np.argsort(strata[drawn], kind="mergesort")
    out = np.empty(len(drawn))
    for s in range(n_strata):
        inside = members[starts[s] : starts[s + 1]]
        m = len(inside)
        features = np.zeros((m, d + 1))
        for t in range(d + 1):
            variance = squares[s, t] - means[s, t] ** 2
            if not variance > 1e-12 * squares[s, t]:  # constant up to rounding
                continue
            scale = 1 / np.sqrt(variance)
            for a in range(m):
                i = drawn[inside[a]]
                x = costs[i] if t == d else points[i, t] - references[s, t]
                features[a, t] = (x - means[s, t]) * scale
        ridge = np.full(d + 1, _RIDGE)
        ridge[d] = _COST_RIDGE
        shares = _tilted(features, first[inside], ridge * ((d + 1) / m) ** 2)
        for a in range(m):
            out[inside[a]] = shares[a] * mass[s]
    return out


@numba.njit(cache=True, nogil=True)
def _tilted(features: Array, first: Array, ridge: Array) -> Array:
    """Shares proportional to first * exp(features . slope), which sum to 1.

    The slope minimises log sum(first * exp(features . slope)) + sum(ridge * slope^2) / 2, by
    Newton's method: without the ridge, the shares' mean of the features would be zero there. It is
    shortened where it would take nearly all weight from a point.
    """
    if len(features) < len(ridge):
        # With fewer points than features the slope is a combination of the points: the same
        # problem, in as many dimensions as there are points.
        scaled = features / np.sqrt(ridge)
        basis = np.linalg.qr(np.ascontiguousarray(scaled.T))[0]
        features = scaled @ np.ascontiguousarray(basis)
        ridge = np.ones(len(features))
    d = features.shape[1]
    slope = np.zeros(d)
    log_first = np.log(first)
    shares, value = _shares(log_first)
    for _ in range(_STEPS):
        mean = features.T @ shares
        gradient = mean + ridge * slope
        curved = (features * shares.reshape(-1, 1)).T @ features - np.outer(mean, mean)
        for t in range(d):
            curved[t, t] += ridge[t]
        step = np.linalg.solve(curved, gradient)
        descent = gradient @ step
        if not descent > _CLOSE:
            break
        length = 1.0
        while True:
            trial = slope - length * step
            next_shares, next_value = _shares(log_first + features @ trial)
            next_value += 0.5 * (trial @ (ridge * trial))
            if next_value <= value - 0.25 * length * descent or length < 1e-6:
                break
            length /= 2
        if not next_value < value:
            break
        slope, shares, value = trial, next_shares, next_value
    farthest = np.abs(features @ slope).max()
    if farthest > _LONGEST:
        shares, _ = _shares(log_first + features @ (slope * (_LONGEST / farthest)))
    return shares


@numba.njit(cache=True, nogil=True)
def _shares(logs: Array) -> tuple[Array, float]:
    high = logs.max()
    shares = np.exp(logs - high)
    total = shares.sum()
    return shares / total, high + np.log(total)
