"""How trails over level lines are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from equipoise.report.chart_contours import Field, Trail
from equipoise.report.palette import LIGHT, series_colour
from equipoise.report.scale import linear
from equipoise.report.sheet import LEADING, TEXT, WIDTH, Sheet, gutter, marker, wrap

_LINE = TEXT * LEADING
_GAP = 22.0
_BELOW = 24.0
_LEVELS = 10


def paint(
    field: Field,
    panels: Mapping[str, Sequence[Trail]],
    *,
    x_label: str,
    y_label: str,
    title: str,
) -> Drawing:
    """Draw what `chart_contours.contours` describes."""
    names = dict.fromkeys(one.label for trails in panels.values() for one in trails)
    index = {name: i for i, name in enumerate(names)}
    n_columns = min(2, len(panels))
    across, up = (
        linear(np.asarray(side, dtype=float), count=4, margin=0.0) for side in (field.x, field.y)
    )
    left = gutter(up)
    width = (WIDTH - 12 - left - (n_columns - 1) * (left + _GAP)) / n_columns
    height = min(0.9 * width, 330.0)
    heads = {name: wrap(name, width, bold=True) for name in panels}
    rows = [list(panels)[i : i + n_columns] for i in range(0, len(panels), n_columns)]
    room = [_LINE * max(len(heads[name]) for name in row) + 6 for row in rows]
    labels = wrap(f"across: {x_label}; up: {y_label}", WIDTH)
    body = sum(room) + len(rows) * (height + _BELOW) + _LINE * len(labels) + 10
    sheet = Sheet(title, list(index), body)
    top = sheet.top
    for row, head in zip(rows, room, strict=True):
        for column, name in enumerate(row):
            start = left + column * (width + left + _GAP)
            for i, line in enumerate(heads[name]):
                sheet.text(start, top + TEXT + _LINE * i, line, bold=True)
            bottom = top + head + height
            axes = sheet.axes(
                start,
                top + head,
                start + width,
                bottom,
                across,
                up,
            )
            _draw_levels(axes, field)
            for trail in panels[name]:
                _draw_trail(axes, trail, index[trail.label])
        top += head + height + _BELOW
    for i, line in enumerate(labels):
        sheet.text(WIDTH / 2, top + TEXT + _LINE * i, line, muted=True, align="center")
    return sheet.drawing


def _draw_levels(axes: Axes, field: Field) -> None:
    values = np.asarray(field.values, dtype=float)
    levels = np.unique(np.quantile(values, np.linspace(0.03, 0.97, _LEVELS)))
    if len(levels) < 2:  # a plain has no level lines
        return
    axes.grid(False)
    axes.contour(
        np.asarray(field.x, dtype=float),
        np.asarray(field.y, dtype=float),
        values,
        levels=levels,
        colors=LIGHT["faint"],
        linewidths=0.7,
        linestyles="solid",
    )


def _draw_trail(axes: Axes, trail: Trail, index: int) -> None:
    colour = series_colour(index)
    x, y = np.array(trail.points).T
    axes.plot(x, y, color=colour, linewidth=1.4, alpha=0.85, zorder=3)
    axes.plot(x[0], y[0], "o", color=LIGHT["ink"], markersize=4, markeredgewidth=0, zorder=4)
    seen = np.flatnonzero(np.isfinite(x) & np.isfinite(y))[-1]
    axes.plot(
        x[seen],
        y[seen],
        marker(index),
        color=colour,
        markersize=9,
        markeredgecolor=LIGHT["paper"],
        markeredgewidth=1.2,
        zorder=5,
        clip_on=True,
    )
