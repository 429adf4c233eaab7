"""Trails over level lines: what is drawn, said and refused."""

from __future__ import annotations

import math
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from equipoise.report import Field, Trail, contours
from equipoise.report.palette import LIGHT

SIDE = np.linspace(-2, 2, 20)
BOWL = Field(SIDE, SIDE, SIDE[:, None] ** 2 + SIDE**2)
TRAILS = {
    "downhill": [Trail([1, 0.5, 0], [1, 0.5, 0], "straight"), Trail([1, 3], [1, 3], "away")],
    "round": [Trail([1, math.nan, -1], [0, math.nan, 0], "straight")],
}


def draw(panels=TRAILS, field=BOWL):
    return contours(field, panels, x_label="x", y_label="y", title="A bowl")


def roles(figure):
    style = [element.get("style", "") for element in ET.fromstring(figure.svg).iter()]
    return [role for role in LIGHT for one in style if f"stroke: var(--{role})" in one]


def test_every_panel_has_level_lines_and_its_trails_in_their_colours():
    drawn = roles(draw())
    assert drawn.count("faint") >= 2
    assert drawn.count("series-1") == 2 + 1  # and once in the key
    assert drawn.count("series-2") == 1 + 1


def test_a_plain_has_no_level_lines_and_is_drawn():
    level = Field(SIDE, SIDE, np.ones((20, 20)))
    assert "A bowl" in draw(field=level).svg


def test_the_data_and_the_words_tell_where_trails_begin_and_end():
    figure = draw()
    assert [list(row) for row in figure.data.rows] == [
        ["downhill", "straight", "(1, 1)", "(0, 0)", "3"],
        ["downhill", "away", "(1, 1)", "(3, 3)", "2"],
        ["round", "straight", "(1, 0)", "(−1, 0)", "3"],
    ]
    assert "away from (1, 1) to (3, 3)" in figure.alt


@pytest.mark.parametrize("panels", [{}, {"empty": []}])
def test_panels_without_trails_are_refused(panels):
    with pytest.raises(ValueError, match="panels: given an empty panel"):
        draw(panels)


@pytest.mark.parametrize(
    ("x", "y", "values", "words"),
    [
        ([0, 0], [0, 1], np.zeros((2, 2)), "x: wanted two or more places that rise"),
        ([0, 1], [0], np.zeros((1, 2)), "y: wanted two or more places that rise"),
        ([0, 1], [0, 1, 2], np.zeros((2, 3)), r"values: given shape \(2, 3\), wanted \(3, 2\)"),
        ([0, 1], [0, 1], [[0, math.nan], [0, 0]], "values: has NaN"),
    ],
)
def test_fields_that_cannot_be_drawn_are_refused(x, y, values, words):
    with pytest.raises(ValueError, match=words):
        Field(x, y, values)


@pytest.mark.parametrize(("x", "y"), [([], []), ([math.inf, 1], [0, 1])])
def test_a_trail_needs_a_first_place(x, y):
    with pytest.raises(ValueError, match="no finite first place"):
        Trail(x, y, "lost")
