"""A real browser shows the page as it is meant: on a phone, in light and in dark."""

from __future__ import annotations

import pytest
from matplotlib.image import imread

PHONE = 390


@pytest.fixture(scope="module")
def measured(a_page, measure_on_phone, tmp_path_factory) -> dict[str, str]:
    return measure_on_phone(a_page.render(), tmp_path_factory.mktemp("measured"))


def test_a_page_does_not_scroll_sideways_on_a_phone_but_a_wide_table_does(measured):
    assert int(measured["scroll-width"]) == PHONE
    assert measured["wide"] == ""
    assert int(measured["scrolls"]) > PHONE


def test_a_caption_is_no_wider_than_what_is_seen_of_its_table(measured):
    assert 0 < float(measured["caption"]) < PHONE


def test_no_text_of_a_figure_is_cut_off(measured):
    assert measured["clipped"] == ""


def test_the_smallest_text_of_a_figure_can_be_read_on_a_phone(measured):
    assert float(measured["smallest"]) >= 8.5


def test_the_browser_shows_what_was_described(a_page, browse, tmp_path):
    a_page.write(tmp_path / "page.html")
    uri = (tmp_path / "page.html").as_uri()
    shown = browse(tmp_path, f"--window-size={PHONE},800", "--dump-dom", uri)
    for text in ("Which method keeps the bound?", "One does", "Small print.", "Seeds", "The end."):
        assert text in shown
    assert shown.count("<svg") == 3


def test_light_and_dark_differ_in_the_brightness_of_the_paper_and_neither_is_blank(
    a_page, browse, tmp_path
):
    a_page.write(tmp_path / "page.html")
    paper = {}
    for scheme, number in (("dark", 0), ("light", 1)):
        picture = tmp_path / f"{scheme}.png"
        browse(
            tmp_path,
            f"--window-size={PHONE},1200",
            f"--blink-settings=preferredColorScheme={number}",
            f"--screenshot={picture}",
            (tmp_path / "page.html").as_uri(),
        )
        pixels = imread(picture)[..., :3]
        paper[scheme] = pixels[2, 2].mean()
        assert abs(pixels - pixels[2, 2]).max() > 0.5
    assert paper["light"] > 0.9
    assert paper["dark"] < 0.2
