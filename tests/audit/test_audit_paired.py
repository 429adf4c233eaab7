"""Two models on the same rows differ by what they decide differently."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise import audit, gap, ratio, worst
from equipoise.audit import audit_pair


def decided(n=2000, seed=0, apart=0.0):
    """Two models that agree on most rows; the second selects more of one group."""
    random = np.random.default_rng(seed)
    group = random.choice(["a", "b"], n)
    label = random.integers(0, 2, n)
    first = np.where(random.random(n) < 0.8, label, 1 - label)
    swayed = (group == "a") & (random.random(n) < apart)
    return label, first, np.where(swayed, 1, first), group


@pytest.mark.parametrize("disparity", [gap("selection"), ratio("selection"), worst("accuracy")])
def test_figures_are_those_of_each_model_alone(disparity):
    label, first, second, group = decided(apart=0.2)
    found = audit_pair(label, first, second, sensitive_features=group).disparity(disparity)
    alone = [
        audit(label, p, sensitive_features=group).disparity(disparity) for p in (first, second)
    ]
    assert (found.first, found.second) == tuple(each.value for each in alone)
    assert found.difference == found.second - found.first


def test_a_model_differs_in_nothing_from_itself():
    label, first, _, group = decided()
    found = audit_pair(label, first, first, sensitive_features=group)
    assert tuple(found.disparity(gap("selection")))[2:] == (0, 0, 0)
    assert tuple(found.rate("accuracy")["a"])[2:] == (0, 0, 0)


def test_rows_on_which_both_agree_do_not_blur_the_difference():
    label, first, second, group = decided(apart=0.03)
    change = audit_pair(label, first, second, sensitive_features=group).rate("selection")["a"]
    alone = audit(label, first, sensitive_features=group).rates("selection")
    assert change.low > 0
    assert change.high - change.low < 0.6 * float(alone.high[0, 0] - alone.low[0, 0])


def test_the_interval_of_the_difference_is_that_of_paired_shares():
    label, first, second, group = decided(20_000, apart=0.1)
    mine = group == "a"
    differs = (second[mine] != first[mine]).mean()
    error = np.sqrt((differs - differs**2) / mine.sum())
    found = audit_pair(label, first, second, sensitive_features=group).rate("selection")["a"]
    assert found.difference == pytest.approx(differs)
    assert (found.low, found.high) == pytest.approx(
        (differs - 1.96 * error, differs + 1.96 * error), abs=0.1 * error
    )


def test_many_classes_are_compared_by_their_disparities():
    random = np.random.default_rng(0)
    label, first, second = random.integers(0, 3, (3, 500))
    found = audit_pair(label, first, second, sensitive_features=random.integers(0, 2, 500))
    assert np.isfinite(found.disparity(gap("selection"))).all()
    with pytest.raises(ValueError, match="ask for a disparity"):
        found.rate("selection")


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="one value a row"):
        audit_pair([0, 1], [0, 1], [0], sensitive_features=["a", "b"])


def test_columns_whose_lengths_differ_but_add_up_are_refused_too():
    with pytest.raises(ValueError, match="have 4, 5, 3 and 4"):
        audit_pair([0, 1, 0, 1], [0, 1, 0, 0, 1], [0, 1, 0], sensitive_features=list("aabb"))
