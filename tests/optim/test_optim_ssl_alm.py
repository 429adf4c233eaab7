"""The smoothed and linearised augmented Lagrangian: its update, its two batches, its slacks."""

from __future__ import annotations

import copy
import io
import pickle
from itertools import combinations, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.optim.constrained import Batch, InfeasibleWarning, Ratios
from equipoise.optim.constrained.moreau import Moreau
from equipoise.optim.constrained.ssl_alm import SSLALM

OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.05),
    "SGD with momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.7),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.05),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.05),
}

values = st.floats(-3, 3)


def tensor(*numbers) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def parameter(*at: float) -> torch.nn.Parameter:
    return torch.nn.Parameter(tensor(*at))


def at_state(method, multipliers, slacks):
    """The method as if it had come to these multipliers and slacks, with its centre there."""
    method.multipliers.copy_(tensor(*multipliers))
    state = method.state_dict()
    state["method"] = {"slack": tensor(*slacks), "slack_centre": tensor(*slacks)}
    method.load_state_dict(state)
    return method


def run(optimizer, closure, steps):
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.step(closure)
        schedule.step()


class Published:
    """Algorithm 2 of arXiv 2504.07607 in numpy, of x stacked upon the slacks s >= 0.

    f = |x|^2 + a noise's product with x; c = 1 - x_1 (<= 0) and x_1 + x_2 - 3 (= 0), with noises.
    """

    def __init__(self, x, tau, eta, rho, mu, beta, bound):
        self.x, self.s, self.y = np.array(x), None, np.zeros(2)
        self.z, self.tau, self.eta, self.rho, self.mu = self.x.copy(), tau, eta, rho, mu
        self.beta, self.bound, self.resets = beta, bound, 0

    def step(self, noise):
        first, second = noise
        value = np.array([1 - self.x[0], self.x.sum() - 3]) + second[:2]
        if self.s is None:
            self.s = np.array([max(-value[0], 0), 0])
            self.z_s = self.s.copy()
        residual = value + self.s
        self.y = self.y + self.eta * residual
        if np.linalg.norm(self.y) >= self.bound:
            self.y, self.resets = np.zeros(2), self.resets + 1
        weight = self.y + self.rho * residual
        jacobian = np.array([[-1 + first[2], 0], [1, 1 + first[3]]])
        gradient = 2 * self.x + first[4:] + jacobian.T @ weight + self.mu * (self.x - self.z)
        pull = weight + self.mu * (self.s - self.z_s)
        self.z = self.z + self.beta * (self.x - self.z)
        self.z_s = self.z_s + self.beta * (self.s - self.z_s)
        self.x = self.x - self.tau * gradient
        self.s = np.maximum(self.s - self.tau * pull, 0) * [1, 0]


def noisy_problem(x, noise):
    """The same in torch; noises move values of c, its slopes at unmoved values, and f's slope."""

    def closure(number):
        e = torch.from_numpy(noise[number])
        c = torch.stack([1 - x[0], x.sum() - 3]) + e[:2]
        tilt = torch.stack([e[2] * x[0], e[3] * x[1]])
        return (x**2).sum() + (e[4:] * x).sum(), {
            "room": (c + tilt - tilt.detach())[:1],
            "sum": (c + tilt - tilt.detach())[1:],
        }

    return closure


@pytest.mark.parametrize("bound", [50.0, 0.6])
@pytest.mark.parametrize(("smoothing", "averaging"), [(2.0, 0.5), (0.0, 1.0)])
@pytest.mark.filterwarnings("ignore::equipoise.optim.constrained.InfeasibleWarning")
def test_update_rule_agrees_with_numpy(smoothing, averaging, bound):
    x = parameter(0.3, -0.2)
    method = SSLALM(
        torch.optim.SGD([x], lr=0.05),
        {"room": 1, "sum": 1},
        penalty=3.0,
        multiplier_rate=0.2,
        smoothing=smoothing,
        averaging=averaging,
        multiplier_bound=bound,
        equalities=["sum"],
    )
    ours = Published([0.3, -0.2], 0.05, 0.2, 3.0, smoothing, averaging, bound)
    for noise in np.random.default_rng(0).normal(0, 0.3, (60, 2, 6)):
        method.step(noisy_problem(x, noise))
        ours.step(noise)
        np.testing.assert_allclose(x.detach().numpy(), ours.x, rtol=1e-10)
        np.testing.assert_allclose(method.multipliers.numpy(), ours.y, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(method.slacks.numpy(), ours.s, rtol=1e-10, atol=1e-14)
    assert (ours.resets > 0) == (bound < 1)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(values, min_size=3, max_size=3),
    st.lists(values, min_size=2, max_size=2),
    st.lists(st.floats(0, 2), min_size=2, max_size=2),
    st.floats(0, 5),
    st.floats(0.01, 1),
)
def test_gradient_is_that_of_the_augmented_lagrangian_after_the_multipliers_step(
    at, multipliers, slacks, penalty, rate
):
    def problem(x):
        return (x**4).sum() + x[0] * x[1], torch.stack([x[0] * x[2], x.sum() ** 2 - 1])

    x, same = parameter(*at), parameter(*at)
    base = torch.optim.SGD([x], lr=0.1)
    method = SSLALM(base, 2, penalty=penalty, multiplier_rate=rate, multiplier_bound=1e9)
    at_state(method, multipliers, slacks).lagrangian(*problem(x)).backward()

    objective, c = problem(same)
    residual = c + tensor(*slacks)
    y = tensor(*multipliers) + rate * residual.detach()
    (objective + (y * residual).sum() + penalty / 2 * (residual**2).sum()).backward()
    torch.testing.assert_close(x.grad, same.grad, rtol=1e-11, atol=1e-11)


