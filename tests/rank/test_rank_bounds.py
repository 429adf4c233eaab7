"""Bounds of prefixes: what they read, round and refuse."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.rank import Bound, parse_bounds


def test_a_share_of_29_in_100_is_29():
    deadlines = Bound.of_share("g", ">=", 0.29).places(100, 100, 100)
    assert (len(deadlines), deadlines[-1]) == (29, 100)


def test_a_third_is_one_in_three():
    assert Bound.of_share("g", ">=", 1 / 3).places(3, 3, 3)[0] == 3


@given(st.integers(0, 40), st.integers(1, 40), st.integers(1, 60))
def test_deadlines_and_openings_are_where_the_counts_rise(top, bottom, n):
    share = Fraction(min(top, bottom), bottom)
    least = Bound.of_share("g", ">=", share).places(n, n, n)
    most = Bound.of_share("g", "<=", share).places(n, n, n)
    for k in range(1, n + 1):
        assert (least <= k).sum() == share * k // 1
        assert (most <= k).sum() == -(-share * k // 1)


@given(st.integers(0, 20), st.integers(1, 50))
def test_of_two_groups_at_least_and_at_most_are_the_same(twentieths, n):
    least = Bound.of_share("a", ">=", twentieths / 20).places(n, n, n)
    most = Bound.of_share("b", "<=", 1 - Fraction(twentieths, 20)).places(n, n, n)
    assert sorted([*least, *most]) == list(range(1, n + 1))


def test_a_share_ends_with_its_group_and_counts_do_not():
    assert len(Bound.of_share("g", ">=", 0.5).places(20, 3, 30)) == 3
    assert len(Bound.of_first("g", ">=", 5, 20).places(20, 3, 30)) == 5


def test_an_upper_share_ends_with_everybody_else():
    # In the sixth place the last of three others has come.
    assert list(Bound.of_share("g", "<=", 0.5).places(8, 5, 3)) == [1, 3, 5, 7, 8]
    assert list(Bound.of_share("g", "<=", 0).places(5, 5, 3)) == [4, 5]


def test_counts_hold_for_longer_prefixes_too():
    assert list(Bound.of_counts("g", ">=", [0, 2, 1, 3]).places(4, 4, 4)) == [2, 2, 4]


def test_what_a_longer_prefix_may_not_have_a_shorter_one_has_not():
    assert list(Bound.of_counts("g", "<=", [1, 2, 1, 3]).places(4, 4, 4)) == [1, 4]


def test_bounds_beyond_the_end_ask_nothing():
    assert len(Bound.of_first("g", ">=", 3, 10).places(9, 5, 9)) == 0


@pytest.mark.parametrize(
    "text",
    [
        "women >= 0.3",
        "women <= 0.6",
        "female, Black >= 3 in 10",
        "age < 25 <= 1/3",
        "age >= 60 >= 0.5",
    ],
)
def test_bounds_print_as_they_read(text):
    assert str(Bound.parse(text)) == text
    assert Bound.parse(str(Bound.parse(text))) == Bound.parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("women > 0.3", "write it like"),
        ("women >= many", "write it like"),
        (">= 0.3", "write it like"),
        ("women >= 3", "between 0 and 1"),
        ("women >= 1/0", "must be a number"),
        ("women >= 4 in 3", "between 0 and the length"),
        ("women >= 1e-9999", "write it like"),
    ],
)
def test_what_is_no_bound_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        Bound.parse(text)


@pytest.mark.parametrize("counts", [[0.5, 1.0], [0, np.inf], [np.nan], ["a"], [], [[1]]])
def test_counts_have_to_be_whole(counts):
    with pytest.raises(ValueError, match="floor"):
        Bound.of_counts("g", ">=", counts)


@pytest.mark.parametrize("share", [None, np.nan, np.inf, "a third"])
def test_a_share_has_to_be_a_number(share):
    with pytest.raises(ValueError, match="must be a number between 0 and 1"):
        Bound.of_share("g", ">=", share)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0.3000000000000000000001", "0.3"),
        ("1e-30", "0"),
        ("0.99999999999999999999", "1"),
        ("3333333333333333333/9999999999999999999", "1/3"),
    ],
)
@pytest.mark.parametrize("sense", [">=", "<="])
def test_shares_of_many_digits_are_those_nearby(sense, written, meant):
    found, wanted = (Bound.parse(f"g {sense} {share}") for share in (written, meant))
    assert list(found.places(100, 60, 40)) == list(wanted.places(100, 60, 40))


def test_one_bound_or_several_are_read():
    assert parse_bounds("a >= 0.1") == parse_bounds(["a >= 0.1"])
    assert len(parse_bounds(["a >= 0.1", Bound.of_share("b", "<=", np.float64(0.5))])) == 2
