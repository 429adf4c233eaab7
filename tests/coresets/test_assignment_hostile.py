"""Whatever the costs and weights: bounds that hold, constraints that are kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.coresets.slow_assignment import (
    bounds_broken,
    broken,
    cells_of,
    masses_broken,
    partitions,
)

from equipoise.coresets.assignment import assign_masses, assign_within

KINDS_OF_GROUPS = {
    "one": np.ones((1, 1), bool),
    "disjoint": np.eye(3, dtype=bool),
    "two types": partitions(2, 3),
    "three types": partitions(2, 2, 2),
    "no group": np.zeros((2, 0), bool),
    "nested": np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0]], bool),
}


@st.composite
def problems(draw):
    """Costs, weights, collections, members and some labels that keep whatever is asked."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    members = KINDS_OF_GROUPS[draw(st.sampled_from(sorted(KINDS_OF_GROUPS)))]
    n, k = draw(st.integers(1, 40)), draw(st.integers(1, 5))
    costs = {
        "plain": lambda: random.random((n, k)),
        "few values": lambda: random.integers(0, 3, (n, k)).astype(float),
        "all equal": lambda: np.full((n, k), 0.1),
        "zero": lambda: np.zeros((n, k)),
        "duplicates": lambda: random.random((4, k))[random.integers(0, 4, n)],
        "an outlier": lambda: random.random((n, k)) * 1e6 ** (np.arange(n) == 0)[:, None],
        "equal centres": lambda: np.repeat(random.random((n, 1)), k, axis=1),
        "wide": lambda: 10 ** random.uniform(-4, 4, (n, k)),
    }[draw(st.sampled_from(["plain", "few values", "all equal", "zero", "duplicates",
                            "an outlier", "equal centres", "wide"]))]()  # fmt: skip
    costs = costs * draw(st.sampled_from([1e-8, 1.0, 1e12])) + draw(
        st.sampled_from([0.0, 0.0, 1e9])
    )
    weights = {
        "ones": lambda: np.ones(n),
        "whole": lambda: random.integers(0, 4, n).astype(float),
        "real": lambda: random.exponential(size=n) * 1e-6,
        "wide": lambda: 10 ** random.uniform(-3, 3, n),
    }[draw(st.sampled_from(["ones", "whole", "real", "wide"]))]()
    weights[0] = max(weights[0], weights.max(), 1e-9)
    collections = random.integers(0, len(members), n)
    return costs, weights, collections, members, random.integers(0, k, n)


@settings(max_examples=150)
@given(problems())
def test_prescribed_masses_cost_what_the_linear_program_says(problem):
    costs, weights, collections, members, labels = problem
    cells = cells_of(labels, weights, collections, len(members), costs.shape[1])
    masses = members.T.astype(float) @ cells
    found = assign_masses(costs, weights, collections, members, masses)
    exact = assign_masses(costs, weights, collections, members, masses, method="program")
    assert found.lower <= exact.value * (1 + 1e-9)
    assert exact.lower <= found.value * (1 + 1e-9)
    assert found.gap <= 1e-6
    assert broken(found, costs, weights, collections) < 1e-12
    assert masses_broken(found, members, masses) < 1e-9


@settings(max_examples=150)
@given(problems(), st.sampled_from([0.0, 1e-6, 0.05, 0.3, 1.0]))
def test_bounds_cost_what_the_linear_program_says(problem, room):
    costs, weights, collections, members, _ = problem
    by = np.bincount(collections, weights, minlength=len(members))
    share = members.T.astype(float) @ by / weights.sum()
    bounds = share * (1 - room), np.minimum(share * (1 + room), 1.0)
    found = assign_within(costs, weights, collections, members, *bounds)
    exact = assign_within(costs, weights, collections, members, *bounds, method="program")
    assert found.lower <= exact.value * (1 + 1e-9)
    assert exact.lower <= found.value * (1 + 1e-9)
    assert found.gap <= 1e-6
    assert broken(found, costs, weights, collections) < 1e-12
    assert bounds_broken(found, members, *bounds) < 1e-9


@pytest.mark.parametrize("factor", [1e-8, 1e12])
def test_a_unit_of_cost_is_only_a_unit(factor):
    random = np.random.default_rng(0)
    members = partitions(2, 2)
    costs, collections = random.random((800, 4)), random.integers(0, 4, 800)
    one = assign_within(costs, None, collections, members, [0.45] * 4, [0.55] * 4)
    other = assign_within(costs * factor, None, collections, members, [0.45] * 4, [0.55] * 4)
    assert other.value == pytest.approx(one.value * factor, rel=2e-6)


def test_a_weight_of_three_is_three_points():
    random = np.random.default_rng(1)
    members = partitions(2, 3)
    costs, collections = random.random((300, 3)), random.integers(0, 6, 300)
    weights = random.integers(0, 4, 300)
    every = np.repeat(np.arange(300), weights)
    cells = cells_of(random.integers(0, 3, 300), weights, collections, 6, 3)
    masses = members.T.astype(float) @ cells
    one = assign_masses(costs, weights, collections, members, masses)
    other = assign_masses(costs[every], None, collections[every], members, masses)
    assert one.value == pytest.approx(other.value, rel=2e-6)


def test_a_point_without_weight_is_labelled_by_its_price():
    costs, collections = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.1]]), np.zeros(3, int)
    found = assign_masses(costs, [1, 1, 0], collections, [[1]], [[1, 1]])
    wants = (costs[2] + found.prices[0]).argmin()
    assert found.labels(3).tolist() == [0, 1, wants]
    assert found.masses.tolist() == [1.0, 1.0, 0.0]


def test_thousands_of_points_between_equal_centres_are_divided_at_once():
    # Equal points are undecided at any temperature: a flow divides them, and a program the rest.
    random = np.random.default_rng(2)
    members = partitions(2, 3)
    costs = random.random((30, 4))[random.integers(0, 30, 9000)]
    collections = random.integers(0, 6, 9000)
    cells = cells_of(random.integers(0, 4, 9000), np.ones(9000), collections, 6, 4)
    masses = members.T.astype(float) @ cells
    found = assign_masses(costs, None, collections, members, masses)
    assert found.gap <= 1e-6
    assert masses_broken(found, members, masses) < 1e-9