def test_over_all_pairs_of_batches_the_direction_is_unbiased_where_one_batch_adds_its_variance():
    rows = tensor(0.3, -1.2, 2.0, 0.7)
    batches = [list(b) for b in combinations(range(4), 2)]
    y, s, penalty, rate = 0.4, 0.25, 1.5, 0.3

    def constraint(x, batch):
        return (rows[batch] * x + rows[batch].square() * x.square()).mean(0, keepdim=True) - 0.2

    def direction(first, second, **estimator):
        x = parameter(0.8)
        base = torch.optim.SGD([x], lr=1.0)
        method = SSLALM(base, 1, penalty=penalty, multiplier_rate=rate, smoothing=0, **estimator)
        at_state(method, [y], [s])
        drawn = [batches[first], batches[second]]
        method.step(lambda i: ((rows[drawn[i]] * x.exp()).mean(), constraint(x, drawn[i])))
        return 0.8 - x.item()

    # y+ follows the constraint's value too, so that the mean has the penalty rho + eta.
    x = parameter(0.8)
    residual = constraint(x, [0, 1, 2, 3]) + s
    merit = (rows * x.exp()).mean() + (y * residual + (penalty + rate) / 2 * residual**2).sum()
    (exact,) = torch.autograd.grad(merit, x)
    each = torch.cat([constraint(x, b) for b in batches])
    (bias,) = torch.autograd.grad((penalty + rate) / 2 * each.var(correction=0), x)

    n = range(len(batches))
    two = np.mean([direction(i, j) for i, j in product(n, n)])
    one = np.mean([direction(i, i, estimator=Batch()) for i in n])
    assert two == pytest.approx(exact.item(), rel=1e-12)
    assert one == pytest.approx((exact + bias).item(), rel=1e-12)
    assert abs(bias.item()) > 0.1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_convex_problem_ends_at_its_solution_and_its_multipliers(name):
    # The closest point to (2, 1, -1) with x_1 <= 1, x_1 + x_2 = 1.5, x_3 <= 4 and x_1 >= -9.
    # Stationarity: x - a + y_1 e_1 + y_2 (e_1 + e_2) = 0 at (1, 0.5, -1) gives y = (0.5, 0.5).
    a, x = tensor(2.0, 1.0, -1.0), parameter(0.0, 0.0, 0.0)

    def problem(_):
        c = torch.stack([x[0] - 1, x[2] - 4, -9 - x[0]])
        return ((x - a) ** 2).sum() / 2, {"bounds": c, "sum": x[:2].sum() - 1.5}

    method = SSLALM(
        OPTIMIZERS[name]([x]),
        {"bounds": 3, "sum": 1},
        penalty=2.0,
        multiplier_rate=0.2,
        equalities=["sum"],
    )
    run(method, problem, 800)
    np.testing.assert_allclose(x.detach().numpy(), [1, 0.5, -1], atol=5e-3)
    np.testing.assert_allclose(method.named_multipliers["bounds"], [0.5, 0, 0], atol=3e-2)
    np.testing.assert_allclose(method.named_multipliers["sum"], [0.5], atol=3e-2)
    np.testing.assert_allclose(method.slacks, [0, 5, 10, 0], atol=2e-2)


