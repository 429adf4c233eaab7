"""Whole rows: those in between are moved until bounds are kept, and no further."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.cluster.bounds import ShareBounds
from equipoise.cluster.labels import Labeller, cells
from equipoise.cluster.mend import mend
from equipoise.coresets.assignment import assign_within
from equipoise.coresets.distances import all_costs

TWO = np.eye(2, dtype=bool)


def halves(low):
    return ShareBounds(("a", "b"), np.array([0.5, 0.5]), np.full(2, low), np.ones(2))


def test_one_row_that_costs_least_moves():
    # Cluster 0 has three of a and one of b, cluster 1 one of a and three of b.
    codes = np.array([0, 0, 0, 1, 0, 1, 1, 1])
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    costs = np.zeros((8, 2))
    costs[:4, 1] = [3, 1, 2, 9]
    costs[4:, 0] = [9, 3, 1, 2]
    found = mend(costs, np.ones(8), codes, labels, np.zeros((2, 2)), TWO, halves(0.4))
    shares = np.array([(codes[found == j] == 0).mean() for j in range(2)])
    assert ((shares >= 0.4) & (shares <= 0.6)).all()
    assert (found != labels).sum() <= 2
    assert costs[np.arange(8), found].sum() <= 2


def test_nothing_moves_where_bounds_are_kept_or_whole_rows_cannot_keep_them():
    costs = np.random.default_rng(0).random((9, 2))
    codes = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0])
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
    kept = mend(costs, np.ones(9), codes, labels, np.zeros((2, 2)), TWO, halves(0.3))
    np.testing.assert_array_equal(kept, labels)
    # A fifth of a row is asked of each cluster: no whole row is nearer to it.
    rare = ShareBounds(("a", "b"), np.array([0.9, 0.1]), np.zeros(2), np.array([1.0, 0.05]))
    codes = np.array([0, 0, 0, 1, 0, 0, 0, 0])
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    found = mend(np.ones((8, 2)), np.ones(8), codes, labels, np.zeros((2, 2)), TWO, rare)
    assert (found != labels).sum() <= 1


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(20, 300),
    k=st.integers(1, 4),
    low=st.floats(0.5, 1.0),
)
def test_labels_keep_bounds_nearly_whatever_prices_they_begin_with(seed, n, k, low):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 2))
    codes = random.integers(0, 2, n)
    codes[:2] = 0, 1
    X[codes == 1] += 1.5
    share = np.array([(codes == 0).mean(), (codes == 1).mean()])
    bounds = ShareBounds(("a", "b"), share, low * share, np.minimum(1, share / low))
    centres = X[random.choice(n, k, replace=False)]
    # Prices of other rows: what comes from a coreset, and worse.
    some = np.unique(np.append(random.integers(0, n, 8), [0, 1]))
    assignment = assign_within(
        all_costs(X[some], centres, 2.0), None, codes[some], TWO, [0, 0], [1, 1]
    )
    labeller = Labeller(centres, 2.0, assignment, TWO, bounds)
    for part in np.array_split(np.arange(n), 3):
        labeller.add(X[part], np.ones(len(part)), codes[part])
    found = labeller.finish(lambda: iter([(X, np.ones(n), codes)]))
    assert found.shares.violation.rows <= 1 + 1e-9
    costs = all_costs(X, centres, 2.0)
    assert found.cost == pytest.approx(costs[np.arange(n), found.labels].sum())
    best = assign_within(costs, None, codes, TWO, bounds.at_least, bounds.at_most)
    # No cheaper than the program but for the rows that break bounds by a part of themselves.
    spread = np.ptp(costs, axis=1).max() + 1e-9 * best.value
    assert best.lower - 2 * k * spread <= found.cost <= best.value + 6 * k * spread


def test_cells_are_sums_of_weights():
    found = cells(np.array([0, 1, 1]), np.array([1, 0, 0]), np.array([2.0, 3, 4]), (2, 2))
    np.testing.assert_array_equal(found, [[0, 2], [7, 0]])
