"""The Moreau envelope: what its step is, what it minimises, and what it remembers."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.optim.constrained import ALM
from equipoise.optim.constrained.moreau import Moreau

OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.05),
    "SGD with momentum": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9, weight_decay=0.1),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.05),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.05),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.02),
}


def parameter(*at: float) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.tensor(at, dtype=torch.float64))


class Run:
    """Two layers whose batches are a function of the step's number."""

    def __init__(self, make=OPTIMIZERS["Adam"], **options):
        torch.manual_seed(1)
        self.model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 1)).double()
        self.base = make(self.model.parameters())
        self.optimizer = Moreau(self.base, **options)

    def steps(self, numbers):
        for number in numbers:
            random = torch.Generator().manual_seed(number)
            x = torch.randn(8, 3, generator=random, dtype=torch.float64)
            self.optimizer.zero_grad()
            (self.model(x)[:, 0] - x[:, 0].sin()).square().mean().backward()
            self.optimizer.step()
        return self

    def trace(self):
        state = self.base.state
        return [
            *(p.detach().clone() for p in self.model.parameters()),
            *(torch.as_tensor(x).clone() for p in state for x in state[p].values()),
            *(z.clone() for z in self.optimizer.centres),
        ]


def same(first, second):
    return len(first) == len(second) and all(map(torch.equal, first, second))


def descend(optimizer, x, loss, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        loss(x).backward()
        optimizer.step()


def test_around_sgd_it_is_the_published_update_of_x_and_z():
    mu, beta, rates = 2.0, 0.5, (0.05, 0.2)
    first, second = parameter(0.3, -0.2), parameter(1.5)
    groups = [{"params": [first], "lr": rates[0]}, {"params": [second], "lr": rates[1]}]
    optimizer = Moreau(torch.optim.SGD(groups), smoothing=mu, averaging=beta)
    at = np.array([0.3, -0.2, 1.5])
    z, tau = at.copy(), np.array([rates[0], rates[0], rates[1]])
    for noise in np.random.default_rng(0).normal(0, 0.3, (30, 3)):
        first.grad = 2 * first.detach() + torch.from_numpy(noise[:2])
        second.grad = 2 * second.detach() + torch.from_numpy(noise[2:])
        optimizer.step()

        gradient = 2 * at + noise + mu * (at - z)
        at, z = at - tau * gradient, z + beta * (at - z)

        np.testing.assert_allclose([*first.tolist(), *second.tolist()], at, rtol=1e-12)
        np.testing.assert_allclose(torch.cat(optimizer.centres).numpy(), z, rtol=1e-12)


def test_the_centre_goes_to_where_the_step_began_and_not_to_where_it_ended():
    x = parameter(1.0)
    optimizer = Moreau(torch.optim.SGD([x], lr=0.5), averaging=1.0)
    descend(optimizer, x, lambda x: x.sum(), 1)
    assert (x.item(), optimizer.centres[0].item()) == (0.5, 1.0)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_proximal_step_is_scaled_by_the_learning_rate_and_by_nothing_else(name):
    x, plain = parameter(0.4, -1.0), parameter(0.4, -1.0)
    optimizer = Moreau(OPTIMIZERS[name]([x]), smoothing=3.0, averaging=0.25)
    base = OPTIMIZERS[name]([plain])
    for slope in (1.0, -0.3, 100.0, 0.001):
        before, (z,) = x.detach().clone(), [c.clone() for c in optimizer.centres]
        x.grad = torch.full_like(x, slope)
        optimizer.step()
        with torch.no_grad():
            plain.copy_(before)
        plain.grad = torch.full_like(x, slope)
        base.step()
        rate = base.param_groups[0]["lr"]
        torch.testing.assert_close(
            x.detach(), plain.detach() - rate * 3.0 * (before - z), rtol=1e-13, atol=1e-13
        )


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(sorted(OPTIMIZERS)), st.floats(0.01, 1), st.integers(0, 10**6))
def test_without_smoothing_it_is_the_wrapped_optimizer_bit_for_bit(name, averaging, seed):
    ends = []
    for wrap in (lambda base: base, lambda base: Moreau(base, smoothing=0, averaging=averaging)):
        random = torch.Generator().manual_seed(seed)
        x = torch.nn.Parameter(torch.randn(4, generator=random))
        optimizer = wrap(OPTIMIZERS[name]([x]))
        for _ in range(5):
            x.grad = torch.randn(4, generator=random)
            optimizer.step()
        ends.append(x.detach())
    assert torch.equal(*ends)


