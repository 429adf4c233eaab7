"""Bayesian logistic regression: against quadrature, its mode, its constants, its step sizes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special, stats

from equipoise.sampling import run, start
from equipoise.sampling.densities import (
    MALA,
    FlatPrior,
    GaussianPrior,
    HyperbolicPrior,
    LogisticPosterior,
    bound_regularity,
    curvature_step,
    estimate_regularity,
    regularity_step,
    sample_logistic,
)


def signs_and_labels(rows: int, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of +-1 / sqrt(d), and labels of coefficients that are all one."""
    rng = np.random.default_rng(seed)
    X = rng.choice([-1.0, 1.0], (rows, d)) / np.sqrt(d)
    return X, rng.random(rows) < special.expit(X.sum(axis=1))


@pytest.mark.parametrize("prior", [GaussianPrior(2.0), HyperbolicPrior(0.5)])
@pytest.mark.parametrize("d", [1, 2])
def test_posterior_means_and_deviations_agree_with_quadrature(prior, d):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((12, d))
    y = X[:, 0] + rng.standard_normal(12) > 0.3
    posterior = LogisticPosterior(X, y, prior)
    line = np.linspace(-12, 12, 1201 if d == 1 else 401)
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*[line] * d)], axis=1)
    weight = np.exp(posterior.log_density(grid))
    weight /= weight.sum()
    mean = weight @ grid
    sd = np.sqrt(weight @ (grid - mean) ** 2)
    summary = sample_logistic(X, y, prior=prior, n_draws=4000, n_chains=8, seed=5).draws.summary()
    assert (np.abs((summary.mean[:d] - mean) / summary.mcse_mean[:d]) < 4).all()
    assert (np.abs((summary.sd[:d] - sd) / summary.mcse_sd[:d]) < 4).all()
    assert summary.max_rhat < 1.01


def test_h_of_two_over_curvature_and_root_of_dimension_accepts_574():
    X, y = signs_and_labels(640, 32)
    posterior = LogisticPosterior(X, y, GaussianPrior(10**0.5))
    mode = posterior.mode()
    kernel = MALA(posterior, curvature_step(np.linalg.eigvalsh(mode.hessian)[-1], 32))
    chains, _ = run(kernel, start(kernel, mode.position, seed=0, n_chains=8), 200)
    _, draws = run(kernel, chains, 800)
    assert draws.acceptance.mean() == pytest.approx(0.574, abs=0.04)


@pytest.mark.parametrize("prior", [GaussianPrior(2.0), HyperbolicPrior(0.5), FlatPrior()])
def test_the_mode_is_where_a_general_solver_finds_it(prior):
    X, y = signs_and_labels(200, 5)
    posterior = LogisticPosterior(X, y, prior)
    found = optimize.minimize(
        lambda t: -posterior.log_density(t[None])[0],
        np.zeros(5),
        jac=lambda t: -posterior.evaluate(t[None])[1][0],
        options={"gtol": 1e-9},
    )
    mode = posterior.mode()
    np.testing.assert_allclose(mode.position, found.x, atol=1e-6)
    assert np.abs(posterior.evaluate(mode.position[None])[1]).max() < 1e-9


def test_the_mode_is_found_where_newton_alone_would_jump_too_far():
    X = np.array([[1.0], [1.0], [1e3], [-1e3], [2e3]])
    y = np.array([1, 0, 1, 0, 0])
    mode = LogisticPosterior(X, y, GaussianPrior(100.0)).mode()
    assert np.isfinite(mode.position).all()


def test_the_mode_is_found_whatever_the_rounding():
    rng = np.random.default_rng(17)
    for _ in range(300):
        X = rng.standard_normal((30, 2))
        y = rng.random(30) < special.expit(X @ rng.standard_normal(2))
        posterior = LogisticPosterior(X, y)
        mode = posterior.mode()
        assert np.abs(posterior.evaluate(mode.position[None])[1]).max() < 1e-10


def test_separated_labels_need_a_prior():
    X = np.linspace(-1, 1, 10)[:, None]
    touching = np.stack([np.repeat([0.0, 1.0], 5), np.tile([1.0, -1.0], 5)], axis=1)
    for rows, y in (
        (X, X[:, 0] > 0),
        (300 * X, X[:, 0] > 0),
        (touching, np.array([0, 1, 0, 1, 0, 1, 1, 1, 1, 1])),
    ):
        with pytest.raises(ValueError, match="proper prior"):
            LogisticPosterior(rows, y, FlatPrior()).mode()
        LogisticPosterior(rows, y, GaussianPrior(1.0)).mode()
    twice = np.tile(np.random.default_rng(0).standard_normal((20, 1)), (1, 2))
    with pytest.raises(ValueError, match="proper prior"):
        LogisticPosterior(twice, np.arange(20) % 2, FlatPrior()).mode()


