"""Centres exchanged for other rows while that costs less."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.coresets.transport import distances

from equipoise.coresets.local_search import search_drawn, search_in_order


def _points(seed: int, n: int = 30) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.standard_t(2, (n, 2)), random.integers(1, 4, n).astype(float)


def _cost(points: np.ndarray, weights: np.ndarray, rows: object, power: float) -> float:
    return float(weights @ distances(points, points[np.asarray(rows)], power).min(1))


def _first_better_slowly(
    points: np.ndarray, weights: np.ndarray, power: float, n_exchanges: int
) -> set[int]:
    rows = {0, 1, 2}
    for _ in range(n_exchanges):
        now = _cost(points, weights, sorted(rows), power)
        for come, go in itertools.product(range(len(points)), sorted(rows)):
            if come not in rows and _cost(points, weights, [*(rows - {go}), come], power) < now:
                rows = rows - {go} | {come}
                break
        else:
            break
    return rows


@pytest.mark.parametrize("power", [1, 2, 3])
def test_search_in_order_makes_the_first_exchange_that_helps(power: int) -> None:
    for seed, n_exchanges in itertools.product(range(5), [1, 4, 50]):
        points, weights = _points(seed)
        found = search_in_order(points, weights, np.arange(3), power, n_exchanges)
        assert set(found) == _first_better_slowly(points, weights, power, n_exchanges)


@pytest.mark.parametrize("power", [1, 2])
def test_where_no_exchange_helps_cost_is_within_the_factor_of_the_theory(power: int) -> None:
    for seed in range(10):
        points, weights = _points(seed, 12)
        found = search_in_order(points, weights, np.arange(3), power, 10**6)
        best = min(
            _cost(points, weights, rows, power) for rows in itertools.combinations(range(12), 3)
        )
        assert _cost(points, weights, found, power) <= (5 if power == 1 else 25) * best


@pytest.mark.parametrize("power", [1, 2, 3])
def test_drawn_exchanges_never_cost_more_and_come_near_the_best(power: int) -> None:
    factors = []
    for seed in range(10):
        points, weights = _points(seed, 14)
        random = np.random.default_rng(seed)
        rows, before = np.arange(3), _cost(points, weights, np.arange(3), power)
        for _ in range(12):
            rows = search_drawn(points, weights, rows, power, 5, random)
            after = _cost(points, weights, rows, power)
            assert after <= before * (1 + 1e-12)
            before = after
        best = min(
            _cost(points, weights, rows, power) for rows in itertools.combinations(range(14), 3)
        )
        factors.append(before / best)
    assert np.mean(factors) < 1.2


def test_points_that_cost_nothing_end_the_search() -> None:
    points = np.repeat([[0.0], [1.0]], 5, axis=0)
    random = np.random.default_rng(0)
    assert set(search_drawn(points, np.ones(10), np.array([0, 5]), 1, 10, random)) == {0, 5}
    assert set(search_in_order(points, np.ones(10), np.array([0, 5]), 1, 4)) == {0, 5}
