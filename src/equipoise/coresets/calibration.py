"""Weights of a sample that give what is known of all points."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# How much of a feature's misfit is left for the sake of even weights, for a stratum with as many
# points as features; see `calibrated`.
_RIDGE = 0.1
_STEPS = 50


def calibrated(
    points: Array,
    weights: Array,
    costs: Array,
    strata: Array,
    references: Array,
    drawn: Array,
    first: Array,
) -> NDArray[np.float64]:
    """Weights near given ones with the mass, and nearly the means, of each stratum.

    What is matched are the means of the features and of the costs.

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
    return _calibrated(points, weights, costs, strata, references, drawn, first, _RIDGE)


@numba.njit(cache=True, nogil=True)
def _calibrated(
    points: Array,
    weights: Array,
    costs: Array,
    strata: Array,
    references: Array,
    drawn: Array,
    first: Array,
    ridge: float,
) -> Array:
    n_strata, d = references.shape
    mass = np.zeros(n_strata)
    means = np.zeros((n_strata, d + 1))
    spreads = np.zeros((n_strata, d + 1))
    for i in range(len(points)):
        s = strata[i]
        if s < 0:
            continue
        w = weights[i]
        mass[s] += w
        for t in range(d):
            x = points[i, t] - references[s, t]
            means[s, t] += w * x
            spreads[s, t] += w * x * x
        means[s, d] += w * costs[i]
        spreads[s, d] += w * costs[i] * costs[i]
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
            mean = means[s, t] / mass[s]
            square = spreads[s, t] / mass[s]
            variance = square - mean * mean
            if not variance > 1e-12 * square:  # constant up to rounding
                continue
            scale = 1 / np.sqrt(variance)
            for a in range(m):
                i = drawn[inside[a]]
                x = costs[i] if t == d else points[i, t] - references[s, t]
                features[a, t] = (x - mean) * scale
        tilted = _tilted(features, first[inside], ridge * (d + 1) / m)
        for a in range(m):
            out[inside[a]] = tilted[a] * mass[s]
    return out


@numba.njit(cache=True, nogil=True)
def _tilted(features: Array, first: Array, ridge: float) -> Array:
    """Shares proportional to first * exp(features . slope), features nearly zero on average.

    The slope minimises log sum(first * exp(features . slope)) + ridge / 2 |slope|^2.
    """
    m, d = features.shape
    slope = np.zeros(d)
    log_first = np.log(first)
    shares, value = _shares(log_first)
    for _ in range(_STEPS):
        gradient = features.T @ shares
        curved = (features * shares.reshape(m, 1)).T @ features - np.outer(gradient, gradient)
        for t in range(d):
            curved[t, t] += ridge
        gradient += ridge * slope
        step = np.linalg.solve(curved, gradient)
        descent = gradient @ step
        if descent <= 1e-16:
            break
        length = 1.0
        while True:
            trial = slope - length * step
            next_shares, log_sum = _shares(log_first + features @ trial)
            next_value = log_sum + ridge / 2 * (trial @ trial)
            if next_value <= value - 0.25 * length * descent or length < 1e-6:
                break
            length /= 2
        if next_value >= value:
            break
        slope, shares, value = trial, next_shares, next_value
    return shares


@numba.njit(cache=True, nogil=True)
def _shares(logs: Array) -> tuple[Array, float]:
    high = logs.max()
    shares = np.exp(logs - high)
    total = shares.sum()
    return shares / total, high + np.log(total)
