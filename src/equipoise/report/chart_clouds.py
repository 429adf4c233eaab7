"""Clouds of points in small square panels, to be compared by eye."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from equipoise.report.figure import Figure
from equipoise.report.printable import number, one_line
from equipoise.report.table import Column, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

Spot = tuple[float, float]

_COLUMNS = 4


def clouds(
    rows: Mapping[str, Sequence[Sequence[Spot]]],
    *,
    columns: Sequence[str],
    targets: Sequence[Spot],
    reach: float,
    title: str,
    caption: str = "",
) -> Figure:
    """Draw clouds of points in panels of one scale, a row for each name.

    Parameters
    ----------
    rows : mapping of str to sequence of sequence of (x, y)
        The clouds of each row, one a column. Points that are not finite or lie outside of the
        panel are counted in the data and not drawn.
    columns : sequence of str, at most 4
        Set above the panels.
    targets : sequence of (x, y)
        Drawn as rings in every panel.
    reach : float
        Both axes go from -reach to reach.
    title : str
    caption : str, default ""
        A line under the figure.

    Returns
    -------
    Figure
        The panels; its data say how many points of each are drawn.

    Raises
    ------
    ValueError
        If there are no rows, a row has not one cloud a column, there are more columns than fit, or
        `reach` is not positive and finite.
    """
    if not rows:
        raise ValueError("rows: given none, wanted at least one")
    if not 1 <= len(columns) <= _COLUMNS:
        raise ValueError(f"columns: given {len(columns)}, wanted 1 to {_COLUMNS}")
    for name, found in rows.items():
        if len(found) != len(columns):
            raise ValueError(
                f"rows: {name!r} has {len(found)} clouds, wanted {len(columns)}, one a column"
            )
    if not 0 < reach < math.inf:
        raise ValueError(f"reach: given {reach}, wanted a positive and finite number")

    drawn = {name: [_inside(cloud, reach) for cloud in found] for name, found in rows.items()}

    def painting() -> Drawing:
        from equipoise.report.paint_clouds import paint

        return paint(
            {one_line(name): drawn[name] for name in rows},
            columns=[one_line(name) for name in columns],
            targets=targets,
            reach=reach,
            title=one_line(title),
        )

    return Figure.painted(
        painting,
        title=title,
        alt=one_line(
            f"Clouds of points from {number(-reach)} to {number(reach)} in both directions, beside "
            f"{len(targets)} rings. Rows: {', '.join(rows)}. Columns: {', '.join(columns)}."
        ),
        caption=caption,
        data=Table(
            [
                Column("Row"),
                Column("Column"),
                Column("Points", "right"),
                Column("drawn", "right"),
            ],
            [
                [name, column, str(len(cloud)), str(len(inside))]
                for name, found in rows.items()
                for column, cloud, inside in zip(columns, found, drawn[name], strict=True)
            ],
        ),
    )


def _inside(cloud: Sequence[Spot], reach: float) -> list[Spot]:
    # Comparisons with NaN are false.
    return [(x, y) for x, y in cloud if abs(x) <= reach and abs(y) <= reach]
