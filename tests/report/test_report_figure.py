"""A drawing follows the colours of the page around it and keeps to itself."""

from __future__ import annotations

import re
import warnings
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest
from matplotlib.image import imread

from equipoise.report import Figure, Interval, Point, intervals, scatter
from equipoise.report.palette import DARK, LIGHT, SERIES, series_colour
from equipoise.report.sheet import marker

NAN = float("nan")


@pytest.fixture(params=["a_scatter", "a_forest", "some_curves"])
def figure(request) -> Figure:
    return request.getfixturevalue(request.param)


def words(figure: Figure) -> list[str | None]:
    """Give the text that is drawn, without the title and the description."""
    return [
        text.text for text in ET.fromstring(figure.svg).iter("{http://www.w3.org/2000/svg}text")
    ]


def brightness(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((brightness(one), brightness(other)))
    return (light + 0.05) / (dark + 0.05)


def test_every_colour_of_a_drawing_is_a_variable_of_the_page(figure):
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;\"])", re.sub(r'href="[^"]*"', "", figure.svg))
    assert {"ink", "muted", "grid"} <= set(re.findall(r"var\(--([a-z0-9-]+)\)", figure.svg))
    assert set(re.findall(r"var\(--([a-z0-9-]+)\)", figure.svg)) <= set(LIGHT)


def test_a_drawing_brings_no_style_sheet_that_would_reach_into_the_page(figure):
    tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(figure.svg).iter()}
    assert not tags & {"style", "metadata", "script", "image"}


def test_a_drawing_is_set_in_the_type_of_the_page(figure):
    families = set(re.findall(r"font-family: ([^;\"]*)", figure.svg))
    assert families == {
        "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', Arial, sans-serif"
    }


def test_a_drawing_scales_with_the_page(figure):
    root = ET.fromstring(figure.svg)
    assert root.get("width") == "100%"
    assert root.get("height") is None
    assert root.get("viewBox").startswith("0 0 520 ")


def test_text_in_a_drawing_is_text(a_scatter):
    assert {"Fixed penalty", "What the bound costs", "bound"} <= set(words(a_scatter))


def test_dollars_are_dollars(tmp_path):
    name = "$a$ and $b$"
    figure = intervals(
        {name: [Interval("$x^2$", NAN, NAN, NAN, "$y$")]}, x_label="$\\oops$", title="$z$"
    )
    assert {name, "$x^2$", "$y$", "$\\oops$", "$z$", f"undefined ({name})"} <= set(words(figure))
    figure.save(tmp_path / "not-an-error.png")


def test_a_label_in_the_words_of_css_keeps_its_words():
    label = f'style="fill: {LIGHT["ink"]}" url(#p1)'
    figure = scatter([Point(0, 0, NAN, NAN, NAN, NAN, "x", label)], x_label="x", y_label="y")
    assert label in words(figure)


def test_the_style_of_the_user_neither_shows_nor_changes():
    def draw() -> Figure:
        return intervals({"s": [Interval("a", 1, 0, 2)]}, x_label="x")

    plain = draw()
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 30, "svg.fonttype": "path"}):
        before = dict(mpl.rcParams)
        styled = draw()
        assert dict(mpl.rcParams) == before
    assert styled == plain


def test_scripts_without_a_font_here_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = intervals({"方法": [Interval("東京", 1, 0, 2, "한국")]}, x_label="ภาษา")
    assert "東京" in words(figure)


def test_a_figure_is_saved_as_a_picture_on_light_paper(figure, tmp_path):
    figure.save(tmp_path / "figure.png")
    picture = imread(tmp_path / "figure.png")
    assert picture.shape[1] > 1400
    assert (picture[0, 0] == 1).all()
    assert picture[..., :3].min() < 0.3


def test_a_saved_svg_needs_no_page_around_it(figure, tmp_path):
    figure.save(tmp_path / "figure.svg")
    text = (tmp_path / "figure.svg").read_text(encoding="utf-8")
    assert ET.fromstring(text).get("height")
    assert "var(" not in text
    assert LIGHT["paper"] in text


def test_saving_is_deterministic(figure, tmp_path):
    for ending in ("svg", "png"):
        for name in ("a", "b"):
            figure.save(tmp_path / f"{name}.{ending}")
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_another_format_is_refused(a_scatter, tmp_path):
    with pytest.raises(ValueError, match=r"path: given .*figure\.pdf.*wanted .*\.svg or \.png"):
        a_scatter.save(tmp_path / "figure.pdf")


def test_a_figure_that_no_chart_made_cannot_be_drawn_again(tmp_path):
    with pytest.raises(ValueError, match="painting: given None"):
        Figure("<svg></svg>", "words").save(tmp_path / "figure.svg")


def test_light_and_dark_have_the_same_roles_and_every_light_colour_one_role():
    assert list(LIGHT) == list(DARK)
    assert len(set(LIGHT.values())) == len(LIGHT)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_colours_can_be_told_from_the_paper(theme):
    for role in ("ink", "muted", "good", "warn", "bad", "info"):
        assert contrast(theme[role], theme["paper"]) >= 4.5, role
    for role in ("good", "warn", "bad", "info"):
        assert contrast(theme[role], theme[f"{role}-tint"]) >= 4.5, role
        assert contrast(theme["ink"], theme[f"{role}-tint"]) >= 4.5, role
    assert contrast(theme["ink"], theme["raised"]) >= 4.5
    for i in range(SERIES):
        assert contrast(theme[f"series-{i + 1}"], theme["paper"]) >= 3, i


def test_no_two_of_many_series_look_alike():
    looks = [(series_colour(i), marker(i)) for i in range(3 * SERIES)]
    assert len(set(looks)) == len(looks)
