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
from equipoise.coresets.assignment.loops import cheapest_moves, least
from equipoise.coresets.assignment.nearest import nearest_masses, whole_masses
from equipoise.coresets.assignment.result import Assignment

Costs = Callable[[int, int], NDArray[np.floating]]

_BLOCK = 65_536  # rows


def whole_labels(
    costs: ArrayLike | Costs,
    collections: ArrayLike,
    members: ArrayLike,
    prices: Assignment | ArrayLike,
    at_least: ArrayLike,
    at_most: ArrayLike,
) -> tuple[Whole, float]:
    """Give every row to one centre and keep the share of each group at each centre.

    Rows first go where costs and prices send them. Then the number of rows of each collection at
    each centre is changed as little as keeps the bounds, and rows are moved to have these
    numbers, as cheaply as can be for them (successive shortest paths). With prices of this very
    table, or of a coreset of it, hardly any row has to move.

    Parameters
    ----------
    costs : array-like, shape (n, k), or callable
        ``costs(start, stop)`` gives rows ``start:stop``; it is called twice for each block, so
        that a table that is too large for memory is never there as a whole.
    collections : array-like of int, shape (n,)
    members : array-like of bool, shape (collections, l)
    prices : Assignment or array-like of shape (collections, k)
        Of `assign_within` on this table or on a summary of it. An assignment also says how many
        rows of each collection each centre is to have.
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
    blocks = _Blocks(costs, n, table.shape[1])
    labels = np.empty(n, np.int64)
    for start, stop, block in blocks:
        labels[start:stop], _, _ = least(block, np.ones(stop - start), codes[start:stop], table)

    n_cells, k = table.shape
    there = np.bincount(codes * k + labels, minlength=n_cells * k).reshape(n_cells, k)
    limits = _limits(there.sum(axis=1), inside, k, at_least, at_most)
    near = there.astype(np.float64)
    if isinstance(prices, Assignment):
        # What it has itself, as prices alone send all who are indifferent to one centre.
        mass = prices.cells.sum(axis=1, keepdims=True)
        share = np.divide(prices.cells, mass, out=np.zeros_like(near), where=mass > 0)
        near = np.where(mass > 0, near.sum(axis=1, keepdims=True) * share, near)
    wanted = whole_masses(limits, nearest_masses(limits, near)).astype(np.int64)
    leaves = np.maximum(there - wanted, 0).sum(axis=1)
    if leaves.any():
        rows, costs_there = _candidates(blocks, codes, labels, table, leaves)
        _move(rows, costs_there, codes, labels, table, wanted - there)
    return labels, _violation(labels, codes, inside, k, at_least, at_most)


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


def _candidates(
    blocks: _Blocks, codes: Whole, labels: Whole, prices: Array, leaves: Whole
) -> tuple[Whole, Array]:
    """Rows that may have to move, and their costs.

    No more rows than `leaves` (collections,) go through an edge from one centre to another, and
    the cheapest do: of each collection and each pair of centres so many are enough.
    """
    kept: list[Whole] = []
    costs: list[Array] = []
    for start, stop, block in blocks:
        rows = cheapest_moves(block, codes[start:stop], labels[start:stop], prices, leaves)
        kept.append(start + rows)
        costs.append(block[rows])
    all_rows, table = np.concatenate(kept), np.concatenate(costs)
    again = cheapest_moves(table, codes[all_rows], labels[all_rows], prices, leaves)
    return all_rows[again], table[again]


def _move(
    rows: Whole, costs: Array, codes: Whole, labels: Whole, prices: Array, more: Whole
) -> None:
    """Move some of the rows of each collection so that centres have so many more, in place."""
    for g in np.unique(codes[rows]):
        own = codes[rows] == g
        here, table = rows[own], costs[own]
        now = np.bincount(labels[here], minlength=len(more[g]))
        held, _, _ = transport(
            table, np.ones(len(here)), labels[here], prices[g].copy(), now + more[g]
        )
        labels[here] = held.argmax(axis=1)


def _violation(
    labels: Whole,
    codes: Whole,
    members: NDArray[np.bool_],
    k: int,
    at_least: ArrayLike,
    at_most: ArrayLike,
) -> float:
    """By how many rows the worst bound is broken."""
    counts = np.bincount(codes * k + labels, minlength=len(members) * k).reshape(-1, k)
    held = members.T.astype(np.float64) @ counts
    size = counts.sum(axis=0)
    least_, most = np.asarray(at_least, float)[:, None], np.asarray(at_most, float)[:, None]
    worst = max((least_ * size - held).max(initial=0), (held - most * size).max(initial=0))
    return float(worst) if worst > 1e-9 * len(codes) else 0.0