def test_an_equation_has_a_multiplier_of_either_sign():
    # min x^2 with x = -1: 2 x + y = 0.
    x = parameter(0.5)
    method = SSLALM(torch.optim.SGD([x], lr=0.05), {"c": 1}, multiplier_rate=0.1, equalities=["c"])
    run(method, lambda _: ((x**2).sum(), {"c": -1 - x}), 400)
    assert x.item() == pytest.approx(-1, abs=1e-3)
    assert method.multipliers.item() == pytest.approx(-2, abs=1e-2)


def test_a_noisy_constraint_is_met_in_the_mean():
    random = torch.Generator().manual_seed(0)
    x = parameter(0.0)
    method = SSLALM(torch.optim.SGD([x], lr=0.02), 1, multiplier_rate=0.05)

    def problem(_):
        noise = torch.randn(1, generator=random, dtype=torch.float64)
        return (x**2).sum(), 1 - x + noise

    run(method, problem, 1500)
    assert x.item() == pytest.approx(1, abs=0.1)


def test_a_constraint_that_holds_from_the_start_pulls_at_nothing():
    x, plain = parameter(2.0, -1.0), parameter(2.0, -1.0)
    method = SSLALM(torch.optim.SGD([x], lr=0.1), 1, smoothing=0)
    base = torch.optim.SGD([plain], lr=0.1)
    for _ in range(10):
        method.step(lambda _: ((x**2).sum(), x[:1] * 0 - 100))
        plain.grad = 2 * plain.detach()
        base.step()
    assert torch.equal(x, plain)
    assert method.multipliers.item() == 0


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=20))
def test_slacks_are_never_negative_and_equations_have_none(constraints):
    x = parameter(0.0)
    method = SSLALM(
        torch.optim.SGD([x], lr=0.5), {"a": 1, "b": 1}, equalities=["b"], multiplier_bound=1e9
    )
    for c in constraints:
        method.step(lambda _, c=c: (x.sum(), {"a": x * 0 + c, "b": x * 0 + c}))
        assert method.slacks[0] >= 0
        assert method.slacks[1] == 0


def test_multipliers_of_a_norm_at_the_bound_start_again_from_zero_and_it_is_said_once():
    x = parameter(0.0)
    method = SSLALM(
        torch.optim.SGD([x], lr=0.1),
        2,
        penalty=0.0,
        smoothing=0,
        multiplier_rate=1.0,
        multiplier_bound=5.0,
    )

    def infeasible(_):
        return x.sum() * 0, torch.stack([3 + x[0], 4 + x[0]])

    with pytest.warns(InfeasibleWarning, match="raise multiplier_bound"):
        method.step(infeasible)  # (3, 4) has the norm 5
    assert method.multipliers.tolist() == [0.0, 0.0]
    assert x.item() == 0  # the step was taken with the multipliers that had been set back
    method.step(infeasible)


def test_only_the_replicate_whose_multipliers_are_too_large_is_set_back():
    x = torch.nn.Parameter(torch.zeros(2, 1, dtype=torch.float64))
    base = torch.optim.SGD([x], lr=0.0)
    method = SSLALM(base, 1, 2, multiplier_rate=1.0, multiplier_bound=2.0)
    with pytest.warns(InfeasibleWarning):
        method.step(lambda _: (x.sum(-1), x + torch.tensor([[1.0], [3.0]])))
    assert method.multipliers.tolist() == [[1.0], [0.0]]


def test_the_value_is_the_second_batchs_and_the_gradient_the_firsts():
    x = parameter(1.0)
    method = SSLALM(torch.optim.SGD([x], lr=1.0), 1, penalty=1.0, multiplier_rate=0.5, smoothing=0)
    assert method.n_batches == 2
    # c_1 = 7 x has slope 7; c_2 = 2 x has the value 2, so that the weight is 0.5 * 2 + 2.
    method.step(lambda i: (x.sum() * 0, (7.0, 2.0)[i] * x))
    assert x.item() == 1 - 7 * 3
    assert method.multipliers.item() == 1.0


def test_ratios_have_the_value_of_the_second_batch():
    x = parameter(0.5)
    base = torch.optim.SGD([x], lr=1.0)
    method = SSLALM(base, 1, penalty=1.0, multiplier_rate=1.0, smoothing=0)

    def closure(i):
        top, bottom = ((4.0, 1.0), (3.0, 2.0))[i]
        n, d = top * x, tensor(bottom)
        return x.sum() * 0, Ratios.of(n, d, n, d, lambda r: r)

    method.step(closure)
    # r = 3 * 0.5 / 2, and d(N / D) = 4 / 2 with the second batch's denominator.
    assert method.multipliers.item() == 0.75
    assert x.item() == 0.5 - 2 * (0.75 + 0.75)


