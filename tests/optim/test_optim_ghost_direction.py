"""The sub-problems of the Stochastic Ghost method, against solvers in all n variables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from equipoise.optim.constrained.ghost_direction import direction, ghost_direction
from equipoise.optim.constrained.ghost_relaxation import least_violation, relaxation

seeds = st.integers(0, 2**32 - 1)


def random_problem(rng, m, n, scale=1.0, degenerate=True):
    """Gradient, constraints and Jacobian, with rows that are zero, repeated or opposite."""
    J = rng.normal(size=(m, n)) * scale * 10 ** rng.uniform(-1, 1, size=(m, 1))
    c = rng.normal(size=m) + rng.choice([-1.0, 0.0, 2.0])
    if degenerate:
        kind = rng.integers(6)
        one, other = rng.integers(m), rng.integers(m)
        if kind == 0:
            J[one] = J[other]
        elif kind == 1:
            J[one] = -J[other]
        elif kind == 2:
            J[one] = 0
        elif kind == 3:
            J[one], c[one] = J[other], c[other]
        elif kind == 4:
            J, c = np.round(J), np.round(c)
    return rng.normal(size=n) * 10 ** rng.uniform(-2, 2), c, J


def least_violation_by_simplex(c, J, rho):
    m, n = J.shape
    program = linprog(
        np.r_[1, np.zeros(n)],
        A_ub=np.column_stack([-np.ones(m), J]),
        b_ub=-c,
        bounds=[(0, None)] + [(-rho, rho)] * n,
        method="highs",
    )
    assert program.status == 0
    return program.fun


def kkt_error(g, c, J, kappa, beta, tau, d, y):
    """The largest of all optimality conditions' errors, each relative to what it is made of."""
    row = np.sqrt((J**2).sum(1))
    length = np.linalg.norm(np.clip(g / tau, -beta, beta))
    away = np.divide(c - kappa, row, out=np.zeros_like(c), where=row > 0)
    size = length + max(away.max(initial=0), 0)
    v = c + J @ d - kappa
    gradient_of = np.abs(d - np.clip(-(g + J.T @ y) / tau, -beta, beta)).max(initial=0)
    allowed = (1e-12 + 1e-15 * (np.linalg.norm(g) + np.abs(y) @ row)) / tau
    return max(
        0.0 if gradient_of <= allowed else gradient_of,
        0.0 if (y >= 0).all() else np.inf,
        0.0 if np.abs(d).max(initial=0) <= beta else np.inf,
        (np.maximum(v, 0) / np.maximum(row * size, 1e-12 * np.abs(c).max(initial=0) + 1e-300)).max(
            initial=0
        ),
        max(
            (
                min(y_i * row_i / tau, abs(v_i) / row_i) / size
                for y_i, v_i, row_i in zip(y, v, row, strict=True)
                if y_i > 0
            ),
            default=0.0,
        ),
    )


@settings(deadline=None, max_examples=50)
@given(seeds, st.integers(1, 20), st.integers(1, 40), st.floats(-2, 1))
def test_the_least_violation_is_that_of_the_linear_program(seed, m, n, power):
    _, c, J = random_problem(np.random.default_rng(seed), m, n)
    rho = 10**power
    error = least_violation(c, J, rho) - least_violation_by_simplex(c, J, rho)
    assert abs(error) <= 1e-8 * np.maximum(c, 0).max() + 1e-13 * rho * np.abs(J).sum(1).max()


@pytest.mark.parametrize("seed", [0, 1, 5, 14, 24, 28])
def test_more_active_constraints_than_parameters_at_very_different_scales(seed):
    # The matrices of an interior-point method become singular here.
    rng = np.random.default_rng(seed)
    J = rng.normal(size=(20, 2)) * 10 ** rng.uniform(-3, 3, size=(20, 1))
    J[5] = J[6]
    c = rng.normal(size=20) + 5
    expected = least_violation_by_simplex(c, J, 100.0)
    assert least_violation(c, J, 100.0) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("m", [2, 5])
