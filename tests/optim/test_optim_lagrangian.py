"""Descent-ascent on the Lagrangian, plain and with extrapolated multipliers."""

from __future__ import annotations

import copy
import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.optim.constrained import (
    ALM,
    FullPass,
    MovingAverage,
    Ratios,
    SecondBatch,
    Storm,
    Unconstrained,
)
from equipoise.optim.constrained.lagrangian import Lagrangian
from equipoise.optim.constrained.nupi import NuPI

OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.05),
    "SGD with momentum": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.05),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.02),
}

METHODS = {
    "plain": lambda base, *r: Lagrangian(base, 2, *r, estimator=MovingAverage(0.9)),
    "Adam": lambda base, *r: Lagrangian(base, 2, *r, dual=lambda y: torch.optim.Adam(y, lr=0.05)),
    "NuPI": lambda base, *r: Lagrangian(base, 2, *r, dual=lambda y: NuPI(y, 0.1, kp=3.0, nu=0.5)),
    "extragradient": lambda base, *r: Lagrangian(
        base, 2, *r, extragradient=True, estimator=MovingAverage(0.9)
    ),
    "extragradient, Adam": lambda base, *r: Lagrangian(
        base, 2, *r, extragradient=True, dual=lambda y: torch.optim.Adam(y, lr=0.05)
    ),
    "extragradient, Storm": lambda base, *r: Lagrangian(
        base, 2, *r, extragradient=True, estimator=Storm(0.3)
    ),
}

three = st.lists(st.floats(-3, 3), min_size=3, max_size=3)


def parameter(*at):
    return torch.nn.Parameter(torch.tensor(at, dtype=torch.float64))


def run(optimizer, closure, steps):
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.step(closure)
        schedule.step()


@settings(deadline=None, max_examples=50)
@given(three, three)
def test_gradient_is_that_of_the_lagrangian(at, multipliers):
    def problem(x):
        return (x**4).sum() + x[0] * x[1], torch.stack([x[0] * x[2], x.sum() - 1, x[1] ** 2 - 2])

    x, same = parameter(*at), parameter(*at)
    method = Lagrangian(torch.optim.SGD([x], lr=0.1), 3, equalities=["constraints"])
    y = torch.tensor(multipliers, dtype=torch.float64)
    method.multipliers.copy_(y)
    method.lagrangian(*problem(x)).backward()
    objective, c = problem(same)
    (objective + y @ c).backward()
    torch.testing.assert_close(x.grad, same.grad, rtol=1e-12, atol=1e-12)


