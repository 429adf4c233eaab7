"""Hyper-gradients of quadratic problems, where the exact one and every error are in closed form."""

from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.optim.bilevel import (
    F2SA,
    ConjugateGradient,
    CurvatureError,
    Dense,
    Identity,
    Neumann,
    Problem,
    Unrolled,
)

DECAY = 0.3
LR = 0.05


class Quadratic:
    """Inner theta'A theta/2 - theta'B alpha with decay, outer |theta - c|^2/2 + w'alpha."""

    def __init__(self, seed=0, n=6, m=3, decay=DECAY, momentum=0.0, direct=True, at_solution=True):
        draw = torch.Generator().manual_seed(seed)

        def normal(*shape):
            return torch.randn(*shape, generator=draw, dtype=torch.float64)

        root = normal(n, n)
        self.A = root @ root.T / n + 0.1 * torch.eye(n, dtype=torch.float64)
        self.B, self.c = normal(n, m), normal(n)
        self.w = normal(m) if direct else torch.zeros(m, dtype=torch.float64)
        self.alpha = torch.nn.Parameter(normal(m))
        # With decay, the minimum solves (A + decay) theta = B alpha.
        self.H = self.A + decay * torch.eye(n, dtype=torch.float64)
        self.solution = torch.linalg.solve(self.H, self.B @ self.alpha.detach())
        start = self.solution if at_solution else normal(n)
        # Two tensors of different shapes, so that nothing depends on there being one.
        self.parts = [torch.nn.Parameter(start[:2].clone()), torch.nn.Parameter(start[2:].clone())]
        self.optimizer = torch.optim.SGD(self.parts, lr=LR, weight_decay=decay, momentum=momentum)
        self.v = self.solution - self.c
        self.exact = self.w + self.B.T @ torch.linalg.solve(self.H, self.v)

    @property
    def theta(self):
        return torch.cat(self.parts)

    def inner(self):
        return self.theta @ self.A @ self.theta / 2 - self.theta @ self.B @ self.alpha

    def paired(self):
        # The outputs are theta itself.
        return self.theta, lambda z: z @ self.A @ z / 2 - z @ self.B @ self.alpha

    def outer(self):
        return ((self.theta - self.c) ** 2).sum() / 2 + self.w @ self.alpha

    def problem(self, paired=False, **settings):
        inner = self.paired if paired else self.inner
        return Problem(self.optimizer, [self.alpha], [inner], [self.outer], **settings)

    def through(self, inverse):
        """The hyper-gradient that another matrix in place of the inverse Hessian leads to."""
        return self.w + self.B.T @ inverse @ self.v


def close(found, expected, rtol=1e-11):
    torch.testing.assert_close(found.gradient[0], expected, rtol=rtol, atol=rtol)


def powers(q, a, terms):
    shrunk = torch.eye(len(q.H), dtype=torch.float64) - a * q.H
    return a * sum(torch.linalg.matrix_power(shrunk, j) for j in range(terms))


def test_closed_form_is_the_derivative_of_the_outer_loss_at_the_solution():
    q = Quadratic()
    alpha = q.alpha.detach().clone().requires_grad_()
    theta = torch.linalg.solve(q.H, q.B @ alpha)
    (((theta - q.c) ** 2).sum() / 2 + q.w @ alpha).backward()
    torch.testing.assert_close(alpha.grad, q.exact, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("scale", [1.0, 0.2])
def test_identity_takes_the_hessian_for_a_multiple_of_the_identity(scale, paired):
    q = Quadratic()
    identity = torch.eye(len(q.H), dtype=torch.float64)
    close(Identity(scale)(q.problem(paired)), q.through(scale * identity))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 30), st.floats(0.02, 0.25), st.integers(0, 5), st.booleans())
def test_neumann_leaves_the_error_of_a_geometric_series(terms, a, seed, paired):
    q = Quadratic(seed)
    found = Neumann(terms, a)(q.problem(paired))
    shrunk = torch.eye(len(q.H), dtype=torch.float64) - a * q.H
    left = torch.linalg.matrix_power(shrunk, terms) @ torch.linalg.solve(q.H, q.v)
    close(found, q.exact - q.B.T @ left)


@pytest.mark.parametrize("curvature", ["hessian", "gauss-newton"])
def test_neumann_with_an_estimated_step_size_converges(curvature):
    q = Quadratic()
    close(Neumann(600, curvature=curvature)(q.problem(True)), q.exact, 1e-10)


