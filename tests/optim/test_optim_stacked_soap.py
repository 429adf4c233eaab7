"""SOAP on a stack: each replicate against a plain computation, and against a library's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equipoise.optim.stacked import SOAP, Adam, StackedOptimizer

F64 = torch.float64
RATES = [0.3, 0.01, 0.1]
TIE = 1e-6


def draws(n, shape, seed=0, dtype=F64, replicates=3):
    random = torch.Generator().manual_seed(seed)
    return [torch.randn(replicates, *shape, generator=random, dtype=dtype) for _ in range(n)]


def course(start, slopes, rule, rates, which=slice(None)):
    p = torch.nn.Parameter(start[which].clone())
    optimizer = StackedOptimizer([p], rule, rates)
    for g in slopes:
        p.grad = g[which].clone()
        optimizer.step()
    return p.detach()


def plain(start, slopes, rate, betas, eps, every, turned=(0, 1)):
    """Algorithm 3 of one matrix, with loops and numpy."""
    first, second = betas
    w, mean, square = start.copy(), np.zeros_like(start), np.zeros_like(start)
    factors = [np.zeros((n, n)) for n in start.shape]
    bases = [np.eye(n) for n in start.shape]
    for t, g in enumerate(slopes):
        if t > 0:
            mean = first * mean + (1 - first) * g
            square = second * square + (1 - second) * (bases[0].T @ g @ bases[1]) ** 2
            corrected = bases[0].T @ mean @ bases[1] / (np.sqrt(square) + eps)
            size = np.sqrt(1 - second**t) / (1 - first**t)
            w = w - rate * size * bases[0] @ corrected @ bases[1].T
        for axis in turned:
            outer = g @ g.T if axis == 0 else g.T @ g
            factors[axis] = second * factors[axis] + (1 - second) * outer
            n = len(outer)
            tie = TIE * np.trace(factors[axis]) / n
            if t == 0:
                tilted = factors[axis] + tie * np.diag(np.arange(n, 0, -1) / n)
                values, vectors = np.linalg.eigh(tilted)
                bases[axis] = vectors[:, np.argsort(-values)]
            elif t % every == 0:
                power = (factors[axis] + tie * np.eye(n)) @ bases[axis]
                order = np.argsort(-np.sum(bases[axis] * power, axis=0), kind="stable")
                square = np.take(square, order, axis=axis)
                bases[axis] = np.linalg.qr(power[:, order])[0]
    return w


@pytest.mark.parametrize("shape", [(4, 3), (3, 5), (5, 2, 2)])
def test_every_replicate_goes_as_the_algorithm_says_it_would_alone(shape):
    start, slopes = draws(1, shape)[0], draws(12, shape, seed=1)
    rule = SOAP((0.9, 0.95), every=3)
    found = course(start, slopes, rule, RATES)
    for i, rate in enumerate(RATES):
        as_matrix = [x[i].flatten(1).numpy() for x in (start, *slopes)]
        wanted = plain(as_matrix[0], as_matrix[1:], rate, (0.9, 0.95), 1e-8, 3)
        np.testing.assert_allclose(found[i].flatten(1).numpy(), wanted, rtol=1e-6, atol=1e-8)


def test_an_axis_that_is_too_long_is_not_turned():
    start, slopes = draws(1, (3, 5))[0], draws(9, (3, 5), seed=1)
    found = course(start, slopes, SOAP(every=2, longest=4), RATES)
    for i, rate in enumerate(RATES):
        one = [g[i].numpy() for g in slopes]
        wanted = plain(start[i].numpy(), one, rate, (0.95, 0.95), 1e-8, 2, turned=(0,))
        np.testing.assert_allclose(found[i].numpy(), wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("shape", [(5,), (1, 5)])
def test_a_vector_goes_as_adam_would_from_the_second_gradient_on(shape):
    start, slopes = draws(1, shape)[0], draws(7, shape, seed=1)
    found = course(start, slopes, SOAP(), RATES)
    adams = Adam((0.95, 0.95), eps=1e-8)
    torch.testing.assert_close(found, course(start, slopes[1:], adams, RATES), rtol=1e-6, atol=1e-8)


def test_nothing_moves_in_the_first_step():
    start = draws(1, (4, 3))[0]
    assert torch.equal(course(start, draws(1, (4, 3), seed=1), SOAP(), RATES), start)


def test_turned_coordinates_make_no_difference():
    # Up to what a basis of its own cannot undo: Adam in the given coordinates does not have this.
    start, slopes = draws(1, (4, 4), replicates=1)[0], draws(9, (4, 4), seed=1, replicates=1)
    left, right = (torch.linalg.qr(x[0])[0] for x in draws(2, (4, 4), seed=2, replicates=1))

    def apart(rule):
        there = course(left @ start @ right, [left @ g @ right for g in slopes], rule, 0.1)
        return float((left.mT @ there @ right.mT - course(start, slopes, rule, 0.1)).abs().max())

    assert apart(SOAP(every=2)) < 1e-4 < 1e-2 < apart(Adam())


@pytest.mark.parametrize("dead", [0, 20])
def test_replicates_of_wide_layers_stay_apart_in_single_precision(dead):
    # Gradients of rank 3 leave most of 40 directions to rounding, and units that are dead for good
    # leave theirs so for ever.
    random = torch.Generator().manual_seed(0)
    start = torch.randn(4, 3, 40, generator=random)
    slopes = []
    for _ in range(60):
        g = torch.randn(4, 3, 40, generator=random)
        g[:, :, :dead] = 0.0
        slopes.append(g)
    together = course(start, slopes, SOAP(), 0.01)
    noise = [g * (1 + 1e-7 * torch.randn(g.shape, generator=random)) for g in slopes]
    alone = course(start, noise, SOAP(), 0.01, which=[2])
    torch.testing.assert_close(alone[0], together[2], rtol=0, atol=1e-4)


@pytest.mark.parametrize("shape", [(4, 4), (4, 3)])
def test_a_librarys_soap_goes_the_same_way(shape):
    library = pytest.importorskip("pytorch_optimizer")
    start, slopes = draws(1, shape)[0], draws(25, shape, seed=1)
    found = course(start, slopes, SOAP(every=5), RATES)
    for i, rate in enumerate(RATES):
        p = torch.nn.Parameter(start[i].clone())
        theirs = library.SOAP([p], lr=rate, weight_decay=0.0, precondition_frequency=5)
        for g in slopes:
            p.grad = g[i].clone()
            theirs.step()
        moved = (p.detach() - start[i]).norm()
        # It takes its QR in single precision, and has no shift.
        assert float((found[i] - p.detach()).norm() / moved) < 1e-3


def test_an_interval_of_no_steps_is_refused():
    with pytest.raises(ValueError, match="every must be at least 1"):
        SOAP(every=0)
