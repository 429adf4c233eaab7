"""The penalty-barrier method: its function, its multipliers, its penalties, and where they lead."""

from __future__ import annotations

import copy
import io
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.optim.constrained import InfeasibleWarning, MovingAverage
from equipoise.optim.constrained.barrier import PenaltyBarrier

OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.05),
    "SGD with momentum": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.05),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.02),
}
JUNCTIONS = {"logarithmic": -1 / 2, "reciprocal": -1 / 3}
UPDATES = ["adaptive", "diminishing"]


def phi(t, barrier):
    """Bosak et al., in words of numpy."""
    with np.errstate(invalid="ignore", divide="ignore"):
        if barrier == "logarithmic":
            beyond = -np.log(-2 * t) / 4 - 3 / 8
        else:
            beyond = 32 / 27 / (1 - t) - 7 / 6
    return np.where(t >= JUNCTIONS[barrier], t + t**2 / 2, beyond)


def slope(t, barrier):
    """phi', by central differences that are exact to 1e-9 here."""
    h = 1e-4
    once = (phi(t + h, barrier) - phi(t - h, barrier)) / (2 * h)
    twice = (phi(t + 2 * h, barrier) - phi(t - 2 * h, barrier)) / (4 * h)
    return (4 * once - twice) / 3


def exact_slope(t, barrier):
    if t >= JUNCTIONS[barrier]:
        return 1 + t
    return -1 / (4 * t) if barrier == "logarithmic" else 32 / 27 / (1 - t) ** 2


def parameter(*at):
    return torch.nn.Parameter(torch.tensor(at, dtype=torch.float64))


def weights(constraints, multipliers, **options):
    """By what the method weighs the gradients of constraints, penalties being 1."""
    c = torch.tensor(constraints, dtype=torch.float64, requires_grad=True)
    method = PenaltyBarrier(torch.optim.SGD([parameter(0.0)], lr=0.1), len(constraints), **options)
    method.multipliers.copy_(torch.as_tensor(multipliers))
    method.lagrangian(torch.zeros((), dtype=torch.float64), c).backward()
    return c.grad.numpy()


def run(optimizer, closure, steps):
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.step(closure)
        schedule.step()


@pytest.mark.parametrize("barrier", JUNCTIONS)
def test_the_weight_is_the_slope_of_the_penalty_barrier(barrier):
    t = np.array([-40.0, -3.0, -0.8, -0.45, -0.4, -0.2, 0.0, 0.3, 5.0])
    np.testing.assert_allclose(
        weights(t, 2 * np.ones(9), barrier=barrier), 2 * slope(t, barrier), rtol=1e-8
    )


@pytest.mark.parametrize("barrier", JUNCTIONS)
def test_value_slope_and_curvature_agree_at_the_junction(barrier):
    at, h = JUNCTIONS[barrier], 1e-6
    left, right = np.array([at - h, at - 2 * h]), np.array([at + h, at + 2 * h])
    assert phi(left[:1], barrier) == pytest.approx(phi(right[:1], barrier), abs=2 * h)
    left, right = (weights(x, np.ones(2), barrier=barrier) for x in (left, right))
    assert left[0] == pytest.approx(right[0], abs=3 * h)
    assert (left[0] - left[1]) / h == pytest.approx((right[1] - right[0]) / h, abs=1e-4)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-50, 50), min_size=2, max_size=8), st.sampled_from([*JUNCTIONS]))
def test_the_weight_is_positive_and_grows_with_the_violation(constraints, barrier):
    constraints = sorted(constraints)
    w = weights(constraints, np.ones(len(constraints)), barrier=barrier)
    assert (w > 0).all()
    assert (np.diff(w) >= 0).all()


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    st.lists(st.floats(0.1, 3), min_size=3, max_size=3),
    st.floats(0.2, 4),
    st.sampled_from([*JUNCTIONS]),
)
def test_gradient_is_that_of_the_surrogate(at, multipliers, penalty, barrier):
    def problem(x):
        return (x**4).sum() + x[0] * x[1], torch.stack([x[0] * x[2], x.sum() - 1, x[1] ** 2 - 2])

    x, same = parameter(*at), parameter(*at)
    method = PenaltyBarrier(
        torch.optim.SGD([x], lr=0.1), 3, barrier=barrier, penalty_range=(penalty, penalty)
    )
    y = torch.tensor(multipliers, dtype=torch.float64)
    method.multipliers.copy_(y)
    method.lagrangian(*problem(x)).backward()

    objective, c = problem(same)
    t = c / penalty
    beyond = (
        -(-2 * t.clamp(max=-1e-9)).log() / 4 - 3 / 8
        if barrier == "logarithmic"
        else 32 / 27 / (1 - t.clamp(max=0.5)) - 7 / 6
    )
    function = torch.where(t >= JUNCTIONS[barrier], t + t**2 / 2, beyond)
    (objective + (y * penalty * function).sum()).backward()
    torch.testing.assert_close(x.grad, same.grad, rtol=1e-9, atol=1e-9)


