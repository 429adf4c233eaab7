"""Labels of rows that cannot be divided, from prices and with constraints on groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.coresets.assignment.flow_loops import transport
from equipoise.coresets.assignment.inputs import (
    Array,
    Points,
    Whole,
    as_codes,
    as_members,
    as_numbers,
)
from equipoise.coresets.assignment.limits import Limits, shares
from equipoise.coresets.assignment.loops import cheapest_moves, least, margins
from equipoise.coresets.assignment.nearest import nearest_masses, whole_masses
from equipoise.coresets.assignment.overlapping import by_dual
from equipoise.coresets.assignment.result import Assignment

Costs = Callable[[int, int], NDArray[np.floating]]

_BLOCK = 65_536  # rows
_ENTRIES = 2_000_000  # of a table that is solved as a whole
_PRECISE = 1e-4


def whole_labels(
    costs: ArrayLike | Costs,
    collections: ArrayLike,
    members: ArrayLike,
    prices: Assignment | ArrayLike,
    at_least: ArrayLike,
    at_most: ArrayLike,
) -> tuple[Whole, float]:
    """Give every row to one centre and keep the share of each group at each centre.

    Rows first go where costs and prices send them. Then comes how many rows of each collection
    each centre is to have: as many as in the best assignment with divided rows, rounded so that
    bounds are broken by less than a row where that can be. At last rows are moved to have these
    numbers, as cheaply as can be for them (successive shortest paths).

    That best assignment is `prices` itself if it is of this table; else it is found, from these
    prices on, if the table has no more than two million entries. Of a larger table, each centre
    gets the same part of each collection as in `prices`, or, where these are prices alone, as
    they send it, changed as little as bounds ask for; only costs of the rows that are least sure
    where to go are then in memory.

    Parameters
    ----------
    costs : array-like, shape (n, k), or callable
        ``costs(start, stop)`` gives rows ``start:stop``; it is called once or twice for each
        block, so that a table that is too large for memory is never there as a whole.
    collections : array-like of int, shape (n,)
    members : array-like of bool, shape (collections, l)
    prices : Assignment or array-like of shape (collections, k)
        Of `assign_within` on this table or on a summary of it.
    at_least, at_most : array-like, shape (l,)
        Shares that each group must and may have of the rows at every centre.

    Returns
    -------
    labels : ndarray of int64, shape (n,)
    violation : float
        By how many rows the worst bound is broken: at most one, unless groups overlap so that no
        whole numbers were found that keep them so well.

    Raises
    ------
    InfeasibleError
        If the share of a group in all rows is out of its bounds.
    ValueError
        If something is not a finite number, negative, or of another shape.
    """
    inside = as_members(members)
    codes = np.asarray(collections)
    n = len(codes)
    codes = as_codes(codes, n, len(inside))
    table = as_numbers(prices.prices if isinstance(prices, Assignment) else prices, "prices", 2)
    if len(table) != len(inside):
        raise ValueError(
            f"prices must have one row for each of {len(inside)} collections, not {len(table)}."
        )
    k = table.shape[1]
    blocks = _Blocks(costs, n, k)
    labels, rows, own = _first_labels(blocks, codes, table)
    shape = (len(inside), k)
    sizes = np.bincount(codes, minlength=len(inside))
    limits = _limits(sizes, inside, k, at_least, at_most)
    if isinstance(prices, Assignment) and prices.points[-1] == n - 1:
        near = prices.cells  # of this very table
    elif len(rows) == n:
        each = np.arange(len(inside))
        everyone = Points(own, np.ones(n), codes, codes, inside, each)
        divided = by_dual(everyone, limits, _PRECISE, table)
        near, table = divided.cells, divided.prices
        labels = (own + table[codes]).argmin(axis=1)
    elif isinstance(prices, Assignment):
        near = nearest_masses(limits, _of_sizes(prices.cells, sizes))
    else:
        near = nearest_masses(limits, _counts(codes, labels, shape))
    near = _of_sizes(near, sizes)
    more = whole_masses(limits, near).astype(np.int64) - _counts(codes, labels, shape)
    short = _move(rows, own, codes, labels, table, more)
    if short.any():  # among the rows at hand there were too few; of these there are enough
        leaves = np.maximum(-short, 0).sum(axis=1)
        rows, own = _enough(blocks, codes, labels, table, leaves)
        _move(rows, own, codes, labels, table, short)
    return labels, _violation(_counts(codes, labels, shape), inside, at_least, at_most)


def _first_labels(blocks: _Blocks, codes: Whole, prices: Array) -> tuple[Whole, Whole, Array]:
    """Where prices send rows; and of each collection those least sure of it, with their costs."""
    labels = np.empty(blocks.n, np.int64)
    kept: list[Whole] = []
    costs: list[Array] = []
    share = min(1.0, _ENTRIES / (blocks.n * prices.shape[1]))
    for start, stop, block in blocks:
        own = codes[start:stop]
        labels[start:stop], _, _ = least(block, np.ones(stop - start), own, prices)
        # Sorted by collection, then by margin: the first of each.
        order = np.lexsort((margins(block, own, prices), own))
        sizes = np.bincount(own)
        rank = np.arange(len(own)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        rows = np.sort(order[rank < np.ceil(share * np.repeat(sizes, sizes))])
        kept.append(start + rows)
        costs.append(block[rows])
    return labels, np.concatenate(kept), np.concatenate(costs)


def _of_sizes(cells: Array, sizes: Whole) -> Array:
    """Masses in the same proportions, of which rows add up to sizes."""
    mass = cells.sum(axis=1, keepdims=True)
    even = np.full_like(cells, 1 / cells.shape[1])
    return sizes[:, None] * np.divide(cells, mass, out=even, where=mass > 0)


def _counts(codes: Whole, labels: Whole, shape: tuple[int, int]) -> Array:
    """Rows of each collection at each centre."""
    held = np.bincount(codes * shape[1] + labels, minlength=shape[0] * shape[1])
    return held.astype(np.float64).reshape(shape)


def _limits(
    sizes: Whole, members: NDArray[np.bool_], k: int, at_least: ArrayLike, at_most: ArrayLike
) -> Limits:
    """Bounds on counts, for which one point of each collection stands."""
    each = np.arange(len(sizes))
    weights = sizes.astype(np.float64)
    cells = Points(np.zeros((len(sizes), k)), weights, each, each, members, each)
    return shares(cells, at_least, at_most)


class _Blocks:
    """Costs a block of rows at a time, checked."""

    def __init__(self, costs: ArrayLike | Costs, n: int, k: int) -> None:
        self.n, self.k = n, k
        if callable(costs):
            self.of = costs
        else:
            whole = as_numbers(costs, "costs", 2)
            self.of = lambda start, stop: whole[start:stop]
            if len(whole) != n:
                raise ValueError(
                    f"costs must have one row for each of {n} collections, not {len(whole)}."
                )

    def __iter__(self) -> Iterator[tuple[int, int, Array]]:
        for start in range(0, self.n, _BLOCK):
            stop = min(start + _BLOCK, self.n)
            block = as_numbers(self.of(start, stop), "costs", 2)
            if block.shape != (stop - start, self.k):
                raise ValueError(
                    f"costs must be of shape ({stop - start}, {self.k}) for rows {start} to "
                    f"{stop}, as prices have {self.k} centres, but are {block.shape}."
                )
            yield start, stop, block


def _enough(
    blocks: _Blocks, codes: Whole, labels: Whole, prices: Array, leaves: Array
) -> tuple[Whole, Array]:
    """Rows among which the cheapest moves are, and their costs.

    No more rows than `leaves` (collections,) go through an edge from one centre to another, and
    the cheapest do: of each collection and each pair of centres so many are enough.
    """
    kept: list[Whole] = []
    costs: list[Array] = []
    most = np.ceil(leaves).astype(np.int64)
    for start, stop, block in blocks:
        rows = cheapest_moves(block, codes[start:stop], labels[start:stop], prices, most)
        kept.append(start + rows)
        costs.append(block[rows])
    return np.concatenate(kept), np.concatenate(costs)


def _move(
    rows: Whole, costs: Array, codes: Whole, labels: Whole, prices: Array, more: Array
) -> Array:
    """Move some rows of each collection, in place, so that centres have so many more.

    Returns how many more they should have still, shape (collections, k).
    """
    short = more.copy()
    for g in np.flatnonzero(more.any(axis=1)):
        own = codes[rows] == g
        here, table = rows[own], costs[own]
        now = np.bincount(labels[here], minlength=more.shape[1])
        held, _, _ = transport(
            table, np.ones(len(here)), labels[here], prices[g].copy(), now + more[g]
        )
        labels[here] = held.argmax(axis=1)
        short[g] -= np.bincount(labels[here], minlength=more.shape[1]) - now
    return short


def _violation(
    counts: Array, members: NDArray[np.bool_], at_least: ArrayLike, at_most: ArrayLike
) -> float:
    """By how many rows the worst bound is broken."""
    held, size = members.T.astype(np.float64) @ counts, counts.sum(axis=0)
    low = np.asarray(at_least, np.float64)[:, None] * size
    high = np.asarray(at_most, np.float64)[:, None] * size
    worst = max((low - held).max(initial=0), (held - high).max(initial=0))
    return float(worst) if worst > 1e-9 * counts.sum() else 0.0
