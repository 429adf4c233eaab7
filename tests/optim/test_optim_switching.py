"""Switching subgradients: which step is taken, where it leads, and which iterate is drawn."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from equipoise.optim.constrained import Batch, MovingAverage
from equipoise.optim.constrained.switching import Switching


def tensor(*numbers) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def parameter(*at: float) -> torch.nn.Parameter:
    return torch.nn.Parameter(tensor(*at))


def sgd(*parameters, lr=0.1):
    return torch.optim.SGD(parameters, lr=lr)


def test_update_rule_agrees_with_numpy():
    eps, power, rate, lr, decay = 0.3, 0.5, 0.4, 0.05, 0.8
    x = parameter(0.3, -0.2)
    method = Switching(
        sgd(x, lr=lr),
        3,
        tolerance=eps,
        tolerance_decay=power,
        constraint_rate=rate,
        estimator=MovingAverage(decay),
    )
    at, average, mass, on_objective = np.array([0.3, -0.2]), np.zeros(3), 0.0, 0
    for k, noise in enumerate(np.random.default_rng(0).normal(0, 0.3, (60, 3)), start=1):
        method.step(
            lambda _, e=noise: (
                (x**2).sum(),
                torch.stack([1 - x[0], x[1] * x[0] - 1, 0.5 - x.sum()]) + torch.from_numpy(e),
            )
        )

        value = np.array([1 - at[0], at[1] * at[0] - 1, 0.5 - at.sum()]) + noise
        average = decay * average + (1 - decay) * value
        mass = decay * mass + (1 - decay)
        worst = (average / mass).argmax()
        if (average / mass)[worst] <= eps / np.sqrt(k):
            on_objective += 1
            at = at - lr * 2 * at
        else:
            at = at - lr * rate * np.array([[-1, 0], [at[1], at[0]], [-1, -1]])[worst]
        np.testing.assert_allclose(x.detach().numpy(), at, rtol=1e-12)
    assert 0 < on_objective < 60
    assert method.share_of_objective_steps.item() == on_objective / 60


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.floats(-2, 2), min_size=4, max_size=4),
    st.floats(0, 1),
    st.floats(0.1, 5),
)
def test_the_gradient_is_the_objectives_or_that_of_the_worst_constraint(values, eps, rate):
    f, c = parameter(0.7), parameter(*values)
    sizes = {"at most": 2, "equal": 2}
    method = Switching(sgd(f, c), sizes, tolerance=eps, constraint_rate=rate, equalities=["equal"])
    method.step(lambda _: (f[0], 1 * c))
    violation = np.array([*values[:2], *np.abs(values[2:])])
    expected = np.zeros(4)
    if violation.max() > eps:
        worst = violation.argmax()
        expected[worst] = rate * (np.sign(values[worst]) if worst >= 2 else 1)
        assert f.grad.item() == 0
    else:
        assert f.grad.item() == 1
    np.testing.assert_array_equal(c.grad.numpy(), expected)


@pytest.mark.parametrize("rate", [0.5, 2.0])
def test_a_convex_problem_ends_at_its_bound_with_its_multiplier_as_ratio_of_steps(rate):
    # min x^2 with 1 - x <= eps: where steps of slopes 2 x and -rate balance, there are
    # 2 x / rate steps on the constraint to one on the objective.
    eps, x = 0.05, parameter(3.0)
    method = Switching(sgd(x, lr=0.02), 1, tolerance=eps, constraint_rate=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(method, 1500)
    for _ in range(1500):
        method.step(lambda _: ((x**2).sum(), 1 - x))
        schedule.step()
    assert x.item() == pytest.approx(1 - eps, abs=1e-3)
    share = method.share_of_objective_steps.item()
    assert rate * (1 - share) / share == pytest.approx(2 * (1 - eps), rel=0.1)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9),
        lambda p: torch.optim.Adam(p, lr=0.05),
        lambda p: torch.optim.RMSprop(p, lr=0.02),
    ],
    ids=["SGD with momentum", "Adam", "RMSprop"],
)
def test_any_optimizer_takes_the_step(optimizer):
    x = parameter(-0.5)
    method = Switching(optimizer([x]), 1, tolerance=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(method, 600)
    for _ in range(600):
        method.step(lambda _: ((x**2).sum(), 1 - x))
        schedule.step()
    assert x.item() == pytest.approx(0.99, abs=0.01)


def test_an_equation_is_met_from_either_side():
    for start in (-3.0, 3.0):
        x = parameter(start)
        method = Switching(sgd(x, lr=0.02), {"c": 1}, tolerance=0.05, equalities=["c"])
        for _ in range(300):
            method.step(lambda _, x=x: ((x**2).sum(), {"c": 1 - x}))
        assert abs(1 - x.item()) < 0.1


def test_without_constraints_every_step_is_one_on_the_objective():
    x = parameter(1.0)
    method = Switching(sgd(x), 0)
    method.step(lambda _: ((x**2).sum(), tensor()))
    assert (x.item(), method.share_of_objective_steps.item()) == (0.8, 1.0)


def test_the_tolerance_itself_still_counts_as_met():
    x = parameter(1.0)
    Switching(sgd(x), 1, tolerance=0.25).step(lambda _: (2 * x.sum(), 0 * x + 0.25))
    assert x.item() == 0.8


def test_the_tolerance_falls_with_the_number_of_the_step():
    x = parameter(0.0)
    method = Switching(sgd(x, lr=1.0), 1, tolerance=1.0, tolerance_decay=0.5)
    # eps_k = 1, 0.71, 0.58, 0.5, 0.45: a violation of 0.5 is tolerated four times.
    for _ in range(6):
        method.step(lambda _: (-x.sum(), 100 * (x - x.detach()) + 0.5))
    assert x.item() == 4 - 200


def decides_on_objective(method, *constraints):
    for c in constraints:
        method.step(lambda _, c=c: (c.sum() * 0, c))
    return bool(method._on_objective)


def test_caution_adds_standard_errors_and_counts_the_unknown_as_violated():
    def method(caution):
        estimator = Batch(with_error=True)
        return Switching(
            sgd(parameter(0.0)), 2, tolerance=0.0, caution=caution, estimator=estimator
        )

    noisy = [tensor(-0.3 + e, -1).requires_grad_() for e in (0.2, -0.2, 0.2, -0.2, 0.2, -0.2, 0.0)]
    assert decides_on_objective(method(0.0), *noisy)
    assert decides_on_objective(method(0.5), *noisy)  # the error is about 0.3
    assert not decides_on_objective(method(2.0), *noisy)
    assert not decides_on_objective(method(0.5), noisy[0])  # infinite after one batch


def test_what_caution_steps_on_is_the_constraint_that_may_be_worst():
    x = parameter(0.0, 0.0)
    method = Switching(
        sgd(x, lr=1.0), 2, tolerance=0.0, caution=4.0, estimator=Batch(with_error=True)
    )
    # Before a second batch neither error is known, and the value tells; then the first's is large.
    for k, noise in enumerate((0.0, 0.4, 0.0, 0.4, 0.0)):
        before = x.detach().clone()
        method.step(lambda _, e=noise: (0 * x.sum(), x - x.detach() + tensor(-0.2 - e, -0.1)))
        assert (before - x.detach()).tolist() == ([0.0, 1.0] if k == 0 else [1.0, 0.0])


def test_caution_without_standard_errors_is_refused():
    x = parameter(0.0)
    with pytest.raises(ValueError, match="with_error=True"):
        Switching(sgd(x), 1, caution=1.0).step(lambda _: (x.sum(), x))


class Walk:
    """x counts the steps: objective steps add lr, constraint steps 1000 times as much.

    So x tells which iterate was drawn; the k-th step violates the constraint where it is told to.
    """

    def __init__(self, rates, violated=(), **options):
        self.x = torch.nn.Parameter(torch.zeros(options.get("n_replicates", 1) or 1, 1).double())
        self.base = sgd(self.x, lr=1.0)
        self.replicates = options.get("n_replicates")
        self.method = Switching(self.base, 1, constraint_rate=1000.0, **options)
        self.at = []
        for k, rate in enumerate(rates):
            self.base.param_groups[0]["lr"] = rate
            self.at.append(self.x.detach().clone())
            sign = 1.0 if k in violated else -1.0
            self.method.step(lambda _, sign=sign: self.problem(sign))

    def problem(self, sign):
        objective, c = -self.x.sum(-1), -self.x
        c = c - c.detach() + sign
        return (objective.sum(), c[0]) if self.replicates is None else (objective, c)

    @property
    def drawn(self):
        return self.method.random_iterate


def test_an_iterate_is_drawn_with_probability_proportional_to_its_step_size():
    rates = [1.0, 0.5, 0.25, 2.0, 1.0, 0.125, 3.0]
    walk = Walk(rates, violated={1, 4}, n_replicates=3000, seed=5)
    allowed = [k for k in range(7) if k not in (1, 4)]
    counts = [int((walk.drawn[0] == walk.at[k]).all(-1).sum()) for k in allowed]
    assert sum(counts) == 3000  # iterates of steps on the constraint are never drawn
    share = np.array(rates)[allowed]
    assert chisquare(counts, 3000 * share / share.sum()).pvalue > 1e-3


def test_at_each_step_an_iterate_replaces_the_one_drawn_with_its_share_of_all_step_sizes_so_far():
    rates, n = [1.0, 0.5, 4.0, 0.25, 1.0, 3.0], 2000
    x = torch.nn.Parameter(torch.zeros(n, 1))
    base = sgd(x, lr=1.0)
    method = Switching(base, 1, n, seed=11)
    replaced = []
    for rate in rates:
        base.param_groups[0]["lr"] = rate
        at = x.detach().clone()
        method.step(lambda _: (-x.sum(-1), x - x.detach() - 1))
        replaced.append((method.random_iterate[0] == at)[:, 0].numpy())
    for k, taken in enumerate(replaced):
        p = rates[k] / sum(rates[: k + 1])
        assert taken.mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / n))
    # Whether one is replaced does not depend on when the one before it was.
    together = np.corrcoef(np.stack(replaced[1:]))
    assert np.abs(together - np.eye(len(together))).max() < 4 / np.sqrt(n)


def test_what_is_drawn_is_the_point_of_the_gradient_and_not_the_one_after_the_step():
    assert Walk([0.5]).drawn[0].item() == 0.0


@pytest.mark.parametrize("steps", range(1, 6))
def test_a_draw_exists_after_any_number_of_steps(steps):
    walk = Walk([1.0] * steps)
    assert any(torch.equal(walk.drawn[0], at) for at in walk.at)


def test_there_is_no_draw_before_the_first_step_on_the_objective():
    assert Walk([]).drawn is None
    assert torch.isnan(Walk([]).method.share_of_objective_steps)
    walk = Walk([1.0, 1.0, 1.0, 1.0], violated={0, 1})
    assert Walk([1.0, 1.0], violated={0, 1}).drawn is None
    assert any(torch.equal(walk.drawn[0], at) for at in walk.at[2:])


def test_nothing_is_drawn_from_the_burn_in_and_everything_after():
    walk = Walk([1.0] * 5, n_replicates=300, burn_in=3)
    counts = [int((walk.drawn[0] == at).all(-1).sum()) for at in walk.at]
    assert counts[:3] == [0, 0, 0]
    assert counts[3] > 0
    assert counts[4] > 0
    assert sum(counts) == 300


def test_steps_of_size_zero_are_not_drawn():
    assert Walk([0.0, 0.0]).drawn is None
    assert Walk([0.0, 1.0, 0.0]).drawn[0].item() == 0.0


def test_replicates_that_have_not_stepped_on_the_objective_have_no_draw():
    x = torch.nn.Parameter(torch.zeros(2, 1))
    method = Switching(sgd(x), 1, 2)
    method.step(lambda _: (x.sum(-1), x + torch.tensor([[-1.0], [1.0]])))
    assert method.random_iterate[0].isnan().flatten().tolist() == [False, True]
    assert method.share_of_objective_steps.tolist() == [1.0, 0.0]


def test_a_draw_is_a_copy():
    x = torch.nn.Parameter(torch.zeros(2, 1))
    method = Switching(sgd(x), 1, 2)
    seen = []
    for _ in range(20):
        method.step(lambda _: (-x.sum(-1), x - 100))
        seen.append(method.random_iterate[0])
    assert seen[0].tolist() == [[0.0], [0.0]]


def test_parameters_that_come_later_are_drawn_from_then_on():
    x, late = (torch.nn.Parameter(torch.zeros(2, 1)) for _ in range(2))
    base = sgd(x, lr=1e-12)
    method = Switching(base, 1, 2)
    method.step(lambda _: (x.sum(-1), x - 100))
    method.add_param_group({"params": [late], "lr": 0.1})
    base.param_groups[0]["lr"] = 1.0  # what was drawn before has next to no weight
    method.step(lambda _: ((x + late).sum(-1), x - torch.tensor([[100.0], [-100.0]])))
    assert method.random_iterate[1].isnan().flatten().tolist() == [False, True]
    method.step(lambda _: ((x + late).sum(-1), x - 100))
    assert not any(p.isnan().any() for p in method.random_iterate)


def test_replicates_stacked_end_where_each_ends_alone():
    starts = torch.tensor([[0.0, 1.0], [2.0, -1.0], [0.3, 0.3]], dtype=torch.float64)
    random = torch.Generator().manual_seed(0)
    noise = torch.randn(3, 40, 2, generator=random, dtype=torch.float64)

    def final(which):
        x = torch.nn.Parameter(starts[which].clone())
        method = Switching(
            torch.optim.Adam([x], lr=0.05),
            2,
            len(which),
            tolerance=0.2,
            caution=0.1,
            estimator=MovingAverage(0.8, with_error=True),
            seed=7 + which[0],
        )
        for k in range(40):
            method.step(lambda _, k=k: ((x**2).sum(-1), 1 - x + 0.3 * noise[which, k]))
        return x.detach(), *method.random_iterate, method.share_of_objective_steps

    together = final([0, 1, 2])
    assert 0 < together[-1].min() < together[-1].max() < 1
    for r in range(3):
        for stacked, alone in zip(together, final([r]), strict=True):
            torch.testing.assert_close(stacked[r], alone[0], rtol=1e-13, atol=1e-13)


class Heads:
    """A parameter of the objective's own, one of the constraint's, one of both and one of none."""

    def __init__(self, n_replicates=None):
        shape = (2,) if n_replicates is None else (n_replicates, 2)
        self.x = {
            name: torch.nn.Parameter(torch.full(shape, 0.5, dtype=torch.float64))
            for name in ("of objective", "of constraint", "of both", "of none")
        }
        base = torch.optim.Adam(self.x.values(), lr=0.1, weight_decay=0.1)
        self.method = Switching(base, {"a": 1, "b": 1}, n_replicates, tolerance=0.0)

    def problem(self):
        f, c, both, _ = self.x.values()
        objective = (f**2).sum(-1) + (both**2).sum(-1)
        return objective, {"a": (1 - c - both)[..., :1], "b": (0.5 - c - both)[..., 1:]}

    def step(self):
        self.method.step(lambda _: self.problem())

    def step_by_surrogate(self):
        self.method.zero_grad()
        self.method.surrogate(*self.problem()).backward()
        self.method.step()


@pytest.mark.parametrize("step", [Heads.step, Heads.step_by_surrogate])
def test_what_only_one_of_the_two_depends_on_has_a_gradient_of_zero_in_the_others_steps(step):
    alone, stacked = Heads(), Heads(1)
    for _ in range(30):
        step(alone)
        step(stacked)
        f, c, both, none = (x.grad for x in alone.x.values())
        on_objective = bool(alone.method._on_objective)
        assert torch.equal(f.bool().any(), torch.tensor(on_objective))
        assert torch.equal(c.bool().any(), torch.tensor(not on_objective))
        assert both.any()
        assert none is None
        for own, same_one in zip(alone.x.values(), stacked.x.values(), strict=True):
            torch.testing.assert_close(own, same_one[0], rtol=1e-13, atol=1e-13)
    assert 0 < alone.method.share_of_objective_steps < 1
    assert (alone.x["of none"] == 0.5).all()


def test_a_constraint_that_depends_on_nothing_is_stepped_on_with_a_gradient_of_zero():
    x = parameter(1.0)
    Switching(sgd(x), 1).step(lambda _: (x.sum(), tensor(1.0)))
    assert (x.item(), x.grad.item()) == (1.0, 0.0)


def test_in_a_process_group_every_gradient_comes_from_the_backward_pass(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    heads = Heads()
    heads.method.surrogate(*heads.problem()).backward()
    assert [x.grad is None for x in heads.x.values()] == [False, False, False, True]


def test_a_copy_between_backward_and_step_is_one():
    heads = Heads()
    heads.method.surrogate(*heads.problem()).backward()
    copied = copy.deepcopy(heads)
    copied.step()
    heads.step()
    assert all(torch.equal(x, y) for x, y in zip(heads.x.values(), copied.x.values(), strict=True))


class Run:
    """A small network whose batches are a function of the step's number."""

    def __init__(self, optimizer=torch.optim.Adam, **options):
        torch.manual_seed(1)
        self.model = torch.nn.Linear(3, 1, dtype=torch.float64)
        self.base = optimizer(self.model.parameters(), lr=0.05)
        self.optimizer = Switching(
            self.base, 2, estimator=MovingAverage(0.9, with_error=True), caution=0.2, **options
        )

    def closure(self, step):
        random = torch.Generator().manual_seed(step)
        x = torch.randn(8, 3, generator=random, dtype=torch.float64)
        score = self.model(x)[:, 0]
        gap = score[:4].mean() - score[4:].mean()
        return (score - x[:, 0]).square().mean(), torch.stack([gap, -gap]) - 0.3

    def steps(self, numbers):
        for k in numbers:
            self.optimizer.step(lambda _, k=k: self.closure(k))
        return self

    def trace(self):
        state, own = self.base.state, self.optimizer._own_state()
        return [
            *(p.detach().clone() for p in self.model.parameters()),
            *(torch.as_tensor(x).clone() for p in state for x in state[p].values()),
            *(self.optimizer.random_iterate or []),
            own["objective_steps"],
            own["reservoir"]["weight"],
            own["reservoir"]["generators"],
            torch.tensor(own["steps"]),
            self.optimizer.estimator.state_dict()["tracked"],
        ]


