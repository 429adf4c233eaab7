"""Any polytope, by draws: the claimed errors hold where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise.maxent.continuous import (
    Box,
    MeanOnBoundaryError,
    MeanOutsideError,
    Simplex,
    SolidSimplex,
    entropic_barrier,
    fit,
    fit_polytope,
)
from equipoise.sampling import Polytope, log_volume

CORNER = Polytope(np.ones((1, 3)), [1.0], bounds=[(0, None)] * 3)
FLAT = Polytope(A_eq=np.ones((1, 3)), b_eq=[1.0], bounds=[(0, None)] * 3)
CASES = {
    "box": (Polytope(bounds=[(-1, 1), (0, 3)]), [0.5, 0.3], Box([-1, 0], [1, 3])),
    "solid simplex": (CORNER, [0.1, 0.6, 0.05], SolidSimplex(3)),
    "simplex": (FLAT, [0.1, 0.6, 0.3], Simplex(3)),
}


@pytest.mark.parametrize("name", CASES)
def test_claimed_errors_hold_where_the_answer_is_known(name):
    polytope, mean, domain = CASES[name]
    exact, found = fit(domain, mean), fit_polytope(polytope, mean, seed=1, n_draws=8000)
    parameter = exact.parameter
    if name == "simplex":
        parameter = parameter - parameter.mean()
    assert (np.abs(found.parameter - parameter) < 4 * found.parameter_error).all()
    assert (found.parameter_error < 0.2 * np.abs(parameter).max()).all()
    assert abs(found.entropy - exact.entropy) < 4 * found.entropy_error
    assert found.entropy_error < 0.1
    np.testing.assert_allclose(found.expectation, mean, atol=6 * found.expectation_error.max())
    wanted = exact.moments.covariance
    np.testing.assert_allclose(found.covariance, wanted, atol=0.15 * np.abs(wanted).max())


@pytest.mark.parametrize("name", CASES)
def test_the_gap_holds(name):
    polytope, mean, domain = CASES[name]
    found = fit_polytope(polytope, mean, seed=2, n_draws=2000)
    value = domain.moments(found.parameter).log_normaliser - found.parameter @ mean
    excess = value - fit(domain, mean).entropy
    assert 0 <= excess < found.gap < 0.2


@pytest.mark.slow
def test_errors_are_neither_too_small_nor_too_large():
    polytope, mean, domain = CASES["solid simplex"]
    exact = fit(domain, mean)
    z = []
    for seed in range(40):
        found = fit_polytope(polytope, mean, seed=7 * seed, n_draws=4000)
        z += [*(found.parameter - exact.parameter) / found.parameter_error]
        z.append((found.entropy - exact.entropy) / found.entropy_error)
    assert 0.7 < np.sqrt(np.mean(np.square(z))) < 1.3


def test_draws_and_density():
    found = fit_polytope(CORNER, [0.1, 0.6, 0.05], seed=0, n_draws=2000)
    drawn = found.sample(4001, seed=3)
    assert drawn.shape == (4001, 3)
    assert (CORNER.violation(drawn) <= 1e-9).all()
    np.testing.assert_array_equal(drawn[:50], found.sample(4001, seed=3)[:50])
    np.testing.assert_allclose(drawn.mean(axis=0), found.expectation, atol=0.02)
    logs = found.log_prob(drawn)
    assert -logs.mean() == pytest.approx(found.entropy, abs=0.1 + 4 * found.entropy_error)
    assert found.log_prob([0.5, 0.5, 0.5]) == -np.inf
    assert found.log_normaliser == pytest.approx(found.entropy + found.parameter @ found.mean)


def test_the_barrier_of_a_polytope():
    mean = [0.1, 0.6, 0.05]
    found = fit_polytope(CORNER, mean, seed=0, n_draws=8000)
    barrier, exact = (
        found.barrier(log_volume(CORNER).log_volume),
        entropic_barrier(SolidSimplex(3), mean),
    )
    assert abs(barrier.value - exact.value) < 4 * found.entropy_error
    np.testing.assert_allclose(
        barrier.hessian, exact.hessian, rtol=0.2, atol=0.1 * exact.hessian.max()
    )
    with pytest.raises(ValueError, match="flat"):
        fit_polytope(FLAT, [0.2, 0.2, 0.6], seed=0, n_draws=800).barrier(0.0)


@pytest.mark.parametrize(
    ("polytope", "mean", "error", "words"),
    [
        (CORNER, [0.5, 0.6, 0.1], MeanOutsideError, "breaks a constraint"),
        (CORNER, [0.5, 0.5, 0.0], MeanOnBoundaryError, "boundary"),
        (FLAT, [0.5, 0.5, 0.1], MeanOutsideError, "plane"),
        (CORNER, [0.5, 0.5], ValueError, "shape"),
        (CORNER, [0.5, np.inf, 0], ValueError, "infinite"),
    ],
)
def test_means_that_no_law_on_a_polytope_has(polytope, mean, error, words):
    with pytest.raises(error, match=words):
        fit_polytope(polytope, mean, seed=0)


def test_too_few_draws_are_refused():
    with pytest.raises(ValueError, match="n_draws"):
        fit_polytope(CORNER, [0.1, 0.2, 0.3], seed=0, n_draws=10)
