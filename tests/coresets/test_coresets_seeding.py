"""Seeds are distinct rows, drawn by what points cost, and no cluster is too small or too far."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.coresets import draw_seeds
from equipoise.coresets.distances import all_costs
from equipoise.coresets.seeding import systematic


def drawn(points, k, seed=0, weights=None, power=2.0):
    weights = np.ones(len(points)) if weights is None else weights
    return draw_seeds(points, weights, k, power, np.random.default_rng(seed))


def check(points, seeds):
    """Seeds are what they say: the first nearest of them, and the distance to it."""
    squares = all_costs(points, points[seeds.rows], 2.0)
    np.testing.assert_array_equal(seeds.labels, squares.argmin(1))
    np.testing.assert_array_equal(seeds.squares, squares.min(1))
    assert len(np.unique(points[seeds.rows], axis=0)) == len(seeds.rows)


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(1, 30), st.integers(1, 9), st.sampled_from([1.0, 2.0, 3.0]))
def test_few_points_have_as_many_seeds_as_asked_or_as_are_distinct(n, k, kinds, power):
    points = np.random.default_rng(n).integers(0, kinds, (n, 1)).astype(float)
    seeds = drawn(points, k, power=power)
    check(points, seeds)
    assert len(seeds.rows) == min(k, len(np.unique(points)))


# Sizes at which seeds come one by one, from rounds over all points, and from a sample first.
@pytest.mark.parametrize("n", [3000, 30_000, 60_000])
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_many_points_have_as_many_seeds_as_asked(n, power):
    points = np.random.default_rng(0).normal(size=(n, 3))
    seeds = drawn(points, 20, power=power)
    check(points, seeds)
    assert len(seeds.rows) == 20


@pytest.mark.parametrize("n", [3000, 30_000, 60_000])
def test_fewer_distinct_points_than_seeds_are_all_seeds(n):
    points = np.random.default_rng(0).integers(0, 4, (n, 1)).astype(float)
    seeds = drawn(points, 20)
    check(points, seeds)
    assert sorted(points[seeds.rows, 0]) == [0, 1, 2, 3]
    assert not seeds.squares.any()


@pytest.mark.parametrize("n", [3000, 30_000, 200_000])
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_a_tiny_cluster_far_away_is_not_missed(n, power):
    points = np.random.default_rng(0).normal(size=(n, 2))
    points[n // 3 : n // 3 + 2] += 1e7
    for seed in range(5):
        seeds = drawn(points, 8, seed, power=power)
        assert seeds.squares.max() < 1e4


@pytest.mark.parametrize("n", [3000, 30_000, 60_000])
def test_points_of_hardly_any_weight_are_hardly_ever_seeds(n):
    points = np.random.default_rng(0).normal(size=(n, 2))
    weights = np.where(np.arange(n) % 2, 1.0, 1e-12)
    for seed in range(5):
        assert (drawn(points, 10, seed, weights).rows % 2 == 1).all()


@pytest.mark.parametrize("n", [3000, 30_000, 60_000])
def test_seeds_are_as_good_as_those_of_scikit_learn(n):
    cluster = pytest.importorskip("sklearn.cluster")
    random = np.random.default_rng(0)
    points = random.normal(size=(n, 3)) + 9 * random.normal(size=(12, 3))[random.integers(0, 12, n)]
    ours = [drawn(points, 12, seed).squares.sum() for seed in range(10)]
    theirs = [
        all_costs(points, cluster.kmeans_plusplus(points, 12, random_state=seed)[0], 2.0)
        .min(1)
        .sum()
        for seed in range(10)
    ]
    assert np.mean(ours) < 1.25 * np.mean(theirs)


def test_the_second_seed_is_drawn_by_the_power_of_the_distance():
    # From a seed at 0 the others cost 1 and 3 (z = 1) or 1 and 9 (z = 2). Of four draws one is
    # kept, after which all cost least: with two draws or more in each the better one wins.
    points = np.array([[0.0], [1.0], [3.0]])
    for power, better in ((1.0, 3 / 4), (2.0, 9 / 10)):
        second = [
            drawn(points, 2, seed, np.array([1e9, 1.0, 1.0]), power).rows[1] for seed in range(3000)
        ]
        # Two trials a seed; the farther point leaves less cost behind.
        expected = 1 - (1 - better) ** 2
        error = np.sqrt(expected * (1 - expected) / len(second))
        assert abs(np.mean(np.array(second) == 2) - expected) < 4 * error


@pytest.mark.parametrize("n", [3000, 30_000, 60_000])
def test_the_same_seed_gives_the_same_rows(n):
    points = np.random.default_rng(0).normal(size=(n, 2))
    assert drawn(points, 9, 1).rows.tolist() == drawn(points, 9, 1).rows.tolist()
    assert drawn(points, 9, 1).rows.tolist() != drawn(points, 9, 2).rows.tolist()


@pytest.mark.parametrize("n", [3000, 60_000])
def test_distances_that_are_no_numbers_any_more_are_refused(n):
    points = np.random.default_rng(0).normal(size=(n, 2)) * 1e200
    with pytest.raises(ValueError, match="divide the features"):
        drawn(points, 9)


def test_systematic_places_have_the_probabilities_they_should():
    masses = np.array([0.0, 1.0, 0.5, 4.0, 0.0, 2.5])
    times = np.zeros(6)
    for seed in range(4000):
        times[systematic(masses, 3, np.random.default_rng(seed))] += 1
    expected = np.minimum(1, 3 * masses / masses.sum())
    error = np.sqrt(expected * (1 - expected) / 4000)
    assert (np.abs(times / 4000 - expected) <= 4 * error + 1e-12).all()


def test_no_place_is_drawn_where_there_is_no_mass():
    assert systematic(np.zeros(3), 2, np.random.default_rng(0)).tolist() == []