def same(first, second):
    return len(first) == len(second) and all(map(torch.equal, first, second))


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop])
def test_a_run_stopped_and_resumed_has_the_bits_of_an_undisturbed_one(optimizer):
    straight, stopped = (Run(optimizer).steps(range(n)) for n in (20, 8))
    file = io.BytesIO()
    torch.save((stopped.model.state_dict(), stopped.optimizer.state_dict()), file)
    stopped.steps(range(50, 60))  # what happens after the snapshot must not change it
    file.seek(0)
    weights, state = torch.load(file, weights_only=True)
    resumed = Run(optimizer, seed=99)
    resumed.model.load_state_dict(weights)
    resumed.optimizer.load_state_dict(state)
    assert same(straight.trace(), resumed.steps(range(8, 20)).trace())


def test_a_state_is_a_snapshot_that_may_be_loaded_twice():
    run = Run().steps(range(5))
    state = run.optimizer.state_dict()
    kept = copy.deepcopy(state["method"])
    other = Run()
    other.optimizer.load_state_dict(state)
    run.steps(range(5, 30))
    other.steps(range(5, 30))
    assert same(kept["reservoir"]["point"], state["method"]["reservoir"]["point"])
    assert torch.equal(kept["reservoir"]["weight"], state["method"]["reservoir"]["weight"])
    assert torch.equal(kept["objective_steps"], state["method"]["objective_steps"])


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"]
)
def test_a_copy_goes_on_like_the_original_and_apart_from_it(copied):
    run, other = Run().steps(range(8)), Run()
    other.model, other.optimizer = copied((run.model, run.optimizer))
    other.base = other.optimizer.base
    at_copy = run.trace()
    assert same(other.trace(), at_copy)
    other.steps(range(8, 16))
    assert same(run.trace(), at_copy)
    assert same(run.steps(range(8, 16)).trace(), other.trace())