def test_damping_is_added_to_the_eigenvalues():
    q = Quadratic()
    damped = torch.linalg.inv(q.H + 0.5 * torch.eye(len(q.H), dtype=torch.float64))
    for method in (
        Neumann(400, damping=0.5),
        ConjugateGradient(20, curvature="hessian", damping=0.5),
        Dense(damping=0.5),
    ):
        close(method(q.problem()), q.through(damped), 1e-10)


@pytest.mark.parametrize("curvature", ["hessian", "gauss-newton"])
def test_conjugate_gradients_end_after_as_many_steps_as_parameters(curvature):
    q = Quadratic()
    method = ConjugateGradient(6, curvature=curvature, warm_start=False)
    close(method(q.problem(True)), q.exact)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 5), st.integers(0, 10))
def test_conjugate_gradients_are_the_best_of_their_krylov_space(steps, seed):
    q = Quadratic(seed)
    found = ConjugateGradient(steps, curvature="hessian")(q.problem())
    basis = torch.stack([torch.linalg.matrix_power(q.H, j) @ q.v for j in range(steps)], 1)
    basis, _ = torch.linalg.qr(basis)
    p = basis @ torch.linalg.solve(basis.T @ q.H @ basis, basis.T @ q.v)
    close(found, q.w + q.B.T @ p, 1e-8)


def test_warm_start_goes_on_where_the_last_one_ended():
    q = Quadratic()
    warm = ConjugateGradient(1, curvature="hessian")
    errors = [(warm(q.problem()).gradient[0] - q.exact).norm().item() for _ in range(40)]
    assert errors[-1] < 1e-3 * errors[0]
    cold = ConjugateGradient(1, curvature="hessian", warm_start=False)
    first, again = (cold(q.problem()).gradient[0] for _ in range(2))
    torch.testing.assert_close(first, again, rtol=0, atol=0)


def test_dense_is_exact():
    q = Quadratic()
    close(Dense()(q.problem()), q.exact)


@pytest.mark.parametrize("steps", [1, 3, 20])
def test_unrolled_steps_at_the_solution_are_neumann_terms(steps):
    q = Quadratic()
    close(Unrolled(steps)(q.problem()), q.through(powers(q, LR, steps)))


@pytest.mark.parametrize("at_solution", [True, False])
def test_unrolled_tends_to_the_implicit_gradient(at_solution):
    errors = []
    for steps in (100, 200, 400, 800):
        q = Quadratic(at_solution=at_solution)
        errors.append((Unrolled(steps)(q.problem()).gradient[0] - q.exact).norm().item())
    rate = 1 - LR * torch.linalg.eigvalsh(Quadratic().H)[0].item()
    for error, later, more in zip(errors, errors[1:], (100, 200, 400), strict=False):
        # Off the solution the error of v falls at the same rate, so that steps multiply it.
        assert later < 3 * rate**more * error + 1e-11
    assert errors[-1] < 1e-5


@pytest.mark.parametrize(("nesterov", "dampening"), [(False, 0.0), (False, 0.4), (True, 0.0)])
@pytest.mark.parametrize("taken", [0, 3])
def test_unrolled_is_the_derivative_of_torchs_own_steps(nesterov, dampening, taken):
    settings = {"lr": LR, "momentum": 0.9, "nesterov": nesterov, "dampening": dampening}

    def run(alpha, further):
        q = Quadratic(at_solution=False)
        optimizer = torch.optim.SGD(q.parts, weight_decay=DECAY, **settings)

        def step():
            optimizer.zero_grad()
            q.inner().backward(inputs=q.parts)
            optimizer.step()

        for _ in range(taken):
            step()
        q.optimizer = optimizer
        with torch.no_grad():
            q.alpha.copy_(alpha)
        if not further:
            return q
        for _ in range(5):
            step()
        return q.outer().item()

    at = Quadratic().alpha.detach()
    q = run(at, further=False)
    before = q.theta.detach().clone()
    found = Unrolled(5)(q.problem()).gradient[0]
    assert torch.equal(before, q.theta)
    for k in range(len(at)):
        step = torch.zeros_like(at)
        step[k] = 1e-4
        slope = (run(at + step, True) - run(at - step, True)) / 2e-4
        assert found[k].item() == pytest.approx(slope, rel=1e-8)


def test_f2sa_has_an_error_of_the_square_of_its_pull():
    q = Quadratic()
    errors = []
    for pull in (0.2, 0.1, 0.05):
        found = F2SA(400, step_size=0.4, pull=pull)(q.problem()).gradient[0]
        # In closed form: y(s) = (H + s I)^-1 (B alpha + s c).
        identity = torch.eye(len(q.H), dtype=torch.float64)
        plus, minus = (
            torch.linalg.solve(q.H + s * identity, q.B @ q.alpha.detach() + s * q.c)
            for s in (pull, -pull)
        )
        expected = q.w - q.B.T @ (plus - minus) / (2 * pull)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
        errors.append((found - q.exact).norm().item())
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.3)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.1)


