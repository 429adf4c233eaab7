"""Log-normalisers beside long arithmetic and closed forms; derivatives beside differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from equipoise.maxent.continuous import (
    Ball,
    Box,
    BoxVertices,
    CrossPolytope,
    Diagonals,
    Points,
    Simplex,
    SolidSimplex,
    Sphere,
)

mpmath = pytest.importorskip("mpmath")
from benchmarks.maxent_reference import (  # noqa: E402
    log_divided_difference,
    log_hciz,
    log_residues,
)

RNG = np.random.default_rng(0)


def projections(n, k):
    return Diagonals((1.0,) * k + (0.0,) * (n - k))


DOMAINS = {
    "simplex": Simplex(4),
    "bingham": Simplex(4, 0.5),
    "quaternions": Simplex(3, 2.0),
    "solid simplex": SolidSimplex(3),
    "cross-polytope": CrossPolytope(3),
    "box": Box([-1, 0, 2], [1, 5, 2.5]),
    "vertices": BoxVertices.cube(3, -1, 1),
    "points": Points(RNG.standard_normal((7, 3))),
    "sphere": Sphere(3),
    "ball": Ball(4),
    "projections": projections(5, 2),
    "complement": projections(5, 3),
    "orbit": Diagonals((2.0, 1.0, 1.0, -0.5)),
}
AT = {
    name: np.random.default_rng(3).standard_normal(domain.n) * 3 for name, domain in DOMAINS.items()
}


@pytest.mark.parametrize("name", DOMAINS)
def test_at_zero_the_prior_is_a_probability(name):
    domain = DOMAINS[name]
    assert domain.moments(np.zeros(domain.n)).log_normaliser == pytest.approx(0, abs=1e-13)


@pytest.mark.parametrize("name", DOMAINS)
def test_mean_is_the_gradient_and_covariance_the_hessian(name):
    domain, y = DOMAINS[name], AT[name]
    found = domain.moments(y)
    h = 1e-5
    for i in range(domain.n):
        up, down = (domain.moments(y + sign * h * np.eye(domain.n)[i]) for sign in (1, -1))
        slope = (up.log_normaliser - down.log_normaliser) / (2 * h)
        assert slope == pytest.approx(found.mean[i], abs=2e-9)
        bend = (up.mean - down.mean) / (2 * h)
        np.testing.assert_allclose(bend, found.covariance[i], atol=2e-9)


@pytest.mark.parametrize("name", DOMAINS)
def test_covariance_is_symmetric_and_not_negative(name):
    covariance = DOMAINS[name].moments(AT[name]).covariance
    np.testing.assert_allclose(covariance, covariance.T, atol=1e-15)
    assert np.linalg.eigvalsh(covariance).min() > -1e-14


@pytest.mark.parametrize("name", DOMAINS)
def test_support_is_the_limit_of_steep_parameters(name):
    domain = DOMAINS[name]
    y = AT[name]
    steep = domain.moments(300 * y).log_normaliser / 300
    assert domain.support(y) - 0.3 < steep <= domain.support(y) + 1e-12


@pytest.mark.parametrize(
    "nodes",
    [
        [0.0, 1e-8],
        1e-4 * np.arange(5),
        np.linspace(0, 1, 10) ** 2,
        10 * np.linspace(0, 1, 20) ** 1.5,
        np.repeat([0.0, 3.0, 7.0], 5),
        np.zeros(6),
    ],
    ids=["near pair", "near five", "ten", "twenty", "three of five each", "all equal"],
)
def test_close_nodes_cost_no_digits(nodes):
    found = Simplex(len(nodes)).moments(np.array(nodes, dtype=float))
    assert float(found.log_normaliser - log_divided_difference(nodes)) == pytest.approx(
        0, abs=1e-13
    )
    assert found.mean.sum() == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize(("n", "reach"), [(20, 1e5), (50, 100.0), (100, 1e4)])
def test_far_nodes_cost_no_digits(n, reach):
    nodes = -np.random.default_rng(n).uniform(0, reach, n)
    nodes -= nodes.max()
    found = Simplex(n).moments(nodes).log_normaliser
    # Errors of a sum of n logarithms, each rounded once.
    assert float(found - log_residues(nodes, 700)) == pytest.approx(0, abs=1e-12)


@pytest.mark.slow
def test_three_hundred_nodes_over_a_range_of_1e5():
    nodes = -np.random.default_rng(1).uniform(0, 1e5, 300)
    nodes -= nodes.max()
    found = Simplex(300).moments(nodes).log_normaliser
    assert float(found - log_residues(nodes, 1500)) == pytest.approx(0, abs=1e-11)


@pytest.mark.parametrize("gap", [1e-2, 1e-5, 1e-8, 1e-12, 1e-17, 1e-100, 1e-300])
def test_merging_nodes_is_continuous(gap):
    nodes = np.array([0.0, -gap, -2 * gap, -3.0])
    found = Simplex(4).moments(nodes)
    assert float(found.log_normaliser - log_divided_difference(nodes)) == pytest.approx(
        0, abs=1e-14
    )
    merged = Simplex(4).moments(np.array([0.0, 0.0, 0.0, -3.0]))
    np.testing.assert_allclose(found.mean, merged.mean, atol=gap)
    np.testing.assert_allclose(found.covariance, merged.covariance, atol=gap)


@pytest.mark.parametrize("gap", [1e-2, 1e-8, 1e-17, 1e-300])
@pytest.mark.parametrize("values", [(1.0, 1.0, 0.0, 0.0), (3.0, 1.0, 0.0, 0.0)])
def test_merging_nodes_is_continuous_on_orbits(gap, values):
    domain = Diagonals(values)
    near = domain.moments(np.array([0.0, -gap, -1.0, -1.0 - gap]))
    merged = domain.moments(np.array([0.0, 0.0, -1.0, -1.0]))
    assert near.log_normaliser == pytest.approx(merged.log_normaliser, abs=3 * gap + 1e-15)
    np.testing.assert_allclose(near.mean, merged.mean, atol=3 * gap + 1e-15)
    np.testing.assert_allclose(near.covariance, merged.covariance, atol=10 * gap + 1e-15)


@pytest.mark.parametrize(
    ("n", "k", "reach", "error"),
    [
        (6, 3, 1.0, 1e-14),
        (10, 5, 20.0, 1e-13),
        (20, 10, 5.0, 1e-12),
        (60, 8, 200.0, 1e-12),
        pytest.param(40, 20, 40.0, 5e-12, marks=pytest.mark.slow),
    ],
)
def test_polynomials_on_the_contour_agree_with_long_arithmetic(n, k, reach, error):
    nodes = -(np.linspace(0, 1, n) ** 1.3) * reach
    found = projections(n, k).moments(nodes)
    want = log_hciz(nodes, k, 100 + 4 * n * k)
    assert float(found.log_normaliser - want) == pytest.approx(0, abs=error)
    assert found.mean.sum() == pytest.approx(k, abs=error)


@pytest.mark.parametrize(
    "nodes",
    [
        [190.0, 30.0, 2.0, 0.0, 0.0, -9.0],
        [95.0, 94.0, 93.5, 2.0, 1.0, 0.5],
        [0.0, -35.0, -60.0, -61.0, -62.0, -63.0],
        [0.0, -90.0, -91.0, -300.0, -301.0, -1e3],
    ],
    ids=["one far", "three far", "not far enough", "far in turn"],
)
def test_leading_nodes_that_are_far_apart(nodes):
    found = projections(6, 3).moments(np.array(nodes))
    # Doubling the values halves the parameter; no value is one, so that digits are used.
    other = Diagonals((2.0,) * 3 + (0.0,) * 3).moments(np.array(nodes) / 2)
    assert found.log_normaliser == pytest.approx(other.log_normaliser, rel=1e-13, abs=1e-12)
    np.testing.assert_allclose(found.mean, other.mean / 2, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(found.covariance, other.covariance / 4, atol=1e-13)


def test_far_leading_nodes_agree_with_other_long_arithmetic():
    nodes = np.array([900.0, 450.0, 200.0, 3.0, 0.0])
    found = projections(5, 2).moments(nodes)
    assert float(found.log_normaliser - log_hciz(nodes, 2, 900)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("n", [2, 3, 7])
@pytest.mark.parametrize("kappa", [1.0, 50.0, 1e5, 1e8])
def test_steep_laws_on_spheres_keep_their_variance(n, kappa):
    y = np.zeros(n)
    y[0] = kappa
    found = Sphere(n).moments(y)
    with mpmath.workdps(60):
        ratio = mpmath.besseli(n / 2, kappa) / mpmath.besseli(mpmath.mpf(n) / 2 - 1, kappa)
        variance = 1 - ratio**2 - (n - 1) * ratio / kappa
    assert found.mean[0] == pytest.approx(float(ratio), rel=1e-14)
    assert found.covariance[0, 0] == pytest.approx(float(variance), rel=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 7), st.data())
def test_a_projection_and_its_complement(n, data):
    k = data.draw(st.integers(1, n - 1))
    y = np.array(data.draw(st.lists(st.floats(-5, 5), min_size=n, max_size=n)))
    one, other = projections(n, k).moments(y), projections(n, n - k).moments(-y)
    assert one.log_normaliser == pytest.approx(y.sum() + other.log_normaliser, abs=1e-12)
    np.testing.assert_allclose(one.mean, 1 - other.mean, atol=1e-12)


def test_rank_one_projections_have_the_simplex_for_diagonals():
    y = np.array([0.3, -2.0, 5.0, 1.0])
    one, other = projections(4, 1).moments(y), Simplex(4).moments(y)
    assert one.log_normaliser == pytest.approx(other.log_normaliser, abs=1e-13)
    np.testing.assert_allclose(one.mean, other.mean, atol=1e-14)
    np.testing.assert_allclose(one.covariance, other.covariance, atol=1e-14)


def test_orbits_in_digits_and_projections_on_the_contour_agree():
    # Doubling the values halves the parameter; no value is one, so that digits are used.
    y = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 5.0])
    one, other = projections(6, 3).moments(y), Diagonals((2.0,) * 3 + (0.0,) * 3).moments(y / 2)
    assert one.log_normaliser == pytest.approx(other.log_normaliser, abs=2e-14)
    np.testing.assert_allclose(one.mean, other.mean / 2, atol=1e-14)
    np.testing.assert_allclose(one.covariance, other.covariance / 4, atol=1e-14)


def test_an_orbit_of_two_rows_is_a_segment():
    # The diagonal of U diag(3, 1) U* is uniform between its ends.
    y = np.array([0.7, -0.4])
    x = (y[0] - y[1]) * (3 - 1) / 2
    want = y.sum() * 2 + np.log(np.sinh(x) / x)
    assert Diagonals((3.0, 1.0)).moments(y).log_normaliser == pytest.approx(want, abs=1e-14)


@pytest.mark.parametrize("top", [0.1, 3.0, 40.0, 2000.0])
def test_bingham_of_two_dimensions_is_a_bessel_function(top):
    found = Simplex(2, 0.5).moments(np.array([top, 0.0])).log_normaliser
    want = np.log(special.ive(0, top / 2)) + top
    assert found == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize("n", [2, 3, 10, 60])
@pytest.mark.parametrize("kappa", [0.5, 20.0, 1e4])
def test_sphere_and_ball_are_bessel_functions(n, kappa):
    y = np.zeros(n)
    y[0] = kappa

    def want(order):
        log = np.log(special.ive(order, kappa)) + kappa - order * np.log(kappa / 2)
        return log + special.gammaln(order + 1)

    assert Sphere(n).moments(y).log_normaliser == pytest.approx(want(n / 2 - 1), abs=1e-10)
    assert Ball(n).moments(y).log_normaliser == pytest.approx(want(n / 2), abs=1e-10)


def test_high_spheres_do_not_underflow():
    # I_399(1) is zero in double precision; the law is all but normal.
    found = Sphere(800).moments(np.append(1.0, np.zeros(799)))
    assert found.log_normaliser == pytest.approx(1 / 1600, rel=1e-3)


def test_a_cross_polytope_in_the_plane_is_a_square():
    y = np.array([1.3, -4.0])
    turned = np.array([y[0] + y[1], y[0] - y[1]]) / 2
    want = np.log(np.sinh(turned) / turned).sum()
    assert CrossPolytope(2).moments(y).log_normaliser == pytest.approx(want, abs=1e-14)


def test_a_solid_simplex_of_one_dimension_is_a_segment():
    y = np.array([2.5])
    for domain in (SolidSimplex(1), Box([0.0], [1.0])):
        assert domain.moments(y).log_normaliser == pytest.approx(np.log(np.expm1(2.5) / 2.5))


@settings(deadline=None, max_examples=40)
@given(st.floats(-60, 60), st.floats(0.01, 0.99))
def test_log_normalisers_are_convex(shift, share):
    a, b = np.array([1.0, shift, -3.0]), np.array([0.5, 2.0, shift / 2])
    for domain in (Simplex(3), Simplex(3, 0.5), CrossPolytope(3), Sphere(3), projections(3, 2)):
        ends = share * domain.moments(a).log_normaliser
        ends += (1 - share) * domain.moments(b).log_normaliser
        between = domain.moments(share * a + (1 - share) * b).log_normaliser
        assert between <= ends + 1e-12 * (1 + abs(ends))
