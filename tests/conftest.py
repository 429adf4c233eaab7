"""What tests of several rooms need: real tables, a real browser."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# A time is never a reason to fail: the first example often compiles or loads.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)

PHONE = 390
_MEASURING = """<!doctype html><html><body style="margin:0">
<iframe id="page" style="border:0;width:{width}px;height:4000px" srcdoc="{page}"></iframe>
<script>
addEventListener("load", () => {{
  const inner = document.getElementById("page").contentDocument;
  const wide = [...inner.querySelectorAll("body *")].filter(e =>
    !e.closest(".scroll, pre, svg, details:not([open])") &&
    e.getBoundingClientRect().right > {width} + 0.5);
  document.body.dataset.scrollWidth = inner.documentElement.scrollWidth;
  document.body.dataset.scrolls = inner.querySelector(".scroll").scrollWidth;
  document.body.dataset.caption = Math.max(0, ...[...inner.querySelectorAll("caption")]
    .filter(e => !e.closest("details:not([open])"))
    .map(e => e.getBoundingClientRect().width));
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


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real tables, which are not in the repository."""
    named = os.environ.get("EQUIPOISE_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real tables: EQUIPOISE_DATA names no folder")
    return folder


@pytest.fixture(scope="session")
def browse() -> Callable[..., str]:
    """Start a headless browser with a profile folder and options; returns what it prints."""
    if not _BROWSER:
        pytest.skip("no Chromium or Chrome is installed")

    def start(folder: Path, *options: str) -> str:
        done = subprocess.run(
            [
                _BROWSER,
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

    return start


@pytest.fixture(scope="session")
def measure_on_phone(browse: Callable[..., str]) -> Callable[[str, Path], dict[str, str]]:
    """Lay a page out as wide as a phone, 390 pixels, and read off what only a browser knows."""

    def measure(html: str, folder: Path) -> dict[str, str]:
        page = html.replace("&", "&amp;").replace('"', "&quot;")
        laid_out = _MEASURING.format(width=PHONE, page=page)
        (folder / "phone.html").write_text(laid_out, encoding="utf-8")
        shown = browse(folder, "--dump-dom", (folder / "phone.html").as_uri())
        body = shown[shown.index("<body") :].split(">")[0]
        return dict(re.findall(r'data-([\w-]+)="([^"]*)"', body))

    return measure