def test_with_a_centre_that_hardly_moves_it_ends_at_the_proximal_point():
    # argmin a / 2 (x - b)^2 + mu / 2 (x - z)^2 = (a b + mu z) / (a + mu).
    a, b, z, mu = 1.5, -2.0, 3.0, 0.5
    x = parameter(z)
    optimizer = Moreau(torch.optim.SGD([x], lr=0.1), smoothing=mu, averaging=1e-12)
    descend(optimizer, x, lambda x: (a / 2 * (x - b) ** 2).sum(), 400)
    assert x.item() == pytest.approx((a * b + mu * z) / (a + mu), rel=1e-9)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_stationary_points_are_those_of_the_objective(name):
    x = parameter(2.0, -1.0)
    optimizer = Moreau(OPTIMIZERS[name]([x]), smoothing=2.0, averaging=0.3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 600)
    for _ in range(600):
        descend(optimizer, x, lambda x: ((x - 0.5) ** 2).sum(), 1)
        schedule.step()
    np.testing.assert_allclose(x.detach().numpy(), 0.5, atol=1e-3)
    np.testing.assert_allclose(optimizer.centres[0].numpy(), x.detach().numpy(), atol=1e-2)


def wrapper(run):
    return run.optimizer


def base(run):
    return run.base


def reload_by_wrapper(run):
    run.optimizer.load_state_dict(run.optimizer.state_dict())


def reload_by_base(run):
    run.base.load_state_dict(copy.deepcopy(run.base.state_dict()))


@pytest.mark.parametrize("reload", [None, reload_by_wrapper, reload_by_base])
@pytest.mark.parametrize("scheduled", [wrapper, base])
def test_a_scheduler_acts_on_step_and_pull_alike(scheduled, reload):
    run = Run(lambda p: torch.optim.SGD(p, lr=0.1))
    schedule = torch.optim.lr_scheduler.StepLR(scheduled(run), 1, 0.0)
    run.steps([0, 1])
    if reload is not None:
        reload(run)
    schedule.step()
    weights = [p.detach().clone() for p in run.model.parameters()]
    run.steps([2])
    assert same(weights, [p.detach() for p in run.model.parameters()])


@pytest.mark.parametrize("via", [wrapper, base])
def test_parameters_that_come_later_are_smoothed_from_where_they_are(via):
    run = Run(lambda p: torch.optim.SGD(p, lr=0.1), smoothing=2.0, averaging=0.5).steps(range(3))
    late = parameter(1.0)
    via(run).add_param_group({"params": [late], "lr": 0.5})
    for _ in range(2):
        late.grad = torch.ones_like(late)
        run.optimizer.step()
    # x: 1, 0.5, then 0.5 - 0.5 (1 + 2 (0.5 - 1)) = 0.5; z: 1, 1, 0.75.
    assert (late.item(), run.optimizer.centres[-1].item()) == (0.5, 0.75)


def test_a_parameter_without_gradient_is_left_alone_with_its_centre():
    x, idle = parameter(1.0), parameter(2.0)
    optimizer = Moreau(torch.optim.SGD([x, idle], lr=0.1))
    for rounds in range(4):
        optimizer.zero_grad()
        (x.sum() + (idle.sum() if rounds == 1 else 0)).backward()
        optimizer.step()
    assert idle.item() == 1.9
    assert [z.item() for z in optimizer.centres][1] == 2.0
    assert x.item() != optimizer.centres[0].item()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_run_stopped_and_resumed_has_the_bits_of_an_undisturbed_one(name):
    straight, stopped = (Run(OPTIMIZERS[name]).steps(range(n)) for n in (9, 5))
    file = io.BytesIO()
    torch.save((stopped.model.state_dict(), stopped.optimizer.state_dict()), file)
    file.seek(0)
    weights, state = torch.load(file, weights_only=True)
    resumed = Run(OPTIMIZERS[name])
    resumed.model.load_state_dict(weights)
    resumed.optimizer.load_state_dict(state)
    assert same(straight.trace(), resumed.steps(range(5, 9)).trace())


