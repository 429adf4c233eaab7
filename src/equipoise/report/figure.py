"""A figure: an SVG that follows the page's colours, with its words and its data."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from equipoise.report.palette import LIGHT
from equipoise.report.svg import ID_PREFIX, to_svg
from equipoise.report.table import Table
from equipoise.report.write import write_whole

if TYPE_CHECKING:
    import os

    from matplotlib.figure import Figure as Drawing

_PIXELS_PER_INCH = 200
_MARGIN = 0.12
"""Inches around a figure that has a file of its own."""


@dataclass(frozen=True)
class Figure:
    """A drawing for a page.

    The chart functions (`scatter`, `intervals`, `lines`, `clouds`) make figures.

    Parameters
    ----------
    svg : str
        An ``<svg>`` element. It goes into the page as it is, so it has to come from this package.
    alt : str
        What the figure shows, for those who cannot see it.
    caption : str, default ""
        A line under the figure.
    data : Table or None, default None
        The numbers behind the figure; the page offers them under it.
    painting : callable or None, default None
        Draws the figure anew with matplotlib, for `save`.
    """

    svg: str
    alt: str
    caption: str = ""
    data: Table | None = None
    painting: Callable[[], Drawing] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def painted(
        cls,
        painting: Callable[[], Drawing],
        *,
        title: str,
        alt: str,
        caption: str,
        data: Table,
    ) -> Figure:
        """Draw a figure.

        Parameters
        ----------
        painting : callable
            Takes nothing, gives a matplotlib figure in the colours of `palette.LIGHT`.
        title : str
            Short name for those who cannot see it.
        alt, caption, data
            See the class.

        Returns
        -------
        Figure
            The drawing, with everything that `save` needs.
        """
        from equipoise.report.sheet import house_style

        with house_style():
            svg = to_svg(painting(), title=title, alt=alt, themed=True)
        return cls(svg, alt, caption, data, painting)

    def copy(self, number: int) -> str:
        """Give the SVG for the page that shows it for the `number`-th time.

        Parameters
        ----------
        number : int
            From 1. Every copy has ids of its own, as one document asks for.

        Returns
        -------
        str
            The ``<svg>`` element.
        """
        prefix = ID_PREFIX.search(self.svg)
        if number == 1 or prefix is None:
            return self.svg
        return self.svg.replace(prefix.group(), f"{prefix.group()}-copy{number}")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the figure, in light colours, to a file of its own.

        Parameters
        ----------
        path : path-like
            A name that ends in ``.svg`` or ``.png`` (200 pixels an inch, some 1,490 wide).

        Raises
        ------
        ValueError
            If the name ends in something else, or no chart function made the figure.
        OSError
            If the file cannot be written; it names `path`.
        """
        from matplotlib.transforms import Bbox

        from equipoise.report.sheet import house_style

        ending = Path(path).suffix.lower()
        if ending not in (".svg", ".png"):
            raise ValueError(f"path: given {str(path)!r}, wanted a name ending in .svg or .png")
        if self.painting is None:
            raise ValueError("painting: given None, wanted a figure that a chart function made")
        with house_style():
            drawing = self.painting()
            drawing.set_facecolor(LIGHT["paper"])
            margin = Bbox.from_bounds(0, 0, *drawing.get_size_inches()).padded(_MARGIN)
            if ending == ".svg":
                content = to_svg(
                    drawing, title=self.alt, alt=self.alt, themed=False, crop=margin
                ).encode()
            else:
                buffer = io.BytesIO()
                drawing.savefig(
                    buffer,
                    format="png",
                    dpi=_PIXELS_PER_INCH,
                    bbox_inches=margin,
                    metadata={"Software": None},
                )
                content = buffer.getvalue()
        write_whole(path, content)
