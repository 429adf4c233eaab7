"""A whole cluster for every row, from prices that were found on a few rows.

Nearest centres do not keep bounds, and the prices of a coreset keep them but for its error: of
many rows a few in a thousand are too many somewhere. What makes up for it are the rows that are
nearly indifferent between two clusters. So all rows but these are settled by the prices, and these
few are assigned anew, exactly, to what the settled ones leave; then the handful that is divided
goes to one cluster or the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from equipoise.cluster.bounds import ShareBounds
from equipoise.cluster.kept import Shares
from equipoise.cluster.mend import mend
from equipoise.coresets.assignment import Assignment, assign_within
from equipoise.coresets.distances import all_costs

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

# Rows whose costs are held at a time.
_ROWS = 65_536

# Rows that are assigned anew: a tenth of all, but not fewer and not more than these. There are
# more, twice as many each time, if the bounds cannot be kept with these.
_SHARE, _FEWEST, _MOST = 0.1, 5_000, 200_000


class Labelled(NamedTuple):
    """Clusters of all rows.

    Attributes
    ----------
    labels : ndarray of int64, shape (n,)
    cost : float
        Of all rows at the centres of their clusters.
    shares : Shares
        Who is in which.
    prices : ndarray, shape (collections, k)
        By which all but a few have the cheapest.
    """

    labels: Integers
    cost: float
    shares: Shares
    prices: Array


def cheapest(
    rows: Array, codes: Integers, centres: Array, power: float, prices: Array
) -> tuple[Integers, Array, Array]:
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
    margins : ndarray, shape (n,)
        How much more the next best costs, prices included; infinite for one centre.
    """
    labels = np.empty(len(rows), np.int64)
    costs, margins = np.empty(len(rows)), np.full(len(rows), np.inf)
    for start in range(0, len(rows), _ROWS):
        some = slice(start, start + _ROWS)
        table = all_costs(rows[some], centres, power)
        priced = table + prices[codes[some]]
        at = np.arange(len(table))
        labels[some] = best = priced.argmin(axis=1)
        costs[some] = table[at, best]
        if len(centres) > 1:
            least = priced[at, best]
            priced[at, best] = np.inf
            margins[some] = priced.min(axis=1) - least
    return labels, costs, margins


class Labeller:
    """Takes all rows block by block, and gives each a cluster.

    In memory it holds a few numbers a row, and the features of those that are assigned anew.

    Parameters
    ----------
    centres : ndarray, shape (k, d)
    power : float
    assignment : Assignment
        Of the coreset; its prices are by collection.
    members : ndarray of bool, shape (collections, l)
    bounds : ShareBounds
    """

    def __init__(
        self,
        centres: Array,
        power: float,
        assignment: Assignment,
        members: NDArray[np.bool_],
        bounds: ShareBounds,
    ) -> None:
        self._centres, self._power = centres, power
        self._assignment = assignment
        self._members, self._bounds = members, bounds
        self._labels: list[NDArray[np.int32]] = []
        self._codes: list[NDArray[np.int32]] = []
        self._weights: list[Array] = []
        self._margins: list[Array] = []
        self._cost = 0.0

    def add(self, rows: Array, weights: Array, codes: Integers) -> None:
        """Settle a block of rows by the prices.

        Parameters
        ----------
        rows : ndarray, shape (n, d)
        weights : ndarray, shape (n,)
        codes : ndarray of int64, shape (n,)
        """
        labels, costs, margins = cheapest(
            rows, codes, self._centres, self._power, self._assignment.prices
        )
        self._cost += float(weights @ costs)
        self._labels.append(labels.astype(np.int32))
        self._codes.append(codes.astype(np.int32))
        self._weights.append(weights)
        self._margins.append(margins)

    def finish(self, rows_of: Callable[[Integers], Array]) -> Labelled:
        """Assign anew the rows that are nearly indifferent, so that the bounds are kept.

        Parameters
        ----------
        rows_of : callable
            From row numbers, which are ascending, to the rows, shape (m, d).

        Returns
        -------
        Labelled
        """
        labels = np.concatenate(self._labels).astype(np.int64)
        codes = np.concatenate(self._codes).astype(np.int64)
        weights, margins = np.concatenate(self._weights), np.concatenate(self._margins)
        shape = self._assignment.prices.shape
        all_cells = cells(codes, labels, weights, shape)
        shares = Shares.of_cells(all_cells, self._members, self._bounds)
        if not shares.violation:
            return Labelled(labels, self._cost, shares, self._assignment.prices)
        n = len(labels)
        few = min(n, max(_FEWEST, min(int(_SHARE * n), _MOST)))
        while True:
            some = np.sort(np.argpartition(margins, few - 1)[:few]) if few < n else np.arange(n)
            table = all_costs(rows_of(some), self._centres, self._power)
            of, mass = codes[some], weights[some]
            settled = all_cells - cells(of, labels[some], mass, shape)
            threshold = float(margins[some].max()) if few < n else 0.0
            again, moved = self._anew(table, mass, of, np.maximum(settled, 0.0), threshold)
            if moved <= 1e-6 * weights.sum() or few in (n, _MOST * 10):
                break
            few = min(n, 4 * few, _MOST * 10)
        found = again.labels(int(again.points[-1]) + 1)[: len(some)]
        found = mend(table, mass, of, found, settled, self._members, self._bounds)
        at = np.arange(len(some))
        change = float(mass @ (table[at, found] - table[at, labels[some]]))
        labels[some] = found
        kept = Shares.of_cells(settled + cells(of, found, mass, shape), self._members, self._bounds)
        return Labelled(labels, self._cost + change, kept, again.prices)

    def _anew(
        self, table: Array, mass: Array, codes: Integers, settled: Array, threshold: float
    ) -> tuple[Assignment, float]:
        """The rows in question assigned, and how much of the others would have to move too."""
        prices = self._assignment.prices
        of, j = np.nonzero(settled)
        # What is settled of a collection in a cluster stands in as one point. Elsewhere it costs,
        # prices included, what its first row would: so if it stays, all its rows stay.
        stands = threshold + prices[of, j][:, None] - prices[of]
        stands[np.arange(len(of)), j] = 0.0
        stands -= stands.min(axis=1, keepdims=True)
        again = assign_within(
            np.vstack([table, stands]),
            np.concatenate([mass, settled[of, j]]),
            np.concatenate([codes, of]),
            self._members,
            self._bounds.at_least,
            self._bounds.at_most,
            start=self._assignment,
        )
        n = len(table)
        late = again.points >= n
        elsewhere = again.centres[late] != j[again.points[late] - n]
        return again, float(again.masses[late][elsewhere].sum())


def cells(
    codes: Integers, labels: NDArray[np.integer[Any]], weights: Array, shape: tuple[int, ...]
) -> Array:
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
    cell = codes * k + labels
    return np.bincount(cell, weights, n_collections * k).reshape(shape).astype(np.float64)