def test_f2sa_goes_on_where_it_ended_and_leaves_the_parameters():
    q = Quadratic()
    before = q.theta.detach().clone()
    method = F2SA(5, pull=1e-4)
    errors = [(method(q.problem()).gradient[0] - q.exact).norm().item() for _ in range(200)]
    assert torch.equal(before, q.theta)
    assert errors[0] > 0.1
    assert errors[-1] < 1e-6


@pytest.mark.parametrize(
    "make",
    [
        Identity,
        lambda: Neumann(5, 0.1),
        lambda: ConjugateGradient(3, curvature="hessian"),
        Dense,
        lambda: Unrolled(3),
        lambda: F2SA(3),
    ],
)
def test_several_closures_stand_for_the_mean_of_their_losses(make):
    q, other = Quadratic(0), Quadratic(1)

    def rest():
        theta = q.theta
        return theta @ other.A @ theta / 2 - theta @ other.B @ q.alpha

    def rest_paired():
        return q.theta, lambda z: z @ other.A @ z / 2 - z @ other.B @ q.alpha

    def mean():
        return (q.inner() + rest()) / 2

    def outer():
        return (q.theta**4).sum()

    def mean_outer():
        return (q.outer() + outer()) / 2

    whole = Problem(q.optimizer, [q.alpha], [mean], [mean_outer])
    expected = make()(whole, diagnose=True)
    for inner in ([q.inner, rest], [q.paired, rest_paired]):
        split = Problem(q.optimizer, [q.alpha], inner, [q.outer, outer])
        found = make()(split, diagnose=True)
        close(found, expected.gradient[0])
        assert found.objective.item() == pytest.approx(expected.objective.item())
        slope = expected.diagnostics.inner_gradient_norm
        assert found.diagnostics.inner_gradient_norm == pytest.approx(slope)


def test_diagnostics_are_what_they_say():
    q = Quadratic(at_solution=False)
    found = Neumann(3, 0.1)(q.problem(), diagnose=True).diagnostics
    v = (q.theta - q.c).detach()
    left = torch.linalg.matrix_power(torch.eye(6, dtype=torch.float64) - 0.1 * q.H, 3) @ v
    assert found.residual == pytest.approx((left.norm() / v.norm()).item())
    slope = q.H @ q.theta.detach() - q.B @ q.alpha.detach()
    assert found.inner_gradient_norm == pytest.approx(slope.norm().item())
    largest = torch.linalg.eigvalsh(q.H)[-1].item()
    assert 0.9 * largest < found.largest_eigenvalue <= largest
    a, b = Neumann(3, 0.1)(q.problem()).gradient[0], Identity()(q.problem()).gradient[0]
    assert found.cosine == pytest.approx(torch.cosine_similarity(a, b, 0).item())
    assert Identity()(q.problem(), diagnose=True).diagnostics.cosine is None
    assert Dense()(q.problem(), diagnose=True).diagnostics.residual < 1e-12
    assert Unrolled(3)(q.problem(), diagnose=True).diagnostics.residual is None
    assert Identity()(q.problem()).diagnostics is None


def test_residual_is_that_of_the_undamped_system():
    q = Quadratic()
    found = Dense(damping=1.0)(q.problem(), diagnose=True).diagnostics
    p = torch.linalg.solve(q.H + torch.eye(6, dtype=torch.float64), q.v)
    assert found.residual == pytest.approx(((q.H @ p - q.v).norm() / q.v.norm()).item())


def test_divergent_series_is_an_error_that_names_the_largest_eigenvalue():
    q = Quadratic()
    largest = torch.linalg.eigvalsh(q.H)[-1].item()
    with pytest.raises(CurvatureError, match="largest eigenvalue, which is about") as error:
        Neumann(50, 3 / largest)(q.problem())
    said = re.search(r"about (\d\.\d+)", str(error.value))
    assert float(said[1]) == pytest.approx(largest, rel=0.05)


def test_negative_curvature_is_an_error_that_names_the_cure():
    q = Quadratic(decay=0.0)
    with torch.no_grad():
        q.A -= 0.5 * torch.eye(6, dtype=torch.float64)
    with pytest.raises(CurvatureError, match=r"negative eigenvalues. Add damping"):
        Neumann(100)(q.problem())
    with pytest.raises(CurvatureError, match=r"does not curve upwards.*damping"):
        ConjugateGradient(10, curvature="hessian")(q.problem())


