"""The augmented Lagrangian: its gradient, its multipliers, and where they lead."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.optim.constrained import ALM, MovingAverage, Unconstrained

OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.05),
    "SGD with momentum": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.05),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.02),
}

values = st.floats(-3, 3)
three = st.lists(values, min_size=3, max_size=3)


def parameter(*at: float) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.tensor(at, dtype=torch.float64))


def alm_with_multipliers(multipliers, penalty):
    method = ALM(torch.optim.SGD([parameter(0.0)], lr=0.1), len(multipliers), penalty=penalty)
    method.multipliers.copy_(torch.tensor(multipliers, dtype=torch.float64))
    return method


def run(optimizer, closure, steps):
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.step(closure)
        schedule.step()


@settings(deadline=None, max_examples=50)
@given(three, st.lists(st.floats(0, 3), min_size=3, max_size=3), st.floats(0.1, 5))
def test_gradient_is_that_of_hestenes_powell_and_rockafellar(at, multipliers, penalty):
    def problem(x):
        return (x**4).sum() + x[0] * x[1], torch.stack([x[0] * x[2], x.sum() - 1, x[1] ** 2 - 2])

    method = alm_with_multipliers(multipliers, penalty)
    x, same = parameter(*at), parameter(*at)
    method.lagrangian(*problem(x)).backward()

    objective, c = problem(same)
    y = torch.tensor(multipliers, dtype=torch.float64)
    hpr = objective + ((y + penalty * c).clamp(min=0) ** 2 - y**2).sum() / (2 * penalty)
    hpr.backward()
    torch.testing.assert_close(x.grad, same.grad, rtol=1e-12, atol=1e-12)


@settings(deadline=None, max_examples=50)
@given(values, st.floats(0, 3), st.floats(0.1, 5))
def test_weight_is_the_multiplier_after_the_best_slack(constraint, multiplier, penalty):
    slacks = np.linspace(0, 40, 400_001)
    with_slack = multiplier * (constraint + slacks) + penalty / 2 * (constraint + slacks) ** 2
    best = slacks[with_slack.argmin()]
    c = torch.tensor([constraint], dtype=torch.float64, requires_grad=True)
    method = alm_with_multipliers([multiplier], penalty)
    method.lagrangian(torch.tensor(0.0, dtype=torch.float64), c).backward()
    assert c.grad.item() == pytest.approx(multiplier + penalty * (constraint + best), abs=1e-3)


def test_a_constraint_that_holds_with_room_to_spare_pulls_at_nothing():
    # Squaring the raw value would pull feasible points to the boundary.
    c = torch.tensor([-0.5, -0.01], dtype=torch.float64, requires_grad=True)
    alm_with_multipliers([0.0, 0.0], 10.0).lagrangian(torch.tensor(0.0), c).backward()
    assert c.grad.tolist() == [0.0, 0.0]


def test_update_rule_agrees_with_numpy():
    penalty, rate, lr, decay = 3.0, 0.2, 0.05, 0.8
    x = parameter(0.3, -0.2)
    method = ALM(
        torch.optim.SGD([x], lr=lr),
        2,
        penalty=penalty,
        multiplier_rate=rate,
        estimator=MovingAverage(decay),
    )
    rng = np.random.default_rng(0)
    noises = rng.normal(0, 0.3, (40, 2))
    at, y, average, mass = np.array([0.3, -0.2]), np.zeros(2), np.zeros(2), 0.0
    for noise in noises:
        method.step(lambda _, e=noise: ((x**2).sum(), 1 - x**2 + torch.from_numpy(e)))

        average = decay * average + (1 - decay) * (1 - at**2 + noise)
        mass = decay * mass + (1 - decay)
        c = average / mass
        weight = np.maximum(y + penalty * c, 0)
        at = at - lr * (2 * at + weight * (-2 * at))
        slack = np.maximum(-c - y / penalty, 0)
        y = np.maximum(y + rate * (c + slack), 0)

        np.testing.assert_allclose(x.detach().numpy(), at, rtol=1e-12)
        np.testing.assert_allclose(method.multipliers.numpy(), y, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_convex_problem_ends_at_its_solution_and_its_multiplier(name):
    # min x^2 with x >= 1: at x = 1 the gradients 2 x and -1 balance with multiplier 2.
    x = parameter(-0.5)
    method = ALM(OPTIMIZERS[name]([x]), 1, penalty=2.0, multiplier_rate=0.1)
    run(method, lambda _: ((x**2).sum(), 1 - x), 1500)
    assert x.item() == pytest.approx(1, abs=1e-3)
    assert method.multipliers.item() == pytest.approx(2, abs=1e-2)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_only_the_active_constraints_of_a_quadratic_get_multipliers(name):
    # The closest point to (2, 1, -1) with x_1 <= 1, x_1 + x_2 <= 1.5, x_3 <= 4 and x_1 >= -9.
    # Stationarity: x - a + y_1 e_1 + y_2 (e_1 + e_2) = 0 at (1, 0.5, -1) gives y = (0.5, 0.5).
    a = torch.tensor([2.0, 1.0, -1.0], dtype=torch.float64)
    x = parameter(0.0, 0.0, 0.0)

    def problem(_):
        c = torch.stack([x[0] - 1, x[0] + x[1] - 1.5, x[2] - 4, -9 - x[0]])
        return ((x - a) ** 2).sum() / 2, c

    method = ALM(OPTIMIZERS[name]([x]), 4, penalty=2.0, multiplier_rate=0.1)
    run(method, problem, 1500)
    np.testing.assert_allclose(x.detach().numpy(), [1, 0.5, -1], atol=2e-3)
    np.testing.assert_allclose(method.multipliers.numpy(), [0.5, 0.5, 0, 0], atol=2e-2)


def test_a_noisy_constraint_is_met_in_the_mean():
    # The positive part of a noisy value is biased upwards; a tracked value is not.
    random = torch.Generator().manual_seed(0)
    x = parameter(0.0)
    method = ALM(
        torch.optim.SGD([x], lr=0.02),
        1,
        penalty=1.0,
        multiplier_rate=0.02,
        estimator=MovingAverage(0.98),
    )

    def problem(_):
        noise = torch.randn(1, generator=random, dtype=torch.float64)
        return (x**2).sum(), 1 - x + noise

    run(method, problem, 4000)
    assert x.item() == pytest.approx(1, abs=0.05)


def test_an_inequality_that_never_binds_leaves_the_unconstrained_path():
    paths = []
    for method in (ALM, Unconstrained):
        x = parameter(2.0, -1.0)
        optimizer = method(torch.optim.Adam([x], lr=0.1), 1)
        for _ in range(30):
            optimizer.step(lambda _, x=x: ((x**2).sum(), x[:1] - 100))
        paths.append(x.detach().clone())
    assert torch.equal(*paths)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30))
def test_multipliers_are_never_negative(violations):
    x = parameter(0.0)
    method = ALM(torch.optim.SGD([x], lr=0.1), 1, penalty=0.5, multiplier_rate=3.0)
    for violation in violations:
        method.step(lambda _, v=violation: (x.sum(), x * 0 + v))
        assert method.multipliers.item() >= 0


def test_multipliers_move_after_the_step_that_their_old_values_directed():
    x = parameter(0.0)
    method = ALM(torch.optim.SGD([x], lr=1.0), 1, penalty=1.0, multiplier_rate=0.5)
    method.step(lambda _: (x.sum() * 0, 2 - x))
    assert x.item() == 2.0  # pulled by [0 + 1 * 2]_+ alone
    assert method.multipliers.item() == 1.0  # 0.5 * 2, from the value before the step


def test_multipliers_of_a_model_in_half_precision_keep_small_steps():
    x = torch.nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
    method = ALM(torch.optim.SGD([x], lr=0.0), 1, multiplier_rate=1e-4)
    method.multipliers.fill_(1.0)
    for _ in range(10):
        method.step(lambda _: ((x**2).sum(), x))
    assert method.multipliers.item() == pytest.approx(1.001, abs=1e-5)


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["penalty", "multiplier_rate"])
def test_factors_must_be_positive_numbers(name, bad):
    with pytest.raises(ValueError, match=name):
        ALM(torch.optim.SGD([parameter(0.0)], lr=0.1), 1, **{name: bad})
