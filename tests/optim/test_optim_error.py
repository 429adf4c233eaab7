"""The standard error that an estimator gives of its estimate."""

from __future__ import annotations

import io
from itertools import combinations, product

import numpy as np
import pytest
import torch

from equipoise.optim.constrained import (
    ALM,
    Batch,
    FullPass,
    Layout,
    MovingAverage,
    Penalty,
    Ratios,
    SecondBatch,
    Storm,
)
from equipoise.optim.constrained.evaluations import Evaluations

ESTIMATORS = {
    "Batch": lambda: Batch(with_error=True),
    "SecondBatch": lambda: SecondBatch(with_error=True),
    "MovingAverage": lambda: MovingAverage(0.7, with_error=True),
    "Storm": lambda: Storm(0.3, with_error=True),
}

# Four rows of two constraints, of which each batch holds two: all sequences can be listed.
ROWS = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 2)))
BATCHES = [list(rows) for rows in combinations(range(4), 2)]


def plain(rows):
    return ROWS[rows].mean(0)


def differences(rates):
    return torch.stack([rates[0] - rates[1], rates[1] * 2])


def ratios(noise, function=differences):
    """Rates of two groups whose numerators and denominators differ a little between rows."""
    random = np.random.default_rng(1)
    top = torch.from_numpy(np.array([0.3, 0.2]) + noise * random.normal(size=(4, 2)))
    bottom = torch.from_numpy(np.array([0.5, 0.8]) + noise * random.normal(size=(4, 2)))

    def seen(rows):
        n, d = top[rows].mean(0), bottom[rows].mean(0)
        return Ratios.of(n, d, n, d, function)

    return seen


def estimate(estimator, seen, batches):
    """The last estimate at fixed parameters; each element of batches is a step's."""
    x = torch.zeros(1, dtype=torch.float64)
    before = None
    for step_batches in batches:
        step = Evaluations(lambda i, b=step_batches: (x.sum(), seen(b[i])), Layout(2), [x], before)
        last = estimator.estimate(step.look(0)[1], step)
        before = [x.clone()]
    return last


def squared_error_and_variance(make, seen, length):
    """Mean of the squared standard error, and the exact variance, over all sequences."""
    steps = list(product(BATCHES, repeat=make().n_batches))
    values, errors = [], []
    for batches in product(steps, repeat=length):
        estimator = make()
        values.append(estimate(estimator, seen, batches))
        errors.append(estimator.error)
    return torch.stack(errors).square().mean(0), torch.stack(values).var(0, correction=0)


LENGTHS = [
    *((name, length) for name in ("Batch", "MovingAverage", "Storm") for length in (2, 3)),
    ("SecondBatch", 1),
    ("SecondBatch", 2),
]


@pytest.mark.parametrize(("name", "length"), LENGTHS)
def test_its_square_is_the_variance_of_the_estimate_in_expectation(name, length):
    squared, variance = squared_error_and_variance(ESTIMATORS[name], plain, length)
    torch.testing.assert_close(squared, variance, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "length"), LENGTHS[:-1])
def test_for_ratios_it_is_right_to_first_order_in_the_noise(name, length):
    wrong = []
    for noise in (1e-2, 1e-4):
        squared, variance = squared_error_and_variance(ESTIMATORS[name], ratios(noise), length)
        wrong.append((squared / variance - 1).abs().max().item())
    assert wrong[0] < 0.1
    assert wrong[1] < 1e-3


