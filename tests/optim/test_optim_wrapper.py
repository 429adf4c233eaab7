"""A method is itself a torch optimizer: state, copies, schedulers, groups, failures."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch

from equipoise.optim.constrained import (
    ALM,
    Moreau,
    MovingAverage,
    Penalty,
    Ratios,
    Unconstrained,
)
from equipoise.optim.stacked import SAM

METHODS = {
    "ALM": lambda base: ALM(base, 2, penalty=2.0, estimator=MovingAverage(0.9)),
    "Penalty": lambda base: Penalty(base, 2, strength=3.0, estimator=MovingAverage(0.9)),
    "Unconstrained": lambda base: Unconstrained(base, 2, estimator=MovingAverage(0.9)),
}


def flatten(state):
    """The tensors and numbers in a state."""
    if isinstance(state, (torch.Tensor, float)):
        return [torch.as_tensor(state)]
    if isinstance(state, (dict, list, tuple)):
        parts = state.values() if isinstance(state, dict) else state
        return [x for part in parts for x in flatten(part)]
    return []


class Run:
    """A small problem with noisy ratios, whose batches are a function of the step's number."""

    def __init__(self, wrap=METHODS["ALM"], optimizer=torch.optim.Adam, lr=0.05):
        torch.manual_seed(1)
        self.model = torch.nn.Linear(3, 1, dtype=torch.float64)
        self.base = optimizer(self.model.parameters(), lr=lr)
        self.optimizer = wrap(self.base)

    def closure(self, number):
        random = torch.Generator().manual_seed(number)
        x = torch.randn(16, 3, generator=random, dtype=torch.float64)
        group = torch.nn.functional.one_hot(
            torch.randint(2, (16,), generator=random), num_classes=2
        ).double()
        score = torch.sigmoid(self.model(x)[:, 0])
        n, d = (group * score[:, None]).mean(0), group.mean(0)
        hard = (group * (score > 0.5)[:, None]).mean(0)
        ratios = Ratios.of(hard, d, n, d, lambda r: torch.stack([r[0] - r[1], r[1] - r[0]]) - 0.1)
        return torch.nn.functional.binary_cross_entropy(score, (x[:, 0] > 0).double()), ratios

    def steps(self, numbers):
        for number in numbers:
            self.optimizer.step(lambda _, k=number: self.closure(k))
        return self

    def trace(self):
        """Everything that a step may change, as it is now."""
        return [
            *(p.detach().clone() for p in self.model.parameters()),
            *(
                torch.as_tensor(x).clone()
                for p in self.model.parameters()
                for x in self.base.state[p].values()
            ),
            *flatten(self.optimizer.estimator.state_dict()),
            *([] if self.optimizer.multipliers is None else [self.optimizer.multipliers.clone()]),
        ]


def same(first, second):
    return len(first) == len(second) and all(map(torch.equal, first, second))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    "optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop], ids=lambda x: x.__name__
)
def test_a_run_stopped_and_resumed_has_the_bits_of_an_undisturbed_one(name, optimizer):
    straight = Run(METHODS[name], optimizer).steps(range(12))
    stopped = Run(METHODS[name], optimizer).steps(range(7))
    weights, state = copy.deepcopy(stopped.model.state_dict()), stopped.optimizer.state_dict()
    stopped.steps(range(50, 60))  # what happens after the snapshot must not change it

    resumed = Run(METHODS[name], optimizer)
    resumed.model.load_state_dict(weights)
    resumed.optimizer.load_state_dict(state)
    resumed.steps(range(7, 12))
    assert same(straight.trace(), resumed.trace())


def test_a_state_survives_a_file_that_holds_tensors_only():
    run, file = Run().steps(range(3)), io.BytesIO()
    torch.save(run.optimizer.state_dict(), file)
    file.seek(0)
    other = Run()
    other.model.load_state_dict(run.model.state_dict())
    other.optimizer.load_state_dict(torch.load(file, weights_only=True))
    assert same(run.steps(range(3, 6)).trace(), other.steps(range(3, 6)).trace())


def test_a_state_is_a_snapshot_and_not_the_live_tensors():
    run = Run().steps(range(3))
    state = run.optimizer.state_dict()
    before = [x.clone() for x in flatten(state)]
    run.steps(range(3, 6))
    assert any(x.shape == run.model.weight.shape for x in before)
    assert same(flatten(state), before)


