"""What a step makes of groups' gradients, and where the theorems about it hold."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.optim.dynamics import UpdateProbe

F64 = torch.float64

# Without momentum, so that a step is the diagonal times the gradient.
DIAGONAL = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
    "centred RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01, centered=True),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.0, 0.99)),
    "AMSGrad": lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.0, 0.9), amsgrad=True),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.01, betas=(0.0, 0.99), weight_decay=0),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1, lr_decay=0.1),
    "Adamax": lambda p: torch.optim.Adamax(p, lr=0.01, betas=(0.0, 0.99)),
}
# Their steps are no diagonal times the gradient, or one that is not read from the state.
OTHERS = {
    "Muon": lambda p: torch.optim.Muon(p, lr=0.01),
    "Adadelta": lambda p: torch.optim.Adadelta(p, lr=0.1),
}


class Problem:
    """A layer, and rows of two groups that pull it in different directions."""

    def __init__(self, make, steps=4, scale=1.0):
        torch.manual_seed(0)
        self.weight = torch.nn.Parameter(torch.randn(3, 4, dtype=F64))
        self.targets = torch.randn(2, 3, 4, dtype=F64)
        self.scale = scale
        self.optimizer = make([self.weight])
        self.probe = UpdateProbe(self.optimizer)
        for _ in range(steps):
            self.step()

    def losses(self):
        return [self.scale * ((self.weight - t) ** 2).sum() for t in self.targets]

    def slopes(self):
        return [2 * self.scale * (self.weight.detach() - t) for t in self.targets]

    def step(self, share=0.9):
        first, second = self.losses()
        self.optimizer.zero_grad()
        (share * first + (1 - share) * second).backward()
        self.optimizer.step()

    def read(self, share=0.9):
        return self.probe.read(self.losses(), [share, 1 - share])


@pytest.mark.parametrize("name", DIAGONAL)
@pytest.mark.parametrize("steps", [0, 4])
def test_the_diagonal_is_that_of_torchs_next_step(name, steps):
    problem = Problem(DIAGONAL[name], steps)
    found = problem.read()
    before = problem.weight.detach().clone()
    slopes = problem.slopes()
    whole = 0.9 * slopes[0] + 0.1 * slopes[1]
    problem.step()
    moved = (before - problem.weight.detach()) / problem.optimizer.param_groups[0]["lr"]
    diagonal = moved / whole
    apart = slopes[0] - slopes[1]
    assert found.disparity == pytest.approx(float((diagonal * apart).norm()), rel=1e-6)
    assert found.plain_disparity == pytest.approx(float(apart.norm()))
    length = float(moved.norm())
    assert found.relative_disparity == pytest.approx(found.disparity / length, rel=1e-6)
    assert found.plain_relative_disparity == pytest.approx(float(apart.norm() / whole.norm()))
    assert found.bound_ratio == pytest.approx(length / float(whole.norm()), rel=1e-6)
    assert found.rare_progress == pytest.approx(float((slopes[1] * moved).sum()) / length, rel=1e-6)
    assert found.damped == pytest.approx(float((diagonal <= 1 + 1e-9).double().mean()))


@pytest.mark.parametrize("name", OTHERS)
def test_other_optimizers_are_asked_what_they_would_do(name):
    problem = Problem(OTHERS[name])
    found = problem.read()
    steps = []
    for slope in problem.slopes():
        alone = copy.deepcopy(problem)
        alone.weight.grad = slope
        alone.optimizer.step()
        rate = alone.optimizer.param_groups[0]["lr"]
        steps.append((problem.weight - alone.weight).detach() / rate)
    assert found.damped is None
    assert found.disparity == pytest.approx(float((steps[0] - steps[1]).norm()), rel=1e-6)


@pytest.mark.parametrize("name", ["Adam", *OTHERS])
def test_looking_changes_nothing(name):
    looked, alone = (Problem((DIAGONAL | OTHERS)[name]) for _ in range(2))
    for _ in range(3):
        looked.read()
        looked.step()
        alone.step()
    assert torch.equal(looked.weight, alone.weight)


@settings(deadline=None, max_examples=50)
@given(st.floats(1.0, 50.0), st.integers(0, 10**6), st.floats(0.55, 0.99))
def test_where_every_coordinate_is_damped_theorems_2_and_3_hold(noise, seed, share):
    """Quadratics of two groups whose gradients carry noise of a deviation of 1 or more."""
    draw = torch.Generator().manual_seed(seed)
    w = torch.nn.Parameter(torch.randn(8, generator=draw, dtype=F64))
    optimizer = torch.optim.RMSprop([w], lr=1e-9, alpha=0.99)
    for _ in range(600):
        w.grad = noise * (1 + torch.randn(8, generator=draw, dtype=F64).abs())
        optimizer.step()
    targets = torch.randn(2, 8, generator=draw, dtype=F64)
    losses = [((w - t) ** 2).sum() / 2 for t in targets]
    found = UpdateProbe(optimizer).read(losses, [share, 1 - share])
    assert found.damped == 1
    assert found.disparity <= found.plain_disparity
    assert found.bound_ratio <= 1


def test_where_gradients_are_small_the_theorems_premise_fails_and_so_do_they():
    found = Problem(DIAGONAL["RMSprop"], scale=1e-3).read()
    assert found.damped == 0
    assert found.disparity > found.plain_disparity
    assert found.bound_ratio > 1


def test_the_relative_disparity_does_not_know_the_scale_of_the_loss():
    small, large = (
        Problem(lambda p: torch.optim.RMSprop(p, lr=0.01, eps=0), steps=0, scale=scale).read()
        for scale in (1e-3, 1e3)
    )
    assert small.relative_disparity == pytest.approx(large.relative_disparity)
    assert small.bound_ratio == pytest.approx(1e6 * large.bound_ratio)


def test_coordinates_that_all_groups_pull_alike_do_not_count_as_damped_or_not():
    w = torch.nn.Parameter(torch.tensor([1.0, 1.0], dtype=F64))
    optimizer = torch.optim.Adagrad([w], lr=0.1, initial_accumulator_value=4.0)
    losses = [(0.1 * w[0] + a * w[1]) for a in (1.0, 2.0)]
    assert UpdateProbe(optimizer).read(losses, [0.5, 0.5]).damped == 1
    same = [0.1 * w.sum(), 0.1 * w.sum()]
    assert UpdateProbe(optimizer).read(same, [0.5, 0.5]).disparity == 0


def test_where_no_group_pulls_there_is_no_ratio():
    w = torch.nn.Parameter(torch.zeros(2, dtype=F64))
    losses = [(w**2).sum(), (w**2).sum()]
    found = UpdateProbe(torch.optim.SGD([w], lr=0.1)).read(losses, [0.5, 0.5])
    assert math.isnan(found.bound_ratio)
    assert found.disparity == 0


@pytest.mark.parametrize(
    ("n", "shares", "said"),
    [(1, [1.0], "two or more"), (2, [1.0], "two or more"), (2, [0.7, 0.7], "add up to 1")],
)
def test_what_are_no_groups_is_refused(n, shares, said):
    problem = Problem(DIAGONAL["SGD"])
    with pytest.raises(ValueError, match=said):
        problem.probe.read(problem.losses()[:n], shares)


def test_gradients_that_are_not_finite_are_said():
    problem = Problem(DIAGONAL["SGD"], scale=math.inf)
    with pytest.raises(FloatingPointError, match="gradient of a group"):
        problem.read()


DECAYED = {
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01, weight_decay=0.5),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.0, 0.99), weight_decay=0.5),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1, weight_decay=0.5),
    "Adamax": lambda p: torch.optim.Adamax(p, lr=0.01, betas=(0.0, 0.99), weight_decay=0.5),
}


@pytest.mark.parametrize("name", DECAYED)
@pytest.mark.parametrize("steps", [0, 4])
def test_weight_decay_that_is_part_of_the_gradient_is_part_of_the_diagonal(name, steps):
    problem = Problem(DECAYED[name], steps)
    found = problem.read()
    before = problem.weight.detach().clone()
    first, second = problem.slopes()
    problem.step()
    moved = (before - problem.weight.detach()) / problem.optimizer.param_groups[0]["lr"]
    diagonal = moved / (0.9 * first + 0.1 * second + 0.5 * before)
    expected = float((diagonal * (first - second)).norm())
    assert found.disparity == pytest.approx(expected, rel=1e-6)
