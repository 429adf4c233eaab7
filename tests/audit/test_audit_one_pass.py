"""Columns of codes are counted in one pass, with the answer of the longer way."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise import Counts, Groups, audit
from equipoise.audit.joint import _BLOCK, CodeOutOfRangeError, joint_counts
from equipoise.audit.labels import encode_pair
from equipoise.audit.one_pass import _HEAD, count_codes


def plainly(label, decision, group):
    y, p, classes = encode_pair(label, decision)
    return Counts.from_block(y, p, Groups.of(group), classes)


def rows(n, types=(np.int64, np.int64, np.int64), groups=5):
    random = np.random.default_rng(0)
    sizes = (2, 2, groups)
    return [random.integers(0, k, n).astype(t) for k, t in zip(sizes, types, strict=True)]


@pytest.mark.parametrize(
    "types",
    [(np.int64, np.int64, np.int64), (np.bool_, np.bool_, np.uint8), (np.int8, np.int8, np.int32)],
    ids=["int64", "bool", "small"],
)
def test_the_counts_are_those_of_coded_columns(types):
    label, decision, group = rows(_HEAD + _BLOCK + 3, types)
    found, expected = count_codes(label, decision, group), plainly(label, decision, group)
    assert found is not None
    assert (found.groups, found.classes) == (expected.groups, expected.classes)
    np.testing.assert_array_equal(found.table, expected.table)


@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize("value", [7, -1, 2**40])
def test_a_value_that_the_first_rows_do_not_show_is_not_lost(column, value):
    columns = rows(_HEAD + 1000)
    columns[column][-1] = value
    label, decision, group = columns
    assert count_codes(label, decision, group) is None
    if column == 2:
        assert str(value) in audit(label, decision, sensitive_features=group).counts.groups


def test_values_that_are_no_codes_take_the_longer_way():
    label, decision, group = rows(_HEAD + 10)
    assert count_codes(label + 1, decision + 1, group) is None
    assert count_codes(label, decision, group.astype(str)) is None
    assert count_codes(label, decision, group * 2) is None
    found = audit(label + 1, decision + 1, sensitive_features=group * 2).counts
    assert found.classes == (1, 2)
    assert found.groups == ("0", "2", "4", "6", "8")


def test_another_positive_class_takes_the_longer_way():
    label, decision, group = rows(_HEAD + 10)
    found = audit(label, decision, sensitive_features=group, positive=0)
    assert found.counts.classes == (1, 0)


def test_lengths_that_differ_are_said_as_ever():
    label, decision, group = rows(_HEAD + 10)
    with pytest.raises(ValueError, match="one entry a row"):
        audit(label, decision, sensitive_features=group[:-1])


@pytest.mark.parametrize("n", [0, 1, 2, 7, _BLOCK, _BLOCK + 1])
@pytest.mark.parametrize("sizes", [(2, 2), (16, 16), (17, 16), (3, 300)])
def test_combinations_are_counted_whatever_the_number_of_rows_and_cells(n, sizes):
    random = np.random.default_rng(n)
    columns = tuple(random.integers(0, k, n) for k in sizes)
    expected = np.zeros(sizes, np.int64)
    np.add.at(expected, columns, 1)
    np.testing.assert_array_equal(joint_counts(columns, sizes), expected)


def test_a_code_out_of_range_is_found_where_it_is_looked_for():
    good = np.zeros(10, np.int8)
    bad = good.copy()
    bad[4] = -1
    with pytest.raises(CodeOutOfRangeError):
        joint_counts((good, bad), (2, 2), checked=True)
