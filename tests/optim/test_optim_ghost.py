"""The Stochastic Ghost method: what it is unbiased for, and where it leads."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import linprog, minimize

from equipoise.optim.constrained.ghost import StochasticGhost
from equipoise.optim.constrained.ghost_direction import ghost_direction
from equipoise.optim.constrained.ratios import Ratios

OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.3),
    "SGD with momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.8),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.1),
}
SETTINGS = {"lambda_": 0.5, "rho": 0.8, "beta": 10.0, "tau": 1.0}


def parameter(*at: float) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.tensor(at, dtype=torch.float64))


def at_level(method, level):
    """The method as it is when the next level happens to be this one."""
    state = method.state_dict()
    state["method"]["levels"] = [level]
    method.load_state_dict(state)
    return method


def estimate(method, level, x, units, problem):
    """The direction d~ of a step on the given units."""
    at_level(method, level)
    assert method.n_batches == len(units)
    method.step(lambda i: problem(x, units[i]))
    return -x.grad.numpy().copy()


# A distribution with two atoms, of which everything can be enumerated.
ATOMS = torch.tensor([[1.0, -0.5, 0.3], [-2.0, 0.9, 1.0]], dtype=torch.float64)


def linear_problem(x, atom):
    a = ATOMS[atom]
    c = torch.stack([x @ a - 0.2, 0.6 - x[0] * a[1] - x[2], (x**2).sum() * a[2]])
    return ((x - a) ** 2).sum() / 2 + x[0] * x[1], c


def ratio_problem(x, atom):
    a = ATOMS[atom]
    score = torch.sigmoid(x[:2] * a[:2] + a[2])
    numerator, denominator = score * (a[:2].abs() + 0.1), a[:2].abs() + 0.1
    ratios = Ratios.of(
        numerator.detach(),
        denominator,
        numerator,
        denominator,
        lambda r: torch.stack([r[..., 0] - r[..., 1], r[..., 1] - r[..., 0]], -1) + 0.1,
    )
    return ((x - a) ** 2).sum() / 2, ratios


def direction_of(x, atoms, ratios):
    """The direction d of one batch, from formulas."""
    at, a = x.detach().numpy(), ATOMS[list(atoms)].numpy()
    if not ratios:
        g = (at - a).mean(0) + np.array([at[1], at[0], 0])
        c = np.array(
            [
                (a @ at - 0.2).mean(),
                (0.6 - at[0] * a[:, 1] - at[2]).mean(),
                (at @ at * a[:, 2]).mean(),
            ]
        )
        J = np.stack([a.mean(0), [-a[:, 1].mean(), 0, -1], 2 * at * a[:, 2].mean()])
        return ghost_direction(g, c, J, **SETTINGS)
    g = (at - a).mean(0)
    score, weight = 1 / (1 + np.exp(-(at[:2] * a[:, :2] + a[:, 2:]))), np.abs(a[:, :2]) + 0.1
    ratio = (score * weight).sum(0) / weight.sum(0)
    slope = (score * (1 - score) * a[:, :2] * weight).sum(0) / weight.sum(0)
    J = np.array([[slope[0], -slope[1], 0], [-slope[0], slope[1], 0]])
    c = np.array([ratio[0] - ratio[1], ratio[1] - ratio[0]]) + 0.1
    return ghost_direction(g, c, J, **SETTINGS)


@pytest.mark.parametrize("ratios", [False, True], ids=["tensors", "ratios"])
def test_the_mean_over_everything_that_may_be_drawn_is_that_of_the_finest_batch(ratios):
    problem, m = (ratio_problem, 2) if ratios else (linear_problem, 3)
    p0, last = 0.6, 1
    x = parameter(0.5, -0.3, 0.8)
    method = StochasticGhost(torch.optim.SGD([x], lr=0.0), m, p0=p0, max_level=last, **SETTINGS)

    mean = np.zeros(3)
    shares = np.array([p0 * (1 - p0) ** level for level in range(last + 1)])
    for level, share in enumerate(shares / shares.sum()):
        draws = list(itertools.product(range(2), repeat=1 + 2 ** (level + 1)))
        for units in draws:
            mean += share / len(draws) * estimate(method, level, x, units, problem)

    finest = list(itertools.product(range(2), repeat=2 ** (last + 1)))
    expected = sum(direction_of(x, units, ratios) for units in finest) / len(finest)
    np.testing.assert_allclose(mean, expected, atol=1e-8)
    one = sum(direction_of(x, [atom], ratios) for atom in range(2)) / 2
    assert np.abs(one - expected).max() > 1e-2  # what a single unit a step would be off by


def test_a_step_agrees_with_the_paper_by_solvers_in_all_variables():
    # Equations 3, 4 and 23, with scipy's simplex and SLSQP for the sub-problems.
    settings = {"rho": 0.4, "beta": 0.9, "lambda_": 0.7, "tau": 1.3}
    lr, p0 = 0.2, 0.6

    def solve(x, batch):
        a = np.mean(batch, 0)
        g = x - a + np.array([x[1], x[0], 0])
        c = np.array([x @ a - 0.2, 0.9 - x[2] - a[1], x @ x / 2 - 1 + a[2]])
        J = np.stack([a, [0.0, 0, -1], x])
        program = linprog(
            np.r_[1, np.zeros(3)],
            A_ub=np.column_stack([-np.ones(3), J]),
            b_ub=-c,
            bounds=[(0, None)] + [(-settings["rho"], settings["rho"])] * 3,
        )
        weight = settings["lambda_"]
        kappa = (1 - weight) * max(c.max(), 0) + weight * program.fun
        return minimize(
            lambda d: g @ d + settings["tau"] / 2 * d @ d,
            np.zeros(3),
            jac=lambda d: g + settings["tau"] * d,
            bounds=[(-settings["beta"], settings["beta"])] * 3,
            constraints={"type": "ineq", "fun": lambda d: kappa - c - J @ d, "jac": lambda d: -J},
            method="SLSQP",
            options={"ftol": 1e-13},
        ).x

    def problem(unit):
        a = torch.from_numpy(unit)
        c = torch.stack([x @ a - 0.2, 0.9 - x[2] - a[1], x @ x / 2 - 1 + a[2]])
        return ((x - a) ** 2).sum() / 2 + x[0] * x[1], c

    rng = np.random.default_rng(3)
    x = parameter(1.0, -0.5, 0.3)
    method = StochasticGhost(torch.optim.SGD([x], lr=lr), 3, p0=p0, seed=2, **settings)
    levels, at = [], x.detach().numpy().copy()
    for _ in range(12):
        level = int(np.log2(method.n_batches - 1)) - 1
        units = rng.normal(size=(method.n_batches, 3))
        method.step(lambda i, units=units: problem(units[i]))

        even, odd = units[2::2], units[1::2]
        correction = solve(at, units[1:]) - (solve(at, even) + solve(at, odd)) / 2
        at = at + lr * (solve(at, units[:1]) + correction / (p0 * (1 - p0) ** level))
        np.testing.assert_allclose(x.detach().numpy(), at, atol=1e-5)
        levels.append(level)
        at = x.detach().numpy().copy()  # SLSQP's own errors are not to add up
    assert {0, 1} <= set(levels)


def levels_of(seeds, **settings):
    drawn = []
    for seed in range(seeds):
        method = StochasticGhost(
            torch.optim.SGD([parameter(0.0)], lr=0.1), 1, seed=seed, **settings
        )
        drawn += method.state_dict()["method"]["levels"]
    return np.array(drawn), method


@pytest.mark.parametrize(
    "settings", [{"p0": 0.6}, {"p0": 0.55}, {"p0": 0.4, "max_level": 3}, {"max_level": 0}], ids=str
)
def test_levels_are_geometric_from_0_on(settings):
    # Drawn from 1 on, as numpy's geometric distribution does, level 0 would be dropped and all
    # others be weighted wrongly; cut off without renormalising, the weights would be biased.
    levels, method = levels_of(40, **settings)
    probabilities = np.array([method.probability(level) for level in range(200)])
    assert probabilities.sum() == pytest.approx(1)
    assert method.probability(-1) == 0
    assert probabilities[0] == probabilities.max() > 0
    for level, p in enumerate(probabilities[:6]):
        share = (levels == level).mean()
        assert share == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / len(levels)) + 1e-15)
    if "max_level" in settings:
        assert levels.max() == settings["max_level"]
        assert method.probability(settings["max_level"] + 1) == 0


@pytest.mark.parametrize(("p0", "units"), [(0.6, 7), (0.55, 12), (0.75, 4)])
def test_the_expected_number_of_units_is_finite(p0, units):
    method = StochasticGhost(torch.optim.SGD([parameter(0.0)], lr=0.1), 1, p0=p0)
    expected = sum(method.probability(level) * (1 + 2 ** (level + 1)) for level in range(400))
    assert expected == pytest.approx(units)


@pytest.mark.parametrize("p0", [0.4, 0.5, 1.0, float("nan")])
def test_levels_that_take_forever_are_refused(p0):
    with pytest.raises(ValueError, match="expected number of units in a step is infinite"):
        StochasticGhost(torch.optim.SGD([parameter(0.0)], lr=0.1), 1, p0=p0)


def test_a_step_evaluates_as_many_units_as_it_said_each_once():
    x = parameter(1.0, 2.0)
    method = StochasticGhost(torch.optim.SGD([x], lr=0.01), 1, seed=4)
    seen = set()
    for _ in range(30):
        asked, announced = [], method.n_batches
        method.step(lambda i, asked=asked: (asked.append(i), ((x**2).sum(), x[:1] - 1))[1])
        assert sorted(asked) == list(range(announced))
        seen.add(announced)
    assert {3, 5} <= seen


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_convex_problem_ends_at_its_solution(name):
    # The closest point to (2, 1, -1) with x_1 <= 1, x_1 + x_2 <= 1.5, x_3 <= 4 and x_1 >= -9.
    a = torch.tensor([2.0, 1.0, -1.0], dtype=torch.float64)
    x = parameter(3.0, 0.0, 2.0)

    def problem(_):
        c = torch.stack([x[0] - 1, x[0] + x[1] - 1.5, x[2] - 4, -9 - x[0]])
        return ((x - a) ** 2).sum() / 2, c

    method = StochasticGhost(OPTIMIZERS[name]([x]), 4, max_level=0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(method, 160)
    for _ in range(160):
        method.step(problem)
        schedule.step()
    np.testing.assert_allclose(x.detach().numpy(), [1, 0.5, -1], atol=5e-3)


def test_a_noisy_problem_is_solved_in_the_mean():
    # min |x|^2 with E[1 + e - x] <= 0. The direction of a single unit is 0 in the mean at 0.87
    # already, since the positive part of the noisy constraint is biased upwards.
    random = torch.Generator().manual_seed(0)
    x = parameter(0.0)
    method = StochasticGhost(torch.optim.SGD([x], lr=0.1), 1, max_level=4)
    schedule = torch.optim.lr_scheduler.LambdaLR(method, lambda k: 1 / (1 + 0.02 * k))

    def problem(_):
        noise = torch.randn((1,), generator=random, dtype=torch.float64)
        return (x**2).sum(), 1 + 0.5 * noise - x

    points = []
    for _ in range(300):
        method.step(problem)
        schedule.step()
        points.append(x.item())
    assert np.mean(points[150:]) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("m", [0, 1, 2, 3, 7])
def test_any_number_of_constraints(m):
    x = parameter(0.3, -0.2, 0.9)
    rows = torch.randn(m, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    method = StochasticGhost(torch.optim.SGD([x], lr=1.0), m, max_level=0, **SETTINGS)
    at = x.detach().numpy().copy()
    method.step(lambda _: ((x**2).sum(), rows @ x + 0.4))
    d = ghost_direction(2 * at, rows.numpy() @ at + 0.4, rows.numpy(), **SETTINGS)
    np.testing.assert_allclose(x.detach().numpy(), at + d, rtol=1e-7)


def test_constraints_that_hold_leave_the_gradient_step_cut_off_at_the_bound():
    x = parameter(30.0, 1.0)
    method = StochasticGhost(torch.optim.SGD([x], lr=0.5), 2, tau=2.0, beta=4.0)
    method.step(lambda _: ((x**2).sum() / 2, x * 0 - 1e3))
    np.testing.assert_allclose(x.detach().numpy(), [30 - 0.5 * 4, 1 - 0.5 * 0.5])


class LooksAtItsGradient(torch.autograd.Function):
    """The identity, with a backward pass that needs to know the gradient's value."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        assert float(gradient.abs().sum()) >= 0
        return gradient