def test_the_least_violation_of_many_parameters(m):
    rng = np.random.default_rng(0)
    J = rng.normal(size=(m, 12_000)) / 12_000
    c = np.full(m, 0.9) + 0.01 * rng.normal(size=m)
    J[1] = 0.3 * J[1] - J[0]  # so that what one gains the other loses, up to the last digit
    expected = least_violation_by_simplex(c, J, 0.8)
    assert 0.1 < expected < c.max() - 0.1
    assert least_violation(c, J, 0.8) == pytest.approx(expected, rel=1e-8)


def test_sides_that_rounding_keeps_apart_still_give_a_level_that_a_step_reaches(monkeypatch):
    random = np.random.default_rng(0)
    c, J = random.uniform(0.5, 1, 6), random.normal(size=(6, 8))
    exact = least_violation(c, J, 0.05)
    monkeypatch.setattr("equipoise.optim.constrained.ghost_relaxation._GAP", -1.0)
    assert least_violation(c, J, 0.05) == pytest.approx(exact, abs=1e-6)


def test_opposite_constraints_that_cannot_both_hold_share_the_violation():
    # d_1 + 0.7 and -d_1 + 0.3 are both at best 0.5, at d_1 = -0.2.
    J = np.array([[1.0, 0.0], [-1.0, 0.0]])
    assert least_violation(np.array([0.7, 0.3]), J, 0.8) == pytest.approx(0.5)
    assert least_violation(np.array([0.7, 0.3]), J, 0.1) == pytest.approx(0.6)


def test_kinks_that_all_lie_at_one_place():
    row = np.random.default_rng(0).normal(size=10_000)
    violation = least_violation(np.array([0.7, 0.3]), np.stack([row, -row]), 0.8)
    assert violation == pytest.approx(0.5)


def test_a_constraint_without_gradient_cannot_be_lessened():
    for m in (1, 2, 3):
        assert least_violation(np.full(m, 0.7), np.zeros((m, 4)), 0.8) == pytest.approx(0.7)


def test_rho_is_the_size_of_the_step_and_lambda_the_share_of_what_it_undoes():
    # Passing one for the other goes unnoticed where c - rho |J|_1 is positive: here it is not.
    c, J = np.array([2.0]), np.array([[1.0, 1.0]])
    assert relaxation(c, J, 0.5, 1.5) == pytest.approx(0.5 * 2.0 + 0.5 * 0.0)
    assert relaxation(c, J, 0.25, 0.5) == pytest.approx(0.75 * 2.0 + 0.25 * 1.0)


@settings(deadline=None, max_examples=50)
@given(seeds, st.integers(1, 12), st.floats(0.01, 0.99))
def test_the_relaxation_lies_between_the_least_violation_and_the_one_at_hand(seed, m, lambda_):
    _, c, J = random_problem(np.random.default_rng(seed), m, 7)
    kappa, now = relaxation(c, J, lambda_, 0.5), max(c.max(), 0)
    least = least_violation(c, J, 0.5)
    assert least - 1e-12 <= kappa <= now + 1e-12
    assert kappa == pytest.approx((1 - lambda_) * now + lambda_ * least, rel=1e-12, abs=1e-12)


def test_constraints_that_hold_need_no_relaxation():
    assert relaxation(np.array([-1.0, 0.0]), np.ones((2, 3)), 0.5, 0.8) == 0


@settings(deadline=None, max_examples=50)
@given(
    seeds,
    st.integers(1, 20),
    st.integers(1, 40),
    st.sampled_from([0.01, 0.5, 0.9, 1 - 1e-9, 1 - 1e-15]),
    st.floats(0.01, 10),
    st.floats(1.001, 30),
)
def test_the_direction_meets_the_optimality_conditions(seed, m, n, lambda_, rho, ratio):
    # With lambda next to 1 no step has any room left in the linearised constraints.
    rng = np.random.default_rng(seed)
    g, c, J = random_problem(rng, m, n)
    beta, tau = rho * ratio, 10 ** rng.uniform(-1, 1)
    kappa = relaxation(c, J, lambda_, rho)
    d, y = direction(g, c, J, kappa, beta, tau)
    assert kkt_error(g, c, J, kappa, beta, tau, d, y) <= 1e-8


