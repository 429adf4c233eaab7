"""Disparities of several classes, or of two parts, as one figure: worst, mean or by prevalence."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise import audit, gap, ratio, worst


@pytest.fixture
def three_classes():
    random = np.random.default_rng(0)
    label = random.choice(["ant", "bee", "cat"], 900, p=[0.6, 0.3, 0.1])
    decision = np.where(random.random(900) < 0.7, label, random.choice(["ant", "bee"], 900))
    return audit(label, decision, sensitive_features=random.choice(["f", "m"], 900)), label


def of_classes(found, rate, names):
    low_high = found.rates(rate)
    at = [low_high.components.index(name) for name in names]
    return np.ptp(low_high.values[at], axis=1)


def test_each_class_has_a_disparity_of_its_own(three_classes):
    found, _ = three_classes
    parities = found.parities(gap("true_positive"))
    names = [f"true_positive of {c}" for c in ("ant", "bee", "cat")]
    assert [*parities] == names
    values = [one.value for one in parities.values()]
    np.testing.assert_allclose(values, of_classes(found, "true_positive", names))
    assert found.disparity(gap("true_positive")).value == pytest.approx(max(values))


def test_the_mean_and_the_mean_by_prevalence_weigh_the_classes(three_classes):
    found, label = three_classes
    each = [one.value for one in found.parities(gap("true_positive")).values()]
    share = np.unique(label, return_counts=True)[1] / len(label)
    mean = found.disparity(gap("true_positive"), aggregate="mean")
    usual = found.disparity(gap("true_positive"), aggregate="prevalence")
    assert mean.value == pytest.approx(np.mean(each))
    assert usual.value == pytest.approx(share @ each)


def test_the_mean_of_equalized_odds_is_of_its_two_gaps():
    random = np.random.default_rng(1)
    label, decision = random.integers(0, 2, (2, 300))
    found = audit(label, decision, sensitive_features=random.integers(0, 2, 300))
    two = [found.disparity(gap(r)).value for r in ("true_positive", "false_positive")]
    assert found.disparity("gap('equalized_odds')").value == pytest.approx(max(two))
    for aggregate in ("mean", "prevalence"):
        one = found.disparity(gap("equalized_odds"), aggregate=aggregate)
        assert one.value == pytest.approx(np.mean(two))
        assert one.low <= one.value <= one.high


def test_the_mean_of_ratios_is_undefined_where_one_of_them_is():
    found = audit([0, 1, 2, 0, 1, 2], [0, 1, 0, 0, 1, 1], sensitive_features=list("aaabbb"))
    assert np.isnan(found.disparity(ratio("selection"), aggregate="mean").value)
    assert found.disparity(gap("selection"), aggregate="mean").value == pytest.approx(2 / 9)


def test_an_interval_of_a_mean_holds_it_at_least_as_often_as_it_says():
    random = np.random.default_rng(2)
    held = 0
    for _ in range(200):
        label = random.integers(0, 3, 600)
        decision = np.where(random.random(600) < 0.6, label, random.integers(0, 3, 600))
        group = random.integers(0, 2, 600)
        found = audit(label, decision, sensitive_features=group, n_boot=200)
        held += found.disparity(gap("true_positive"), aggregate="mean").low <= 0
    assert held / 200 >= 0.94


def test_an_unknown_aggregate_is_refused(three_classes):
    found, _ = three_classes
    with pytest.raises(ValueError, match="aggregate must be 'max', 'mean' or 'prevalence'"):
        found.disparity(gap("selection"), aggregate="median")


def test_the_worst_rate_is_no_mean_of_anything(three_classes):
    found, _ = three_classes
    with pytest.raises(ValueError, match="no disparity between groups"):
        found.disparity(worst("true_positive"), aggregate="mean")