def test_update_rule_agrees_with_numpy():
    rate, lr, decay = 0.2, 0.05, 0.8
    x = parameter(0.3, -0.2)
    method = Lagrangian(
        torch.optim.SGD([x], lr=lr), 2, multiplier_rate=rate, estimator=MovingAverage(decay)
    )
    noises = np.random.default_rng(0).normal(0, 0.3, (40, 2))
    at, y, average, mass = np.array([0.3, -0.2]), np.zeros(2), np.zeros(2), 0.0
    for noise in noises:
        method.step(lambda _, e=noise: ((x**2).sum(), 1 - x**2 + torch.from_numpy(e)))

        average = decay * average + (1 - decay) * (1 - at**2 + noise)
        mass = decay * mass + (1 - decay)
        at = at - lr * (2 * at + y * (-2 * at))
        y = np.maximum(y + rate * average / mass, 0)

        np.testing.assert_allclose(x.detach().numpy(), at, rtol=1e-12)
        np.testing.assert_allclose(method.multipliers.numpy(), y, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("decay", [0.0, 0.8])
def test_extragradient_agrees_with_numpy(decay):
    rate, lr, bound = 0.2, 0.05, 0.5
    x = parameter(0.3, -0.2)
    method = Lagrangian(
        torch.optim.SGD([x], lr=lr),
        2,
        multiplier_rate=rate,
        multiplier_bound=bound,
        extragradient=True,
        estimator=MovingAverage(decay),
    )
    noises = np.random.default_rng(0).normal(0, 0.3, (60, 2))
    at, y, average, mass = np.array([0.3, -0.2]), np.zeros(2), np.zeros(2), 0.0
    reached = False
    for noise in noises:
        method.step(lambda _, e=noise: ((x**2).sum(), 1 - x**2 + torch.from_numpy(e)))

        c = 1 - at**2 + noise
        average, mass = decay * average + (1 - decay) * c, decay * mass + (1 - decay)
        half = np.clip(y + rate * average / mass, 0, bound)
        at = at - lr * (2 * at + half * (-2 * at))
        y = np.clip(y + rate * (average / mass + (1 - at**2 + noise) - c), 0, bound)

        np.testing.assert_allclose(x.detach().numpy(), at, rtol=1e-12)
        np.testing.assert_allclose(method.multipliers.numpy(), y, rtol=1e-12, atol=1e-15)
        reached |= bool(y.max() == bound)
    assert reached


def test_the_weights_of_a_batch_do_not_depend_on_it():
    # Over all batches of one row, the mean direction is the gradient of the full Lagrangian; with
    # multipliers that had seen the batch it would not be.
    rows = torch.randn(12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def problem(x, i):
        return ((x - rows[i]) ** 2).mean(), (torch.exp(x * rows[i]) - 1).mean()[None]

    def direction(i):
        x = parameter(0.5)
        method = Lagrangian(torch.optim.SGD([x], lr=0.1), 1, multiplier_rate=1.0)
        method.multipliers.fill_(0.7)
        method.step(lambda _: problem(x, i))
        return x.grad.item()

    mean = np.mean([direction(slice(k, k + 1)) for k in range(12)])
    assert mean == pytest.approx(direction(slice(None)), rel=1e-12)


@pytest.mark.parametrize("extragradient", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_convex_problem_ends_at_its_solution_and_its_multiplier(name, extragradient):
    # min x^2 with x >= 1: at x = 1 the gradients 2 x and -1 balance with multiplier 2.
    x = parameter(-0.5)
    method = Lagrangian(OPTIMIZERS[name]([x]), 1, multiplier_rate=0.1, extragradient=extragradient)
    run(method, lambda _: ((x**2).sum(), 1 - x), 600)
    assert x.item() == pytest.approx(1, abs=1e-3)
    assert method.multipliers.item() == pytest.approx(2, abs=1e-2)


@pytest.mark.parametrize("extragradient", [False, True])
@pytest.mark.parametrize("name", ["SGD", "RMSprop"])
def test_only_the_active_constraints_of_a_quadratic_get_multipliers(name, extragradient):
    # The problem of the augmented Lagrangian's test, at (1, 0.5, -1) with y = (0.5, 0.5, 0, 0).
    a = torch.tensor([2.0, 1.0, -1.0], dtype=torch.float64)
    x = parameter(0.0, 0.0, 0.0)

    def problem(_):
        c = torch.stack([x[0] - 1, x[0] + x[1] - 1.5, x[2] - 4, -9 - x[0]])
        return ((x - a) ** 2).sum() / 2, c

    method = Lagrangian(OPTIMIZERS[name]([x]), 4, multiplier_rate=0.1, extragradient=extragradient)
    run(method, problem, 700)
    np.testing.assert_allclose(x.detach().numpy(), [1, 0.5, -1], atol=2e-3)
    np.testing.assert_allclose(method.multipliers.numpy(), [0.5, 0.5, 0, 0], atol=2e-2)


def test_a_noisy_constraint_is_met_in_the_mean():
    random = torch.Generator().manual_seed(0)
    x = parameter(0.0)
    method = Lagrangian(
        torch.optim.SGD([x], lr=0.02), 1, multiplier_rate=0.02, estimator=MovingAverage(0.9)
    )

    def problem(_):
        noise = torch.randn(1, generator=random, dtype=torch.float64)
        return (x**2).sum(), 1 - x + noise

    run(method, problem, 2500)
    assert x.item() == pytest.approx(1, abs=0.05)


def test_an_inequality_that_never_binds_leaves_the_unconstrained_path():
    paths = []
    for method in (Lagrangian, Unconstrained):
        x = parameter(2.0, -1.0)
        optimizer = method(torch.optim.Adam([x], lr=0.1), 1)
        for _ in range(30):
            optimizer.step(lambda _, x=x: ((x**2).sum(), x[:1] - 100))
        paths.append(x.detach().clone())
    assert torch.equal(*paths)


@pytest.mark.parametrize(("extragradient", "grows"), [(False, True), (True, False)])
def test_extrapolation_ends_the_circling_on_a_bilinear_problem(extragradient, grows):
    # min 0 subject to x = 0: the Lagrangian is x y. Plain descent-ascent multiplies the squared
    # radius by 1 + lr rate at each step; extrapolation by 1 - lr rate.
    x = parameter(1.0)
    method = Lagrangian(
        torch.optim.SGD([x], lr=0.2),
        1,
        multiplier_rate=0.2,
        extragradient=extragradient,
        equalities=["constraints"],
    )
    for _ in range(200):
        method.step(lambda _: (0 * x.sum(), x))
    radius = (x.item() ** 2 + method.multipliers.item() ** 2) ** 0.5
    factor = (1 + 0.04) if grows else (1 - 0.04)
    assert np.log(radius) == pytest.approx(100 * np.log(factor), abs=0.3)


def test_extrapolated_weights_are_those_of_the_augmented_lagrangian():
    weights = []
    for make in (
        lambda b: Lagrangian(b, 2, multiplier_rate=0.3, extragradient=True),
        lambda b: ALM(b, 2, penalty=0.3),
    ):
        c = torch.tensor([0.7, -5.0], dtype=torch.float64, requires_grad=True)
        method = make(torch.optim.SGD([parameter(0.0)], lr=0.1))
        method.multipliers.copy_(torch.tensor([0.2, 1.0]))
        method.lagrangian(torch.zeros((), dtype=torch.float64), c).backward()
        weights.append(c.grad)
    assert torch.equal(*weights)


def test_another_dual_extrapolates_by_its_rate_and_steps_from_where_it_was():
    # Adam's first step is its rate times the sign; the extrapolation is its rate times the value.
    x = parameter(0.0)
    method = Lagrangian(
        torch.optim.SGD([x], lr=1.0),
        1,
        extragradient=True,
        dual=lambda y: torch.optim.Adam(y, lr=0.1),
    )
    method.step(lambda _: (0 * x.sum(), 4 - x))
    assert x.item() == pytest.approx(0.1 * 4)
    assert method.multipliers.item() == pytest.approx(0.1, rel=1e-6)
    state = method.dual.state[method.multipliers]
    assert state["step"] == 1
    assert state["exp_avg"].item() == pytest.approx(-0.1 * (4 - 0.4))


def test_extrapolation_follows_a_schedule_of_the_dual():
    x = parameter(0.0)
    method = Lagrangian(torch.optim.SGD([x], lr=1.0), 1, multiplier_rate=0.5, extragradient=True)
    method.dual.param_groups[0]["lr"] = 0.25
    method.step(lambda _: (0 * x.sum(), 4 - x))
    assert x.item() == 1.0
    assert method.multipliers.item() == 0.25 * 3


def test_after_the_step_a_second_batch_is_asked_where_the_value_came_from():
    x, asked = parameter(0.0), []

    def problem(i):
        asked.append((i, x.item()))
        return 0 * x.sum(), 2 * (i + 1) - x

    method = Lagrangian(
        torch.optim.SGD([x], lr=1.0),
        1,
        multiplier_rate=0.5,
        extragradient=True,
        estimator=SecondBatch(),
    )
    method.step(problem)
    assert asked == [(0, 0.0), (1, 0.0), (1, 2.0)]
    assert method.multipliers.item() == 0.5 * (4 - 2)


def test_a_full_pass_is_carried_along_by_what_the_step_changed_on_the_batch():
    x = parameter(0.0)
    method = Lagrangian(
        torch.optim.SGD([x], lr=1.0),
        1,
        multiplier_rate=0.5,
        extragradient=True,
        estimator=FullPass(lambda: 10 - 3 * x.detach()),
    )
    method.step(lambda _: (0 * x.sum(), 4 - x))
    assert x.item() == 0.5 * 10
    assert method.multipliers.item() == 0.5 * (10 - 5)


def test_ratios_are_carried_along_where_a_denominator_is_missing():
    # Of three ratios the batch shows two; the third is taken to be halfway between them, before
    # the step and after it.
    x = parameter(1.0)
    d = torch.tensor([1.0, 2.0, 0.0], dtype=torch.float64)

    def problem(_):
        n = torch.cat([x, 6 * x, 0 * x])
        return 0 * x.sum(), Ratios.of(n, d, n, d, lambda r: r - 1)

    method = Lagrangian(torch.optim.SGD([x], lr=0.1), 3, multiplier_rate=1.0, extragradient=True)
    method.step(problem)
    # Ratios 1, 3 and 2; only the seen ones have a gradient, of 1 and of 3.
    assert x.item() == pytest.approx(1 - 0.1 * (0 * 1 + 2 * 3))
    r = np.array([x.item(), 3 * x.item(), 2 * x.item()])
    np.testing.assert_allclose(method.multipliers.numpy(), np.maximum(r - 1, 0), rtol=1e-12)


class Run:
    """A small noisy problem, whose batches are a function of the step's number."""

    def __init__(self, name, optimizer=torch.optim.Adam):
        torch.manual_seed(1)
        self.model = torch.nn.Linear(3, 1, dtype=torch.float64)
        self.base = optimizer(self.model.parameters(), lr=0.05)
        self.optimizer = METHODS[name](self.base)

    def closure(self, number):
        random = torch.Generator().manual_seed(number)
        x = torch.randn(16, 3, generator=random, dtype=torch.float64)
        score = torch.sigmoid(self.model(x)[:, 0])
        gap = score[:8].mean() - score[8:].mean()
        loss = torch.nn.functional.binary_cross_entropy(score, (x[:, 0] > 0).double())
        return loss, torch.stack([gap, -gap]) + 0.02

    def steps(self, numbers):
        for number in numbers:
            self.optimizer.step(lambda _, k=number: self.closure(k))
        return self

    def trace(self):
        parts = {
            "model": self.model.state_dict(),
            "all": self.optimizer.state_dict(),
            "rates": [group["lr"] for group in self.base.param_groups],
        }
        file = io.BytesIO()
        torch.save(parts, file)
        file.seek(0)
        return torch.load(file, weights_only=True)


def same(first, second):
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(x, second[k]) for k, x in first.items())
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    return torch.equal(first, second) if isinstance(first, torch.Tensor) else first == second


@pytest.mark.parametrize("name", METHODS)
def test_a_run_stopped_and_resumed_has_the_bits_of_an_undisturbed_one(name):
    straight = Run(name).steps(range(12))
    stopped = Run(name).steps(range(7))
    at_stop = stopped.trace()
    stopped.steps(range(50, 60))

    resumed = Run(name)
    resumed.model.load_state_dict(at_stop["model"])
    resumed.optimizer.load_state_dict(at_stop["all"])
    resumed.steps(range(7, 12))
    assert same(straight.trace(), resumed.trace())


@pytest.mark.parametrize("name", METHODS)
def test_a_copy_goes_on_like_the_original_and_apart_from_it(name):
    one = Run(name).steps(range(4))
    other = copy.deepcopy(one)
    at_copy = one.trace()
    other.steps(range(4, 9))
    assert same(one.trace(), at_copy)
    assert same(one.steps(range(4, 9)).trace(), other.trace())


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam], ids=["SGD", "Adam"])
def test_replicates_stacked_end_where_each_ends_alone(name, optimizer):
    starts = torch.tensor([[0.0, 1.0], [2.0, -1.0], [0.3, 0.3]], dtype=torch.float64)
    noise = torch.randn(3, 40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def final(which):
        x = torch.nn.Parameter(starts[which].clone())
        method = METHODS[name](optimizer([x], lr=0.05), len(which))
        for step in range(40):
            method.step(
                lambda _, k=step: ((x**2).sum(-1), 1 - x + 0.1 * x.sum(-1, True) + noise[which, k])
            )
        return x.detach(), method.multipliers

    together, multipliers = final([0, 1, 2])
    for r in range(3):
        alone, own = final([r])
        torch.testing.assert_close(together[r], alone[0], rtol=1e-13, atol=1e-13)
        torch.testing.assert_close(multipliers[r], own[0], rtol=1e-13, atol=1e-13)


class Cliff:
    """A constraint that is not a number beyond x = 1, over which a step leads."""

    def __init__(self, optimizer, estimator):
        self.x = parameter(0.5)
        self.base = optimizer([self.x])
        self.method = Lagrangian(
            self.base,
            {"room": 1, "edge": 1},
            multiplier_rate=0.5,
            extragradient=True,
            estimator=estimator,
        )
        self.calls = 0

    def problem(self, _):
        self.calls += 1
        return 10 * self.x.sum(), {"room": self.x - 9, "edge": (self.x + 1).log()}

    def trace(self):
        return copy.deepcopy([self.x.detach(), self.method.state_dict()])


class Counting(torch.optim.SGD):
    """Keeps something of its own besides torch's state."""

    count = 0

    def step(self, closure=None):
        self.count += 1
        return super().step(closure)

    def state_dict(self):
        return {**super().state_dict(), "count": self.count}

    def load_state_dict(self, state_dict):
        self.count = state_dict["count"]
        super().load_state_dict(state_dict)


CLIFFS = {
    "an optimizer with a state of its own": lambda p: Counting(p, lr=0.01),
    "SGD": lambda p: torch.optim.SGD(p, lr=0.01),
    "SGD with momentum": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01),
}