def test_two_optimizers_that_load_one_state_do_not_move_together():
    state = Run().steps(range(3)).optimizer.state_dict()
    before = [x.clone() for x in flatten(state)]
    for _ in range(2):
        run = Run()
        run.optimizer.load_state_dict(state)
        run.steps(range(3, 6))
    assert same(flatten(state), before)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"]
)
def test_a_copy_goes_on_like_the_original_and_apart_from_it(name, copied):
    run = Run(METHODS[name]).steps(range(4))
    other = Run(METHODS[name])
    other.model, other.optimizer = copied((run.model, run.optimizer))
    other.base = other.optimizer.base
    at_copy = run.trace()
    assert same(other.trace(), at_copy)
    other.steps(range(4, 9))
    assert same(run.trace(), at_copy)
    assert same(run.steps(range(4, 9)).trace(), other.trace())


def test_a_copy_made_while_a_scheduler_watches_moves_its_own_parameters():
    run = Run()
    schedule = torch.optim.lr_scheduler.StepLR(run.optimizer, 1, 0.5)
    run.steps(range(2))
    schedule.step()
    other = Run()
    other.model, other.optimizer = copy.deepcopy((run.model, run.optimizer))
    before = run.trace()
    other.steps(range(2, 4))
    assert same(run.trace(), before)


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
def test_a_scheduler_acts_on_the_wrapper_and_the_wrapped_alike(scheduled, reload):
    run = Run(optimizer=torch.optim.SGD, lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(scheduled(run), 1, 0.1)
    run.steps([0])
    if reload is not None:
        reload(run)
    schedule.step()
    assert run.base.param_groups[0]["lr"] == run.optimizer.param_groups[0]["lr"] == 0.1

    weight = run.model.weight.detach().clone()
    run.steps([1])
    torch.testing.assert_close(
        run.model.weight.detach(), weight - 0.1 * run.model.weight.grad, rtol=1e-12, atol=0
    )


def test_a_hook_of_the_wrapped_optimizer_can_clip_the_gradient():
    run = Run(optimizer=torch.optim.SGD, lr=1.0)
    run.base.register_step_pre_hook(
        lambda *_: torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1e-3) and None
    )
    before = torch.nn.utils.parameters_to_vector(run.model.parameters()).detach()
    run.steps([0])
    after = torch.nn.utils.parameters_to_vector(run.model.parameters()).detach()
    assert 0 < (after - before).norm() <= 1.001e-3


def test_a_gradient_left_over_from_elsewhere_is_not_taken_along():
    clean, littered = Run(), Run()
    for p in littered.model.parameters():
        p.grad = torch.full_like(p, 1e6)
    assert same(clean.steps(range(3)).trace(), littered.steps(range(3)).trace())


@pytest.mark.parametrize("via", [wrapper, base])
def test_added_parameters_are_trained(via):
    run = Run(optimizer=torch.optim.SGD, lr=0.1)
    late = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    via(run).add_param_group({"params": [late], "lr": 0.5})
    run.optimizer.step(lambda _: ((late**2).sum(), torch.zeros(2, dtype=torch.float64)))
    assert late.item() == pytest.approx(1 - 0.5 * 2)
    assert [g["lr"] for g in run.optimizer.param_groups] == [0.1, 0.5]


def test_a_step_returns_the_objective_of_the_batch_without_its_graph():
    run = Run()
    expected = run.closure(0)[0].item()
    objective = run.optimizer.step(lambda _: run.closure(0))
    assert objective.item() == expected
    assert not objective.requires_grad


def poison(part):
    def spoil(objective, ratios):
        nan = torch.tensor([0.0, torch.nan], dtype=torch.float64)
        if part == "objective":
            return objective * torch.inf, ratios
        whole = "proxy" if part.startswith("proxy") else "statistic"
        which = [0.0, 1.0] if part.endswith("denominator") else [1.0, 0.0]
        spoilt = torch.where(torch.tensor(which)[:, None] > 0, nan, 0.0)
        setattr(ratios, whole, getattr(ratios, whole) + spoilt)
        return objective, ratios

    return spoil


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    "part", ["objective", "numerator", "denominator", "proxy_numerator", "proxy_denominator"]
)
def test_a_value_that_is_not_finite_is_named_and_leaves_no_trace(part, name):
    run = Run(METHODS[name]).steps(range(3))
    before = run.trace()
    with pytest.raises(FloatingPointError, match=part.replace("_", " ")):
        run.optimizer.step(lambda _: poison(part)(*run.closure(3)))
    assert same(run.trace(), before)


def test_a_plain_constraint_that_is_not_finite_leaves_no_trace():
    run = Run().steps([])
    before = run.trace()
    bad = torch.tensor([0.0, torch.nan], dtype=torch.float64)
    with pytest.raises(FloatingPointError, match=r"constraints, of shape \(2,\), at \[\[1\]\]"):
        run.optimizer.step(lambda _: (run.closure(0)[0], bad))
    assert same(run.trace(), before)


