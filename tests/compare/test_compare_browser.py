"""The report of a real run, as a real browser shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.image import imread

from equipoise.compare import Comparison


@pytest.fixture(scope="module", params=["finished", "two"])
def measured(request, measure_on_phone, tmp_path_factory) -> dict[str, str]:
    found: Comparison = request.getfixturevalue(request.param)
    html = found.report.read_text(encoding="utf-8")
    return measure_on_phone(html, tmp_path_factory.mktemp("measured"))


def test_the_report_does_not_scroll_sideways_on_a_phone(measured: dict[str, str]):
    assert int(measured["scroll-width"]) == 390
    assert measured["wide"] == ""


def test_no_text_of_its_figures_is_cut_off(measured: dict[str, str]):
    assert measured["clipped"] == ""


def test_the_browser_shows_the_answer_and_four_figures(
    finished: Comparison, browse, tmp_path: Path
):
    shown = browse(tmp_path, "--dump-dom", finished.report.as_uri())
    assert "The answer" in shown
    assert shown.count("<svg") == 4


def test_the_report_is_drawn(finished: Comparison, browse, tmp_path: Path):
    picture = tmp_path / "report.png"
    browse(tmp_path, "--window-size=1000,3000", f"--screenshot={picture}", finished.report.as_uri())
    pixels = imread(picture)[..., :3]
    inked = abs(pixels - pixels[2, 2]).max(axis=-1) > 0.2
    # Ink in the upper, middle and lower part: text, then figures.
    assert all(part.mean() > 0.005 for part in (inked[:1000], inked[1000:2000], inked[2000:]))
