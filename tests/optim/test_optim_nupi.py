"""The PI controller of multipliers: its recursion, its special cases, and what it damps."""

from __future__ import annotations

import copy
import io
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.optim.constrained import ALM
from equipoise.optim.constrained.lagrangian import Lagrangian
from equipoise.optim.constrained.nupi import NuPI

gains = st.floats(-3, 3)
averages = st.floats(-0.9, 0.99)
errors = st.lists(st.floats(-5, 5), min_size=1, max_size=30)


def trajectory(make, gradients, start=0.7):
    """Where an optimizer goes that is told these gradients one after the other."""
    y = torch.tensor([start], dtype=torch.float64)
    optimizer = make([y])
    path = []
    for gradient in gradients:
        y.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
        path.append(y.item())
    return np.array(path)


def algorithm_1(errors, lr, kp, ki, nu, start=0.7):
    """Sohrabi et al., algorithm 1, in its own words: it ascends along errors."""
    theta, xi, path = start, 0.0, []
    for t, error in enumerate(errors):
        if t == 0:
            theta += lr * (kp * xi + ki * error)
        else:
            smoothed = nu * xi + (1 - nu) * error
            theta += lr * (kp * (smoothed - xi) + ki * error)
            xi = smoothed
        path.append(theta)
    return np.array(path)


@settings(deadline=None, max_examples=50)
@given(errors, gains, gains, averages)
def test_update_rule_agrees_with_numpy(errors, kp, ki, nu):
    if kp == ki == 0:
        return
    path = trajectory(lambda y: NuPI(y, 0.1, kp=kp, ki=ki, nu=nu), [-e for e in errors])
    np.testing.assert_allclose(path, algorithm_1(errors, 0.1, kp, ki, nu), rtol=1e-9, atol=1e-10)


@settings(deadline=None, max_examples=50)
@given(errors, gains, averages)
def test_what_is_added_up_is_an_average_and_a_sum_of_errors(errors, kp, nu):
    # The form that gives it its name: theta_t = theta_0 + lr (kp xi_t + ki sum of e).
    xi = 0.0
    for error in errors[1:]:
        xi = nu * xi + (1 - nu) * error
    path = trajectory(lambda y: NuPI(y, 0.1, kp=kp, ki=2.0, nu=nu), [-e for e in errors])
    assert path[-1] == pytest.approx(0.7 + 0.1 * (kp * xi + 2.0 * sum(errors)), rel=1e-9, abs=1e-9)


RANDOM = np.random.default_rng(0).normal(size=25).tolist()


def test_without_proportional_gain_it_is_gradient_ascent():
    ours = trajectory(lambda y: NuPI(y, 0.1, kp=0.0, ki=2.0, nu=0.6), RANDOM)
    np.testing.assert_allclose(ours, trajectory(lambda y: torch.optim.SGD(y, lr=0.2), RANDOM))


def test_equal_gains_without_average_are_optimistic_gradient_ascent():
    ours = trajectory(lambda y: NuPI(y, 0.1), RANDOM)
    y, expected = 0.7 - 0.1 * RANDOM[0], []
    expected.append(y)
    y -= 0.1 * RANDOM[1] + 0.1 * RANDOM[1]  # nothing was seen to change before
    expected.append(y)
    for old, new in itertools.pairwise(RANDOM[1:]):
        y -= 0.1 * (2 * new - old)
        expected.append(y)
    np.testing.assert_allclose(ours, expected, rtol=1e-12)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("beta", [0.5, 0.9])
def test_a_negative_proportional_gain_is_momentum(beta, nesterov):
    # Theorem 1 begins with xi_0 = (1 - beta) e_0, which is our 0 where the first error is 0.
    alpha, gradients = 0.05, [0.0, *RANDOM]
    ki = alpha / (1 - beta)
    kp = -alpha * beta / (1 - beta) ** 2 * (beta if nesterov else 1)
    ours = trajectory(lambda y: NuPI(y, 1.0, kp=kp, ki=ki, nu=beta), gradients)
    torchs = trajectory(
        lambda y: torch.optim.SGD(y, lr=alpha, momentum=beta, nesterov=nesterov), gradients
    )
    np.testing.assert_allclose(ours, torchs, rtol=1e-10)


def test_the_first_step_is_one_of_gradient_ascent_whatever_the_proportional_gain():
    for kp in (-2.0, 0.5, 40.0):
        assert trajectory(lambda y, k=kp: NuPI(y, 0.1, kp=k, nu=0.3), [-3.0]) == 0.7 + 0.1 * 3.0


def parameter(*at):
    return torch.nn.Parameter(torch.tensor(at, dtype=torch.float64))


