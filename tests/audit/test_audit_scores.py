"""Scores are audited from counts that are as good as the scores themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from equipoise import Groups, audit, gap, ratio
from equipoise.audit import ScoreCounts, audit_scores
from equipoise.audit.auc import auc, auc_interval


def scored(n=4000, groups=3, seed=0, calibrated=True):
    random = np.random.default_rng(seed)
    group = random.integers(0, groups, n)
    score = random.beta(2 + group, 3)
    label = (random.random(n) < (score if calibrated else score**2)).astype(int)
    return label, score, np.array(list("abcdefgh"))[group]


def table(negative, positive, bins=64):
    return np.stack([np.bincount(x, minlength=bins) for x in (negative, positive)])


SCORES = st.lists(st.integers(0, 63), min_size=1, max_size=40)


@settings(max_examples=100)
@given(SCORES, SCORES)
def test_the_area_is_the_share_of_pairs_in_the_right_order(negative, positive):
    pairs = np.sign(np.subtract.outer(positive, negative))
    area, _ = auc(table(negative, positive))
    assert area == pytest.approx((pairs.mean() + 1) / 2)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 9), min_size=2, max_size=30), SCORES.filter(lambda x: len(x) > 1))
def test_its_variance_is_delongs(negative, positive):
    order = (np.sign(np.subtract.outer(positive, negative)) + 1) / 2
    by_positive, by_negative = order.mean(1), order.mean(0)
    expected = by_positive.var(ddof=1) / len(positive) + by_negative.var(ddof=1) / len(negative)
    assert auc(table(negative, positive))[1] == pytest.approx(expected)


def test_areas_are_those_of_scikit_learn():
    label, score, group = scored()
    found = audit_scores(label, score, sensitive_features=group).auc()
    for g, name in enumerate("abc"):
        mine = group == name
        assert found.values[0, g] == pytest.approx(
            roc_auc_score(label[mine], score[mine]), abs=1e-5
        )


def test_the_interval_of_an_area_covers_as_often_as_it_says():
    random = np.random.default_rng(0)
    held = 0
    for _ in range(1000):
        negative, positive = random.normal(0, 1, 60), random.normal(1, 1, 40)
        edges = np.linspace(-5, 6, 512)
        counted = table(np.digitize(negative, edges), np.digitize(positive, edges), 513)
        area, variance = auc(counted)
        low, high = auc_interval(area, variance, np.array([60, 40]), 0.95)
        held += low <= 0.76025 <= high  # Phi(1 / sqrt 2)
    assert 0.93 < held / 1000 < 0.97


def test_an_area_of_one_has_an_interval_all_the_same():
    area, variance = auc(table([1, 2, 3], [8, 9, 10]))
    low, high = auc_interval(area, variance, np.array([3, 3]), 0.95)
    assert 0 < low < 0.9 < high < 1


def test_curves_are_those_of_scikit_learn():
    label, score, group = scored(400)
    score = np.round(score * 512) / 512
    found = audit_scores(label, score, sensitive_features=group)
    mine = group == "b"
    fpr, tpr, _ = roc_curve(label[mine], score[mine], drop_intermediate=False)
    ours = found.roc("b")
    assert ours[0] == pytest.approx(fpr)
    assert ours[1] == pytest.approx(tpr)


@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.5, 0.8125, 1.0])
def test_decisions_at_a_threshold_are_audited_as_decisions_are(threshold):
    label, score, group = scored()
    score = np.round(score * 64) / 64
    at = audit_scores(label, score, sensitive_features=group).at(threshold)
    decided = (score >= threshold).astype(int)
    expected = Groups.of(group)
    assert at.counts.groups == expected.names
    for g, name in enumerate(expected.names):
        mine = group == name
        table = [[((label == y) & (decided == d) & mine).sum() for d in (0, 1)] for y in (0, 1)]
        # A score of 1 lies in the last bin, below no threshold but 1 itself.
        if threshold < 1:
            assert at.counts.by_group[g].tolist() == table


@pytest.mark.parametrize("disparity", [gap("selection"), ratio("selection"), gap("equalized_odds")])
def test_a_sweep_says_at_every_threshold_what_an_audit_there_says(disparity):
    label, score, group = scored()
    found = audit_scores(label, score, sensitive_features=group)
    sweep = found.sweep(disparity)
    for k in (0, 3000, 8192, 12_000, 16_383):
        decided = (score >= sweep.threshold[k]).astype(int)
        assert sweep.selection[k] == pytest.approx(decided.mean())
        if 0 < decided.mean() < 1:
            there = audit(label, decided, sensitive_features=group).disparity(disparity)
            assert sweep.value[k] == pytest.approx(there.value, nan_ok=True)


def test_areas_that_are_equal_are_not_found_apart_and_others_are():
    random = np.random.default_rng(0)
    group = random.integers(0, 3, 3000)
    label = random.integers(0, 2, 3000)

    def p_value(lift):
        raw = random.normal(size=3000) + label * (1 + lift * (group == 2))
        score = 1 / (1 + np.exp(-raw))
        return audit_scores(label, score, sensitive_features=group).auc_gap().p_value

    assert p_value(0.0) > 0.02
    assert p_value(0.6) < 0.01


def test_overlapping_groups_are_resampled_by_rows():
    label, score, group = scored(1500)
    members = np.stack([np.ones(1500, bool), group == "a"], axis=1)
    both = Groups.from_membership(members, ["all", "a"])
    found = audit_scores(label, score, sensitive_features=both, n_boot=300).auc_gap()
    areas = [roc_auc_score(label, score), roc_auc_score(label[group == "a"], score[group == "a"])]
    assert found.value == pytest.approx(abs(areas[0] - areas[1]), abs=1e-4)
    assert found.low <= found.value <= found.high


def test_scores_that_mean_what_they_say_are_seen_to_be_calibrated():
    label, score, group = scored(20_000)
    found = audit_scores(label, score, sensitive_features=group).calibration()
    assert found.support.sum() == 20_000
    assert found.support.sum(0) == pytest.approx(np.full(10, 2000), rel=0.05)
    assert (found.error_low == 0).all()
    assert found.error == pytest.approx(found.by_chance, rel=0.8)
    inside = (found.low <= found.predicted) & (found.predicted <= found.high)
    assert inside.mean() > 0.85


def test_scores_that_promise_too_much_are_found_out_by_how_much():
    label, score, group = scored(20_000, calibrated=False)
    found = audit_scores(label, score, sensitive_features=group).calibration()
    assert (found.p_value < 0.001).all()
    for g, name in enumerate("abc"):
        mine = score[group == name]
        assert found.error_low[g] < (mine - mine**2).mean() < found.error_high[g]


def test_the_error_of_calibration_is_the_mean_distance_over_rows():
    label = np.array([0, 1, 1, 1, 0, 0])
    score = np.array([0.2, 0.2, 0.6, 0.6, 0.6, 0.6])
    found = audit_scores(label, score, sensitive_features=["a"] * 6).calibration(bins=2)
    assert found.error[0] == pytest.approx((2 * 0.3 + 4 * 0.1) / 6, abs=1e-4)


def test_blocks_merge_to_what_all_rows_count():
    label, score, group = scored(900)
    whole = ScoreCounts.from_block(label, score, Groups.of(group))
    parts = [
        ScoreCounts.from_block(label[some], score[some], Groups.of(group[some]))
        for some in (group == "a", group == "b", group == "c")
    ]
    merged = parts[0].merge(parts[1]).merge(parts[2])
    assert merged.groups == whole.groups
    assert np.array_equal(merged.by_group, whole.by_group)


def test_counts_that_do_not_go_together_are_not_merged():
    label, score, group = scored(50)
    one, other = (
        ScoreCounts.from_block(label, score, Groups.of(group), limits=limits)
        for limits in ((0, 1), (0, 2))
    )
    with pytest.raises(ValueError, match="other limits"):
        one.merge(other)


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ([0.1, np.nan, 0.3, 0.4], "score has 1 missing"),
        ([0.1, 2.0, 0.3, 0.4], "beyond the limits 0 and 1"),
        (["a", "b", "c", "d"], "score must hold numbers"),
        ([0.1, 0.2, 0.3], "one entry a row"),
    ],
)
def test_scores_that_cannot_be_audited_are_refused(score, message):
    with pytest.raises(ValueError, match=message):
        audit_scores([0, 1, 0, 1], score, sensitive_features=list("aabb"))


def test_labels_of_three_classes_are_refused_with_the_cure():
    with pytest.raises(ValueError, match="label == one_of_them"):
        audit_scores([0, 1, 2], [0.1, 0.2, 0.3], sensitive_features=list("aab"))


def test_the_positive_class_is_the_one_that_is_named():
    label, score, group = scored(500)
    words = np.where(label == 1, "granted", "refused")
    found = audit_scores(words, score, sensitive_features=group, positive="granted").auc()
    assert found.values == pytest.approx(
        audit_scores(label, score, sensitive_features=group).auc().values
    )


def test_scores_of_any_range_are_audited_within_limits():
    label, score, group = scored(500)
    wide = audit_scores(label, 10 * score - 5, sensitive_features=group, limits=(-5, 5))
    assert wide.auc().values == pytest.approx(
        audit_scores(label, score, sensitive_features=group).auc().values
    )
    with pytest.raises(ValueError, match="calibration is of probabilities"):
        wide.calibration()


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize(("limits", "scale"), [((0, 1), 10), ((1, 10), 1)])
def test_scores_that_equal_the_threshold_are_decided_positive(limits, scale, kind):
    random = np.random.default_rng(0)
    grid = np.arange(0 if scale == 10 else 1, 11) / scale
    score = random.choice(grid, 500).astype(kind)
    label = random.integers(0, 2, 500)
    found = audit_scores(label, score, sensitive_features=["a"] * 500, limits=limits)
    for threshold in grid.astype(kind):
        decided = found.at(float(threshold)).counts.table[..., 1].sum()
        assert decided == (score >= threshold).sum()


def test_areas_without_spread_have_no_certain_gap():
    label, score = [0, 0, 1, 1] * 2, [0.1, 0.2, 0.8, 0.9, 0.8, 0.9, 0.1, 0.2]
    gap_of_areas = audit_scores(label, score, sensitive_features=list("aaaabbbb")).auc_gap()
    assert gap_of_areas.value == 1
    assert gap_of_areas.low < 1
    assert 0.005 < gap_of_areas.p_value < 0.3


def test_a_group_that_is_ranked_perfectly_upsets_nothing():
    label, score = [0, 0, 1, 1] * 2, [0.1, 0.2, 0.8, 0.9, 0.1, 0.8, 0.2, 0.9]
    found = audit_scores(label, score, sensitive_features=list("aaaabbbb")).auc_gap()
    assert 0 <= found.corrected <= found.value == 0.25


def test_settings_out_of_range_are_refused_before_anything_is_drawn():
    for wrong in ({"confidence": 1.5}, {"n_boot": 0}):
        with pytest.raises(ValueError, match=r"(confidence|n_boot) must"):
            audit_scores([0, 1], [0.1, 0.9], sensitive_features=["a", "a"], **wrong)
