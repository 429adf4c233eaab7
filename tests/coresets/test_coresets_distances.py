"""The nearest centre: exact far from the origin, and the same bits however the work is divided."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from equipoise.coresets import Coreset, Stratified, threads
from equipoise.coresets.distances import all_costs, nearer, nearest, to_power


def data(n=4001, d=5, k=7, far=0.0):
    random = np.random.default_rng(0)
    return random.normal(size=(n, d)) + far, random.normal(size=(k, d)) + far


@pytest.fixture
def many_threads(monkeypatch):
    """Threads for work of any size; returns how to ask for some, and what was started."""
    started = []

    class Counted(ThreadPoolExecutor):
        def __init__(self, count):
            started.append(count)
            super().__init__(count)

    def use(count):
        monkeypatch.setattr(threads, "_WORTH_IT", 0)
        monkeypatch.setattr(threads, "ThreadPoolExecutor", Counted)
        monkeypatch.setenv("OMP_NUM_THREADS", str(count))
        return started

    return use


@pytest.mark.parametrize("far", [0.0, 1e8])
@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
def test_costs_are_distances_to_the_power_wherever_the_data_lie(far, power):
    points, centres = data(200, far=far)
    difference = points[:, None, :] - centres
    exact = np.linalg.norm(difference, axis=2) ** power
    np.testing.assert_allclose(all_costs(points, centres, power), exact, rtol=1e-12)
    labels, squares = nearest(points, centres)
    np.testing.assert_array_equal(labels, exact.argmin(1))
    np.testing.assert_allclose(to_power(squares, power), exact.min(1), rtol=1e-12)


def test_of_equally_near_centres_the_first_is_taken():
    points, centres = np.array([[0.0], [5.0]]), np.array([[1.0], [-1.0], [1.0]])
    assert nearest(points, centres)[0].tolist() == [0, 0]


def test_centres_that_are_added_are_as_if_they_had_been_there():
    points, centres = data()
    labels, squares = nearest(points, centres[:3])
    nearer(points, centres[3:], 3, labels, squares)
    whole = nearest(points, centres)
    np.testing.assert_array_equal(labels, whole[0])
    np.testing.assert_array_equal(squares, whole[1])


@pytest.mark.parametrize("count", [2, 3, 5])
def test_threads_make_no_difference_to_a_bit(many_threads, count, monkeypatch):
    points, centres = data()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    labels, squares = nearest(points, centres)
    costs = all_costs(points, centres, 1.0)
    coreset = Coreset.from_block(points).reduce(Stratified(3, 100), 0)
    started = many_threads(count)
    assert all(map(np.array_equal, nearest(points, centres), (labels, squares)))
    assert np.array_equal(all_costs(points, centres, 1.0), costs)
    other = Coreset.from_block(points).reduce(Stratified(3, 100), 0)
    assert other.weights.tobytes() == coreset.weights.tobytes()
    assert other.rows.tobytes() == coreset.rows.tobytes()
    assert set(started) == {count}


@pytest.mark.parametrize(("said", "wanted"), [("3", 3), ("4,2", 4), ("", 8), ("0", 8), ("x", 8)])
def test_as_many_threads_as_other_libraries_take_else_as_cores(monkeypatch, said, wanted):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert threads._threads() == wanted


def test_no_rows_have_no_nearest_centre():
    labels, squares = nearest(np.empty((0, 2)), np.zeros((1, 2)))
    assert len(labels) == len(squares) == 0