def farthest(dual):
    """How far from x = 0 the last steps of min 0 subject to x = 0 stray, from 1."""
    x = parameter(1.0)
    method = Lagrangian(torch.optim.SGD([x], lr=0.1), 1, dual=dual, equalities=["constraints"])
    far = []
    for _ in range(300):
        method.step(lambda _: (0 * x.sum(), x))
        far.append(abs(x.item()))
    return max(far[-60:])


def test_it_comes_to_rest_where_gradient_ascent_circles_ever_wider():
    assert farthest(lambda y: torch.optim.SGD(y, lr=0.1)) > 3
    assert farthest(lambda y: NuPI(y, 0.1, kp=8.0)) < 1e-3


def test_a_multiplier_overshoots_less_with_proportional_gain():
    # Without strong convexity, y integrates while x is still on its way.
    def highest(kp):
        x = parameter(0.0)
        method = Lagrangian(torch.optim.SGD([x], lr=0.05), 1, dual=lambda y: NuPI(y, 0.1, kp=kp))
        tops = []
        for _ in range(400):
            method.step(lambda _: ((x**2).sum(), 1 - x))
            tops.append(method.multipliers.item())
        return max(tops)

    assert highest(0.0) > 2.05
    assert highest(10.0) == pytest.approx(2, abs=1e-3)


@pytest.mark.parametrize("method", [Lagrangian, ALM])
def test_as_dual_of_a_method_it_ends_at_the_solution_and_its_multiplier(method):
    x = parameter(-0.5)
    optimizer = method(
        torch.optim.Adam([x], lr=0.02), 1, dual=lambda y: NuPI(y, 0.05, kp=10.0, nu=0.5)
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 800)
    for _ in range(800):
        optimizer.step(lambda _: ((x**2).sum(), 1 - x))
        schedule.step()
    assert x.item() == pytest.approx(1, abs=1e-3)
    assert optimizer.multipliers.item() == pytest.approx(2, abs=1e-2)


def test_a_scheduler_scales_both_gains():
    y = torch.zeros(1, dtype=torch.float64)
    optimizer = NuPI([y], 0.4, kp=2.0, ki=0.5)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.1)
    y.grad = torch.tensor([1.0], dtype=torch.float64)
    optimizer.step()
    schedule.step()
    before = y.item()
    y.grad = torch.tensor([3.0], dtype=torch.float64)
    optimizer.step()
    assert y.item() == pytest.approx(before - 0.04 * (2.0 * 3.0 + 0.5 * 3.0), rel=1e-12)


def test_a_run_resumed_from_a_file_of_tensors_has_the_bits_of_an_undisturbed_one():
    def steps(y, optimizer, gradients):
        for gradient in gradients:
            y.grad = torch.tensor([gradient, -gradient])
            optimizer.step()

    y = torch.zeros(2)
    optimizer = NuPI([y], 0.1, kp=2.0, nu=0.8)
    steps(y, optimizer, RANDOM[:10])
    file = io.BytesIO()
    torch.save({"y": y, "optimizer": optimizer.state_dict()}, file)
    copied = copy.deepcopy((y, optimizer))
    steps(y, optimizer, RANDOM[10:])

    file.seek(0)
    state = torch.load(file, weights_only=True)
    resumed = NuPI([state["y"]], 0.3)
    resumed.load_state_dict(state["optimizer"])
    steps(state["y"], resumed, RANDOM[10:])
    steps(*copied, RANDOM[10:])
    assert torch.equal(state["y"], y)
    assert torch.equal(copied[0], y)


def test_a_closure_is_called_as_torchs_optimizers_call_it():
    y = torch.nn.Parameter(torch.ones(1))
    optimizer = NuPI([y], 0.25)

    def closure():
        loss = (y**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1
    assert y.item() == 0.5


def test_what_has_no_gradient_stays():
    still, moved = torch.ones(1), torch.ones(1)
    moved.grad = torch.ones(1)
    NuPI([still, moved], 0.1).step()
    assert still.item() == 1
    assert moved.item() == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("lr", -0.1),
        ("lr", float("nan")),
        ("kp", float("inf")),
        ("ki", float("nan")),
        ("nu", 1.0),
        ("nu", -1.0),
    ],
)
def test_numbers_out_of_range_are_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=f"^{name} must"):
        NuPI([torch.zeros(1)], **{"lr": 0.1, name: bad})


def test_a_controller_that_would_never_move_is_refused():
    with pytest.raises(ValueError, match="kp and ki"):
        NuPI([torch.zeros(1)], 0.1, kp=0.0, ki=0.0)
