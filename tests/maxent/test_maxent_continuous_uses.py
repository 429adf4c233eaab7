"""Entropic barrier, Goemans-Williamson measure, quantum states; ellipsoids beside Newton."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from tests.maxent.test_maxent_continuous_draws import density_matrix

from equipoise.maxent.continuous import (
    Ball,
    Box,
    BoxVertices,
    CrossPolytope,
    GoemansWilliamson,
    MeanOnBoundaryError,
    MeanOutsideError,
    NoConvergenceError,
    Simplex,
    SolidSimplex,
    Sphere,
    barycentric_entropy,
    ellipsoid_method,
    entropic_barrier,
    fit,
    parameter_bound,
)

BODIES = {
    "box": (Box([-1, 0], [1, 3]), [0.9, 0.5]),
    "solid simplex": (SolidSimplex(3), [0.2, 0.05, 0.5]),
    "cross-polytope": (CrossPolytope(3), [0.2, -0.5, 0.1]),
    "ball": (Ball(3), [0.2, -0.5, 0.7]),
}


@pytest.mark.parametrize("name", BODIES)
def test_derivatives_of_the_entropic_barrier(name):
    body, x = BODIES[name]
    x = np.array(x)
    found = entropic_barrier(body, x)
    h = 1e-6
    for i, e in enumerate(np.eye(len(x))):
        up, down = entropic_barrier(body, x + h * e), entropic_barrier(body, x - h * e)
        assert (up.value - down.value) / (2 * h) == pytest.approx(
            found.gradient[i], rel=1e-6, abs=1e-6
        )
        bend = (up.gradient - down.gradient) / (2 * h)
        np.testing.assert_allclose(bend, found.hessian[i], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", BODIES)
def test_the_barrier_hessian_is_the_inverse_covariance(name):
    body, x = BODIES[name]
    covariance = fit(body, x).moments.covariance
    np.testing.assert_allclose(
        entropic_barrier(body, x).hessian @ covariance, np.eye(body.n), atol=1e-9
    )


@settings(deadline=None, max_examples=25)
@given(st.floats(1e-6, 0.9), st.integers(0, 1000))
def test_the_barrier_parameter_is_the_dimension(towards, seed):
    direction = np.random.default_rng(seed).standard_normal(3)
    for body, order in (
        (Box(-np.ones(3), np.ones(3)), np.inf),
        (CrossPolytope(3), 1),
        (Ball(3), 2),
    ):
        x = (1 - towards) * direction / np.linalg.norm(direction, order)
        found = entropic_barrier(body, x)
        assert found.gradient @ np.linalg.solve(found.hessian, found.gradient) <= 3 * (1 + 1e-9)


def test_the_barrier_is_with_respect_to_lebesgue_measure():
    assert entropic_barrier(Box([0, 0], [2, 3]), [1, 1.5]).value == pytest.approx(-np.log(6))
    simplex = entropic_barrier(SolidSimplex(3), np.full(3, 0.25))
    assert simplex.value == pytest.approx(special.gammaln(4), abs=1e-13)


def test_the_barrier_of_no_body():
    for domain in (Sphere(3), Simplex(3), BoxVertices.cube(3)):
        with pytest.raises(TypeError, match="no convex body"):
            entropic_barrier(domain, [0.3, 0.3, 0.4])


def test_barycentric_entropy_of_states():
    assert barycentric_entropy(np.eye(5) / 5) == pytest.approx(0, abs=1e-13)
    rho = density_matrix([0.6, 0.3, 0.1])
    assert barycentric_entropy(rho) == pytest.approx(
        fit(Simplex(3), [0.6, 0.3, 0.1]).entropy, abs=1e-13
    )
    with pytest.raises(MeanOnBoundaryError):
        barycentric_entropy(np.diag([0.5, 0.5, 0]))
    on_support = barycentric_entropy(np.diag([0.6, 0.4, 0]), on_singular="face")
    assert on_support == pytest.approx(barycentric_entropy(np.diag([0.6, 0.4])))
    with pytest.raises(MeanOutsideError, match="divide"):
        barycentric_entropy(np.eye(3))
    with pytest.raises(MeanOutsideError, match="outside"):
        barycentric_entropy(np.diag([1.1, -0.1]))
    with pytest.raises(ValueError, match="shape"):
        barycentric_entropy(np.ones((2, 3)))


def test_barycentric_entropy_falls_as_a_state_gets_purer():
    found = [barycentric_entropy(np.diag([p, 1 - p])) for p in (0.5, 0.7, 0.9, 0.999)]
    assert (np.diff(found) < 0).all()


A = np.array([[2.0, 0.6, -0.5], [0.6, 1.0, 0.1], [-0.5, 0.1, 0.5]])


def test_the_goemans_williamson_measure_is_normal():
    law = GoemansWilliamson(A)
    np.testing.assert_allclose(law.parameter, -np.linalg.inv(A) / 2, atol=1e-13)
    assert law.entropy == pytest.approx(np.linalg.slogdet(2 * np.pi * np.e * A)[1] / 2)
    assert law.entropy == pytest.approx(law.log_normaliser - np.sum(law.parameter * A))
    v = np.array([0.3, -1.0, 0.2])
    density = -v @ np.linalg.solve(A, v) / 2 - np.linalg.slogdet(2 * np.pi * A)[1] / 2
    assert law.log_prob(v) == pytest.approx(density)


def test_rounding_by_hyperplanes_follows_the_arcsine_law():
    law = GoemansWilliamson(A)
    signs = law.round(200_000, seed=0).astype(float)
    found = signs.T @ signs / len(signs)
    correlation = A / np.sqrt(np.outer(np.diag(A), np.diag(A)))
    np.testing.assert_allclose(
        law.sign_covariance(), 2 / np.pi * np.arcsin(correlation), atol=1e-12
    )
    np.testing.assert_allclose(found, law.sign_covariance(), atol=5 / np.sqrt(200_000))
    np.testing.assert_allclose(np.cov(law.sample(200_000, seed=1).T), A, atol=0.03)


def test_a_singular_matrix_is_rounded_on_its_range():
    flat = np.array([[1.0, -1.0], [-1.0, 1.0]])
    with pytest.raises(MeanOnBoundaryError, match="on_singular='face'"):
        GoemansWilliamson(flat)
    law = GoemansWilliamson(flat, on_singular="face")
    signs = law.round(100, seed=0)
    assert (signs[:, 0] == -signs[:, 1]).all()
    assert law.log_prob([1.0, 1.0]) == -np.inf
    assert law.entropy == pytest.approx(np.log(2 * np.pi * np.e * 2) / 2)


@pytest.mark.parametrize(
    ("matrix", "error", "words"),
    [
        ([[1.0, 2.0], [2.0, 1.0]], MeanOutsideError, "positive definite"),
        ([[1.0, 0.5], [0.4, 1.0]], ValueError, "symmetric"),
        ([[1.0, 0.5j], [-0.5j, 1.0]], ValueError, "real"),
        ([1.0, 2.0], ValueError, "shape"),
    ],
)
def test_matrices_that_cannot_be_rounded(matrix, error, words):
    with pytest.raises(error, match=words):
        GoemansWilliamson(matrix)


CASES = {
    "simplex": (Simplex(4), [0.1, 0.2, 0.3, 0.4]),
    "box": (Box([-1, 0], [1, 3]), [0.2, 2.9]),
    "vertices": (BoxVertices.cube(3), [0.2, 0.5, 0.9]),
}


@pytest.mark.parametrize("name", CASES)
def test_ellipsoids_lead_where_newton_does(name):
    domain, mean = CASES[name]
    law, slow = fit(domain, mean), ellipsoid_method(domain, mean, 1e-9)
    assert 0 <= slow.value - law.entropy + 1e-13 <= slow.gap + 2e-13
    assert slow.gap <= 1e-9
    np.testing.assert_allclose(domain.moments(slow.parameter).mean, mean, atol=1e-3)
    assert slow.steps > 10 * law.steps


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 8), st.integers(0, 10**6))
def test_the_published_bound_holds(n, seed):
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(n, 0.7)) * (1 - 1e-6) + 1e-6 / n
    weights /= weights.sum()
    y = fit(Simplex(n), weights).parameter
    assert np.linalg.norm(y - y.mean()) <= parameter_bound(Simplex(n), weights)
    corner = rng.uniform(1e-6, 1 - 1e-6, n)
    for domain in (Box(np.zeros(n), np.ones(n)), BoxVertices.cube(n)):
        assert np.linalg.norm(fit(domain, corner).parameter) <= parameter_bound(domain, corner)


def test_bounds_that_are_not_known():
    with pytest.raises(TypeError, match="Sphere"):
        parameter_bound(Sphere(3), [0, 0, 0.1])
    with pytest.raises(TypeError, match="concentration"):
        parameter_bound(Simplex(3, 0.5), [0.2, 0.3, 0.5])
    with pytest.raises(MeanOnBoundaryError):
        parameter_bound(Simplex(2), [0.0, 1.0])
    with pytest.raises(NoConvergenceError, match="after 5 steps"):
        ellipsoid_method(BoxVertices.cube(2), [0.3, 0.4], max_steps=5)
