"""Recursive momentum: exact in expectation along any path, and what looking back must leave."""

from __future__ import annotations

import copy
import io
from itertools import combinations, product

import numpy as np
import pytest
import torch

from equipoise.optim.constrained import ALM, Batch, Layout, MovingAverage, Penalty, Ratios, Storm
from equipoise.optim.constrained.evaluations import Evaluations

# Four rows, of which each batch holds two: all batches, and sequences of them, can be listed.
SLOPES = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 2, 2)))
OFFSETS = torch.from_numpy(np.random.default_rng(1).normal(size=(4, 2)))
BATCHES = [list(rows) for rows in combinations(range(4), 2)]
ALL = list(range(4))
PATH = [torch.tensor(at, dtype=torch.float64) for at in ([0.1, 0.9], [0.7, 0.2], [-0.6, 0.4])]


def constraints(x, rows):
    return (torch.tanh(SLOPES[rows] @ x) + OFFSETS[rows]).mean(0)


def follow(estimator, path, batches):
    """The estimate at the end of a path along which each point sees a batch of its own."""
    x, before = torch.zeros(2, dtype=torch.float64), None
    for at, rows in zip(path, batches, strict=True):
        x.copy_(at)
        step = Evaluations(
            lambda _, rows=rows: (x.sum(), constraints(x, rows)), Layout(2), [x], before
        )
        estimate = estimator.estimate(step.look(0)[1], step)
        before = [at.clone()]
    return estimate


def moments(make, path):
    """Mean and variance of the last estimate over all sequences of batches."""
    seen = torch.stack(
        [follow(make(), path, batches) for batches in product(BATCHES, repeat=len(path))]
    )
    return seen.mean(0), seen.var(0, correction=0)


def variance_of_one_batch(x):
    return torch.stack([constraints(x, rows) for rows in BATCHES]).var(0, correction=0)


@pytest.mark.parametrize("weight", [0.05, 0.4, 1.0])
@pytest.mark.parametrize("length", [1, 2, 3])
def test_its_expectation_is_the_constraint_wherever_the_parameters_have_been(length, weight):
    mean, _ = moments(lambda: Storm(weight), PATH[:length])
    torch.testing.assert_close(mean, constraints(PATH[length - 1], ALL), rtol=1e-12, atol=1e-12)


def test_where_a_moving_average_lags():
    mean, _ = moments(lambda: MovingAverage(0.6), PATH)
    weights = 0.6 ** np.array([2.0, 1.0, 0.0])
    lagging = sum(w * constraints(x, ALL) for w, x in zip(weights, PATH, strict=True))
    torch.testing.assert_close(mean, lagging / weights.sum(), rtol=1e-12, atol=1e-12)
    assert (mean - constraints(PATH[-1], ALL)).abs().max() > 0.1


@pytest.mark.parametrize("a", [0.05, 0.4, 1.0])
def test_at_rest_its_variance_decays_to_the_share_of_its_weight(a):
    _, variance = moments(lambda: Storm(a), [PATH[0]] * 3)
    share = 1.0
    for _ in range(2):
        share = a**2 + (1 - a) ** 2 * share
    torch.testing.assert_close(variance, share * variance_of_one_batch(PATH[0]))


def test_weight_one_is_the_batch_itself():
    for batches in product(BATCHES, repeat=2):
        torch.testing.assert_close(
            follow(Storm(1.0), PATH[:2], batches), follow(Batch(), PATH[:2], batches)
        )


def test_update_rule_agrees_with_numpy():
    a, lr, strength = 0.3, 0.05, 2.0
    rng = np.random.default_rng(2)
    slope, noise = rng.normal(size=(25, 2)), rng.normal(size=(25, 2))

    def seen(at, k):
        return at**2 - 0.5 + slope[k] * at + noise[k]

    x = torch.nn.Parameter(torch.tensor([0.5, -0.8], dtype=torch.float64))
    method = Penalty(torch.optim.SGD([x], lr=lr), 2, strength=strength, estimator=Storm(a))
    at, before, u = x.detach().numpy().copy(), None, None
    for k in range(25):

        def problem(_, k=k):
            e, s = torch.from_numpy(noise[k]), torch.from_numpy(slope[k])
            return (x**4).sum(), x**2 - 0.5 + s * x + e

        method.step(problem)
        u = seen(at, k) if u is None else seen(at, k) + (1 - a) * (u - seen(before, k))
        before = at
        at = at - lr * (4 * at**3 + strength * (u > 0) * (2 * at + slope[k]))
        np.testing.assert_allclose(x.detach().numpy(), at, rtol=1e-12)
        tracked = method.estimator.state_dict()["value"]
        np.testing.assert_allclose(tracked.numpy(), u, rtol=1e-11, atol=1e-12)


