"""Bounds of shares: what is written is what is read, and what is printed."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.shares import ShareBound, as_share, find_group


@pytest.mark.parametrize(
    ("text", "group", "sense", "share"),
    [
        ("women >= 0.3", "women", ">=", Fraction(3, 10)),
        ("women<=1/3", "women", "<=", Fraction(1, 3)),
        ("sex: women >= .25", "sex: women", ">=", Fraction(1, 4)),
        ("25 <= age < 60 >= 0.5", "25 <= age < 60", ">=", Fraction(1, 2)),
        ("a >= 1e-3", "a", ">=", Fraction(1, 1000)),
    ],
)
def test_text_is_read(text, group, sense, share):
    bound = ShareBound.parse(text)
    assert (bound.group, bound.sense, bound.share) == (group, sense, share)
    assert ShareBound.parse(str(bound)) == bound
    assert ShareBound.parse(bound) is bound


@given(st.floats(0, 1), st.sampled_from([">=", "<="]))
def test_what_is_printed_is_read_back(share, sense):
    bound = ShareBound("women", sense, as_share("women", share))
    assert ShareBound.parse(str(bound)) == bound
    assert abs(float(bound.share) - share) < 1e-6


@pytest.mark.parametrize("text", ["women", "women > 0.3", ">= 0.3", "women >= much", 0.3, None])
def test_what_is_no_bound_is_refused(text):
    with pytest.raises(ValueError, match="cannot read the bound"):
        ShareBound.parse(text)


def test_shares_beyond_one_and_what_is_no_number_are_refused():
    with pytest.raises(ValueError, match=r"between 0 and 1, not 1\.2"):
        ShareBound.parse("women >= 1.2")
    for share in (float("nan"), float("inf"), "1/0", "many", None):
        with pytest.raises(ValueError, match="the share of 'women' must be a number"):
            as_share("women", share)


def test_a_group_is_found_by_its_name():
    bound = ShareBound.parse("b >= 0.1")
    assert find_group(bound, ["a", "b"]) == 1
    with pytest.raises(ValueError, match="no group there is: known are 'a'"):
        find_group(bound, ["a"])
