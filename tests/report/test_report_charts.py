"""What the charts draw, refuse, and say in words."""

from __future__ import annotations

import math
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from equipoise.report import Figure, Interval, Line, Point, clouds, intervals, lines, scatter

NAN = math.nan


def point(x, y, label="a", series="a", spread=NAN):
    return Point(x, y, x - spread, x + spread, y - spread, y + spread, label, series)


def texts(figure: Figure) -> list[str]:
    root = ET.fromstring(figure.svg)
    return [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]


def drawn_with(figure: Figure, role: str) -> int:
    return sum(
        f"var(--{role})" in element.get("style", "") for element in ET.fromstring(figure.svg).iter()
    )


def test_a_scatter_plot_without_points_is_refused():
    with pytest.raises(ValueError, match="points: given none"):
        scatter([], x_label="x", y_label="y")


def test_an_interval_has_to_begin_before_it_ends():
    with pytest.raises(ValueError, match="x_low, x_high: given 2 and 1 for 'a'"):
        Point(0, 0, 2, 1, 0, 0, "a", "a")
    with pytest.raises(ValueError, match="low, high: given 2 and 1 for 'a'"):
        Interval("a", 1, 2, 1)


def test_unknown_intervals_are_not_drawn():
    known = scatter([point(0, 0, spread=1)], x_label="x", y_label="y")
    unknown = scatter([point(0, 0)], x_label="x", y_label="y")
    assert drawn_with(known, "series-1") - drawn_with(unknown, "series-1") == 2


def test_a_point_without_a_place_is_named_under_the_plot():
    figure = scatter([point(0, 0), point(NAN, 1, "lost", "b")], x_label="x", y_label="y")
    assert "Not drawn, for want of a number: lost" in texts(figure)
    assert [row[0] for row in figure.data.rows] == ["a", "lost"]
    assert "undefined" in figure.alt


def test_a_plot_of_which_no_point_has_a_place_is_still_a_plot():
    assert "x" in texts(scatter([point(NAN, NAN)], x_label="x", y_label="y"))


def test_labels_that_name_their_series_need_no_key():
    points = [point(0, 0, "one", "one"), point(1, 1, "two", "two")]
    assert texts(scatter(points, x_label="x", y_label="y")).count("one") == 1


def test_where_a_label_finds_no_room_a_key_names_the_series():
    points = [point(0, 0, f"method {i}", f"method {i}") for i in range(30)]
    shown = texts(scatter(points, x_label="x", y_label="y"))
    for i in range(30):
        assert f"method {i}" in shown


def test_a_series_of_faint_points_alone_is_in_the_key():
    figure = scatter([point(0, 0)], x_label="x", y_label="y", faint=[point(1, 1, "", "runs")])
    assert "runs" in texts(figure)


def test_the_words_for_a_scatter_plot_tell_its_numbers():
    figure = scatter(
        [point(0.1, 0.9, "ours", spread=0.02)],
        x_label="gap",
        y_label="accuracy",
        vertical=(0.05, "bound"),
        percent=True,
    )
    assert "ours: 10.00% across (8.00% to 12.00%), 90.00% up (88.00% to 92.00%)" in figure.alt
    assert "A vertical line at 5.00%: bound" in figure.alt


def test_lines_of_reference_have_to_be_finite():
    with pytest.raises(ValueError, match="vertical: given nan"):
        scatter([point(0, 0)], x_label="x", y_label="y", vertical=(NAN, ""))
    with pytest.raises(ValueError, match="frontier: given"):
        scatter([point(0, 0)], x_label="x", y_label="y", frontier=[(0, math.inf)])
    with pytest.raises(ValueError, match="reference: given inf"):
        intervals({"s": [Interval("a", 1, 0, 2)]}, x_label="x", reference=(math.inf, ""))


def test_an_undefined_value_is_shown_in_words():
    figure = intervals({"s": [Interval("a", NAN, NAN, NAN), Interval("b", 1, 0, 2)]}, x_label="x")
    assert "undefined (s)" in texts(figure)
    assert figure.data.rows[0][2:4] == ["undefined", "–"]


def test_an_endless_interval_reaches_the_edge():
    figure = intervals({"s": [Interval("a", 1, 0, math.inf)]}, x_label="x")
    assert drawn_with(figure, "series-1") > drawn_with(
        intervals({"s": [Interval("a", 1, NAN, NAN)]}, x_label="x"), "series-1"
    )
    assert figure.data.rows[0][3] == "0 to ∞"