def test_multipliers_move_before_the_step_that_they_direct():
    x = parameter(0.0)
    method = SSLALM(torch.optim.SGD([x], lr=1.0), 1, penalty=1.0, multiplier_rate=0.5, smoothing=0)
    method.step(lambda _: (x.sum() * 0, 2 - x))
    assert x.item() == 3.0  # pulled by 0.5 * 2 + 1 * 2


def test_replicates_stacked_end_where_each_ends_alone():
    starts = torch.tensor([[0.0, 1.0], [2.0, -1.0], [0.3, 0.3]], dtype=torch.float64)
    random = torch.Generator().manual_seed(0)
    noise = torch.randn(3, 40, 2, 2, generator=random, dtype=torch.float64)

    def final(which):
        x = torch.nn.Parameter(starts[which].clone())
        base = torch.optim.Adam([x], lr=0.05)
        method = SSLALM(base, 2, len(which), multiplier_rate=0.3)
        for k in range(40):
            method.step(
                lambda i, k=k: ((x**2).sum(-1), 1 - x + x.sum(-1, True) + noise[which, k, i])
            )
        return x.detach(), method.multipliers, method.slacks

    together = final([0, 1, 2])
    for r in range(3):
        for stacked, alone in zip(together, final([r]), strict=True):
            torch.testing.assert_close(stacked[r], alone[0], rtol=1e-13, atol=1e-13)


class Run:
    """A small network with two independent batches a step, as functions of the step's number."""

    def __init__(self, optimizer=torch.optim.Adam, lr=0.05):
        torch.manual_seed(1)
        self.model = torch.nn.Linear(3, 1, dtype=torch.float64)
        self.base = optimizer(self.model.parameters(), lr=lr)
        self.optimizer = SSLALM(
            self.base, {"low": 1, "zero": 1}, multiplier_rate=0.2, equalities=["zero"]
        )

    def closure(self, step, number):
        random = torch.Generator().manual_seed(2 * step + number)
        x = torch.randn(8, 3, generator=random, dtype=torch.float64)
        score = self.model(x)[:, 0]
        c = {"low": score[:4].mean() - score[4:].mean() - 0.1, "zero": score[::2].mean()}
        return (score - x[:, 0]).square().mean(), c

    def steps(self, numbers):
        for k in numbers:
            self.optimizer.step(lambda i, k=k: self.closure(k, i))
        return self

    def trace(self):
        state = self.base.state
        slacks = self.optimizer.slacks
        return [
            *(p.detach().clone() for p in self.model.parameters()),
            *(torch.as_tensor(x).clone() for p in state for x in state[p].values()),
            *(z.clone() for z in self.optimizer.base.centres),
            self.optimizer.multipliers.clone(),
            *([] if slacks is None else [slacks.clone()]),
        ]


def same(first, second):
    return len(first) == len(second) and all(map(torch.equal, first, second))


@pytest.mark.parametrize("before", [0, 5])
@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop])
def test_a_run_stopped_and_resumed_has_the_bits_of_an_undisturbed_one(optimizer, before):
    straight, stopped = (Run(optimizer).steps(range(n)) for n in (9, before))
    file = io.BytesIO()
    torch.save((stopped.model.state_dict(), stopped.optimizer.state_dict()), file)
    stopped.steps(range(50, 55))  # what happens after the snapshot must not change it
    file.seek(0)
    weights, state = torch.load(file, weights_only=True)
    resumed = Run(optimizer)
    resumed.model.load_state_dict(weights)
    resumed.optimizer.load_state_dict(state)
    assert same(straight.trace(), resumed.steps(range(before, 9)).trace())


def test_a_state_is_a_snapshot():
    run = Run().steps(range(3))
    state = run.optimizer.state_dict()
    other = Run()
    other.optimizer.load_state_dict(state)
    kept = copy.deepcopy(state)
    run.steps(range(3, 6))
    other.steps(range(3, 6))
    for name in ("slack", "slack_centre"):
        assert torch.equal(state["method"][name], kept["method"][name])
    assert same(state["base"]["centres"], kept["base"]["centres"])
    assert torch.equal(state["multipliers"]["value"], kept["multipliers"]["value"])


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"]
)
def test_a_copy_goes_on_like_the_original_and_apart_from_it(copied):
    run, other = Run().steps(range(4)), Run()
    torch.optim.lr_scheduler.StepLR(run.optimizer, 1)
    other.model, other.optimizer = copied((run.model, run.optimizer))
    other.base = other.optimizer.base.base
    at_copy = run.trace()
    assert same(other.trace(), at_copy)
    other.steps(range(4, 8))
    assert same(run.trace(), at_copy)
    assert same(run.steps(range(4, 8)).trace(), other.trace())


