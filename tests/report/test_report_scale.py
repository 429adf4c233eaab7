"""The numbers on an axis are round, few, and different from each other."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.report.labels import Rect, place
from equipoise.report.printable import number, span
from equipoise.report.scale import linear, logarithmic

SIZES = st.floats(-1e12, 1e12, allow_nan=False).filter(lambda v: v == 0 or abs(v) > 1e-12)


@given(st.lists(SIZES | st.sampled_from([math.nan, math.inf, -math.inf])), st.booleans())
def test_a_scale_holds_its_values_and_names_few_places(values, percent):
    scale = linear(values, percent=percent)
    finite = [value for value in values if math.isfinite(value)]
    assert all(scale.low <= value <= scale.high for value in finite)
    assert scale.low < scale.high
    assert len(scale.ticks) <= 7
    assert all(scale.low <= at <= scale.high for at, _ in scale.ticks)


@given(st.floats(-1000, 1000), st.floats(0.001, 1000))
def test_the_names_of_places_tell_them_apart(low, length):
    names = [name for _, name in linear([low, low + length]).ticks]
    assert 2 <= len(names) == len(set(names))


@pytest.mark.parametrize(
    ("values", "percent", "names"),
    [
        ([0.0, 0.1], True, ["0%", "2%", "4%", "6%", "8%", "10%"]),
        ([0.0, 0.125], False, ["0.000", "0.025", "0.050", "0.075", "0.100", "0.125"]),
        ([-1, 1], False, ["−1.0", "−0.5", "0.0", "0.5", "1.0"]),
        ([0, 5000], False, ["0", "1,000", "2,000", "3,000", "4,000", "5,000"]),
    ],
)
def test_ticks_are_written_with_the_digits_they_need(values, percent, names):
    assert [name for _, name in linear(values, percent=percent).ticks] == names


@given(st.lists(st.floats(1e-200, 1e200), min_size=1))
def test_a_logarithmic_scale_holds_its_values(values):
    scale = logarithmic([*values, 0.0, -1.0, math.nan])
    assert all(scale.low <= value <= scale.high for value in values)
    assert len(scale.ticks) <= 10


def test_powers_of_ten_are_written_alike():
    assert [n for _, n in logarithmic([0.01, 10]).ticks] == ["0.01", "0.1", "1", "10"]
    assert [n for _, n in logarithmic([1e-6, 1]).ticks] == ["10⁻⁶", "10⁻⁴", "10⁻²", "10⁰"]


@pytest.mark.parametrize(
    ("value", "percent", "text"),
    [
        (0.05, True, "5.00%"),
        (-0.05, False, "−0.05"),
        (1234567.0, False, "1,234,567"),
        (math.nan, True, "undefined"),
        (-math.inf, False, "−∞"),
    ],
)
def test_numbers_are_written_for_a_reader(value, percent, text):
    assert number(value, percent=percent) == text


def test_an_interval_that_is_not_known_is_a_dash():
    assert span(0.1, math.nan) == "–"
    assert span(0.1, 0.2) == "0.1 to 0.2"


@given(st.lists(st.tuples(st.floats(0, 400), st.floats(0, 300)), max_size=12))
def test_labels_cover_neither_points_nor_each_other_nor_leave_the_frame(points):
    frame = Rect(0, 0, 400, 300)
    placed = [r for r in place(points, [(70.0, 17.0)] * len(points), frame=frame) if r is not None]
    for i, rect in enumerate(placed):
        assert frame.holds(rect)
        assert not any(rect.overlap(other) for other in placed[:i])
        assert not any(rect.left < x < rect.right and rect.bottom < y < rect.top for x, y in points)


def test_a_label_alone_stands_right_beside_its_point():
    (rect,) = place([(200.0, 150.0)], [(70.0, 17.0)], frame=Rect(0, 0, 400, 300))
    assert rect == Rect(207, 141.5, 277, 158.5)


def test_a_label_gives_way_to_a_line():
    line = Rect(190, 149, 300, 151)
    (rect,) = place([(200.0, 150.0)], [(70.0, 17.0)], frame=Rect(0, 0, 400, 300), avoid=[line])
    assert rect.overlap(line) == 0
