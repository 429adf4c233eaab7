"""Fitting: closed forms, certificates, faces, and errors by name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.maxent.continuous import (
    Ball,
    Box,
    BoxVertices,
    CrossPolytope,
    MeanOnBoundaryError,
    MeanOutsideError,
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
from equipoise.maxent.continuous.certificate import gap_bound

CASES = {
    "simplex": (Simplex(4), [0.1, 0.2, 0.05, 0.65]),
    "bingham": (Simplex(4, 0.5), [0.1, 0.2, 0.05, 0.65]),
    "solid simplex": (SolidSimplex(3), [0.1, 0.2, 0.05]),
    "cross-polytope": (CrossPolytope(3), [0.5, -0.2, 0.1]),
    "box": (Box([-1, 0], [1, 5]), [0.99, 1.0]),
    "vertices": (BoxVertices.cube(3), [0.5, 0.999, 1e-6]),
    "points": (Points([[0, 0], [1, 0], [0, 1], [1, 1], [3, 2]]), [0.9, 0.7]),
    "sphere": (Sphere(3), [0.1, -0.8, 0.3]),
    "ball": (Ball(4), [0.5, 0.2, 0, -0.4]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_fitted_law_has_the_mean(name):
    domain, mean = CASES[name]
    law = fit(domain, mean)
    np.testing.assert_allclose(law.expectation, mean, rtol=1e-12, atol=1e-14)
    assert law.residual < 1e-12
    assert 0 <= law.gap < 1e-20
    assert law.entropy <= 0


@pytest.mark.parametrize("name", CASES)
def test_the_gap_bounds_how_far_the_dual_is_from_its_minimum(name):
    domain, mean = CASES[name]
    law = fit(domain, mean)
    proved = 0
    for size in (0.01, 0.05, 0.3):
        y = law.parameter + size * np.random.default_rng(1).standard_normal(domain.n)
        moments = domain.moments(y)
        off = np.array(mean) - moments.mean
        step = np.linalg.lstsq(moments.covariance, off, rcond=1e-11)[0]
        bound = gap_bound(domain, moments.mean, step, float(np.sqrt(step @ off)))
        excess = moments.log_normaliser - y @ mean - law.entropy
        assert -1e-13 <= excess <= bound + 1e-13
        proved += bound < 100 * excess + 1e-12
    assert proved


@settings(deadline=None, max_examples=60)
@given(st.integers(3, 12), st.floats(-2, 4), st.integers(0, 10**6))
def test_log_normalisers_of_spheres_are_self_concordant(n, log_kappa, seed):
    random = np.random.default_rng(seed)
    domain, along = Sphere(n), random.standard_normal(n)
    y = along * 10**log_kappa / np.linalg.norm(along)
    direction = random.standard_normal(n)
    direction += along * random.normal(scale=10)  # the extreme is near to the pole
    moments = domain.moments(y)
    direction /= np.sqrt(direction @ moments.covariance @ direction)

    def variance(t):
        return direction @ domain.moments(y + t * direction).covariance @ direction

    third = (variance(1e-3) - variance(-1e-3)) / 2e-3
    assert abs(third) <= 2 + 1e-5


@pytest.mark.parametrize("domain", [Sphere(3), Sphere(20), Ball(2), Ball(20)])
@pytest.mark.parametrize("away", [1e-8, 1e-9, 1e-10])
def test_the_gap_is_proved_very_near_to_a_sphere(domain, away):
    pole = np.random.default_rng(0).standard_normal(domain.n)
    law = fit(domain, pole * ((1 - away) / np.linalg.norm(pole)))
    assert law.gap < 1e-7


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 40), st.floats(-7, 0), st.integers(0, 10**6))
def test_small_coordinates_keep_their_digits(n, log_concentration, seed):
    mean = np.random.default_rng(seed).dirichlet(np.full(n, 10**log_concentration + 0.05))
    mean = np.maximum(mean, 1e-14)
    mean /= mean.sum()
    law = fit(Simplex(n), mean)
    np.testing.assert_allclose(law.expectation, mean, rtol=1e-12)
    assert law.steps <= 10


def test_a_parameter_is_minus_one_over_the_mean_where_coordinates_are_many():
    errors = []
    for n in (5, 50, 300):
        mean = np.linspace(1, 3, n)
        mean /= mean.sum()
        off = fit(Simplex(n), mean).parameter + 1 / mean
        errors.append(np.ptp(off) / np.ptp(1 / mean))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.01


def test_the_centre_has_entropy_zero_and_no_parameter():
    for domain, centre in (
        (Simplex(5), np.full(5, 0.2)),
        (Box([0, 0], [1, 4]), np.array([0.5, 2])),
        (Sphere(4), np.zeros(4)),
        (CrossPolytope(3), np.zeros(3)),
        (SolidSimplex(3), np.full(3, 0.25)),
    ):
        law = fit(domain, centre)
        assert law.entropy == pytest.approx(0, abs=1e-14)
        np.testing.assert_allclose(law.parameter, 0, atol=1e-13)


@pytest.mark.parametrize("short", [0.5, 1e-3, 1e-6, 1e-9, 1e-12])
def test_inverse_langevin_up_to_the_wall(short):
    r = np.array([1 - short, -1 + short])
    law = fit(Box([-1, -1], [1, 1]), r)
    t = law.parameter
    langevin = 1 / np.tanh(t) - 1 / t
    np.testing.assert_allclose(langevin, r, rtol=4e-16 if short > 0.1 else 3e-16)
    np.testing.assert_allclose(law.expectation, r, rtol=3e-16)


def test_vertices_of_a_cube_have_logits():
    mean = np.array([0.2, 0.5, 0.999])
    law = fit(BoxVertices.cube(3), mean)
    np.testing.assert_allclose(law.parameter, np.log(mean / (1 - mean)), atol=1e-14)
    shannon = -(mean * np.log(mean) + (1 - mean) * np.log1p(-mean)).sum()
    assert law.entropy + law.domain.log_size == pytest.approx(shannon, abs=1e-14)


def test_signs_have_inverse_hyperbolic_tangents():
    mean = np.array([0.2, -0.9])
    law = fit(BoxVertices.cube(2, -1, 1), mean)
    np.testing.assert_allclose(law.parameter, np.arctanh(mean), atol=1e-14)


def test_vertices_given_as_points_are_the_same():
    mean = [0.2, 0.7]
    points = fit(Points([[0, 0], [0, 1], [1, 0], [1, 1]]), mean)
    cube = fit(BoxVertices.cube(2), mean)
    np.testing.assert_allclose(points.parameter, cube.parameter, atol=1e-12)
    assert points.entropy == pytest.approx(cube.entropy, abs=1e-14)


def test_points_in_a_plane():
    law = fit(Points(np.eye(3)), [0.2, 0.3, 0.5])
    np.testing.assert_allclose(law.expectation, [0.2, 0.3, 0.5], atol=1e-14)
    np.testing.assert_allclose(np.exp(law.log_prob(np.eye(3))) / 3, [0.2, 0.3, 0.5], atol=1e-14)


def test_bodies_that_are_segments_agree():
    solid, ball = fit(SolidSimplex(1), [0.3]), fit(Box([0], [1]), [0.3])
    assert solid.parameter[0] == pytest.approx(ball.parameter[0], rel=1e-12)
    cross, one = fit(CrossPolytope(1), [0.4]), fit(Ball(1), [0.4])
    assert cross.parameter[0] == pytest.approx(one.parameter[0], rel=1e-12)


@settings(deadline=None, max_examples=25)
@given(st.permutations(range(5)), st.integers(0, 1000))
def test_permuted_means_have_permuted_parameters(order, seed):
    mean = np.random.default_rng(seed).dirichlet(np.ones(5)) * 0.9 + 0.02
    law, moved = fit(Simplex(5), mean), fit(Simplex(5), mean[order])
    np.testing.assert_allclose(moved.parameter, law.parameter[order], rtol=1e-9, atol=1e-9)
    assert moved.entropy == pytest.approx(law.entropy, abs=1e-12)


def test_log_prob_is_relative_to_the_prior():
    law = fit(Simplex(3), [0.2, 0.3, 0.5])
    points = np.random.default_rng(0).dirichlet(np.ones(3), 200_000)
    assert np.exp(law.log_prob(points)).mean() == pytest.approx(1, abs=0.01)
    assert law.log_prob([0.5, 0.5, 0.5]) == -np.inf
    assert (law.log_prob([[0.5, 0.5, 0.0], [1.1, -0.1, 0]]) > -np.inf).tolist() == [True, False]


def test_entropy_is_minus_the_divergence_from_the_prior():
    law = fit(CrossPolytope(3), [0.4, -0.3, 0.1])
    mean_log = law.log_prob(law.sample(200_000, seed=0))
    assert -mean_log.mean() == pytest.approx(law.entropy, abs=5 * mean_log.std() / 200_000**0.5)


@pytest.mark.parametrize(
    ("domain", "mean", "inner"),
    [
        (Simplex(4), [0.2, 0.0, 0.5, 0.3], (Simplex(3), [0.2, 0.5, 0.3])),
        (Box([0, 0], [1, 2]), [1.0, 0.7], (Box([0], [2]), [0.7])),
        (BoxVertices.cube(3), [0.0, 1.0, 0.3], (BoxVertices.cube(1), [0.3])),
    ],
)
def test_a_mean_on_a_face(domain, mean, inner):
    with pytest.raises(MeanOnBoundaryError, match="on_singular='face'"):
        fit(domain, mean)
    law, within = fit(domain, mean, on_singular="face"), fit(*inner)
    assert law.entropy == pytest.approx(within.entropy, abs=1e-13)
    np.testing.assert_allclose(law.expectation, mean, atol=1e-14)
    drawn = law.sample(50, seed=0)
    assert law.domain.contains(drawn).all()
    assert domain.contains(drawn).all()
    fixed = ~law.domain.open
    np.testing.assert_array_equal(drawn[:, fixed], np.tile(np.array(mean)[fixed], (50, 1)))


@pytest.mark.parametrize(
    ("domain", "mean", "error", "words"),
    [
        (Simplex(2), [0.5, 0.4], MeanOutsideError, "sums to 0.9, not 1: divide"),
        (Simplex(2), [1.5, -0.5], MeanOutsideError, "outside"),
        (Simplex(2), [0.5, np.nan], ValueError, "NaN"),
        (Simplex(2), [0.5, 0.3, 0.2], ValueError, r"shape \(2,\)"),
        (Sphere(3), [1.0, 0, 0], MeanOnBoundaryError, "boundary"),
        (Ball(2), [1.0, 1.0], MeanOutsideError, "outside"),
        (CrossPolytope(2), [0.5, 0.6], MeanOutsideError, "outside"),
        (SolidSimplex(2), [0.5, 0.5], MeanOnBoundaryError, "boundary"),
        (Points([[0, 0], [1, 0], [0, 1]]), [1.0, 1.0], MeanOutsideError, "mixture"),
        (Points([[0, 0], [1, 0], [0, 1]]), [0.5, 0.5], MeanOnBoundaryError, "boundary"),
        (Box([0], [1]), [1.0], MeanOnBoundaryError, "boundary"),
        (Projections(3, 2), np.eye(3) / 3, MeanOutsideError, "trace 1,"),
        (Projections(3, 1), np.diag([1.2, -0.2, 0]), MeanOutsideError, "outside"),
        (RankOneProjections(2), [[0.5, 0.1], [0.2, 0.5]], ValueError, "Hermitian"),
        (RankOneProjections(2, "real"), [[0.5, 0.1j], [-0.1j, 0.5]], ValueError, "complex"),
        (RankOneProjections(2), np.diag([1.0, 0]), MeanOnBoundaryError, "boundary"),
        (UnitaryOrbit([2, 1, 0]), np.diag([2.0, 0.5, 0.5]), MeanOnBoundaryError, "boundary"),
        (UnitaryOrbit([2, 1, 0]), np.diag([2.5, 0.5, 0]), MeanOutsideError, "outside"),
    ],
)
def test_means_that_no_law_has(domain, mean, error, words):
    with pytest.raises(error, match=words):
        fit(domain, mean)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Simplex(0), "n is a whole number and at least 1"),
        (lambda: Simplex(2, -1.0), "concentration"),
        (lambda: Sphere(1), "n is a whole number and at least 2"),
        (lambda: Simplex(2.5), "not 2.5"),
        (lambda: fit(Simplex(2), [0.4, 0.6]).sample(-1, seed=0), "at least 0, not -1"),
        (lambda: fit(Simplex(2), [0.4, 0.6]).sample(1.5, seed=0), "not 1.5"),
        (lambda: fit(Simplex(2), [0.4, 0.6]).log_prob([np.nan, 0.5]), "x has NaN"),
        (lambda: Box([0, 1], [1, 1]), "low is below high"),
        (lambda: Box([0], [np.inf]), "low is below high"),
        (lambda: Points([[0, 1], [0, 1]]), "more than once"),
        (lambda: Points([1, 2]), "shape"),
        (lambda: Projections(3, 3), "k is from 1"),
        (lambda: RankOneProjections(3, "quaternion"), "field"),
        (lambda: UnitaryOrbit([1, 1]), "two different"),
        (lambda: fit(Simplex(2), [0.5, 0.5], on_singular="faces"), "on_singular"),
    ],
)
def test_bad_arguments_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_vertex_is_a_law_of_its_own():
    with pytest.raises(MeanOnBoundaryError, match="vertex"):
        fit(Box([0, 0], [1, 1]), [1.0, 0.0], on_singular="face")


@pytest.mark.parametrize(
    ("domain", "mean"),
    [
        (CrossPolytope(3), [0.5 - 1e-9, -0.3, 0.2]),
        (SolidSimplex(3), [0.5 - 1e-12, 0.3, 0.2]),
        (Ball(3), [1 - 1e-12, 0.0, 0.0]),
        (Simplex(3), [1e-300, 0.5, 0.5]),
    ],
)
def test_what_double_precision_cannot_do_is_refused(domain, mean):
    with pytest.raises(NoConvergenceError, match="move it inside"):
        fit(domain, mean)


def test_means_near_the_boundary():
    for domain, mean in (
        (CrossPolytope(3), [0.5 - 1e-6, -0.3, 0.2]),
        (Ball(3), [1 - 1e-8, 0.0, 0.0]),
        (Sphere(4), [0.6 - 1e-8, 0.8, 0.0, 0.0]),
        (Simplex(4), [1e-150, 1e-12, 0.4, 0.6 - 1e-12]),
        (BoxVertices.cube(2), [1e-12, 0.5]),
        (Points([[0, 0], [1, 0], [0, 1], [1, 1]]), [1e-8, 0.5]),
    ):
        law = fit(domain, mean)
        np.testing.assert_allclose(law.expectation, mean, rtol=1e-9, atol=1e-11)
        assert law.residual < 1e-4


def test_rounding_of_a_sum_is_put_right():
    law = fit(Simplex(3), [0.2, 0.3, 0.5 + 1e-12])
    assert law.mean.sum() == pytest.approx(1, abs=3e-16)
    np.testing.assert_array_equal(law.mean[:2], [0.2, 0.3])


def test_points_may_agree_in_a_coordinate():
    law = fit(Points([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0]]), [0.7, 5.0])
    flat = fit(Points([[0.0], [1.0], [2.0]]), [0.7])
    assert law.entropy == pytest.approx(flat.entropy, abs=1e-14)
    np.testing.assert_allclose(law.expectation, [0.7, 5.0])
    with pytest.raises(MeanOutsideError):
        fit(Points([[0.0, 5.0], [1.0, 5.0]]), [0.7, 4.9])


def test_of_one_point_there_is_one_law():
    law = fit(Points([[1.0, 2.0]]), [1.0, 2.0])
    assert (law.entropy, law.gap) == (0.0, 0.0)
