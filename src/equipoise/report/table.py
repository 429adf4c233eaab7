"""A table that a browser and a terminal show alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from equipoise.report.printable import printable

if TYPE_CHECKING:
    from rich.table import Table as RichTable

Align = Literal["left", "right"]
Kind = Literal["good", "warn", "bad", "none"]

_TERMINAL_STYLE: Mapping[Kind, str] = {
    "good": "green",
    "warn": "yellow",
    "bad": "red",
    "none": "",
}


@dataclass(frozen=True)
class Cell:
    """One cell that says more than its text.

    Parameters
    ----------
    text : str
        What the cell says. It has to be understood without the colour.
    kind : {"good", "warn", "bad", "none"}, default "none"
        Colour of the cell.
    strong : bool, default False
        Whether the cell is set in bold.

    Raises
    ------
    ValueError
        If `kind` is none of the four.
    """

    text: str
    kind: Kind = "none"
    strong: bool = False

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind: given {self.kind!r}, wanted one of {get_args(Kind)}")


@dataclass(frozen=True)
class Column:
    """What stands above a column.

    Parameters
    ----------
    heading : str
        Name of the column.
    align : {"left", "right"}, default "left"
        Where the cells stand; numbers belong on the right.
    note : str, default ""
        A few words under the heading: a unit, how to read the number.

    Raises
    ------
    ValueError
        If `align` is neither.
    """

    heading: str
    align: Align = "left"
    note: str = ""

    def __post_init__(self) -> None:
        if self.align not in get_args(Align):
            raise ValueError(f"align: given {self.align!r}, wanted one of {get_args(Align)}")


@dataclass(frozen=True)
class Table:
    """Rows of text under headings.

    The first column, if it is aligned left, names the rows.

    Parameters
    ----------
    columns : sequence of Column
        The headings, from left to right.
    rows : sequence of sequence of str or Cell
        The cells, one for each column.
    caption : str, default ""
        A line above the table.

    Raises
    ------
    ValueError
        If a row has another number of cells than there are columns.
    TypeError
        If a cell is neither a str nor a Cell.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[str | Cell]]
    caption: str = ""

    def __post_init__(self) -> None:
        for i, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(
                    f"rows: row {i} has {len(row)} cells, wanted {len(self.columns)}, "
                    "one for each column"
                )
            for j, cell in enumerate(row):
                if not isinstance(cell, str | Cell):
                    raise TypeError(
                        f"rows: the cell in row {i}, column {j} is {cell!r} "
                        f"({type(cell).__name__}), wanted a str or a Cell"
                    )

    @property
    def cells(self) -> list[list[Cell]]:
        """The rows with every cell as a `Cell`, shape (rows, columns)."""
        return [[Cell(c) if isinstance(c, str) else c for c in row] for row in self.rows]

    def to_rich(self) -> RichTable:
        """Set the table for a terminal.

        Square brackets in the text stay what they are: nothing is read as rich markup, and
        control characters do not reach the terminal.

        Returns
        -------
        rich.table.Table
            To be given to ``rich.console.Console.print``.
        """
        from rich.box import SIMPLE_HEAD
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(
            title=Text(printable(self.caption), style="bold") if self.caption else None,
            title_justify="left",
            box=SIMPLE_HEAD,
            pad_edge=False,
        )
        for column in self.columns:
            heading = Text(printable(column.heading), style="bold")
            if column.note:
                heading.append("\n" + printable(column.note), style="dim not bold")
            table.add_column(heading, justify=column.align)
        for row in self.cells:
            table.add_row(
                *(
                    Text(
                        printable(cell.text),
                        style=" ".join(
                            filter(None, (_TERMINAL_STYLE[cell.kind], "bold" * cell.strong))
                        ),
                    )
                    for cell in row
                )
            )
        return table
