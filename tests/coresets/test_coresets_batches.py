"""Batches of points on a line: their errors, how many they are, and what replaces them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from equipoise.coresets.batches import cut, means, pairs

WHOLE = np.zeros(1, np.int64)

lines = st.lists(
    st.tuples(
        st.one_of(st.floats(-1e6, 1e6), st.integers(-3, 3).map(float)),
        st.floats(1e-6, 1e6),
    ),
    min_size=1,
    max_size=30,
)


def _sorted(points: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    positions, weights = np.array(sorted(points)).T
    return positions.copy(), weights.copy()


def _error(positions: np.ndarray, weights: np.ndarray, power: int) -> float:
    mean = np.average(positions, weights=weights)
    return float(weights @ np.abs(positions - mean) ** power)


@given(lines, st.floats(0, 1e3), st.sampled_from([1, 2]))
def test_batches_take_as_many_points_as_their_error_allows(points, threshold, power) -> None:
    positions, weights = _sorted(points)
    starts = cut(positions, weights, WHOLE, np.array([threshold]), power)
    ends = np.append(starts[1:], len(positions))
    noise = 1e-9 * weights.sum() * (np.ptp(positions) + np.abs(positions).max() * 1e-6) ** power
    for start, end in zip(starts, ends, strict=True):
        assert _error(positions[start:end], weights[start:end], power) <= threshold + noise
        if end < len(positions):
            grown = slice(start, end + 1)
            assert _error(positions[grown], weights[grown], power) >= threshold - noise


def test_batches_that_include_the_point_past_the_threshold_have_one_more() -> None:
    positions, weights = np.arange(10.0), np.ones(10)
    before = cut(positions, weights, WHOLE, np.array([2.0]), 1)
    past = cut(positions, weights, WHOLE, np.array([2.0]), 1, True)
    assert before.tolist() == [0, 3, 6, 9]  # 1 + 0 + 1 = 2, and four points have 4
    assert past.tolist() == [0, 4, 8]


def test_each_line_has_its_own_batches_and_threshold() -> None:
    positions = np.array([0.0, 1, 2, 0, 1, 2])
    starts = cut(positions, np.ones(6), np.array([0, 3]), np.array([0.0, 10]), 1)
    assert starts.tolist() == [0, 1, 2, 3]


@given(st.integers(0, 10**6), st.sampled_from([1, 2]))
def test_without_a_threshold_equal_points_alone_share_a_batch(seed: int, power: int) -> None:
    random = np.random.default_rng(seed)
    positions = np.sort(random.choice(random.normal(size=6), 20))
    starts = cut(positions, random.random(20) + 0.1, WHOLE, np.zeros(1), power)
    assert len(starts) == len(np.unique(positions))


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("n_clusters", [2, 5])
def test_batches_are_no_more_than_the_theory_says(power: int, n_clusters: int) -> None:
    # Two batches that follow each other inside one optimal cluster cost more than the threshold.
    random = np.random.default_rng(0)
    for tail, eps in itertools.product([False, True], [0.5, 0.2]):
        centres = 40 * np.arange(n_clusters)
        noise = random.standard_t(2, 20_000) if tail else random.normal(size=20_000)
        x = np.sort(centres[random.integers(n_clusters, size=20_000)] + noise)
        optimum = (np.abs(x[:, None] - centres).min(1) ** power).sum()
        xi = eps * optimum / (30 * n_clusters)
        bound = 30 * n_clusters / eps
        if power == 2:
            xi = eps**2 * optimum / (200 * n_clusters**2)
            bound = 200 * n_clusters**2 / eps**2
        starts = cut(x, np.ones(len(x)), WHOLE, np.array([xi]), power)
        assert len(starts) <= 4 * bound + 2 * n_clusters


@given(lines)
def test_pair_has_the_weight_mean_and_variance_of_its_batch_and_lies_in_its_hull(points) -> None:
    positions, weights = _sorted(points)
    nodes, masses, _ = pairs(positions, weights, WHOLE)
    x, w = nodes[0], masses[0]
    assert (w >= 0).all()
    assert w[0] > 0
    assert (x[w > 0] >= positions[0]).all()
    assert (x[w > 0] <= positions[-1]).all()
    assert w.sum() == pytest.approx(weights.sum(), rel=1e-12)
    # All that follows is seen from the first point, in units of the hull.
    width = np.ptp(positions) or 1.0
    there, here = (x - positions[0]) / width, (positions - positions[0]) / width
    for moment in (1, 2):
        expected = np.average(here**moment, weights=weights)
        assert w @ there**moment / w.sum() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(lines)
def test_pair_has_the_third_moment_too(points) -> None:
    positions, weights = _sorted(points)
    nodes, masses, _ = pairs(positions, weights, WHOLE)
    width = np.ptp(positions) or 1.0
    here, there = (positions - positions[0]) / width, (nodes[0] - positions[0]) / width
    mean = np.average(here, weights=weights)
    expected = np.average((here - mean) ** 3, weights=weights)
    assert np.average((there - mean) ** 3, weights=masses[0]) == pytest.approx(expected, abs=1e-9)


def test_whole_batch_costs_the_same_at_every_centre() -> None:
    random = np.random.default_rng(1)
    positions, weights = np.sort(random.exponential(size=50)), random.random(50)
    nodes, masses, _ = pairs(positions, weights, WHOLE)
    for centre in (-3.0, 0.2, 1.0, 90.0):
        cost = weights @ (positions - centre) ** 2
        assert masses[0] @ (nodes[0] - centre) ** 2 == pytest.approx(cost, rel=1e-12)


def test_movement_onto_a_pair_is_that_of_optimal_transport() -> None:
    random = np.random.default_rng(2)
    for _ in range(20):
        positions = np.sort(random.exponential(size=8))
        weights = random.integers(1, 5, 8).astype(float)
        nodes, masses, moved = pairs(positions, weights, WHOLE)
        # Quantile by quantile, at the middle of each of many equal parts.
        levels = (np.arange(200_000) + 0.5) / 200_000
        here = positions[np.searchsorted(np.cumsum(weights) / weights.sum(), levels)]
        there = np.where(levels < masses[0, 0] / masses[0].sum(), nodes[0, 0], nodes[0, 1])
        expected = weights.sum() * ((here - there) ** 2).mean()
        assert moved[0] == pytest.approx(expected, rel=1e-3)
        # Sum of squares is no less than what the distance of first order allows.
        first = wasserstein_distance(positions, nodes[0], weights, masses[0])
        assert moved[0] >= weights.sum() * first**2 * (1 - 1e-9)


def test_two_points_are_their_own_pair() -> None:
    nodes, masses, moved = pairs(np.array([1.0, 4.0]), np.array([3.0, 0.5]), WHOLE)
    np.testing.assert_allclose(nodes, [[1, 4]], rtol=1e-14)
    np.testing.assert_allclose(masses, [[3, 0.5]], rtol=1e-14)
    assert moved[0] < 1e-25


def test_equal_points_become_one() -> None:
    nodes, masses, moved = pairs(np.full(5, 7.25), np.arange(1.0, 6), WHOLE)
    assert nodes[0, 0] == 7.25
    assert masses.tolist() == [[15, 0]]
    assert moved[0] == 0


@given(lines)
def test_means_keep_weight_and_mean(points) -> None:
    positions, weights = _sorted(points)
    starts = np.unique([0, len(positions) // 2])
    centres, masses = means(positions, weights, starts)
    assert masses.sum() == pytest.approx(weights.sum(), rel=1e-12)
    scale = weights.sum() * np.abs(positions).max()
    assert masses @ centres == pytest.approx(weights @ positions, abs=1e-12 * scale)


@given(st.integers(0, 10**6))
def test_weights_are_copies(seed: int) -> None:
    random = np.random.default_rng(seed)
    positions, weights = np.sort(random.normal(size=9)), random.integers(1, 4, 9)
    copies = np.repeat(positions, weights)
    for weighted, copied in zip(
        [*means(positions, weights.astype(float), WHOLE), *pairs(positions, 1.0 * weights, WHOLE)],
        [*means(copies, np.ones(len(copies)), WHOLE), *pairs(copies, np.ones(len(copies)), WHOLE)],
        strict=True,
    ):
        np.testing.assert_allclose(weighted, copied, rtol=1e-9, atol=1e-12)
