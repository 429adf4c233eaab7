"""The Stochastic Ghost method as a torch optimizer: state, copies, failures, replicates."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch

from equipoise.optim.constrained.ghost import StochasticGhost
from equipoise.optim.constrained.ratios import Ratios


def parameter(*at: float) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.tensor(at, dtype=torch.float64))


class Run:
    """A small problem with noisy ratios, whose units are a function of step and number."""

    def __init__(self, optimizer=torch.optim.Adam):
        torch.manual_seed(1)
        self.model = torch.nn.Linear(3, 1, dtype=torch.float64)
        self.base = optimizer(self.model.parameters(), lr=0.02)
        self.optimizer = StochasticGhost(self.base, 2, seed=5)

    def closure(self, step, number):
        random = torch.Generator().manual_seed(1000 * step + number)
        x = torch.randn(8, 3, generator=random, dtype=torch.float64)
        group = torch.nn.functional.one_hot(torch.arange(8) % 2, num_classes=2).double()
        score = torch.sigmoid(self.model(x)[:, 0])
        n, d = (group * score[:, None]).mean(0), group.mean(0)
        ratios = Ratios.of(n, d, n, d, lambda r: torch.stack([r[0] - r[1], r[1] - r[0]]) - 0.05)
        return torch.nn.functional.binary_cross_entropy(score, (x[:, 0] > 0).double()), ratios

    def steps(self, numbers):
        for step in numbers:
            self.optimizer.step(lambda i, k=step: self.closure(k, i))
        return self

    def trace(self):
        own = self.optimizer.state_dict()["method"]
        return [
            *(p.detach().clone() for p in self.model.parameters()),
            *(torch.as_tensor(x).clone() for s in self.base.state.values() for x in s.values()),
            torch.tensor(own["levels"]),
            own["random"],
        ]


def same(first, second):
    return len(first) == len(second) and all(map(torch.equal, first, second))


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam], ids=lambda x: x.__name__)
def test_a_run_stopped_and_resumed_has_the_bits_of_an_undisturbed_one(optimizer):
    straight = Run(optimizer).steps(range(9))
    stopped = Run(optimizer).steps(range(5))
    file = io.BytesIO()
    torch.save([stopped.model.state_dict(), stopped.optimizer.state_dict()], file)
    stopped.steps(range(50, 53))

    file.seek(0)
    weights, state = torch.load(file, weights_only=True)
    resumed = Run(optimizer)
    resumed.model.load_state_dict(weights)
    resumed.optimizer.load_state_dict(state)
    resumed.steps(range(5, 9))
    assert same(straight.trace(), resumed.trace())


def test_levels_go_on_after_the_last_that_were_drawn_ahead():
    runs = [Run(torch.optim.SGD), Run(torch.optim.SGD)]
    for run in runs:
        state = run.optimizer.state_dict()
        state["method"]["levels"] = state["method"]["levels"][:2]
        run.optimizer.load_state_dict(state)
        run.steps(range(4))
    ahead = [run.optimizer.state_dict()["method"]["levels"] for run in runs]
    assert ahead[0] == ahead[1] != Run().optimizer.state_dict()["method"]["levels"]


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"]
)
def test_a_copy_goes_on_like_the_original_and_apart_from_it(copied):
    run, other = Run().steps(range(3)), Run()
    other.model, other.optimizer = copied((run.model, run.optimizer))
    other.base = other.optimizer.base
    at_copy = run.trace()
    other.steps(range(3, 6))
    assert same(run.trace(), at_copy)
    assert same(run.steps(range(3, 6)).trace(), other.trace())


def test_a_seed_decides_the_levels_and_the_global_generator_has_no_part():
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    first, again, other = (
        StochasticGhost(torch.optim.SGD([parameter(0.0)], lr=0.1), 1, seed=seed).state_dict()
        for seed in (7, 7, 8)
    )
    assert torch.equal(torch.random.get_rng_state(), before)
    assert first["method"]["levels"] == again["method"]["levels"] != other["method"]["levels"]


@pytest.mark.parametrize("unit", [0, 1, 2])
@pytest.mark.parametrize("part", ["objective", "numerator", "gradient"])
def test_a_failed_step_leaves_no_trace_and_can_be_repeated(unit, part):
    run = Run().steps(range(3))
    before, announced = run.trace(), run.optimizer.n_batches

    def spoilt(i):
        objective, ratios = run.closure(3, i)
        if i == unit and part == "objective":
            objective = objective * torch.nan
        elif i == unit and part == "numerator":
            ratios.statistic = ratios.statistic + torch.nan
        elif i == unit:
            objective = objective + 0 * (run.model.weight * 0).sum().sqrt()
        return objective, ratios

    with pytest.raises(FloatingPointError, match=part):
        run.optimizer.step(spoilt)
    assert same(run.trace(), before)
    assert run.optimizer.n_batches == announced
    assert same(run.steps([3]).trace(), Run().steps(range(4)).trace())


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam], ids=lambda x: x.__name__)
@pytest.mark.parametrize("ratios", [False, True], ids=["tensors", "ratios"])
def test_replicates_stacked_end_where_each_ends_alone(optimizer, ratios):
    starts = torch.tensor([[0.0, 1.0], [2.0, -1.0], [0.3, 0.3]], dtype=torch.float64)

    def final(which):
        x = torch.nn.Parameter(starts[which].clone())
        scale = torch.nn.Parameter(torch.ones(len(which), 1, 2, dtype=torch.float64))
        method = StochasticGhost(optimizer([x, scale], lr=0.05), 2, len(which), seed=3)

        def problem(step, i):
            random = torch.Generator().manual_seed(1000 * step + i)
            noise = torch.randn(3, 2, generator=random, dtype=torch.float64)[which]
            values = 1 - x * scale[:, 0] + 0.1 * x.sum(-1, True) + 0.3 * noise
            if ratios:
                values = torch.sigmoid(values)
                weight = 1 + noise**2
                top = values * weight
                constraints = Ratios.of(top, weight, top, weight, lambda r: r - 0.4)
            else:
                constraints = values
            return (x**2).sum(-1) + (scale**2).sum((1, 2)) + (x * noise).sum(-1), constraints

        for step in range(12):
            method.step(lambda i, k=step: problem(k, i))
        return x.detach(), scale.detach()

    together = final([0, 1, 2])
    for r in range(3):
        for all_of_it, own in zip(together, final([r]), strict=True):
            torch.testing.assert_close(all_of_it[r], own[0], rtol=1e-11, atol=1e-11)


def test_a_parameter_without_an_axis_of_replicates_is_refused():
    x, shared = torch.nn.Parameter(torch.ones(3, 2)), torch.nn.Parameter(torch.ones(2))
    method = StochasticGhost(torch.optim.SGD([x, shared], lr=0.1), 1, 3)
    with pytest.raises(ValueError, match=r"first axis of every parameter.*\(2,\)"):
        method.step(lambda _: ((x * shared).sum(-1), x[:, :1]))


@pytest.mark.parametrize(
    ("objective", "constraints"), [((1,), (2,)), ((), (3,)), ((3,), (3, 2)), ((), (1, 2))]
)
def test_shapes_that_do_not_go_together_are_refused(objective, constraints):
    x = parameter(1.0)
    method = StochasticGhost(torch.optim.SGD([x], lr=0.1), 2)
    with pytest.raises(ValueError, match="shape"):
        method.step(lambda _: (x.sum().expand(objective), x.sum().expand(constraints)))


def test_a_state_of_another_method_is_refused():
    state = Run().optimizer.state_dict()
    state["method"] = {}
    with pytest.raises(ValueError, match="not one of StochasticGhost"):
        Run().optimizer.load_state_dict(state)


@pytest.mark.parametrize("name", ["rho", "beta", "lambda_", "tau"])
@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_parameters_out_of_their_range_are_refused(name, bad):
    with pytest.raises(ValueError, match=name):
        StochasticGhost(torch.optim.SGD([parameter(0.0)], lr=0.1), 1, **{name: bad})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rho": 2.0, "beta": 1.0}, "rho=2.0 and beta=1.0"),
        ({"lambda_": 1.0}, "lambda_"),
        ({"max_level": -1}, "max_level"),
        ({"max_level": 1.5}, "max_level"),
        ({"max_level": 3, "p0": 0.0}, "p0"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        StochasticGhost(torch.optim.SGD([parameter(0.0)], lr=0.1), 1, **settings)


def test_equations_are_refused_with_the_cure():
    with pytest.raises(ValueError, match=r"two inequalities c <= 0 and -c <= 0"):
        StochasticGhost(
            torch.optim.SGD([parameter(0.0)], lr=0.1), {"balance": 1}, equalities=["balance"]
        )


def test_a_step_needs_a_closure():
    method = StochasticGhost(torch.optim.SGD([parameter(0.0)], lr=0.1), 1)
    with pytest.raises(ValueError, match="give step a closure"):
        method.step()
    with pytest.raises(ValueError, match="give step a closure"):
        method.surrogate(torch.zeros(()), torch.zeros(1))
    with pytest.raises(NotImplementedError, match="sub-problem"):
        method.lagrangian(torch.zeros(()), torch.zeros(1))
