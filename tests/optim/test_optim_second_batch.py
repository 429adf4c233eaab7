"""The value of one batch with the gradient of another: what their product is in expectation."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
import torch

from equipoise.optim.constrained import ALM, Batch, Penalty, Ratios, SecondBatch

# Five rows, of which each batch holds two, so that all pairs of batches can be listed.
SLOPES = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 2, 2)))
OFFSETS = torch.from_numpy(np.random.default_rng(1).normal(size=(5, 2)))
BATCHES = [list(rows) for rows in combinations(range(5), 2)]
ALL = list(range(5))
AT = [0.3, -0.7]


def constraints(x, rows):
    return (torch.tanh(SLOPES[rows] @ x) + OFFSETS[rows]).mean(0)


def parameter(at=AT):
    return torch.nn.Parameter(torch.tensor(at, dtype=torch.float64))


def gradient_of_penalty(estimator, batches):
    """(rho / 2) |c|^2 as the augmented Lagrangian of equations sees it, with rho = 1, f = 0."""
    x = parameter()
    method = ALM(
        torch.optim.SGD([x], lr=1.0),
        2,
        penalty=1.0,
        multiplier_rate=0.1,
        equalities=["constraints"],
        estimator=estimator,
    )
    method.step(lambda i: (0 * x.sum(), constraints(x, batches[i])))
    return x.grad


def mean_gradient(make):
    pairs = list(product(BATCHES, repeat=2))
    return torch.stack([gradient_of_penalty(make(), pair) for pair in pairs]).mean(0)


def gradient_of(function):
    x = parameter()
    return torch.autograd.grad(function(x), x)[0]


def true_penalty(x):
    return constraints(x, ALL).square().sum() / 2


def test_its_value_is_the_constraint_in_expectation_and_its_gradient_the_first_batchs():
    values = []
    for batches in product(BATCHES, repeat=2):
        x = parameter()
        method = Penalty(torch.optim.SGD([x], lr=0.1), 2, estimator=SecondBatch())
        seen = []
        method.lagrangian = lambda _, c, seen=seen: seen.append(c) or c.sum()
        method.step(lambda i, x=x, b=batches: (x.sum() * 0, constraints(x, b[i])))
        values.append(seen[0].detach())
        first = gradient_of(lambda x, rows=batches[0]: constraints(x, rows).sum())
        torch.testing.assert_close(x.grad, first, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(values[-1], constraints(parameter(), batches[1]).detach())
    torch.testing.assert_close(
        torch.stack(values).mean(0), constraints(parameter(), ALL).detach(), rtol=1e-12, atol=0
    )


def test_the_gradient_of_the_squared_constraint_is_unbiased():
    torch.testing.assert_close(
        mean_gradient(SecondBatch), gradient_of(true_penalty), rtol=1e-12, atol=1e-12
    )


def test_where_one_batch_penalises_its_own_variance():
    def variance(x):
        seen = torch.stack([constraints(x, rows) for rows in BATCHES])
        return seen.var(0, correction=0).sum()

    bias = gradient_of(lambda x: variance(x) / 2)
    assert bias.norm() > 0.1
    torch.testing.assert_close(
        mean_gradient(Batch), gradient_of(true_penalty) + bias, rtol=1e-12, atol=1e-12
    )


def test_ratios_are_those_of_the_second_batch_with_the_gradient_of_the_first():
    x = parameter()
    method = Penalty(torch.optim.SGD([x], lr=0.1), 2, estimator=SecondBatch())
    tops = [torch.sigmoid(x), torch.sigmoid(2 * x)]
    bottoms = [
        torch.tensor([0.5, 0.4], dtype=torch.float64),
        torch.tensor([0.8, 0.2], dtype=torch.float64),
    ]
    seen = []
    method.lagrangian = lambda _, c: seen.append(c) or c.sum()

    def problem(i):
        n, d = tops[i], bottoms[i]
        return x.sum() * 0, Ratios.of(n, d, n, d, lambda ratio: ratio)

    at = x.detach().clone()
    method.step(problem)
    torch.testing.assert_close(seen[0].detach(), torch.sigmoid(2 * at) / bottoms[1])
    # d (N / D) = dN / D, with dN of the first batch and D of the second.
    s = torch.sigmoid(at)
    torch.testing.assert_close(x.grad, s * (1 - s) / bottoms[1])


@pytest.mark.parametrize("broken", [0, 1])
def test_a_batch_that_is_not_finite_leaves_no_trace(broken):
    x = parameter()
    method = ALM(torch.optim.Adam([x], lr=0.1), 2, estimator=SecondBatch(with_error=True))
    method.step(lambda i: (x.sum(), constraints(x, BATCHES[i])))
    kept = method.estimator.state_dict()["spread"]
    before, y = x.detach().clone(), method.multipliers.clone()
    with pytest.raises(FloatingPointError, match="constraints"):
        method.step(
            lambda i: (
                x.sum(),
                constraints(x, BATCHES[i]) * (torch.nan if i == broken else 1),
            )
        )
    now = method.estimator.state_dict()["spread"]
    assert torch.equal(x.detach(), before)
    assert torch.equal(method.multipliers, y)
    assert torch.equal(now["squares"], kept["squares"])
    assert now["mass"] == kept["mass"]


def test_replicates_stacked_are_estimated_as_each_is_alone():
    noise = torch.randn(3, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def final(which):
        x = torch.nn.Parameter(torch.ones(len(which), 2, dtype=torch.float64))
        method = ALM(torch.optim.SGD([x], lr=0.1), 2, len(which), estimator=SecondBatch())
        method.step(lambda i: ((x**2).sum(-1), 1 - x + noise[which, i]))
        return x.detach(), method.multipliers

    together = final([0, 1, 2])
    for r in range(3):
        for stacked, alone in zip(together, final([r]), strict=True):
            torch.testing.assert_close(stacked[r], alone[0], rtol=1e-14, atol=1e-14)


def test_batches_of_different_shape_are_refused():
    x = parameter()
    method = Penalty(torch.optim.SGD([x], lr=0.1), 2, estimator=SecondBatch())
    with pytest.raises(ValueError, match="shape"):
        method.step(lambda i: (x.sum(), constraints(x, ALL)[: 2 - i]))


def test_it_needs_a_closure():
    x = parameter()
    method = Penalty(torch.optim.SGD([x], lr=0.1), 2, estimator=SecondBatch())
    with pytest.raises(ValueError, match="give step a closure"):
        method.surrogate(x.sum(), constraints(x, ALL))
