"""Drawing without replacement, each point with a probability of its own, in a given order."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_SLACK = 1e-9
# What is nearer to 1 is taken for certain, so that no step is shorter than a probability.
_CERTAIN = 1 - 1e-6
_MANTISSA = 6
_DOUBLINGS = 16
_BANDS = 1 << 21


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
            probabilities[others] = np.minimum(probabilities[others], _CERTAIN)
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
            if out[i] < 1.0 and (whole[g] or factor[g] * shares[i] >= _CERTAIN):
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
def banded(cells: Array, n_cells: int, keys: Array) -> tuple[Array, int]:
    """Divide cells into bands of points with like keys.

    Parameters
    ----------
    cells : ndarray of int, shape (n,)
        From 0 to `n_cells` - 1.
    n_cells : int
    keys : ndarray of float64, shape (n,)
        Not negative.

    Returns
    -------
    bands : ndarray of int64, shape (n,)
        By cell, and in each cell by key: 64 to a doubling, or fewer if cells are many. Keys that
        are 2^16 times smaller than the largest are of the lowest band.
    n_bands : int
        Of each cell.
    """
    mantissa = _MANTISSA
    while mantissa >= 0 and n_cells * (_DOUBLINGS << mantissa) > _BANDS:
        mantissa -= 1
    n_bands = _DOUBLINGS << mantissa if mantissa >= 0 else 1
    # The bits of a number that is not negative are ordered as it is: exponent, then mantissa.
    levels = keys.view(np.int64) >> (52 - max(mantissa, 0))
    low = levels.max() - n_bands + 1
    bands = np.empty(len(cells), np.int64)
    for i in range(len(cells)):
        bands[i] = cells[i] * n_bands + max(levels[i] - low, 0)
    return bands, n_bands


@numba.njit(cache=True, nogil=True)
def drawn(probabilities: Array, bands: Array, n_bands: int, offsets: Array) -> Array:
    """A systematic sample of each collection: steps of 1 along the sums of probabilities.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n,)
        Of each point; those of 1 are certain.
    bands : ndarray of int64, shape (n,)
        Points are gone through by band, and in each band in the order in which they are.
    n_bands : int
        Of each collection: the bands of the first are the first ones.
    offsets : ndarray of float64, shape (G,)
        Where the steps of each collection begin, in [0, 1).

    Returns
    -------
    ndarray of bool, shape (n,)
        Whether each is drawn. Of what sums to m in a collection, m points.
    """
    n_collections = len(offsets)
    sums = np.zeros(n_collections * n_bands)
    for i in range(len(bands)):
        if probabilities[i] < 1.0:
            sums[bands[i]] += probabilities[i]
    starts = np.zeros(len(sums))
    draws = np.zeros(n_collections)
    steps = np.ones(n_collections)
    for g in range(n_collections):
        total = 0.0
        for band in range(g * n_bands, (g + 1) * n_bands):
            starts[band] = total
            total += sums[band]
        if total > 0.0:
            draws[g] = max(np.rint(total), 1.0)
            # Sums are whole up to rounding only. Steps are a little too short, so that what
            # rounding leaves of a sum of 1 still has a step in it.
            steps[g] = total / draws[g] * (1 - _SLACK)
    # Points need not be sorted: each band has a running sum of its own. The same terms are added
    # in the same order as above, so that each band ends at the bit at which the next one starts.
    running = np.zeros(len(sums))
    out = np.zeros(len(bands), np.bool_)
    for i in range(len(bands)):
        p = probabilities[i]
        if p >= 1.0:
            out[i] = True
            continue
        band = bands[i]
        g = band // n_bands
        before = starts[band] + running[band]
        running[band] += p
        after = starts[band] + running[band]
        passed = min(np.ceil(before / steps[g] - offsets[g]), draws[g])
        out[i] = min(np.ceil(after / steps[g] - offsets[g]), draws[g]) > passed
    return out