def test_step_size_that_has_become_too_large_is_estimated_anew():
    q = Quadratic()
    method = Neumann(600, refresh=1000)
    method(q.problem())
    q.A *= 5
    q.H = q.A + DECAY * torch.eye(6, dtype=torch.float64)
    v = (q.theta - q.c).detach()
    close(method(q.problem()), q.w + q.B.T @ torch.linalg.solve(q.H, v), 1e-8)


def test_singular_hessian_is_an_error_that_names_the_cure():
    q = Quadratic(decay=0.0)
    with torch.no_grad():
        q.A.zero_()
    with pytest.raises(CurvatureError, match="singular: add weight decay"):
        Dense()(q.problem())


def test_dense_refuses_what_is_too_large():
    with pytest.raises(ValueError, match=r"6 by 6; max_parameters is 5.*ConjugateGradient"):
        Dense(max_parameters=5)(Quadratic().problem())


@pytest.mark.parametrize("method", [Dense(), ConjugateGradient()])
def test_methods_that_are_exact_refuse_decoupled_decay(method):
    q = Quadratic()
    q.optimizer = torch.optim.AdamW(q.parts, weight_decay=0.1)
    with pytest.raises(ValueError, match="decoupled weight decay"):
        method(q.problem(True))
    q.optimizer = torch.optim.AdamW(q.parts, weight_decay=0.0)
    method(q.problem(True))


def test_decay_of_each_group_is_its_own():
    q = Quadratic(decay=0.0)
    q.optimizer = torch.optim.SGD(
        [{"params": [q.parts[0]], "weight_decay": 0.7}, {"params": [q.parts[1]]}], lr=LR
    )
    H = q.A + torch.diag(torch.tensor([0.7, 0.7, 0, 0, 0, 0], dtype=torch.float64))
    close(Dense()(q.problem()), q.w + q.B.T @ torch.linalg.solve(H, q.v))


def test_adams_coupled_decay_belongs_to_the_hessian():
    q = Quadratic()
    q.optimizer = torch.optim.Adam(q.parts, weight_decay=DECAY)
    close(Dense()(q.problem()), q.exact)


def test_unrolled_names_the_optimizer_that_it_cannot_differentiate():
    q = Quadratic()
    q.optimizer = torch.optim.Adam(q.parts)
    with pytest.raises(TypeError, match=r"SGD.*not those of Adam"):
        Unrolled()(q.problem())
    with pytest.raises(ValueError, match="give F2SA a step_size"):
        F2SA()(q.problem())


@pytest.mark.parametrize(
    "method",
    [
        Dense(),
        ConjugateGradient(2),
        Neumann(400),
        Unrolled(1000),
        F2SA(200, step_size=0.4, pull=1e-4),
    ],
)
def test_frozen_parameters_are_left_out_of_everything(method):
    q = Quadratic()
    frozen = q.parts[1].requires_grad_(False).clone()
    found = method(q.problem(True)).gradient[0]
    # What is left is a problem in the first two parameters alone.
    expected = q.w + q.B[:2].T @ torch.linalg.solve(q.H[:2, :2], q.v[:2])
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    assert torch.equal(q.parts[1], frozen)


def test_warm_start_is_dropped_when_parameters_are_frozen():
    q = Quadratic()
    method = ConjugateGradient(6, curvature="hessian")
    method(q.problem())
    q.parts[1].requires_grad_(False)
    expected = q.w + q.B[:2].T @ torch.linalg.solve(q.H[:2, :2], q.v[:2])
    close(method(q.problem()), expected)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Identity(0.0), "scale must be positive"),
        (lambda: Neumann(0), "terms and refresh must be at least 1"),
        (lambda: Neumann(step_size=-1.0), "step_size must be positive"),
        (lambda: Neumann(damping=-1.0), "damping must be at least 0"),
        (lambda: ConjugateGradient(0), "steps must be at least 1"),
        (lambda: ConjugateGradient(damping=float("nan")), "damping must be at least 0"),
        (lambda: Dense(damping=-1.0), "damping must be at least 0"),
        (lambda: Unrolled(0), "steps must be at least 1"),
        (lambda: F2SA(0), "steps must be at least 1"),
        (lambda: F2SA(pull=0.0), "pull must be positive"),
        (lambda: F2SA(step_size=0.0), "step_size must be positive"),
    ],
)
def test_bad_settings_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
