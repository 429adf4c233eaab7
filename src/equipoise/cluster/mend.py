"""Rows moved one by one until clusters keep their bounds, as far as whole rows can."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.cluster.bounds import ShareBounds

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

# Of the rows that could go from one cluster to another those that it costs least.
_CHEAPEST = 8
# A row moves if bounds are broken by less afterwards: by this share of a row, or of two clusters
# by half of what they are broken by.
_WORTH = 0.1


def mend(
    costs: Array,
    weights: Array,
    codes: Integers,
    labels: Integers,
    settled: Array,
    members: NDArray[np.bool_],
    bounds: ShareBounds,
) -> Integers:
    """Move rows that cost little elsewhere, until no move brings clusters nearer to their bounds.

    Parameters
    ----------
    costs : ndarray, shape (n, k)
        Of the rows that may move.
    weights : ndarray, shape (n,)
    codes : ndarray of int64, shape (n,)
        Collections.
    labels : ndarray of int64, shape (n,)
        Where they are.
    settled : ndarray, shape (collections, k)
        What clusters have of other rows.
    members : ndarray of bool, shape (collections, l)
    bounds : ShareBounds

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    shape = settled.shape
    cells = settled + np.bincount(codes * shape[1] + labels, weights, settled.size).reshape(shape)
    inside = members.astype(np.float64)
    masses, sizes = inside.T @ cells, cells.sum(axis=0)
    labels = labels.copy()
    rows, to = _moves(costs, codes, labels)
    extra = costs[rows, to] - costs[rows, labels[rows]]
    while len(rows) and bounds.excess(masses, sizes).any():
        now = _over(masses.T, sizes, bounds)
        start, mass, part = labels[rows], weights[rows], inside[codes[rows]]
        part = part * mass[:, None]
        gain = now[start] + now[to]
        gain -= _over(masses.T[start] - part, sizes[start] - mass, bounds)
        gain -= _over(masses.T[to] + part, sizes[to] + mass, bounds)
        # Of a group that is to have a fifth of a row no number of rows is right. What else moves
        # to or from its cluster makes that hardly less wrong, and may cost very much.
        asked = np.minimum(_WORTH * mass, 0.5 * (now[start] + now[to]))
        gain[(gain <= asked) | (gain <= 1e-9 * sizes.sum())] = 0.0
        if not gain.any():
            break
        good = np.flatnonzero(gain >= 0.5 * gain.max())
        best = good[np.argmin(extra[good] / gain[good])]
        row, j = rows[best], to[best]
        masses[:, labels[row]] -= part[best]
        masses[:, j] += part[best]
        sizes[labels[row]] -= mass[best]
        sizes[j] += mass[best]
        labels[row] = j
        left = rows != row
        rows, to, extra = rows[left], to[left], extra[left]
    return labels


def _moves(costs: Array, codes: Integers, labels: Integers) -> tuple[Integers, Integers]:
    """The cheapest rows to go from each cluster to each other, of each collection."""
    k = costs.shape[1]
    key = codes * k + labels
    chosen: list[Integers] = []
    for j in range(k):
        away = np.flatnonzero(labels != j)
        extra = costs[away, j] - costs[away, labels[away]]
        order = away[np.lexsort((extra, key[away]))]
        first = np.searchsorted(key[order], key[order], side="left")
        chosen.append(order[np.arange(len(order)) - first < _CHEAPEST])
    rows = np.concatenate(chosen)
    return rows, np.repeat(np.arange(k), [len(one) for one in chosen])


def _over(masses: Array, sizes: Array, bounds: ShareBounds) -> Array:
    """By how much clusters with masses (m, l) and sizes (m,) break bounds, shape (m,)."""
    low = bounds.at_least * sizes[:, None] - masses
    high = masses - bounds.at_most * sizes[:, None]
    return np.maximum(np.maximum(low, high), 0.0).sum(axis=1)
