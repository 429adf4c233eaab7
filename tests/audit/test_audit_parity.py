"""A gap is judged against what chance makes of it in groups of these sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise import Groups, audit, gap, ratio, worst
from equipoise.audit import Audit, Counts
from equipoise.audit.parity import parity_of_estimates, parity_of_shares, shrunken

SELECTION = gap("selection")


def judge(success, trials, disparity=SELECTION, confidence=0.95, n_draws=2000, seed=0):
    success, trials = np.atleast_2d(success), np.atleast_2d(trials)
    random = np.random.default_rng(seed)
    return parity_of_shares(success, trials, disparity, confidence, n_draws, random)


def test_the_gap_of_several_small_groups_is_no_finding_where_chance_makes_as_much():
    found = judge([20, 25, 28, 24, 30, 27, 22], [50] * 7)
    assert found.value == pytest.approx(0.2)
    assert found.low == 0
    assert found.p_value > 0.3
    assert found.expected == pytest.approx(0.19, abs=0.01)
    assert found.corrected == 0


def test_the_same_gap_of_large_groups_is_one():
    found = judge([2000, 2500, 2800, 2400, 3000, 2700, 2200], [5000] * 7)
    assert found.low > 0.15
    assert found.p_value < 0.001
    assert found.corrected == pytest.approx(0.2, abs=0.01)
    assert found.limit < 0.05


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_interval_and_p_value_agree_on_parity(data):
    g = data.draw(st.integers(2, 12))
    trials = np.array(data.draw(st.lists(st.integers(1, 400), min_size=g, max_size=g)))
    success = np.array([data.draw(st.integers(0, int(n))) for n in trials])
    confidence = data.draw(st.sampled_from([0.8, 0.9, 0.95]))
    for disparity in (SELECTION, ratio("selection")):
        found = judge(success, trials, disparity, confidence, n_draws=200)
        if np.isnan(found.value):
            continue
        fair = found.low == 0 if disparity is SELECTION else found.high == 1
        assert fair == (found.p_value >= 1 - confidence - 1e-9)
        assert found.low <= found.value <= found.high


def test_two_large_groups_have_the_textbook_interval():
    found = judge([400, 500], [1000, 1000])
    error = np.sqrt(0.4 * 0.6 / 1000 + 0.25 / 1000)
    assert (found.low, found.high) == pytest.approx(
        (0.1 - 1.96 * error, 0.1 + 1.96 * error), abs=0.004
    )


def test_the_expected_gap_is_that_of_the_normal_range():
    # The mean range of seven standard normals is 2.704 (Tippett 1925).
    found = judge([2000] * 7, [5000] * 7, n_draws=20_000)
    assert found.expected == pytest.approx(2.704 * np.sqrt(0.4 * 0.6 / 5000), rel=0.02)


@pytest.mark.parametrize("disparity", [gap("equalized_odds"), ratio("equalized_odds")])
def test_of_several_components_one_that_is_apart_is_found(disparity):
    same, apart = [300, 310], [300, 400]
    assert judge([same, same], np.full((2, 2), 1000), disparity).p_value > 0.2
    assert judge([same, apart], np.full((2, 2), 1000), disparity).p_value < 0.01


def test_a_single_group_is_at_parity_with_itself():
    assert tuple(judge([3], [5])) == (0, 0, 0, 0, 0, 0, 1)


def test_rates_that_are_all_0_have_no_ratio():
    assert np.isnan(judge([0, 0], [5, 9], ratio("selection"))).all()


def test_a_group_without_rows_makes_all_undefined():
    assert np.isnan(judge([1, 0], [5, 0])).all()


def test_of_five_hundred_groups_the_one_that_is_apart_is_found():
    random = np.random.default_rng(0)
    trials = np.full(500, 400)
    success = random.binomial(trials, 0.3)
    assert judge(success, trials, n_draws=200).p_value > 0.02
    success[77] = 230
    found = judge(success, trials, n_draws=200)
    assert found.p_value < 0.01
    assert found.low > 0.1


def test_what_is_shrunk_spreads_as_the_truth_does():
    random = np.random.default_rng(0)
    truth = random.normal(0, 0.1, (200, 30))
    error = random.uniform(0.05, 0.2, (200, 30))
    seen = truth + error * random.normal(size=truth.shape)
    spread = shrunken(seen, error**2).var(axis=-1).mean()
    assert spread == pytest.approx(0.01, rel=0.15)
    assert seen.var(axis=-1).mean() > 0.02


def test_estimates_without_rows_in_common_are_judged_as_shares_are():
    random = np.random.default_rng(0)
    trials = np.full((1, 5), 4000)
    success = random.binomial(trials, [0.30, 0.31, 0.32, 0.33, 0.36])
    draws = random.binomial(trials, success / trials, (4000, 1, 5)) / trials
    one = judge(success, trials, n_draws=4000)
    other = parity_of_estimates(success / trials, draws, SELECTION, 0.95)
    assert tuple(one)[:6] == pytest.approx(tuple(other)[:6], abs=0.003)
    assert other.p_value < 0.01


def test_groups_that_share_rows_are_less_surely_apart_by_the_rows_that_they_share():
    random = np.random.default_rng(1)
    label = random.integers(0, 2, 4000)
    chosen = random.integers(0, 2, 4000)
    half = random.random(4000) < 0.5
    members = np.stack([np.ones(4000, bool), half], axis=1)
    both = Groups.from_membership(members, ["all", "half"])
    together = audit(label, chosen, sensitive_features=both)
    apart = audit(label, chosen, sensitive_features=np.where(half, "half", "other"))
    p = together.parity(SELECTION).p_value, apart.parity(SELECTION).p_value
    # That a half differs from the whole is to say that it differs from the other half.
    assert p[0] == pytest.approx(p[1], abs=0.03)


def test_losses_are_judged_too():
    random = np.random.default_rng(0)
    codes = random.integers(0, 3, 6000)
    label = random.integers(0, 2, 6000)
    groups = Groups.from_codes(codes, ["a", "b", "c"])

    def p_value(shift):
        loss = random.exponential(1, 6000) + shift * (codes == 2)
        counts = Counts.from_block(label, label, groups, (0, 1), loss)
        return Audit(counts).parity(gap("loss")).p_value

    assert p_value(0.0) > 0.02
    assert p_value(0.3) < 0.002


def test_the_worst_groups_rate_is_not_a_matter_of_parity():
    found = audit([0, 1, 1, 0], [0, 1, 0, 1], sensitive_features=list("aabb"))
    with pytest.raises(ValueError, match="take gap or ratio"):
        found.parity(worst("accuracy"))


def coverage(groups, size, share, runs, disparity=SELECTION):
    """How often the interval holds parity, and how often a percentile bootstrap's does."""
    random = np.random.default_rng(groups * size)
    trials = np.full((1, groups), size)
    held = bootstrap = 0
    for _ in range(runs):
        success = random.binomial(trials, share)
        found = parity_of_shares(success, trials, disparity, 0.95, 1000, random)
        held += found.low == 0
        draws = random.binomial(trials, success / trials, (400, 1, groups)) / trials
        # That it ends below a tenth of what chance makes of parity is generously counted.
        bootstrap += np.quantile(disparity.value(draws), 0.025) < 0.1 * found.expected
    return held / runs, bootstrap / runs


@pytest.mark.slow
@pytest.mark.parametrize("size", [50, 500, 5000])
@pytest.mark.parametrize("groups", [2, 7, 50])
def test_the_interval_covers_parity_as_often_as_it_says(groups, size):
    runs = 1500 if groups < 50 else 600
    ours, bootstrap = coverage(groups, size, 0.4, runs)
    # Two standard errors of the simulation beyond the limits asked for.
    error = 2 * np.sqrt(0.05 * 0.95 / runs)
    assert 0.93 - error <= ours <= 0.97 + error
    if groups > 2:
        assert bootstrap < 0.01
