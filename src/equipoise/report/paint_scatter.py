"""How a scatter plot is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from equipoise.report.chart_scatter import Point
from equipoise.report.labels import Rect, place
from equipoise.report.palette import LIGHT, series_colour
from equipoise.report.printable import one_line
from equipoise.report.scale import Scale, linear
from equipoise.report.sheet import LEADING, TEXT, WIDTH, Sheet, gutter, marker, measure, wrap

_PLOT_HEIGHT = 310.0
_RIGHT = WIDTH - 18.0
_LABEL_WIDTH = 150.0
_LINE = TEXT * LEADING


def paint(
    points: Sequence[Point],
    *,
    x_label: str,
    y_label: str,
    title: str,
    frontier: Sequence[tuple[float, float]],
    vertical: tuple[float, str] | None,
    faint: Sequence[Point],
    percent: bool,
) -> Drawing:
    """Draw what `chart_scatter.scatter` describes; `frontier` is sorted."""
    picture = _Picture(points, frontier, vertical, faint, percent=percent)
    named_by_labels = all(point.label == point.series for point in points) and all(
        one.series in {point.series for point in points} for one in faint
    )
    if named_by_labels:
        drawing, complete = picture.draw([], title, x_label, y_label)
        if complete:
            return drawing
    drawing, _ = picture.draw(list(picture.series), title, x_label, y_label)
    return drawing


class _Picture:
    """The parts of one plot, and the scales that hold them all."""

    def __init__(
        self,
        points: Sequence[Point],
        frontier: Sequence[tuple[float, float]],
        vertical: tuple[float, str] | None,
        faint: Sequence[Point],
        *,
        percent: bool,
    ) -> None:
        self.points = [point for point in points if point.drawable]
        self.undrawn = [one_line(point.label) for point in points if not point.drawable]
        self.faint = [point for point in faint if point.drawable]
        self.frontier = frontier
        self.vertical = vertical
        names = dict.fromkeys(point.series for point in (*points, *faint))
        self.series: Mapping[str, int] = {name: i for i, name in enumerate(names)}
        self.x = linear(
            [
                *(value for p in self.points for value in (p.x, *_ends(p.x_low, p.x_high))),
                *(p.x for p in self.faint),
                *(x for x, _ in frontier),
                *(() if vertical is None else vertical[:1]),
            ],
            percent=percent,
        )
        self.y = linear(
            [
                *(value for p in self.points for value in (p.y, *_ends(p.y_low, p.y_high))),
                *(p.y for p in self.faint),
                *(y for _, y in frontier),
            ],
            percent=percent,
        )

    def draw(
        self, key: Sequence[str], title: str, x_label: str, y_label: str
    ) -> tuple[Drawing, bool]:
        """Draw everything; tell also whether every label found a place."""
        above, below = wrap(y_label, WIDTH), wrap(x_label, WIDTH)
        missing = (
            wrap(f"Not drawn, for want of a number: {', '.join(self.undrawn)}", WIDTH)
            if self.undrawn
            else []
        )
        head = _LINE * (len(above) + (self.vertical is not None)) + 6
        foot = _LINE * (1 + len(below) + len(missing)) + 16
        sheet = Sheet(title, key, head + _PLOT_HEIGHT + foot)
        top = sheet.top + head
        bottom = top + _PLOT_HEIGHT
        left = gutter(self.y)
        axes = sheet.axes(left, top, _RIGHT, bottom, self.x, self.y)
        for i, line in enumerate(above):
            sheet.text(0, sheet.top + TEXT + _LINE * i, line, muted=True)
        for i, line in enumerate(below):
            sheet.text(
                (left + _RIGHT) / 2, bottom + 40 + _LINE * i, line, muted=True, align="center"
            )
        for i, line in enumerate(missing):
            sheet.text(0, bottom + 46 + _LINE * (len(below) + i), line, muted=True)
        if self.vertical is not None:
            place_, name = self.vertical
            axes.axvline(place_, color=LIGHT["muted"], linewidth=1.2, linestyle=(0, (5, 3)))
            across = axes.transData.transform((place_, 0.0))[0]
            sheet.text(float(across), top - 5, one_line(name), align="center")
        self._draw_marks(axes)
        return sheet.drawing, self._draw_labels(sheet, axes)

    def _draw_marks(self, axes: Axes) -> None:
        for point in self.faint:
            index = self.series[point.series]
            axes.plot(
                point.x,
                point.y,
                marker(index),
                color=series_colour(index),
                markersize=4.5,
                alpha=0.35,
                markeredgewidth=0,
                zorder=1.5,
            )
        if self.frontier:
            corners = [*self.frontier, (self.x.high, self.frontier[-1][1])]
            axes.plot(
                *zip(*corners, strict=True),
                drawstyle="steps-post",
                color=LIGHT["muted"],
                linewidth=1.3,
                zorder=2,
            )
        for point in self.points:
            index = self.series[point.series]
            colour = series_colour(index)
            for start, end in _whiskers(point, self.x, self.y):
                axes.plot(*zip(start, end, strict=True), color=colour, linewidth=1.6, zorder=3)
            axes.plot(
                point.x,
                point.y,
                marker(index),
                color=colour,
                markersize=9,
                markeredgecolor=LIGHT["paper"],
                markeredgewidth=1.2,
                zorder=4,
            )

    def _draw_labels(self, sheet: Sheet, axes: Axes) -> bool:
        def at(x: float, y: float) -> tuple[float, float]:
            across, up = axes.transData.transform((x, y))
            return float(across), float(up)

        labels = [wrap(point.label, _LABEL_WIDTH) for point in self.points]
        spots = [at(point.x, point.y) for point in self.points]
        sizes = [(max(map(measure, lines), default=0.0), _LINE * len(lines)) for lines in labels]
        segments = [
            (at(*start), at(*end))
            for point in self.points
            for start, end in _whiskers(point, self.x, self.y)
        ]
        for (x, y), (next_x, next_y) in pairwise([*self.frontier, *self.frontier[-1:]]):
            segments += [(at(x, y), at(next_x, y)), (at(next_x, y), at(next_x, next_y))]
        if self.frontier:
            x, y = self.frontier[-1]
            segments.append((at(x, y), at(self.x.high, y)))
        if self.vertical is not None:
            x = self.vertical[0]
            segments.append((at(x, self.y.low), at(x, self.y.high)))
        dots = [at(point.x, point.y) for point in self.faint]
        frame = Rect(*at(self.x.low, self.y.low), *at(self.x.high, self.y.high))
        found = place(
            spots,
            sizes,
            frame=Rect(frame.left, frame.bottom, WIDTH, frame.top),
            avoid=[*(_band(*ends, 2.0) for ends in segments), *(_band(d, d, 2.0) for d in dots)],
        )
        for spot, lines, rect in zip(spots, labels, found, strict=True):
            if rect is not None:
                _set_label(sheet, spot, lines, rect)
        return None not in found


def _ends(low: float, high: float) -> tuple[float, ...]:
    return () if math.isnan(low) or math.isnan(high) else (low, high)


def _whiskers(
    point: Point, x: Scale, y: Scale
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Give the two ends of each interval of a point that is known."""
    found = []
    if _ends(point.x_low, point.x_high):
        found.append(((x.clip(point.x_low), point.y), (x.clip(point.x_high), point.y)))
    if _ends(point.y_low, point.y_high):
        found.append(((point.x, y.clip(point.y_low)), (point.x, y.clip(point.y_high))))
    return found


def _band(start: tuple[float, float], end: tuple[float, float], width: float) -> Rect:
    """Give the rectangle that an upright or level line covers."""
    (x1, y1), (x2, y2) = start, end
    return Rect(min(x1, x2) - width, min(y1, y2) - width, max(x1, x2) + width, max(y1, y2) + width)


def _set_label(sheet: Sheet, spot: tuple[float, float], lines: Sequence[str], rect: Rect) -> None:
    near = (
        min(max(spot[0], rect.left), rect.right),
        min(max(spot[1], rect.bottom + 3), rect.top - 3),
    )
    distance = math.dist(spot, near)
    if distance > 16:
        start = [s + (n - s) * 7 / distance for s, n in zip(spot, near, strict=True)]
        sheet.stroke(
            [start[0], near[0]],
            [sheet.height - start[1], sheet.height - near[1]],
            color=LIGHT["faint"],
            linewidth=1,
        )
    for i, line in enumerate(lines):
        sheet.text(
            rect.left, sheet.height - rect.top + TEXT * (0.94 + LEADING * i), line, halo=True
        )
