"""What methods with multipliers share: their optimizer, bounds, warnings, a loop of one's own."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.optim.constrained import ALM, InfeasibleWarning, MovingAverage, SecondBatch, Storm
from equipoise.optim.constrained.lagrangian import Lagrangian
from equipoise.optim.constrained.layout import Layout
from equipoise.optim.constrained.multipliers import Multipliers, gradient_ascent

METHODS = {"ALM": ALM, "Lagrangian": Lagrangian}
OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.5),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.05),
}

both = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def parameter(*at):
    return torch.nn.Parameter(torch.tensor(at, dtype=torch.float64))


def multipliers(sizes, equalities=(), bound=100.0, rate=1.0):
    like = torch.zeros(1, dtype=torch.float64)
    return Multipliers(Layout(sizes, equalities), None, like, gradient_ascent(rate), bound)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.lists(st.floats(-9, 9), min_size=4, max_size=4), min_size=1, max_size=12),
    st.sampled_from([(), ("b",), ("a", "b")]),
    st.sampled_from([0.5, 3.0, float("inf")]),
)
def test_they_are_the_nearest_within_their_bounds(directions, equalities, bound):
    y = multipliers({"a": 3, "b": 1}, equalities, bound)
    lower = np.array([-bound if name in equalities else 0.0 for name in "aaab"])
    expected = np.zeros(4)
    for direction in directions:
        y.ascend(torch.tensor(direction, dtype=torch.float64))
        expected = np.clip(expected + direction, lower, bound)
        np.testing.assert_allclose(y.value.numpy(), expected, rtol=1e-12)


def test_inequalities_are_cut_off_at_zero_and_equations_are_not():
    weight = torch.tensor([-2.0, 1.0, -3.0])
    least = torch.tensor([0.5, 0.5, 0.5])
    for equalities, cut, raised in [
        ((), [0, 1, 0], [0.5, 1, 0.5]),
        (("b",), [0, 1, -3], [0.5, 1, -3]),
        (("a", "b"), [-2, 1, -3], [-2, 1, -3]),
    ]:
        y = multipliers({"a": 2, "b": 1}, equalities)
        assert y.positive_part(weight).tolist() == cut
        assert y.raised(weight, least).tolist() == raised


@both
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("named", [False, True])
def test_a_loop_of_ones_own_has_the_bits_of_a_closure(method, optimizer, named):
    def problem(x, k):
        noise = torch.randn(2, generator=torch.Generator().manual_seed(k)).double()
        c = 1 - x + noise
        return (x**2).sum(), {"a": c[0], "b": c[1]} if named else c

    sizes = {"a": 1, "b": 1} if named else 2
    x, y = parameter(0.3, -0.2), parameter(0.3, -0.2)
    ours = method(OPTIMIZERS[optimizer]([x]), sizes, estimator=MovingAverage(0.8))
    theirs = method(OPTIMIZERS[optimizer]([y]), sizes, estimator=MovingAverage(0.8))
    for k in range(20):
        objective = ours.step(lambda _, k=k: problem(x, k))

        theirs.zero_grad()
        theirs.surrogate(*problem(y, k)).backward()
        same = theirs.step()

        assert torch.equal(objective, same)
        assert torch.equal(x, y)
        assert torch.equal(ours.multipliers, theirs.multipliers)


@both
def test_replicates_train_in_a_loop_of_ones_own(method):
    x, y = parameter(0.0, 2.0), parameter(0.0, 2.0)
    ours = method(torch.optim.SGD([x], lr=0.1), 1, 2)
    theirs = method(torch.optim.SGD([y], lr=0.1), 1, 2)
    for _ in range(5):
        ours.step(lambda _: (x**2, 1 - x[:, None]))
        theirs.zero_grad()
        theirs.surrogate(y**2, 1 - y[:, None]).backward()
        theirs.step()
    assert torch.equal(x, y)


@both
def test_a_step_without_closure_needs_a_surrogate_each_time(method):
    x = parameter(0.0)
    optimizer = method(torch.optim.SGD([x], lr=0.1), 1)
    with pytest.raises(RuntimeError, match="surrogate"):
        optimizer.step()
    optimizer.surrogate((x**2).sum(), 1 - x).backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match="surrogate"):
        optimizer.step()


@pytest.mark.parametrize("estimator", [SecondBatch, Storm])
def test_a_surrogate_is_refused_where_one_evaluation_is_not_enough(estimator):
    x = parameter(0.0)
    optimizer = ALM(torch.optim.SGD([x], lr=0.1), 1, estimator=estimator())
    with pytest.raises(ValueError, match="give step a closure"):
        optimizer.surrogate((x**2).sum(), 1 - x)


@both
def test_a_surrogate_that_is_not_finite_leaves_no_trace(method):
    x = parameter(0.0)
    optimizer = method(torch.optim.SGD([x], lr=0.1), {"lost": 1}, estimator=MovingAverage())
    with pytest.raises(FloatingPointError, match="lost"):
        optimizer.surrogate((x**2).sum(), {"lost": x * torch.nan})
    assert optimizer.estimator.state_dict() == MovingAverage().state_dict()
    with pytest.raises(RuntimeError, match="surrogate"):
        optimizer.step()


@both
@pytest.mark.parametrize("loop", ["closure", "surrogate"])
def test_autocast_in_half_precision_has_multipliers_in_single(method, loop):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    optimizer = method(
        torch.optim.Adam(model.parameters(), lr=0.05),
        {"mean": 1},
        multiplier_rate=0.05,
        estimator=MovingAverage(0.9),
    )
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    y = (x[:, 0] > 0).float()

    def problem(_=0):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            score = model(x)[:, 0]
            assert score.dtype == torch.bfloat16
            # A rate of at most 0.3, where one half of the labels is positive.
            return (score - y).square().mean(), {"mean": score.mean() - 0.3}

    for _ in range(150):
        if loop == "closure":
            optimizer.step(problem)
        else:
            optimizer.zero_grad()
            optimizer.surrogate(*problem()).backward()
            optimizer.step()
    assert optimizer.multipliers.dtype == torch.float32
    assert optimizer.estimator.state_dict()["tracked"].dtype == torch.float32
    assert optimizer.multipliers.item() > 0.01
    assert problem()[1]["mean"].item() < 0.03


@both
def test_a_schedule_of_the_dual_changes_the_rate_of_the_multipliers(method):
    x = parameter(0.0)
    optimizer = method(torch.optim.SGD([x], lr=0.0), 1, multiplier_rate=0.5)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer.dual, 1, 0.1)
    rises, before = [], 0.0
    for _ in range(3):
        optimizer.step(lambda _: (x.sum(), x + 2))
        schedule.step()
        rises.append(optimizer.multipliers.item() - before)
        before = optimizer.multipliers.item()
    np.testing.assert_allclose(rises, [1.0, 0.1, 0.01], rtol=1e-9)
    assert optimizer.param_groups[0]["lr"] == 0.0


@both
def test_any_torch_optimizer_moves_them(method):
    x = parameter(-0.5)
    optimizer = method(
        torch.optim.SGD([x], lr=0.05), 1, dual=lambda y: torch.optim.RMSprop(y, lr=0.01)
    )
    primal = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 800)
    dual = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer.dual, 800)
    for _ in range(800):
        optimizer.step(lambda _: ((x**2).sum(), 1 - x))
        primal.step()
        dual.step()
    assert x.item() == pytest.approx(1, abs=5e-3)
    assert optimizer.multipliers.item() == pytest.approx(2, abs=5e-2)


def infeasible(method, bound, steps):
    """Train with x <= -1 and x >= 1; the warnings that this gives."""
    x = parameter(0.2)
    optimizer = method(
        torch.optim.SGD([x], lr=1e-3),
        {"low": 1, "high": 1, "idle": 1},
        multiplier_rate=0.5,
        multiplier_bound=bound,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(steps):
            optimizer.step(lambda _: ((x**2).sum(), {"low": x + 1, "high": 1 - x, "idle": x - 9}))
    return caught


@both
def test_what_cannot_be_met_is_told_of_once_and_by_name(method):
    caught = infeasible(method, 5.0, 600)
    assert [w.category for w in caught] == [InfeasibleWarning]
    assert "low, high" in str(caught[0].message)
    assert "idle" not in str(caught[0].message)
    assert "bound of 5" in str(caught[0].message)


@both
def test_without_a_bound_nothing_is_told(method):
    assert not infeasible(method, float("inf"), 250)


@both
def test_what_can_be_met_is_not_told_of(method):
    x = parameter(-0.5)
    optimizer = method(
        torch.optim.SGD([x], lr=0.05), {"floor": 1}, multiplier_rate=0.1, multiplier_bound=3.0
    )
    for _ in range(500):  # a warning would be an error
        optimizer.step(lambda _: ((x**2).sum(), {"floor": 1 - x}))
    assert optimizer.multipliers.item() == pytest.approx(2, abs=1e-2)


@both
def test_a_multiplier_at_its_bound_whose_constraint_holds_is_not_told_of(method):
    x = parameter(1.0)
    optimizer = method(
        torch.optim.SGD([x], lr=0.0), {"met": 1}, multiplier_rate=1.0, multiplier_bound=1.5
    )
    optimizer.multipliers.fill_(1.5)
    for _ in range(300):
        optimizer.step(lambda _: ((x**2).sum(), {"met": 0 * x}))
    assert optimizer.multipliers.item() == 1.5


def test_a_multiplier_that_comes_back_from_its_bound_is_not_told_of():
    # min x^2 with x >= 1 by steps so slow that the multiplier, 2 at the end, overshoots first.
    x = parameter(-0.5)
    optimizer = Lagrangian(
        torch.optim.SGD([x], lr=0.01), 1, multiplier_rate=0.1, multiplier_bound=2.5
    )
    for _ in range(1500):
        optimizer.step(lambda _: ((x**2).sum(), 1 - x))
    assert x.item() == pytest.approx(1, abs=0.01)


def test_an_equation_that_cannot_be_met_is_told_of_from_below_too():
    x = parameter(0.0)
    optimizer = Lagrangian(
        torch.optim.SGD([x], lr=1e-3),
        {"exact": 1},
        multiplier_rate=0.5,
        multiplier_bound=2.0,
        equalities=["exact"],
    )
    with pytest.warns(InfeasibleWarning, match="exact"):
        told_of(optimizer, x)


def told_of(optimizer, x):
    for _ in range(700):
        optimizer.step(lambda _: ((x**2).sum(), {"exact": 0 * x - 1}))


@pytest.mark.parametrize(
    ("dual", "message"),
    [
        (lambda y: torch.optim.SGD(y, lr=0.1, maximize=True), "must minimise"),
        (lambda y: torch.optim.Adam([{"params": y, "maximize": True}], lr=0.1), "must minimise"),
        (lambda _: torch.optim.SGD([torch.zeros(2)], lr=0.1), "very list"),
        (lambda y: torch.optim.SGD([*y, torch.zeros(2)], lr=0.1), "very list"),
    ],
)
def test_a_dual_that_maximises_or_moves_something_else_is_refused(dual, message):
    for method in METHODS.values():
        with pytest.raises(ValueError, match=message):
            method(torch.optim.SGD([parameter(0.0)], lr=0.1), 2, dual=dual)


@both
@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan")])
def test_the_bound_must_be_positive(method, bad):
    with pytest.raises(ValueError, match="multiplier_bound"):
        method(torch.optim.SGD([parameter(0.0)], lr=0.1), 1, multiplier_bound=bad)


@both
def test_the_state_of_the_dual_is_part_of_the_state(method):
    def make():
        x = parameter(0.3)
        base = torch.optim.SGD([x], lr=0.1)
        return x, method(base, 1, dual=lambda y: torch.optim.Adam(y, lr=0.1))

    def steps(x, optimizer, count):
        for _ in range(count):
            optimizer.step(lambda _: ((x**2).sum(), 1 - x))

    x, optimizer = make()
    steps(x, optimizer, 5)
    state, at = optimizer.state_dict(), x.detach().clone()
    kept = copy.deepcopy(state)
    steps(x, optimizer, 5)

    other, resumed = make()
    other.data.copy_(at)
    resumed.load_state_dict(state)
    steps(other, resumed, 5)
    assert torch.equal(x, other)
    assert torch.equal(optimizer.multipliers, resumed.multipliers)
    average = state["multipliers"]["optimizer"]["state"][0]["exp_avg"]
    assert torch.equal(average, kept["multipliers"]["optimizer"]["state"][0]["exp_avg"])


@both
def test_the_dual_of_a_copy_moves_the_multipliers_of_the_copy(method):
    x = parameter(0.3)
    optimizer = method(torch.optim.SGD([x], lr=0.1), 1)
    copied = copy.deepcopy(optimizer)
    assert copied.dual.param_groups[0]["params"][0] is copied.multipliers
    assert copied.multipliers is not optimizer.multipliers
