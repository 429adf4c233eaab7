"""How panels of lines are drawn."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from equipoise.report.chart_lines import Line
from equipoise.report.palette import LIGHT, series_colour
from equipoise.report.scale import Scale, linear, logarithmic
from equipoise.report.sheet import LEADING, TEXT, WIDTH, Sheet, gutter, marker, measure, wrap

_PANEL_HEIGHT = 118.0
_GAP = 24.0
_RIGHT = WIDTH - 20.0
_LINE = TEXT * LEADING
_SAMPLE = 33.0
"""Room for a piece of dashed line before the name of what it stands for."""

_DASHED: Mapping[str, Any] = {"color": LIGHT["muted"], "linewidth": 1.2, "linestyle": (0, (5, 3))}
_MARKS = 5
"""How many markers a line carries, so that it is known without its colour."""


def paint(
    panels: Mapping[str, Sequence[Line]],
    *,
    x_label: str,
    references: Mapping[str, tuple[float, str]],
    log: Collection[str],
) -> Drawing:
    """Draw what `chart_lines.lines` describes."""
    names = dict.fromkeys(line.label for found in panels.values() for line in found)
    index = {name: i for i, name in enumerate(names)}
    across = linear(
        (x for found in panels.values() for line in found for x, _ in line.points), margin=0.0
    )
    scales = {
        name: _vertical(found, references.get(name), log=name in log)
        for name, found in panels.items()
    }
    left = max(map(gutter, scales.values()))
    sides = {name: _sides(name, references.get(name)) for name in panels}
    heads = {name: _LINE * max(map(len, pair)) + 8 for name, pair in sides.items()}
    below = wrap(x_label, WIDTH)
    body = sum(_PANEL_HEIGHT + head for head in heads.values())
    body += _GAP * (len(panels) - 1) + _LINE * (1 + len(below)) + 16
    sheet = Sheet("", list(index), body)
    top = sheet.top
    for position, (name, found) in enumerate(panels.items()):
        _set_head(sheet, top, *sides[name])
        top += heads[name]
        last = position == len(panels) - 1
        bare = replace(across, ticks=tuple((place, "") for place, _ in across.ticks))
        axes = sheet.axes(
            left, top, _RIGHT, top + _PANEL_HEIGHT, across if last else bare, scales[name]
        )
        if name in references:
            axes.axhline(references[name][0], **_DASHED)
        for line in found:
            _draw(axes, line, index[line.label], scales[name])
        top += _PANEL_HEIGHT + _GAP
    for i, words in enumerate(below):
        sheet.text(
            (left + _RIGHT) / 2, top - _GAP + 40 + _LINE * i, words, muted=True, align="center"
        )
    return sheet.drawing


def _vertical(found: Sequence[Line], reference: tuple[float, str] | None, *, log: bool) -> Scale:
    values = [y for line in found for _, y in line.points]
    values += [end for line in found for ends in line.band for end in ends]
    if reference is not None:
        values.append(reference[0])
    return logarithmic(values) if log else linear(values, count=4)


def _sides(name: str, reference: tuple[float, str] | None) -> tuple[list[str], list[str]]:
    """Break what stands above a panel: its name on the left, its reference on the right."""
    if reference is None:
        return wrap(name, WIDTH, bold=True), []
    right = wrap(reference[1], WIDTH * 0.5)
    taken = _SAMPLE + max((measure(line) for line in right), default=0.0)
    return wrap(name, WIDTH - taken - 16, bold=True), right


def _set_head(sheet: Sheet, top: float, name: Sequence[str], reference: Sequence[str]) -> None:
    for i, line in enumerate(name):
        sheet.text(0, top + TEXT + _LINE * i, line, bold=True)
    width = max((measure(line) for line in reference), default=0.0)
    for i, line in enumerate(reference):
        sheet.text(WIDTH - width, top + TEXT + _LINE * i, line, muted=True)
    if reference:
        begin = WIDTH - width - _SAMPLE
        sheet.stroke([begin, begin + _SAMPLE - 7], [top + 0.66 * TEXT] * 2, **_DASHED)


def _draw(axes: Axes, line: Line, index: int, scale: Scale) -> None:
    colour = series_colour(index)
    x = [place for place, _ in line.points]
    y = [_drawable(value, scale) for _, value in line.points]
    if line.band:
        low, high = zip(*line.band, strict=True)
        axes.fill_between(
            x,
            [scale.clip(v) for v in low],
            [scale.clip(v) for v in high],
            color=colour,
            alpha=0.16,
            linewidth=0,
        )
    # Each line begins its markers elsewhere, so that those of lines close together stay apart.
    step = max(1, len(x) // _MARKS)
    first = (index * step // 3) % step
    axes.plot(
        x,
        y,
        marker=marker(index),
        markevery=(first, step),
        color=colour,
        linewidth=1.8,
        markersize=7,
        markeredgecolor=LIGHT["paper"],
        markeredgewidth=1,
        zorder=3,
    )


def _drawable(value: float, scale: Scale) -> float:
    """Make a gap (NaN) of a value that has no place on the axis."""
    return value if math.isfinite(value) and (value > 0 or not scale.log) else math.nan