def test_a_note_on_which_the_series_agree_is_shown_once():
    rows = {name: [Interval("a", 1, 0, 2, "n = 7")] for name in ("s", "t")}
    assert texts(intervals(rows, x_label="x")).count("n = 7") == 1


def test_a_label_twice_in_a_series_is_refused():
    with pytest.raises(ValueError, match="rows: series 's' has 'a' twice"):
        intervals({"s": [Interval("a", 1, 0, 2)] * 2}, x_label="x")


@pytest.mark.parametrize("rows", [{}, {"s": []}])
def test_no_interval_at_all_is_refused(rows):
    with pytest.raises(ValueError, match="rows: given no interval"):
        intervals(rows, x_label="x")


def test_lines_of_one_name_look_alike_in_all_panels():
    ours, theirs = Line([0, 1], [0, 1], "ours"), Line([0, 1], [1, 0], "theirs")
    figure = lines({"first": [ours, theirs], "second": [theirs]}, x_label="step")
    assert texts(figure).count("theirs") == 1
    assert drawn_with(figure, "series-2") > drawn_with(figure, "series-1")
    assert drawn_with(figure, "series-3") == 0


def test_what_has_no_place_on_the_axis_leaves_a_gap():
    y = [1.0, 10.0, NAN, 10.0, math.inf, 0.0, 100.0]
    figure = lines({"p": [Line(range(7), y, "a")]}, x_label="step", log=["p"])
    assert [row[3] for row in figure.data.rows] == ["1", "10", "undefined", "10", "∞", "0", "100"]


def test_of_a_long_line_the_data_list_a_dozen_points_and_say_so():
    x = np.arange(10_001)
    table = lines({"p": [Line(x, x * 2.0, "a")]}, x_label="step").data
    assert len(table.rows) == 12
    assert table.rows[0][2] == "0"
    assert table.rows[-1][2:4] == ["10,000", "20,000"]
    assert table.caption == "12 points of each line, of up to 10,001"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"x": [0], "y": [0, 1]}, "y: 'a' has 2 values, wanted 1"),
        ({"x": [], "y": []}, "x: 'a' has no points"),
        ({"x": [NAN], "y": [0]}, "x: 'a' has NaN or infinity"),
        ({"x": [0], "y": [0], "low": [0]}, "low, high: 'a' has one end only"),
        ({"x": [0], "y": [0], "low": [0], "high": [0, 1]}, "high: 'a' has 2 values, wanted 1"),
    ],
)
def test_a_line_that_does_not_fit_together_is_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        Line(label="a", **arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"log": ["q"]}, "log: given 'q', wanted a panel of"),
        ({"references": {"q": (1, "")}}, "references: given 'q', wanted a panel of"),
        ({"log": ["p"]}, "log: panel 'p' has no positive value"),
        ({"references": {"p": (NAN, "")}}, "references: given nan for 'p'"),
    ],
)
def test_panels_and_their_settings_have_to_agree(arguments, said):
    with pytest.raises(ValueError, match=said):
        lines({"p": [Line([0, 1], [0, -1], "a")]}, x_label="x", **arguments)


def test_empty_panels_are_refused():
    for panels in ({}, {"p": []}):
        with pytest.raises(ValueError, match="panels: given an empty panel or none"):
            lines(panels, x_label="x")


def cloud_chart(**changed) -> Figure:
    said = {"columns": ["one", "two"], "targets": [(0.0, 1.0)], "reach": 2.0, "title": "clouds"}
    rows = {"first": [[(0.0, 0.0), (1.0, 1.0)], [(3.0, 0.0), (NAN, 0.0)]]}
    return clouds(changed.pop("rows", rows), **{**said, **changed})


def test_clouds_count_what_has_no_place_in_a_panel_and_do_not_draw_it():
    figure = cloud_chart()
    assert figure.data.rows == [["first", "one", "2", "2"], ["first", "two", "2", "0"]]
    assert {"first", "one", "two", "clouds"} <= set(texts(figure))
    full = cloud_chart(rows={"first": [[(0.0, 0.0), (1.0, 1.0)], [(1.0, 0.0), (0.0, 0.0)]]})
    assert full.svg.count("<use") - figure.svg.count("<use") == 2


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rows": {}}, "rows: given none"),
        ({"rows": {"first": [[(0.0, 0.0)]]}}, "rows: 'first' has 1 clouds, wanted 2"),
        ({"columns": []}, "columns: given 0, wanted 1 to 4"),
        ({"reach": 0.0}, "reach: given 0.0"),
    ],
)
def test_clouds_that_cannot_be_drawn_are_refused(changed: dict, message: str):
    with pytest.raises(ValueError, match=message):
        cloud_chart(**changed)