class Reference:
    """The update rules of the paper, of one constraint, in plain numbers."""

    def __init__(self, barrier, update, gamma, kappa, shrinkage, annealing):
        self.barrier, self.update = barrier, update
        self.gamma, self.kappa, self.shrinkage = gamma, kappa, shrinkage
        self.annealing, self.epochs = annealing, 0.0
        self.multiplier, self.penalty = 0.01, 1.0

    def annealed(self, share):
        if self.annealing is None or share == 1:
            return share
        return 1 - 1 / (np.sqrt(self.epochs) + 1 / (1 - share))

    def weight(self, c):
        return self.multiplier * exact_slope(c / self.penalty, self.barrier)

    def ascend(self, c):
        s = exact_slope(c / self.penalty, self.barrier)
        gamma, kappa = self.annealed(self.gamma), self.annealed(self.kappa)
        y, p = self.multiplier, self.penalty
        self.multiplier = float(np.clip(gamma * y + (1 - gamma) * y * s, 0.01, 100))
        if self.update == "adaptive":
            p = kappa * p + (1 - kappa) * p / (s * self.shrinkage if s >= 1 else s)
        else:
            p = kappa * p
        self.penalty = float(np.clip(p, 0.1, 1.0))
        if self.annealing is not None:
            self.epochs += 1 / self.annealing


@pytest.mark.parametrize("annealing", [None, 10])
@pytest.mark.parametrize(("barrier", "update"), [*itertools.product(JUNCTIONS, UPDATES)])
def test_update_rule_agrees_with_numpy(barrier, update, annealing):
    lr, decay = 0.05, 0.5
    x = parameter(0.3, -0.2)
    method = PenaltyBarrier(
        torch.optim.SGD([x], lr=lr),
        2,
        barrier=barrier,
        penalty_update=update,
        multiplier_decay=0.6,
        penalty_decay=0.8,
        shrinkage=1.5,
        annealing_steps=annealing,
        estimator=MovingAverage(decay),
    )
    noises = np.random.default_rng(0).normal(0, 0.3, (60, 2))
    at, average, mass = np.array([0.3, -0.2]), np.zeros(2), 0.0
    own = [Reference(barrier, update, 0.6, 0.8, 1.5, annealing) for _ in range(2)]
    for noise in noises:
        method.step(lambda _, e=noise: ((x**2).sum(), 1 - x**2 + torch.from_numpy(e)))

        average = decay * average + (1 - decay) * (1 - at**2 + noise)
        mass = decay * mass + (1 - decay)
        c = average / mass
        # The surrogate of a step has the multipliers and penalties from before it.
        weight = np.array([one.weight(v) for one, v in zip(own, c, strict=True)])
        for one, v in zip(own, c, strict=True):
            one.ascend(v)
        at = at - lr * (2 * at + weight * (-2 * at))

        np.testing.assert_allclose(x.detach().numpy(), at, rtol=1e-11)
        np.testing.assert_allclose(method.multipliers, [o.multiplier for o in own], rtol=1e-11)
        np.testing.assert_allclose(method.penalties, [o.penalty for o in own], rtol=1e-11)
    assert len({o.multiplier for o in own} | {0.01, 100}) == 4  # none was held at its bounds
    assert min(o.penalty for o in own) < 1


def told(method, constraint, steps=1):
    for _ in range(steps):
        method.step(lambda _: (method.x.sum() * 0, method.x * 0 + constraint))
    return method


def alone(**options):
    x = parameter(0.0)
    method = PenaltyBarrier(torch.optim.SGD([x], lr=0.1), 1, **options)
    method.x = x
    return method


def test_the_adaptive_penalty_looks_at_the_violation_in_its_own_units():
    # phi'(c / p), and not phi'(c): 0.05 is half of a penalty of 0.1.
    method = alone(penalty_decay=0.5, penalty_range=(0.01, 0.1), annealing_steps=None)
    told(method, 0.05)
    assert method.penalties.item() == pytest.approx(0.5 * 0.1 + 0.5 * 0.1 / 1.5)