@pytest.mark.parametrize("prior", [GaussianPrior(2.0), HyperbolicPrior(0.5)])
def test_bounds_are_above_what_is_met(prior):
    X, y = signs_and_labels(100, 6)
    posterior = LogisticPosterior(X, y, prior)
    bound = bound_regularity(posterior)
    met = estimate_regularity(posterior, np.random.default_rng(0).standard_normal((20, 6)))
    for name in ("curvature", "third", "fourth"):
        assert 0 < getattr(met, name) <= getattr(bound, name)
    assert met.seen_most == bound.seen_most


def test_the_bound_on_curvature_is_reached_at_zero():
    X, y = signs_and_labels(100, 6)
    posterior = LogisticPosterior(X, y, GaussianPrior(1.0))
    met = estimate_regularity(posterior, np.zeros((1, 6)))
    assert met.curvature == pytest.approx(bound_regularity(posterior).curvature, rel=1e-9)


def test_rows_all_alike_are_coherent():
    X, y = signs_and_labels(400, 50)
    alike = np.tile(X[:1], (400, 1))
    y[:2] = [True, False]
    spread = bound_regularity(LogisticPosterior(X, y))
    same = bound_regularity(LogisticPosterior(alike, y))
    # |Xu|_inf is |x . u|, of mean sqrt(2 / pi), and |X| is 20 for 400 rows of length one.
    assert same.seen_most == pytest.approx(np.sqrt(2 / np.pi), abs=0.12)
    assert same.operator == pytest.approx(20)
    assert spread.seen_most > 2.5 * same.seen_most
    assert same.coherence == pytest.approx(50)
    assert 1 <= spread.coherence < 2.5


def test_step_sizes_of_regularity_do_not_depend_on_the_unit_of_the_data():
    X, y = signs_and_labels(100, 6)
    one, other = (
        regularity_step(bound_regularity(LogisticPosterior(c * X, y, GaussianPrior(3 / c))))
        for c in (1.0, 10.0)
    )
    assert one == pytest.approx(100 * other, rel=1e-9)


@pytest.mark.parametrize("step", ["learnt", "curvature", "regularity"])
def test_every_step_size_draws_from_the_same_posterior(step):
    X, y = signs_and_labels(100, 3)
    found = sample_logistic(X, y, n_draws=3000, n_chains=8, seed=2, step=step)
    exact = sample_logistic(X, y, n_draws=6000, n_chains=8, seed=3)
    ours, theirs = found.draws.summary(), exact.draws.summary()
    z = (ours.mean - theirs.mean) / np.hypot(ours.mcse_mean, theirs.mcse_mean)
    assert np.abs(z).max() < 4
    if step == "regularity":  # of worst cases, hence careful
        assert found.draws.acceptance.mean() > 0.9


def test_draws_go_on_and_give_probabilities():
    X, y = signs_and_labels(100, 3)
    found = sample_logistic(X, y, n_draws=50, seed=2)
    _, more = run(found.kernel, found.chains, 10)
    assert more.array.shape == (4, 10, 3)
    probability = found.probability(X[:7])
    assert probability.shape == (200, 7)
    np.testing.assert_allclose(probability, special.expit(found.draws.flat() @ X[:7].T), rtol=1e-12)


@pytest.mark.slow
def test_coefficients_from_the_prior_have_uniform_ranks_among_draws():
    # Simulation-based calibration: Talts and others 2018, arXiv 1804.06788.
    rng = np.random.default_rng(17)
    ranks = []
    for _ in range(200):
        X, theta = rng.standard_normal((30, 2)), rng.standard_normal(2)
        y = rng.random(30) < special.expit(X @ theta)
        draws = sample_logistic(X, y, n_draws=160, seed=int(rng.integers(2**31))).draws
        few = draws.array[:, 9::10].reshape(-1, 2)[:63]  # hardly dependent
        ranks.append((few < theta).sum(axis=0))
    for column in np.array(ranks).T:
        counted = np.histogram(column, bins=8, range=(0, 64))[0]
        assert stats.chisquare(counted).pvalue > 1e-3


def test_bad_settings_are_refused():
    X, y = signs_and_labels(100, 3)
    with pytest.raises(ValueError, match="step is one of"):
        sample_logistic(X, y, step="best")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="n_chains"):
        sample_logistic(X, y, n_chains=0)
    posterior = LogisticPosterior(X, y)
    with pytest.raises(ValueError, match="positions have shape"):
        estimate_regularity(posterior, np.zeros((2, 4)))
    with pytest.raises(ValueError, match="n_directions"):
        estimate_regularity(posterior, n_directions=0)
    with pytest.raises(ValueError, match="order"):
        posterior.along(np.zeros((1, 3)), np.ones((1, 3)), 5)
    for curvature, n, name in ((0.0, 3, "curvature"), (1.0, 0, "n is 1")):
        with pytest.raises(ValueError, match=name):
            curvature_step(curvature, n)
