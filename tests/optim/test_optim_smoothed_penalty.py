"""The smoothed exact penalty, and the SPIDER-type method that it is with a recursive full pass."""

from __future__ import annotations

import copy
import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.optim.constrained import FullPass, Penalty
from equipoise.optim.constrained.smoothed_penalty import SmoothedPenalty

OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.02),
    "SGD with momentum": lambda p: torch.optim.SGD(p, lr=0.005, momentum=0.9),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.05),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.02),
}


def tensor(*numbers) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def parameter(*at: float) -> torch.nn.Parameter:
    return torch.nn.Parameter(tensor(*at))


def hinge(u, nu):
    return np.where(u <= 0, 0, np.where(u <= nu, u**2 / (2 * nu), u - nu / 2))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-2, 2), min_size=4, max_size=4), st.floats(0.01, 1.5), st.floats(0, 10))
def test_value_and_gradient_are_those_of_the_rounded_hinge(values, nu, strength):
    c = tensor(*values).requires_grad_()
    method = SmoothedPenalty(
        torch.optim.SGD([parameter(0.0)], lr=0.1),
        {"at most": 2, "equal": 2},
        strength=strength,
        smoothing=nu,
        equalities=["equal"],
    )
    value = method.lagrangian(tensor(0.5)[0], c)
    value.backward()
    u = np.array(values)
    penalty = hinge(u[:2], nu).sum() + hinge(np.abs(u[2:]), nu).sum()
    assert value.item() == pytest.approx(0.5 + strength * penalty, abs=1e-12)
    expected = strength * np.append(np.clip(u[:2] / nu, 0, 1), np.clip(u[2:] / nu, -1, 1))
    np.testing.assert_allclose(c.grad.numpy(), expected, rtol=1e-12, atol=1e-15)


def test_gradient_agrees_with_finite_differences():
    method = SmoothedPenalty(
        torch.optim.SGD([parameter(0.0)], lr=0.1), 3, strength=4.0, smoothing=0.5
    )

    def merit(x):
        c = torch.stack([x[0] * x[1], x.exp().sum() - 2, x[0] - 5])
        return method.lagrangian((x**4).sum(), c)

    assert torch.autograd.gradcheck(merit, tensor(0.3, -0.7).requires_grad_())


@pytest.mark.parametrize("smoothing", [1e-9, 1e-12])
def test_with_little_smoothing_it_is_the_exact_penalty(smoothing):
    ends = []
    for wrap in (
        lambda base: Penalty(base, 2, strength=3.0),
        lambda base: SmoothedPenalty(base, 2, strength=3.0, smoothing=smoothing),
    ):
        x = parameter(0.3, 2.0)
        method = wrap(torch.optim.SGD([x], lr=0.01))
        for _ in range(50):
            method.step(lambda _, x=x: ((x**2).sum(), 1 - x))
        ends.append(x.detach())
    torch.testing.assert_close(*ends, rtol=1e-12, atol=1e-12)


def test_the_spider_method_agrees_with_numpy():
    # c(x; row) = row_1 x^2 + row_2 - x, of which every fifth step sees all rows.
    rng = np.random.default_rng(0)
    rows, beta, nu, lr, every = rng.normal(0.3, 0.5, (40, 2)), 3.0, 0.2, 0.05, 5
    x = parameter(0.2)

    def mean_constraint(which):
        chosen = torch.from_numpy(rows[which])
        return (chosen[:, :1] * x**2 + chosen[:, 1:] - x).mean(0)

    method = SmoothedPenalty(
        torch.optim.SGD([x], lr=lr),
        1,
        strength=beta,
        smoothing=nu,
        estimator=FullPass(lambda: mean_constraint(np.arange(40)), every, recursive=True),
    )
    at, before, u, weights = 0.2, None, 0.0, set()
    for k in range(23):
        batch = rng.integers(0, 40, 4)
        method.step(lambda _, b=batch: ((x**2).sum(), mean_constraint(b)))

        def c(x, which):
            return (rows[which, 0] * x**2 + rows[which, 1] - x).mean()

        full = k % every == 0
        u = c(at, np.arange(40)) if full else u + c(at, batch) - c(before, batch)
        weight = beta * min(max(u / nu, 0), 1)
        slope = (2 * rows[batch, 0] * at - 1).mean()
        at, before = at - lr * (2 * at + weight * slope), at
        weights.add(weight)
        assert x.item() == pytest.approx(at, rel=1e-12)
    assert len(weights) > 10  # not only 0 and beta


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_convex_problem_ends_where_the_smoothing_says(name):
    # min x^2 with x >= 1 has the multiplier 2: 2 x = strength (1 - x) / nu.
    x, strength, nu = parameter(-0.5), 4.0, 0.1
    method = SmoothedPenalty(OPTIMIZERS[name]([x]), 1, strength=strength, smoothing=nu)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(method, 800)
    for _ in range(800):
        method.step(lambda _: ((x**2).sum(), 1 - x))
        schedule.step()
    assert x.item() == pytest.approx(1 / (1 + 2 * nu / strength), abs=1e-4)
    # The weight there is the multiplier, and the violation nu * multiplier / strength.
    assert strength * (1 - x.item()) / nu == pytest.approx(2 * x.item(), abs=1e-2)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.5])
