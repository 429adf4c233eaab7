"""The exact penalty, and no method at all."""

from __future__ import annotations

import pytest
import torch

from equipoise.optim.constrained import MovingAverage, Penalty, Unconstrained


def minimise(wrap, steps=1500):
    """min x^2 with x >= 1, whose multiplier is 2."""
    x = torch.nn.Parameter(torch.tensor([0.0], dtype=torch.float64))
    optimizer = wrap(torch.optim.SGD([x], lr=0.02))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.step(lambda _: ((x**2).sum(), 1 - x))
        schedule.step()
    return x.item()


@pytest.mark.parametrize("strength", [2.5, 6.0])
def test_a_strength_above_the_multiplier_gives_the_constrained_solution(strength):
    assert minimise(lambda base: Penalty(base, 1, strength=strength)) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.5])
def test_a_strength_below_the_multiplier_leaves_the_constraint_violated(strength):
    # min x^2 + s (1 - x) is at s / 2.
    assert minimise(lambda base: Penalty(base, 1, strength=strength)) == pytest.approx(
        strength / 2, abs=1e-6
    )


def test_no_method_minimises_the_objective_alone():
    assert minimise(lambda base: Unconstrained(base, 1)) == pytest.approx(0, abs=1e-6)


def test_only_violated_constraints_pull_and_all_alike():
    c = torch.tensor([0.001, -0.5, 3.0], requires_grad=True)
    method = Penalty(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1), 3, strength=7.0)
    method.lagrangian(torch.tensor(0.0), c).backward()
    assert c.grad.tolist() == [7.0, 0.0, 7.0]


def test_the_tracked_value_decides_which_constraints_count_as_violated():
    x = torch.nn.Parameter(torch.zeros(1))
    optimizer = Penalty(torch.optim.SGD([x], lr=1.0), 1, estimator=MovingAverage(0.9))
    for value in (-1.0, -1.0, 0.5):  # the average of -1, -1 and 0.5 still holds
        optimizer.step(lambda _, v=value: (x.sum() * 0, x + v))
    assert x.item() == 0.0


@pytest.mark.parametrize("strength", [-0.1, float("nan"), float("inf")])
def test_strength_must_be_a_number_and_not_negative(strength):
    with pytest.raises(ValueError, match="strength"):
        Penalty(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1), 1, strength=strength)


def test_methods_without_multipliers_have_none():
    base = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    assert Penalty(base, 1).multipliers is None
    assert Unconstrained(base, 1).multipliers is None