@pytest.mark.parametrize("passing", [lambda x: x, LooksAtItsGradient.apply])
def test_all_gradients_are_those_of_one_backward_pass_for_each(passing):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    net.double()
    data = torch.randn(6, 5, 3, dtype=torch.float64)

    def problem(i):
        out = passing(net(data[i])[:, 0])
        return (out**2).mean(), torch.stack([out[0] - 0.1, out[1] * out[2], out.max() - 0.2])

    parameters = list(net.parameters())
    method = StochasticGhost(torch.optim.SGD(parameters, lr=0.0), 3, **SETTINGS)
    at_level(method, 1).step(problem)

    def solve(batch):
        means = [torch.stack(x).mean(0) for x in zip(*map(problem, batch), strict=True)]
        rows = [
            torch.cat([g.flatten() for g in torch.autograd.grad(y, parameters, retain_graph=True)])
            for y in (means[0], *means[1])
        ]
        J = torch.stack(rows[1:]).numpy()
        return ghost_direction(rows[0].numpy(), means[1].detach().numpy(), J, **SETTINGS)

    correction = solve([1, 2, 3, 4]) - (solve([2, 4]) + solve([1, 3])) / 2
    expected = solve([0]) + correction / method.probability(1)
    found = -torch.cat([p.grad.flatten() for p in parameters]).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_named_constraints_are_the_same_as_one_vector():
    def end(sizes, constraints):
        x = parameter(1.0, 2.0, 3.0)
        method = StochasticGhost(torch.optim.SGD([x], lr=0.1), sizes, seed=3)
        for _ in range(5):
            method.step(lambda _: ((x**2).sum(), constraints(x)))
        return x.detach()

    at = torch.tensor([1.0, 2.0, 2.0], dtype=torch.float64)
    named = end({"first": 1, "rest": 2}, lambda x: {"first": x[0] - 1, "rest": x[1:] - 2})
    assert torch.equal(named, end(3, lambda x: x - at))