def test_a_function_of_ratios_that_is_not_finite_moves_no_parameter():
    run = Run().steps(range(3))
    weights, multipliers = run.model.weight.detach().clone(), run.optimizer.multipliers.clone()

    def problem(_):
        objective, ratios = run.closure(3)
        ratios.function = lambda r: (r - 2).log()
        return objective, ratios

    with pytest.raises(FloatingPointError, match="constraints"):
        run.optimizer.step(problem)
    assert torch.equal(run.model.weight, weights)
    assert torch.equal(run.optimizer.multipliers, multipliers)


def test_values_that_are_finite_but_sum_beyond_the_largest_number_are_no_failure():
    x = torch.nn.Parameter(torch.ones(2))
    optimizer = Unconstrained(torch.optim.SGD([x], lr=1e-38), 0, 2)
    optimizer.step(lambda _: (x * 3e38, torch.zeros(2, 0)))
    assert torch.isfinite(x).all()


def shaped(objective, constraints):
    return lambda _: (torch.zeros(objective) + 0.0, torch.zeros(constraints))


@pytest.mark.parametrize(
    ("objective", "constraints"),
    [((5,), (2,)), ((), (3, 2)), ((3,), (2, 2)), ((), ()), ((1,), (2,)), ((), (1,))],
)
def test_shapes_that_would_only_broadcast_are_refused(objective, constraints):
    optimizer = Penalty(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1), 2)
    with pytest.raises(ValueError, match="shape"):
        optimizer.step(shaped(objective, constraints))


@pytest.mark.parametrize("given", [1, 3])
def test_another_number_of_constraints_than_announced_is_refused(given):
    optimizer = ALM(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1), 2)
    with pytest.raises(ValueError, match=r"made for \(2,\)"):
        optimizer.step(shaped((), (given,)))


def test_a_state_of_another_number_of_constraints_is_refused_before_anything_changes():
    run = Run().steps(range(3))
    before = run.trace()
    parameters = [torch.nn.Parameter(torch.zeros(1, 3)), torch.nn.Parameter(torch.zeros(1))]
    small = ALM(torch.optim.Adam(parameters), 1, estimator=MovingAverage())
    with pytest.raises(ValueError, match="the state is one of constraints"):
        run.optimizer.load_state_dict(small.state_dict())
    assert same(run.trace(), before)


def test_a_state_of_another_method_is_refused():
    with pytest.raises(ValueError, match="not one of Penalty"):
        Run(METHODS["Penalty"]).optimizer.load_state_dict(Run().optimizer.state_dict())


@pytest.mark.parametrize("bad", [None, [torch.nn.Parameter(torch.zeros(1))], torch.optim.SGD])
def test_what_is_wrapped_must_be_an_optimizer(bad):
    with pytest.raises(TypeError, match="torch optimizer"):
        ALM(bad, 1)


REPLICATED = {
    "ALM": lambda base, r: ALM(base, 2, r, penalty=2.0, estimator=MovingAverage(0.8)),
    "Penalty": lambda base, r: Penalty(base, 2, r, strength=3.0, estimator=MovingAverage(0.8)),
}


@pytest.mark.parametrize("name", REPLICATED)
@pytest.mark.parametrize(
    "optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop], ids=lambda x: x.__name__
)
def test_replicates_stacked_end_where_each_ends_alone(name, optimizer):
    starts = torch.tensor([[0.0, 1.0], [2.0, -1.0], [0.3, 0.3]], dtype=torch.float64)
    noise = torch.randn(3, 60, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def final(which):
        x = torch.nn.Parameter(starts[which].clone())
        method = REPLICATED[name](optimizer([x], lr=0.05), len(which))
        for step in range(60):
            method.step(
                lambda _, k=step: ((x**2).sum(-1), 1 - x + 0.1 * x.sum(-1, True) + noise[which, k])
            )
        return x.detach(), method.multipliers

    together, multipliers = final([0, 1, 2])
    for r in range(3):
        alone, own = final([r])
        torch.testing.assert_close(together[r], alone[0], rtol=1e-13, atol=1e-13)
        if multipliers is not None:
            torch.testing.assert_close(multipliers[r], own[0], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("loaded", ["optimizer", "base"])
@pytest.mark.parametrize("wrap", [METHODS["ALM"], Moreau, SAM])
def test_what_is_to_be_done_after_loading_is_done_whichever_of_the_two_is_loaded(wrap, loaded):
    run = Run(wrap)
    told = []
    run.optimizer.register_load_state_dict_post_hook(told.append)
    one = getattr(run, loaded)
    one.load_state_dict(one.state_dict())
    assert told == [run.optimizer]
