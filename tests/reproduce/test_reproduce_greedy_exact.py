"""The exact side of the re-run of greedy equilibria, against closed forms."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from scipy import stats

from equipoise.optim.minmax import games
from equipoise.reproduce.greedy_equilibrium.convex import Quadratic
from equipoise.reproduce.greedy_equilibrium.exact import greedy_max, smooth_along, smooth_at
from equipoise.reproduce.greedy_equilibrium.games import step_down, two_peaks, waves
from equipoise.reproduce.greedy_equilibrium.published import GAMES, NAMED
from equipoise.reproduce.greedy_equilibrium.saddles import find_saddles
from equipoise.reproduce.greedy_equilibrium.truncation import smoothed_minimum, smoothed_slope
from equipoise.reproduce.greedy_equilibrium.work import fit_power

SIGMA, HALF_NORMAL = 0.1, math.sqrt(2 / math.pi)
STEP = 0.05 / SIGMA
# g, where, S', S'' and the share of draws that improve; far from 0 against sigma, one side counts.
CLOSED = [
    (np.abs, 1.0, 0.5, -HALF_NORMAL / 2 / SIGMA, 0.5),
    (np.square, 0.0, 0.0, 0.0, 0.0),
    (np.square, 1.0, 1 - SIGMA * HALF_NORMAL, 0.5 - HALF_NORMAL / SIGMA + 0.5, 0.5),
    (
        lambda x: (x > 0).astype(float),
        0.05,
        stats.norm.pdf(STEP) / SIGMA,
        -STEP * stats.norm.pdf(STEP) / SIGMA**2,
        stats.norm.cdf(-STEP),
    ),
]


@pytest.mark.parametrize(("g", "at", "slope", "bend", "improving"), CLOSED)
def test_derivatives_of_the_truncated_smoothing_are_those_in_closed_form(
    g, at, slope, bend, improving
):
    found = smooth_at(g, at, SIGMA, nodes=48_001)
    assert found.slope == pytest.approx(slope, abs=1e-3)
    assert found.bend == pytest.approx(bend, rel=1e-3, abs=1e-3)
    assert found.improving == pytest.approx(improving, abs=1e-3)


def test_the_greedy_max_of_a_concave_response_is_its_maximum():
    x = np.linspace(-2, 2, 9)
    assert greedy_max(games.no_saddle(), x, 0.3, 1e-4) == pytest.approx(x**2, abs=1e-3)


def test_a_greedy_maximizer_stays_at_its_end_of_a_box():
    x = np.array([-1.0, 1.0])
    # At y = 10 with x < 0 the value would rise first inwards, and there it falls.
    assert greedy_max(GAMES["F2"], x, 10.0, 1e-2) == pytest.approx(3 + 100 + 40 * x)
    assert greedy_max(GAMES["box"], x, 0.0, 1e-2) == pytest.approx([5.0, 5.0])


def test_the_greedy_max_of_two_peaks_jumps_up_where_the_valley_closes():
    g = greedy_max(two_peaks(), np.array([-0.02, 0.02]), -0.75, 1e-2)
    assert g[0] < -1.2
    assert g[1] > 1.5


def test_a_path_without_end_is_an_error():
    with pytest.raises(ValueError, match="does not end"):
        greedy_max(games.bilinear(), np.array([1.0]), 0.0, 1e-2)


@pytest.mark.parametrize("sigma", [0.05, 0.3])
def test_the_slope_of_the_counter_example_smoothed_alone_is_that_of_its_integral(sigma):
    wide = np.linspace(-4, 4, 80_001) + 5e-5
    f = step_down(torch.from_numpy(wide)).numpy()
    for t in (-1.0, 0.0, 1.0, 2.0):
        at = np.array([t - 1e-3, t + 1e-3]) * sigma
        low, high = smooth_along(f, wide, sigma, at)
        slope = float(smoothed_slope(t, sigma))
        assert (high - low) / (2e-3 * sigma) == pytest.approx(slope, abs=0.02)
    at = smoothed_minimum(sigma)
    assert smoothed_slope(at - 0.1, sigma) < 0 < smoothed_slope(at + 0.1, sigma)
    assert at > 0.5


def test_the_counter_example_is_the_papers():
    x = torch.tensor([-1.0, 0.0, 1e-9, 2.0], dtype=torch.float64)
    assert step_down(x).tolist() == pytest.approx([3.0, 1.0, 0.0, 2.0], abs=1e-8)


def test_named_points_that_are_equilibria_are_flat_exactly_and_others_are_not():
    for point in NAMED:
        g = partial(greedy_max, GAMES[point.key], y=point.y, tolerance=1e-2)
        slope = abs(smooth_at(g, point.x, SIGMA, nodes=301).slope)
        if point.found_before:
            assert (slope <= 1e-2) is point.is_equilibrium
            assert slope == pytest.approx(float(point.found_before), rel=0.1, abs=2e-3)


@pytest.mark.parametrize("seed", [0, 1])
def test_saddles_that_are_found_are_saddles(seed):
    game = waves(1, seed)
    points = find_saddles(game, seed)
    assert len(points)
    for point in points:
        z = torch.from_numpy(point).requires_grad_()
        (slope,) = torch.autograd.grad(game.value(z[:1], z[1:]), z)
        assert slope.abs().max() < 1e-8
        bend = torch.autograd.functional.hessian(lambda z: game.value(z[:1], z[1:]), z)
        assert bend[0, 0] > 0 > bend[1, 1]


@pytest.mark.parametrize("d", [1, 2, 10])
def test_the_gap_is_0_at_the_answer_and_positive_beside_it(d):
    at = Quadratic(d, seed=3)
    assert at.gap(at.x) == pytest.approx(0, abs=1e-12)
    x = at.x + 0.3
    assert at.gap(x) > 0
    y = at.best_answer(x)
    for other in (y + 0.1, y - 0.1):
        if d > 1:  # in a box the best answer is at its edge
            assert at.game.value(x, other) < at.game.value(x, y)
    if d > 1:
        assert at.game.distance(at.x, at.best_answer(at.x)) < 1e-9


def test_a_power_law_is_told_from_an_exponential():
    x = np.array([1.0, 2.0, 4.0, 8.0])
    noise = np.array([0.9, 1.0, 1.1])
    power = fit_power(x, 100 * x[:, None] ** 1.5 * noise)
    assert power.exponent.value == pytest.approx(1.5)
    assert power.residual < power.exponential_residual
    steep = fit_power(x, 100 * np.exp(x[:, None]) * noise)
    assert steep.residual > steep.exponential_residual
