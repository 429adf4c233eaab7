"""Rows that cannot be divided: bounds are kept to less than a row, and moves are the cheapest."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from tests.coresets.slow_assignment import cells_of, partitions

from equipoise.coresets.assignment import assign_within, whole_labels
from equipoise.coresets.assignment.flow_loops import transport


def _problem(seed, n=4000, k=4, room=0.1):
    random = np.random.default_rng(seed)
    members = partitions(2, 3)
    points, collections = random.normal(size=(n, 2)), random.integers(0, 6, n)
    points[:, 0] += collections % 3
    costs = ((points[:, None] - random.normal(size=(k, 2))) ** 2).sum(axis=2)
    share = members.T.astype(float) @ np.bincount(collections, minlength=6) / n
    return costs, collections, members, share * (1 - room), share * (1 + room)


def _broken(labels, collections, members, k, at_least, at_most):
    cells = cells_of(labels, np.ones(len(labels)), collections, len(members), k)
    held, size = members.T.astype(float) @ cells, cells.sum(axis=0)
    low, high = np.asarray(at_least)[:, None] * size, np.asarray(at_most)[:, None] * size
    return max((low - held).max(), (held - high).max(), 0.0)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("room", [0.0, 0.1, 0.3])
def test_whole_labels_cost_hardly_more_than_divided_points(seed, room):
    costs, collections, members, *bounds = _problem(seed, room=room)
    divided = assign_within(costs, None, collections, members, *bounds)
    labels, violation = whole_labels(costs, collections, members, divided, *bounds)
    whole = costs[np.arange(len(labels)), labels].sum()
    assert abs(whole / divided.value - 1) < 1e-3
    assert violation <= 1
    assert violation == pytest.approx(
        _broken(labels, collections, members, 4, *bounds), abs=1e-9 * len(labels)
    )


def test_prices_of_a_sample_label_the_whole_table():
    costs, collections, members, *bounds = _problem(7, n=20_000)
    few = np.random.default_rng(0).choice(20_000, 1000, replace=False)
    at = np.sort(few)
    share = members.T.astype(float) @ np.bincount(collections[at], minlength=6) / 1000
    wide = np.minimum(bounds[0], share), np.maximum(bounds[1], share)
    sample = assign_within(costs[at], None, collections[at], members, *wide)
    best = assign_within(costs, None, collections, members, *bounds).lower
    for prices in (sample, sample.prices):
        labels, violation = whole_labels(costs, collections, members, prices, *bounds)
        assert violation <= 1
        assert costs[np.arange(20_000), labels].sum() < 1.02 * best
    _, before = whole_labels(costs, collections, members, sample, np.zeros(5), np.ones(5))
    assert before == 0


def test_any_prices_give_labels_that_keep_bounds():
    costs, collections, members, *bounds = _problem(8)
    prices = np.random.default_rng(0).normal(size=(6, 4))
    labels, violation = whole_labels(costs, collections, members, prices, *bounds)
    assert violation <= 1
    assert _broken(labels, collections, members, 4, *bounds) <= 1


def test_a_table_too_large_for_memory_comes_a_block_at_a_time():
    n = 520_000
    costs, collections, members, *bounds = _problem(9, n=n)
    few = np.sort(np.random.default_rng(0).choice(n, 4000, replace=False))
    weights = (
        np.bincount(collections)[collections[few]] / np.bincount(collections[few])[collections[few]]
    )
    summary = assign_within(costs[few], weights, collections[few], members, *bounds)
    best = assign_within(costs, None, collections, members, *bounds, start=summary)
    asked = []

    def block(start, stop):
        asked.append(stop - start)
        return costs[start:stop]

    labels, violation = whole_labels(block, collections, members, summary, *bounds)
    assert max(asked) < 100_000
    assert violation <= 1
    assert costs[np.arange(n), labels].sum() < 1.002 * best.lower
    whole = whole_labels(costs, collections, members, summary, *bounds)
    assert np.array_equal(labels, whole[0])
    alone, violation = whole_labels(block, collections, members, summary.prices, *bounds)
    assert violation <= 1
    assert costs[np.arange(n), alone].sum() < 1.01 * best.lower


def test_a_collection_of_one_row_does_not_rule_the_others():
    # To share one row out evenly all rows would have to be at one centre.
    costs, collections, members, *_ = _problem(10)
    collections = np.where(collections == 5, 4, collections)
    collections[0] = 5
    share = members.T.astype(float) @ np.bincount(collections, minlength=6) / 4000
    alone = np.eye(6)
    bounds = np.append(share, 1 / 4000) * 0.9, np.append(share, 1 / 4000) * 1.1
    members = np.column_stack([members, alone[:, 5]])
    divided = assign_within(costs, None, collections, members, *bounds)
    labels, violation = whole_labels(costs, collections, members, divided, *bounds)
    assert costs[np.arange(4000), labels].sum() < 1.01 * divided.value
    assert violation <= 1


@pytest.mark.parametrize("seed", range(40))
def test_moves_are_the_cheapest_for_the_numbers_wanted(seed):
    random = np.random.default_rng(seed)
    n, k = int(random.integers(1, 7)), int(random.integers(1, 4))
    costs = random.integers(0, 4, (n, k)).astype(float)
    wanted = np.bincount(random.integers(0, k, n), minlength=k).astype(float)
    prices = random.normal(size=k)
    labels = (costs + prices).argmin(axis=1)
    held, left, _ = transport(costs, np.ones(n), labels, prices, wanted)
    assert np.array_equal(held.sum(axis=0), wanted)
    assert np.array_equal(held.sum(axis=1), np.ones(n))
    assert not left.any()
    best = min(
        costs[np.arange(n), list(tried)].sum()
        for tried in product(range(k), repeat=n)
        if np.array_equal(np.bincount(tried, minlength=k), wanted)
    )
    assert (held * costs).sum() == best
    priced = costs + prices
    assert (held * (priced - priced.min(axis=1, keepdims=True))).max() < 1e-12


def test_moves_of_weights_that_are_not_whole_end():
    random = np.random.default_rng(0)
    costs = random.integers(0, 3, (300, 5)).astype(float)
    weights = 10 ** random.uniform(-6, 6, 300)
    wanted = np.bincount(random.integers(0, 5, 300), weights, minlength=5)
    prices = np.zeros(5)
    held, left, _ = transport(costs, weights, costs.argmin(axis=1), prices, wanted)
    assert np.abs(left).max() <= 1e-12 * weights.sum()
    np.testing.assert_allclose(held.sum(axis=1), weights, rtol=1e-12)
    np.testing.assert_allclose(held.sum(axis=0), wanted, rtol=1e-9)
