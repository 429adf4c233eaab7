"""Projected steps: what is left of a gradient, and what they do as proposals."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from equipoise.optim.minmax import (
    AcceptReject,
    Counterfactual,
    Euclidean,
    Player,
    ProjectedStep,
    project_out,
)


def vector(*x):
    return torch.tensor(x, dtype=torch.float64)


def test_the_component_along_the_opponents_gradient_is_taken_out():
    # Of (3, 4) that along (1, 1) / sqrt(2) is (3.5, 3.5).
    (left,) = project_out([vector(3.0, 4.0)], [vector(2.0, 2.0)], 0.0)
    torch.testing.assert_close(left, vector(-0.5, 0.5), rtol=0, atol=1e-15)


def test_the_opponents_gradient_is_gone_against_by_the_strength():
    (direction,) = project_out([vector(3.0, 4.0)], [vector(0.0, 2.0)], 0.5)
    torch.testing.assert_close(direction, vector(3.0, -1.0), rtol=0, atol=1e-15)


def test_all_parameters_are_one_vector():
    # Tensor by tensor nothing would be left of either.
    left = project_out([vector(1.0), vector(0.0)], [vector(1.0), vector(1.0)], 0.0)
    torch.testing.assert_close(torch.cat(left), vector(0.5, -0.5), rtol=0, atol=1e-15)


def test_matrices_are_projected_by_the_sum_of_the_products_of_their_entries():
    torch.manual_seed(0)
    g, h = torch.randn(2, 5, 3, dtype=torch.float64)
    (left,) = project_out([g], [h], 0.0)
    torch.testing.assert_close(left, g - (g * h).sum() / (h * h).sum() * h)


def test_an_opponent_without_a_gradient_leaves_the_step_as_it_is():
    (left,) = project_out([vector(3.0, 4.0)], [vector(0.0, 0.0)], 7.0)
    assert torch.equal(left, vector(3.0, 4.0))


numbers = st.lists(st.floats(-10, 10), min_size=12, max_size=12)


@given(numbers, numbers, st.floats(0, 5))
def test_what_is_left_moves_the_opponents_loss_by_the_strength_alone(g, h, strength):
    g, h = ([x[:2].reshape(2), x[2:]] for x in (vector(*g), vector(*h)))
    direction = torch.cat(project_out(g, h, strength))
    along = torch.cat(h)
    size = float(along @ along)
    if size < 1e-6:
        return
    assert float(direction @ along) == pytest.approx(-strength * size, abs=1e-8 * (1 + size))


def test_stacked_problems_are_projected_apart():
    torch.manual_seed(0)
    g, h = ([torch.randn(3, 2, 4), torch.randn(3, 5)] for _ in range(2))
    strength = torch.tensor([0.0, 1.0, 2.0])
    together = project_out(g, h, strength, stacked=True)
    for r in range(3):
        alone = project_out([x[r] for x in g], [x[r] for x in h], strength[r])
        for ours, own in zip(together, alone, strict=True):
            torch.testing.assert_close(ours[r], own)


@pytest.mark.parametrize("strength", [-0.1, math.nan, math.inf, torch.tensor([1.0, -1.0])])
def test_a_strength_is_finite_and_not_negative(strength):
    with pytest.raises(ValueError, match="strength must be finite and not negative"):
        ProjectedStep(lambda: (torch.zeros(()), torch.zeros(())), strength)


def player(x):
    return Player("minimizer", torch.optim.SGD([x], lr=0.1), Euclidean())


def test_a_step_is_the_optimizers_along_that_direction():
    x = vector(1.0, 1.0).requires_grad_()
    step = ProjectedStep(lambda: ((x**2).sum(), 3 * x[1]), 0.5)
    step(player(x), lambda: x.sum())
    # (2, 2) less its second entry, less 0.5 (0, 3).
    torch.testing.assert_close(x.detach(), vector(1 - 0.2, 1 + 0.15))


def test_losses_of_two_shapes_are_refused():
    x = vector(1.0, 1.0).requires_grad_()
    with pytest.raises(ValueError, match="two tensors of shape"):
        ProjectedStep(lambda: (x.sum(), x))(player(x), lambda: x.sum())


def test_a_loss_that_is_not_finite_stops_before_the_step():
    x = vector(1.0, 1.0).requires_grad_()
    with pytest.raises(FloatingPointError, match="opponent's loss is not finite"):
        ProjectedStep(lambda: (x.sum(), x.sum() / 0))(player(x), lambda: x.sum())
    assert torch.equal(x.detach(), vector(1.0, 1.0))


def biased(n=600):
    torch.manual_seed(0)
    group = (torch.arange(n) % 2).float()
    x = torch.randn(n, 2)
    x[:, 0] += 1.5 * group
    y = (x.sum(1) + 0.5 * torch.randn(n) > 0.7).float()
    return x, y, group


def gap(model, x, group):
    chosen = (model(x)[:, 0] > 0).float()
    return abs(float(chosen[group == 1].mean() - chosen[group == 0].mean()))


def test_as_a_proposal_it_debiases_a_model_that_accept_reject_trains():
    x, y, group = biased()
    model, adversary = torch.nn.Linear(2, 1), torch.nn.Linear(1, 1)

    batch = torch.arange(len(x))

    def losses():
        scores = model(x[batch])
        return bce(scores[:, 0], y[batch]), bce(adversary(scores)[:, 0], group[batch])

    def value():
        own, opposing = losses()
        return own - 3 * opposing

    plain = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(100):
        plain.zero_grad()
        losses()[0].backward()
        plain.step()
    before = gap(model, x, group)
    game = AcceptReject(
        torch.optim.Adam(model.parameters(), lr=0.05),
        torch.optim.Adam(adversary.parameters(), lr=0.05),
        response=Counterfactual(3),
        proposal=ProjectedStep(losses, 3.0),
        free_pass=0.2,
    )
    for _ in range(200):
        batch = torch.randint(len(x), (200,))
        game.step(value)
    assert before > 0.3
    assert game.n_accepted > 20
    assert gap(model, x, group) < 0.5 * before
