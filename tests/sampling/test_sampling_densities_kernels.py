"""Kernels on log-densities: they keep what they should, and their errors are as computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats
from tests.sampling.gaussian_target import SKEWED, gaussian, mixture

from equipoise.sampling import Chains, run, start
from equipoise.sampling.densities import (
    HMC,
    MALA,
    ULA,
    ArrayTarget,
    Metric,
    RandomWalk,
    load_tuning,
    save_tuning,
    warm_up,
)

COVARIANCE = np.array([[1.0, 0.6, 0.0], [0.6, 2.0, -0.3], [0.0, -0.3, 0.5]])
MEAN = np.array([1.0, -2.0, 0.5])
METRICS = (Metric(), Metric(np.array([1.0, 1.4, 0.7])), Metric.of_covariance(COVARIANCE))


@pytest.mark.parametrize(
    "make",
    [
        lambda target: MALA(target, 0.4),
        lambda target: MALA(target, 0.8, METRICS[2]),
        lambda target: HMC(target, 0.7, METRICS[1], n_leapfrog=3),  # resonates without jitter
        lambda target: RandomWalk(target, 1.2, METRICS[2]),
    ],
)
def test_a_gaussian_keeps_its_mean_and_covariance(make):
    kernel = make(gaussian(COVARIANCE, MEAN))
    _, draws = run(kernel, start(kernel, MEAN, seed=3, n_chains=8), 3000)
    away = draws.array - MEAN
    products = {
        f"{i}{j}": away[:, :, i] * away[:, :, j] - COVARIANCE[i, j]
        for i in range(3)
        for j in range(i + 1)
    }
    summary = draws.summary(products)
    expected = np.concatenate([MEAN, summary.mean[3:5], np.zeros(6)])
    z = (summary.mean - expected) / summary.mcse_mean
    assert np.abs(z).max() < 4
    assert summary.max_rhat < 1.02


def test_one_leapfrog_step_is_mala():
    noise = np.random.default_rng(0).standard_normal((40, 5, 5))
    for metric in METRICS:
        mala = MALA(gaussian(COVARIANCE, MEAN), 0.6, metric)
        hmc = HMC(mala.target, float(np.sqrt(1.2)), metric, n_leapfrog=1, jitter=0.0)
        one = other = mala.init(np.zeros((5, 3)))
        for each in noise:
            one, other = mala.advance(one, each[:, [0, 1, 2, 4]]), hmc.advance(other, each)
            np.testing.assert_allclose(one["acceptance"], other["acceptance"], rtol=1e-12)
            np.testing.assert_allclose(one["position"], other["position"], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_the_acceptance_is_that_of_the_proposal_densities(metric):
    h, target = 0.5, SKEWED
    rng = np.random.default_rng(1)
    x, noise = rng.standard_normal((50, 3)), rng.standard_normal((50, 4))
    noise[:, -1] = -40  # so that proposals are accepted, and seen
    kernel = MALA(target, h, metric)
    after = kernel.advance(kernel.init(x), noise)
    moved = after["accepted"] == 1
    assert moved.mean() > 0.5
    x, y = x[moved], after["position"][moved]
    factor = np.eye(3) * metric.factor if metric.factor.ndim < 2 else metric.factor
    shape = factor @ factor.T

    def proposal(of: np.ndarray, given: np.ndarray) -> np.ndarray:
        centre = given + h * target.evaluate(given)[1] @ shape
        rows = zip(of, centre, strict=True)
        return np.array([stats.multivariate_normal(c, 2 * h * shape).logpdf(o) for o, c in rows])

    ratio = target.log_density(y) - target.log_density(x) + proposal(x, y) - proposal(y, x)
    np.testing.assert_allclose(
        after["acceptance"][moved], np.exp(np.minimum(ratio, 0)), rtol=1e-9, atol=1e-14
    )


@pytest.mark.parametrize("kind", ["MALA", "RandomWalk"])
def test_flows_between_points_of_a_grid_balance(kind):
    # Flow x to y: pi(x) q(y | x) acceptance, each read off the kernel by the noise that leads to y.
    size, grid = 0.6, np.linspace(-2.5, 2.0, 25)
    x, y = (side.ravel() for side in np.meshgrid(grid, grid))
    kernel = MALA(SKEWED, size) if kind == "MALA" else RandomWalk(SKEWED, size)
    state = kernel.init(x[:, None])
    if kind == "MALA":
        wanted = (y - x - size * state["gradient"][:, 0]) / np.sqrt(2 * size)
    else:
        wanted = (y - x) / size
    after = kernel.advance(state, np.stack([wanted, np.full_like(wanted, -40)], axis=1))
    moved = after["accepted"] == 1
    np.testing.assert_allclose(after["position"][moved, 0], y[moved], atol=1e-12)
    flow = np.exp(state["log_density"] - wanted**2 / 2) * after["acceptance"]
    flow = flow.reshape(25, 25)
    np.testing.assert_allclose(flow, flow.T, rtol=1e-9, atol=1e-280)
    assert (flow > 1e-12).mean() > 0.3


def test_the_error_of_energy_is_cubic_with_the_coefficient_of_its_expansion():
    # dH = eta^3 (v . H g / 4 - D^3 U[v, v, v] / 12) + O(eta^4).
    rng = np.random.default_rng(5)
    x, v = rng.uniform(-1, 1, (400, 2)), rng.standard_normal((400, 2))
    slope, curved, third = x**3 + x**2 / 2 + x, 3 * x**2 + x + 1, 6 * x + 1
    coefficient = (v * curved * slope).sum(axis=1) / 4 - (third * v**3).sum(axis=1) / 12
    rising = coefficient > 0.1  # elsewhere all are accepted, and nothing is seen of the error
    x, v, coefficient = x[rising], v[rising], coefficient[rising]
    errors = []
    for eta in (0.01, 0.005):
        kernel = MALA(SKEWED, eta**2 / 2)
        after = kernel.advance(kernel.init(x), np.column_stack([v, np.zeros(len(v))]))
        found = -np.log(after["acceptance"]) / eta**3
        slope_of = float(found @ coefficient / (coefficient @ coefficient))
        assert slope_of == pytest.approx(1, abs=0.02)
        errors.append(np.abs(found - coefficient).max())
    assert errors[1] == pytest.approx(errors[0] / 2, rel=0.15)  # what is left is of order eta


def test_ula_has_its_bias_and_mala_has_none():
    h = 0.5
    target = gaussian(np.eye(2))
    for kernel, variance in ((ULA(target, h), 1 / (1 - h / 2)), (MALA(target, h), 1.0)):
        _, draws = run(kernel, start(kernel, np.zeros(2), seed=2, n_chains=16), 3000)
        summary = draws.summary()
        z = (summary.mean[2] - 2 * variance) / summary.mcse_mean[2]
        assert abs(z) < 4
        assert summary.mcse_mean[2] < 0.03  # far less than the bias of 2/3


def test_means_agree_with_quadrature():
    def expected(power: int) -> float:
        def weigh(x: float) -> float:
            return float(np.exp(SKEWED.log_density(np.array([[x]]))[0]))

        total = integrate.quad(weigh, -8, 8)[0]
        return float(integrate.quad(lambda x: x**power * weigh(x), -8, 8)[0] / total)

    for kernel in (MALA(SKEWED, 0.3), RandomWalk(SKEWED, 1.5), HMC(SKEWED, 0.5, n_leapfrog=4)):
        _, draws = run(kernel, start(kernel, np.zeros(1), seed=5, n_chains=8), 4000)
        cubes = draws.array[:, :, 0] ** 3
        summary = draws.summary({"cube": cubes})
        for row, power in ((0, 1), (1, 2), (3, 3)):
            assert abs(summary.mean[row] - expected(power)) < 4 * summary.mcse_mean[row]


def test_modes_that_are_near_have_their_weights_and_those_far_apart_are_flagged():
    kernel = MALA(mixture(1.5), 1.0)
    _, draws = run(kernel, start(kernel, np.array([[-1.5], [1.5]] * 4), seed=1), 8000)
    right = (draws.array[:, :, 0] > 0).astype(float)
    exact = 0.7 * stats.norm.sf(1.5) + 0.3 * stats.norm.cdf(1.5)
    summary = draws.summary({"right": right})
    assert abs(summary.mean[-1] - exact) < 4 * summary.mcse_mean[-1]
    assert summary.max_rhat < 1.05
    far = MALA(mixture(8.0), 1.0)
    _, draws = run(far, start(far, np.array([[-8.0], [8.0]] * 2), seed=1), 500)
    assert draws.summary().max_rhat > 1.1


def test_zero_density_is_never_entered_and_no_divergence():
    def half(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        inside = (x > 0).all(axis=1)
        return np.where(inside, -(x**2).sum(axis=1) / 2, -np.inf), -x

    kernel = MALA(ArrayTarget(half, "half a normal"), 0.5)
    _, draws = run(kernel, start(kernel, np.ones(1), seed=4, n_chains=8), 4000)
    assert (draws.array > 0).all()
    assert draws.counts["divergent"].sum() == 0
    summary = draws.summary()
    assert abs(summary.mean[0] - np.sqrt(2 / np.pi)) < 4 * summary.mcse_mean[0]


def test_what_is_not_a_number_is_rejected_and_counted():
    def broken(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        wrong = x[:, 0] > 1
        return np.where(wrong, np.nan, -(x**2).sum(axis=1) / 2), -x

    kernel = MALA(ArrayTarget(broken, "broken"), 0.8)
    _, draws = run(kernel, start(kernel, np.zeros(1), seed=4), 200)
    assert (draws.array <= 1).all()
    assert draws.counts["divergent"].min() > 0


def test_an_infinite_gradient_is_divergent():
    def steep(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return -(x**2).sum(axis=1) / 2, np.where(x > 1, np.inf, -x)

    for kernel in (MALA(ArrayTarget(steep, "steep"), 0.8), HMC(ArrayTarget(steep, "steep"), 1.0)):
        _, draws = run(kernel, start(kernel, np.zeros(1), seed=4), 200)
        assert (draws.array <= 1).all()
        assert draws.counts["divergent"].min() > 0


def test_a_chain_that_cannot_start_is_named():
    def broken(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.where(x[:, 0] > 1, np.nan, 0.0), np.zeros_like(x)

    with pytest.raises(ValueError, match=r"chain 1 cannot start .* log_density of broken is nan"):
        start(MALA(ArrayTarget(broken, "broken"), 0.8), np.array([[0.0], [2.0]]), seed=0)


def test_ula_that_diverges_says_so():
    kernel = ULA(SKEWED, 5.0)
    with pytest.raises(FloatingPointError, match=r"chain \d of ULA.* diverged at step"):
        run(kernel, start(kernel, np.full(1, 3.0), seed=0), 100)


@pytest.mark.parametrize("size", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("kind", [MALA, ULA, RandomWalk, HMC])
def test_step_sizes_are_positive(kind, size):
    with pytest.raises(ValueError, match="step_size"):
        kind(SKEWED, size)


def test_a_metric_fits_its_target():
    with pytest.raises(ValueError, match="metric is for 3 coordinates"):
        start(MALA(SKEWED, 0.1, METRICS[1]), np.zeros(2), seed=0)
    with pytest.raises(ValueError, match="not positive definite"):
        Metric.of_covariance(np.array([[1.0, 2.0], [2.0, 1.0]]))
    with pytest.raises(ValueError, match="positive diagonal"):
        Metric(np.array([1.0, 0.0]))
    with pytest.raises(ValueError, match="lower triangular"):
        Metric(np.array([[1.0, 2.0], [2.0, 9.0]]))


def test_a_metric_of_a_precision_is_that_of_its_inverse():
    found = Metric.of_precision(np.linalg.inv(COVARIANCE)).factor
    np.testing.assert_allclose(found @ found.T, COVARIANCE, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", [MALA, ULA, RandomWalk, HMC])
def test_steps_one_by_one_and_many_at_once_are_the_same_bits(kind):
    kernel = kind(gaussian(COVARIANCE), 0.3)
    chains = start(kernel, np.zeros(3), seed=9, n_chains=3)
    _, draws = run(kernel, chains, 7, thin=3)
    state, generators = chains.state, chains.generators()
    for k in range(21):
        state = kernel.step(state, generators)
        if k % 3 == 2:
            np.testing.assert_array_equal(draws.array[:, k // 3], state["position"])


@pytest.mark.parametrize("kind", [MALA, RandomWalk, HMC])
def test_a_tuned_chain_goes_on_from_files_bit_for_bit(kind, tmp_path: Path):
    first = kind(gaussian(COVARIANCE), 0.3)
    ready = warm_up(first, start(first, np.zeros(3), seed=9), 200, learn="dense")
    _, whole = run(ready.kernel, ready.chains, 60)
    half, _ = run(ready.kernel, ready.chains, 25)
    save_tuning(ready.kernel, tmp_path / "tuning.npz")
    half.save(tmp_path / "chains.npz")
    kernel = load_tuning(kind(gaussian(COVARIANCE), 1.0), tmp_path / "tuning.npz")
    _, rest = run(kernel, Chains.load(tmp_path / "chains.npz"), 35)
    np.testing.assert_array_equal(rest.array, whole.array[:, 25:])


def test_a_file_of_something_else_is_no_tuning(tmp_path: Path):
    np.savez(tmp_path / "other.npz", a=np.zeros(2))
    with pytest.raises(ValueError, match="save_tuning"):
        load_tuning(MALA(SKEWED, 1.0), tmp_path / "other.npz")


def test_draws_do_not_depend_on_the_workers():
    kernel = MALA(gaussian(COVARIANCE), 0.3, METRICS[2])
    chains = start(kernel, np.zeros(3), seed=9, n_chains=5)
    one, many = (run(kernel, chains, 50, workers=k)[1].array for k in (1, 4))
    np.testing.assert_array_equal(one, many)


def test_a_step_costs_one_gradient():
    rows = []

    def counted(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows.append(len(x))
        return -(x**2).sum(axis=1) / 2, -x

    kernel = MALA(ArrayTarget(counted, "counted"), 0.5)
    _, draws = run(kernel, start(kernel, np.zeros(2), seed=0, n_chains=3), 30)
    assert sum(rows) == 3 * 31
    np.testing.assert_array_equal(draws.counts["gradients"], 30)
