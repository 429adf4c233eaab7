"""Points with intervals in two directions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from equipoise.report.figure import Figure
from equipoise.report.printable import number, one_line, span
from equipoise.report.table import Column, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

_TOLD = 12
"""How many points the alternative text names; the data table has all."""


@dataclass(frozen=True)
class Point:
    """One point of a scatter plot.

    Parameters
    ----------
    x, y : float
        Where it stands. A point with NaN or infinity is named under the plot, not drawn.
    x_low, x_high, y_low, y_high : float
        The ends of its intervals. An interval with a NaN end is not drawn; an infinite end
        reaches the edge of the plot.
    label : str
        Written beside the point.
    series : str
        Decides its colour and its shape.

    Raises
    ------
    ValueError
        If an interval ends before it begins.
    """

    x: float
    y: float
    x_low: float
    x_high: float
    y_low: float
    y_high: float
    label: str
    series: str

    def __post_init__(self) -> None:
        for axis, low, high in (("x", self.x_low, self.x_high), ("y", self.y_low, self.y_high)):
            if low > high:
                raise ValueError(
                    f"{axis}_low, {axis}_high: given {low} and {high} for {self.label!r}, "
                    "wanted the lower end first"
                )

    @property
    def drawable(self) -> bool:
        """Whether the point has a place in the plane."""
        return math.isfinite(self.x) and math.isfinite(self.y)


def scatter(
    points: Sequence[Point],
    *,
    x_label: str,
    y_label: str,
    title: str = "",
    frontier: Sequence[tuple[float, float]] = (),
    vertical: tuple[float, str] | None = None,
    faint: Sequence[Point] = (),
    percent: bool = False,
    caption: str = "",
) -> Figure:
    """Draw points with intervals in both directions.

    Labels stand beside their points. Where there is no room for one without covering another,
    it is left to the key and to the data under the figure.

    Parameters
    ----------
    points : sequence of Point
        At least one.
    x_label, y_label : str
        What the axes measure.
    title : str, default ""
        Set above the plot.
    frontier : sequence of (x, y), default ()
        Drawn as steps: the y of a corner holds from its x to that of the next corner, and the
        last to the edge of the plot.
    vertical : (x, label) or None, default None
        A dashed line at x, with its label above.
    faint : sequence of Point, default ()
        Drawn small behind the others, without intervals or labels, in the colour of their series.
    percent : bool, default False
        Whether both axes are written in percent (1 is 100%).
    caption : str, default ""
        A line under the figure.

    Returns
    -------
    Figure
        The plot, with its data.

    Raises
    ------
    ValueError
        If there are no points, or the frontier or the vertical line is not finite.
    """
    if not points:
        raise ValueError("points: given none, wanted at least one Point")
    if not all(math.isfinite(value) for corner in frontier for value in corner):
        raise ValueError(f"frontier: given {list(frontier)!r}, wanted finite corners")
    if vertical is not None and not math.isfinite(vertical[0]):
        raise ValueError(f"vertical: given {vertical[0]}, wanted a finite place")

    def painting() -> Drawing:
        from equipoise.report.paint_scatter import paint

        return paint(
            points,
            x_label=one_line(x_label),
            y_label=one_line(y_label),
            title=title,
            frontier=sorted(frontier),
            vertical=vertical,
            faint=faint,
            percent=percent,
        )

    return Figure.painted(
        painting,
        title=title or f"{y_label} against {x_label}",
        alt=_in_words(points, x_label, y_label, frontier, vertical, percent=percent),
        caption=caption,
        data=_data([*points, *faint], x_label, y_label, percent=percent),
    )


def _in_words(
    points: Sequence[Point],
    x_label: str,
    y_label: str,
    frontier: Sequence[tuple[float, float]],
    vertical: tuple[float, str] | None,
    *,
    percent: bool,
) -> str:
    said = [f"Scatter plot of {y_label} (up) against {x_label} (across)."]
    said += [
        f"{point.label}: {number(point.x, percent=percent)} across "
        f"({span(point.x_low, point.x_high, percent=percent)}), "
        f"{number(point.y, percent=percent)} up "
        f"({span(point.y_low, point.y_high, percent=percent)})."
        for point in points[:_TOLD]
    ]
    if len(points) > _TOLD:
        said.append(f"{len(points) - _TOLD} more points are in the data.")
    if frontier:
        said.append(f"A stepped frontier with {len(frontier)} corners.")
    if vertical is not None:
        said.append(f"A vertical line at {number(vertical[0], percent=percent)}: {vertical[1]}.")
    return one_line(" ".join(said))


def _data(points: Sequence[Point], x_label: str, y_label: str, *, percent: bool) -> Table:
    columns = [
        Column("Label"),
        Column("Series"),
        Column(x_label, "right"),
        Column("interval", "right"),
        Column(y_label, "right"),
        Column("interval", "right"),
    ]
    rows = [
        [
            point.label,
            point.series,
            number(point.x, percent=percent),
            span(point.x_low, point.x_high, percent=percent),
            number(point.y, percent=percent),
            span(point.y_low, point.y_high, percent=percent),
        ]
        for point in points
    ]
    return Table(columns, rows)