def test_a_multiplier_comes_back_from_its_floor():
    # From a floor of 1e-9 a violation of 0.05 needs more than 400 steps even at gamma = 0.1.
    method = told(alone(multiplier_decay=0.1), -1.0, steps=300)
    assert method.multipliers.item() == 0.01
    steps = 0
    while method.multipliers.item() < 0.1:
        told(method, 0.05)
        steps += 1
    assert steps < 120


def test_penalties_stay_constant_with_a_decay_of_one():
    method = told(alone(penalty_decay=1.0), 3.0, steps=20)
    assert method.penalties.item() == 1.0


def test_both_averages_grow_longer_by_the_steps_taken():
    # After three annealing periods gamma is 1 - 1 / (sqrt(3) + 1 / (1 - 0.5)).
    method = told(alone(multiplier_decay=0.5, penalty_decay=0.5, annealing_steps=7), 0.0, steps=21)
    told(method, 1.0)
    rate = 1 / (3**0.5 + 2)
    assert method.multipliers.item() == pytest.approx(0.01 * (1 + rate))
    assert method.penalties.item() == pytest.approx((1 - rate) + rate / 2)


def test_a_schedule_of_the_dual_comes_on_top_of_the_annealing():
    method = alone(multiplier_decay=0.5, annealing_steps=None)
    schedule = torch.optim.lr_scheduler.StepLR(method.dual, 1, 0.1)
    told(method, 0.0)
    schedule.step()
    told(method, 1.0)
    assert method.multipliers.item() == pytest.approx(0.01 * (1 + 0.05))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.sampled_from(UPDATES))
def test_multipliers_and_penalties_stay_in_their_ranges(constraints, update):
    method = alone(multiplier_decay=0.1, penalty_decay=0.1, penalty_update=update)
    for constraint in constraints:
        told(method, constraint)
        assert 0.01 <= method.multipliers.item() <= 100
        assert 0.1 <= method.penalties.item() <= 1


@pytest.mark.parametrize(("barrier", "update"), [*zip(JUNCTIONS, UPDATES, strict=True)])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_convex_problem_ends_at_its_solution_and_its_multiplier(name, update, barrier):
    # min x^2 with x >= 1: at x = 1 the gradients 2 x and -1 balance with multiplier 2.
    x = parameter(-0.5)
    method = PenaltyBarrier(OPTIMIZERS[name]([x]), 1, penalty_update=update, barrier=barrier)
    run(method, lambda _: ((x**2).sum(), 1 - x), 600)
    assert x.item() == pytest.approx(1, abs=2e-3)
    assert method.multipliers.item() == pytest.approx(2, abs=2e-2)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_only_the_active_constraints_of_a_quadratic_get_multipliers(name):
    # The problem of the augmented Lagrangian's test, at (1, 0.5, -1) with y = (0.5, 0.5, 0, 0).
    a = torch.tensor([2.0, 1.0, -1.0], dtype=torch.float64)
    x = parameter(0.0, 0.0, 0.0)

    def problem(_):
        c = torch.stack([x[0] - 1, x[0] + x[1] - 1.5, x[2] - 4, -9 - x[0]])
        return ((x - a) ** 2).sum() / 2, c

    method = PenaltyBarrier(OPTIMIZERS[name]([x]), 4)
    run(method, problem, 800)
    np.testing.assert_allclose(x.detach().numpy(), [1, 0.5, -1], atol=2e-3)
    np.testing.assert_allclose(method.multipliers.numpy(), [0.5, 0.5, 0.01, 0.01], atol=2e-2)


METHODS = {
    "adaptive": lambda base, *r: PenaltyBarrier(base, 2, *r, estimator=MovingAverage(0.8)),
    "diminishing": lambda base, *r: PenaltyBarrier(
        base, 2, *r, penalty_update="diminishing", barrier="reciprocal"
    ),
}


class Run:
    """A small noisy problem, whose batches are a function of the step's number."""

    def __init__(self, name):
        self.x = parameter(0.5, -0.5)
        self.base = torch.optim.Adam([self.x], lr=0.05)
        self.optimizer = METHODS[name](self.base)

    def closure(self, number):
        noise = torch.randn(2, generator=torch.Generator().manual_seed(number)).double()
        return (self.x**2).sum(), 1 - self.x + 0.3 * noise

    def steps(self, numbers):
        for number in numbers:
            self.optimizer.step(lambda _, k=number: self.closure(k))
        return self

    def trace(self):
        file = io.BytesIO()
        torch.save([self.x.detach(), self.optimizer.state_dict()], file)
        file.seek(0)
        return torch.load(file, weights_only=True)


