"""Hyper-gradients of a parametric cross-entropy against re-solved problems, and slips in them."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from equipoise.optim.bilevel import (
    F2SA,
    ConjugateGradient,
    CurvatureError,
    Dense,
    Identity,
    LastLayer,
    Neumann,
    Problem,
    Unrolled,
)
from equipoise.optim.bilevel.curvature import curvature
from equipoise.optim.vectors import dot, norm, plus

K, D, N = 5, 9, 330
DECAY = 1e-2
GATE = 1e-6


class Logistic:
    """Multinomial logistic regression with L2; outside, a balanced loss of other rows."""

    def __init__(self, decay=DECAY, lr=2.0):
        draw = torch.Generator().manual_seed(3)
        shares = torch.tensor([0.45, 0.25, 0.15, 0.1, 0.05])
        centres = torch.randn(K, D, generator=draw, dtype=torch.float64)

        def rows(n):
            y = torch.multinomial(shares, n, replacement=True, generator=draw)
            noise = torch.randn(n, D, generator=draw, dtype=torch.float64)
            return centres[y] + 1.5 * noise, y

        (self.X, self.y), (self.XV, self.yV) = rows(N), rows(200)
        self.balance = 1 / torch.bincount(self.yV, minlength=K).double()
        self.model = torch.nn.Linear(D, K).double()
        with torch.no_grad():
            self.model.weight.normal_(0, 0.1, generator=draw)
            self.model.bias.zero_()
        offsets = 0.3 * torch.randn(K, generator=draw, dtype=torch.float64)
        scales = 0.6 + 0.8 * torch.rand(K, generator=draw, dtype=torch.float64)
        self.l, self.delta = torch.nn.Parameter(offsets), torch.nn.Parameter(scales)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=lr, weight_decay=decay)
        self.decay = decay

    def loss(self, z):
        return cross_entropy(self.delta * z + self.l, self.y)

    def pair(self):
        return self.model(self.X), self.loss

    def scalar(self):
        return self.loss(self.model(self.X))

    def outer(self):
        return cross_entropy(self.model(self.XV), self.yV, self.balance)

    def problem(self, paired=True, **settings):
        inner = self.pair if paired else self.scalar
        return Problem(self.optimizer, [self.l, self.delta], [inner], [self.outer], **settings)

    def solve(self):
        """Newton's method, written out on its own, until the gradient is below 1e-13."""

        def whole(W, b):
            fit = cross_entropy(self.delta * (self.X @ W.T + b) + self.l, self.y)
            return fit + self.decay / 2 * ((W**2).sum() + (b**2).sum())

        at = (self.model.weight, self.model.bias)
        for _ in range(30):
            slope = torch.cat([g.flatten() for g in torch.autograd.grad(whole(*at), at)])
            if slope.norm() < 1e-13:
                return self
            rows = torch.autograd.functional.hessian(whole, at)
            H = torch.cat(
                [
                    torch.cat([h.reshape(p.numel(), -1) for h in row], 1)
                    for row, p in zip(rows, at, strict=True)
                ]
            )
            move = torch.linalg.solve(H, slope)
            with torch.no_grad():
                at[0].sub_(move[: K * D].view(K, D))
                at[1].sub_(move[K * D :])
        raise AssertionError(f"|gradient| is {slope.norm()}")


@pytest.fixture(scope="module")
def resolved():
    """Central differences of the outer loss, the inner problem being solved anew for each."""
    found = []
    for variable in range(2):
        for k in range(K):
            values = []
            for side in (1, -1):
                problem = Logistic()
                with torch.no_grad():
                    (problem.l, problem.delta)[variable][k] += side * 1e-4
                values.append(problem.solve().outer().item())
            found.append((values[0] - values[1]) / 2e-4)
    return torch.tensor(found, dtype=torch.float64)


def estimate(method, paired=True, decay=DECAY, solved=True):
    problem = Logistic(decay)
    if solved:
        problem.solve()
    return torch.cat(method(problem.problem(paired)).gradient)


def error(method, resolved, **settings):
    return ((estimate(method, **settings) - resolved).norm() / resolved.norm()).item()


