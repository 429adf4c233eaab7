"""A real browser shows the page as it is meant: on a phone, in light and in dark."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from matplotlib.image import imread

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)

pytestmark = pytest.mark.skipif(not BROWSER, reason="no Chromium or Chrome is installed")

PHONE = 390
MEASURING = """<!doctype html><html><body style="margin:0">
<iframe id="page" style="border:0;width:{width}px;height:4000px" srcdoc="{page}"></iframe>
<script>
addEventListener("load", () => {{
  const inner = document.getElementById("page").contentDocument;
  const wide = [...inner.querySelectorAll("body *")].filter(e =>
    !e.closest(".scroll, pre, svg, details:not([open])") &&
    e.getBoundingClientRect().right > {width} + 0.5);
  document.body.dataset.scrollWidth = inner.documentElement.scrollWidth;
  document.body.dataset.scrolls = inner.querySelector(".scroll").scrollWidth;
  document.body.dataset.wide = wide.map(e => e.tagName).join(" ");
  const svg = [...inner.querySelectorAll("svg")];
  document.body.dataset.clipped = svg.flatMap(s => {{
    const frame = s.getBoundingClientRect();
    return [...s.querySelectorAll("text")].filter(t => {{
      const box = t.getBoundingClientRect();
      return box.left < frame.left - 1 || box.right > frame.right + 1 ||
        box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
    }}).map(t => t.textContent);
  }}).join("|");
  const sizes = svg.flatMap(s => [...s.querySelectorAll("text")].map(t =>
    parseFloat(getComputedStyle(t).fontSize) *
    s.getBoundingClientRect().width / s.viewBox.baseVal.width));
  document.body.dataset.smallest = Math.min(...sizes);
}});
</script></body></html>"""


def browse(folder, *options: str) -> str:
    done = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            f"--user-data-dir={folder / 'profile'}",
            *options,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def measured(a_page, tmp_path_factory) -> dict[str, str]:
    """Lay the page out as wide as a phone, and read off what only a browser knows."""
    folder = tmp_path_factory.mktemp("measured")
    html = a_page.render().replace("&", "&amp;").replace('"', "&quot;")
    (folder / "phone.html").write_text(MEASURING.format(width=PHONE, page=html), encoding="utf-8")
    shown = browse(folder, "--dump-dom", (folder / "phone.html").as_uri())
    return dict(re.findall(r'data-([\w-]+)="([^"]*)"', shown[shown.index("<body") :].split(">")[0]))


def test_a_page_does_not_scroll_sideways_on_a_phone_but_a_wide_table_does(measured):
    assert int(measured["scroll-width"]) == PHONE
    assert measured["wide"] == ""
    assert int(measured["scrolls"]) > PHONE


def test_no_text_of_a_figure_is_cut_off(measured):
    assert measured["clipped"] == ""


def test_the_smallest_text_of_a_figure_can_be_read_on_a_phone(measured):
    assert float(measured["smallest"]) >= 8.5


def test_the_browser_shows_what_was_described(a_page, tmp_path):
    a_page.write(tmp_path / "page.html")
    uri = (tmp_path / "page.html").as_uri()
    shown = browse(tmp_path, f"--window-size={PHONE},800", "--dump-dom", uri)
    for text in ("Which method keeps the bound?", "One does", "Small print.", "Seeds", "The end."):
        assert text in shown
    assert shown.count("<svg") == 3


def test_light_and_dark_differ_in_the_brightness_of_the_paper_and_neither_is_blank(
    a_page, tmp_path
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