@pytest.mark.parametrize("name", ["Batch", "MovingAverage", "Storm"])
def test_in_the_long_run_it_settles_at_the_standard_deviation_of_the_estimate(name):
    # 3,000 squared deviations, averaged, have a relative standard error of about 3 per cent.
    sd = torch.tensor([0.5, 2.0], dtype=torch.float64)
    noise = torch.randn(3000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    estimator, squares = ESTIMATORS[name](), []
    x = torch.zeros(1, dtype=torch.float64)
    for e in noise:
        step = Evaluations(lambda _, e=e: (x.sum(), sd * e), Layout(2), [x], [x.clone()])
        estimator.estimate(step.look(0)[1], step)
        squares.append(estimator.error.square())
    # An average to which each batch adds a share a has a / (2 - a) of a batch's variance.
    share = {"Batch": 1.0, "MovingAverage": 0.3 / 1.7, "Storm": 0.3 / 1.7}[name]
    wanted = share * sd.square()
    torch.testing.assert_close(torch.stack(squares[500:]).mean(0), wanted, rtol=0.15, atol=0)


@pytest.mark.parametrize("name", ["Batch", "MovingAverage", "Storm"])
@pytest.mark.parametrize("seen", [plain, ratios(0.1)], ids=["plain", "ratios"])
def test_it_is_infinite_before_two_batches(name, seen):
    estimator = ESTIMATORS[name]()
    assert estimator.error is None
    estimate(estimator, seen, [[BATCHES[0]]])
    assert estimator.error.tolist() == [torch.inf, torch.inf]
    estimate(estimator, seen, [[BATCHES[0]], [BATCHES[1]]])
    assert torch.isfinite(estimator.error).all()


@pytest.mark.parametrize("name", ["Batch", "MovingAverage", "Storm"])
def test_what_never_varies_has_no_error(name):
    estimator = ESTIMATORS[name]()
    estimate(estimator, lambda _: torch.tensor([0.3, -0.2]).double(), [[BATCHES[0]]] * 5)
    assert estimator.error.tolist() == pytest.approx([0.0, 0.0], abs=1e-15)


def counts(*present):
    """Three groups, with rates 0.5, 0.25 and 0.125 where they have rows in the batch."""
    bottom = torch.tensor(present, dtype=torch.float64) / 4
    top = bottom * torch.tensor([0.5, 0.25, 0.125])

    def function(rates):
        return torch.stack([rates[0] - rates[1], rates[1] - rates[2], rates.amax() - 0.4])

    return Ratios.of(top, bottom, top, bottom, function)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_what_rests_on_a_group_never_seen_has_an_infinite_error(name):
    estimator = ESTIMATORS[name]()
    seen = [counts(1, 1, 0), counts(2, 1, 0), counts(1, 3, 0)]
    estimate(estimator, lambda k: seen[k], [[k, k] for k in range(3)])
    assert estimator.error.isinf().tolist() == [False, True, True]


@pytest.mark.parametrize("name", ["MovingAverage", "Storm"])
def test_what_batches_before_a_group_was_seen_say_of_it_does_not_count(name):
    def noisy(present, rate):
        c = counts(1, 1, present)
        for tensor in (c.statistic, c.proxy):
            tensor[0, 2] = present / 4 * rate
        return c

    random = np.random.default_rng(0)
    late = [noisy(1, rate) for rate in random.uniform(0, 0.2, 10)]
    errors = []
    for early in ([], [counts(1, 1, 0)] * 50):
        seen, estimator = early + late, ESTIMATORS[name]()
        estimate(estimator, lambda k, seen=seen: seen[k], [[k] for k in range(len(seen))])
        errors.append(estimator.error[1].item())
    # The few deviations of the late batches, and not those and 50 times nothing.
    assert errors[1] > errors[0] / 2


def test_a_group_absent_from_a_batch_leaves_a_batchs_own_rates_in_doubt():
    estimator = Batch(with_error=True)
    for seen in (counts(1, 1, 1), counts(1, 2, 1), counts(2, 1, 0)):
        estimator.estimate(seen)
    assert estimator.error.isinf().tolist() == [False, True, True]
    estimator.estimate(counts(1, 1, 1))
    assert torch.isfinite(estimator.error).all()


@pytest.mark.parametrize("name", ESTIMATORS)
def test_it_survives_a_file_and_goes_on_bit_for_bit(name):
    noise = torch.randn(9, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def steps(method, x, numbers):
        for k in numbers:
            method.step(lambda i, k=k: ((x**2).sum(), 1 - x + noise[k, i]))
        return method.estimator.error

    def run():
        x = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
        return x, ALM(torch.optim.SGD([x], lr=0.1), 2, estimator=ESTIMATORS[name]())

    x, straight = run()
    steps(straight, x, range(5))
    file, at = io.BytesIO(), x.detach().clone()
    torch.save(straight.state_dict(), file)
    file.seek(0)
    error = straight.estimator.error
    y, resumed = run()
    y.data.copy_(at)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(resumed.estimator.error, error)
    assert torch.equal(steps(straight, x, range(5, 9)), steps(resumed, y, range(5, 9)))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_each_replicate_has_its_own(name):
    noise = torch.randn(3, 7, 2, 2, generator=torch.Generator().manual_seed(0)).double()

    def errors(which):
        x = torch.nn.Parameter(torch.zeros(len(which), 2, dtype=torch.float64))
        estimator = ESTIMATORS[name]()
        method = Penalty(torch.optim.SGD([x], lr=0.1), 2, len(which), estimator=estimator)
        for k in range(7):
            method.step(lambda i, k=k: ((x**2).sum(-1), 1 - x + noise[which, k, i]))
        return estimator.error

    together = errors([0, 1, 2])
    assert together.shape == (3, 2)
    for r in range(3):
        torch.testing.assert_close(together[r], errors([r])[0], rtol=1e-13, atol=0)


def test_it_is_none_where_it_was_not_asked_for():
    for estimator in (Batch(), MovingAverage(), FullPass(lambda: plain([0]))):
        estimator.estimate(plain([0, 1]))
        assert estimator.error is None


def test_a_state_with_errors_is_not_one_without():
    with pytest.raises(ValueError, match="keeps"):
        MovingAverage().load_state_dict(MovingAverage(with_error=True).state_dict())
