"""Weights of rows against the published formula, and laws that promises ask for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise import Constraint, Groups
from equipoise.repair import reweight
from equipoise.repair.wanted import group_shares, joint_law, strength

PARITY = [Constraint.parse('gap("selection") <= 0')]


def rows(seed=0, n=500, g=3, k=2):
    random = np.random.default_rng(seed)
    group = random.integers(0, g, n)
    label = (random.random(n) < 0.2 + 0.6 * group / g).astype(int) + random.integers(0, k - 1, n)
    return label, Groups.from_codes(group, [f"g{i}" for i in range(g)])


def table_of(label, groups, weights, k=2):
    return groups.tabulate(label, k, weights)


def test_with_equal_groups_and_parity_the_weights_are_those_of_algorithm_1():
    label, groups = rows(g=2)
    found = reweight(label, groups, 2, PARITY, representation=1.0)
    c_y = np.bincount(label)
    c_yz = table_of(label, groups, np.ones(len(label)))
    published = c_y[label] / c_yz[groups.codes, label]
    assert np.allclose(found, published / published.mean())


@pytest.mark.parametrize("k", [2, 4])
def test_under_the_weights_labels_are_independent_and_as_frequent_as_before(k):
    label, groups = rows(k=k)
    weights = reweight(label, groups, k, PARITY)
    table = table_of(label, groups, weights, k)
    assert np.allclose(table / table.sum(1, keepdims=True), np.bincount(label) / len(label))
    assert np.allclose(table.sum(1), groups.sizes)
    assert weights.mean() == pytest.approx(1)


@pytest.mark.parametrize(
    "text", ['ratio("selection") >= 0.9', 'gap("selection") <= 0.05', 'ratio("selection") >= 0.5']
)
@pytest.mark.parametrize("k", [2, 3])
def test_a_bound_is_kept_and_no_more_is_moved_than_it_takes(text, k):
    promise = Constraint.parse(text)
    label, groups = rows(k=k)
    table = table_of(label, groups, reweight(label, groups, k, [promise]), k)
    rates = (table / table.sum(1, keepdims=True)).T
    rates = rates if k > 2 else rates[1:]
    before = table_of(label, groups, np.ones(len(label)), k)
    before = (before / before.sum(1, keepdims=True)).T
    assert not promise.kept_by(before if k > 2 else before[1:])
    assert promise.disparity.value(rates) == pytest.approx(promise.bound, abs=1e-9)


def test_a_promise_that_is_kept_already_leaves_all_rows_alike():
    label, groups = rows()
    weights = reweight(label, groups, 2, [Constraint.parse('gap("selection") <= 0.9')])
    assert np.allclose(weights, 1)


def test_weights_that_the_data_have_are_part_of_it():
    label, groups = rows()
    own = np.random.default_rng(1).random(len(label))
    weights = reweight(label, groups, 2, PARITY, weights=own)
    table = table_of(label, groups, weights)
    rate = own[label == 1].sum() / own.sum()
    assert np.allclose(table[:, 1] / table.sum(1), rate)
    ratio = weights / own
    for cell in np.unique(groups.codes * 2 + label):  # one factor for all rows of a cell
        assert np.ptp(ratio[groups.codes * 2 + label == cell]) < 1e-9


def test_where_groups_overlap_each_of_them_has_the_common_rate():
    random = np.random.default_rng(0)
    member = random.random((2000, 2)) < 0.5
    label = (random.random(2000) < 0.2 + 0.3 * member[:, 0] + 0.3 * member[:, 1]).astype(int)
    groups = Groups.from_membership(member, ["a", "b"])
    table = table_of(label, groups, reweight(label, groups, 2, PARITY))
    assert np.allclose(table[:, 1] / table.sum(1), label.mean())


def test_beyond_parity_the_order_of_groups_turns_around():
    label, groups = rows()
    table = table_of(label, groups, reweight(label, groups, 2, at_strength=1.5))
    rates = table[:, 1] / table.sum(1)
    assert rates[0] > rates[1] > rates[2]


@given(
    st.lists(st.floats(0.01, 1.0), min_size=2, max_size=6),
    st.floats(0.05, 1.0),
    st.integers(0, 2**32 - 1),
)
def test_shares_that_keep_a_bound_are_the_nearest_that_do(sizes, bound, seed):
    shares = np.array(sizes) / sum(sizes)
    names = [str(i) for i in range(len(shares))]
    found = group_shares(shares, names, bound)
    assert found.sum() == pytest.approx(1)
    assert found.min() >= (bound - 1e-9) * found.max()
    # No law beside it that keeps the bound is nearer.
    random = np.random.default_rng(seed)
    for _ in range(30):
        other = found * np.exp(random.normal(scale=0.05, size=len(found)))
        other /= other.sum()
        if other.min() >= bound * other.max():
            nearest = found @ np.log(found / shares)
            assert other @ np.log(other / shares) >= nearest - 1e-7


def test_shares_can_be_given_by_name():
    shares = group_shares(np.array([0.7, 0.3]), ["a", "b"], {"b": 3, "a": 1})
    assert np.allclose(shares, [0.25, 0.75])


def test_the_strength_of_a_bound_is_the_part_of_the_gap_that_has_to_go():
    table = np.array([[80.0, 20.0], [40.0, 60.0]])
    t = strength(table, [Constraint.parse('gap("selection") <= 0.1')])
    assert t == pytest.approx(0.75)
    law = joint_law(table, np.array([0.5, 0.5]), t)
    assert np.allclose(law[:, 1] / law.sum(1), [0.35, 0.45])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"promises": [Constraint.parse('gap("true_positive") <= 0.1')]}, "none that repairing"),
        ({"promises": [Constraint.parse('worst("selection") >= 0.1')]}, "none that repairing"),
        ({"representation": 1.5}, "between 0 and 1"),
        ({"representation": {"g0": 1, "g1": 1}}, r"missing: \['g2'\]"),
        ({"representation": {"g0": 1, "g1": 1, "g2": 1, "x": 2}}, r"unknown: \['x'\]"),
        ({"representation": {"g0": 1, "g1": 1, "g2": 0}}, "positive"),
        ({"weights": np.zeros(500)}, "weigh anything"),
    ],
)
def test_what_no_weights_can_do_is_refused(change, says):
    label, groups = rows()
    with pytest.raises(ValueError, match=says):
        reweight(label, groups, 2, **{"promises": PARITY, **change})


def test_a_group_without_rows_of_a_label_can_go_without_it():
    label, groups = rows()
    label = np.where(groups.codes == 1, 0, label)
    table = table_of(label, groups, reweight(label, groups, 2, PARITY, lacking="leave"))
    assert np.allclose(table.sum(1), groups.sizes)
    assert np.allclose((table[:, 1] / table.sum(1))[[0, 2]], label.mean())
    assert table[1, 1] == 0


def test_a_group_without_rows_of_a_label_is_named():
    label, groups = rows()
    label = np.where(groups.codes == 1, 0, label)
    with pytest.raises(ValueError, match="group 'g1' has no rows of label 1"):
        reweight(label, groups, 2, PARITY)
