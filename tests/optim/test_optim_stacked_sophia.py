"""Sophia on a stack: its curvature, its cut, and each replicate against a plain computation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equipoise.optim.stacked import Sophia, StackedOptimizer

F64 = torch.float64
RATES = [0.3, 0.01, 0.1]
SHAPES = [(4, 3), (4,)]


def draws(seed, replicates=3):
    random = torch.Generator().manual_seed(seed)
    return [torch.randn(replicates, *s, generator=random, dtype=F64) for s in SHAPES]


def parameters_of(values):
    return [torch.nn.Parameter(x.clone()) for x in values]


def sampled(parameters, which=slice(None)):
    """Losses whose gradients are known: those of draw 100, 101, ..., on 5 rows."""
    calls = []

    def losses():
        slopes = draws(100 + len(calls))
        calls.append(None)
        each = [(p * g[which]).flatten(1).sum(1) for p, g in zip(parameters, slopes, strict=True)]
        return sum(each), 5

    return losses


def run(parameters, rule, rates, steps=8, which=slice(None)):
    optimizer = StackedOptimizer(parameters, rule, rates)
    for k in range(steps):
        for p, g in zip(parameters, draws(10 + k), strict=True):
            p.grad = 0.1 * g[which]
        optimizer.step()
    return [p.detach() for p in parameters]


def plain(i, rate, betas, gamma, every, steps=8):
    """Algorithm 3 of one replicate."""
    found = []
    for j, _ in enumerate(SHAPES):
        w = draws(0)[j][i].numpy().copy()
        m, h = np.zeros_like(w), np.zeros_like(w)
        for t in range(1, steps + 1):
            m = betas[0] * m + (1 - betas[0]) * 0.1 * draws(9 + t)[j][i].numpy()
            if t % every == 1:
                slope = draws(100 + (t - 1) // every)[j][i].numpy()
                h = betas[1] * h + (1 - betas[1]) * 5 * slope**2
            w = w - rate * np.clip(m / np.maximum(gamma * h, 1e-12), -1, 1)
        found.append(w)
    return found


@pytest.mark.parametrize("gamma", [0.05, 5.0])
def test_every_replicate_goes_as_the_algorithm_says_it_would_alone(gamma):
    parameters = parameters_of(draws(0))
    rule = Sophia(sampled(parameters), (0.9, 0.8), gamma, every=3)
    together = run(parameters, rule, RATES)
    for i, rate in enumerate(RATES):
        for p, w in zip(together, plain(i, rate, (0.9, 0.8), gamma, 3), strict=True):
            np.testing.assert_allclose(p[i].numpy(), w, rtol=1e-12, atol=1e-14)


def test_no_replicate_knows_of_another():
    both, one = parameters_of(draws(0)), parameters_of([x[[1]] for x in draws(0)])
    run(both, Sophia(sampled(both)), RATES)
    run(one, Sophia(sampled(one, [1])), RATES[1], which=[1])
    for p, q in zip(both, one, strict=True):
        torch.testing.assert_close(p[[1]], q)


def test_a_librarys_sophia_goes_the_same_way_with_the_same_curvature():
    library = pytest.importorskip("pytorch_optimizer")
    gamma = 3.0
    together = parameters_of(draws(0))
    found = run(together, Sophia(sampled(together), (0.96, 0.99), gamma, every=3), RATES)
    for i, rate in enumerate(RATES):
        alone = parameters_of([x[i] for x in draws(0)])
        theirs = library.SophiaH(
            alone, lr=rate, betas=(0.96, 0.99), p=1.0, weight_decay=0.0,
            update_period=10**6, eps=1e-12,
        )  # fmt: skip
        for k in range(8):
            for p, g in zip(alone, draws(10 + k), strict=True):
                p.grad = 0.1 * g[i]
            curvature = None
            if k % 3 == 0:
                curvature = [gamma * 5 * g[i].square() for g in draws(100 + k // 3)]
            theirs.step(hessian=curvature)
        for p, q in zip(found, alone, strict=True):
            torch.testing.assert_close(p[i], q.detach())


def test_gradients_are_not_touched_by_the_look_at_the_curvature():
    parameters = parameters_of(draws(0))
    optimizer = StackedOptimizer(parameters, Sophia(sampled(parameters)), 0.1)
    for p, g in zip(parameters, draws(3), strict=True):
        p.grad = g
    optimizer.step()
    assert all(torch.equal(p.grad, g) for p, g in zip(parameters, draws(3), strict=True))


def test_no_coordinate_moves_by_more_than_the_rate():
    parameters = parameters_of(draws(0))
    moved = run(parameters, Sophia(sampled(parameters)), RATES, steps=1)
    for p, start in zip(moved, draws(0), strict=True):
        most = (p - start).abs().flatten(1).amax(1)
        assert bool((most <= torch.tensor(RATES, dtype=F64) * (1 + 1e-12)).all())


def test_a_parameter_of_which_the_losses_know_nothing_has_no_curvature():
    known, unknown = parameters_of(draws(0))
    rule = Sophia(lambda: (known.flatten(1).sum(1), 5))
    optimizer = StackedOptimizer([known, unknown], rule, 0.1)
    for p in (known, unknown):
        p.grad = torch.full_like(p, 1e-6)
    optimizer.step()
    # What is flat is stepped on by the whole rate.
    torch.testing.assert_close(unknown.detach(), draws(0)[1] - 0.1)


def test_an_interval_of_no_steps_is_refused():
    with pytest.raises(ValueError, match="every must be at least 1"):
        Sophia(lambda: (torch.zeros(1), 1), every=0)
