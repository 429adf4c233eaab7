"""Differences that hold for new seeds and new test rows: the bootstrap nested in seeds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from equipoise import Groups
from equipoise.audit import audit_pair
from equipoise.compare import nested_difference
from equipoise.compare.nested import _Rows
from equipoise.constraints import Disparity

GAP = 'gap("selection")'


def drawn(random, seeds=6, n=400, k=2, g=2):
    label = random.integers(0, k, n)
    groups = Groups.from_codes(random.integers(0, g, n), [f"g{j}" for j in range(g)])
    first, second = random.integers(0, k, (2, seeds, n))
    agree = random.random(n) < 0.7
    first[:, agree] = label[agree]
    second[:, agree] = label[agree]
    return label, groups, first, second


def test_the_difference_is_the_mean_of_what_audits_say_of_each_seed():
    label, groups, first, second = drawn(np.random.default_rng(0), k=3, g=3)
    found = nested_difference('gap("equalized_odds")', label, groups, first, second, 3, n_boot=100)
    each = [
        audit_pair(label, a, b, sensitive_features=groups, n_boot=100)
        .disparity('gap("equalized_odds")')
        .difference
        for a, b in zip(first, second, strict=True)
    ]
    assert found.difference.value == pytest.approx(np.mean(each))
    assert found.error_of_seeds == pytest.approx(np.std(each, ddof=1) / np.sqrt(6))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([GAP, 'worst("accuracy")', 'ratio("selection")']))
def test_rows_that_are_drawn_so_often_are_counted_so_often(seed, disparity):
    random = np.random.default_rng(seed)
    label, groups, first, second = drawn(random, seeds=2, n=60)
    membership = np.stack([groups.codes == 0, random.random(60) < 0.6], axis=1)
    overlapping = Groups.from_membership(membership, ["a", "b"])
    disparity = Disparity.parse(disparity)
    for some in (groups, overlapping):
        rows = _Rows.of(disparity, label, some, first, second, 2)
        counts = random.multinomial(60, rows.counts / 60)
        # The same by copies of the rows, of which those decided alike are interchangeable.
        pattern, _ = some.patterns()
        keys = np.concatenate([(pattern * 2 + label)[:, None], first.T, second.T], axis=1)
        _, number = np.unique(keys, axis=0, return_inverse=True)
        representative = [int(np.flatnonzero(number.ravel() == u)[0]) for u in range(len(counts))]
        copies = np.repeat(representative, counts)
        figures = [
            disparity.value(disparity.rate.values(_table(label, some, model, copies)))
            for model in (*first, *second)
        ]
        wanted = np.array(figures[2:]) - np.array(figures[:2])
        np.testing.assert_allclose(rows.differences(counts[None])[0], wanted, atol=1e-12)


def _table(label, groups, decision, rows):
    table = np.zeros((len(groups), 2, 2))
    member = groups.matrix()
    for row in rows:
        table[np.flatnonzero(member[row]), label[row], decision[row]] += 1
    return table


def test_the_error_of_rows_is_that_of_shares():
    # The first decides no for everybody; the second's gap is a difference of two shares.
    random = np.random.default_rng(1)
    group = np.repeat([0, 1], [600, 200])
    second = np.tile(random.random(800) < np.where(group == 0, 0.6, 0.2), (2, 1)).astype(int)
    found = nested_difference(
        GAP, np.zeros(800, int), Groups.from_codes(group, "ab"), np.zeros((2, 800), int), second, 2,
        n_boot=4000,
    )  # fmt: skip
    p, q = second[0, :600].mean(), second[0, 600:].mean()
    wanted = np.sqrt(p * (1 - p) / 600 + q * (1 - q) / 200)
    assert found.error_of_rows == pytest.approx(wanted, rel=0.05)
    assert found.error_of_seeds == pytest.approx(0, abs=1e-12)
    low, high = found.difference[1:]
    assert (high - low) / 2 == pytest.approx(stats.norm.isf(0.025) * wanted, rel=0.08)


def test_seeds_alone_give_students_interval_where_rows_have_no_say():
    # Every row of a group is decided alike, so that no resample of rows changes a figure.
    random = np.random.default_rng(2)
    group = np.repeat(np.arange(8), 50)
    groups = Groups.from_codes(group, [str(j) for j in range(8)])
    label = np.zeros(400, int)
    second = (np.arange(8)[None] < 4).astype(int).repeat(12, axis=0)
    flipped = random.random(12) < 0.5
    second[flipped] = 0
    found = nested_difference(
        GAP, label, groups, np.zeros((12, 400), int), second[:, group], 2, n_boot=100
    )
    each = 1.0 - flipped
    assert found.error_of_rows == pytest.approx(0, abs=1e-12)
    half = stats.t.isf(0.025, 11) * each.std(ddof=1) / np.sqrt(12)
    assert found.difference[1:] == pytest.approx((each.mean() - half, each.mean() + half))


def test_contenders_that_decide_alike_do_not_differ():
    label, groups, first, _ = drawn(np.random.default_rng(3))
    found = nested_difference(GAP, label, groups, first, first, 2, n_boot=100)
    assert found.difference == (0.0, 0.0, 0.0)
    assert (found.error_of_seeds, found.error_of_rows) == (0.0, 0.0)


def test_to_swap_contenders_turns_the_sign():
    label, groups, first, second = drawn(np.random.default_rng(4))
    one = nested_difference(GAP, label, groups, first, second, 2, n_boot=4000).difference
    other = nested_difference(GAP, label, groups, second, first, 2, n_boot=4000).difference
    assert one.value == pytest.approx(-other.value)
    assert one.low == pytest.approx(-other.high, abs=0.01)


def test_a_group_without_rows_leaves_it_undefined():
    label, groups, first, second = drawn(np.random.default_rng(5))
    three = Groups.from_codes(groups.codes, ["a", "b", "nobody"])
    found = nested_difference(GAP, label, three, first, second, 2, n_boot=100)
    assert np.isnan([*found.difference, found.error_of_rows]).all()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"first": np.zeros((1, 400), int), "second": np.zeros((1, 400), int)}, "at least two"),
        ({"second": np.zeros((6, 399), int)}, "about the same rows"),
        ({"label": np.zeros(399, int)}, "of the same rows"),
        ({"label": np.zeros(400)}, "label must be integer codes from 0 to 1"),
        ({"first": np.full((6, 400), 2)}, "first must be integer codes from 0 to 1"),
        ({"disparity": 'gap("loss")'}, "one of losses"),
        ({"confidence": 1.0}, "confidence must lie"),
        ({"n_boot": 0}, "n_boot must be at least 100"),
    ],
)
def test_what_does_not_go_together_is_refused(changes, said):
    label, groups, first, second = drawn(np.random.default_rng(6))
    given_ = {"disparity": GAP, "label": label, "groups": groups, "first": first, "second": second}
    with pytest.raises(ValueError, match=said):
        nested_difference(**{**given_, "n_classes": 2, **changes})


def test_what_rows_do_to_each_seed_alone_is_counted_once():
    # Models that guess: all there is are whims of rows and seeds, which the seeds' spread shows.
    random = np.random.default_rng(7)
    group = Groups.from_codes(np.arange(600) % 2, "ab")
    first, second = (random.random((2, 20, 600)) < np.where(group.codes, 0.2, 0.8)).astype(int)
    found = nested_difference(GAP, np.zeros(600, int), group, first, second, 2)
    half = (found.difference.high - found.difference.low) / 2
    assert found.error_of_rows > 0.5 * found.error_of_seeds
    assert half < 1.15 * stats.t.isf(0.025, 19) * found.error_of_seeds


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seeds", "n", "of_seeds", "of_whims"),
    [(20, 500, 0.3, 0.5), (20, 500, 0.02, 0.5), (20, 300, 0.1, 0.2), (5, 500, 0.3, 0.5)],
)
def test_it_covers_for_new_seeds_and_new_rows(seeds, n, of_seeds, of_whims):
    # A row is decided for where what it is, what the seed's model thinks of its group, and a whim
    # of both are above 0 together; the truth is that of all seeds and all rows.
    random = np.random.default_rng(5)
    truth = 0.0
    for sign, mean in ((-1, -0.9), (1, -0.5)):
        truth += sign * (0.5 - stats.norm.cdf(mean / np.sqrt(1 + of_whims + of_seeds**2)))
    group = np.arange(n) % 2
    covered = []
    for _ in range(500):
        row = random.normal(size=n)
        decisions = []
        for mean in (-0.9, -0.5):
            thought = mean + of_seeds * random.normal(size=(seeds, 1))
            whim = np.sqrt(of_whims) * random.normal(size=(seeds, n))
            decisions.append((row + thought * group + whim > 0).astype(int))
        groups = Groups.from_codes(group, "ab")
        _, low, high = nested_difference(
            GAP, np.zeros(n, int), groups, *decisions, 2, n_boot=500
        ).difference
        covered.append(low <= truth <= high)
    # Measured: 0.948, 0.942, 0.944 and 0.938.
    assert abs(np.mean(covered) - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 500)