@pytest.mark.parametrize("first", [0, 3])
@pytest.mark.parametrize("name", CLIFFS)
@pytest.mark.parametrize("estimator", [MovingAverage, Storm])
def test_a_constraint_lost_by_the_step_is_named_and_the_step_leaves_no_trace(
    name, estimator, first
):
    cliff = Cliff(CLIFFS[name], estimator())
    for _ in range(first):
        cliff.method.step(cliff.problem)
    before, cliff.calls = cliff.trace(), 0
    cliff.base.param_groups[0]["lr"] = 100.0
    with pytest.raises(FloatingPointError, match="edge"):
        cliff.method.step(cliff.problem)
    assert cliff.calls >= 2
    cliff.base.param_groups[0]["lr"] = 0.01
    assert same(cliff.trace(), before)
    cliff.method.step(cliff.problem)
    assert torch.isfinite(cliff.x).all()


def test_a_closure_that_fails_after_the_step_leaves_no_trace():
    one = Run("extragradient").steps(range(3))
    before, calls = one.trace(), []

    def problem(_):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return one.closure(3)

    with pytest.raises(KeyboardInterrupt):
        one.optimizer.step(problem)
    assert same(one.trace(), before)


@pytest.mark.parametrize("name", ["plain", "extragradient"])
def test_a_constraint_that_is_not_finite_leaves_no_trace(name):
    one = Run(name).steps(range(3))
    before = one.trace()
    bad = torch.tensor([0.0, torch.nan], dtype=torch.float64)
    with pytest.raises(FloatingPointError, match=r"constraints\[1\]"):
        one.optimizer.step(lambda _: (one.closure(3)[0], bad))
    assert same(one.trace(), before)