@settings(deadline=None, max_examples=25)
@given(seeds, st.integers(1, 5), st.sampled_from([0.3, 1.2, 20.0]))
def test_the_direction_is_that_of_a_general_solver(seed, m, beta):
    rng = np.random.default_rng(seed)
    g, c, J = random_problem(rng, m, 4, degenerate=False)
    g, tau, rho = g / np.linalg.norm(g), 0.7, 0.2
    kappa = relaxation(c, J, 0.5, rho)
    d, _ = direction(g, c, J, kappa, beta, tau)

    def objective(d):
        return g @ d + tau / 2 * d @ d

    general = minimize(
        objective,
        np.zeros(4),
        jac=lambda d: g + tau * d,
        bounds=[(-beta, beta)] * 4,
        constraints={"type": "ineq", "fun": lambda d: kappa - c - J @ d, "jac": lambda d: -J},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    if general.success:
        np.testing.assert_allclose(d, general.x, atol=1e-5)
    assert objective(d) <= objective(general.x) + 1e-7 or (c + J @ general.x).max() > kappa + 1e-9


def test_one_constraint_projects_onto_a_half_space():
    g, a, c, tau = np.array([-2.0, -1.0]), np.array([3.0, 4.0]), -0.5, 2.0
    free = -g / tau
    d, y = direction(g, np.array([c]), a[None], 0.0, 10.0, tau)
    beyond = a @ free + c
    np.testing.assert_allclose(d, free - a * beyond / (a @ a), rtol=1e-8)
    np.testing.assert_allclose(y, [tau * beyond / (a @ a)], rtol=1e-8)


def test_the_bound_is_one_on_every_coordinate():
    # d_1 stops at its bound, and d_2 makes good for what it may no longer do.
    d, y = direction(np.zeros(2), np.array([3.0]), np.array([[2.0, 1.0]]), 0.0, 1.1, 1.0)
    np.testing.assert_allclose(d, [-1.1, -0.8], rtol=1e-8)
    np.testing.assert_allclose(y, [0.8], rtol=1e-8)


def test_without_violation_the_direction_is_the_bounded_gradient_step():
    g = np.array([3.0, -50.0, 0.0])
    for m in (0, 2):
        d = ghost_direction(
            g, np.full(m, -1e3), np.ones((m, 3)), lambda_=0.5, rho=0.8, beta=10.0, tau=2.0
        )
        np.testing.assert_array_equal(d, [-1.5, 10.0, 0.0])


def test_constraints_that_no_step_meets_are_refused():
    opposite = np.array([[1.0, 0.0], [-1.0, 0.0]])
    for c, J in (([5.0, -9.0], opposite), ([1.0, 1.0], opposite), ([1.0, 1.0], 0 * opposite)):
        with pytest.raises(FloatingPointError, match="down to 0"):
            direction(np.ones(2), np.array(c), J, 0.0, 1.0, 1.0)


def test_an_all_but_vanishing_gradient_of_a_violated_constraint_does_no_harm():
    c = np.array([5.0, 0.3, 0.2])
    J = np.array([[1e-14, 0.0, 2e-14], [1.0, 2.0, 0.0], [0.0, 0.0, 0.0]])
    d = ghost_direction(np.ones(3), c, J, lambda_=1 - 1e-12, rho=0.8, beta=1.0, tau=1.0)
    assert np.isfinite(d).all()


@pytest.mark.parametrize("gradient", [0.01, 30.0])
def test_a_quarter_of_a_million_parameters(gradient):
    rng = np.random.default_rng(1)
    n = 250_000
    row = rng.normal(size=n) / 50
    c, J = np.array([0.3, -0.4]), np.stack([row, -row])
    g = gradient * rng.normal(size=n)
    kappa = relaxation(c, J, 0.5, 0.8)
    d, y = direction(g, c, J, kappa, 10.0, 1.0)
    assert (np.abs(d) >= 10).any() == (gradient > 1)
    assert kkt_error(g, c, J, kappa, 10.0, 1.0, d, y) <= 1e-8
