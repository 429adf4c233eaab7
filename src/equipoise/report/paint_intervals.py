"""How a plot of intervals is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from equipoise.report.chart_intervals import Interval
from equipoise.report.palette import LIGHT, series_colour
from equipoise.report.printable import number, one_line
from equipoise.report.scale import Scale, linear
from equipoise.report.sheet import LEADING, TEXT, WIDTH, Sheet, marker, measure, wrap

_LABEL_WIDTH = 150.0
_NOTE_WIDTH = 110.0
_GAP = 12.0
_LINE = TEXT * LEADING
_TRACK = 17.0
"""Height that one series takes within a row."""


def paint(
    rows: Mapping[str, Sequence[Interval]],
    *,
    x_label: str,
    title: str,
    reference: tuple[float, str] | None,
    percent: bool,
) -> Drawing:
    """Draw what `chart_intervals.intervals` describes."""
    series = list(rows)
    table = _by_label(rows)
    labels = {label: wrap(label, _LABEL_WIDTH) for label in table}
    notes = {label: _notes(found) for label, found in table.items()}
    heights = [
        max(
            _TRACK * len(series),
            _LINE * len(labels[label]),
            _LINE * len(notes[label]),
        )
        + 12
        for label in table
    ]
    scale = linear(
        [
            *(v for found in table.values() for one in found.values() for v in _numbers(one)),
            *(() if reference is None else reference[:1]),
        ],
        count=5,
        percent=percent,
    )
    below = wrap(x_label, WIDTH)
    head = _LINE * (reference is not None) + 4
    sheet = Sheet(
        title,
        [name for name in series if name],
        head + sum(heights) + _LINE * (1 + len(below)) + 16,
    )
    top = sheet.top + head
    bottom = top + sum(heights)
    left = _GAP + max(measure(line) for lines in labels.values() for line in lines or [""])
    note_width = max((measure(line) for lines in notes.values() for line in lines), default=0.0)
    right = WIDTH - (note_width + _GAP if note_width else 18.0)
    # Rows have heights of their own, so the vertical axis counts points from the top.
    axes = sheet.axes(left, top, right, bottom, scale, Scale(bottom - top, 0.0, ()))
    axes.grid(visible=False, axis="y")

    for i, line in enumerate(below):
        sheet.text((left + right) / 2, bottom + 40 + _LINE * i, line, muted=True, align="center")
    if reference is not None:
        axes.axvline(reference[0], color=LIGHT["muted"], linewidth=1.2, linestyle=(0, (5, 3)))
        across = float(axes.transData.transform((reference[0], 0.0))[0])
        sheet.text(across, top - 6, one_line(reference[1]), align="center")

    begin = 0.0
    for (label, found), height in zip(table.items(), heights, strict=True):
        if begin > 0:
            sheet.stroke([0, WIDTH], [top + begin] * 2, color=LIGHT["grid"], linewidth=1)
        middle = begin + height / 2
        _column(sheet, 0, top + middle, labels[label], muted=False)
        _column(sheet, right + _GAP, top + middle, notes[label], muted=True)
        for index, name in enumerate(series):
            if name in found:
                track = middle + _TRACK * (index - (len(series) - 1) / 2)
                _draw(axes, found[name], track, index, name, scale, percent=percent)
        begin += height
    return sheet.drawing


def _by_label(rows: Mapping[str, Sequence[Interval]]) -> dict[str, dict[str, Interval]]:
    """Turn the mapping around: for each label, in order of appearance, the series it has."""
    table: dict[str, dict[str, Interval]] = {}
    for name, found in rows.items():
        for one in found:
            table.setdefault(one.label, {})[name] = one
    return table


def _notes(found: Mapping[str, Interval]) -> list[str]:
    """Give the lines of a row's note: once where its series agree, otherwise one for each."""
    texts = [one.note for one in found.values()]
    shared = list(dict.fromkeys(texts))
    return [
        line for text in (shared if len(shared) == 1 else texts) for line in wrap(text, _NOTE_WIDTH)
    ]


def _numbers(one: Interval) -> tuple[float, ...]:
    if math.isnan(one.low) or math.isnan(one.high):
        return (one.value,)
    return (one.value, one.low, one.high)


def _column(sheet: Sheet, x: float, middle: float, lines: Sequence[str], *, muted: bool) -> None:
    """Set lines of text around a height."""
    first = middle - _LINE * (len(lines) - 1) / 2 + 0.36 * TEXT
    for i, line in enumerate(lines):
        sheet.text(x, first + _LINE * i, line, muted=muted)


def _draw(
    axes: Axes, one: Interval, track: float, index: int, name: str, scale: Scale, *, percent: bool
) -> None:
    colour = series_colour(index)
    if not (math.isnan(one.low) or math.isnan(one.high)):
        axes.plot(
            [scale.clip(one.low), scale.clip(one.high)],
            [track, track],
            color=colour,
            linewidth=2.2,
            solid_capstyle="butt",
            zorder=3,
        )
    if math.isfinite(one.value):
        axes.plot(
            one.value,
            track,
            marker(index),
            color=colour,
            markersize=8.5,
            markeredgecolor=LIGHT["paper"],
            markeredgewidth=1.1,
            zorder=4,
        )
        return
    said = number(one.value, percent=percent) + (f" ({one_line(name)})" if name else "")
    axes.annotate(
        said,
        (0, track),
        (4, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="center_baseline",
        color=LIGHT["muted"],
        parse_math=False,
        bbox={"facecolor": LIGHT["paper"], "edgecolor": "none", "pad": 1.5},
    )
