"""The value on all rows, held or carried along between two passes."""

from __future__ import annotations

import copy
from itertools import combinations, product

import numpy as np
import pytest
import torch

from equipoise.optim.constrained import ALM, FullPass, Layout, Penalty, Ratios
from equipoise.optim.constrained.evaluations import Evaluations

# Four rows, of which each batch holds two, so that all sequences of batches can be listed.
SLOPES = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 2, 2)))
OFFSETS = torch.from_numpy(np.random.default_rng(1).normal(size=(4, 2)))
BATCHES = [list(rows) for rows in combinations(range(4), 2)]
ALL = list(range(4))
PATH = [torch.tensor(at, dtype=torch.float64) for at in ([0.1, 0.9], [0.7, 0.2], [-0.6, 0.4])]


def constraints(x, rows):
    return (torch.tanh(SLOPES[rows] @ x) + OFFSETS[rows]).mean(0)


def follow(path, batches, every, recursive):
    """The estimate at the end of a path along which each point sees a batch of its own."""
    x, before = torch.zeros(2, dtype=torch.float64), None
    estimator = FullPass(lambda: constraints(x, ALL), every, recursive=recursive)
    for at, rows in zip(path, batches, strict=True):
        x.copy_(at)
        step = Evaluations(
            lambda _, rows=rows: (x.sum(), constraints(x, rows)), Layout(2), [x], before
        )
        estimate = estimator.estimate(step.look(0)[1], step)
        before = [at.clone()]
    return estimate


def mean_over_batches(path, every, recursive):
    sequences = list(product(BATCHES, repeat=len(path)))
    return torch.stack([follow(path, s, every, recursive) for s in sequences]).mean(0)


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("every", [1, 2, 10])
def test_carried_along_its_expectation_is_the_constraint_wherever_the_parameters_are(every, length):
    mean = mean_over_batches(PATH[:length], every, recursive=True)
    torch.testing.assert_close(mean, constraints(PATH[length - 1], ALL), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("every", "passed_at"), [(1, 2), (2, 2), (3, 0), (10, 0)])
def test_held_it_is_the_value_at_the_last_pass(every, passed_at):
    for batches in product(BATCHES, repeat=3):
        held = follow(PATH, batches, every, recursive=False)
        assert torch.equal(held, constraints(PATH[passed_at], ALL))


@pytest.mark.parametrize("recursive", [False, True])
def test_at_rest_batches_add_no_noise(recursive):
    for batches in product(BATCHES[:3], repeat=3):
        torch.testing.assert_close(
            follow([PATH[0]] * 3, batches, 10, recursive),
            constraints(PATH[0], ALL),
            rtol=1e-14,
            atol=1e-14,
        )


class Run:
    """Descent on a small noisy problem, whose batches are a function of the step."""

    def __init__(self, recursive=True, every=4):
        self.x = torch.nn.Parameter(torch.tensor([0.5, -0.8], dtype=torch.float64))
        self.passes = 0
        self.optimizer = ALM(
            torch.optim.Adam([self.x], lr=0.05),
            2,
            estimator=FullPass(self.on_all_rows, every, recursive=recursive),
        )

    def on_all_rows(self):
        self.passes += 1
        return constraints(self.x, ALL)

    def closure(self, number):
        rows = BATCHES[number * 7 % len(BATCHES)]
        return (self.x**4).sum(), constraints(self.x, rows)

    def steps(self, numbers):
        for number in numbers:
            self.optimizer.step(lambda _, k=number: self.closure(k))
        return self

    def trace(self):
        kept = self.optimizer.estimator.state_dict()
        previous = self.optimizer.state_dict()["previous"] or []
        numbers = [torch.tensor(kept["age"]), self.optimizer.multipliers.clone()]
        return [self.x.detach().clone(), kept["value"], *numbers, *previous]


def same(first, second):
    return len(first) == len(second) and all(map(torch.equal, first, second))


@pytest.mark.parametrize(("steps", "passes"), [(1, 1), (4, 1), (5, 2), (9, 3)])
def test_a_pass_is_taken_at_the_first_step_and_after_every_so_many(steps, passes):
    assert Run().steps(range(steps)).passes == passes


