"""The sheet that every chart is drawn on: its type, its measures, its title, key and axes.

Lengths are points (1/72 inch), from the left and from the top. A sheet is narrow and its type
large, so that it can still be read when a phone shows it 360 pixels wide.
"""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path

from equipoise.report.palette import LIGHT, SERIES, series_colour
from equipoise.report.printable import one_line
from equipoise.report.scale import Scale
from equipoise.report.svg import HALO

WIDTH = 520.0
TEXT = 13.0
TITLE = 15.0
LEADING = 1.35
"""Height of a line of text, in units of its size."""

_MARKERS = ("o", "s", "^", "D", "v", "X", "p", "<")
_KEY_INDENT = 17.0


@contextmanager
def house_style() -> Iterator[None]:
    """Draw with matplotlib as it comes out of the box, whatever style its user has set."""
    # Untyped: which names there are differs from one matplotlib to the next.
    settings: dict[Any, Any] = {
        name: value
        for name, value in mpl.rcParamsDefault.items()
        if not name.startswith(("backend", "_internal"))
    }
    settings |= {
        "svg.fonttype": "none",
        "svg.hashsalt": "report",
        "font.family": "DejaVu Sans",
        "font.size": TEXT,
        "text.color": LIGHT["ink"],
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        # The SVG holds the characters, and whoever shows it has fonts of their own.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from")
        yield


def measure(text: str, *, size: float = TEXT, bold: bool = False) -> float:
    """Give the width of a line of text, in points."""
    if not text:
        return 0.0
    font = FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal")
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, False)
    # matplotlib's font has no East Asian characters; the stand-in that it measures is narrower.
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return float(width) + 0.45 * size * wide


def wrap(text: str, width: float, *, size: float = TEXT, bold: bool = False) -> list[str]:
    """Break text into lines of at most `width` points, inside a word only where one is longer."""
    lines: list[str] = []
    for word in one_line(text).split(" "):
        joined = f"{lines[-1]} {word}" if lines else word
        if measure(joined, size=size, bold=bold) <= width:
            lines[-1:] = [joined]
            continue
        while measure(word, size=size, bold=bold) > width and len(word) > 1:
            fits = len(word) - 1
            while fits > 1 and measure(word[:fits], size=size, bold=bold) > width:
                fits -= 1
            lines.append(word[:fits])
            word = word[fits:]
        lines.append(word)
    return [line for line in lines if line]


def marker(index: int) -> str:
    """Give the matplotlib marker of a series, so that colour is not all that tells it."""
    # Where the colours begin again the shapes are shifted, so that no two series look alike.
    return _MARKERS[(index + 3 * (index // SERIES)) % len(_MARKERS)]


class Sheet:
    """A drawing with its title and key at the top and room for the rest below.

    Parameters
    ----------
    title : str
        Set in bold at the top; "" for none.
    key : sequence of str
        Names of the series, in order; empty for no key.
    body : float
        Height of the room below, in points.
    """

    def __init__(self, title: str, key: Sequence[str], body: float) -> None:
        heading = wrap(title, WIDTH, size=TITLE, bold=True)
        places, key_height = _flow(key)
        title_height = len(heading) * TITLE * LEADING + (6.0 if heading else 0.0)
        self.top = title_height + key_height + (8.0 if places else 0.0)
        self.height = self.top + body
        self.drawing = Drawing(
            figsize=(WIDTH / 72, self.height / 72), dpi=72, facecolor="none", edgecolor="none"
        )
        for i, line in enumerate(heading):
            self.text(0, TITLE * (1 + LEADING * i), line, size=TITLE, bold=True)
        for index, (x, y, lines) in enumerate(places):
            self.mark(x + 5, title_height + y + TEXT * 0.62, index)
            for i, line in enumerate(lines):
                self.text(x + _KEY_INDENT, title_height + y + TEXT * (1 + LEADING * i), line)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = TEXT,
        bold: bool = False,
        muted: bool = False,
        halo: bool = False,
        align: Literal["left", "center", "right"] = "left",
    ) -> None:
        """Set a line of text with its baseline at `y`, kept within the sheet."""
        width = measure(text, size=size, bold=bold)
        left = x - {"left": 0.0, "center": width / 2, "right": width}[align]
        shift = min(0.0, WIDTH - width - left)
        shift = max(shift, -left)
        self.drawing.text(
            (x + shift) / WIDTH,
            1 - y / self.height,
            text,
            size=size,
            weight="bold" if bold else "normal",
            color=LIGHT["muted" if muted else "ink"],
            ha=align,
            va="baseline",
            parse_math=False,
            gid=HALO if halo else None,
        )

    def mark(self, x: float, y: float, index: int) -> None:
        """Draw the marker of a series with its centre at (x, y)."""
        self.stroke(
            [x],
            [y],
            marker=marker(index),
            markersize=8,
            color=series_colour(index),
            markeredgewidth=0,
        )

    def stroke(self, x: Sequence[float], y: Sequence[float], **style: Any) -> None:
        """Draw a line through points of the sheet, outside any axes."""
        self.drawing.add_artist(
            Line2D(
                [value / WIDTH for value in x],
                [1 - value / self.height for value in y],
                transform=self.drawing.transFigure,
                **style,
            )
        )

    def axes(
        self, left: float, top: float, right: float, bottom: float, x: Scale, y: Scale
    ) -> Axes:
        """Add axes between four lines of the sheet, with a light grid and quiet ticks."""
        axes = self.drawing.add_axes(self._box(left, top, right, bottom))
        axes.set_facecolor("none")
        for side in ("top", "left", "right"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color(LIGHT["faint"])
        axes.grid(color=LIGHT["grid"], linewidth=1)
        axes.set_axisbelow(True)
        axes.tick_params(length=0, pad=6, labelcolor=LIGHT["muted"], labelsize=TEXT)
        axes.set_xscale("log" if x.log else "linear")
        axes.set_yscale("log" if y.log else "linear")
        for axis, scale in ((axes.xaxis, x), (axes.yaxis, y)):
            axis.set_ticks([place for place, _ in scale.ticks], [name for _, name in scale.ticks])
            axis.set_ticks([], minor=True)
        axes.set(xlim=(x.low, x.high), ylim=(y.low, y.high), autoscale_on=False)
        return axes

    def _box(
        self, left: float, top: float, right: float, bottom: float
    ) -> tuple[float, float, float, float]:
        return (
            left / WIDTH,
            1 - bottom / self.height,
            (right - left) / WIDTH,
            (bottom - top) / self.height,
        )


def gutter(scale: Scale) -> float:
    """Give the room that the names of a vertical axis need on its left."""
    return 8.0 + max((measure(name) for _, name in scale.ticks), default=0.0)


def _flow(key: Sequence[str]) -> tuple[list[tuple[float, float, list[str]]], float]:
    """Set the entries of a key one after another, as many to a row as fit."""
    places: list[tuple[float, float, list[str]]] = []
    x = y = 0.0
    row_height = 0.0
    for name in key:
        lines = wrap(name, WIDTH - _KEY_INDENT)
        width = _KEY_INDENT + max((measure(line) for line in lines), default=0.0)
        if x > 0 and x + width > WIDTH:
            x, y, row_height = 0.0, y + row_height, 0.0
        places.append((x, y, lines))
        row_height = max(row_height, TEXT * LEADING * max(1, len(lines)) + 3)
        x += width + 20
    return places, y + row_height
