"""Clusters of all rows, from the prices that were found on a few."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.coresets.distances import all_costs

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

# Rows whose costs are held at a time.
_ROWS = 65_536


def cheapest(
    rows: Array, codes: Integers, centres: Array, power: float, prices: Array
) -> tuple[Integers, Array]:
    """The centre that costs each row least, prices included.

    Parameters
    ----------
    rows : ndarray, shape (n, d)
    codes : ndarray of int64, shape (n,)
        Collections.
    centres : ndarray, shape (k, d)
    power : float
    prices : ndarray, shape (collections, k)

    Returns
    -------
    labels : ndarray of int64, shape (n,)
    costs : ndarray, shape (n,)
        Without the prices.
    """
    labels = np.empty(len(rows), np.int64)
    costs = np.empty(len(rows))
    for start in range(0, len(rows), _ROWS):
        some = slice(start, start + _ROWS)
        table = all_costs(rows[some], centres, power)
        labels[some] = (table + prices[codes[some]]).argmin(axis=1)
        costs[some] = table[np.arange(len(table)), labels[some]]
    return labels, costs


def cells(codes: Integers, labels: NDArray[Any], weights: Array, shape: tuple[int, int]) -> Array:
    """What each cluster has of each collection.

    Parameters
    ----------
    codes, labels : ndarray of int, shape (n,)
    weights : ndarray, shape (n,)
    shape : (int, int)
        Collections and clusters.

    Returns
    -------
    ndarray, shape (collections, k)
    """
    n_collections, k = shape
    return np.bincount(codes * k + labels, weights, n_collections * k).reshape(shape)


def fair_labels(rows, weights, codes, members, bounds, found, power):  # type: ignore
    return cheapest(rows, codes, found.centres, power, found.assignment.prices)
