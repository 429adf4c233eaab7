"""Draws have the means and covariances that the log-normaliser says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from equipoise.maxent.continuous import (
    Ball,
    Box,
    BoxVertices,
    CrossPolytope,
    NoConvergenceError,
    Points,
    Projections,
    RankOneProjections,
    Simplex,
    SolidSimplex,
    Sphere,
    UnitaryOrbit,
    fit,
)

N = 20_000
RNG = np.random.default_rng(5)
WIDE = RNG.dirichlet(np.ones(12))
LAWS = {
    "dominated simplex": fit(Simplex(3), [0.98, 0.015, 0.005]),
    "even simplex": fit(Simplex(12), WIDE),
    "bingham": fit(Simplex(4, 0.5), [0.7, 0.2, 0.08, 0.02]),
    "quaternions": fit(Simplex(4, 2.0), [0.7, 0.2, 0.08, 0.02]),
    "solid simplex": fit(SolidSimplex(3), [0.1, 0.5, 0.2]),
    "cross-polytope": fit(CrossPolytope(3), [0.6, -0.2, 0.0]),
    "box": fit(Box([-1, 0, 0], [1, 2, 1]), [0.9, 0.3, 0.5]),
    "vertices": fit(BoxVertices.cube(3, -1, 1), [0.5, -0.9, 0.0]),
    "points": fit(Points(RNG.standard_normal((9, 2))), [0.1, 0.1]),
    "circle": fit(Sphere(2), [0.3, 0.6]),
    "sphere": fit(Sphere(5), [0.0, 0.9, 0.1, 0, 0]),
    "ball": fit(Ball(3), [0.1, -0.7, 0.3]),
}


@pytest.mark.parametrize("name", LAWS)
def test_draws_are_inside_and_repeat_with_the_seed(name):
    law = LAWS[name]
    drawn = law.sample(100, seed=3)
    assert law.domain.contains(drawn).all()
    np.testing.assert_array_equal(drawn, law.sample(100, seed=3))
    assert (drawn != law.sample(100, seed=4)).any()


@pytest.mark.parametrize("name", LAWS)
def test_draws_have_the_mean_and_covariance(name):
    law = LAWS[name]
    drawn = law.sample(N, seed=2) - law.expectation
    z = [drawn.mean(axis=0) / np.sqrt(np.diag(law.moments.covariance) / N)]
    rows, columns = np.triu_indices(law.domain.n)
    products = drawn[:, rows] * drawn[:, columns]
    off = products.mean(axis=0) - law.moments.covariance[rows, columns]
    z.append(off / (products.std(axis=0) / np.sqrt(N) + 1e-300))
    # Simplices of two values, circles and signs have products without spread.
    z_all = np.concatenate(z)[np.concatenate([np.ones(law.domain.n), products.std(axis=0)]) > 1e-9]
    assert np.abs(z_all).max() < 5
    assert np.sqrt((z_all**2).mean()) < 1.8


def fits_truncated_exponential(drawn, rate):
    found = stats.kstest(drawn, lambda u: np.expm1(rate * u) / np.expm1(rate))
    return found.pvalue > 1e-3


def test_a_truncated_exponential_by_its_distribution_function():
    law = fit(Box([2.0], [5.0]), [2.4])
    drawn = (law.sample(5000, seed=2)[:, 0] - 2) / 3
    assert fits_truncated_exponential(drawn, law.parameter[0] * 3)


@pytest.mark.parametrize("mean", [[0.9, 0.1], [0.55, 0.45]])
def test_a_simplex_in_the_plane_by_its_distribution_function(mean):
    law = fit(Simplex(2), mean)
    drawn = law.sample(5000, seed=2)[:, 0]
    assert fits_truncated_exponential(drawn, law.parameter[0] - law.parameter[1])


def test_the_bingham_law_of_a_circle():
    # The angle's double has von Mises' law.
    law = fit(RankOneProjections(2, "real"), np.diag([0.8, 0.2]))
    v = law.sample_columns(5000, seed=0)[:, :, 0]
    kappa = np.diff(np.sort(law.spectral.parameter))[0] / 2
    double = 2 * np.arctan2(v[:, 1], v[:, 0])
    pole = 2 * np.arctan2(*law.frame[::-1, np.argmax(law.spectral.parameter)])
    away = np.angle(np.exp(1j * (double - pole)))
    assert stats.kstest(away, stats.vonmises(kappa).cdf).pvalue > 1e-3


def density_matrix(spectrum, seed=0, real=False):
    n = len(spectrum)
    rng = np.random.default_rng(seed)
    ginibre = rng.standard_normal((n, n)) + (0 if real else 1j * rng.standard_normal((n, n)))
    frame = np.linalg.qr(ginibre)[0]
    return (frame * np.array(spectrum)) @ frame.conj().T


MATRIX_LAWS = {
    "complex lines": (RankOneProjections(4), [0.6, 0.25, 0.1, 0.05], N),
    "real lines": (RankOneProjections(4, "real"), [0.6, 0.25, 0.1, 0.05], N),
    "planes": (Projections(5, 2), [0.9, 0.6, 0.3, 0.15, 0.05], 2000),
    "complements": (Projections(5, 3), [0.95, 0.9, 0.6, 0.4, 0.15], 2000),
    "orbit": (UnitaryOrbit([2, 1, 0, 0]), [1.5, 0.9, 0.4, 0.2], 800),
}


@pytest.mark.parametrize("name", MATRIX_LAWS)
def test_drawn_matrices_have_the_mean_and_covariance(name):
    domain, spectrum, number = MATRIX_LAWS[name]
    mean = density_matrix(spectrum, real=name == "real lines")
    law = fit(domain, mean)
    drawn = law.sample(number, seed=0)
    assert np.isfinite(law.log_prob(drawn[:50])).all()
    upper = np.triu_indices(domain.n)
    parts = np.concatenate([(drawn - mean).real[:, *upper], (drawn - mean).imag[:, *upper]], axis=1)
    moving = parts.std(axis=0) > 1e-9
    z = (parts.mean(axis=0) / (parts.std(axis=0) / np.sqrt(number) + 1e-300))[moving]
    assert np.abs(z).max() < 5
    assert np.sqrt((z**2).mean()) < 1.6
    diagonal = np.einsum("ji,sjk,ki->si", law.frame.conj(), drawn, law.frame).real
    wanted = law.spectral.moments.covariance
    away = diagonal - law.spectral.expectation
    products = np.einsum("si,sj->sij", away, away)
    z = (products.mean(axis=0) - wanted) / (products.std(axis=0) / np.sqrt(number))
    assert np.abs(z).max() < 5


def test_diagonals_are_drawn_alone_too():
    law = fit(Projections(4, 2), np.diag([0.8, 0.6, 0.4, 0.2])).spectral
    drawn = law.sample(1500, seed=0)
    assert law.domain.contains(drawn).all()
    z = (drawn.mean(axis=0) - law.expectation) / (drawn.std(axis=0) / np.sqrt(1500))
    assert np.abs(z).max() < 5


def test_directions_that_are_all_but_certain():
    law = fit(Projections(4, 2), np.diag([0.99, 0.6, 0.3, 0.11])).spectral
    drawn = law.sample(1000, seed=0)
    z = (drawn.mean(axis=0) - law.expectation) / np.sqrt(np.diag(law.moments.covariance) / 1000)
    assert np.abs(z).max() < 5


def test_chains_that_would_not_forget_their_start_are_refused():
    law = fit(Projections(4, 2), np.diag([1 - 1e-5, 0.6, 0.3, 0.1 + 1e-5]))
    with pytest.raises(NoConvergenceError, match="on_singular='face'"):
        law.sample(10, seed=0)
