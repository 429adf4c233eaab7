"""Options that several verbs share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

_SENSITIVE = "A sensitive column; repeat it for more. 'age:25,60' cuts a number into groups."


class How(StrEnum):
    """What several sensitive columns mean."""

    crossed = "crossed"
    each = "each"
    lattice = "lattice"


SensitiveColumns = Annotated[list[str], typer.Option(help=_SENSITIVE, show_default=False)]
UsualSensitiveColumns = Annotated[
    list[str] | None, typer.Option(help=f"{_SENSITIVE} Known tables have some.")
]
Positive = Annotated[
    str | None, typer.Option(help="The positive class; by default the larger of two.")
]
Several = Annotated[
    How,
    typer.Option(
        help="Several sensitive columns: their intersections, each for itself, or the lattice of "
        "intersections of any of them."
    ),
]
MissingGroup = Annotated[
    str | None, typer.Option(help="What to call the group of rows that have no sensitive value.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print it for a machine to read.")]

Noise = Annotated[
    list[str] | None,
    typer.Option(
        help="The sensitive column has errors: how often who is observed as whom (true > "
        "observed), such as 'Male>Female=0.1,Female>Male=0.3'; 'keep=0.75'; or a .csv with a "
        "row a true group and a column an observed one, or a .json. Of several columns, as "
        "'sex: Male>Female=0.1' for each that has errors.",
        show_default=False,
    ),
]
