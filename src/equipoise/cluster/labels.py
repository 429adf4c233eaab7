"""A whole cluster for every row, from prices that were found on a few rows.

Nearest centres do not keep bounds, and the prices of a coreset keep them but for its error: of
many rows a few in a thousand are too many somewhere. What makes up for it are the rows that are
nearly indifferent between two clusters. So all rows but these are settled by the prices, and these
few are assigned anew, exactly, to what the settled ones leave; then the handful that is divided
goes to one cluster or the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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

# Rows that are assigned anew: of each collection in each cluster a tenth, and at least so many,
# which are those that are most nearly indifferent. If others would have to move too, prices were
# not near enough: rows are settled once more by the better ones, and more of them are in question,
# in the end all, unless these are more than can be assigned at once.
_SHARES, _FEWEST, _MOST = (0.1, 0.4, 1.0), 100, 500_000

# Of the other rows of each collection in each cluster so many bundles are made, by how nearly
# indifferent they are.
_BUNDLES = 16

Rows = tuple[Array, Array, Integers]
"""Rows, their weights and their collections."""


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
        self._prices = assignment.prices
        self._members, self._bounds = members, bounds
        self._forget()

    def _forget(self) -> None:
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
        labels, costs, margins = cheapest(rows, codes, self._centres, self._power, self._prices)
        self._cost += float(weights @ costs)
        self._labels.append(labels.astype(np.int32))
        self._codes.append(codes.astype(np.int32))
        self._weights.append(weights)
        self._margins.append(margins)

    def finish(self, blocks: Callable[[], Iterator[Rows]]) -> Labelled:
        """Assign anew the rows that are nearly indifferent, so that the bounds are kept.

        Parameters
        ----------
        blocks : callable
            Goes through all rows again, in the same blocks.

        Returns
        -------
        Labelled
        """
        rows = self._settled_rows()
        if not self._shares(rows, rows.labels).violation:
            return Labelled(rows.labels, self._cost, self._shares(rows, rows.labels), self._prices)
        for share in _SHARES:
            few = self._few(rows, share)
            question = rows.ranks < few[rows.cell]
            some, rest = np.flatnonzero(question), ~question
            bundles = _bundles(rows, rest, len(few))
            table = self._costs_of(some, blocks)
            again, moved = self._anew(table, rows, some, bundles)
            if moved <= 1e-6 * rows.weights.sum() or len(some) > _MOST:
                break
            # Prices of all rows are better than those of a coreset: settle by these.
            self._prices = again.prices
            self._forget()
            for block in blocks():
                self.add(*block)
            rows = self._settled_rows()
        found = again.labels(int(again.points[-1]) + 1)[: len(some)]
        mass, of = rows.weights[some], rows.codes[some]
        there = cells(rows.codes[rest], rows.labels[rest], rows.weights[rest], self._prices.shape)
        found = mend(table, mass, of, found, there, self._members, self._bounds)
        at = np.arange(len(some))
        change = float(mass @ (table[at, found] - table[at, rows.labels[some]]))
        labels = rows.labels.copy()
        labels[some] = found
        return Labelled(labels, self._cost + change, self._shares(rows, labels), again.prices)

    def _settled_rows(self) -> _Rows:
        labels = np.concatenate(self._labels).astype(np.int64)
        codes = np.concatenate(self._codes).astype(np.int64)
        margins = np.concatenate(self._margins)
        cell = codes * self._prices.shape[1] + labels
        ranks = _ranks(cell, margins)
        return _Rows(labels, codes, np.concatenate(self._weights), margins, cell, ranks)

    def _few(self, rows: _Rows, share: float) -> Array:
        sizes = np.bincount(rows.cell, minlength=self._prices.size)
        return np.maximum(_FEWEST, share * sizes)

    def _shares(self, rows: _Rows, labels: Integers) -> Shares:
        there = cells(rows.codes, labels, rows.weights, self._prices.shape)
        return Shares.of_cells(there, self._members, self._bounds)

    def _costs_of(self, some: Integers, blocks: Callable[[], Iterator[Rows]]) -> Array:
        first, gathered = 0, []
        for rows, _, _ in blocks():
            last = first + len(rows)
            of_block = some[np.searchsorted(some, first) : np.searchsorted(some, last)] - first
            gathered.append(all_costs(rows[of_block], self._centres, self._power))
            first = last
        return np.concatenate(gathered)

    def _anew(
        self, table: Array, rows: _Rows, some: Integers, bundles: _Bundles
    ) -> tuple[Assignment, float]:
        """The rows in question assigned, and how much of the others would have to move too."""
        prices = self._prices
        of, j = np.divmod(bundles.cell, prices.shape[1])
        # Elsewhere than where it is a bundle costs, prices included, at most what any of its rows
        # would: if it stays, all of them stay.
        stands = bundles.margins[:, None] + prices[of, j][:, None] - prices[of]
        stands[np.arange(len(of)), j] = 0.0
        stands -= stands.min(axis=1, keepdims=True)
        again = assign_within(
            np.vstack([table, stands]),
            np.concatenate([rows.weights[some], bundles.masses]),
            np.concatenate([rows.codes[some], of]),
            self._members,
            self._bounds.at_least,
            self._bounds.at_most,
            start=prices,
        )
        late = again.points >= len(table)
        elsewhere = again.centres[late] != j[again.points[late] - len(table)]
        return again, float(again.masses[late][elsewhere].sum())


class _Rows(NamedTuple):
    """All rows, settled by prices."""

    labels: Integers
    codes: Integers
    weights: Array
    margins: Array
    cell: Integers
    """Collection and cluster as one number."""
    ranks: Integers
    """The place in its cell, by margin."""


class _Bundles(NamedTuple):
    """Rows that are not in question, those of a cell in a few bundles of like margins."""

    cell: Integers
    masses: Array
    margins: Array
    """The least of each bundle."""


def _bundles(rows: _Rows, rest: NDArray[np.bool_], n_cells: int) -> _Bundles:
    cell, ranks = rows.cell[rest], rows.ranks[rest]
    sizes = np.bincount(rows.cell, minlength=n_cells)
    bundle = cell * _BUNDLES + ranks * _BUNDLES // sizes[cell]
    n = n_cells * _BUNDLES
    least = np.full(n, np.inf)
    np.minimum.at(least, bundle, rows.margins[rest])
    masses = np.bincount(bundle, rows.weights[rest], n).astype(np.float64)
    there = np.flatnonzero(masses > 0)
    return _Bundles(there // _BUNDLES, masses[there], least[there])


def _ranks(cell: Integers, margins: Array) -> Integers:
    """The place of each row in its cell, by margin."""
    order = np.lexsort((margins, cell))
    ordered = cell[order]
    ranks = np.empty(len(cell), np.int64)
    ranks[order] = np.arange(len(cell)) - np.searchsorted(ordered, ordered)
    return ranks


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