def test_the_gradient_is_the_batchs():
    run = Run()
    run.steps(range(2))
    tracked, y = run.optimizer.estimator.state_dict()["value"], run.optimizer.multipliers.clone()
    x = torch.nn.Parameter(run.x.detach().clone())
    old = run.optimizer.state_dict()["previous"][0]
    run.steps([2])
    rows = BATCHES[14 % len(BATCHES)]
    c = constraints(x, rows)
    tracked = tracked + c.detach() - constraints(old, rows)
    wanted = torch.autograd.grad((x**4).sum() + ((y + tracked).clamp(min=0) * c).sum(), x)[0]
    torch.testing.assert_close(run.x.grad, wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("stop", [3, 4, 5])
@pytest.mark.parametrize("recursive", [False, True])
def test_a_run_stopped_and_resumed_has_the_bits_of_an_undisturbed_one(recursive, stop):
    straight = Run(recursive).steps(range(10))
    stopped = Run(recursive).steps(range(stop))
    at, state = stopped.x.detach().clone(), stopped.optimizer.state_dict()
    stopped.steps(range(20, 25))
    resumed = Run(recursive)
    resumed.x.data.copy_(at)
    resumed.optimizer.load_state_dict(state)
    assert same(straight.trace(), resumed.steps(range(stop, 10)).trace())


def test_a_copy_looks_at_its_own_parameters_through_a_bound_method():
    run = Run(every=1).steps(range(2))
    other = copy.deepcopy(run)
    passes = run.passes
    other.steps(range(2, 4))
    assert run.passes == passes
    assert same(run.steps(range(2, 4)).trace(), other.trace())


@pytest.mark.parametrize("where", ["the pass", "the batch", "the batch before"])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_value_that_is_not_finite_leaves_no_trace(where, bad):
    run = Run(every=3 if where == "the pass" else 10).steps(range(3))
    before, calls = run.trace(), []

    def spoilt():
        return run.on_all_rows() * bad

    def problem(_):
        calls.append(None)
        objective, c = run.closure(3)
        broken = where == ("the batch" if len(calls) == 1 else "the batch before")
        return objective, c * bad if broken else c

    if where == "the pass":
        run.optimizer.estimator.evaluate = spoilt
    with pytest.raises(FloatingPointError, match="constraints"):
        run.optimizer.step(problem)
    assert same(run.trace(), before)


def test_named_constraints_on_all_rows_may_come_in_any_order():
    x = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
    estimator = FullPass(lambda: {"b": x[1:] * 10, "a": x[0]})
    method = Penalty(torch.optim.SGD([x], lr=0.1), {"a": 1, "b": 2}, estimator=estimator)
    method.step(lambda _: (x.sum(), {"a": x[0], "b": x[1:]}))
    assert estimator.state_dict()["value"].tolist() == [1.0, 20.0, 30.0]


def test_named_constraints_without_a_step_are_refused():
    estimator = FullPass(lambda: {"a": torch.zeros(1)})
    with pytest.raises(ValueError, match="order"):
        estimator.estimate(torch.zeros(1))


def test_ratios_on_all_rows_are_divided_after_averaging():
    x = torch.nn.Parameter(torch.tensor([0.2, 0.3], dtype=torch.float64))

    def ratios(share):
        n = torch.sigmoid(x)
        d = torch.tensor([0.5, 0.25], dtype=torch.float64) * share
        return Ratios.of(n, d, n, d, lambda r: r)

    estimator = FullPass(lambda: ratios(1.0))
    estimate = estimator.estimate(ratios(3.0))
    s = torch.sigmoid(x.detach())
    torch.testing.assert_close(estimate.detach(), s / torch.tensor([0.5, 0.25]))
    estimate.sum().backward()
    torch.testing.assert_close(x.grad, s * (1 - s) / torch.tensor([0.5, 0.25]))


def test_half_precision_on_all_rows_is_carried_on_in_single():
    estimator = FullPass(lambda: torch.ones(2, dtype=torch.bfloat16))
    assert estimator.estimate(torch.zeros(2)).dtype == torch.float32


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 2)])
def test_another_shape_on_all_rows_than_on_a_batch_is_refused(shape):
    estimator = FullPass(lambda: torch.zeros(shape))
    with pytest.raises(ValueError, match="on all rows"):
        estimator.estimate(torch.zeros(2))


def test_a_second_optimizer_begins_with_a_pass():
    x = torch.nn.Parameter(PATH[0].clone())
    estimator = FullPass(lambda: constraints(x, ALL), 10, recursive=True)
    for _ in range(2):
        now = x.detach().clone()
        method = Penalty(torch.optim.SGD([x], lr=0.1), 2, estimator=estimator)
        method.step(lambda _: (x.sum(), constraints(x, BATCHES[0])))
        assert torch.equal(estimator.state_dict()["value"], constraints(now, ALL))


def test_replicates_stacked_are_estimated_as_each_is_alone():
    noise = torch.randn(3, 9, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def final(which):
        x = torch.nn.Parameter(torch.ones(len(which), 2, dtype=torch.float64) / 2)
        estimator = FullPass(lambda: 1 - x**2, 4, recursive=True)
        method = ALM(torch.optim.Adam([x], lr=0.1), 2, len(which), estimator=estimator)
        for k in range(9):
            method.step(lambda _, k=k: ((x**2).sum(-1), 1 - x**2 + noise[which, k] * x))
        return x.detach(), method.multipliers

    together = final([0, 1, 2])
    for r in range(3):
        for stacked, alone in zip(together, final([r]), strict=True):
            torch.testing.assert_close(stacked[r], alone[0], rtol=1e-13, atol=1e-13)


def test_only_carried_along_it_needs_a_closure():
    x = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
    for recursive in (False, True):
        estimator = FullPass(lambda: constraints(x, ALL), recursive=recursive)
        method = Penalty(torch.optim.SGD([x], lr=0.1), 2, estimator=estimator)
        if recursive:
            with pytest.raises(ValueError, match="give step a closure"):
                method.surrogate(x.sum(), constraints(x, BATCHES[0]))
        else:
            method.surrogate(x.sum(), constraints(x, BATCHES[0])).backward()
            method.step()


@pytest.mark.parametrize("every", [0, -1, 2.5, True, float("nan")])
def test_every_must_be_a_number_of_steps(every):
    with pytest.raises(ValueError, match="every"):
        FullPass(lambda: torch.zeros(2), every)