def reload_by_method(run):
    run.optimizer.load_state_dict(run.optimizer.state_dict())


def reload_by_base(run):
    run.base.load_state_dict(copy.deepcopy(run.base.state_dict()))


@pytest.mark.parametrize("reload", [None, reload_by_method, reload_by_base])
@pytest.mark.parametrize("scheduled", ["method", "base", "base before it was wrapped"])
def test_a_scheduler_acts_on_step_and_slacks_wherever_it_was_given(scheduled, reload):
    run = Run(torch.optim.SGD, lr=0.1)
    watched = run.optimizer if scheduled == "method" else run.base
    schedule = torch.optim.lr_scheduler.StepLR(watched, 1, 0.0)
    if scheduled == "base before it was wrapped":
        run.optimizer = SSLALM(run.base, {"low": 1, "zero": 1}, equalities=["zero"])
    run.steps([0, 1])
    if reload is not None:
        reload(run)
    schedule.step()
    before = [*(p.detach().clone() for p in run.model.parameters()), run.optimizer.slacks.clone()]
    run.steps([2])
    after = [*(p.detach() for p in run.model.parameters()), run.optimizer.slacks]
    assert same(before, after)
    assert run.optimizer.param_groups is run.base.param_groups
    assert run.optimizer.base.param_groups is run.base.param_groups


def test_the_rate_of_the_multipliers_can_be_scheduled():
    x = parameter(0.0)
    method = SSLALM(torch.optim.SGD([x], lr=0.0), 1, multiplier_rate=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(method.dual, 1, 0.5)
    seen = []
    for _ in range(3):
        method.step(lambda _: (x.sum(), x + 1))
        seen.append(method.multipliers.item())
        schedule.step()
    assert seen == [1.0, 1.5, 1.75]


@pytest.mark.parametrize("via", ["method", "base"])
def test_added_parameters_are_trained_and_smoothed(via):
    run = Run(torch.optim.SGD, lr=0.1)
    late = parameter(1.0)
    (run.optimizer if via == "method" else run.base).add_param_group({"params": [late], "lr": 0.5})
    for _ in range(2):
        run.optimizer.step(lambda _: (late.sum(), {"low": -tensor(9.0), "zero": tensor(0.0)}))
    assert (late.item(), run.optimizer.base.centres[-1].item()) == (0.5, 0.75)


@pytest.mark.parametrize("batch", [0, 1])
@pytest.mark.parametrize("part", ["objective", "constraints"])
def test_a_value_that_is_not_finite_leaves_no_trace(part, batch):
    run = Run().steps(range(3))
    before = run.trace()

    def closure(number):
        objective, c = run.closure(3, number)
        if number == batch:
            objective = objective * (torch.inf if part == "objective" else 1)
            c["low"] = c["low"] * (torch.nan if part == "constraints" else 1)
        return objective, c

    with pytest.raises(FloatingPointError, match=part):
        run.optimizer.step(closure)
    assert same(run.trace(), before)


def test_two_batches_cannot_come_from_one_evaluation():
    x = parameter(0.0)
    method = SSLALM(torch.optim.SGD([x], lr=0.1), 1)
    with pytest.raises(ValueError, match="give step a closure"):
        method.surrogate(x.sum(), x)


def test_multipliers_and_slacks_of_a_model_in_half_precision_keep_small_steps():
    x = torch.nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
    method = SSLALM(torch.optim.SGD([x], lr=0.0), 1, multiplier_rate=1e-4, equalities=())
    method.multipliers.fill_(1.0)
    for _ in range(10):
        method.step(lambda _: ((x**2).sum(), x))
    assert method.multipliers.item() == pytest.approx(1.001, abs=1e-5)
    assert method.slacks.dtype == torch.float32


def test_the_step_is_taken_by_a_moreau_envelope_of_the_users_own_optimizer():
    base = torch.optim.SGD([parameter(0.0)], lr=0.1)
    method = SSLALM(base, 1, smoothing=3.0, averaging=0.25)
    assert isinstance(method.base, Moreau)
    assert (method.base.base, method.base.smoothing, method.base.averaging) == (base, 3.0, 0.25)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("penalty", -1.0),
        ("penalty", float("inf")),
        ("multiplier_rate", 0.0),
        ("multiplier_bound", 0.0),
        ("multiplier_bound", float("nan")),
        ("smoothing", -1.0),
        ("averaging", 0.0),
    ],
)
def test_factors_out_of_range_are_refused(name, bad):
    with pytest.raises(ValueError, match=name):
        SSLALM(torch.optim.SGD([parameter(0.0)], lr=0.1), 1, **{name: bad})
