"""Group DRO: the paper's weights, and the group that is worst off in tables where it loses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equipoise import Constraint, FairClassifier, Groups
from equipoise.learn import GroupDRO, Rows, TrainingSettings, train
from equipoise.learn.robust.cells import by_group_and_label, labels_matter
from equipoise.optim.constrained import MovingAverage

WORST = Constraint.parse('worst("accuracy") >= 0.8')
HITS = Constraint.parse('gap("true_positive") <= 0.05')


def _losses(x: torch.Tensor) -> torch.Tensor:
    return torch.stack([(x - 1.0).square().sum(-1), 2 * (x + 1.0).square().sum(-1)], -1)


def _run(optimizer: GroupDRO, x: torch.Tensor, steps: int) -> None:
    for _ in range(steps):
        optimizer.step(lambda _: (_losses(x).sum(-1).detach() * 0 + x.sum(-1) * 0, _losses(x)))


def test_group_dro_follows_the_papers_update():
    x = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    optimizer = GroupDRO(torch.optim.SGD([x], lr=0.05), 2, rate=0.3)
    ours, q = 0.5, np.array([0.5, 0.5])
    for _ in range(20):
        losses = np.array([(ours - 1) ** 2, 2 * (ours + 1) ** 2])
        ours -= 0.05 * q @ np.array([2 * (ours - 1), 4 * (ours + 1)])
        q = q * np.exp(0.3 * losses)
        q /= q.sum()
        _run(optimizer, x, 1)
    assert x.item() == pytest.approx(ours, rel=1e-6)
    np.testing.assert_allclose(optimizer.multipliers.numpy(), q, rtol=1e-5)


def test_group_dro_makes_the_worst_loss_small():
    # (x - 1)^2 = 2 (x + 1)^2 at x = -3 + sqrt(8): there the larger of the two is least.
    x = torch.tensor([2.0], requires_grad=True)
    optimizer = GroupDRO(torch.optim.SGD([x], lr=0.01), 2, rate=0.05)
    _run(optimizer, x, 3_000)
    assert x.item() == pytest.approx(-3 + 8**0.5, abs=1e-3)


def test_group_dros_replicates_end_where_each_ends_alone():
    start = [[2.0], [-3.0]]
    together = torch.tensor(start, requires_grad=True)
    _run(GroupDRO(torch.optim.SGD([together], lr=0.02), 2, 2, rate=0.1), together, 30)
    for number, own in enumerate(start):
        alone = torch.tensor(own, requires_grad=True)
        _run(GroupDRO(torch.optim.SGD([alone], lr=0.02), 2, rate=0.1), alone, 30)
        torch.testing.assert_close(together[number], alone)


def test_group_dro_resumes_bit_for_bit():
    def fresh() -> tuple[torch.Tensor, GroupDRO]:
        x = torch.tensor([2.0], requires_grad=True)
        return x, GroupDRO(torch.optim.SGD([x], lr=0.02, momentum=0.9), 2, rate=0.1)

    x, optimizer = fresh()
    _run(optimizer, x, 10)
    state, at = optimizer.state_dict(), x.detach().clone()
    _run(optimizer, x, 10)
    y, again = fresh()
    with torch.no_grad():
        y.copy_(at)
    again.load_state_dict(state)
    _run(again, y, 10)
    assert torch.equal(x, y)
    assert torch.equal(optimizer.multipliers, again.multipliers)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_group_dro_wants_a_positive_rate(rate: float):
    with pytest.raises(ValueError, match="rate must be positive"):
        GroupDRO(torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1), 2, rate=rate)


def test_there_must_be_a_group_to_weigh():
    x = torch.zeros(1, requires_grad=True)
    with pytest.raises(ValueError, match="n_constraints must be at least 1"):
        GroupDRO(torch.optim.SGD([x], lr=0.1), 0)


def test_weights_follow_what_the_estimator_says_of_the_losses():
    x = torch.zeros(1, requires_grad=True)
    optimizer = GroupDRO(torch.optim.SGD([x], lr=0.0), 2, rate=0.5, estimator=MovingAverage(0.5))
    for losses in ([1.0, 0.0], [0.0, 0.0]):
        optimizer.step(lambda _, losses=losses: (x.sum(), torch.tensor(losses) + 0 * x))
    # Averages of the first loss: 1, then (0.5 * 0 + 0.25 * 1) / 0.75 = 1/3.
    expected = torch.softmax(torch.tensor([0.5 * (1 + 1 / 3), 0.0]), 0)
    torch.testing.assert_close(optimizer.multipliers, expected)


# -------------------------------------------------------------------- as a way of training


def few_and_many(n=1200, seed=0, dtype=torch.float32):
    """One person in ten is of a group in which the first feature means the opposite."""
    random = np.random.default_rng(seed)
    group = (random.random(n) < 0.1).astype(np.int64)
    x = random.normal(size=(n, 3))
    x[:, 2] = group
    score = np.where(group == 1, -1.0, 1.0) * x[:, 0] + 0.7 * x[:, 1]
    label = (score + 0.5 * random.normal(size=n) > 0).astype(np.int64)
    return Rows.of(x, label, Groups.from_codes(group, ["many", "few"]), dtype=dtype)


def settings(method="group-dro", **changes):
    given = {"hidden": (), "steps": 300, "batch_size": 128, "learning_rate": 0.02}
    return TrainingSettings(method, **{**given, **changes})


def of_cells(network, rows):
    """Accuracy by group and label, averaged over replicates."""
    decided = network(rows.features).argmax(-1).numpy()
    label, group = rows.label.numpy(), rows.groups.codes
    right = (decided == label).mean(0)
    return np.array([[right[(group == g) & (label == y)].mean() for y in (0, 1)] for g in (0, 1)])


def test_the_accuracy_of_the_group_that_is_worst_off_rises():
    rows, fresh = few_and_many(), few_and_many(8000, seed=1)
    worst = {}
    for method in ("erm", "group-dro"):
        trained = train(rows, 2, [0, 1], settings(method), WORST)
        worst[method] = of_cells(trained.network, fresh).mean(1).min()
    # No linear model is right about both: 0.5 is what guessing gets the few.
    assert worst["erm"] < 0.5
    assert worst["group-dro"] > 0.6


def test_a_promise_about_some_labels_has_cells_of_group_and_label_weighed():
    rows, fresh = few_and_many(), few_and_many(8000, seed=1)
    worst = {}
    for method in ("erm", "group-dro"):
        trained = train(rows, 2, [0, 1], settings(method), HITS)
        worst[method] = of_cells(trained.network, fresh).min()
        assert trained.history.disparity.shape[1:] == (2, 1)  # of the promise itself
    assert worst["erm"] < 0.5
    assert worst["group-dro"] > worst["erm"] + 0.15


@pytest.mark.parametrize("promise", [WORST, HITS], ids=str)
def test_seeds_in_a_stack_end_where_each_ends_alone(promise):
    rows, chosen = few_and_many(400, dtype=torch.float64), settings(steps=40)
    together = train(rows, 2, [3, 8], chosen, promise).network.state_dict()
    for r, seed in enumerate([3, 8]):
        alone = train(rows, 2, [seed], chosen, promise).network.state_dict()
        for name, x in alone.items():
            torch.testing.assert_close(together[name][r : r + 1], x, rtol=0, atol=1e-9)


def test_validation_rows_choose_among_the_iterates():
    rows, chosen = few_and_many(400), settings(steps=60, hidden=(8,))
    held = few_and_many(400, seed=2)
    first = train(rows, 2, [0], chosen, HITS).network.weights[0]
    second = train(rows, 2, [0], chosen, HITS, validation=held).network.weights[0]
    assert torch.isfinite(second).all()
    assert not torch.equal(first, second)


@pytest.mark.parametrize("promise", [WORST, HITS], ids=str)
def test_a_group_without_rows_stops_nothing(promise):
    rows = few_and_many(400)
    groups = Groups.from_codes(rows.groups.codes, ["many", "few", "nobody"])
    rows = Rows(rows.features, rows.label, None, groups)
    network = train(rows, 2, [0], settings(), promise).network
    assert of_cells(network, few_and_many(4000, seed=1)).mean(1).min() > 0.55


def test_groups_that_overlap_are_weighed_too():
    rows = few_and_many()
    few = rows.groups.codes == 1
    groups = Groups.from_membership(np.stack([np.ones_like(few), few], 1), ["all", "few"])
    rows = Rows(rows.features, rows.label, None, groups)
    for promise in (WORST, HITS):
        network = train(rows, 2, [0], settings(), promise).network
        assert of_cells(network, few_and_many(4000, seed=1)).mean(1).min() > 0.55


def test_weights_that_diverge_are_told_of():
    with pytest.raises(FloatingPointError):
        train(few_and_many(200), 2, [0], settings(optimizer="SGD", learning_rate=1e30), WORST)


def test_without_a_promise_it_is_ordinary_training():
    rows = few_and_many(200)
    plain, robust = (train(rows, 2, [0], settings(m, steps=5)) for m in ("erm", "group-dro"))
    assert torch.equal(plain.network.weights[0], robust.network.weights[0])


def test_it_is_a_method_of_the_classifier():
    rows = few_and_many()
    fair = FairClassifier(WORST, "group-dro", hidden=(), steps=200, random_state=0)
    X, y = rows.features.numpy(), rows.label.numpy()
    decided = fair.fit(X, y, sensitive_features=rows.groups.codes).predict(X)
    assert (decided == y)[rows.groups.codes == 1].mean() > 0.55


def test_rates_say_whether_labels_are_looked_at_apart():
    looked_at = {
        rate: labels_matter([Constraint.parse(f'gap("{rate}") <= 0.1')], 2)
        for rate in ("selection", "accuracy", "loss", "predictive_value", "true_positive",
                     "equalized_odds")
    }  # fmt: skip
    assert [rate for rate, apart in looked_at.items() if apart] == [
        "true_positive",
        "equalized_odds",
    ]


@pytest.mark.parametrize("overlapping", [False, True])
def test_cells_that_any_part_has_are_groups_of_all(overlapping):
    def part(codes, label):
        groups = Groups.from_codes(codes, ["a", "b"])
        if overlapping:
            groups = Groups.from_membership(groups.matrix(), ["a", "b"])
        return Rows.of(np.zeros((len(label), 1)), np.array(label), groups)

    first, second = by_group_and_label([part([0, 0, 1], [0, 1, 1]), part([1, 1], [1, 1])], 2)
    assert first.groups.names == second.groups.names == ("a, label 0", "a, label 1", "b, label 1")
    np.testing.assert_array_equal(first.groups.matrix(), np.eye(3))
    np.testing.assert_array_equal(second.groups.matrix(), [[0, 0, 1], [0, 0, 1]])
