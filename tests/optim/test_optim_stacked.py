"""Stacked optimizers: each replicate goes as torch's own optimizer would take it alone."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.optim.stacked import (
    SGD,
    SOAP,
    Adafactor,
    Adagrad,
    Adam,
    Lion,
    Muon,
    NAdam,
    RMSProp,
    SignSGD,
    StackedOptimizer,
    orthogonalised,
)

F64 = torch.float64
SHAPES = [(4, 3), (4,), (2, 3, 3)]
RATES = [0.3, 0.01, 0.1]

TWINS = {
    "SGD": (SGD(), lambda p, lr: torch.optim.SGD(p, lr=lr)),
    "momentum": (SGD(0.9), lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9)),
    "Nesterov": (
        SGD(0.9, nesterov=True),
        lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9, nesterov=True),
    ),
    "Adagrad": (Adagrad(), lambda p, lr: torch.optim.Adagrad(p, lr=lr)),
    "RMSprop": (RMSProp(), lambda p, lr: torch.optim.RMSprop(p, lr=lr)),
    "RMSprop, momentum": (
        RMSProp(momentum=0.9),
        lambda p, lr: torch.optim.RMSprop(p, lr=lr, momentum=0.9),
    ),
    "Adam": (Adam(), lambda p, lr: torch.optim.Adam(p, lr=lr)),
    "NAdam": (NAdam(), lambda p, lr: torch.optim.NAdam(p, lr=lr)),
    "Adafactor": (Adafactor(), lambda p, lr: torch.optim.Adafactor(p, lr=lr)),
}
RULES = {name: rule for name, (rule, _) in TWINS.items()} | {
    "normalised": SGD(normalised=True),
    "sign": SignSGD(),
    "Lion": Lion(),
    "Muon": Muon(),
    "SOAP": SOAP(every=2),
}


def stacked(seed=0, dtype=F64):
    draw = torch.Generator().manual_seed(seed)
    return [torch.randn(len(RATES), *shape, generator=draw, dtype=dtype) for shape in SHAPES]


def run(parameters, optimizer, steps=6, first_seed=10, which=slice(None)):
    for k in range(steps):
        for p, g in zip(
            parameters, stacked(first_seed + k, dtype=parameters[0].dtype), strict=True
        ):
            p.grad = g[which].clone()
        optimizer.step()


def parameters_of(values):
    return [torch.nn.Parameter(x.clone()) for x in values]


@pytest.mark.parametrize("name", TWINS)
def test_every_replicate_goes_as_torchs_optimizer_takes_it_alone(name):
    rule, twin = TWINS[name]
    together = parameters_of(stacked())
    run(together, StackedOptimizer(together, rule, RATES))
    for i, rate in enumerate(RATES):
        alone = parameters_of([x[i] for x in stacked()])
        run(alone, twin(alone, rate), which=i)
        for p, q in zip(together, alone, strict=True):
            # torch keeps a number of NAdam's in single precision.
            torch.testing.assert_close(p[i], q, rtol=1e-9, atol=1e-7 if name == "NAdam" else 1e-12)


@pytest.mark.parametrize("name", RULES)
def test_no_replicate_knows_of_another(name):
    together, fewer = parameters_of(stacked()), parameters_of([x[[2, 0]] for x in stacked()])
    run(together, StackedOptimizer(together, RULES[name], RATES))
    run(fewer, StackedOptimizer(fewer, RULES[name], [RATES[2], RATES[0]]), which=[2, 0])
    for p, q in zip(together, fewer, strict=True):
        torch.testing.assert_close(p[[2, 0]], q)


def test_muon_goes_as_torchs_to_the_precision_of_its_iterations():
    # Which are in bfloat16 there.
    draw = torch.Generator().manual_seed(0)
    start = torch.randn(2, 6, 4, generator=draw)
    slopes = torch.randn(5, 2, 6, 4, generator=draw)
    together = parameters_of([start])
    optimizer = StackedOptimizer(together, Muon(), 0.1, weight_decay=0.1, decoupled=True)
    for g in slopes:
        together[0].grad = g.clone()
        optimizer.step()
    for i in range(2):
        alone = parameters_of([start[i]])
        of_torch = torch.optim.Muon(alone, lr=0.1, weight_decay=0.1)
        for g in slopes:
            alone[0].grad = g[i].clone()
            of_torch.step()
        moved, theirs = (p.detach() - start[i] for p in (together[0][i], alone[0]))
        assert float((moved - theirs).norm() / theirs.norm()) < 0.02


@pytest.mark.parametrize("shape", [(3, 4), (3, 1, 4), (3, 4, 1)])
def test_muon_gives_what_is_no_matrix_to_another_rule(shape):
    (vector,) = parameters_of([stacked()[1].view(shape)])
    (other,) = parameters_of([stacked()[1].view(shape)])
    ours, theirs = (
        StackedOptimizer([vector], Muon(other_rate=0.5), 0.1),
        StackedOptimizer([other], Adam(), 0.05),
    )
    for p, optimizer in ((vector, ours), (other, theirs)):
        p.grad = stacked(3)[1].view(shape)
        optimizer.step()
    torch.testing.assert_close(vector, other)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 10**6))
def test_singular_values_come_near_1_and_vectors_stay(a, b, seed):
    x = torch.randn(3, a, b, generator=torch.Generator().manual_seed(seed), dtype=F64)
    u, s, v = torch.linalg.svd(x, full_matrices=False)
    x = u @ torch.diag_embed(s.clamp(min=0.1 * float(s.max()))) @ v  # of a condition below 10
    near = orthogonalised(x)
    inside = u.mT @ near @ v.mT
    values = torch.diagonal(inside, dim1=1, dim2=2)
    assert float(values.min()) > 0.6
    assert float(values.max()) < 1.3
    torch.testing.assert_close(inside, torch.diag_embed(values), atol=1e-8, rtol=0)


def test_normalised_steps_have_the_length_of_the_rate():
    parameters = parameters_of(stacked())
    run(parameters, StackedOptimizer(parameters, SGD(normalised=True), RATES), steps=1)
    moved = [p - q for p, q in zip(parameters, stacked(), strict=True)]
    length = torch.stack([x.flatten(1).square().sum(1) for x in moved]).sum(0).sqrt()
    torch.testing.assert_close(length, torch.tensor(RATES, dtype=F64))


def test_a_gradient_of_nothing_moves_nothing():
    parameters = parameters_of(stacked())
    optimizer = StackedOptimizer(parameters, SGD(normalised=True), 0.1)
    for p in parameters:
        p.grad = torch.zeros_like(p)
    optimizer.step()
    assert all(torch.equal(p, q) for p, q in zip(parameters, stacked(), strict=True))


def test_lion_steps_along_the_sign_of_a_mean_that_it_does_not_keep():
    (w,) = parameters_of([torch.zeros(1, 1, dtype=F64)])
    optimizer = StackedOptimizer([w], Lion((0.9, 0.99)), 1.0)
    at = []
    for g in (1.0, -0.05, -2.0):
        w.grad = torch.full((1, 1), g, dtype=F64)
        optimizer.step()
        at.append(float(w.detach()))
    # Means kept: .01, .0094, ...; looked at: .1, .009 - .005, .00846 - .2.
    assert at == [-1.0, -2.0, -1.0]


@pytest.mark.parametrize("decoupled", [False, True])
def test_weight_decay_is_torchs(decoupled):
    together = parameters_of(stacked())
    settings_of = {"weight_decay": 0.1, "decoupled": decoupled}
    run(together, StackedOptimizer(together, Adam(), RATES, **settings_of))
    kind = torch.optim.AdamW if decoupled else torch.optim.Adam
    for i, rate in enumerate(RATES):
        alone = parameters_of([x[i] for x in stacked()])
        run(alone, kind(alone, lr=rate, weight_decay=0.1), which=i)
        for p, q in zip(together, alone, strict=True):
            torch.testing.assert_close(p[i], q, rtol=1e-9, atol=1e-12)


def test_a_scheduler_multiplies_every_rate():
    together = parameters_of(stacked())
    optimizer = StackedOptimizer(together, SGD(), RATES)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)
    for k in range(3):
        for p, g in zip(together, stacked(10 + k), strict=True):
            p.grad = g
        optimizer.step()
        schedule.step()
    rates = torch.tensor(RATES, dtype=F64)
    expected = stacked()[1] - sum(rates[:, None] * 0.5**k * stacked(10 + k)[1] for k in range(3))
    torch.testing.assert_close(together[1].detach(), expected)


@pytest.mark.parametrize("name", RULES)
def test_a_run_goes_on_from_its_state_bit_for_bit(name):
    first = parameters_of(stacked(dtype=torch.float32))
    optimizer = StackedOptimizer(first, RULES[name], RATES)
    run(first, optimizer, steps=3)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    second = parameters_of([p.detach() for p in first])
    again = StackedOptimizer(second, RULES[name], RATES)
    again.load_state_dict(torch.load(file, weights_only=True))
    for parameters, of in ((first, optimizer), (second, again)):
        run(parameters, of, steps=3, first_seed=50)
    assert all(torch.equal(p, q) for p, q in zip(first, second, strict=True))


def test_gradients_are_left_as_they_are():
    for rule in RULES.values():
        parameters = parameters_of(stacked())
        optimizer = StackedOptimizer(parameters, rule, RATES, weight_decay=0.1)
        for p, g in zip(parameters, stacked(3), strict=True):
            p.grad = g
        optimizer.step()
        assert all(torch.equal(p.grad, g) for p, g in zip(parameters, stacked(3), strict=True))


@pytest.mark.parametrize(
    ("shapes", "rates", "said"),
    [
        ([(3, 2), (2, 2)], 0.1, "as many replicates"),
        ([()], 0.1, "as many replicates"),
        ([(3, 2)], [0.1, 0.2], "one for each of 3 replicates"),
        ([(3, 2)], [0.1, 0.0, 0.2], "positive"),
        ([(3, 2)], float("inf"), "finite"),
    ],
)
def test_what_is_no_stack_is_refused(shapes, rates, said):
    with pytest.raises(ValueError, match=said):
        StackedOptimizer([torch.nn.Parameter(torch.zeros(s)) for s in shapes], SGD(), rates)


def test_a_closure_gives_the_gradients():
    (w,) = parameters_of([torch.ones(2, 3, dtype=F64)])
    optimizer = StackedOptimizer([w], SGD(), [0.1, 0.2])

    def closure():
        optimizer.zero_grad()
        loss = (w**2).sum()
        loss.backward()
        return loss.detach()

    assert float(optimizer.step(closure)) == 6
    torch.testing.assert_close(w.detach()[:, 0], torch.tensor([0.8, 0.6], dtype=F64))


@pytest.mark.parametrize("rate", [np.float32(0.25), torch.tensor(0.25), np.array(0.25)])
def test_a_rate_that_is_a_number_of_numpy_or_torch_is_that_number(rate):
    p = torch.nn.Parameter(torch.zeros(2, 3))
    p.grad = torch.ones_like(p)
    optimizer = StackedOptimizer([p], SGD(), rate)
    optimizer.step()
    assert optimizer.param_groups[0]["lr"] == 0.25
    assert torch.equal(p.detach(), torch.full((2, 3), -0.25))


@pytest.mark.parametrize("name", RULES)
def test_a_schedule_that_begins_at_0_moves_nothing_at_first(name):
    values = stacked()
    together = parameters_of(values)
    optimizer = StackedOptimizer(together, RULES[name], RATES)
    optimizer.param_groups[0]["lr"] = 0.0
    run(together, optimizer, steps=1)
    for p, value in zip(together, values, strict=True):
        assert torch.equal(p.detach(), value)


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_normalised_steps_have_the_length_of_the_rate_where_squares_cannot_be_held(size):
    p = torch.nn.Parameter(torch.zeros(2, 4))
    p.grad = torch.tensor([[3.0, 4.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]) * size
    StackedOptimizer([p], SGD(normalised=True), 1.0).step()
    expected = torch.tensor([[-0.6, -0.8, 0.0, 0.0], [0.0, 0.0, 0.0, -1.0]])
    torch.testing.assert_close(p.detach(), expected)