LIMITS = {
    "dense": lambda: Dense(),
    "conjugate gradients": lambda: ConjugateGradient(60, curvature="hessian"),
    "Neumann": lambda: Neumann(1500, curvature="hessian"),
    "unrolled": lambda: Unrolled(900),
    "F2SA": lambda: F2SA(900, pull=2e-5),
}
PAIRED_LIMITS = {
    "conjugate gradients": lambda: ConjugateGradient(60),
    "Neumann": lambda: Neumann(1500),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limit_of_every_estimator_is_the_derivative_of_the_resolved_problem(name, resolved):
    assert error(LIMITS[name](), resolved, paired=False) < GATE


@pytest.mark.parametrize("name", PAIRED_LIMITS)
def test_gauss_newton_is_the_hessian_of_a_linear_model(name, resolved):
    assert error(PAIRED_LIMITS[name](), resolved) < GATE


@pytest.mark.parametrize("solved", [True, False])
def test_last_layer_solves_and_differentiates_exactly(resolved, solved):
    problem = Logistic()
    if solved:
        problem.solve()
    method = LastLayer(problem.model)
    found = torch.cat(method(problem.problem()).gradient)
    assert ((found - resolved).norm() / resolved.norm()).item() < GATE
    solution = Logistic().solve().model
    torch.testing.assert_close(problem.model.weight, solution.weight, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(problem.model.bias, solution.bias, rtol=1e-9, atol=1e-9)


ESTIMATORS = {
    "identity": lambda: Identity(),
    "Neumann": lambda: Neumann(6, 1.0),
    "conjugate gradients": lambda: ConjugateGradient(4),
    "dense": lambda: Dense(),
    "unrolled": lambda: Unrolled(4),
}


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_offsets_have_gradients_that_sum_to_0(name, paired):
    # A common offset leaves the loss as it is, so this holds of every estimate, solved or not.
    if name == "conjugate gradients" and not paired:
        method = ConjugateGradient(4, curvature="hessian")
    else:
        method = ESTIMATORS[name]()
    found = estimate(method, paired, solved=False)[:K]
    assert found.norm() > 1e-3
    assert abs(found.sum().item()) < 1e-12


def test_last_layers_offsets_have_gradients_that_sum_to_0():
    problem = Logistic()
    found = LastLayer(problem.model)(problem.problem()).gradient[0]
    assert abs(found.sum().item()) < 1e-12


def test_error_falls_with_the_work(resolved):
    errors = [
        error(method, resolved)
        for method in (
            Identity(),
            Neumann(6),
            Neumann(100),
            Neumann(300),
            ConjugateGradient(10),
            ConjugateGradient(20),
        )
    ]
    assert errors[:4] == sorted(errors[:4], reverse=True)
    assert errors[0] > 0.5
    assert errors[4] < 1e-1
    assert errors[5] < 1e-3


def test_unrolled_converges_at_the_rate_of_gradient_descent(resolved):
    problem = Logistic().solve()
    rows = []
    for unit in torch.eye(K * D + K, dtype=torch.float64):
        p = [unit[: K * D].view(K, D), unit[K * D :]]
        rows.append(torch.cat([h.flatten() for h in curvature(problem.problem(False))(p)]))
    rate = 1 - 2.0 * torch.linalg.eigvalsh(torch.stack(rows))[0].item()
    a, b = error(Unrolled(100), resolved), error(Unrolled(200), resolved)
    assert b < 0.5 * a
    assert b == pytest.approx(a * rate**100, rel=0.5)


def test_rows_in_several_closures_are_those_in_one(resolved):
    problem = Logistic().solve()

    def part(rows):
        def loss(z):
            return cross_entropy(problem.delta * z + problem.l, problem.y[rows])

        return lambda: (problem.model(problem.X[rows]), loss)

    halves = [part(slice(0, N // 2)), part(slice(N // 2, N))]
    split = Problem(problem.optimizer, [problem.l, problem.delta], halves, [problem.outer])
    for method in (LastLayer(problem.model), ConjugateGradient(60)):
        found = torch.cat(method(split).gradient)
        assert ((found - resolved).norm() / resolved.norm()).item() < GATE


def test_last_layer_on_top_of_a_frozen_network_is_that_of_its_features():
    problem = Logistic()
    below = torch.nn.Sequential(torch.nn.Linear(D, D), torch.nn.Dropout(0.5), torch.nn.Tanh())
    below.double()
    network = torch.nn.Sequential(below, problem.model)
    method = LastLayer(problem.model)

    def inner():
        return network(problem.X), problem.loss

    deep = Problem(problem.optimizer, [problem.l, problem.delta], [inner], [problem.outer])
    torch.manual_seed(0)
    found = method(deep)
    assert below[0].weight.grad is None
    torch.manual_seed(0)
    with torch.no_grad():
        problem.X = below(problem.X)
    expected = Dense()(problem.problem())
    torch.testing.assert_close(found.gradient, expected.gradient, rtol=1e-8, atol=1e-10)


def test_last_layer_works_in_single_precision():
    problem, single = Logistic().solve(), Logistic()
    single.model.float()
    single.X, single.XV, single.balance = (
        single.X.float(),
        single.XV.float(),
        single.balance.float(),
    )
    single.l, single.delta = (
        torch.nn.Parameter(x.detach().float()) for x in (single.l, single.delta)
    )
    found = LastLayer(single.model)(single.problem(), diagnose=True)
    expected = Dense()(problem.problem())
    for ours, exact in zip(found.gradient, expected.gradient, strict=True):
        torch.testing.assert_close(ours.double(), exact, rtol=1e-3, atol=1e-4)
    assert found.diagnostics.residual < 1e-3
    assert found.diagnostics.inner_gradient_norm < 1e-4


def test_last_layer_refuses_what_it_cannot_solve():
    problem = Logistic()
    other = torch.nn.Linear(D, K).double()
    with pytest.raises(ValueError, match="weight and bias, both trainable"):
        LastLayer(other)(problem.problem())
    with pytest.raises(ValueError, match="max_parameters is 49"):
        LastLayer(problem.model, max_parameters=49)(problem.problem())
    with pytest.raises(ValueError, match=r"return the pair \(outputs, loss\)"):
        LastLayer(problem.model)(problem.problem(paired=False))
    with pytest.raises(RuntimeError, match=r"not solved.*tolerance"):
        LastLayer(problem.model, max_iterations=1)(problem.problem())

    def twice():
        return 2 * problem.model(problem.X), problem.loss

    twice_problem = Problem(problem.optimizer, [problem.l], [twice], [problem.outer])
    with pytest.raises(ValueError, match="must be those of the head"):
        LastLayer(problem.model)(twice_problem)

    def tied():
        return problem.model(problem.X), lambda z: problem.loss(z) + z.mean() ** 2

    tied_problem = Problem(problem.optimizer, [problem.l], [tied], [problem.outer])
    with pytest.raises(ValueError, match="rows depend on each other"):
        LastLayer(problem.model)(tied_problem)

    problem.optimizer = torch.optim.AdamW(problem.model.parameters())
    with pytest.raises(ValueError, match="decoupled weight decay"):
        LastLayer(problem.model)(problem.problem())


# What a slip in each formula would do: the gate above must not let any of them through.


class WithoutMinus(Dense):
    def __call__(self, problem, *, diagnose=False):
        found = super().__call__(problem)
        direct = problem.outer_gradient().variables
        return found._replace(gradient=plus([2 * d for d in direct], -1.0, found.gradient))


class OldResidual(ConjugateGradient):
    def _solve(self, product, v):
        p, residual = self._start(product, v)
        direction, square = residual, dot(residual, residual)
        for _ in range(self.steps):
            if math.sqrt(square) <= 1e-15 * norm(v):
                break
            image = product(direction)
            length = square / dot(direction, image)
            p = plus(p, length, direction)
            old, residual = residual, plus(residual, -length, image)
            before, square = square, dot(residual, residual)
            direction = plus(old, square / before, direction)
        return p


class WithoutFactor(Neumann):
    def _sum(self, product, v):
        return [x / (self.step_size or self._estimated) for x in super()._sum(product, v)]


@pytest.mark.parametrize("mutated", [WithoutMinus(), OldResidual(60), WithoutFactor(3000)])
def test_gate_catches_a_slip_in_the_formula(mutated, resolved):
    assert error(mutated, resolved) > 1e3 * GATE


@pytest.mark.parametrize(
    "method", [Dense(), ConjugateGradient(60), Neumann(1500), Unrolled(900), F2SA(900, pull=2e-5)]
)
def test_gate_catches_a_hessian_without_decay(method, resolved, monkeypatch):
    monkeypatch.setattr(Problem, "decayed", lambda self, product, vector: product)
    problem = Logistic().solve()
    try:
        found = torch.cat(method(problem.problem()).gradient)
    except CurvatureError:  # a common offset of the biases has no curvature but that of the decay
        return
    assert ((found - resolved).norm() / resolved.norm()).item() > 1e3 * GATE
