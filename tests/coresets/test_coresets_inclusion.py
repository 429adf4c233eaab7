"""Systematic draws have the probabilities they should, and calibrated weights what is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from equipoise.coresets.calibration import _COST_RIDGE, _RIDGE, calibrated
from equipoise.coresets.inclusion import banded, drawn, inclusion


def slow_inclusion(shares, quota):
    """As the textbooks have it: what is more than 1 is made 1, the rest shares what is left."""
    certain = np.zeros(len(shares), bool)
    while True:
        left = quota - certain.sum()
        found = np.where(certain, 1.0, left * shares / shares[~certain].sum())
        if not (found[~certain] >= 1).any():
            return found
        certain |= found >= 1


@settings(max_examples=100)
@given(st.lists(st.floats(0.01, 100), min_size=3, max_size=30), st.data())
def test_probabilities_are_those_of_the_textbook(shares, data):
    shares = np.array(shares)
    quota = data.draw(st.integers(1, len(shares) - 1))
    both = np.concatenate([shares, [1.0, 1.0]])
    of = np.concatenate([np.zeros(len(shares), int), [1, 1]])
    found = inclusion(both, of, np.array([quota, 1]))
    np.testing.assert_allclose(found[:-2], slow_inclusion(shares, quota), rtol=1e-5)
    np.testing.assert_allclose(found[-2:], 0.5)


@given(st.integers(2, 20), st.data())
def test_the_others_have_a_draw_left_however_little_they_weigh(n, data):
    shares = 10.0 ** -np.array(data.draw(st.lists(st.integers(0, 300), min_size=n, max_size=n)))
    quota = data.draw(st.integers(1, n - 1))
    found = inclusion(shares, np.zeros(n, int), np.array([quota]))
    assert found.sum() == pytest.approx(quota, rel=1e-5)
    assert (found == 1).sum() < quota
    assert ((found >= 0) & (found <= 1)).all()


def test_all_points_of_a_collection_are_certain_if_all_are_wanted():
    found = inclusion(np.array([1e-300, 1.0, 5.0]), np.zeros(3, int), np.array([3]))
    assert found.tolist() == [1, 1, 1]


@pytest.mark.parametrize("n_bands", [1, 3])
def test_points_are_drawn_as_often_as_is_probable(n_bands):
    random = np.random.default_rng(0)
    of = np.repeat([0, 1], [12, 8])
    probabilities = inclusion(random.random(20) + 0.05, of, np.array([5, 2]))
    bands = of * n_bands + random.integers(0, n_bands, 20)
    times = np.zeros(20)
    for _ in range(4000):
        chosen = drawn(probabilities, bands, n_bands, random.random(2))
        assert np.bincount(of[chosen]).tolist() == [5, 2]
        times += chosen
    error = np.sqrt(probabilities * (1 - probabilities) / 4000)
    assert (np.abs(times / 4000 - probabilities) <= 4 * error + 1e-6).all()


@given(st.integers(0, 10**6), st.integers(5, 200))
def test_runs_of_bands_have_a_draw_for_each_whole_of_their_probability(seed, n):
    random = np.random.default_rng(seed)
    probabilities = inclusion(random.random(n) ** 4, np.zeros(n, int), np.array([n // 3 + 1]))
    bands = random.integers(0, 7, n)
    chosen = drawn(probabilities, bands, 7, random.random(1))
    uncertain = probabilities < 1
    for first in range(7):
        for last in range(first, 7):
            run = uncertain & (bands >= first) & (bands <= last)
            expected = probabilities[run].sum()
            assert np.floor(expected + 1e-6) <= (chosen & run).sum() <= np.ceil(expected - 1e-6)


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=40), st.integers(1, 5))
def test_bands_are_by_cell_and_in_each_cell_by_key(keys, n_cells):
    keys = np.array(keys)
    cells = np.arange(len(keys)) % n_cells
    bands, n_bands = banded(cells, n_cells, keys)
    np.testing.assert_array_equal(bands // n_bands, cells)
    for cell in range(n_cells):
        inside = cells == cell
        order = np.argsort(keys[inside], kind="stable")
        assert (np.diff(bands[inside][order]) >= 0).all()
    high = keys >= keys.max() / 2**15
    for one, other in zip(np.flatnonzero(high), np.flatnonzero(high)[n_cells:], strict=False):
        if cells[one] == cells[other] and bands[one] == bands[other]:
            assert max(keys[one], keys[other]) <= min(keys[one], keys[other]) * (1 + 1 / 64)


@pytest.mark.parametrize("n_cells", [2**18, 2**22])
def test_many_cells_have_few_bands(n_cells):
    bands, n_bands = banded(np.array([0, n_cells - 1]), n_cells, np.array([1.0, 3.0]))
    assert n_bands * n_cells <= 2**22
    np.testing.assert_array_equal(bands // n_bands, [0, n_cells - 1])


def case(n=400, m=60, d=3, seed=0):
    random = np.random.default_rng(seed)
    points = random.normal(size=(n, d)) + 1e6
    weights = random.random(n) + 0.1
    strata = random.integers(-1, 2, n)
    points[strata == 1] *= 1e-3
    costs = ((points - points[0]) ** 2).sum(1)
    chosen = np.sort(random.choice(np.flatnonzero(strata >= 0), m, replace=False))
    references = points[[np.flatnonzero(strata == s)[0] for s in (0, 1)]]
    return points, weights, costs, strata, references, chosen, 1 + random.random(m)


def test_masses_are_exact_and_means_nearly():
    points, weights, costs, strata, references, chosen, first = case(n=600, m=300)
    found = calibrated(points, weights, costs, strata, references, chosen, first)
    for s in (0, 1):
        inside, here = strata == s, strata[chosen] == s
        assert found[here].sum() == pytest.approx(weights[inside].sum(), rel=1e-13)
        for feature in (*points.T, costs):
            spread = feature[inside].std()
            wanted = np.average(feature[inside], weights=weights[inside])
            given_ = np.average(feature[chosen][here], weights=first[here])
            got = np.average(feature[chosen][here], weights=found[here])
            assert abs(got - wanted) < max(1e-3 * spread, abs(given_ - wanted) / 20)


def test_weights_are_the_least_of_what_they_are_said_to_minimise():
    points, weights, costs, strata, references, chosen, first = case()
    found = calibrated(points, weights, costs, strata, references, chosen, first)
    for s in (0, 1):
        inside, here = strata == s, strata[chosen] == s
        features = np.column_stack([points - references[s], costs])
        w = weights[inside] / weights[inside].sum()
        mean = w @ features[inside]
        spread = np.sqrt(w @ (features[inside] - mean) ** 2)
        at = (features[chosen][here] - mean) / spread
        ridge = np.array([_RIDGE] * 3 + [_COST_RIDGE]) * (4 / here.sum()) ** 2

        def objective(slope, at=at, here=here, ridge=ridge):
            return np.log(first[here] @ np.exp(at @ slope)) + ridge @ slope**2 / 2

        slope = minimize(objective, np.zeros(4), method="BFGS", options={"gtol": 1e-7}).x
        expected = first[here] * np.exp(at @ slope)
        expected *= weights[inside].sum() / expected.sum()
        np.testing.assert_allclose(found[here], expected, rtol=1e-4)


def test_a_stratum_of_one_point_gives_it_the_mass():
    points = np.array([[0.0], [1.0], [2.0]])
    found = calibrated(
        points, np.array([1.0, 2.0, 4.0]), points[:, 0], np.zeros(3, int), points[:1],
        np.array([1]), np.array([9.0]),
    )  # fmt: skip
    assert found.tolist() == [7.0]