def test_the_global_random_numbers_are_left_alone():
    torch.manual_seed(3)
    run = Run()
    torch.manual_seed(4)
    before = torch.random.get_rng_state()
    run.optimizer.step(lambda _: (run.model.weight.sum(), tensor(0.0, 0.0)))
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_value_that_is_not_finite_leaves_no_trace():
    run = Run().steps(range(5))
    before = run.trace()
    for bad in (lambda f, c: (f * torch.inf, c), lambda f, c: (f, c * torch.nan)):
        with pytest.raises(FloatingPointError):
            run.optimizer.step(lambda _, bad=bad: bad(*run.closure(5)))
    assert same(run.trace(), before)


def test_a_plain_loop_with_backward_does_the_same():
    stepped, plain = Run().steps(range(10)), Run()
    for k in range(10):
        plain.optimizer.zero_grad()
        plain.optimizer.surrogate(*plain.closure(k)).backward()
        plain.optimizer.step()
    assert same(stepped.trace(), plain.trace())


def test_a_state_of_another_number_of_replicates_is_refused_before_anything_changes():
    run = Run().steps(range(3))
    before = run.trace()
    stacked = Switching(
        torch.optim.Adam(run.model.parameters()), 2, 4, estimator=run.optimizer.estimator
    )
    with pytest.raises(ValueError, match=r"replicates of shape \(4,\)"):
        run.optimizer.load_state_dict(stacked.state_dict())
    assert same(run.trace(), before)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("tolerance", -0.1),
        ("tolerance", float("nan")),
        ("tolerance_decay", -0.5),
        ("constraint_rate", 0.0),
        ("caution", -1.0),
        ("burn_in", -1),
    ],
)
def test_factors_out_of_range_are_refused(name, bad):
    with pytest.raises(ValueError, match=name):
        Switching(sgd(parameter(0.0)), 1, **{name: bad})


def test_iterates_are_drawn_by_the_learning_rate_which_there_must_be():
    class Without(torch.optim.Optimizer):
        def __init__(self, parameters):
            super().__init__(parameters, {})

    with pytest.raises(ValueError, match="'lr'"):
        Switching(Without([parameter(0.0)]), 1)