def test_a_state_is_a_snapshot_and_two_that_load_it_move_apart():
    run = Run().steps(range(3))
    state = run.optimizer.state_dict()
    centres = [z.clone() for z in state["centres"]]
    run.steps(range(3, 5))
    other = Run()
    other.optimizer.load_state_dict(state)
    other.steps(range(3, 5))
    assert same(centres, state["centres"])


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"]
)
def test_a_copy_goes_on_like_the_original_and_apart_from_it(copied):
    run, other = Run().steps(range(4)), Run()
    torch.optim.lr_scheduler.StepLR(run.optimizer, 1)  # which hangs a counting step on it
    other.model, other.optimizer = copied((run.model, run.optimizer))
    other.base = other.optimizer.base
    at_copy = run.trace()
    assert same(other.trace(), at_copy)
    other.steps(range(4, 8))
    assert same(run.trace(), at_copy)
    assert same(run.steps(range(4, 8)).trace(), other.trace())


def test_a_closure_is_evaluated_once_and_returned():
    x, calls = parameter(1.0), []

    def closure():
        calls.append(x.item())
        x.grad = torch.ones_like(x)
        return 7.0

    assert Moreau(torch.optim.SGD([x], lr=0.5)).step(closure) == 7.0
    assert (calls, x.item()) == ([1.0], 0.5)


@pytest.mark.parametrize("reload", [None, reload_by_wrapper, reload_by_base])
def test_it_is_the_base_of_a_constrained_method_like_any_other(reload):
    # min x^2 with x >= 1, whose multiplier is 2.
    x = parameter(-0.5)

    class Wrapped:
        base = torch.optim.SGD([x], lr=0.05)
        optimizer = ALM(Moreau(base), 1, penalty=2.0, multiplier_rate=0.1)

    method = Wrapped.optimizer
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(method, 800)
    for step in range(800):
        method.step(lambda _: ((x**2).sum(), 1 - x))
        if step == 400 and reload is not None:
            reload(Wrapped)
        schedule.step()
    assert method.param_groups is Wrapped.base.param_groups
    assert x.item() == pytest.approx(1, abs=1e-3)
    assert method.multipliers.item() == pytest.approx(2, abs=1e-2)


def test_replicates_stacked_end_where_each_ends_alone():
    starts = torch.tensor([[0.0, 1.0], [2.0, -1.0]], dtype=torch.float64)

    def final(rows):
        x = torch.nn.Parameter(starts[rows].clone())
        method = ALM(Moreau(torch.optim.Adam([x], lr=0.05)), 2, len(rows))
        for _ in range(30):
            method.step(lambda _: ((x**2).sum(-1), 1 - x))
        return x.detach()

    assert torch.equal(final([0, 1]), torch.cat([final([0]), final([1])]))


def test_a_state_of_something_else_is_refused_before_anything_changes():
    run = Run().steps(range(2))
    before = run.trace()
    other = Moreau(torch.optim.Adam([parameter(0.0)]))
    for state, message in (
        (run.base.state_dict(), "not one of Moreau"),
        (other.state_dict(), "centres of shapes"),
    ):
        with pytest.raises(ValueError, match=message):
            run.optimizer.load_state_dict(state)
    assert same(run.trace(), before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"smoothing": -1.0}, "smoothing"),
        ({"smoothing": float("nan")}, "smoothing"),
        ({"averaging": 0.0}, "averaging"),
        ({"averaging": 1.5}, "averaging"),
    ],
)
def test_factors_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Moreau(torch.optim.SGD([parameter(0.0)], lr=0.1), **options)


def test_what_is_wrapped_must_be_an_optimizer_with_learning_rates():
    with pytest.raises(TypeError, match="torch optimizer"):
        Moreau([parameter(0.0)])

    class Without(torch.optim.Optimizer):
        def __init__(self, parameters):
            super().__init__(parameters, {})

    with pytest.raises(ValueError, match="'lr'"):
        Moreau(Without([parameter(0.0)]))
