"""The promise on a batch: counted exactly, with the gradient of the expected table."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equipoise import Constraint, Groups
from equipoise.learn import FairProblem, Rows, StackedMLP
from equipoise.optim.constrained import Batch, MovingAverage

# Each rate as (event, condition) in label, prediction and positive class.
DEFINED = {
    "selection": (lambda y, p, c: p == c, lambda y, p, c: True),
    "true_positive": (lambda y, p, c: p == c, lambda y, p, c: y == c),
    "false_positive": (lambda y, p, c: p == c, lambda y, p, c: y != c),
    "predictive_value": (lambda y, p, c: y == c, lambda y, p, c: p == c),
    "false_omission": (lambda y, p, c: y == c, lambda y, p, c: p != c),
    "accuracy": (lambda y, p, c: p == y, lambda y, p, c: True),
}
PARTS = {"equalized_odds": ("true_positive", "false_positive")}
PER_CLASS = set(DEFINED) - {"accuracy"}


class Task:
    """Random rows, a random network, and what a loop over them counts."""

    def __init__(self, k=2, overlapping=False, weighted=False, n=60, b=45, r=2):
        self.rng = np.random.default_rng(3)
        self.k, self.r = k, r
        self.features = self.rng.normal(size=(n, 3))
        self.label = self.rng.integers(0, k, n)
        if overlapping:
            self.member = self.rng.random((n, 3)) < 0.6
            self.groups = Groups.from_membership(self.member, ["a", "b", "c"])
        else:
            codes = self.rng.integers(0, 3, n)
            self.member = codes[:, None] == np.arange(3)
            self.groups = Groups.from_codes(codes, ["a", "b", "c"])
        self.weights = self.rng.uniform(0.2, 3, n) if weighted else None
        self.network = StackedMLP(3, (4,), k, range(r), torch.float64)
        with torch.no_grad():
            for parameter in self.network.parameters():
                parameter.mul_(4)  # predictions of every class, and not by a hair
        # Two batches of different rows, in which rows may repeat.
        self.batch = torch.from_numpy(self.rng.integers(0, n, (r, b)))

    def problem(self, constraint=None):
        rows = Rows.of(self.features, self.label, self.groups, self.weights, dtype=torch.float64)
        return FairProblem(
            self.network, rows, self.k, [] if constraint is None else [Constraint.parse(constraint)]
        )

    def ratios(self, rate):
        return self.problem(f'gap("{rate}") <= 0.1')(self.batch)[1]

    def probabilities(self, replicate):
        x = torch.from_numpy(self.features[self.batch[replicate]])
        return torch.softmax(self.network(x)[replicate], -1).detach().numpy()

    def table(self, rate, replicate, soft):
        """Numerators and denominators of (component, group), by a loop over rows."""
        if rate in PARTS:
            parts = [self.table(part, replicate, soft) for part in PARTS[rate]]
            return tuple(np.concatenate(x) for x in zip(*parts, strict=True))
        event, condition = DEFINED[rate]
        classes = range(self.k) if rate in PER_CLASS and self.k > 2 else [1]
        top, bottom = np.zeros((2, len(classes), 3))
        scaled = None if self.weights is None else self.weights / self.weights.mean()
        for row, p in zip(
            self.batch[replicate].tolist(), self.probabilities(replicate), strict=True
        ):
            share = p if soft else np.eye(self.k)[p.argmax()]
            weight = 1 if scaled is None else scaled[row]
            for prediction in range(self.k):
                for i, c in enumerate(classes):
                    if condition(self.label[row], prediction, c):
                        mass = weight * share[prediction] * self.member[row]
                        bottom[i] += mass
                        top[i] += mass * event(self.label[row], prediction, c)
        return top / 45, bottom / 45


TASKS = {
    "two classes": {},
    "three classes": {"k": 3},
    "overlapping groups": {"overlapping": True},
    "weights": {"weighted": True},
    "all of it": {"k": 3, "overlapping": True, "weighted": True},
}


@pytest.mark.parametrize("rate", [*DEFINED, *PARTS])
@pytest.mark.parametrize("task", TASKS)
def test_counted_ratios_are_the_exact_rates_of_the_batch(task, rate):
    task = Task(**TASKS[task])
    ratios = task.ratios(rate)
    for r in range(task.r):
        top, bottom = task.table(rate, r, soft=False)
        np.testing.assert_allclose(ratios.statistic[0][r].numpy(), top, atol=1e-12)
        np.testing.assert_allclose(ratios.statistic[1][r].numpy(), bottom, atol=1e-12)


@pytest.mark.parametrize("rate", [*DEFINED, *PARTS])
@pytest.mark.parametrize("task", TASKS)
def test_proxies_are_the_rates_of_the_expected_table(task, rate):
    task = Task(**TASKS[task])
    ratios = task.ratios(rate)
    for r in range(task.r):
        top, bottom = task.table(rate, r, soft=True)
        np.testing.assert_allclose(ratios.proxy[0][r].detach().numpy(), top, atol=1e-12)
        np.testing.assert_allclose(ratios.proxy[1][r].detach().numpy(), bottom, atol=1e-12)


def test_only_the_proxy_carries_a_gradient():
    ratios = Task().ratios("predictive_value")
    assert not ratios.statistic.requires_grad
    assert ratios.proxy.requires_grad


CONSTRAINTS = [
    'gap("selection") <= 0.05',
    'ratio("true_positive") >= 0.9',
    'worst("predictive_value") >= 0.8',
    'gap("equalized_odds") <= 0.05',
    'gap("loss") <= 0.01',
    'worst("loss") <= 0.2',
]


def balance(task):
    """Shift the logits so that every class is predicted about equally often."""
    logits = task.network(torch.from_numpy(task.features))
    with torch.no_grad():
        task.network.biases[-1] -= logits.mean(1, keepdim=True)


@pytest.mark.parametrize("constraint", CONSTRAINTS)
@pytest.mark.parametrize("k", [2, 3])
def test_the_gradient_of_the_constraints_agrees_with_finite_differences(constraint, k):
    task = Task(k, weighted=True, n=400, b=400, r=1)
    balance(task)
    problem, parsed = task.problem(constraint), Constraint.parse(constraint)

    def soft_rates():
        ratios = problem(task.batch)[1]
        return ratios.proxy[0] / ratios.proxy[1]

    ratios = problem(task.batch)[1]
    counted = ratios.statistic[0] / ratios.statistic[1]
    estimate = Batch().estimate(ratios)
    weights = torch.linspace(0.1, 1, estimate.shape[-1], dtype=torch.float64)
    (estimate * weights).sum().backward()
    torch.testing.assert_close(estimate.detach(), parsed.violations(counted))

    start, h = soft_rates().detach(), 1e-6

    def moved():  # the counted rates, moved by what the soft ones move
        return (parsed.violations(counted + soft_rates().detach() - start) * weights).sum()

    for parameter in task.network.parameters():
        at = tuple(int(i) for i in np.unravel_index(parameter.numel() // 2, parameter.shape))
        difference = 0.0
        with torch.no_grad():
            for sign in (1, -2):
                parameter[at] += sign * h
                difference += (1 if sign == 1 else -1) * moved().item()
            parameter[at] += h
        assert parameter.grad[at].item() == pytest.approx(difference / (2 * h), rel=1e-4, abs=1e-7)


def test_disjoint_groups_given_as_a_matrix_change_nothing():
    by_codes, by_matrix = Task(), Task()
    by_matrix.groups = Groups.from_membership(by_matrix.member, ["a", "b", "c"])
    for rate in ("selection", "equalized_odds", "loss"):
        for a, b in zip(
            by_codes.ratios(rate).parts.values(), by_matrix.ratios(rate).parts.values(), strict=True
        ):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rate", ["selection", "true_positive", "loss"])
def test_whole_weights_count_like_rows_repeated(rate):
    task = Task(r=1)
    times = task.rng.integers(0, 4, len(task.label))
    repeated = np.repeat(np.arange(len(task.label)), times)
    constraint = Constraint.parse(f'gap("{rate}") <= 0.1')

    def everything(rows):
        problem = FairProblem(task.network, rows, 2, [constraint])
        return problem(torch.arange(len(rows))[None])

    features, label, groups = task.features, task.label, task.groups
    weighted = everything(
        Rows.of(features, label, groups, times.astype(float), dtype=torch.float64)
    )
    longer = everything(
        Rows.of(features[repeated], label[repeated], groups.take(repeated), dtype=torch.float64)
    )
    torch.testing.assert_close(weighted[0], longer[0])
    for a, b in zip(weighted[1].parts.values(), longer[1].parts.values(), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("task", TASKS)
def test_the_objective_is_the_weighted_mean_of_the_cross_entropy(task):
    task = Task(**TASKS[task])
    objective, _ = task.problem()(task.batch)
    for r in range(task.r):
        rows = task.batch[r].numpy()
        loss = -np.log(task.probabilities(r)[np.arange(45), task.label[rows]])
        weights = 1 if task.weights is None else (task.weights / task.weights.mean())[rows]
        assert objective[r].item() == pytest.approx((loss * weights).mean(), rel=1e-12)


@pytest.mark.parametrize("task", TASKS)
def test_loss_rates_are_the_mean_losses_of_the_groups(task):
    task = Task(**TASKS[task])
    ratios = task.ratios("loss")
    for r in range(task.r):
        rows = task.batch[r].numpy()
        loss = -np.log(task.probabilities(r)[np.arange(45), task.label[rows]])
        weights = np.ones(len(task.label)) if task.weights is None else task.weights
        for g in range(3):
            inside = task.member[rows, g]
            expected = np.average(loss[inside], weights=weights[rows][inside])
            got = ratios.statistic[0][r, 0, g] / ratios.statistic[1][r, 0, g]
            assert got.item() == pytest.approx(expected, rel=1e-12)


def test_without_a_constraint_there_are_no_constraints():
    assert Task().problem()(torch.zeros(2, 5, dtype=torch.int64))[1].shape == (2, 0)


def test_a_group_without_a_row_in_the_batch_gets_no_gradient_and_no_nan():
    task = Task(r=1)
    problem = task.problem('gap("true_positive") <= 0.0')
    estimator = MovingAverage(0.9)
    estimator.estimate(problem(task.batch)[1])
    there = np.flatnonzero(task.member[:, 0] | task.member[:, 1])
    estimate = estimator.estimate(problem(torch.from_numpy(there)[None])[1])
    (gradient,) = torch.autograd.grad(estimate[0, 2], task.network.weights[0], retain_graph=True)
    estimate.square().sum().backward()
    assert torch.isfinite(task.network.weights[0].grad).all()
    assert torch.isfinite(gradient).all()


def test_a_promise_without_groups_is_refused():
    rows = Rows.of(np.zeros((4, 2)), np.array([0, 1, 0, 1]))
    with pytest.raises(ValueError, match="needs groups"):
        FairProblem(
            StackedMLP(2, (), 2, [0]), rows, 2, [Constraint.parse('gap("selection") <= 0.1')]
        )


def test_hundreds_of_groups_are_counted_like_any():
    n, g = 6000, 300
    rng = np.random.default_rng(0)
    codes, label = rng.integers(0, g, n), rng.integers(0, 2, n)
    network = StackedMLP(2, (), 2, [0, 1], torch.float64)
    x = rng.normal(size=(n, 2))
    rows = Rows.of(
        x, label, Groups.from_codes(codes, [str(i) for i in range(g)]), dtype=torch.float64
    )
    constraint = Constraint.parse('gap("selection") <= 0.1')
    _, ratios = FairProblem(network, rows, 2, [constraint])(torch.arange(n).expand(2, -1))
    decided = network(rows.features)[1].argmax(-1).numpy()
    expected = np.bincount(codes, decided, g) / np.bincount(codes, minlength=g)
    got = ratios.statistic[0][1, 0] / ratios.statistic[1][1, 0]
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12)
    assert ratios.function(ratios.statistic[0]).shape == (2, 2 * g)


@pytest.mark.parametrize("name", ["label", "groups", "weights"])
def test_rows_of_different_lengths_are_refused(name):
    given = {
        "label": np.array([0, 1, 0]),
        "groups": Groups.from_codes([0, 1, 0], ["a", "b"]),
        "weights": np.ones(3),
    }
    given[name] = {"label": given["label"][:2], "weights": np.ones(2)}.get(
        name, Groups.from_codes([0, 1], ["a", "b"])
    )
    with pytest.raises(ValueError, match=f"numbers of rows differ.*{name}"):
        Rows.of(np.zeros((3, 2)), **given)


def test_arrays_that_torch_cannot_hold_are_copied():
    features, label = np.arange(8.0).reshape(4, 2)[::-1], np.array([0, 1, 0, 1])
    codes = np.array([0, 0, 1, 1])
    for array in (features, label, codes):
        array.setflags(write=False)
    rows = Rows.of(features, label, Groups.from_codes(codes, ["a", "b"]))
    FairProblem(StackedMLP(2, (), 2, [0]), rows, 2, [Constraint.parse('gap("selection") <= 0.1')])
    np.testing.assert_array_equal(rows.features.numpy(), features)


def test_cells_too_many_for_a_matrix_are_added_up_to_the_same_sums(monkeypatch):
    dense = Task().ratios("equalized_odds")
    monkeypatch.setattr("equipoise.learn.fair_loss._DENSE_CELLS", 0)
    sparse = Task().ratios("equalized_odds")
    torch.testing.assert_close(sparse.statistic, dense.statistic)
    torch.testing.assert_close(sparse.proxy, dense.proxy)


@pytest.mark.parametrize("weigh_rates", [True, False])
@pytest.mark.parametrize("task", TASKS)
def test_everything_is_the_batch_of_all_rows_without_a_gradient(task, weigh_rates, monkeypatch):
    monkeypatch.setattr("equipoise.learn.problem._BLOCK", 7)
    task = Task(**TASKS[task])
    rows = Rows.of(
        task.features,
        task.label,
        task.groups,
        task.weights,
        weigh_rates=weigh_rates,
        dtype=torch.float64,
    )
    promises = [Constraint.parse(one) for one in ('gap("equalized_odds") <= 0.1', CONSTRAINTS[4])]
    problem = FairProblem(task.network, rows, task.k, promises)
    objective, ratios = problem.everything()
    expected, of_batch = problem(torch.arange(len(rows)).expand(task.r, -1))
    torch.testing.assert_close(objective, expected.detach(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ratios.values, of_batch.values, rtol=1e-12, atol=1e-12)
    assert not objective.requires_grad
    assert not ratios.proxy.requires_grad


def test_everything_without_a_promise_is_the_loss_of_all_rows():
    task = Task(weighted=True)
    objective, nothing = task.problem().everything()
    expected, _ = task.problem()(torch.arange(60).expand(2, -1))
    torch.testing.assert_close(objective, expected.detach())
    assert nothing.shape == (2, 0)


def test_of_a_large_table_some_rows_of_each_stratum_stand_for_all(monkeypatch):
    # Rows of a group and a label are alike here, so that any of them tells of all.
    task = Task(k=2, n=600)
    task.features = np.stack([task.label, task.member[:, 0], task.member[:, 1]], 1).astype(float)
    whole = task.problem('gap("true_positive") <= 0.1').everything()
    monkeypatch.setattr("equipoise.learn.problem._MOST_ROWS", 50)
    problem = task.problem('gap("true_positive") <= 0.1')
    looked_at = []
    task.network.register_forward_hook(lambda _, given, __: looked_at.append(len(given[0])))
    objective, ratios = problem.everything()
    assert sum(looked_at) <= 50
    torch.testing.assert_close(objective, whole[0], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ratios.values, whole[1].values, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("weigh_rates", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
def test_rows_that_are_drawn_more_often_count_that_much_less(weighted, weigh_rates):
    task = Task(n=100, weighted=weighted)
    rare = np.arange(100) < 10
    rows = Rows.of(
        task.features,
        task.label,
        task.groups,
        task.weights,
        weigh_rates=weigh_rates,
        dtype=torch.float64,
    )
    promises = [Constraint.parse('gap("equalized_odds") <= 0.1')]
    importance = np.where(rare, 0.1 / 0.5, 0.9 / 0.5)  # drawn as often as all the others
    problem = FairProblem(task.network, rows, 2, promises, importance)
    batch = np.concatenate([np.repeat(np.flatnonzero(rare), 9), np.flatnonzero(~rare)])
    objective, ratios = problem(torch.from_numpy(batch).expand(2, -1))
    expected, whole = problem.everything()
    torch.testing.assert_close(objective.detach(), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ratios.values, whole.values, rtol=1e-12, atol=1e-12)
