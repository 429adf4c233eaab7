"""Centres that are refined: cost falls, weights are copies, optima are found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.cluster import KMeans

from equipoise.coresets.lloyd import refine


def _mixture(seed: int, n: int = 300, d: int = 3, k: int = 4) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    points = random.normal(size=(n, d)) + 4 * random.normal(size=(k, d))[random.integers(k, size=n)]
    return points, random.integers(0, 4, n).astype(float)


def _cost(points: np.ndarray, weights: np.ndarray, centres: np.ndarray, power: float) -> float:
    distances = np.linalg.norm(points[:, None] - centres[None], axis=2).min(1)
    return float(weights @ distances**power)


@pytest.mark.parametrize("power", [1, 1.5, 2, 3, 4])
def test_cost_never_rises_from_one_iteration_to_the_next(power: float) -> None:
    for seed in range(5):
        points, weights = _mixture(seed)
        centres = points[:5]
        before = _cost(points, weights, centres, power)
        for _ in range(12):
            centres, labels, cost = refine(points, weights, centres, power, max_iter=1)
            assert cost <= before * (1 + 1e-13)
            before = cost
        assert cost == pytest.approx(_cost(points, weights, centres, power), rel=1e-12)
        squares = ((points[:, None] - centres[None]) ** 2).sum(2)
        assert (squares.argmin(1) == labels).all()


def test_means_are_scikit_learns_from_the_same_start() -> None:
    points, weights = _mixture(3)
    theirs = KMeans(5, init=points[:5], n_init=1, max_iter=200, tol=0).fit(
        points, sample_weight=weights
    )
    centres, labels, cost = refine(points, weights, points[:5], 2, max_iter=200, tol=0)
    np.testing.assert_allclose(centres, theirs.cluster_centers_, rtol=1e-9)
    assert cost == pytest.approx(theirs.inertia_)
    assert (labels == theirs.labels_).all()


@pytest.mark.parametrize("power", [1, 1.3, 3])
def test_one_centre_is_where_a_general_optimizer_finds_it(power: float) -> None:
    points, weights = _mixture(1, n=60)
    weights += 1

    def cost(centre: np.ndarray) -> float:
        return _cost(points, weights, centre[None], power)

    best = minimize(cost, points.mean(0), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 0})
    found = refine(points, weights, points[:1], power, max_iter=500, tol=1e-14)[2]
    assert found <= best.fun * (1 + 1e-9)


@pytest.mark.parametrize("power", [1, 1.2, 1.7])
def test_centre_that_begins_on_a_point_leaves_it_where_that_is_better(power: float) -> None:
    points = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1], [3, 3]])
    centres, _, cost = refine(points, None, points[4:], power, max_iter=200, tol=0)
    other = refine(points, None, [[0.6, 0.5]], power, max_iter=200, tol=0)[2]
    assert cost == pytest.approx(other, rel=1e-6)
    assert not np.allclose(centres, points[4])


def test_median_stays_on_a_point_that_outweighs_the_others() -> None:
    points = np.array([[0.0, 0], [1, 0], [0, 1]])
    centres, _, cost = refine(points, [5, 1, 1], points[:1], 1)
    assert (centres == 0).all()
    assert cost == 2


@given(st.integers(0, 1000), st.sampled_from([1, 2, 3]))
def test_weights_are_copies(seed: int, power: int) -> None:
    points, weights = _mixture(seed, n=40)
    weights[:3] = 2
    copies = np.repeat(points, weights.astype(int), axis=0)
    # Later on a centre may lose its points, and goes where a point costs most: with its weight.
    weighted = refine(points, weights, points[:3], power, max_iter=1, tol=0)
    copied = refine(copies, None, points[:3], power, max_iter=1, tol=0)
    # Whether a step is worth it can hang on the last bit, so centres are not the same to the last.
    assert weighted[2] == pytest.approx(copied[2], rel=1e-6)


def test_centre_without_points_goes_to_the_costliest_point() -> None:
    points = np.array([[0.0], [1], [2], [50]])
    centres, labels, cost = refine(points, None, [[1.0], [900.0], [901.0]], 2)
    assert cost == pytest.approx(0.5)
    assert len(set(labels)) == 3
    assert 50 in centres


def test_fewer_distinct_points_than_centres_cost_nothing() -> None:
    centres, _, cost = refine([[1.0], [1.0], [4.0]], None, [[1.0], [2.0], [9.0]], 1)
    assert cost == 0
    assert np.isfinite(centres).all()


def test_far_from_the_origin_no_bits_are_lost() -> None:
    points, weights = _mixture(5)
    here = refine(points, weights, points[:4], 2)
    there = refine(points + 1e8, weights, points[:4] + 1e8, 2)
    assert there[2] == pytest.approx(here[2], rel=1e-6)


def test_same_bits_twice_and_the_callers_centres_untouched() -> None:
    points, weights = _mixture(6)
    start = points[:4].copy()
    once, twice = (refine(points, weights, start, 1)[0] for _ in range(2))
    assert once.tobytes() == twice.tobytes()
    assert (start == points[:4]).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weights": [0.0, 0, 0]}, "positive weight"),
        ({"weights": [1.0, -1, 0]}, "weights must be finite and not negative"),
        ({"weights": [1.0, 1]}, "weights must have shape"),
        ({"points": [[1.0], [np.nan], [2]]}, "points has NaN"),
        ({"centres": [[1.0, 2]]}, "centres must have shape"),
        ({"centres": np.empty((0, 1))}, "centres must have shape"),
        ({"power": 0.5}, "power must be a number of at least 1"),
        ({"power": "2"}, "power must be a number of at least 1"),
        ({"power": np.nan}, "power must be a number of at least 1"),
        ({"max_iter": -1}, "max_iter"),
        ({"tol": np.nan}, "tol"),
        ({"points": [[0.0], [1.0], [1e200]]}, "so far apart"),
    ],
)
def test_bad_input_is_refused_by_name(changed: dict, message: str) -> None:
    given = {"points": [[1.0], [2.0], [4.0]], "weights": None, "centres": [[1.0]], "power": 2}
    with pytest.raises(ValueError, match=message):
        refine(**(given | changed))