def same(first, second):
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(x, second[k]) for k, x in first.items())
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    return torch.equal(first, second) if isinstance(first, torch.Tensor) else first == second


@pytest.mark.parametrize("name", METHODS)
def test_a_run_stopped_and_resumed_has_the_bits_of_an_undisturbed_one(name):
    straight = Run(name).steps(range(12))
    stopped = Run(name).steps(range(7))
    at_stop = stopped.trace()
    kept = copy.deepcopy(at_stop)
    resumed = Run(name)
    resumed.x.data.copy_(at_stop[0])
    resumed.optimizer.load_state_dict(at_stop[1])
    resumed.steps(range(7, 12))
    assert same(straight.trace(), resumed.trace())
    assert same(at_stop, kept)  # a snapshot, of which nothing is live


@pytest.mark.parametrize("name", METHODS)
def test_a_copy_goes_on_like_the_original_and_apart_from_it(name):
    one = Run(name).steps(range(4))
    other = copy.deepcopy(one)
    at_copy = one.trace()
    other.steps(range(4, 9))
    assert same(one.trace(), at_copy)
    assert same(one.steps(range(4, 9)).trace(), other.trace())


@pytest.mark.parametrize("name", METHODS)
def test_replicates_stacked_end_where_each_ends_alone(name):
    starts = torch.tensor([[0.0, 1.0], [2.0, -1.0], [0.3, 0.3]], dtype=torch.float64)
    noise = torch.randn(3, 40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def final(which):
        x = torch.nn.Parameter(starts[which].clone())
        method = METHODS[name](torch.optim.Adam([x], lr=0.05), len(which))
        for step in range(40):
            method.step(
                lambda _, k=step: ((x**2).sum(-1), 1 - x + 0.1 * x.sum(-1, True) + noise[which, k])
            )
        return x.detach(), method.multipliers, method.penalties

    together = final([0, 1, 2])
    for r in range(3):
        for stacked, own in zip(together, final([r]), strict=True):
            torch.testing.assert_close(stacked[r], own[0], rtol=1e-13, atol=1e-13)


def test_constraints_have_names():
    x = parameter(2.0)
    method = PenaltyBarrier(torch.optim.SGD([x], lr=0.1), {"least": 1, "most": 1})
    method.step(lambda _: (0 * x.sum(), {"least": 1 - x, "most": x - 1}))
    named = method.named_multipliers
    assert named["least"].item() == 0.01
    assert named["most"].item() > 0.01
    assert named["most"].data_ptr() == method.multipliers[1:].data_ptr()


def test_a_constraint_that_is_not_finite_leaves_no_trace():
    one = Run("adaptive").steps(range(3))
    before = one.trace()
    bad = torch.tensor([0.0, torch.nan], dtype=torch.float64)
    with pytest.raises(FloatingPointError, match=r"constraints\[1\]"):
        one.optimizer.step(lambda _: (one.closure(3)[0], bad))
    assert same(one.trace(), before)


def test_a_constraint_that_cannot_be_met_is_told_of():
    x = parameter(0.2)
    method = PenaltyBarrier(torch.optim.SGD([x], lr=1e-3), {"low": 1, "high": 1})
    with pytest.warns(InfeasibleWarning, match="low, high"):
        run(method, lambda _: ((x**2).sum(), {"low": x + 1, "high": 1 - x}), 900)


def test_multipliers_of_a_model_in_half_precision_are_single():
    x = torch.nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
    method = PenaltyBarrier(torch.optim.SGD([x], lr=0.0), 1)
    method.step(lambda _: ((x**2).sum(), x))
    assert method.multipliers.dtype == method.penalties.dtype == torch.float32


def test_equations_are_refused():
    with pytest.raises(ValueError, match="equalities must be empty"):
        alone(equalities=["constraints"])


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("barrier", "log"),
        ("penalty_update", "const"),
        ("multiplier_decay", 1.0),
        ("multiplier_decay", float("nan")),
        ("penalty_decay", 1.1),
        ("penalty_decay", -0.1),
        ("multiplier_floor", 0.0),
        ("multiplier_floor", 100.0),
        ("penalty_range", (1.0, 0.1)),
        ("penalty_range", (0.0, 1.0)),
        ("penalty_range", (0.1, float("inf"))),
        ("shrinkage", 0.0),
        ("annealing_steps", 0),
        ("annealing_steps", float("nan")),
    ],
)
def test_what_is_out_of_range_is_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=f"^{name} must"):
        alone(**{name: bad})
