"""Certificates to groups that are observed with errors, and resamples of their counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.audit import NoisyCounts, certify, certify_noisy
from equipoise.audit.noisy_spread import covariance
from equipoise.constraints import Constraint, gap, ratio, worst
from equipoise.noise import FlipMatrix
from equipoise.noise.given import read_flips
from equipoise.rates import find_rate

NAMES = ("F", "M")
FLIPS = FlipMatrix([[0.7, 0.3], [0.1, 0.9]], NAMES)
PROMISES = [gap("selection") <= 0.1, ratio("selection") >= 0.8, worst("accuracy") >= 0.4]


def counted(table, flips: FlipMatrix = FLIPS) -> NoisyCounts:
    return NoisyCounts(NAMES, (0, 1), (flips,), np.asarray(table, np.int64)[None])


def drawn(random, n: int, rates=(0.3, 0.35), share: float = 0.5) -> NoisyCounts:
    true = (random.random(n) > share).astype(int)
    label = random.integers(0, 2, n)
    decided = (random.random(n) < np.array(rates)[true]).astype(int)
    wrong = random.random(n) < np.where(true == 0, 0.3, 0.1)
    table = np.zeros((2, 2, 2), np.int64)
    np.add.at(table, (np.where(wrong, 1 - true, true), label, decided), 1)
    return counted(table)


tables = st.lists(st.integers(200, 2_000), min_size=8, max_size=8).map(
    lambda cells: np.array(cells).reshape(2, 2, 2)
)


@given(tables, st.sampled_from(PROMISES))
def test_bounds_lie_on_both_sides_of_the_estimate_and_widen_with_the_confidence(table, promise):
    sign = 1 if promise.sense == "<=" else -1
    counts = counted(table)
    found = [certify_noisy(counts, promise, 0.9, together) for together in (1, 5)]
    if found[0].reason:
        assert found[0].verdict == "not shown"
        return
    for one in found:
        assert sign * one.optimistic <= sign * one.estimate <= sign * one.cautious
    assert sign * found[0].cautious <= sign * found[1].cautious
    assert sign * found[0].optimistic >= sign * found[1].optimistic


@pytest.mark.parametrize("promise", PROMISES, ids=str)
def test_without_flips_it_is_near_the_exact_certificate(promise: Constraint):
    counts = counted([[[900, 300], [500, 400]], [[1_000, 420], [650, 500]]], FlipMatrix.none(NAMES))
    ours, exact = certify_noisy(counts, promise), certify(counts.observed, promise)
    assert ours.estimate == pytest.approx(exact.estimate)
    assert ours.cautious == pytest.approx(exact.cautious, abs=0.005)
    assert ours.optimistic == pytest.approx(exact.optimistic, abs=0.005)
    assert ours.verdict == exact.verdict


def test_flips_that_are_estimated_cost_more():
    table = [[[900, 300], [500, 400]], [[1_000, 420], [650, 500]]]
    estimated = read_flips(np.array([[70, 30], [10, 90]]), NAMES)
    for promise in PROMISES:
        sign = 1 if promise.sense == "<=" else -1
        known = certify_noisy(counted(table), promise)
        found = certify_noisy(counted(table, estimated), promise)
        assert sign * found.cautious > sign * known.cautious


def test_too_few_rows_show_nothing_and_say_how_many_it_takes():
    found = certify_noisy(counted([[[30, 10], [20, 10]], [[40, 20], [30, 10]]]), PROMISES[0])
    assert found.verdict == "not shown"
    assert "it takes 50" in found.reason


def test_flips_that_cannot_be_right_show_nothing():
    # Of who is observed as F nobody is selected, though 3 of 10 F's selected are seen as M.
    found = certify_noisy(counted([[[900, 0], [900, 0]], [[0, 900], [0, 900]]]), PROMISES[0])
    assert found.verdict == "not shown"
    assert "the flips cannot be right" in found.reason


def test_losses_are_never_shown():
    assert "losses" in certify_noisy(counted(np.full((2, 2, 2), 500)), gap("loss") <= 0.1).reason


@pytest.mark.parametrize(("confidence", "together"), [(1.0, 1), (0.95, 0)])
def test_a_confidence_that_is_none_is_refused(confidence, together):
    with pytest.raises(ValueError, match=r"confidence must|n_certificates must"):
        certify_noisy(counted(np.full((2, 2, 2), 500)), PROMISES[0], confidence, together)


def test_resamples_without_flips_are_those_of_the_counts():
    counts = counted([[[90, 30], [50, 40]], [[100, 42], [65, 50]]], FlipMatrix.none(NAMES))
    rate = find_rate("true_positive")
    ours, theirs = (
        one.resample(rate, 50, np.random.default_rng(0)) for one in (counts, counts.observed)
    )
    np.testing.assert_allclose(ours, theirs)


@pytest.mark.parametrize("known", [True, False])
def test_resamples_vary_as_the_rates_do(known: bool):
    flips = FLIPS if known else read_flips(np.array([[70, 30], [10, 90]]), NAMES)
    counts = counted([[[900, 300], [500, 400]], [[1_000, 420], [650, 500]]], flips)
    rate = find_rate("selection")
    draws = counts.resample(rate, 20_000, np.random.default_rng(0))[:, 0]
    np.testing.assert_allclose(np.cov(draws.T), covariance(counts, rate), rtol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("n", [500, 4_000])
@pytest.mark.parametrize("rates", [(0.3, 0.35), (0.05, 0.1)])
@pytest.mark.parametrize("together", [1, 6])
def test_bounds_hold_as_often_as_they_say(n, rates, together):
    random, failed, shown = np.random.default_rng(1), np.zeros((3, 2)), np.zeros(3)
    truth = rates[1] - rates[0], rates[0] / rates[1], 0.5
    for _ in range(1_000):
        counts = drawn(random, n, rates)
        for number, (promise, true) in enumerate(zip(PROMISES, truth, strict=True)):
            found = certify_noisy(counts, promise, 0.9, together)
            if not found.reason:
                sign = 1 if promise.sense == "<=" else -1
                shown[number] += 1
                failed[number] += (
                    sign * found.cautious < sign * true,
                    sign * found.optimistic > sign * true,
                )
    assert (shown > 900).all()
    allowed = 0.1 / together
    error = 3 * np.sqrt(allowed * (1 - allowed) / shown[:, None])
    assert (failed / shown[:, None] <= 1.1 * allowed + error).all()
