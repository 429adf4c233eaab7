"""Gaussians and exponentials on polytopes, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats
from tests.sampling.bodies import cube, random_rows, simplex

from equipoise.sampling import Chains, GaussianGibbs, Polytope, run, start
from equipoise.sampling.diagnostics import mcse_mean
from equipoise.sampling.loops.truncated import conditional, exponential_between, normal_between


def drawn(draw, *given, number=4000):
    rng = np.random.default_rng(5)
    return np.array([draw(*map(float, given), rng) for _ in range(number)])


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (-1, 1),
        (-1, 10),
        (-0.1, 10),
        (0.3, 9),
        (0.3, 0.5),
        (-3, -2),
        (30, 40),
        (-40, -30),
        (-5, 0.2),
        (-1e-3, 1e-3),
        (37, np.inf),
    ],
)
def test_truncated_normal_follows_its_distribution(low, high):
    x = drawn(normal_between, low, high)
    assert stats.kstest(x, stats.truncnorm(low, high).cdf).pvalue > 1e-3


def test_far_out_a_truncated_normal_is_exponential():
    x = drawn(normal_between, 1e6, 1e6 + 1)
    assert x.min() >= 1e6
    assert stats.kstest((x - 1e6) * 1e6, stats.expon.cdf).pvalue > 1e-3


@pytest.mark.parametrize("rate", [-300.0, -1.0, 0.0, 1e-14, 2.0, 1e5])
def test_truncated_exponential_follows_its_distribution(rate):
    x = drawn(exponential_between, 1, 3, rate)
    away = (3 - x if rate > 0 else x - 1) * max(abs(rate), 1e-9)
    edge = 2 * max(abs(rate), 1e-9)
    assert stats.kstest(away, stats.truncexpon(edge).cdf).pvalue > 1e-3


@given(
    st.floats(-1e8, 1e8),
    st.floats(0, 1e8),
    st.floats(-1e8, 1e8),
    st.floats(1e-8, 1e8) | st.just(np.inf),
    st.floats(-1e3, 1e3),
)
def test_conditional_draws_stay_between_their_bounds(low, width, mean, deviation, rate):
    x = conditional(low, low + width, mean, deviation, rate, np.random.default_rng(0))
    assert low <= x <= low + width


@pytest.mark.parametrize("deviation", [1e6, 1e8, 1e150])
@pytest.mark.parametrize("rate", [5.0, -5.0, 0.01])
def test_a_wide_gaussian_with_a_tilt_is_an_exponential(deviation, rate):
    x = drawn(conditional, -1, 2, 0, deviation, rate)
    away = (2 - x if rate > 0 else x + 1) * abs(rate)
    assert stats.kstest(away, stats.truncexpon(3 * abs(rate)).cdf).pvalue > 1e-3


@pytest.mark.parametrize("mean", [-40.0, -2.0, -1.1, 0.3, 2.1, 50.0])
def test_a_conditional_draw_follows_its_distribution(mean):
    x = drawn(conditional, -1, 2, mean - 0.5, 0.5, 2)  # a tilt of 2 moves the mean by 0.5
    cdf = stats.truncnorm((-1 - mean) / 0.5, (2 - mean) / 0.5, mean, 0.5).cdf
    assert stats.kstest(x, cdf).pvalue > 1e-3


@pytest.mark.parametrize("columns", ["dense", "sparse"])
def test_gaussian_with_a_tilt_on_a_box_has_the_product_s_moments(columns):
    body = cube(4).prepare(rounding="none")
    mean, variance = np.array([0.0, 0.5, -3.0, 1.0]), 0.2
    tilt = np.array([0.0, 2.0, 0.0, -4.0])
    kernel = GaussianGibbs(body, mean, variance, tilt, columns)
    chains, _ = run(kernel, start(kernel, body.centre, seed=1), 20, thin=4)
    _, draws = run(kernel, chains, 3000, thin=4)
    deviation = np.sqrt(variance)
    middle = mean + variance * tilt
    exact = stats.truncnorm((-1 - middle) / deviation, (1 - middle) / deviation, middle, deviation)
    z = (draws.array.mean(axis=(0, 1)) - exact.mean()) / mcse_mean(draws.array)
    squares = (draws.array - exact.mean()) ** 2
    z_squares = (squares.mean(axis=(0, 1)) - exact.var()) / mcse_mean(squares)
    assert np.abs([z, z_squares]).max() < 4


def test_tilt_alone_on_a_simplex_has_the_mean_of_its_integral():
    polytope = Polytope([[1.0, 1.0]], [1.0], bounds=[(0, None)] * 2)
    body = polytope.prepare(rounding="none")
    tilt = np.array([3.0, -2.0])
    kernel = GaussianGibbs(body, tilt=body.basis.T @ tilt)
    chains, _ = run(kernel, start(kernel, body.centre, seed=2), 50, thin=2)
    _, draws = run(kernel, chains, 4000, thin=2)
    x = body.to_x(draws.array)

    def integral(power):
        return integrate.dblquad(
            lambda v, u: u**power * np.exp(tilt @ (u, v)), 0, 1, 0, lambda u: 1 - u
        )[0]

    first = x[..., 0]
    assert abs(first.mean() - integral(1) / integral(0)) < 4 * mcse_mean(first)


def test_covariance_is_that_of_the_map():
    covariance = np.array([[1.0, 0.6], [0.6, 0.5]])
    body = cube(2).prepare(rounding="none").mapped(np.linalg.cholesky(covariance), np.zeros(2))
    kernel = GaussianGibbs(body, np.zeros(2), 0.01)
    chains, _ = run(kernel, start(kernel, body.centre, seed=3), 20, thin=2)
    _, draws = run(kernel, chains, 3000, thin=2)
    x = body.to_x(draws.flat())
    np.testing.assert_allclose(np.cov(x.T), 0.01 * covariance, rtol=0.1)


def test_log_density_is_that_of_the_draws():
    body = random_rows(30, 5).prepare()
    kernel = GaussianGibbs(body, np.ones(5), 0.3, np.arange(5.0))
    _, draws = run(kernel, start(kernel, body.centre, seed=4), 7, thin=3)
    away = ((draws.array - 1) ** 2).sum(axis=2)
    np.testing.assert_allclose(draws.log_density, -away / 0.6 + draws.array @ np.arange(5.0))


def test_slacks_are_refreshed_in_long_runs():
    body = simplex(6).prepare(rounding="none")
    kernel = GaussianGibbs(body, variance=0.05)
    chains, _ = run(kernel, start(kernel, body.centre, seed=5, n_chains=1), 10, thin=20_001)
    np.testing.assert_allclose(
        chains.state["slack"], body.slack(chains.state["position"]), atol=1e-12
    )


def test_same_bits_whatever_the_workers_blocks_and_breaks(tmp_path):
    body = random_rows(40, 6).prepare()
    kernel = GaussianGibbs(body, variance=0.5)
    begun = start(kernel, body.centre, seed=6)
    _, whole = run(kernel, begun, 40, thin=3, workers=1)
    chains, first = run(kernel, begun, 13, thin=3, workers=3)
    chains.save(tmp_path / "chains.npz")
    _, rest = run(kernel, Chains.load(tmp_path / "chains.npz"), 27, thin=3, workers=2)
    joined = np.concatenate([first.array, rest.array], axis=1)
    assert (joined == whole.array).all()
    densities = np.concatenate([first.log_density, rest.log_density], axis=1)
    assert (densities == whole.log_density).all()


def test_kernels_of_different_targets_have_different_identities():
    body = cube(3).prepare()
    kernels = [
        GaussianGibbs(body),
        GaussianGibbs(body, variance=1.0),
        GaussianGibbs(body, np.ones(3)),
        GaussianGibbs(body, tilt=np.ones(3)),
        GaussianGibbs(body, columns="dense"),
    ]
    assert len({kernel.identity for kernel in kernels}) == len(kernels)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"variance": 0.0}, "variance is positive"),
        ({"variance": np.nan}, "variance is positive"),
        ({"mean": np.zeros(4)}, "mean has shape"),
        ({"tilt": [np.nan] * 3}, "tilt has NaN"),
        ({"columns": "both"}, "columns are"),
    ],
)
def test_wrong_targets_are_named(wrong, named):
    with pytest.raises(ValueError, match=named):
        GaussianGibbs(cube(3).prepare(), **wrong)


@pytest.mark.parametrize("columns", ["dense", "sparse"])
def test_on_a_body_too_a_wide_gaussian_with_a_tilt_is_an_exponential(columns):
    body, tilt = cube(3).prepare(rounding="none"), np.array([5.0, -2.0, 0.0])
    kernel = GaussianGibbs(body, variance=1e16, tilt=tilt, columns=columns)
    _, draws = run(kernel, start(kernel, body.centre, seed=1), 2000, thin=3)
    steep = np.array([5.0, -2.0])
    exact = np.append(1 / np.tanh(steep) - 1 / steep, 0.0)
    z = (draws.array.mean(axis=(0, 1)) - exact) / mcse_mean(draws.array)
    assert np.abs(z).max() < 4
