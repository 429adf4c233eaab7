"""How panels of clouds are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure as Drawing

from equipoise.report.chart_clouds import Spot
from equipoise.report.palette import LIGHT, series_colour
from equipoise.report.scale import Scale
from equipoise.report.sheet import LEADING, TEXT, WIDTH, Sheet, wrap

_NAMES = 132.0
"""Room for the names of rows, on the left."""

_GAP = 8.0
_SIDE = 122.0
_LINE = TEXT * LEADING


def paint(
    rows: Mapping[str, Sequence[Sequence[Spot]]],
    *,
    columns: Sequence[str],
    targets: Sequence[Spot],
    reach: float,
    title: str,
) -> Drawing:
    """Draw what `chart_clouds.clouds` describes."""
    side = min(_SIDE, (WIDTH - _NAMES) / len(columns) - _GAP)
    heads = [wrap(name, side) for name in columns]
    head = _LINE * max(map(len, heads)) + 6
    sheet = Sheet(title, (), head + len(rows) * (side + _GAP))
    lefts = [_NAMES + i * (side + _GAP) for i in range(len(columns))]
    for left, lines in zip(lefts, heads, strict=True):
        for i, line in enumerate(lines):
            sheet.text(
                left + side / 2, sheet.top + TEXT + _LINE * i, line, muted=True, align="center"
            )
    scale = Scale(-reach, reach, ())
    for position, (name, found) in enumerate(rows.items()):
        top = sheet.top + head + position * (side + _GAP)
        for i, line in enumerate(wrap(name, _NAMES - 10)):
            sheet.text(0, top + TEXT * 1.2 + _LINE * i, line)
        for left, cloud in zip(lefts, found, strict=True):
            axes = sheet.axes(left, top, left + side, top + side, scale, scale)
            for edge in axes.spines.values():
                edge.set_visible(True)
                edge.set_color(LIGHT["grid"])
            axes.plot(
                *_split(targets),
                "o",
                markersize=8,
                markerfacecolor="none",
                markeredgecolor=LIGHT["muted"],
                markeredgewidth=1,
                zorder=2,
            )
            axes.plot(
                *_split(cloud),
                "o",
                color=series_colour(0),
                markersize=2.6,
                alpha=0.5,
                markeredgewidth=0,
                zorder=3,
            )
    return sheet.drawing


def _split(spots: Sequence[Spot]) -> tuple[list[float], list[float]]:
    return [x for x, _ in spots], [y for _, y in spots]
