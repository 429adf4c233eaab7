"""Group DRO and thresholds by group."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equipoise import Constraint, Groups
from equipoise.reproduce.group_dro import GroupDRO
from equipoise.reproduce.thresholds import choose_thresholds, decide


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


def _scored(n: int = 2_000) -> tuple[np.ndarray, np.ndarray, Groups]:
    random = np.random.default_rng(0)
    code = random.integers(2, size=n)
    score = np.clip(random.beta(2, 3 - code), 0, 1)
    label = (random.random(n) < score).astype(np.int64)
    return score, label, Groups.from_codes(code, ["a", "b"])


@pytest.mark.parametrize("rate", ["selection", "true_positive", "equalized_odds"])
def test_thresholds_keep_the_gap_on_the_rows_that_they_are_chosen_on(rate: str):
    score, label, groups = _scored()
    constraint = Constraint.parse(f'gap("{rate}") <= 0.06')
    decision = decide(score, groups, choose_thresholds(score, label, groups, constraint))
    table = groups.tabulate(label * 2 + decision, 4).reshape(-1, 2, 2)
    plain = groups.tabulate(label * 2 + (score > 0.5), 4).reshape(-1, 2, 2)
    assert constraint.kept_by(constraint.disparity.rate.values(table))
    assert not constraint.kept_by(constraint.disparity.rate.values(plain))
    assert (decision == label).mean() > 0.6


def test_thresholds_that_promise_nothing_err_least():
    score, label, groups = _scored()
    limits = choose_thresholds(score, label, groups, Constraint.parse('gap("selection") <= 1'))
    for number, limit in enumerate(limits):
        own = groups.codes == number
        errors = [((score[own] > t) != label[own]).sum() for t in np.linspace(0, 1, 50)]
        assert ((score[own] > limit) != label[own]).sum() <= min(errors) + 4


def test_no_thresholds_keep_a_promise_about_losses():
    score, label, groups = _scored(50)
    with pytest.raises(ValueError, match="gaps of shares"):
        choose_thresholds(score, label, groups, Constraint.parse('gap("loss") <= 0.1'))
