"""Options that summarising and clustering share, and their progress bar."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)


class Scale(StrEnum):
    """What features are divided by."""

    standard = "standard"
    max = "max"
    none = "none"


Table = Annotated[
    str,
    typer.Argument(
        help="census-sim, a known table, or the path of a .csv, .tsv or .parquet file.",
        show_default=False,
    ),
]
Clusters = Annotated[
    int, typer.Option("--clusters", "-k", help="How many clusters.", show_default=False)
]
Size = Annotated[int | None, typer.Option(help="Points of the summary, about.", show_default=False)]
Eps = Annotated[
    float | None,
    typer.Option(
        help="Or the error of costs that it is to have, by a rule of experience; 0.01 by default.",
        show_default=False,
    ),
]
Features = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        help="A feature; repeat it for more. By default all columns of numbers that have no other "
        "role.",
        show_default=False,
    ),
]
Drop = Annotated[
    list[str] | None,
    typer.Option(help="A column that is no feature; repeat it for more.", show_default=False),
]
Weights = Annotated[
    str | None,
    typer.Option(help="A column that says how much each row counts.", show_default=False),
]
Scaled = Annotated[
    Scale,
    typer.Option(
        help="What features are divided by: standard deviations, largest absolute values, or "
        "nothing."
    ),
]
DataDir = Annotated[
    Path | None, typer.Option(help="Folder of known tables; or set EQUIPOISE_DATA.")
]


class Progressing:
    """A progress bar on the error stream, a line for each pass over the rows."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._of: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Tell how many rows are done.

        Parameters
        ----------
        what : str
            The pass.
        done : int
            Rows.
        total : int or None
            Of so many, if that is known.
        """
        if what not in self._of:
            self._of[what] = self._bar.add_task(what, total=total)
        self._bar.update(self._of[what], completed=done, total=total)