def test_a_strength_below_the_multiplier_leaves_the_constraint_violated(strength):
    x = parameter(0.0)
    method = SmoothedPenalty(torch.optim.SGD([x], lr=0.05), 1, strength=strength)
    for _ in range(300):
        method.step(lambda _: ((x**2).sum(), 1 - x))
    assert x.item() == pytest.approx(strength / 2, abs=1e-6)


def test_an_equation_is_met_from_either_side():
    ends = []
    for start in (-3.0, 3.0):
        x = parameter(start)
        base = torch.optim.SGD([x], lr=0.01)
        method = SmoothedPenalty(base, {"c": 1}, strength=4.0, smoothing=0.1, equalities=["c"])
        for _ in range(800):
            method.step(lambda _, x=x: ((x**2).sum(), {"c": 1 - x}))
        ends.append(x.item())
    np.testing.assert_allclose(ends, 1 / 1.05, atol=1e-6)


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop])
def test_replicates_stacked_end_where_each_ends_alone(optimizer):
    starts = torch.tensor([[0.0, 1.0], [2.0, -1.0], [0.3, 0.3]], dtype=torch.float64)
    random = torch.Generator().manual_seed(0)
    noise = torch.randn(3, 40, 2, generator=random, dtype=torch.float64)

    def final(which):
        x = torch.nn.Parameter(starts[which].clone())
        method = SmoothedPenalty(
            optimizer([x], lr=0.05),
            2,
            len(which),
            strength=3.0,
            smoothing=0.5,
            estimator=FullPass(lambda: 1 - x * x, 7, recursive=True),
        )
        for k in range(40):
            method.step(lambda _, k=k: ((x**2).sum(-1), 1 - x * x + noise[which, k] * x))
        return x.detach()

    together = final([0, 1, 2])
    for r in range(3):
        torch.testing.assert_close(together[r], final([r])[0], rtol=1e-12, atol=1e-12)


class Run:
    """The SPIDER-type method on a small noisy problem."""

    def __init__(self):
        self.x = parameter(0.2, -0.3)
        self.optimizer = SmoothedPenalty(
            torch.optim.Adam([self.x], lr=0.05),
            2,
            strength=3.0,
            smoothing=0.5,
            estimator=FullPass(lambda: 1 - self.x**2, 4, recursive=True),
        )

    def closure(self, step):
        noise = torch.randn(2, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
        return (self.x**2).sum(), 1 - self.x**2 + noise * self.x

    def steps(self, numbers):
        for k in numbers:
            self.optimizer.step(lambda _, k=k: self.closure(k))
        return self


def test_a_run_stopped_and_resumed_has_the_bits_of_an_undisturbed_one():
    straight, stopped = (Run().steps(range(n)) for n in (13, 6))
    file = io.BytesIO()
    torch.save((stopped.x.detach(), stopped.optimizer.state_dict()), file)
    stopped.steps(range(50, 55))
    file.seek(0)
    x, state = torch.load(file, weights_only=True)
    resumed = Run()
    resumed.x.data.copy_(x)
    resumed.optimizer.load_state_dict(state)
    assert torch.equal(straight.x, resumed.steps(range(6, 13)).x)


def test_a_copy_goes_on_like_the_original_and_apart_from_it():
    def build():
        x = parameter(0.2, -0.3)
        return x, SmoothedPenalty(torch.optim.Adam([x], lr=0.05), 2, strength=3.0, smoothing=0.5)

    def steps(x, method):
        for _ in range(4):
            method.step(lambda _: ((x**2).sum(), 1 - x))

    original = build()
    steps(*original)
    copied = copy.deepcopy(original)
    at_copy = original[0].detach().clone()
    steps(*copied)
    assert torch.equal(original[0], at_copy)
    steps(*original)
    assert torch.equal(original[0], copied[0])


def test_a_value_that_is_not_finite_leaves_no_trace():
    run, undisturbed = Run().steps(range(5)), Run().steps(range(5))
    with pytest.raises(FloatingPointError, match="constraints"):
        run.optimizer.step(lambda _: (run.closure(5)[0], run.closure(5)[1] * torch.nan))
    assert torch.equal(run.steps(range(5, 9)).x, undisturbed.steps(range(5, 9)).x)


def test_there_are_no_multipliers():
    assert SmoothedPenalty(torch.optim.SGD([parameter(0.0)], lr=0.1), 1).multipliers is None


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("strength", -0.1),
        ("strength", float("inf")),
        ("smoothing", 0.0),
        ("smoothing", float("nan")),
    ],
)
def test_factors_out_of_range_are_refused(name, bad):
    with pytest.raises(ValueError, match=name):
        SmoothedPenalty(torch.optim.SGD([parameter(0.0)], lr=0.1), 1, **{name: bad})
