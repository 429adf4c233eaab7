"""Estimators: tracked values with the gradient of the batch."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.optim.constrained import Batch, MovingAverage, Penalty, Ratios


def tensor(*x):
    return torch.tensor(x, dtype=torch.float64)


def difference(ratios):
    return ratios[..., :1] - ratios[..., 1:2]


def counted(numerator, denominator, function=difference):
    """Ratios of plain numbers, which are their own proxies."""
    n, d = tensor(*numerator), tensor(*denominator)
    return Ratios.of(n, d, n, d, function)


def numeric_gradient(function, x, h=1e-6):
    steps = torch.eye(len(x), dtype=torch.float64) * h
    return torch.stack([(function(x + s) - function(x - s)) / (2 * h) for s in steps])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-10, 10), min_size=1, max_size=20), st.floats(0, 0.999))
def test_the_average_is_weighted_by_powers_of_the_decay_that_sum_to_one(seen, decay):
    estimator = MovingAverage(decay)
    for value in seen:
        estimate = estimator.estimate(tensor(value))
    weights = decay ** np.arange(len(seen))[::-1]
    assert estimate.item() == pytest.approx((weights * seen).sum() / weights.sum(), abs=1e-9)


@pytest.mark.parametrize("before", [0, 1, 7])
def test_what_is_known_of_all_rows_takes_the_place_of_what_was_tracked(before):
    estimator, decay = MovingAverage(0.8), 0.8
    for value in range(before):
        estimator.estimate(tensor(float(value), -1.0))
    kept = estimator.state_dict()["tracked"]
    exact = tensor(0.25, 0.5)
    estimator.correct(exact)
    after = estimator.estimate(tensor(2.0, 3.0))
    # The exact values weigh what all batches so far did; before any there are none to replace.
    mass = decay * (1 - decay**before)
    expected = (mass * exact + (1 - decay) * tensor(2.0, 3.0)) / (mass + 1 - decay)
    torch.testing.assert_close(after, expected)
    if kept is not None:
        assert not torch.equal(kept, estimator.state_dict()["tracked"])  # a copy


def test_known_numerators_and_denominators_are_taken_apart():
    estimator = MovingAverage(0.5)
    estimator.estimate(counted([1.0, 1.0], [2.0, 4.0]))
    estimator.correct(counted([3.0, 1.0], [4.0, 8.0]))
    after = estimator.estimate(counted([1.0, 0.0], [1.0, 0.0]))
    # Of the sum a third is known and two thirds are the batch: (1 + 2/3) / (4/3 + 2/3), and 1/8.
    assert after.item() == pytest.approx((5 / 3) / 2 - 1 / 8)


def test_what_is_known_must_be_of_what_is_tracked():
    estimator = MovingAverage(0.5)
    estimator.estimate(tensor(1.0, 2.0))
    with pytest.raises(ValueError, match="shape"):
        estimator.correct(tensor(1.0))


# What the batches of two out of five rows say of two constraints at one point.
ROWS = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 2)))
BATCHES = [ROWS[list(rows)].mean(0) for rows in combinations(range(5), 2)]


def over_all_sequences(make, length):
    """Mean and variance of the last estimate over all sequences of batches."""
    last = []
    for batches in product(BATCHES, repeat=length):
        estimator = make()
        for batch in batches:
            estimate = estimator.estimate(batch)
        last.append(estimate)
    return torch.stack(last).mean(0), torch.stack(last).var(0, correction=0)


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("decay", [0.0, 0.5, 0.95])
def test_at_rest_its_expectation_is_the_constraint_and_its_variance_known(decay, length):
    mean, variance = over_all_sequences(lambda: MovingAverage(decay), length)
    weights = decay ** np.arange(length)[::-1]
    share = (weights**2).sum() / weights.sum() ** 2
    of_one_batch = torch.stack(BATCHES).var(0, correction=0)
    torch.testing.assert_close(mean, ROWS.mean(0), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(variance, share * of_one_batch, rtol=1e-12, atol=1e-12)


def test_the_expectation_of_a_batchs_value_is_the_constraint():
    mean, _ = over_all_sequences(Batch, 2)
    torch.testing.assert_close(mean, ROWS.mean(0), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("decay", [0.5, 0.9])
def test_behind_a_steady_drift_it_lags_by_decay_over_one_minus_decay_batches(decay):
    estimator, slope = MovingAverage(decay), tensor(0.3, -2.0)
    for k in range(400):
        estimate = estimator.estimate(slope * k)
    lag = slope * 399 - estimate
    torch.testing.assert_close(lag, slope * decay / (1 - decay), rtol=1e-9, atol=1e-9)


def test_a_constant_is_estimated_exactly_from_the_first_batch_on():
    estimator = MovingAverage(0.99)
    for _ in range(5):
        assert estimator.estimate(tensor(0.25)).item() == pytest.approx(0.25, rel=1e-12)


def test_decay_zero_is_the_batch_itself():
    estimator = MovingAverage(0.0)
    for value in (3.0, -1.0):
        assert estimator.estimate(tensor(value)).item() == value


def test_it_is_the_ratio_of_averages_and_not_the_average_of_ratios():
    estimator = MovingAverage(0.5)
    estimator.estimate(counted([0.1, 0.0], [0.1, 1.0]))  # a ratio of 1 from few rows
    estimate = estimator.estimate(counted([0.0, 0.0], [0.9, 1.0]))  # and of 0 from many
    # Weights 1/3 and 2/3: (0.1 / 3) / (0.1 / 3 + 1.8 / 3), where averaged ratios would say 1/3.
    assert estimate.item() == pytest.approx(0.1 / 1.9, rel=1e-12)


@pytest.mark.parametrize("estimator", [Batch(), MovingAverage(0.9)], ids=["Batch", "MovingAverage"])
def test_plain_constraints_keep_the_gradient_of_the_batch(estimator):
    for _ in range(3):
        estimator.estimate(tensor(5.0, -5.0))
    x = tensor(0.3, -0.4).requires_grad_()

    def constraints(x):
        return torch.stack([x[0] * x[1], x.exp().sum()])

    weights = tensor(2.0, -3.0)
    (estimator.estimate(constraints(x)) * weights).sum().backward()
    wanted = numeric_gradient(lambda x: (constraints(x) * weights).sum(), x.detach())
    torch.testing.assert_close(x.grad, wanted, rtol=1e-8, atol=1e-8)


def smooth_ratios(x):
    numerator = torch.stack([torch.sigmoid(x[0]) * 0.2, torch.sigmoid(x[1]) * 0.5])
    denominator = torch.stack([torch.sigmoid(x[1] - x[0]), torch.sigmoid(x[0]) + 0.1])
    return numerator, denominator


def curved(ratios):
    return torch.stack([ratios[0] * ratios[1], ratios[0].exp() - ratios[1]])


def test_the_gradient_of_a_batch_alone_is_that_of_its_ratios():
    x = tensor(0.7, -0.2).requires_grad_()
    numerator, denominator = smooth_ratios(x)
    Batch().estimate(
        Ratios.of(numerator, denominator, numerator, denominator, curved)
    ).sum().backward()

    def exact(x):
        numerator, denominator = smooth_ratios(x)
        return curved(numerator / denominator).sum()

    torch.testing.assert_close(x.grad, numeric_gradient(exact, x.detach()), rtol=1e-8, atol=1e-8)


def test_the_value_is_what_is_counted_and_the_gradient_the_proxies():
    x = tensor(0.7, -0.2).requires_grad_()
    hard, total = tensor(0.3, 0.1), tensor(0.5, 0.5)
    # Counted tensors that carry a gradient of their own must not add to the proxies'.
    leak = 1 + x.sum() - x.detach().sum()
    estimate = Batch().estimate(
        Ratios.of(hard * leak, total * leak**2, *smooth_ratios(x), difference)
    )
    assert estimate.item() == pytest.approx(0.6 - 0.2)
    estimate.backward()

    def proxies(x):
        numerator, denominator = smooth_ratios(x)
        return difference(numerator / denominator).sum()

    torch.testing.assert_close(x.grad, numeric_gradient(proxies, x.detach()), rtol=1e-8, atol=1e-8)


def test_the_gradient_of_tracked_ratios_is_linearised_at_the_averages():
    decay, estimator = 0.8, MovingAverage(0.8)
    points = [tensor(0.7, -0.2), tensor(-0.5, 0.4), tensor(0.1, 0.9)]
    for point in points[:-1]:
        numerator, denominator = smooth_ratios(point)
        estimator.estimate(Ratios.of(numerator, denominator, numerator, denominator, curved))
    x = points[-1].clone().requires_grad_()
    numerator, denominator = smooth_ratios(x)
    estimate = estimator.estimate(Ratios.of(numerator, denominator, numerator, denominator, curved))
    estimate.sum().backward()

    weights = decay ** torch.arange(2, -1, -1, dtype=torch.float64)
    seen = torch.stack([torch.stack(smooth_ratios(p)) for p in points])
    top, bottom = (weights[:, None, None] * seen).sum(0) / weights.sum()
    torch.testing.assert_close(estimate.detach(), curved(top / bottom))

    def linearised(x):
        numerator, denominator = smooth_ratios(x)
        moved = top / bottom + (numerator - top / bottom * denominator) / bottom
        start = top / bottom + ((seen[-1, 0] - top / bottom * seen[-1, 1]) / bottom)
        return curved(top / bottom + moved - start).sum()

    torch.testing.assert_close(
        x.grad, numeric_gradient(linearised, x.detach()), rtol=1e-7, atol=1e-8
    )


def test_a_ratio_of_nothing_in_a_batch_is_like_the_others_and_has_no_gradient():
    n = tensor(0.3, 0.0, 0.1).requires_grad_()
    ratios = Ratios.of(n, tensor(0.5, 0.0, 0.5), n, tensor(0.5, 0.0, 0.5), lambda ratio: ratio)
    estimate = Batch().estimate(ratios)
    assert estimate.tolist() == pytest.approx([0.6, 0.4, 0.2])
    estimate.sum().backward()
    assert n.grad.tolist() == [2.0, 0.0, 2.0]


def test_a_ratio_absent_from_a_batch_keeps_its_value():
    estimator = MovingAverage(0.9)
    estimator.estimate(counted([0.3, 0.1], [0.5, 0.5]))
    estimate = estimator.estimate(counted([0.2, 0.0], [1.0, 0.0], lambda ratios: ratios))
    assert estimate[1].item() == pytest.approx(0.2)


def test_parameters_behind_an_absent_ratio_get_no_gradient():
    estimator = MovingAverage(0.9)
    estimator.estimate(counted([0.3, 0.1], [0.5, 0.5]))
    scores = tensor(0.4, -0.3).requires_grad_()
    rows_of_group = tensor(1.0, 0.0)  # the second group has no row in this batch
    n = torch.sigmoid(scores) * rows_of_group
    estimator.estimate(
        Ratios.of(n.detach(), rows_of_group, n, rows_of_group, difference)
    ).backward()
    assert scores.grad[0] != 0
    assert scores.grad[1] == 0


def test_a_ratio_never_seen_is_taken_to_be_in_the_middle_of_the_others():
    estimate = MovingAverage(0.9).estimate(
        counted([0.1, 0.3, 0.0], [0.5, 0.5, 0.0], lambda ratios: ratios)
    )
    torch.testing.assert_close(estimate, tensor(0.2, 0.6, 0.4))


def test_a_ratio_never_seen_is_compared_within_its_own_component_only():
    n, d = tensor([0.1, 0.05], [0.4, 0.0]), tensor([0.5, 0.5], [0.5, 0.0])
    estimate = MovingAverage(0.9).estimate(Ratios.of(n, d, n, d, lambda ratios: ratios))
    torch.testing.assert_close(estimate, tensor([0.2, 0.1], [0.8, 0.8]))


def test_a_ratio_never_counted_drives_nothing_whatever_its_proxy_says():
    proxy = tensor(0.2, 0.1).requires_grad_()
    counted, there = tensor(0.2, 0.0), tensor(0.5, 0.0)
    estimate = MovingAverage(0.9).estimate(
        Ratios.of(counted, there, proxy, tensor(0.5, 0.5), lambda ratios: ratios)
    )
    estimate.sum().backward()
    assert proxy.grad.tolist() == [2.0, 0.0]


def test_ratios_none_of_which_were_seen_are_zero_without_gradient():
    x = tensor(0.5, 0.5).requires_grad_()
    nothing = tensor(0.0, 0.0)
    estimate = MovingAverage(0.9).estimate(
        Ratios.of(nothing, nothing, x * 0, nothing, lambda ratios: ratios)
    )
    estimate.sum().backward()
    assert estimate.tolist() == [0.0, 0.0]
    assert x.grad.tolist() == [0.0, 0.0]


def test_a_vanishing_count_of_decisions_does_not_multiply_the_gradient():
    # The positives among the selected, of a group of which nobody is selected any more: the
    # count decays to nothing, while the expected number selected does not.
    def gradient(batches):
        estimator = MovingAverage(0.9)
        score = tensor(0.0, 0.0).requires_grad_()
        for selected in [1.0] + [0.0] * batches:
            probability = torch.sigmoid(score)
            hard = tensor(0.2, 0.2) * selected
            estimate = estimator.estimate(
                Ratios.of(hard / 2, hard, probability**2 * 0.4, probability * 0.4, difference)
            )
        return torch.autograd.grad(estimate.sum(), score)[0].abs().max().item()

    assert gradient(500) == pytest.approx(gradient(1), rel=1e-6)


def test_its_state_is_a_snapshot():
    estimator = MovingAverage(0.5)
    estimator.estimate(counted([0.3, 0.1], [0.5, 0.5]))
    state = estimator.state_dict()
    before = [x.clone() for x in state["tracked"]]
    estimator.estimate(counted([0.0, 0.0], [0.1, 0.1]))
    other = MovingAverage(0.5)
    other.load_state_dict(state)
    other.estimate(counted([0.0, 0.0], [0.1, 0.1]))
    assert all(torch.equal(a, b) for a, b in zip(state["tracked"], before, strict=True))
    assert state["mass"] == 0.5


def test_an_estimator_put_back_goes_on_as_if_never_stopped():
    batches = np.random.default_rng(0).uniform(0.1, 1, (6, 2, 2))
    straight = MovingAverage(0.7)
    for n, d in batches:
        expected = straight.estimate(counted(n, d))
    first, second = MovingAverage(0.7), MovingAverage(0.7)
    for n, d in batches[:3]:
        first.estimate(counted(n, d))
    second.load_state_dict(first.state_dict())
    for n, d in batches[3:]:
        estimate = second.estimate(counted(n, d))
    assert torch.equal(estimate, expected)


def test_estimators_refuse_the_state_of_another_kind():
    with pytest.raises(ValueError, match="Batch keeps nothing"):
        Batch().load_state_dict(MovingAverage().state_dict())
    with pytest.raises(ValueError, match="MovingAverage keeps"):
        MovingAverage().load_state_dict(Batch().state_dict())


def test_a_batch_that_would_only_broadcast_is_refused_and_leaves_no_trace():
    x = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
    method = Penalty(torch.optim.SGD([x], lr=0.1), 2, estimator=MovingAverage(0.5))
    method.step(lambda _: (x.sum(), x + 1))
    before = method.estimator.state_dict()
    with pytest.raises(ValueError, match=r"shape \(1,\).*shape \(2,\)"):
        method.step(lambda _: (x.sum(), x[:1] + 1))
    assert torch.equal(method.estimator.state_dict()["tracked"], before["tracked"])
    assert method.estimator.state_dict()["mass"] == before["mass"]


@pytest.mark.parametrize("estimator", [MovingAverage(0.5), Batch(with_error=True)])
def test_what_fails_within_a_block_that_is_all_or_nothing_is_forgotten(estimator):
    estimator.estimate(tensor(1.0, 2.0))
    before, error = estimator.state_dict(), estimator.error

    def fail():
        with estimator.all_or_nothing():
            estimator.estimate(tensor(5.0, 5.0))
            estimator.estimate(tensor(6.0, 6.0))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert str(estimator.state_dict()) == str(before)
    assert estimator.error is error


def test_a_tensor_that_the_closure_fills_again_and_again_is_not_mistaken_for_the_past():
    shared, apart = [Batch(with_error=True), MovingAverage(0.9, with_error=True)], []
    for estimator in (Batch(with_error=True), MovingAverage(0.9, with_error=True)):
        for value in (1.0, 3.0, 2.0):
            estimator.estimate(tensor(value))
        apart.append(estimator.error)
    for estimator, error in zip(shared, apart, strict=True):
        buffer = tensor(0.0)
        for value in (1.0, 3.0, 2.0):
            estimator.estimate(buffer.fill_(value))
        assert torch.equal(estimator.error, error)


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2.0, float("nan")])
def test_decay_must_leave_room_for_the_new(decay):
    with pytest.raises(ValueError, match="decay"):
        MovingAverage(decay)
