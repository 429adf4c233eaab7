"""Weighted rows: figures are those of the weights, intervals those of what the rows can tell."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, recall_score

from equipoise import Counts, Groups, audit, gap, ratio, worst
from equipoise.audit import (
    ScoreCounts,
    audit_multilabel,
    audit_pair,
    audit_regression,
    audit_scores,
    audit_within,
    gates,
)
from equipoise.audit.weights import effective_shares, resample_cells, weigh_cells

a_few = settings(deadline=None, max_examples=40, derandomize=True)


def rows(n, seed=0, groups="ab"):
    random = np.random.default_rng(seed)
    label, decision = random.integers(0, 2, (2, n))
    return label, decision, random.choice(list(groups), n), random.gamma(1.0, 1.0, n)


@given(st.integers(0, 1000))
@a_few
def test_rates_are_those_that_scikit_learn_gives_of_weighted_rows(seed):
    label, decision, group, weight = rows(60, seed)
    found = audit(label, decision, sensitive_features=group, sample_weight=weight)
    for g, name in enumerate(found.counts.groups):
        of = group == name
        given = {"sample_weight": weight[of]}
        np.testing.assert_allclose(
            [found.rates(r).values[0, g] for r in ("accuracy", "true_positive")],
            [score(label[of], decision[of], **given) for score in (accuracy_score, recall_score)],
        )
    assert found.counts.accuracy == pytest.approx(
        accuracy_score(label, decision, sample_weight=weight)
    )


@pytest.mark.parametrize("constant", [1.0, 0.01, 1e6])
def test_rows_that_weigh_the_same_tell_as_much_as_unweighted_ones(constant):
    label, decision, group, _ = rows(200)
    plain = audit(label, decision, sensitive_features=group)
    same = audit(label, decision, sensitive_features=group, sample_weight=np.full(200, constant))
    np.testing.assert_allclose(
        same.rates("true_positive").support, plain.rates("true_positive").support
    )
    for disparity in (gap("true_positive"), ratio("selection")):
        np.testing.assert_allclose(same.parity(disparity), plain.parity(disparity), atol=1e-12)


def test_rows_without_weight_change_nothing():
    label, decision, group, weight = rows(100)
    weight[50:] = 0
    whole = audit(label, decision, sensitive_features=group, sample_weight=weight)
    some = audit(
        label[:50], decision[:50], sensitive_features=group[:50], sample_weight=weight[:50]
    )
    for rate in ("selection", "predictive_value"):
        np.testing.assert_allclose(whole.rates(rate)[1:], some.rates(rate)[1:])


def test_the_variance_of_a_weighted_share_is_that_of_its_effective_size():
    # Heavy rows are more often positive, which weights alone do not show.
    random = np.random.default_rng(0)
    shares, sizes = [], []
    for _ in range(4000):
        weight = random.gamma(1.0, 1.0, 400)
        success = random.random(400) < np.where(weight > 1, 0.6, 0.2)
        sums = [weight[success].sum(), weight.sum()]
        squares = (weight[success] ** 2).sum(), (weight**2).sum()
        x, n = effective_shares(
            *(np.array([s]) for s in sums), tuple(np.array([s]) for s in squares)
        )
        shares.append(x / n)
        sizes.append(x / n * (1 - x / n) / n)
    # The standard deviation of a variance of 4,000 draws is about 2.2 % of it.
    assert np.var(shares) == pytest.approx(np.mean(sizes), rel=0.09)


def test_a_share_of_zero_has_the_size_that_its_weights_alone_tell():
    x, n = effective_shares(np.zeros(1), np.array([3.0]), (np.zeros(1), np.array([5.0])))
    assert x == 0
    assert n == pytest.approx(9 / 5)


def test_a_resampled_cell_varies_as_a_bootstrap_of_its_rows():
    random = np.random.default_rng(0)
    weight = random.gamma(0.5, 2.0, 30)
    sums = weigh_cells(np.zeros(30, np.int64), weight, (1,))
    drawn = np.concatenate(list(resample_cells(np.array([30]), sums, 20_000, random)))
    of_rows = random.poisson(1.0, (20_000, 30)) @ weight
    assert drawn.mean() == pytest.approx(of_rows.mean(), rel=0.02)
    assert drawn.std() == pytest.approx(of_rows.std(), rel=0.03)


def test_a_heavy_row_makes_a_group_less_sure():
    label, decision, group, _ = rows(400)
    weight = np.ones(400)
    weight[group == "a"] = np.where(np.arange((group == "a").sum()) % 20, 0.1, 10.0)
    found = audit(label, decision, sensitive_features=group, sample_weight=weight)
    wide = found.rates("selection").high - found.rates("selection").low
    assert wide[0, 0] > 2 * wide[0, 1]


def test_blocks_of_weighted_rows_add_up():
    label, decision, group, weight = rows(90)
    whole, first, second = (
        audit(
            label[part], decision[part], sensitive_features=group[part], sample_weight=weight[part]
        ).counts
        for part in (slice(None), slice(0, 40), slice(40, None))
    )
    merged = Counts.from_dict(json.loads(json.dumps(first.merge(second).to_dict())))
    np.testing.assert_allclose(merged.weight, whole.weight)
    np.testing.assert_array_equal(merged.table, whole.table)


def test_weighted_rows_do_not_merge_with_unweighted_ones():
    label, decision, group, weight = rows(20)
    plain = audit(label, decision, sensitive_features=group)
    heavy = audit(label, decision, sensitive_features=group, sample_weight=weight)
    with pytest.raises(ValueError, match="only one of the two counts has a weight"):
        plain.counts.merge(heavy.counts)


def test_two_models_are_compared_on_weighted_rows():
    label, first, group, weight = rows(300)
    second = np.where(np.arange(300) % 3, label, first)
    both = audit_pair(label, first, second, sensitive_features=group, sample_weight=weight)
    alone = audit(label, second, sensitive_features=group, sample_weight=weight)
    change = both.disparity(gap("accuracy"))
    assert change.second == pytest.approx(alone.disparity(gap("accuracy")).value)
    assert both.rate("accuracy")["a"].low > 0


def test_strata_and_labels_take_weights_too():
    label, decision, group, weight = rows(200)
    stratum = np.arange(200) % 2
    given = {"sensitive_features": group, "sample_weight": weight}
    within = audit_within(label, decision, control_features=stratum, **given)
    odd = stratum == 1
    alone = audit(
        label[odd], decision[odd], sensitive_features=group[odd], sample_weight=weight[odd]
    )
    assert within["1"].disparity(gap("selection")) == alone.disparity(gap("selection"))
    tags = audit_multilabel(label[:, None], decision[:, None], names=["one"], **given)
    whole = audit(label, decision, **given)
    assert tags.labels["one"].parity(gap("selection")) == whole.parity(gap("selection"))


def test_the_effective_number_of_rows_is_told():
    label, decision, group, weight = rows(50)
    found = audit(label, decision, sensitive_features=group, sample_weight=weight)
    kish = weight.sum() ** 2 / (weight**2).sum()
    assert found.to_dict()["effective_rows"] == pytest.approx(kish)
    assert f"as much as {kish:,.0f} equal ones" in str(found)


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        ([1.0, 2.0], "has 2 for 4 rows"),
        ([1.0, -1.0, 1.0, 1.0], "is -1 in row 1"),
        ([1.0, 1.0, np.nan, 1.0], "is nan in row 2"),
        ([0.0, 0.0, 0.0, 0.0], "0 in every row"),
        (["a", "b", "c", "d"], "must be numbers"),
    ],
)
def test_weights_that_cannot_be_are_refused(weight, said):
    with pytest.raises(ValueError, match=f"sample_weight.*{said}"):
        audit([0, 1, 0, 1], [0, 1, 1, 1], sensitive_features=list("abab"), sample_weight=weight)


@pytest.mark.slow
@pytest.mark.parametrize("slope", [0.0, 2.0])
def test_a_few_rows_with_most_of_the_weight_do_not_show_what_is_not_there(slope):
    # Log-normal weights, of which the heaviest hundredth holds more than a third.
    random = np.random.default_rng(2)
    rejected, shut, runs = 0, 0, 400
    for _ in range(runs):
        z = random.normal(size=90)
        decision = (random.random(90) < 1 / (1 + np.exp(-slope * z))).astype(int)
        found = audit(
            random.integers(0, 2, 90),
            decision,
            sensitive_features=np.arange(90) % 3,
            sample_weight=np.exp(2 * z),
            n_boot=400,
        )
        rejected += found.parity(gap("selection")).p_value <= 0.05
        shut += gates(found.counts, ['gap("selection") > 0'])[0].shut
    assert rejected / runs <= 0.12
    assert shut / runs <= 0.05


@pytest.mark.slow
def test_intervals_and_tests_of_weighted_rows_are_of_their_level():
    random = np.random.default_rng(1)
    covered, rejected, within, truth = 0, 0, 0, 0.0
    runs, n = 1500, 1200
    # The weighted share of 0.6 above a weight of 1 and 0.2 below it: the same in both groups.
    share = np.exp(-1) * 2
    truth = 0.6 * share + 0.2 * (1 - share)
    for _ in range(runs):
        weight = random.gamma(1.0, 1.0, n)
        decision = (random.random(n) < np.where(weight > 1, 0.6, 0.2)).astype(int)
        group = random.integers(0, 3, n)
        label = random.integers(0, 2, n)
        found = audit(label, decision, sensitive_features=group, sample_weight=weight, n_boot=400)
        rates = found.rates("selection")
        covered += rates.low[0, 0] <= truth <= rates.high[0, 0]
        rejected += found.parity(gap("selection")).p_value <= 0.05
        least = found.disparity(worst("accuracy"))
        within += least.low <= 0.5
    assert 0.93 <= covered / runs <= 0.97
    assert 0.03 <= rejected / runs <= 0.07
    assert within / runs >= 0.93


def scored(n, seed=0):
    random = np.random.default_rng(seed)
    score = random.random(n)
    label = (random.random(n) < score).astype(int)
    return label, score, random.choice(["a", "b"], n), random.integers(1, 4, n)


def test_scores_of_weighted_rows_have_the_figures_of_repeated_rows():
    label, score, group, weight = scored(500)
    found = audit_scores(label, score, sensitive_features=group, sample_weight=weight)
    again = audit_scores(
        *(np.repeat(x, weight) for x in (label, score)),
        sensitive_features=np.repeat(group, weight),
    )
    np.testing.assert_allclose(found.auc().values, again.auc().values)
    np.testing.assert_allclose(found.roc("a"), again.roc("a"))
    np.testing.assert_allclose(
        found.sweep(gap("selection")).value, again.sweep(gap("selection")).value
    )
    np.testing.assert_allclose(
        found.sweep(gap("selection")).selection[1:], again.sweep(gap("selection")).selection[1:]
    )
    for one, other in zip(found.calibration()[1:3], again.calibration()[1:3], strict=True):
        np.testing.assert_allclose(one, other)
    assert found.at(0.5).disparity(gap("selection")).value == pytest.approx(
        again.at(0.5).disparity(gap("selection")).value
    )


def test_repeated_rows_seem_to_tell_more_than_weighted_ones():
    label, score, group, weight = scored(500)
    found = audit_scores(label, score, sensitive_features=group, sample_weight=weight).auc()
    again = audit_scores(
        *(np.repeat(x, weight) for x in (label, score)),
        sensitive_features=np.repeat(group, weight),
    ).auc()
    assert ((found.high - found.low) > 1.2 * (again.high - again.low)).all()


def test_areas_of_rows_that_weigh_the_same_are_as_sure_as_unweighted_ones():
    label, score, group, _ = scored(300)
    plain = audit_scores(label, score, sensitive_features=group)
    same = audit_scores(label, score, sensitive_features=group, sample_weight=np.full(300, 0.3))
    np.testing.assert_allclose(same.auc()[1:], plain.auc()[1:])
    np.testing.assert_allclose(same.auc_gap(), plain.auc_gap())
    for one, other in zip(same.calibration()[:7], plain.calibration()[:7], strict=True):
        np.testing.assert_allclose(one, other)


def test_the_variance_of_a_weighted_area_is_that_of_repeated_samples():
    random = np.random.default_rng(5)
    areas, variances = [], []
    for _ in range(600):
        score = random.random(400)
        label = (random.random(400) < score).astype(int)
        weight = random.gamma(1.0, 1.0, 400) * np.where(score > 0.5, 2, 1)
        found = audit_scores(label, score, sensitive_features=["a"] * 400, sample_weight=weight)
        area, variance, _ = found._areas()
        areas.append(area[0])
        variances.append(variance[0])
    assert np.var(areas) == pytest.approx(np.mean(variances), rel=0.2)


def test_blocks_of_weighted_scores_add_up():
    label, score, group, weight = scored(200)
    whole, first, second = (
        audit_scores(
            label[part], score[part], sensitive_features=group[part], sample_weight=weight[part]
        )
        for part in (slice(None), slice(0, 90), slice(90, None))
    )
    merged = first.counts.merge(second.counts)
    np.testing.assert_allclose(merged.weight, whole.counts.weight)
    with pytest.raises(ValueError, match="weight"):
        merged.merge(audit_scores(label, score, sensitive_features=group).counts)


def test_overlapping_groups_of_weighted_scores_have_a_gap_too():
    label, score, group, weight = scored(400)
    both = {"one": group, "two": np.roll(group, 1)}
    found = audit_scores(
        label, score, sensitive_features=both, how="each", sample_weight=weight, n_boot=300
    ).auc_gap()
    assert found.low <= found.value <= found.high


def predicted(n, seed=0):
    random = np.random.default_rng(seed)
    target = random.normal(size=n)
    return target, target + random.normal(0.3, 1, n), random.choice(["a", "b"], n)


def test_errors_of_weighted_rows_are_averaged_by_weight():
    target, prediction, group = predicted(80)
    weight = np.random.default_rng(1).gamma(1.0, 1.0, 80)
    found = audit_regression(target, prediction, sensitive_features=group, sample_weight=weight)
    expected = [
        np.average(np.abs(prediction - target)[group == g], weights=weight[group == g])
        for g in "ab"
    ]
    np.testing.assert_allclose(found.means("mean absolute error").values[0], expected)


def test_errors_of_rows_that_weigh_the_same_are_as_sure_as_unweighted_ones():
    target, prediction, group = predicted(80)
    plain, same = (
        audit_regression(target, prediction, sensitive_features=group, **given)
        for given in ({}, {"sample_weight": np.full(80, 0.2)})
    )
    np.testing.assert_allclose(same.means("mean error")[1:], plain.means("mean error")[1:])
    np.testing.assert_allclose(same.gap("mean error"), plain.gap("mean error"))


def test_the_variance_of_a_weighted_mean_is_that_of_repeated_samples():
    random = np.random.default_rng(0)
    means, variances = [], []
    for _ in range(3000):
        weight = random.gamma(1.0, 1.0, 100)
        error = random.normal(size=100) * (1 + weight)  # heavy rows vary more
        found = audit_regression(
            np.zeros(100), error, sensitive_features=["a"] * 100, sample_weight=weight
        )
        mean, variance, _ = found._of_groups(0)
        means.append(mean[0])
        variances.append(variance[0])
    assert np.var(means) == pytest.approx(np.mean(variances), rel=0.12)


def test_blocks_of_weighted_errors_add_up():
    target, prediction, group = predicted(90)
    weight = np.random.default_rng(2).gamma(1.0, 1.0, 90)
    whole, first, second = (
        audit_regression(
            target[of], prediction[of], sensitive_features=group[of], sample_weight=weight[of]
        )
        for of in (slice(None), slice(0, 30), slice(30, None))
    )
    merged = first.merge(second)
    for figure in whole.figures:
        np.testing.assert_allclose(merged.means(figure)[1:], whole.means(figure)[1:])
        np.testing.assert_allclose(merged.gap(figure), whole.gap(figure))


@pytest.mark.parametrize("weight", [1e300, 1e-300])
def test_weights_whose_squares_no_number_holds_are_refused(weight):
    label, decision, group, _ = rows(20)
    with pytest.raises(
        ValueError, match=r"sample_weight must be 0 or lie between 1e-50 and 1e\+50"
    ):
        audit(label, decision, sensitive_features=group, sample_weight=np.full(20, weight))


def test_rows_that_hardly_weigh_anything_beside_others_are_audited():
    label, decision, group, _ = rows(200)
    weight = np.where(decision == 1, 1e-20, 1.0)
    found = audit(label, decision, sensitive_features=group, sample_weight=weight)
    assert found.parity(gap("selection")).value == pytest.approx(0, abs=1e-18)
    rates = found.rates("selection")
    assert (rates.low <= rates.values).all()
    assert (rates.high < 0.1).all()


def test_a_stratum_without_weight_has_figures_that_are_undefined():
    label, decision, group, weight = rows(100)
    stratum = np.repeat(["here", "there"], 50)
    weight[stratum == "there"] = 0
    found = audit_within(
        label,
        decision,
        sensitive_features=group,
        control_features=stratum,
        sample_weight=weight,
    )["there"].to_dict()
    json.dumps(found, allow_nan=False)
    assert found["effective_rows"] == 0
    assert found["accuracy"] is None


@pytest.mark.parametrize("of", [Counts, ScoreCounts])
def test_weights_that_are_small_integers_are_squared_beyond_their_range(of):
    codes, groups = np.array([0, 1]), Groups.of(["a", "b"])
    values = codes if of is Counts else codes.astype(float)
    weight = np.full(2, 200, np.uint8)
    found = of.from_block(codes, values, groups, (0, 1), weight=weight)
    assert found.weight.sum(axis=(1, 2, 3)).tolist() == [400, 80_000]


@pytest.mark.parametrize("of", [Counts, ScoreCounts])
@pytest.mark.parametrize("weight", [[1.0], [1.0, np.nan], [1.0, -1.0]])
def test_blocks_refuse_what_is_no_weight(of, weight):
    codes, groups = np.array([0, 1]), Groups.of(["a", "b"])
    values = codes if of is Counts else codes.astype(float)
    with pytest.raises(ValueError, match="sample_weight must"):
        of.from_block(codes, values, groups, (0, 1), weight=np.array(weight))


def test_one_heavy_row_against_many_light_ones_tells_as_much_as_about_one():
    weight = np.array([1.0] + [1e-6] * 99)
    label, decision = np.arange(100) % 2, np.eye(1, 100, dtype=int)[0]
    found = audit(label, decision, sensitive_features=["a"] * 100, sample_weight=weight)
    rate = found.rates("selection")
    assert rate.values[0, 0] == pytest.approx(1, abs=1e-4)
    assert rate.support[0, 0] < 2
    assert rate.low[0, 0] < 0.4
