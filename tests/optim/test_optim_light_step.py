"""What a step leaves out for speed is not missed: hooks, gradients, graphs, copies."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch

from equipoise.optim.constrained import (
    ALM,
    SSLALM,
    Batch,
    ConstrainedOptimizer,
    Lagrangian,
    MovingAverage,
    NuPI,
    Penalty,
    PenaltyBarrier,
    SmoothedPenalty,
    Storm,
    Switching,
    Unconstrained,
)

METHODS = {
    "ALM": ALM,
    "ALM, tracked": lambda base, m: ALM(base, m, estimator=MovingAverage()),
    "ALM, looking back": lambda base, m: ALM(base, m, estimator=Storm()),
    "SSLALM": SSLALM,
    "Lagrangian": Lagrangian,
    "extragradient": lambda base, m: Lagrangian(base, m, extragradient=True),
    "nuPI": lambda base, m: Lagrangian(base, m, dual=lambda y: NuPI(y, lr=0.1)),
    "Penalty": Penalty,
    "PenaltyBarrier": PenaltyBarrier,
    "SmoothedPenalty": SmoothedPenalty,
    "Switching": Switching,
    "Unconstrained": Unconstrained,
}


def problem(x, at_least=1.0):
    return (x**2).sum(), at_least - x


def run(wrap, steps=3, optimizer=torch.optim.SGD):
    x = torch.nn.Parameter(torch.tensor([0.3, 2.0], dtype=torch.float64))
    method = wrap(optimizer([x], lr=0.1), 2)
    for _ in range(steps):
        method.step(lambda _: problem(x))
    return x, method


def tensors(state):
    if isinstance(state, torch.Tensor):
        return [state]
    parts = state.values() if isinstance(state, dict) else state
    return [t for part in parts for t in tensors(part)] if isinstance(state, (dict, list)) else []


@pytest.mark.parametrize("name", METHODS)
def test_what_a_method_keeps_has_no_graph(name):
    x, method = run(METHODS[name])
    kept = [t for t in tensors(method.state_dict()) if t is not x]
    assert not any(t.requires_grad for t in kept)
    assert method.multipliers is None or not method.multipliers.requires_grad


@pytest.mark.parametrize("name", METHODS)
def test_a_step_is_the_same_where_autograd_is_turned_off(name):
    x, _ = run(METHODS[name])
    with torch.no_grad():
        y, _ = run(METHODS[name])
    assert torch.equal(x, y)


@pytest.mark.parametrize("name", METHODS)
def test_a_hook_of_the_wrapper_sees_the_gradient_and_runs_once(name):
    x, method = run(METHODS[name], steps=1)
    seen = []
    method.register_step_pre_hook(lambda of, *_: seen.append((of, x.grad.clone(), x.clone())))
    method.register_step_post_hook(lambda of, *_: seen.append((of, x.grad.clone(), x.clone())))
    method.step(lambda _: problem(x))
    (first, gradient, before), (second, _, after) = seen
    assert first is second is method
    assert torch.any(gradient != 0)
    assert not torch.equal(before, after)
    assert torch.equal(after, x)


def test_a_hook_of_the_wrapper_can_clip_and_be_taken_away():
    x, method = run(ALM)

    def clip(*_):
        x.grad.clamp_(-1e-3, 1e-3)

    hook = method.register_step_pre_hook(clip)
    before = x.detach().clone()
    method.step(lambda _: problem(x))
    assert (x - before).abs().max() <= 1.001e-4
    hook.remove()
    method.step(lambda _: problem(x))
    assert (x - before).abs().max() > 1e-2


def test_a_hook_of_the_multipliers_optimizer_runs():
    x, method = run(ALM)
    seen = []
    method.dual.register_step_pre_hook(lambda *_: seen.append("before"))
    method.dual.register_step_post_hook(lambda *_: seen.append("after"))
    method.step(lambda _: problem(x))
    assert seen == ["before", "after"]


def test_schedulers_of_both_optimizers_take_steps_for_steps():
    x, method = run(ALM)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schedules = [torch.optim.lr_scheduler.StepLR(o, 1, 0.5) for o in (method, method.dual)]
        for _ in range(2):
            method.step(lambda _: problem(x))
            for schedule in schedules:
                schedule.step()
    assert method.base.param_groups[0]["lr"] == pytest.approx(0.1 / 4)
    assert method.dual.param_groups[0]["lr"] == pytest.approx(0.05 / 4)


def test_the_plain_ascent_is_torch_s_gradient_descent_on_the_negative():
    x, method = run(ALM, steps=20)
    y, other = run(
        lambda base, m: ALM(base, m, dual=lambda y: torch.optim.SGD(y, lr=0.05)), steps=20
    )
    assert torch.equal(x, y)
    assert torch.equal(method.multipliers, other.multipliers)
    assert method.multipliers.max() > 0.1


def test_gradients_are_forgotten_as_the_wrapped_optimizer_forgets_them():
    class Counting(torch.optim.SGD):
        forgotten = 0

        def zero_grad(self, set_to_none=True):
            self.forgotten += 1
            super().zero_grad(set_to_none)

    _, method = run(ALM, steps=3, optimizer=Counting)
    assert method.base.forgotten == 3

    x, method = run(ALM, steps=1)
    method.zero_grad(set_to_none=False)
    assert torch.equal(x.grad, torch.zeros_like(x))
    method.zero_grad()
    assert x.grad is None


@pytest.mark.parametrize("via", ["closure", "surrogate"])
def test_constraints_that_are_the_parameters_count_as_they_were_before_the_step(via):
    x = torch.nn.Parameter(torch.tensor([1.0, 2.0], dtype=torch.float64))
    method = Lagrangian(torch.optim.SGD([x], lr=0.1), 2, multiplier_rate=1.0)
    if via == "closure":
        method.step(lambda _: ((x**2).sum(), x))
    else:
        method.surrogate((x**2).sum(), x).backward()
        method.step()
    assert method.multipliers.tolist() == [1.0, 2.0]
    assert x.tolist() == pytest.approx([0.8, 1.6])


def test_a_tensor_changed_after_the_surrogate_does_not_change_the_multipliers():
    x = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    method = Lagrangian(torch.optim.SGD([x], lr=0.1), 2, multiplier_rate=1.0)
    constraints = x + 3
    method.surrogate((x**2).sum(), constraints).backward()
    constraints.detach().fill_(100.0)
    method.step()
    assert method.multipliers.tolist() == [4.0, 1.0]


def test_a_penalty_changed_during_a_run_is_used_and_checked():
    x, method = run(ALM)
    method.penalty = 4.0
    y, other = run(lambda base, m: ALM(base, m, penalty=4.0), steps=0)
    y.data.copy_(x.data)
    other.multipliers.copy_(method.multipliers)
    for p, of in ((x, method), (y, other)):
        of.step(lambda _, p=p: problem(p))
    assert torch.equal(x, y)
    assert torch.equal(method.multipliers, other.multipliers)
    with pytest.raises(ValueError, match="penalty must be positive"):
        method.penalty = 0.0
    assert copy.deepcopy(method).penalty == 4.0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_constraints_of_another_precision_than_the_parameters_are_taken(dtype):
    x = torch.nn.Parameter(torch.tensor([0.0, 0.5], dtype=torch.float64))
    method = ALM(torch.optim.SGD([x], lr=0.1), 2)
    for _ in range(3):
        method.step(lambda _: ((x**2).sum(), (1 - x).to(dtype)))
    assert method.multipliers.dtype == torch.float64
    assert method.multipliers.min() > 0


def test_single_constraints_by_name_are_the_same_as_one_vector():
    names = {f"c{j}": 1 for j in range(4)}

    def final(sizes, form):
        x = torch.nn.Parameter(torch.linspace(-1, 1, 4, dtype=torch.float64))
        method = ALM(torch.optim.SGD([x], lr=0.1), sizes)
        for _ in range(5):
            method.step(lambda _: ((x**2).sum(), form(0.5 - x * torch.arange(4.0))))
        return x, method

    x, flat = final(4, lambda c: c)
    scalars = lambda c: dict(zip(names, c.unbind(), strict=True))  # noqa: E731
    vectors = lambda c: dict(zip(names, c.split(1), strict=True))  # noqa: E731
    mixed = lambda c: {"c0": c[0], "c1": c[1:2], "c2": c[2], "c3": c[3:]}  # noqa: E731
    shuffled = lambda c: dict(reversed(scalars(c).items()))  # noqa: E731
    for form in (scalars, vectors, mixed, shuffled, lambda c: c):
        y, named = final(names, form)
        assert torch.equal(x, y)
        assert torch.equal(flat.multipliers, named.multipliers)
    assert list(named.named_multipliers) == list(names)


def test_an_estimate_that_fails_half_way_is_forgotten_and_a_whole_one_is_not():
    estimator = MovingAverage(0.5)
    estimator.estimate(torch.tensor([1.0]))
    before = estimator.state_dict()

    def fail_after_an_estimate():
        with estimator.all_or_nothing():
            estimator.estimate(torch.tensor([5.0]))
            raise KeyError

    with pytest.raises(KeyError):
        fail_after_an_estimate()
    assert estimator.state_dict() == before
    with estimator.all_or_nothing():
        estimator.estimate(torch.tensor([5.0]))
    assert estimator.state_dict() != before


def test_the_estimate_of_a_batch_is_the_batch_with_its_graph():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    seen = x * 3
    estimate = Batch().estimate(seen)
    assert torch.equal(estimate, seen)
    assert torch.equal(torch.autograd.grad(estimate.sum(), x)[0], torch.full((2,), 3.0))


def test_every_method_is_an_optimizer_whose_step_is_not_wrapped_twice():
    x, method = run(ALM, steps=1)
    with torch.profiler.profile() as profile:
        method.step(lambda _: problem(x))
    records = [event.key for event in profile.key_averages() if "Optimizer.step" in event.key]
    assert records == ["Optimizer.step#SGD.step"]
    assert isinstance(method, ConstrainedOptimizer)
