"""Predicted numbers are audited by how far they are off, and on which side."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, mean_squared_error

from equipoise import Groups
from equipoise.audit import audit_regression


def predicted(n=900, shift=0.0, seed=0):
    random = np.random.default_rng(seed)
    group = random.choice(["a", "b", "c"], n)
    target = random.normal(size=n)
    return target, target + random.normal(size=n) + shift * (group == "c"), group


def test_means_are_those_of_scikit_learn():
    target, prediction, group = predicted()
    found = audit_regression(target, prediction, sensitive_features=group, quantiles=(0.9,))
    for g, name in enumerate("abc"):
        mine = group == name
        y, p = target[mine], prediction[mine]
        expected = {
            "mean error": (p - y).mean(),
            "mean absolute error": mean_absolute_error(y, p),
            "mean squared error": mean_squared_error(y, p),
            "quantile loss 0.9": mean_pinball_loss(y, p, alpha=0.9),
        }
        assert expected.keys() == set(found.figures)
        for figure, value in expected.items():
            assert found.means(figure).values[0, g] == pytest.approx(value)


def test_intervals_are_students():
    target, prediction, group = predicted(60)
    found = audit_regression(target, prediction, sensitive_features=group).means("mean error")
    error = (prediction - target)[group == "b"]
    low, high = stats.t.interval(0.95, len(error) - 1, error.mean(), stats.sem(error))
    assert (found.low[0, 1], found.high[0, 1]) == pytest.approx((low, high))


def test_a_group_whose_predictions_are_too_high_is_found():
    def p_value(shift):
        target, prediction, group = predicted(shift=shift)
        return audit_regression(target, prediction, sensitive_features=group).gap("mean error")

    assert p_value(0.0).p_value > 0.02
    assert p_value(0.5).p_value < 0.002
    assert p_value(0.5).low > 0.1


def test_groups_may_overlap():
    target, prediction, group = predicted()
    members = np.stack([np.ones(900, bool), group == "a"], axis=1)
    both = Groups.from_membership(members, ["all", "a"])
    found = audit_regression(target, prediction, sensitive_features=both)
    expected = [(prediction - target).mean(), (prediction - target)[group == "a"].mean()]
    assert found.means("mean error").values[0] == pytest.approx(expected)
    assert found.gap("mean error").value == pytest.approx(abs(expected[0] - expected[1]))


def test_blocks_merge_to_all_rows():
    target, prediction, group = predicted()
    whole = audit_regression(target, prediction, sensitive_features=group)
    parts = [
        audit_regression(target[some], prediction[some], sensitive_features=group[some])
        for some in (group == "c", group == "a", group == "b")
    ]
    merged = parts[0].merge(parts[1]).merge(parts[2])
    assert dict(zip(merged.groups, merged.sizes, strict=True)) == dict(
        zip(whole.groups, whole.sizes, strict=True)
    )
    for figure in whole.figures:
        mine = dict(zip(merged.groups, merged.means(figure).high[0], strict=True))
        assert [mine[g] for g in whole.groups] == pytest.approx(whole.means(figure).high[0])


@pytest.mark.parametrize(
    ("target", "given", "message"),
    [
        ([1, np.nan], {}, "target has 1 missing"),
        (["a", "b"], {}, "target must hold numbers"),
        ([1, 2, 3], {}, "one value a row"),
        ([1, 2], {"quantiles": (1.5,)}, "quantiles must lie"),
    ],
)
def test_what_cannot_be_audited_is_refused(target, given, message):
    with pytest.raises(ValueError, match=message):
        audit_regression(target, [1, 2], sensitive_features=["a", "b"], **given)


def test_figures_that_are_not_there_are_named():
    found = audit_regression([1, 2], [1, 2], sensitive_features=["a", "b"])
    with pytest.raises(ValueError, match="there are mean error, mean absolute error"):
        found.means("median error")
    assert np.isnan(found.gap("mean error")).all()


@pytest.mark.parametrize(("groups", "rows"), [(2, 3), (2, 5), (7, 5)])
def test_small_groups_that_are_treated_alike_are_seldom_found_apart(groups, rows):
    random = np.random.default_rng(0)
    names = np.repeat(np.arange(groups), rows)
    found = sum(
        audit_regression(
            np.zeros(groups * rows), random.normal(size=groups * rows), sensitive_features=names
        )
        .gap("mean error")
        .p_value
        < 0.05
        for _ in range(200)
    )
    assert found <= 0.05 * 200 + 2 * np.sqrt(200 * 0.05 * 0.95)


def test_a_spread_that_is_small_beside_the_mean_is_kept():
    random = np.random.default_rng(0)
    error = random.normal(size=50)
    near, far = (
        audit_regression(np.zeros(50), error + shift, sensitive_features=["a", "b"] * 25)
        for shift in (0.0, 1e9)
    )
    widths = [
        float(np.ptp([x.low[0, 0], x.high[0, 0]]))
        for x in (near.means("mean error"), far.means("mean error"))
    ]
    assert widths[0] == pytest.approx(widths[1], rel=1e-4)


def test_groups_whose_rows_are_all_of_different_crossings_are_compared():
    random = np.random.default_rng(0)
    columns = {name: random.integers(0, 12, 300) for name in "xyz"}
    found = audit_regression(
        np.zeros(300), random.normal(size=300), sensitive_features=columns, how="each"
    )
    assert 0 < found.gap("mean error").value < 2
    assert found.gap("mean error").p_value > 0.01


def test_means_that_do_not_vary_are_surely_apart():
    found = audit_regression([0] * 8, [1] * 4 + [2] * 4, sensitive_features=["a"] * 4 + ["b"] * 4)
    gap = found.gap("mean error")
    assert (gap.value, gap.low, gap.high) == (1, 1, 1)
    assert gap.p_value < 0.001
