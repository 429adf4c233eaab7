"""Lines with bands, in panels that share an axis."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from equipoise.report.figure import Figure
from equipoise.report.printable import number, one_line, span
from equipoise.report.table import Column, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing
    from numpy.typing import ArrayLike

_LISTED = 12
"""How many points of a line the data table lists; a line can have many thousands."""

_NO_REFERENCES: Mapping[str, tuple[float, str]] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Line:
    """One line, with or without a band around it.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        The points from left to right. Where y is NaN or infinite the line has a gap.
    label : str
        Name of the line; lines of one name look alike in all panels.
    low, high : array_like, shape (n,), or None, default None
        The ends of the band; both or neither.

    Raises
    ------
    ValueError
        If the lengths differ, there is no point, x is not finite, or the band has one end only.
    """

    x: ArrayLike
    y: ArrayLike
    label: str
    low: ArrayLike | None = None
    high: ArrayLike | None = None

    def __post_init__(self) -> None:
        if (self.low is None) != (self.high is None):
            raise ValueError(f"low, high: {self.label!r} has one end only, wanted both or neither")
        wanted = len(_floats(self.x))
        if wanted == 0:
            raise ValueError(f"x: {self.label!r} has no points, wanted at least one")
        if not all(map(math.isfinite, _floats(self.x))):
            raise ValueError(f"x: {self.label!r} has NaN or infinity, wanted finite places")
        for name, values in (("y", self.y), ("low", self.low), ("high", self.high)):
            if values is not None and len(_floats(values)) != wanted:
                raise ValueError(
                    f"{name}: {self.label!r} has {len(_floats(values))} values, "
                    f"wanted {wanted}, as x has"
                )

    @property
    def points(self) -> list[tuple[float, float]]:
        """The line as (x, y), length n."""
        return list(zip(_floats(self.x), _floats(self.y), strict=True))

    @property
    def band(self) -> list[tuple[float, float]]:
        """The band as (low, high), length n; empty if there is none."""
        if self.low is None or self.high is None:
            return []
        return list(zip(_floats(self.low), _floats(self.high), strict=True))


def lines(
    panels: Mapping[str, Sequence[Line]],
    *,
    x_label: str,
    references: Mapping[str, tuple[float, str]] = _NO_REFERENCES,
    log: Collection[str] = (),
    caption: str = "",
) -> Figure:
    """Draw lines in panels, one under another, over one horizontal axis.

    Parameters
    ----------
    panels : mapping of str to sequence of Line
        The lines of each panel; its name says what it measures.
    x_label : str
        What the shared axis measures.
    references : mapping of str to (value, label), default none
        For a panel of that name, a dashed level line with its label.
    log : collection of str, default ()
        The panels that have a logarithmic vertical axis; what is not positive has no place on it.
    caption : str, default ""
        A line under the figure.

    Returns
    -------
    Figure
        The panels, with their data. Of long lines the data list a dozen points.

    Raises
    ------
    ValueError
        If a panel has no line, `references` or `log` name a panel that is not there, a reference
        has no place on its axis, or a logarithmic panel has nothing positive.
    """
    if not panels or not all(panels.values()):
        raise ValueError("panels: given an empty panel or none, wanted at least one Line in each")
    for argument, names in (("references", references), ("log", log)):
        for name in names:
            if name not in panels:
                raise ValueError(f"{argument}: given {name!r}, wanted a panel of {list(panels)}")
    for name in log:
        if not any(0 < y < math.inf for line in panels[name] for _, y in line.points):
            raise ValueError(f"log: panel {name!r} has no positive value, wanted at least one")
    for name, (value, _) in references.items():
        if not math.isfinite(value) or (name in log and value <= 0):
            raise ValueError(
                f"references: given {value} for {name!r}, wanted a value with a place on its axis"
            )

    def painting() -> Drawing:
        from equipoise.report.paint_lines import paint

        return paint(panels, x_label=one_line(x_label), references=references, log=log)

    return Figure.painted(
        painting,
        title=f"{', '.join(panels)} over {x_label}",
        alt=_in_words(panels, x_label, references),
        caption=caption,
        data=_data(panels, x_label),
    )


def _floats(values: ArrayLike) -> list[float]:
    import numpy as np

    array: list[float] = np.asarray(values, dtype=float).ravel().tolist()
    return array


def _in_words(
    panels: Mapping[str, Sequence[Line]],
    x_label: str,
    references: Mapping[str, tuple[float, str]],
) -> str:
    said = [f"Lines over {x_label}."]
    for name, found in panels.items():
        ends = [
            f"{line.label} from {number(line.points[0][1])} to {number(line.points[-1][1])}"
            for line in found
        ]
        if name in references:
            value, label = references[name]
            ends.append(f"a level line at {number(value)}, {label}")
        said.append(f"{name}: {'; '.join(ends)}.")
    return one_line(" ".join(said))


def _data(panels: Mapping[str, Sequence[Line]], x_label: str) -> Table:
    columns = [
        Column("Panel"),
        Column("Line"),
        Column(x_label, "right"),
        Column("value", "right"),
        Column("band", "right"),
    ]
    rows = []
    longest = 0
    for name, found in panels.items():
        for line in found:
            points, band = line.points, line.band
            longest = max(longest, len(points))
            for i in _spread(len(points)):
                x, y = points[i]
                rows.append(
                    [name, line.label, number(x), number(y), span(*band[i]) if band else "–"]
                )
    thinned = f"{_LISTED} points of each line, of up to {longest:,}" if longest > _LISTED else ""
    return Table(columns, rows, thinned)


def _spread(n: int) -> list[int]:
    """Pick positions from the first to the last, evenly."""
    if n <= _LISTED:
        return list(range(n))
    return [round(i * (n - 1) / (_LISTED - 1)) for i in range(_LISTED)]
