"""Drawing without replacement, each point with a probability of its own, in a given order."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def inclusion(shares: Array, of: Array, quotas: Array) -> NDArray[np.float64]:
    """How probable it is that each point is drawn.

    In proportion to shares, within each collection; where that would be more than 1, it is 1, and
    the rest of the quota goes to the others.

    Parameters
    ----------
    shares : ndarray of float64, shape (n,)
        Not negative.
    of : ndarray of int64, shape (n,)
        The number of each point's collection.
    quotas : ndarray of int64, shape (G,)
        Points to be drawn of each; at least 1, at most what there are.

    Returns
    -------
    ndarray of float64, shape (n,)
        Sums to the quota in each collection. Points that are not certain have a draw left.
    """
    probabilities = np.empty(len(shares))
    crowded = _inclusion(shares, of, quotas, probabilities)
    for collection in np.flatnonzero(crowded):
        # The others weigh so little that in floating point nothing is left for them.
        members = np.flatnonzero(of == collection)
        order = members[np.argsort(-shares[members], kind="stable")]
        certain, others = np.split(order, [quotas[collection] - 1])
        probabilities[certain] = 1.0
        total = shares[others].sum()
        probabilities[others] = shares[others] / total if total > 0 else 1 / len(others)
        if len(others) > 1:
            probabilities[others] = np.minimum(probabilities[others], np.nextafter(1, 0))
    return probabilities


@numba.njit(cache=True, nogil=True)
def _inclusion(shares: Array, of: Array, quotas: Array, out: Array) -> Array:
    n, n_collections = len(shares), len(quotas)
    counts = np.zeros(n_collections, np.int64)
    for i in range(n):
        counts[of[i]] += 1
        out[i] = 0.0
    left = quotas.copy()
    crowded = np.zeros(n_collections, np.bool_)
    whole = counts == quotas
    factor = np.zeros(n_collections)
    changed = True
    while changed:
        sums = np.zeros(n_collections)
        for i in range(n):
            if out[i] < 1.0:
                sums[of[i]] += shares[i]
        for g in range(n_collections):
            if sums[g] > 0.0:
                factor[g] = left[g] / sums[g]
            elif counts[g] > 0 and not whole[g]:
                crowded[g] = True
        changed = False
        for i in range(n):
            g = of[i]
            if out[i] < 1.0 and (whole[g] or factor[g] * shares[i] >= 1.0):
                out[i] = 1.0
                left[g] -= 1
                counts[g] -= 1
                changed = True
        for g in range(n_collections):
            if left[g] <= 0 and counts[g] > 0:
                crowded[g] = True
    for i in range(n):
        if out[i] < 1.0:
            out[i] = factor[of[i]] * shares[i]
    return crowded


@numba.njit(cache=True, nogil=True)
def ordered(cells: Array, n_cells: int, keys: Array) -> Array:
    """Points by cell, and in each cell by key, in linear time.

    Parameters
    ----------
    cells : ndarray of int, shape (n,)
        From 0 to `n_cells` - 1.
    n_cells : int
    keys : ndarray of float64, shape (n,)
        Not negative. Those that agree to a sixty-fourth count as equal, and are in the order of
        the points.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    # The bits of a number that is not negative are ordered as it is; exponents and six bits more
    # are kept.
    levels = keys.view(np.int64) >> 46
    low = levels.min()
    by_key = _counted(levels - low, levels.max() - low + 1, np.arange(len(keys)))
    return _counted(cells, n_cells, by_key)


@numba.njit(cache=True, nogil=True)
def _counted(values: Array, n_values: int, order: Array) -> Array:
    """Sort an order by values, keeping that of equal ones."""
    starts = np.zeros(n_values + 1, np.int64)
    for value in values:
        starts[value + 1] += 1
    for value in range(n_values):
        starts[value + 1] += starts[value]
    out = np.empty_like(order)
    for i in order:
        out[starts[values[i]]] = i
        starts[values[i]] += 1
    return out


@numba.njit(cache=True, nogil=True)
def drawn(
    probabilities: Array, of: Array, order: Array, n_collections: int, offsets: Array
) -> Array:
    """A systematic sample of each collection, in a given order.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n,)
        Of each point; those of 1 are certain.
    of : ndarray of int64, shape (n,)
        The number of each point's collection.
    order : ndarray of int64, shape (n,)
        In which steps of 1 are made along the probabilities of each collection.
    n_collections : int
        G.
    offsets : ndarray of float64, shape (G,)
        Where steps begin, in [0, 1).

    Returns
    -------
    ndarray of bool, shape (n,)
        Whether each is drawn. Of what sums to m in a collection, m points.
    """
    sums = np.zeros(n_collections)
    for i in range(len(of)):
        if probabilities[i] < 1.0:
            sums[of[i]] += probabilities[i]
    # Sums are whole up to rounding only: steps are stretched to end where they do, short of what
    # another order of adding up could make of them.
    draws = np.maximum(np.rint(sums), 1.0)
    steps = sums / draws * (1 - 1e-9)
    made = np.zeros(n_collections, np.int64)
    running = np.zeros(n_collections)
    out = np.zeros(len(order), np.bool_)
    for i in order:
        p = probabilities[i]
        if p >= 1.0:
            out[i] = True
            continue
        g = of[i]
        running[g] += p
        if running[g] > (made[g] + offsets[g]) * steps[g] and made[g] < draws[g]:
            out[i] = True
            made[g] += 1
    return out