class Run:
    """A small network with a noisy constraint, whose batches are a function of the step."""

    def __init__(self, estimator=None, wrap=ALM, optimizer=torch.optim.Adam):
        self.model = torch.nn.Sequential(
            torch.nn.Linear(3, 4, dtype=torch.float64),
            torch.nn.Tanh(),
            torch.nn.Linear(4, 1, dtype=torch.float64),
        )
        random = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for p in self.model.parameters():
                p.copy_(torch.randn(p.shape, generator=random, dtype=torch.float64) / 2)
        base = optimizer(self.model.parameters(), lr=0.05)
        self.optimizer = wrap(base, 2, estimator=estimator or Storm(0.2, with_error=True))

    def closure(self, number):
        random = torch.Generator().manual_seed(number)
        x = torch.randn(8, 3, generator=random, dtype=torch.float64)
        score = self.model(x)[:, 0]
        gap = (score * x[:, 1].sign()).mean()
        return (score - x[:, 0]).square().mean(), torch.stack([gap - 0.1, -gap - 0.1])

    def steps(self, numbers):
        for number in numbers:
            self.optimizer.step(lambda _, k=number: self.closure(k))
        return self

    def trace(self):
        return tensors([self.optimizer.state_dict(), list(self.model.state_dict().values())])


def tensors(state):
    if isinstance(state, (torch.Tensor, float, int)):
        return [torch.as_tensor(state).clone()]
    if isinstance(state, (dict, list, tuple)):
        parts = state.values() if isinstance(state, dict) else state
        return [x for part in parts for x in tensors(part)]
    return []


def same(first, second):
    return len(first) == len(second) and all(map(torch.equal, first, second))


@pytest.mark.parametrize("wrap", [ALM, Penalty])
def test_a_run_stopped_and_resumed_has_the_bits_of_an_undisturbed_one(wrap):
    straight = Run(wrap=wrap).steps(range(9))
    stopped, file = Run(wrap=wrap).steps(range(5)), io.BytesIO()
    torch.save((stopped.model.state_dict(), stopped.optimizer.state_dict()), file)
    stopped.steps(range(40, 45))
    file.seek(0)
    weights, state = torch.load(file, weights_only=True)
    resumed = Run(wrap=wrap)
    resumed.model.load_state_dict(weights)
    resumed.optimizer.load_state_dict(state)
    assert same(straight.trace(), resumed.steps(range(5, 9)).trace())


def test_a_copy_goes_on_like_the_original_and_apart_from_it():
    run = Run().steps(range(4))
    other = Run()
    other.model, other.optimizer = copy.deepcopy((run.model, run.optimizer))
    at_copy = run.trace()
    other.steps(range(4, 8))
    assert same(run.trace(), at_copy)
    assert same(run.steps(range(4, 8)).trace(), other.trace())


def test_what_it_keeps_are_the_parameters_before_the_last_step():
    run = Run().steps(range(3))
    before = [p.detach().clone() for p in run.model.parameters()]
    run.steps([3])
    assert same(run.optimizer.state_dict()["previous"], before)


def test_the_gradient_of_a_step_is_that_of_a_plain_computation():
    # Looking back overwrites parameters that the graph of this step has saved.
    run, plain = Run(optimizer=torch.optim.SGD).steps(range(4)), Run()
    now = [p.detach().clone() for p in run.model.parameters()]
    before = run.optimizer.state_dict()["previous"]
    u, y = run.optimizer.estimator.state_dict()["value"], run.optimizer.multipliers.clone()
    run.steps([4])

    def at(parameters):
        for p, value in zip(plain.model.parameters(), parameters, strict=True):
            p.data = value.clone()
        return plain.closure(4)

    old = at(before)[1].detach()
    objective, c = at(now)
    weight = (y + c.detach() + 0.8 * (u - old)).clamp(min=0)
    wanted = torch.autograd.grad(objective + (weight * c).sum(), list(plain.model.parameters()))
    assert weight.max() > 0
    for p, g in zip(run.model.parameters(), wanted, strict=True):
        torch.testing.assert_close(p.grad, g, rtol=1e-12, atol=1e-14)


class BrokenError(Exception):
    pass


@pytest.mark.parametrize("evaluation", [1, 2])
@pytest.mark.parametrize("how", ["NaN in a constraint", "NaN in the objective", "an exception"])
def test_a_failure_in_any_evaluation_leaves_no_trace(evaluation, how):
    run = Run().steps(range(3))
    before, calls = run.trace(), []

    def problem(_):
        calls.append(None)
        objective, c = run.closure(3)
        if len(calls) < evaluation:
            return objective, c
        if how == "an exception":
            raise BrokenError
        if how == "NaN in the objective":
            return objective * torch.nan, c
        return objective, torch.stack([c[0], c[1] * torch.nan])

    with pytest.raises((FloatingPointError, BrokenError)):
        run.optimizer.step(problem)
    assert len(calls) == evaluation
    assert same(run.trace(), before)


