"""Intervals, one row a label (a forest plot)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from equipoise.report.figure import Figure
from equipoise.report.printable import number, one_line, span
from equipoise.report.table import Column, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

_TOLD = 24
"""How many intervals the alternative text names; the data table has all."""


@dataclass(frozen=True)
class Interval:
    """A value and how sure it is.

    Parameters
    ----------
    label : str
        Name of the row.
    value : float
        The value; NaN is shown as "undefined".
    low, high : float
        The ends of the interval. One with a NaN end is not drawn; an infinite end reaches the
        edge of the plot.
    note : str, default ""
        A few words at the right of the row, such as ``n = 1,234``.

    Raises
    ------
    ValueError
        If the interval ends before it begins.
    """

    label: str
    value: float
    low: float
    high: float
    note: str = ""

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(
                f"low, high: given {self.low} and {self.high} for {self.label!r}, "
                "wanted the lower end first"
            )


def intervals(
    rows: Mapping[str, Sequence[Interval]],
    *,
    x_label: str,
    title: str = "",
    reference: tuple[float, str] | None = None,
    percent: bool = False,
    caption: str = "",
) -> Figure:
    """Draw intervals in rows, to be compared at one glance.

    Parameters
    ----------
    rows : mapping of str to sequence of Interval
        The intervals of each series. Intervals with one label share a row, each series with its
        colour and shape. A series without a name ("") does not appear in the key.
    x_label : str
        What is measured.
    title : str, default ""
        Set above the plot.
    reference : (value, label) or None, default None
        A dashed line to compare with, with its label above.
    percent : bool, default False
        Whether values are written in percent (1 is 100%).
    caption : str, default ""
        A line under the figure.

    Returns
    -------
    Figure
        The plot, with its data.

    Raises
    ------
    ValueError
        If there is no interval, a series has two with one label, or the reference is not finite.
    """
    if not any(rows.values()):
        raise ValueError("rows: given no interval, wanted at least one")
    for name, series in rows.items():
        labels = [one.label for one in series]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(
                f"rows: series {name!r} has {twice[0]!r} twice, wanted each label once"
            )
    if reference is not None and not math.isfinite(reference[0]):
        raise ValueError(f"reference: given {reference[0]}, wanted a finite value")

    def painting() -> Drawing:
        from equipoise.report.paint_intervals import paint

        return paint(
            rows, x_label=one_line(x_label), title=title, reference=reference, percent=percent
        )

    return Figure.painted(
        painting,
        title=title or x_label,
        alt=_in_words(rows, x_label, reference, percent=percent),
        caption=caption,
        data=_data(rows, x_label, percent=percent),
    )


def _in_words(
    rows: Mapping[str, Sequence[Interval]],
    x_label: str,
    reference: tuple[float, str] | None,
    *,
    percent: bool,
) -> str:
    said = [
        f"{f'{name}, ' if name else ''}{one.label}: {number(one.value, percent=percent)} "
        f"({span(one.low, one.high, percent=percent)})."
        for name, series in rows.items()
        for one in series
    ]
    if len(said) > _TOLD:
        said[_TOLD:] = [f"{len(said) - _TOLD} more are in the data."]
    said.insert(0, f"Plot of intervals of {x_label}.")
    if reference is not None:
        said.append(f"A line at {number(reference[0], percent=percent)}: {reference[1]}.")
    return one_line(" ".join(said))


def _data(rows: Mapping[str, Sequence[Interval]], x_label: str, *, percent: bool) -> Table:
    columns = [
        Column("Label"),
        Column("Series"),
        Column(x_label, "right"),
        Column("interval", "right"),
        Column("Note"),
    ]
    cells = [
        [
            one.label,
            name,
            number(one.value, percent=percent),
            span(one.low, one.high, percent=percent),
            one.note,
        ]
        for name, series in rows.items()
        for one in series
    ]
    return Table(columns, cells)
