"""Thresholds by group."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise import Constraint, Groups
from equipoise.reproduce.thresholds import choose_thresholds, decide


def _scored(n: int = 2_000) -> tuple[np.ndarray, np.ndarray, Groups]:
    random = np.random.default_rng(0)
    code = random.integers(2, size=n)
    score = np.clip(random.beta(2, 3 - code), 0, 1)
    label = (random.random(n) < score).astype(np.int64)
    return score, label, Groups.from_codes(code, ["a", "b"])


@pytest.mark.parametrize("rate", ["selection", "true_positive", "equalized_odds"])
def test_thresholds_keep_the_gap_on_the_rows_that_they_are_chosen_on(rate: str):
    score, label, groups = _scored()
    constraint = Constraint.parse(f'gap("{rate}") <= 0.06')
    decision = decide(score, groups, choose_thresholds(score, label, groups, constraint))
    table = groups.tabulate(label * 2 + decision, 4).reshape(-1, 2, 2)
    plain = groups.tabulate(label * 2 + (score > 0.5), 4).reshape(-1, 2, 2)
    assert constraint.kept_by(constraint.disparity.rate.values(table))
    assert not constraint.kept_by(constraint.disparity.rate.values(plain))
    assert (decision == label).mean() > 0.6


def test_thresholds_that_promise_nothing_err_least():
    score, label, groups = _scored()
    limits = choose_thresholds(score, label, groups, Constraint.parse('gap("selection") <= 1'))
    for number, limit in enumerate(limits):
        own = groups.codes == number
        errors = [((score[own] > t) != label[own]).sum() for t in np.linspace(0, 1, 50)]
        assert ((score[own] > limit) != label[own]).sum() <= min(errors) + 4


def test_no_thresholds_keep_a_promise_about_losses():
    score, label, groups = _scored(50)
    with pytest.raises(ValueError, match="gaps of shares"):
        choose_thresholds(score, label, groups, Constraint.parse('gap("loss") <= 0.1'))
