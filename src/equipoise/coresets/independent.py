"""Independent draws with replacement, and how builders for plain clustering use collections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.coresets.allocation import numbered, quotas
from equipoise.coresets.coreset import Coreset

Array = NDArray[Any]


def sampled(larger: Coreset, shares: Array, draws: int, random: np.random.Generator) -> Coreset:
    """Points drawn with probability p = share / sum of shares; a draw weighs w / (draws p).

    So the cost at every set of centres is right in expectation, and the mass is.

    Parameters
    ----------
    larger : Coreset
    shares : ndarray of float64, shape (n,)
        Positive.
    draws : int
        A point drawn twice is one point of twice the weight, so that there may be fewer points.
    random : numpy.random.Generator

    Returns
    -------
    Coreset
    """
    sums = np.cumsum(shares)
    at = np.searchsorted(sums, random.random(draws) * sums[-1], side="right")
    at = np.minimum(at, np.searchsorted(sums, sums[-1]))
    rows, times = np.unique(at, return_counts=True)
    weights = times * larger.weights[rows] * (sums[-1] / (draws * shares[rows]))
    return Coreset(
        larger.points[rows],
        weights,
        larger.collections[rows],
        rows,
        larger.power,
        movement=None,
    )


def in_each(larger: Coreset, size: int, make: Callable[[Coreset, int], Coreset]) -> Coreset:
    """Use a way to draw in each collection by itself.

    Papers on plain clustering know one collection, and weights that are right in expectation.
    That is kept where there is one. Of several, each has draws in proportion to its mass (the
    union of coresets of collections is one for constraints on collections), and weights that are
    scaled to its mass, without which no such constraint could be met.

    Parameters
    ----------
    larger : Coreset
    size : int
        Draws of all together; a collection with no more points than its part is kept as it is.
    make : callable
        Of a coreset and a number of draws.

    Returns
    -------
    Coreset
    """
    collections = numbered(larger.collections)
    n_collections = len(collections.codes)
    if n_collections == 1:
        return make(larger, size)
    counts = np.bincount(collections.of, minlength=n_collections)
    masses = np.bincount(collections.of, larger.weights, n_collections)
    members = np.split(np.argsort(collections.of, kind="stable"), np.cumsum(counts)[:-1])
    rows, weights = [], []
    for inside, mass, draws in zip(members, masses, quotas(masses, counts, size), strict=True):
        if draws == len(inside):
            rows.append(inside)
            weights.append(larger.weights[inside])
            continue
        part = make(_part(larger, inside), int(draws))
        rows.append(inside[part.rows])
        weights.append(part.weights * (mass / part.mass))
    order = np.argsort(np.concatenate(rows))
    chosen = np.concatenate(rows)[order]
    return Coreset(
        larger.points[chosen],
        np.concatenate(weights)[order],
        larger.collections[chosen],
        chosen,
        larger.power,
        movement=None,
    )


def _part(larger: Coreset, rows: Array) -> Coreset:
    return Coreset(
        larger.points[rows],
        larger.weights[rows],
        larger.collections[rows],
        rows,
        larger.power,
    )
