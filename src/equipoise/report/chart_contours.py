"""Paths over the level lines of a function of two numbers, in panels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from equipoise.report.figure import Figure
from equipoise.report.printable import number, one_line
from equipoise.report.table import Column, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing
    from numpy.typing import ArrayLike


@dataclass(frozen=True, eq=False)
class Field:
    """A function of two numbers on a grid.

    Parameters
    ----------
    x : array_like, shape (n,)
        Places across, rising; they are the edges of the plot.
    y : array_like, shape (m,)
        Places up, rising.
    values : array_like, shape (m, n)
        The function.

    Raises
    ------
    ValueError
        If a shape is another, a side has fewer than two places or does not rise, or a value is not
        finite.
    """

    x: ArrayLike
    y: ArrayLike
    values: ArrayLike

    def __post_init__(self) -> None:
        import numpy as np

        for name, side in (("x", self.x), ("y", self.y)):
            places = np.asarray(side, dtype=float)
            if places.ndim != 1 or len(places) < 2 or not (np.diff(places) > 0).all():
                raise ValueError(f"{name}: wanted two or more places that rise, given {side!r}")
        shape = (len(np.asarray(self.y)), len(np.asarray(self.x)))
        values = np.asarray(self.values, dtype=float)
        if values.shape != shape:
            raise ValueError(f"values: given shape {values.shape}, wanted {shape}")
        if not np.isfinite(values).all():
            raise ValueError("values: has NaN or infinity, wanted finite values")


@dataclass(frozen=True, eq=False)
class Trail:
    """Where something went.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Its places, from the first to the last; they may leave the plot. Those that are not finite
        leave a gap.
    label : str
        Name of the trail; trails of one name look alike in all panels.

    Raises
    ------
    ValueError
        If the lengths differ, or the first place is not finite.
    """

    x: ArrayLike
    y: ArrayLike
    label: str

    def __post_init__(self) -> None:
        points = self.points
        if not points or not all(map(math.isfinite, points[0])):
            raise ValueError(f"x, y: {self.label!r} has no finite first place")

    @property
    def points(self) -> list[tuple[float, float]]:
        """The trail as (x, y), length n."""
        import numpy as np

        x, y = (np.asarray(side, dtype=float).ravel().tolist() for side in (self.x, self.y))
        return list(zip(x, y, strict=True))


def contours(
    field: Field,
    panels: Mapping[str, Sequence[Trail]],
    *,
    x_label: str,
    y_label: str,
    title: str = "",
    caption: str = "",
) -> Figure:
    """Draw trails over level lines, in panels, two beside one another.

    A trail begins at a small dot and ends at the marker of its name. Levels are quantiles of the
    function, so that steep and flat parts both have lines.

    Parameters
    ----------
    field : Field
        The same in all panels.
    panels : mapping of str to sequence of Trail
        By the words above the panel.
    x_label, y_label : str
        What the axes measure.
    title : str, default ""
        Set above the panels.
    caption : str, default ""
        A line under the figure.

    Returns
    -------
    Figure
        The panels; their data tell where every trail begins and ends.

    Raises
    ------
    ValueError
        If there is no panel, or one without a trail.
    """
    if not panels or not all(panels.values()):
        raise ValueError("panels: given an empty panel or none, wanted at least one Trail in each")

    def painting() -> Drawing:
        from equipoise.report.paint_contours import paint

        return paint(
            field, panels, x_label=one_line(x_label), y_label=one_line(y_label), title=title
        )

    return Figure.painted(
        painting,
        title=title or f"{y_label} against {x_label}",
        alt=_in_words(panels, x_label, y_label),
        caption=caption,
        data=_data(panels, x_label, y_label),
    )


def _ends(trail: Trail) -> tuple[str, str]:
    first, last = (f"({number(x)}, {number(y)})" for x, y in (trail.points[0], _last(trail.points)))
    return first, last


def _last(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return next(place for place in reversed(points) if all(map(math.isfinite, place)))


def _in_words(panels: Mapping[str, Sequence[Trail]], x_label: str, y_label: str) -> str:
    said = [f"Level lines over {x_label} (across) and {y_label} (up), with trails."]
    for name, trails in panels.items():
        ways = "; ".join("{} from {} to {}".format(one.label, *_ends(one)) for one in trails)
        said.append(f"{name}: {ways}.")
    return one_line(" ".join(said))


def _data(panels: Mapping[str, Sequence[Trail]], x_label: str, y_label: str) -> Table:
    where = f"{x_label}, {y_label}"
    return Table(
        [
            Column("Panel"),
            Column("Trail"),
            Column("begins", "right", where),
            Column("ends", "right", where),
            Column("places", "right"),
        ],
        [
            [name, one.label, *_ends(one), str(len(one.points))]
            for name, trails in panels.items()
            for one in trails
        ],
    )