@pytest.mark.parametrize("estimator", [Storm(), MovingAverage(), Batch(with_error=True)])
def test_a_function_of_ratios_that_raises_leaves_no_trace_in_the_estimator(estimator):
    run = Run(estimator)

    def function(ratios):
        if raising:
            raise BrokenError
        return ratios

    def problem(_):
        objective, c = run.closure(0)
        return objective, Ratios.of(c, torch.ones_like(c), c, torch.ones_like(c), function)

    raising = False
    run.optimizer.step(problem)
    before = run.trace()
    raising = True
    with pytest.raises(BrokenError):
        run.optimizer.step(problem)
    assert same(run.trace(), before)


@pytest.mark.parametrize("estimator", [Storm(), MovingAverage(), Batch(with_error=True)])
def test_a_function_of_ratios_that_is_not_finite_leaves_no_trace_in_the_estimator(estimator):
    run = Run(estimator)

    def problem(function):
        objective, c = run.closure(0)
        return objective, Ratios.of(c, torch.ones_like(c), c, torch.ones_like(c), function)

    run.optimizer.step(lambda _: problem(lambda r: r))
    before = run.trace()
    with pytest.raises(FloatingPointError, match="constraints"):
        run.optimizer.step(lambda _: problem(lambda r: r * torch.nan))
    assert same(run.trace(), before)


def test_parameters_come_back_from_looking_back_bit_for_bit():
    random = torch.Generator().manual_seed(0)
    now = [torch.randn(3, 2, generator=random), torch.randn(4, generator=random).double()]
    parameters = [torch.nn.Parameter(p.clone()) for p in now]
    before, seen = [p + 1 for p in now], []

    def closure(_):
        seen.append([p.detach().clone() for p in parameters])
        return parameters[0].sum(), 2 * parameters[1]

    step = Evaluations(closure, Layout(4), parameters, before)
    assert torch.equal(step.constraints_before(0), 2 * before[1])
    assert same(seen[0], before)
    assert same([p.detach() for p in parameters], now)
    step.constraints_before(0)
    assert len(seen) == 1


def test_a_constraint_that_is_a_parameter_is_looked_back_at_too():
    x = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    step = Evaluations(lambda _: (x.sum(), x), Layout(2), [x], [torch.zeros(2)])
    assert step.constraints_before(0).tolist() == [0.0, 0.0]


def test_parameters_come_back_when_the_closure_raises_while_looking_back():
    x = torch.nn.Parameter(torch.tensor([1.0, 2.0]))

    def closure(_):
        raise BrokenError

    step = Evaluations(closure, Layout(2), [x], [torch.zeros(2)])
    with pytest.raises(BrokenError):
        step.constraints_before(0)
    assert x.tolist() == [1.0, 2.0]


def test_parameters_that_join_later_are_taken_as_they_were():
    run = Run(optimizer=torch.optim.SGD).steps(range(3))
    late = torch.nn.Parameter(torch.full((1,), 0.5, dtype=torch.float64))
    run.optimizer.add_param_group({"params": [late]})

    def problem(_):
        objective, c = run.closure(3)
        return objective + (late**2).sum(), c + late

    run.optimizer.step(problem)
    assert late.item() != 0.5


def test_looking_back_sees_the_weights_of_then_under_autocast_too():
    model = torch.nn.Linear(3, 1, bias=False)
    torch.nn.init.ones_(model.weight)
    optimizer = Penalty(torch.optim.SGD(model.parameters(), lr=0.5), 1, estimator=Storm())
    seen = []

    def closure(_):
        value = model(torch.ones(1, 3)).sum()
        seen.append(value.item())
        return value.float(), value.float()[None]

    for _ in range(2):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            optimizer.step(closure)
    assert seen[2] == seen[0]  # the first step's point, looked back at from the second
    assert seen[1] != seen[0]


def test_replicates_stacked_are_estimated_as_each_is_alone():
    noise = torch.randn(3, 20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    starts = torch.tensor([[0.0, 1.0], [2.0, -1.0], [0.3, 0.3]], dtype=torch.float64)

    def final(which):
        x = torch.nn.Parameter(starts[which].clone())
        estimator = Storm(0.2, with_error=True)
        method = ALM(torch.optim.Adam([x], lr=0.05), 2, len(which), estimator=estimator)
        for k in range(20):
            method.step(lambda _, k=k: ((x**2).sum(-1), 1 - x**2 + noise[which, k]))
        return x.detach(), method.multipliers, estimator.error

    together = final([0, 1, 2])
    assert together[2].shape == (3, 2)
    for r in range(3):
        for stacked, alone in zip(together, final([r]), strict=True):
            torch.testing.assert_close(stacked[r], alone[0], rtol=1e-13, atol=1e-13)


def test_it_needs_a_closure():
    x = torch.nn.Parameter(torch.zeros(1))
    optimizer = Penalty(torch.optim.SGD([x], lr=0.1), 1, estimator=Storm())
    with pytest.raises(ValueError, match="give step a closure"):
        optimizer.surrogate(x.sum(), x)


@pytest.mark.parametrize("weight", [0.0, -0.1, 1.1, float("nan")])
def test_its_weight_must_be_a_share(weight):
    with pytest.raises(ValueError, match="weight"):
        Storm(weight)
