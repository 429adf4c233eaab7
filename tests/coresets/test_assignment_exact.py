"""The cheapest assignment: what trying all, other solvers and real tables say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.coresets.slow_assignment import (
    best_of_each,
    best_whole,
    bounds_broken,
    broken,
    cells_of,
    flow_of,
    masses_broken,
    partitions,
)

from equipoise.coresets.assignment import assign_masses, assign_within


@pytest.mark.parametrize("seed", range(12))
def test_it_is_the_best_of_all_assignments_for_every_f(seed):
    random = np.random.default_rng(seed)
    members = partitions(2, 2) if seed % 2 else partitions(3)
    n, k = int(random.integers(3, 9)), int(random.integers(1, 4))
    costs, collections = random.random((n, k)), random.integers(0, len(members), n)
    weights = np.ones(n)
    methods = ("dual", "program") if seed % 2 else ("flow", "dual", "program")
    every = best_of_each(costs, weights, collections, members)
    for at in random.choice(len(every), min(len(every), 12), replace=False):
        cost, masses = every[at]
        for method in methods:
            found = assign_masses(
                costs, None, collections, members, masses, tolerance=1e-10, method=method
            )
            assert found.value == pytest.approx(cost, rel=1e-9)
            assert found.lower == pytest.approx(cost, rel=1e-9)
            assert found.lower <= found.value
            assert broken(found, costs, weights, collections) < 1e-12
            assert masses_broken(found, members, masses) < 1e-12


@pytest.mark.parametrize("seed", range(25))
def test_two_partitions_need_no_divided_points(seed):
    random = np.random.default_rng(seed)
    members = partitions(2, 3)
    n, k = int(random.integers(12, 60)), int(random.integers(2, 5))
    costs, collections = random.random((n, k)), random.integers(0, len(members), n)
    cells = cells_of(random.integers(0, k, n), np.ones(n), collections, len(members), k)
    masses = members.T.astype(float) @ cells
    found = assign_masses(costs, None, collections, members, masses)
    assert found.value == pytest.approx(best_whole(costs, collections, members, masses), rel=2e-6)


def test_with_three_partitions_divided_points_can_be_cheaper():
    # Found by search; the assignment reported is the one with divided points.
    collections = np.array([0, 5, 4, 6, 3, 3, 0, 0])
    masses = np.array([[1, 3, 1], [0, 1, 2], [1, 2, 2], [0, 2, 1], [1, 2, 2], [0, 2, 1]])
    costs = np.array(
        [
            [0.97, 0.32, 0.20],
            [0.86, 0.51, 0.18],
            [0.75, 0.79, 0.55],
            [0.82, 0.61, 0.43],
            [0.31, 0.71, 0.90],
            [0.19, 0.61, 0.06],
            [0.55, 0.11, 0.76],
            [0.95, 0.95, 0.72],
        ]
    )
    members = partitions(2, 2, 2)
    found = assign_masses(costs, None, collections, members, masses)
    assert found.value == pytest.approx(3.78)
    assert found.gap < 1e-9
    assert best_whole(costs, collections, members, masses) == pytest.approx(3.98)
    assert len(found.masses) > len(costs)


@pytest.mark.parametrize("seed", range(8))
def test_a_flow_costs_what_another_solver_says(seed):
    random = np.random.default_rng(seed)
    n, k = int(random.integers(50, 400)), int(random.integers(2, 8))
    costs = random.integers(0, 10 ** int(random.integers(1, 7)), (n, k))
    weights = random.integers(0, 4, n) if seed % 2 else np.ones(n, int)
    masses = np.bincount(random.integers(0, k, n), weights, minlength=k).astype(int)
    found = assign_masses(costs, weights, np.zeros(n, int), [[True]], masses[None])
    assert found.method == "flow"
    assert found.value == flow_of(costs, weights, masses)
    assert found.gap < 1e-12
    assert np.array_equal(found.masses, np.rint(found.masses))


def test_masses_of_collections_can_be_prescribed_where_groups_overlap():
    random = np.random.default_rng(0)
    costs, collections = random.random((200, 4)), random.integers(0, 6, 200)
    cells = cells_of(random.integers(0, 4, 200), np.ones(200), collections, 6, 4)
    found = assign_masses(costs, None, collections, np.eye(6), cells)
    alone = [
        assign_masses(costs[own], None, np.zeros(own.sum(), int), [[True]], cells[[g]]).value
        for g in range(6)
        if (own := collections == g).any()
    ]
    assert found.method == "flow"
    assert found.value == pytest.approx(sum(alone))
    np.testing.assert_allclose(found.cells, cells, atol=1e-12)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("room", [0.0, 0.1, 0.5, 1.0])
def test_bounds_are_kept_as_cheaply_as_a_linear_program_can(seed, room):
    random = np.random.default_rng(seed)
    members = partitions(2, 3) if seed % 2 else random.random((5, 3)) < 0.5
    n, k = int(random.integers(3, 80)), int(random.integers(1, 6))
    costs, collections = random.random((n, k)), random.integers(0, len(members), n)
    weights = random.exponential(size=n)
    share = members.T.astype(float) @ np.bincount(collections, weights, minlength=len(members))
    share /= weights.sum()
    bounds = share * (1 - room), np.minimum(share * (1 + room), 1.0)
    found = assign_within(costs, weights, collections, members, *bounds)
    exact = assign_within(costs, weights, collections, members, *bounds, method="program")
    assert exact.gap < 1e-9
    assert exact.lower * (1 - 1e-12) <= found.value <= exact.value * (1 + 1e-6)
    assert found.lower <= exact.value
    assert broken(found, costs, weights, collections) < 1e-12
    assert bounds_broken(found, members, *bounds) < 1e-9


def test_without_bounds_every_point_goes_where_it_is_cheapest():
    random = np.random.default_rng(1)
    costs, collections = random.random((100, 5)), random.integers(0, 4, 100)
    found = assign_within(costs, None, collections, partitions(2, 2), [0] * 4, [1] * 4)
    assert np.array_equal(found.labels(100), costs.argmin(axis=1))
    assert found.gap < 1e-12


def test_points_in_no_group_go_where_they_are_cheapest():
    random = np.random.default_rng(2)
    costs, collections = random.random((90, 3)), np.arange(90) % 3
    members = np.array([[1, 0], [0, 1], [0, 0]])
    masses = np.full((2, 3), 10.0)
    exact = assign_masses(costs, None, collections, members, masses, method="program")
    for method in ("flow", "dual"):
        found = assign_masses(costs, None, collections, members, masses, method=method)
        assert found.value == pytest.approx(exact.value, rel=1e-6)
        free = collections == 2
        assert np.array_equal(found.labels(90)[free], costs[free].argmin(axis=1))


def test_points_want_the_centre_that_they_have_at_the_prices():
    random = np.random.default_rng(3)
    members = partitions(2, 2)
    costs, collections = random.random((500, 4)), random.integers(0, 4, 500)
    cells = cells_of(random.integers(0, 4, 500), np.ones(500), collections, 4, 4)
    for found in (
        assign_masses(costs, None, collections, members, members.T.astype(float) @ cells),
        assign_masses(costs, None, collections, np.eye(4), cells),
        assign_within(costs, None, collections, members, [0.4] * 4, [0.6] * 4),
    ):
        priced = costs + found.prices[collections]
        dearer = priced[found.points, found.centres] - priced.min(axis=1)[found.points]
        assert dearer.max() < 1e-9


def test_prices_of_an_assignment_that_is_alike_are_a_start():
    random = np.random.default_rng(4)
    members = partitions(2, 3)
    points, collections = random.normal(size=(3000, 2)), random.integers(0, 6, 3000)
    centres = random.normal(size=(4, 2))
    share = members.T.astype(float) @ np.bincount(collections) / 3000
    bounds = share * 0.9, share * 1.1

    def costs(moved):
        return ((points[:, None] - centres - moved) ** 2).sum(axis=2)

    before = assign_within(costs(0.0), None, collections, members, *bounds)
    afresh = assign_within(costs(0.05), None, collections, members, *bounds)
    for start in (before, before.prices, np.zeros((6, 4)), 1e3 * random.normal(size=(6, 4))):
        found = assign_within(costs(0.05), None, collections, members, *bounds, start=start)
        assert found.value == pytest.approx(afresh.value, rel=2e-6)
        assert found.gap <= 1e-6
        assert bounds_broken(found, members, *bounds) < 1e-9


def test_the_same_input_gives_the_same_bytes():
    random = np.random.default_rng(5)
    members = partitions(2, 3)
    costs, collections = random.random((4000, 5)), random.integers(0, 6, 4000)
    cells = cells_of(random.integers(0, 5, 4000), np.ones(4000), collections, 6, 5)
    for do in (
        lambda: assign_masses(costs, None, collections, members, members.T.astype(float) @ cells),
        lambda: assign_masses(costs, None, collections, np.eye(6), cells),
        lambda: assign_within(costs, None, collections, members, [0.3] * 5, [0.6] * 5),
    ):
        one, two = do(), do()
        assert one.masses.tobytes() == two.masses.tobytes()
        assert one.prices.tobytes() == two.prices.tobytes()
        assert (one.value, one.lower) == (two.value, two.lower)


@pytest.mark.parametrize("scaled", [True, False])
def test_on_a_real_table_with_costs_as_they_are(real_data, scaled):
    path = real_data / "adult" / "adult.data.gz"
    table = pd.read_csv(path, header=None, skipinitialspace=True)
    numbers = table[[0, 2, 4, 10, 11, 12]].to_numpy(float)
    if scaled:
        numbers /= np.abs(numbers).max(axis=0)
    by = np.column_stack([pd.get_dummies(table[column]).to_numpy() for column in (9, 5)])
    members, collections = np.unique(by, axis=0, return_inverse=True)
    random = np.random.default_rng(0)
    centres = numbers[random.choice(len(numbers), 3)]
    costs = ((numbers[:, None] - centres) ** 2).sum(axis=2)
    weights, share = np.ones(len(by)), by.mean(axis=0)
    bounds = share * 0.8, share * 1.25
    found = assign_within(costs, weights, collections, members, *bounds)
    assert found.gap < 1e-6
    assert bounds_broken(found, members, *bounds) < 1e-9
    labels = random.integers(0, 3, len(by))
    cells = cells_of(labels, weights, collections, len(members), 3)
    masses = members.T.astype(float) @ cells
    found = assign_masses(costs, weights, collections, members, masses)
    assert found.gap < 1e-6
    assert masses_broken(found, members, masses) < 1e-9