def test_what_nothing_depends_on_stays_where_it_is():
    x, frozen, unused = parameter(1.0), parameter(2.0), parameter(3.0)
    frozen.requires_grad_(False)
    method = StochasticGhost(torch.optim.SGD([x, frozen, unused], lr=0.1), 2)
    constant = torch.full((2,), 0.5, dtype=torch.float64)
    method.step(lambda _: ((x * frozen).sum(), constant))
    assert (frozen.item(), unused.item()) == (2.0, 3.0)
    assert x.item() == pytest.approx(1 - 0.1 * 2)
    method.step(lambda _: (constant.sum(), constant))
    assert x.item() == pytest.approx(1 - 0.1 * 2)


def test_a_model_in_half_precision_is_trained():
    torch.manual_seed(0)
    net = torch.nn.Linear(4, 1, dtype=torch.bfloat16)
    data = torch.randn(40, 4, dtype=torch.bfloat16)
    method = StochasticGhost(torch.optim.SGD(net.parameters(), lr=0.05), 1, max_level=1)

    def problem(_):
        return ((net(data)[:, 0] - 1) ** 2).mean(), net.weight[0, :1] - 0.01

    loss = [method.step(problem) for _ in range(30)]
    assert loss[-1] < loss[0]
    assert net.weight[0, 0] < 0.02
