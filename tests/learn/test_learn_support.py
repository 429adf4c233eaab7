"""Rows that could say nothing of a promise are refused before any training."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise import Constraint, Groups
from equipoise.learn import require_support


def require(constraint, label, codes, names=("a", "b"), classes=("no", "yes")):
    groups = Groups.from_codes(codes, names)
    require_support(Constraint.parse(constraint), np.array(label), groups, classes, "the rows")


@pytest.mark.parametrize(
    ("rate", "label", "needed"),
    [
        ("true_positive", [0, 1, 0, 0], "none labelled yes"),
        ("false_positive", [0, 1, 1, 1], "none labelled no"),
        ("equalized_odds", [0, 1, 1, 1], "false_positive of group 'b'.*none labelled no"),
    ],
)
def test_a_group_without_rows_of_the_label_that_a_rate_needs_is_named(rate, label, needed):
    with pytest.raises(ValueError, match=f"group 'b'.*its 2 rows.*{needed}|{needed}"):
        require(f'gap("{rate}") <= 0.1', label, [0, 0, 1, 1])


@pytest.mark.parametrize("rate", ["selection", "accuracy", "predictive_value", "false_omission"])
def test_rates_that_depend_on_predictions_alone_need_rows_of_no_label(rate):
    require(f'gap("{rate}") <= 0.1', [0, 1, 0, 0], [0, 0, 1, 1])


@pytest.mark.parametrize("rate", ["selection", "loss", "predictive_value"])
def test_a_group_without_any_row_is_refused(rate):
    with pytest.raises(ValueError, match="group 'b'"):
        require(f'gap("{rate}") <= 0.1', [0, 1, 0], [0, 0, 0])


def test_every_class_needs_rows_where_there_are_several():
    with pytest.raises(ValueError, match="true_positive of z of group 'b'"):
        require(
            'gap("true_positive") <= 0.1',
            [0, 1, 2, 0, 1, 1],
            [0, 0, 0, 1, 1, 1],
            classes=("x", "y", "z"),
        )


@pytest.mark.parametrize("constraint", ['gap("selection") <= 0.1', 'ratio("accuracy") >= 0.8'])
def test_one_group_cannot_be_compared(constraint):
    with pytest.raises(ValueError, match="only 'a'"):
        require(constraint, [0, 1], [0, 0], names=("a",))


def test_one_group_can_be_the_worst():
    require('worst("accuracy") >= 0.8', [0, 1], [0, 0], names=("a",))


def test_overlapping_groups_are_supported_by_all_their_rows():
    member = np.array([[1, 0], [1, 1], [0, 1]], dtype=bool)
    groups = Groups.from_membership(member, ["a", "b"])
    constraint = Constraint.parse('gap("true_positive") <= 0.1')
    require_support(constraint, np.array([0, 1, 0]), groups, ["no", "yes"], "the rows")
    with pytest.raises(ValueError, match="group 'b'"):
        require_support(constraint, np.array([1, 0, 0]), groups, ["no", "yes"], "the rows")
