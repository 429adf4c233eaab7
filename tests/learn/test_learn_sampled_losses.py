"""The curvature of a loss, as labels drawn from the outputs tell it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equipoise.learn.network import StackedMLP
from equipoise.learn.order import Order
from equipoise.learn.problem import FairProblem, Rows
from equipoise.learn.sampled_losses import LossesOfSampledLabels

SEEDS = [3, 5]


def made(seeds=SEEDS, weights=None, n=12, k=3):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(n, 2)), random.integers(0, k, n)
    rows = Rows.of(x, y, weights=weights, dtype=torch.float64)
    network = StackedMLP(2, (), k, seeds, torch.float64)
    problem = FairProblem(network, rows, k)
    return network, rows, LossesOfSampledLabels(problem, Order(n, n, seeds), seeds)


@pytest.mark.parametrize("weights", [None, np.linspace(0.2, 3, 12)])
def test_squares_of_its_gradients_are_the_diagonal_of_gauss_and_newton_in_the_mean(weights):
    network, rows, sampled = made(weights=weights)
    w = network.weights[0]
    squares = []
    for _ in range(1000):
        losses, n = sampled()
        (slope,) = torch.autograd.grad(losses.sum(), w)
        squares.append(n * slope.square())
    draws = torch.stack(squares)
    error = draws.std(0) / len(draws) ** 0.5
    # A linear model's is the mean of w x_j^2 p_c (1 - p_c), which is its Hessian's diagonal.
    p = torch.softmax(network(rows.features), -1).detach()
    own = torch.ones(12, dtype=torch.float64) if rows.weights is None else rows.weights
    wanted = torch.einsum("n,nj,rnc->rjc", own, rows.features.square(), p * (1 - p)) / 12
    assert float(((draws.mean(0) - wanted) / error).abs().max()) < 4
    assert float((error / wanted).max()) < 0.12


def test_a_replicate_draws_what_it_would_draw_alone():
    _, _, both = made()
    _, _, one = made(seeds=[5])
    for _ in range(3):
        torch.testing.assert_close(both()[0][1:], one()[0])


def test_every_label_comes_as_often_as_its_probability():
    network, _, sampled = made(seeds=[1], n=1)
    with torch.no_grad():
        network.biases[0][:] = torch.tensor([0.5, 0.3, 0.2]).log()
        network.weights[0].zero_()
    drawn = np.array([float(sampled()[0].exp().detach()) for _ in range(3000)])
    for p in (0.5, 0.3, 0.2):
        assert np.isclose(drawn, 1 / p).mean() == pytest.approx(p, abs=0.03)
