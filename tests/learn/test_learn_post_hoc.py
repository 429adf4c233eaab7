"""Adjusting after training, and finding how strongly, against a grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.learn.imbalance import adjust_logits, tune_tau

COUNTS = [500, 100, 20]


def rows(seed, n=60, k=3):
    random = np.random.default_rng(seed)
    label = np.concatenate([np.arange(k), random.integers(k, size=n - k)])
    prior = np.log(np.array(COUNTS) / sum(COUNTS))
    logits = random.normal(size=(n, k)) + 1.5 * np.eye(k)[label] + random.uniform(0, 2) * prior
    return logits, label


def balanced_error(logits, label, tau):
    decided = adjust_logits(torch.tensor(logits), COUNTS, tau).argmax(1).numpy()
    return np.mean([(decided[label == k] != k).mean() for k in range(3)])


def test_adjusted_logits_are_less_by_the_log_prior():
    logits, _ = rows(0)
    expected = logits - 0.7 * np.log(np.array(COUNTS) / 620)
    adjusted = adjust_logits(torch.tensor(logits), COUNTS, 0.7)
    torch.testing.assert_close(adjusted, torch.tensor(expected), rtol=1e-6, atol=1e-6)


def test_adjusting_by_tau_1_undoes_a_prior_exactly():
    # Bayes' rule: posteriors under a long tail, adjusted, decide as those under equal priors do.
    likelihood = torch.rand(200, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    posterior = likelihood * torch.tensor(COUNTS) / 620
    decided = adjust_logits(posterior.log(), COUNTS).argmax(1)
    assert torch.equal(decided, likelihood.argmax(1))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_tau_of_a_fine_grid_does_better(seed):
    logits, label = rows(seed)
    tuned = tune_tau(logits, label, COUNTS, (0.0, 3.0))
    grid = [balanced_error(logits, label, tau) for tau in np.linspace(0.0005, 2.9995, 200)]
    assert tuned.balanced_error <= min(grid) + 1e-12
    assert 0 <= tuned.low < tuned.tau < tuned.high <= 3


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_every_tau_of_the_interval_has_the_error_that_is_told(seed):
    logits, label = rows(seed)
    tuned = tune_tau(logits, label, COUNTS)
    inside = tuned.low + (tuned.high - tuned.low) * np.array([0.01, 0.5, 0.99])
    if tuned.high - tuned.low > 1e-5:  # else rounding decides
        for tau in inside:
            assert balanced_error(logits, label, tau) == pytest.approx(tuned.balanced_error)


def test_of_one_row_a_class_the_interval_is_known_in_closed_form():
    # Class 2 overtakes class 0 where 2 - tau log(20 / 500) > 4, and class 0 stays ahead in its
    # own row up to where 6 = tau log(500 / 20).
    logits = np.array([[6.0, -9.0, 0.0], [0.0, 30.0, 0.0], [4.0, -9.0, 2.0]])
    tuned = tune_tau(logits, [0, 1, 2], COUNTS)
    assert tuned.balanced_error == 0
    assert (tuned.low, tuned.high) == pytest.approx((2 / np.log(25), 6 / np.log(25)))
    assert tuned.tau == pytest.approx(4 / np.log(25))


def test_equal_logits_of_classes_of_equal_counts_are_decided_for_the_first():
    logits = np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 5.0]])
    assert tune_tau(logits, [0, 1, 1], [10, 10]).balanced_error == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"label": [0, 1, 1]}, "class 2 has no row"),
        ({"label": [0, 1]}, "rows"),
        ({"label": [0, 1, 5]}, "label must lie in"),
        ({"logits": np.full((3, 3), np.nan)}, "finite"),
        ({"logits": np.zeros((3, 2))}, "shape"),
        ({"counts": [500, 100, 0]}, "class 2 has 0 rows"),
        ({"bounds": (1.0, 1.0)}, "bounds"),
    ],
)
def test_what_cannot_be_tuned_is_refused(change, what):
    fine = {"logits": np.eye(3), "label": [0, 1, 2], "counts": COUNTS}
    with pytest.raises(ValueError, match=what):
        tune_tau(**fine | change)


def test_a_tau_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="tau"):
        adjust_logits(torch.zeros(1, 3), COUNTS, float("nan"))