def test_what_a_step_returns_is_the_objective_before_it_also_of_a_parameter_itself():
    x = torch.nn.Parameter(torch.tensor(3.0))
    method = Lagrangian(torch.optim.SGD([x], lr=0.5), 1, extragradient=True)
    objective = method.step(lambda _: (x, x[None] - 9))
    assert x.item() == 2.5
    assert objective.item() == 3.0


def test_extragradient_needs_a_closure():
    x = parameter(0.0)
    method = Lagrangian(torch.optim.SGD([x], lr=0.1), 1, extragradient=True)
    with pytest.raises(ValueError, match="more than once"):
        method.surrogate((x**2).sum(), 1 - x)
    with pytest.raises(RuntimeError, match="more than once"):
        method.step()


def test_extragradient_needs_a_dual_with_a_rate():
    class Still(torch.optim.Optimizer):
        def __init__(self, y):
            super().__init__(y, {})

        def step(self):
            pass

    base = torch.optim.SGD([parameter(0.0)], lr=0.1)
    Lagrangian(base, 1, dual=Still)
    with pytest.raises(ValueError, match="learning rate"):
        Lagrangian(base, 1, dual=Still, extragradient=True)


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_the_rate_must_be_a_positive_number(bad):
    with pytest.raises(ValueError, match="multiplier_rate"):
        Lagrangian(torch.optim.SGD([parameter(0.0)], lr=0.1), 1, multiplier_rate=bad)
