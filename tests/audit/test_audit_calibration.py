"""The interval of a calibration error holds the truth as often as it says, or more often."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise.audit import audit_scores

SHIFTS = {
    "right": lambda x: 0 * x,
    "all by a little": lambda x: 0 * x + 0.02,
    "all by much": lambda x: 0 * x + 0.15,
    "a half": lambda x: 0.05 * (x > 0),
    "a tenth": lambda x: 0.1 * (x > 1.2),
}


def table(n, shift, random):
    x = random.normal(size=n)
    truth = 1 / (1 + np.exp(-x))
    score = np.clip(truth + SHIFTS[shift](x), 0, 1)
    return truth, score, (random.random(n) < truth).astype(int)


def held(n, shift, runs, weighted=False):
    random = np.random.default_rng(3)
    count = 0
    for _ in range(runs):
        truth, score, label = table(n, shift, random)
        weight = random.gamma(2.0, 0.5, n) if weighted else np.ones(n)
        given = {"sample_weight": weight} if weighted else {}
        found = audit_scores(label, score, sensitive_features=["a"] * n, n_boot=400, **given)
        one = found.calibration()
        # The same bins, by their sizes in the order of the score.
        order = np.argsort(score, kind="stable")
        if weighted:
            ends = np.cumsum(weight[order])
            cut = np.searchsorted(ends, np.arange(1, 10) / 10 * ends[-1])
        else:
            cut = np.cumsum(one.support[0])[:-1].astype(int)
        apart = [weight[b] @ (truth - score)[b] for b in np.split(order, cut)]
        right = np.abs(apart).sum() / weight.sum()
        count += one.error_low[0] <= right + 1e-4 and right <= one.error_high[0] + 1e-4
    return count / runs


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_interval_holds_the_true_error(shift):
    assert held(400, shift, 60) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("n", [200, 1000, 5000])
@pytest.mark.parametrize("shift", SHIFTS)
def test_the_interval_holds_the_true_error_of_any_size_as_often_as_it_says(n, shift):
    assert held(n, shift, 500) >= 0.935


@pytest.mark.slow
@pytest.mark.parametrize("shift", ["all by a little", "all by much"])
def test_the_interval_of_weighted_rows_does_too(shift):
    assert held(1000, shift, 400, weighted=True) >= 0.93


def test_the_interval_of_many_rows_is_narrow():
    random = np.random.default_rng(0)
    _, score, label = table(50_000, "all by much", random)
    found = audit_scores(label, score, sensitive_features=["a"] * 50_000).calibration()
    assert found.error_high[0] - found.error_low[0] < 0.012
    assert found.error_low[0] <= found.error[0] <= found.error_high[0]


def test_an_error_of_scores_that_are_right_begins_at_zero():
    random = np.random.default_rng(0)
    _, score, label = table(2000, "right", random)
    found = audit_scores(label, score, sensitive_features=["a"] * 2000).calibration()
    assert found.error_low[0] == 0
    assert found.p_value[0] > 0.05
