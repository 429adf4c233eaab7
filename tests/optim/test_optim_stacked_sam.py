"""SAM on a stack: a second gradient, each replicate's own, whatever is wrapped around it."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from equipoise.optim.constrained import (
    ALM,
    SSLALM,
    Lagrangian,
    MovingAverage,
    Penalty,
    PenaltyBarrier,
    StochasticGhost,
    Storm,
    Switching,
    Unconstrained,
)
from equipoise.optim.stacked import SAM, SGD, Adam, StackedOptimizer

F64 = torch.float64
RATES = [0.3, 0.01, 0.1]
BASES = {
    "momentum": (SGD(0.9), lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9)),
    "Adam": (Adam(), lambda p, lr: torch.optim.Adam(p, lr=lr)),
}


def curved(values):
    # Not quadratic, and with terms between the parameters; of each replicate.
    w, b = values
    z = torch.einsum("...ij,...j->...i", w, b)
    return (torch.exp(0.3 * z).sum(-1) + w.square().square().sum((-2, -1)) + b.square().sum(-1)) / 9


def start(seed=0):
    draw = torch.Generator().manual_seed(seed)
    return [torch.randn(3, *shape, generator=draw, dtype=F64) for shape in ((4, 2), (2,))]


def run(parameters, optimizer, steps=5):
    def closure():
        optimizer.zero_grad()
        loss = curved(parameters).sum()
        loss.backward()
        return loss

    for _ in range(steps):
        closure()
        optimizer.step(closure)
    return [p.detach() for p in parameters]


def as_parameters(values):
    return [torch.nn.Parameter(x.clone()) for x in values]


@pytest.mark.parametrize("name", BASES)
def test_every_replicate_goes_as_the_plain_algorithm_takes_it_alone(name):
    rule, of_torch = BASES[name]
    parameters = as_parameters(start())
    base = StackedOptimizer(parameters, rule, RATES)
    together = run(parameters, SAM(base, radius=0.2))
    for i, rate in enumerate(RATES):
        alone = as_parameters([x[i] for x in start()])
        optimizer = of_torch(alone, rate)
        for _ in range(5):
            slopes = torch.autograd.grad(curved(alone), alone)
            length = torch.cat([g.flatten() for g in slopes]).norm()
            worst = [
                (p.detach() + 0.2 * g / length).requires_grad_()
                for p, g in zip(alone, slopes, strict=True)
            ]
            for p, g in zip(alone, torch.autograd.grad(curved(worst), worst), strict=True):
                p.grad = g
            optimizer.step()
        for p, q in zip(together, alone, strict=True):
            torch.testing.assert_close(p[i], q.detach(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", BASES)
def test_a_librarys_sam_goes_the_same_way(name):
    library = pytest.importorskip("pytorch_optimizer")
    parameters = as_parameters(start())
    together = run(parameters, SAM(StackedOptimizer(parameters, BASES[name][0], RATES)))
    kind = {"momentum": torch.optim.SGD, "Adam": torch.optim.Adam}[name]
    more = {"momentum": 0.9} if name == "momentum" else {}
    for i, rate in enumerate(RATES):
        alone = as_parameters([x[i] for x in start()])
        theirs = run(alone, library.SAM(alone, kind, rho=0.05, lr=rate, **more))
        for p, q in zip(together, theirs, strict=True):
            # It computes lengths in single precision.
            torch.testing.assert_close(p[i], q, rtol=1e-6, atol=1e-7)


def test_no_replicate_knows_of_another():
    both, one = as_parameters(start()), as_parameters([x[[1]] for x in start()])
    run(both, SAM(StackedOptimizer(both, Adam(), RATES), radius=0.5))
    run(one, SAM(StackedOptimizer(one, Adam(), RATES[1]), radius=0.5))
    for p, q in zip(both, one, strict=True):
        torch.testing.assert_close(p[[1]], q, rtol=1e-12, atol=1e-14)


def test_a_step_without_closure_is_refused_with_what_to_do():
    parameters = as_parameters(start())
    optimizer = SAM(StackedOptimizer(parameters, SGD(), 0.1))
    with pytest.raises(RuntimeError, match=r"step\(closure\)"):
        optimizer.step()


@pytest.mark.parametrize("radius", [0.0, -1.0, float("nan"), float("inf")])
def test_a_radius_that_is_none_is_refused(radius):
    with pytest.raises(ValueError, match="radius must be positive and finite"):
        SAM(torch.optim.SGD(as_parameters(start())), radius=radius)


def test_what_the_second_gradient_says_nothing_of_still_takes_its_step():
    # Momentum goes on where a gradient is 0, and not where there is none.
    w, b = as_parameters(start())
    base = StackedOptimizer([w, b], SGD(0.9), 0.1)
    optimizer = SAM(base)
    for p in (w, b):
        p.grad = torch.ones_like(p)
    base.step()
    before = b.detach().clone()

    def closure():
        optimizer.zero_grad()
        w.square().sum().backward()

    optimizer.step(closure)
    torch.testing.assert_close(b.detach(), before - 0.1 * 0.9)


def test_parameters_come_back_where_the_closure_fails():
    parameters = as_parameters(start())
    optimizer = SAM(StackedOptimizer(parameters, SGD(), 0.1))
    for p in parameters:
        p.grad = torch.ones_like(p)

    def fails():
        raise FloatingPointError("there")

    with pytest.raises(FloatingPointError, match="there"):
        optimizer.step(fails)
    assert all(torch.equal(p, x) for p, x in zip(parameters, start(), strict=True))
    assert optimizer.base.n_steps == 0


def test_a_run_goes_on_from_its_state_bit_for_bit():
    first = as_parameters(start())
    optimizer = SAM(StackedOptimizer(first, Adam(), RATES))
    run(first, optimizer)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    second = as_parameters([p.detach() for p in first])
    again = SAM(StackedOptimizer(second, Adam(), RATES))
    again.load_state_dict(torch.load(file, weights_only=True))
    for parameters, of in ((first, optimizer), (second, again)):
        run(parameters, of)
    assert all(torch.equal(p, q) for p, q in zip(first, second, strict=True))


def bounded(parameters):
    w, b = parameters
    return curved(parameters), torch.stack([w.sum((-2, -1)) - 0.5, b.square().sum(-1) - 1.0], -1)


WRAPPERS = {
    "unconstrained": Unconstrained,
    "penalty": Penalty,
    "ALM": ALM,
    "Lagrangian": Lagrangian,
    "extragradient": lambda *a: Lagrangian(*a, extragradient=True),
    "switching": Switching,
    "barrier": PenaltyBarrier,
    "SSL-ALM": SSLALM,
    "tracking": lambda *a: ALM(*a, estimator=MovingAverage(0.9)),
    "looking back": lambda *a: ALM(*a, estimator=Storm(0.5)),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_constrained_method_hands_on_the_gradient_nearby_of_what_it_descends_on(name):
    # The weights of the constraints are those of the first gradient: what a method ascends by is
    # not looked at twice.
    parameters, radius, rate = as_parameters(start()), 0.2, 0.05
    sam = SAM(StackedOptimizer(parameters, SGD(), rate), radius=radius)
    method = WRAPPERS[name](sam, 2, 3)
    for _ in range(3):
        method.step(lambda _: bounded(parameters))
    before = [p.detach().clone() for p in parameters]
    twin = as_parameters(before)
    plain = WRAPPERS[name](StackedOptimizer(twin, SGD(), rate), 2, 3)
    state = method.state_dict()
    plain.load_state_dict(state)
    slopes = []
    plain.register_step_pre_hook(lambda *_: slopes.append([p.grad.detach().clone() for p in twin]))
    plain.step(lambda _: bounded(twin))
    # What weight each constraint had is found from the gradient itself.
    f, c = bounded(parameters)
    rows = [torch.autograd.grad(x.sum(), parameters, retain_graph=True) for x in (f, *c.unbind(-1))]
    seen = []
    sam.base.register_step_pre_hook(
        lambda *_: seen.append([p.grad.detach().clone() for p in parameters])
    )
    method.step(lambda _: bounded(parameters))
    for i in range(3):
        flat = torch.stack([torch.cat([g[i].flatten() for g in row]) for row in rows], 1)
        first = torch.cat([g[i].flatten() for g in slopes[0]])
        weights = torch.linalg.lstsq(flat, first[:, None]).solution[:, 0]
        torch.testing.assert_close(flat @ weights, first, rtol=1e-8, atol=1e-10)
        there = [x[i].clone() for x in before]
        split = [p[i].numel() for p in parameters]
        for x, part in zip(there, (radius * first / first.norm()).split(split), strict=True):
            x.add_(part.view_as(x))
        there = [x.requires_grad_() for x in there]
        g, d = bounded(there)
        wanted = torch.autograd.grad(torch.cat([g[None], d]) @ weights, there)
        for got, want in zip(seen[0], wanted, strict=True):
            torch.testing.assert_close(got[i], want, rtol=1e-6, atol=1e-8)


def test_what_is_tracked_does_not_hear_of_the_point_nearby():
    averages = []
    for radius in (1e-9, 1.0):
        parameters = as_parameters(start())
        sam = SAM(StackedOptimizer(parameters, SGD(), 1e-12), radius=radius)
        method = ALM(sam, 2, 3, estimator=MovingAverage(0.5))
        for _ in range(3):
            method.step(lambda _, held=parameters: bounded(held))
        averages.append((method.multipliers, method.estimator.state_dict()["tracked"]))
    for one, other in zip(*averages, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)


def test_a_point_nearby_that_is_not_finite_leaves_everything_as_it_was():
    (w,) = as_parameters([torch.full((1, 1), 0.01, dtype=F64)])
    sam = SAM(StackedOptimizer([w], Adam(), 0.1), radius=1.0)
    method = ALM(sam, 1, 1, estimator=MovingAverage(0.5))

    def closure(_):
        root = torch.where(w < 0.5, w.abs(), torch.nan)
        return root.sum(1), root

    before = method.state_dict()
    with pytest.raises(FloatingPointError):
        method.step(closure)
    assert float(w.detach()) == 0.01
    assert float(method.multipliers) == 0
    assert method.estimator.state_dict() == before["estimator"]


def test_a_method_whose_direction_is_no_gradient_refuses_it_at_once():
    sam = SAM(torch.optim.SGD(as_parameters(start()), lr=0.1))
    with pytest.raises(ValueError, match="give it the optimizer inside"):
        StochasticGhost(sam, 1, 3)


def test_a_scheduler_of_the_outermost_reaches_the_step():
    parameters = as_parameters(start())
    sam = SAM(StackedOptimizer(parameters, SGD(), 0.1))
    method = Unconstrained(sam, 2, 3)
    method.load_state_dict(method.state_dict())
    schedule = torch.optim.lr_scheduler.LambdaLR(method, lambda step: 0.0)
    assert schedule.get_last_lr() == [0.0]
    method.step(lambda _: bounded(parameters))
    assert all(np.array_equal(p.detach(), x) for p, x in zip(parameters, start(), strict=True))
