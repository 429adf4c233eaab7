"""Losses for rare classes at work: handwritten digits of which few are rare ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from equipoise.data import long_tailed_counts, long_tailed_rows
from equipoise.learn.imbalance import (
    CellLosses,
    ParametricCrossEntropy,
    adjust_logits,
    class_balanced,
    logit_adjusted,
    tune_tau,
    weighted_cross_entropy,
)

COUNTS = long_tailed_counts(90, 10, 30)


class Digits:
    """Rows to train on, with a long tail, and others to validate and to test on."""

    def __init__(self, seed=0):
        images, digit = load_digits(return_X_y=True)
        features = torch.tensor(images / 16 - 0.3, dtype=torch.float32)
        order = np.random.default_rng(seed).permutation(len(digit))
        pool, validation, test = np.split(order, [1100, 1400])
        train = pool[long_tailed_rows(digit[pool], COUNTS, seed)]
        label = torch.tensor(digit)
        self.train, self.validation, self.test = (
            (features[rows], label[rows]) for rows in (train, validation, test)
        )

    def fit(self, loss):
        network = torch.nn.Linear(64, 10)
        optimizer = torch.optim.LBFGS(
            network.parameters(), max_iter=200, line_search_fn="strong_wolfe"
        )

        def closure():
            optimizer.zero_grad()
            size = sum(one.square().sum() for one in network.parameters())
            value = loss(network(self.train[0]), self.train[1]) + 1e-3 * size
            value.backward()
            return value

        optimizer.step(closure)
        return network.requires_grad_(False)

    def balanced_error(self, logits):
        wrong = (logits.argmax(1) != self.test[1]).double()
        return np.mean([wrong[self.test[1] == k].mean() for k in range(10)])


@pytest.fixture(scope="module")
def digits():
    return Digits()


@pytest.fixture(scope="module")
def plain(digits):
    return digits.fit(ParametricCrossEntropy(10, learn=()))


@pytest.mark.parametrize("of", [logit_adjusted, weighted_cross_entropy, class_balanced])
def test_a_loss_for_rare_classes_lowers_the_balanced_error_by_a_fifth(digits, plain, of):
    features = digits.test[0]
    ours = digits.balanced_error(digits.fit(of(COUNTS))(features))
    assert ours < 0.8 * digits.balanced_error(plain(features))


def test_so_does_adjusting_a_trained_model_as_strongly_as_other_rows_say(digits, plain):
    tuned = tune_tau(plain(digits.validation[0]), digits.validation[1], COUNTS)
    logits = plain(digits.test[0])
    ours = digits.balanced_error(adjust_logits(logits, COUNTS, tuned.tau))
    assert ours < 0.8 * digits.balanced_error(logits)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (torch.ones(3), "shape"),
        (torch.ones(4, 1), "shape"),
        (torch.tensor([1.0, 1, 1, -1]), "negative or NaN"),
        (torch.tensor([1.0, 1, 1, math.nan]), "negative or NaN"),
    ],
)
def test_cells_refuse_what_are_no_weights_of_rows(weights, said):
    with pytest.raises(ValueError, match=said):
        CellLosses.of(torch.zeros(4, 2), torch.tensor([0, 1, 0, 1]), weights=weights)
